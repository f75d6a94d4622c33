//! Commands of the command line beyond those of the UI. They name files, so no page can reach them.

use crate::app::App;
use crate::clock::rfc3339;
use crate::edits::{self, Act, Edit, Fields};
use crate::error::{Result, internal, store_error};
use crate::handlers::{filters, list_query, read};
use crate::transfer;
use crate::views;
use omni_protocol::WireError;
use omni_protocol::rpc::{ChangeMade, ListArgs, Page, Progress, UiEvent};
use omni_store::Place;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for a quiet queue, seconds.
const WAIT_SECONDS_MAX: f64 = 86_400.0;

type Texts = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountArgs {
    collection: String,
    #[serde(default, rename = "where")]
    filter: Texts,
    #[serde(default)]
    search: Option<String>,
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditArgs {
    collection: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, Json>,
    #[serde(default)]
    texts: Texts,
    #[serde(default)]
    add: Texts,
    #[serde(default)]
    remove: Texts,
    #[serde(default)]
    priority: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchArgs {
    lines: Vec<transfer::BatchLine>,
    #[serde(default)]
    group: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitArgs {
    #[serde(default)]
    timeout_s: Option<f64>,
    #[serde(default)]
    until_idle: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportArgs {
    collection: String,
    path: PathBuf,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    map: Texts,
    #[serde(default)]
    skip_bad: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportArgs {
    collection: String,
    path: PathBuf,
    #[serde(default)]
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathArgs {
    path: PathBuf,
}

fn parse<T: DeserializeOwned>(command: &str, args: Json) -> Result<T> {
    serde_json::from_value(args).map_err(|e| WireError::new("bad_arguments", format!("{command}: {e}")))
}

fn reply(value: impl Serialize) -> Result<Json> {
    serde_json::to_value(value).map_err(|e| internal("Answering a command", e))
}

impl App {
    /// Any command: those of the UI and those of the command line.
    ///
    /// Errors: `unknown_command`, `bad_arguments`, and the command's own.
    pub async fn control(&self, command: &str, args: Json) -> Result<Json> {
        match command {
            "count" => reply(self.count(parse(command, args)?).await?),
            "list" => self.list_after(args).await,
            "edit" => reply(self.edit(parse(command, args)?, false).await?),
            "new" => reply(self.edit(parse(command, args)?, true).await?),
            "batch" => self.batch(parse(command, args)?).await,
            "sync.wait" => self.wait(parse(command, args)?).await,
            "import" => self.import(parse(command, args)?).await,
            "export" => self.export(parse(command, args)?).await,
            "backup" => self.backup(parse(command, args)?).await,
            "diagnostics" => self.diagnostics(parse(command, args)?).await,
            _ => self.rpc(command, args).await,
        }
    }

    async fn count(&self, args: CountArgs) -> Result<Json> {
        let engine = self.engine().await?;
        let c = edits::collection(&args.collection)?;
        let filter = filters(c, &args.filter)?;
        let n = read(&engine.store, move |tx| tx.count(c, &filter, args.search.as_deref())).await?;
        Ok(json!({ "count": n }))
    }

    /// `list`, which may also continue after a record.
    async fn list_after(&self, mut args: Json) -> Result<Json> {
        let after: After = parse("list", args.clone())?;
        if let Some(object) = args.as_object_mut() {
            object.remove("after");
        }
        let Some(after) = after.after else { return self.rpc("list", args).await };
        let args: ListArgs = parse("list", args)?;
        let id = edits::record_id(edits::collection(&args.collection)?, &after);
        let query = list_query(&args, Place::After(id))?;
        let engine = self.engine().await?;
        let page = read(&engine.store, move |tx| {
            let found = tx.list(&query)?;
            let rows = found.rows.iter().map(|r| views::row_view(query.collection, r)).collect();
            Ok(Page { total: found.total, rows })
        });
        reply(page.await?)
    }

    async fn edit(&self, args: EditArgs, create: bool) -> Result<ChangeMade> {
        let EditArgs { collection, id, key, fields, texts, add, remove, priority } = args;
        let fields = Fields { json: fields, texts, add, remove };
        let act = match create {
            true => Act::Create { collection, key, fields },
            false => Act::Set { collection, id, fields },
        };
        self.engine().await?.sync.broadcast(Edit { act, priority, group: None }).await
    }

    async fn batch(&self, args: BatchArgs) -> Result<Json> {
        let engine = self.engine().await?;
        let work = move || transfer::batch(&engine.store, &args.lines, args.group, None);
        let done = tokio::task::spawn_blocking(work).await.map_err(|e| internal("The batch", e))??;
        Ok(json!({ "done": reply(done)? }))
    }

    async fn wait(&self, args: WaitArgs) -> Result<Json> {
        let sync = self.sync().await?;
        sync.force_sync().await?;
        let seconds = args.timeout_s.unwrap_or(60.0);
        if !seconds.is_finite() || !(0.0..=WAIT_SECONDS_MAX).contains(&seconds) {
            return Err(crate::error::usage("The timeout is a number of seconds up to a day."));
        }
        let within = Duration::from_secs_f64(seconds);
        match args.until_idle {
            true => reply(sync.wait_idle(within).await?),
            false => reply(sync.wait_connected(within).await?),
        }
    }

    async fn import(&self, args: ImportArgs) -> Result<Json> {
        let engine = self.engine().await?;
        let app = self.clone();
        let options = transfer::ImportOptions { dry_run: args.dry_run, map: args.map, skip_bad: args.skip_bad };
        let work = move || {
            let told = |done: u64, total: u64| {
                let progress = Progress { label: "Importing".into(), done, total: Some(total) };
                app.tell(&UiEvent::Progress { progress });
                true
            };
            transfer::import(&engine.store, &args.collection, &args.path, &options, &told)
        };
        reply(tokio::task::spawn_blocking(work).await.map_err(|e| internal("The import", e))??)
    }

    async fn export(&self, args: ExportArgs) -> Result<Json> {
        let engine = self.engine().await?;
        let named = args.format.or_else(|| args.path.extension().and_then(|e| e.to_str()).map(str::to_lowercase));
        let format = match named.as_deref() {
            None | Some("csv") => transfer::Format::Csv,
            Some("json") => transfer::Format::Json,
            Some(other) => return Err(crate::error::usage(format!("There is no format “{other}”; csv and json are."))),
        };
        let work = move || transfer::export(&engine.store, &args.collection, &args.path, format);
        let rows = tokio::task::spawn_blocking(work).await.map_err(|e| internal("The export", e))??;
        Ok(json!({ "rows": rows }))
    }

    async fn backup(&self, args: PathArgs) -> Result<Json> {
        let engine = self.engine().await?;
        let work = move || engine.store.back_up(&args.path);
        tokio::task::spawn_blocking(work).await.map_err(|e| internal("The backup", e))?.map_err(store_error)?;
        Ok(json!({}))
    }

    /// A bundle for support: figures and states, no values of records, no names, no secrets. Works in every phase.
    async fn diagnostics(&self, args: PathArgs) -> Result<Json> {
        let mut info = reply(self.info().await?)?;
        for name in ["operator", "device", "data_dir"] {
            info[name] = Json::from("…");
        }
        let mut bundle = json!({ "made_at": rfc3339(crate::clock::wall_ms()), "app": info });
        if let Ok(engine) = self.engine().await {
            let store = engine.store.clone();
            let figures = tokio::task::spawn_blocking(move || store.diagnostics()).await;
            bundle["replica"] = figures.map_err(|e| internal("The diagnostics", e))?.map_err(store_error)?;
            bundle["ledger_evidence"] = crate::sync::ledger::diagnostics(&engine.store)?;
            let mut status = reply(engine.sync.status()?)?;
            status["central"] = Json::from("…");
            bundle["status"] = status;
            bundle["monitor"] = reply(engine.measures.monitor(crate::clock::mono_ms()))?;
        }
        let text = serde_json::to_vec_pretty(&bundle).map_err(|e| internal("The diagnostics", e))?;
        crate::folder::write_private(&args.path, &text)?;
        Ok(json!({}))
    }
}
