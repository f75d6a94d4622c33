//! Every UI command.

use crate::app::App;
use crate::conflicts;
use crate::edits::{self, Act, Edit, Fields};
use crate::error::{Result, internal, store_error};
use crate::history;
use crate::views;
use omni_model::schema;
use omni_protocol::rpc::{
    AppInfo, AsOfArgs, AsOfRecord, ChangeArgs, ChangeMade, CollectionCount, CollectionInfo, CommandInfo, ConflictPage,
    ConflictsArgs, CreateArgs, DoArgs, Done, EnrolArgs, Enrolled, Facet, FacetArgs, Handlers, HistoryArgs, HistoryPage,
    ListArgs, LocalArgs, Monitor, NameArgs, NoArgs, Overview, Page, QueueArgs, QueueEditArgs, QueuePage, RecentChange,
    Record, RecordArgs, ResolveArgs, ResolveManyArgs, ResolvedMany, RollbackArgs, RollbackPreview, RolledBack,
    SearchArgs, SearchHit, SectorCount, SetArgs, Setting, Status, TextArgs, UnlockArgs, VerifyReport, WindowArgs,
};
use omni_protocol::{ChangeId, WireError};
use omni_store::{Filter, ListQuery, Place, QueueState, ReadTx, Sort, Store, StoreError};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Rows of one window at most.
const WINDOW_MAX: u64 = 1_000;
/// Hits of a search at most.
const HITS_MAX: u64 = 100;
/// Changes shown with a record.
const RECORD_RECENT: u64 = 10;
/// Bytes of a UI setting at most.
const SETTING_BYTES_MAX: usize = 64 * 1024;

/// Reads beside the writer, without blocking the runtime.
pub async fn read<R: Send + 'static>(
    store: &Store,
    body: impl FnOnce(&ReadTx<'_>) -> std::result::Result<R, StoreError> + Send + 'static,
) -> Result<R> {
    // On the thread it is on where the runtime has others to go on with: a hop to another one and back takes longer
    // than most reads.
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        return tokio::task::block_in_place(|| store.read(body)).map_err(store_error);
    }
    let store = store.clone();
    let work = tokio::task::spawn_blocking(move || store.read(body)).await;
    work.map_err(|e| internal("Reading", e))?.map_err(store_error)
}

/// A question for a window, from names and texts.
pub fn list_query(args: &ListArgs, start: Place) -> Result<ListQuery> {
    let c = edits::collection(&args.collection)?;
    Ok(ListQuery {
        collection: c,
        filter: filters(c, &args.filter)?,
        search: args.search.clone().filter(|s| !s.trim().is_empty()),
        sort: match &args.sort {
            Some(text) => Sort::parse(c, text).map_err(store_error)?,
            None => Sort::title(c),
        },
        start,
        limit: args.limit.min(WINDOW_MAX),
    })
}

/// Conditions, from names and texts.
pub fn filters(c: &omni_model::Collection, given: &BTreeMap<String, String>) -> Result<Vec<Filter>> {
    given.iter().map(|(name, text)| Filter::parse(c, name, text).map_err(store_error)).collect()
}

/// The id of a change, as typed.
pub fn change_id(text: &str) -> Result<ChangeId> {
    let unknown = |_| WireError::new("not_found", format!("“{text}” is not the id of a change."));
    uuid::Uuid::parse_str(text).map(ChangeId).map_err(unknown)
}

fn plain(fields: BTreeMap<String, Json>) -> Fields {
    Fields { json: fields, ..Fields::default() }
}

fn edit(act: Act) -> Edit {
    Edit { act, ..Edit::default() }
}

impl App {
    async fn save(&self, act: Act) -> Result<ChangeMade> {
        self.engine().await?.sync.broadcast(edit(act)).await
    }
}

impl Handlers for App {
    async fn app_info(&self, _: NoArgs) -> Result<AppInfo> {
        self.info().await
    }

    async fn app_painted(&self, _: NoArgs) -> Result<Done> {
        Ok(Done {})
    }

    async fn app_unlock(&self, args: UnlockArgs) -> Result<Done> {
        self.unlock(args).await.map(|()| Done {})
    }

    async fn enrol_join(&self, args: EnrolArgs) -> Result<Enrolled> {
        self.join(args).await
    }

    async fn enrol_local(&self, args: LocalArgs) -> Result<Enrolled> {
        self.join_local(args).await
    }

    async fn status(&self, _: NoArgs) -> Result<Status> {
        let engine = self.engine().await?;
        tokio::task::spawn_blocking(move || engine.sync.status())
            .await
            .map_err(|e| internal("Reading the status", e))?
    }

    async fn overview(&self, _: NoArgs) -> Result<Overview> {
        let engine = self.engine().await?;
        let found = read(&engine.store, |tx| tx.overview()).await?;
        let text = |row: &omni_model::Row, name: &str| row.named(name).as_text().map(str::to_owned);
        let collections = found.collections.iter().filter_map(|f| Some((schema::by_id(f.collection)?, f)));
        Ok(Overview {
            collections: collections
                .map(|(c, f)| CollectionCount {
                    collection: c.name.into(),
                    label: c.plural.into(),
                    rows: f.rows,
                    pending: f.pending,
                })
                .collect(),
            sectors: found
                .sectors
                .iter()
                .map(|s| SectorCount {
                    id: s.row.id.to_string(),
                    key: s.row.key.clone(),
                    name: text(&s.row, "name").or_else(|| s.row.key.clone()).unwrap_or_default(),
                    icon: text(&s.row, "icon"),
                    status: text(&s.row, "status"),
                    category: text(&s.row, "category"),
                    brands: s.brands,
                    declared_brands: s.row.named("declared_brands").as_int(),
                    pending: s.pending,
                })
                .collect(),
        })
    }

    async fn collections(&self, _: NoArgs) -> Result<Vec<CollectionInfo>> {
        Ok(schema::COLLECTIONS.iter().map(|c| views::collection_info(c)).collect())
    }

    async fn commands(&self, _: NoArgs) -> Result<Vec<CommandInfo>> {
        Ok(views::command_infos())
    }

    async fn list(&self, args: ListArgs) -> Result<Page> {
        let engine = self.engine().await?;
        let query = list_query(&args, Place::Offset(args.offset))?;
        read(&engine.store, move |tx| {
            let found = tx.list(&query)?;
            let rows = found.rows.iter().map(|r| views::row_view(query.collection, r)).collect();
            Ok(Page { total: found.total, rows })
        })
        .await
    }

    async fn facets(&self, args: FacetArgs) -> Result<Vec<Facet>> {
        let engine = self.engine().await?;
        let c = edits::collection(&args.collection)?;
        let filter = filters(c, &args.filter)?;
        let unknown = || WireError::new("unknown_field", format!("{} have no field “{}”.", c.plural, args.field));
        let field = c.field(&args.field).ok_or_else(unknown)?;
        let search = args.search.filter(|s| !s.trim().is_empty());
        read(&engine.store, move |tx| {
            let counts = tx.facets(c, field.id, &filter, search.as_deref())?;
            let facet = |f: omni_store::FacetCount| Facet {
                value: match (&f.value, field.is_set()) {
                    // For a set each item is counted by itself.
                    (omni_model::Value::Text(item), true) => Json::from(item.as_str()),
                    (value, _) => field.to_json(value),
                },
                label: f.label,
                count: f.count,
            };
            Ok(counts.into_iter().map(facet).collect())
        })
        .await
    }

    async fn get(&self, args: RecordArgs) -> Result<Record> {
        let engine = self.engine().await?;
        let c = edits::collection(&args.collection)?;
        let id = edits::record_id(c, &args.id);
        let found = read(&engine.store, move |tx| {
            let Some(detail) = tx.record(c.id, id)? else { return Ok(None) };
            let history = tx.record_recent(c.id, id, RECORD_RECENT)?;
            let recent = history.iter().map(|l| views::recent_change(tx, l)).collect::<std::result::Result<_, _>>()?;
            Ok(Some(views::record(c, &detail, recent)))
        });
        found.await?.ok_or_else(|| {
            WireError::new("not_found", format!("{} “{}” does not exist on this laptop.", c.label, args.id))
        })
    }

    async fn set(&self, args: SetArgs) -> Result<ChangeMade> {
        self.save(Act::Set { collection: args.collection, id: args.id, fields: plain(args.fields) }).await
    }

    async fn create(&self, args: CreateArgs) -> Result<ChangeMade> {
        self.save(Act::Create { collection: args.collection, key: args.key, fields: plain(args.fields) }).await
    }

    async fn delete(&self, args: RecordArgs) -> Result<ChangeMade> {
        self.save(Act::Delete { collection: args.collection, id: args.id }).await
    }

    async fn run_command(&self, args: DoArgs) -> Result<ChangeMade> {
        let command = schema::COMMANDS.iter().find(|c| c.name == args.command);
        if command.is_some_and(|c| c.offline == omni_model::Offline::No) && !self.is_connected().await? {
            let message = format!("“{}” needs central, and central does not answer now.", args.command);
            return Err(WireError::retryable("offline", message));
        }
        self.save(Act::Do { command: args.command, args: args.args }).await
    }

    async fn queue(&self, args: QueueArgs) -> Result<QueuePage> {
        let engine = self.engine().await?;
        let state = args.state.as_deref().map(QueueState::parse).transpose().map_err(store_error)?;
        read(&engine.store, move |tx| {
            let (total, lines) = tx.queue(state, args.offset, args.limit.min(WINDOW_MAX))?;
            let rows = lines.iter().map(|l| views::queue_row(tx, l)).collect::<std::result::Result<_, _>>()?;
            Ok(QueuePage { total, rows })
        })
        .await
    }

    async fn queue_retry(&self, args: ChangeArgs) -> Result<Done> {
        let engine = self.engine().await?;
        edits::retry(&engine.store, change_id(&args.change)?).await?;
        engine.sync.send_now()?;
        Ok(Done {})
    }

    async fn queue_discard(&self, args: ChangeArgs) -> Result<Done> {
        let engine = self.engine().await?;
        edits::discard_change(&engine.store, change_id(&args.change)?).await?;
        Ok(Done {})
    }

    async fn queue_restore(&self, args: ChangeArgs) -> Result<ChangeMade> {
        let engine = self.engine().await?;
        edits::again(&engine.store, change_id(&args.change)?, BTreeMap::new()).await
    }

    async fn queue_edit(&self, args: QueueEditArgs) -> Result<ChangeMade> {
        let engine = self.engine().await?;
        edits::again(&engine.store, change_id(&args.change)?, args.fields).await
    }

    async fn conflicts(&self, args: ConflictsArgs) -> Result<ConflictPage> {
        let engine = self.engine().await?;
        let device = engine.identity.device;
        let filter = conflicts::filter(args.decided.as_deref())?;
        read(&engine.store, move |tx| {
            let (total, items) = tx.conflicts(filter, args.offset, args.limit.min(WINDOW_MAX))?;
            let row = |(_, item): &(_, _)| views::conflict_row(tx, item, &|d| d == device);
            let rows = items.iter().map(row).collect::<std::result::Result<_, _>>()?;
            Ok(ConflictPage { total, rows })
        })
        .await
    }

    async fn conflicts_resolve(&self, args: ResolveArgs) -> Result<ChangeMade> {
        conflicts::resolve(&self.engine().await?.store, args).await
    }

    async fn conflicts_resolve_many(&self, args: ResolveManyArgs) -> Result<ResolvedMany> {
        conflicts::resolve_many(&self.engine().await?.store, args).await
    }

    async fn edit_text(&self, args: TextArgs) -> Result<ChangeMade> {
        self.save(Act::Text(args)).await
    }

    async fn history(&self, args: HistoryArgs) -> Result<HistoryPage> {
        let engine = self.engine().await?;
        history::record_history(&engine, args).await
    }

    async fn as_of(&self, args: AsOfArgs) -> Result<AsOfRecord> {
        let engine = self.engine().await?;
        history::as_of(&engine, args).await
    }

    async fn undo_preview(&self, args: ChangeArgs) -> Result<RollbackPreview> {
        let engine = self.engine().await?;
        history::undo_preview(&engine, args).await
    }

    async fn undo(&self, args: ChangeArgs) -> Result<ChangeMade> {
        let engine = self.engine().await?;
        history::undo(&engine, args).await
    }

    async fn undo_last(&self, _: NoArgs) -> Result<ChangeMade> {
        let engine = self.engine().await?;
        history::undo_last(&engine).await
    }

    async fn redo_last(&self, _: NoArgs) -> Result<ChangeMade> {
        let engine = self.engine().await?;
        history::redo_last(&engine).await
    }

    async fn rollback_preview(&self, args: RollbackArgs) -> Result<RollbackPreview> {
        let engine = self.engine().await?;
        history::rollback_preview(&engine, args).await
    }

    async fn rollback(&self, args: RollbackArgs) -> Result<RolledBack> {
        let engine = self.engine().await?;
        history::rollback(&engine, args).await
    }

    async fn recent(&self, args: WindowArgs) -> Result<Vec<RecentChange>> {
        let engine = self.engine().await?;
        read(&engine.store, move |tx| {
            let lines = tx.recent(args.offset, args.limit.min(WINDOW_MAX))?;
            lines.iter().map(|l| views::recent_change(tx, l)).collect()
        })
        .await
    }

    async fn sync_now(&self, _: NoArgs) -> Result<Done> {
        self.engine().await?.sync.force_sync().await.map(|()| Done {})
    }

    async fn sync_pause(&self, _: NoArgs) -> Result<Done> {
        self.engine().await?.sync.pause().await.map(|()| Done {})
    }

    async fn sync_resume(&self, _: NoArgs) -> Result<Done> {
        self.engine().await?.sync.resume().await.map(|()| Done {})
    }

    async fn monitor(&self, _: NoArgs) -> Result<Monitor> {
        let engine = self.engine().await?;
        Ok(engine.measures.monitor(crate::clock::mono_ms()))
    }

    async fn verify(&self, _: NoArgs) -> Result<VerifyReport> {
        let engine = self.engine().await?;
        let verified = engine.sync.verify().await?;
        let found = verified.found;
        Ok(VerifyReport {
            equal: found.differing.is_empty(),
            scopes: found.scopes,
            differing: found.differing.iter().map(ToString::to_string).collect(),
            accuracy: engine.measures.accuracy(crate::clock::mono_ms()),
            seq: found.position.seq,
            compared: found.rows,
            different: verified.different,
            repaired: verified.repaired,
            equal_now: verified.equal_now,
        })
    }

    async fn search(&self, args: SearchArgs) -> Result<Vec<SearchHit>> {
        let engine = self.engine().await?;
        let limit = args.limit.min(HITS_MAX) as usize;
        let hits = read(&engine.store, move |tx| tx.search(&args.text, limit)).await?;
        let known = hits.into_iter().filter_map(|h| Some((schema::by_id(h.collection)?, h)));
        let hit = |(c, h): (&omni_model::Collection, omni_store::Hit)| SearchHit {
            collection: c.name.into(),
            id: h.id.to_string(),
            title: h.title,
            subtitle: h.subtitle,
        };
        Ok(known.map(hit).collect())
    }

    async fn settings_get(&self, args: NameArgs) -> Result<Setting> {
        let engine = self.engine().await?;
        let name = args.name.clone();
        let stored = read(&engine.store, move |tx| tx.setting(&name)).await?;
        let value = stored.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Setting { name: args.name, value: value.map_err(|e| internal("Reading a setting", e))?.unwrap_or_default() })
    }

    async fn settings_set(&self, args: Setting) -> Result<Done> {
        let engine = self.engine().await?;
        let json = args.value.to_string();
        if json.len() > SETTING_BYTES_MAX || args.name.is_empty() || args.name.len() > 100 {
            return Err(WireError::new("too_large", "The setting is too large to be kept."));
        }
        let store = |tx: &mut omni_store::WriteTx<'_>, name: &str, json: &str| tx.set_setting(name, json);
        edits::write(&engine.store, move |tx| store(tx, &args.name, &json).map_err(edits::NotSaved::from)).await?;
        Ok(Done {})
    }
}
