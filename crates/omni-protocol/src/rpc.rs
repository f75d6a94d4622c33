//! The UI command list: one macro line per command. From it come the router (`dispatch`), the `Handlers` trait (a
//! missing handler does not compile) and the TypeScript bindings (`cargo xtask bindings`).
//!
//! Numbers that are unknown are `null`; nothing here is ever guessed.

use crate::error::WireError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::future::Future;
use ts_rs::TS;

macro_rules! rpc_types {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$fdoc:meta])* pub $field:ident : $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
        )*
    };
}

macro_rules! rpc_commands {
    ($($(#[$doc:meta])* $wire:literal $method:ident ( $args:ty ) -> $reply:ty;)*) => {
        /// Every UI command as a method. Implemented once, by the agent.
        pub trait Handlers: Sync {
            $(
                $(#[$doc])*
                fn $method(&self, args: $args) -> impl Future<Output = Result<$reply, WireError>> + Send;
            )*
        }

        /// The names of all commands, in list order.
        pub const COMMAND_NAMES: &[&str] = &[$($wire),*];

        /// Routes one call: parses the arguments, runs the handler, serialises the reply.
        ///
        /// Errors: `unknown_command`, `bad_arguments` (names the field), and whatever the handler returns.
        pub async fn dispatch<H: Handlers>(handlers: &H, command: &str, args: Json) -> Result<Json, WireError> {
            match command {
                $($wire => {
                    let args: $args = serde_json::from_value(args)
                        .map_err(|e| WireError::new("bad_arguments", format!("{command}: {e}")))?;
                    let reply = handlers.$method(args).await?;
                    serde_json::to_value(reply).map_err(|e| WireError::new("internal", e.to_string()))
                })*
                _ => Err(WireError::new("unknown_command", format!("There is no command “{command}”."))),
            }
        }

        /// Shows the visitor every type a command or an event names, so that the bindings cannot miss one.
        pub fn visit_types(v: &mut impl ts_rs::TypeVisitor) {
            $(v.visit::<$args>(); v.visit::<$reply>();)*
            v.visit::<UiEvent>();
            v.visit::<WireError>();
        }

        /// The TypeScript map of command → arguments and reply.
        pub fn typescript_commands(cfg: &ts_rs::Config) -> String {
            let mut out = String::from("export interface Commands {\n");
            $(out.push_str(&format!("  \"{}\": {{ args: {}; reply: {} }};\n", $wire,
                <$args as TS>::name(cfg), <$reply as TS>::name(cfg)));)*
            out.push_str("}\n");
            out
        }
    };
}

rpc_commands! {
    /// Where the app stands: first run, locked, or ready. Works in every state.
    "app.info" app_info(NoArgs) -> AppInfo;
    /// The UI has painted its first frame (watchdog against blank windows).
    "app.painted" app_painted(NoArgs) -> Done;
    /// Opens the database with a passphrase or the recovery code.
    "app.unlock" app_unlock(UnlockArgs) -> Done;
    /// Joins a central by address and one-time code. Progress comes as `progress` events.
    "enrol.join" enrol_join(EnrolArgs) -> Enrolled;
    /// Starts a local central (a side process on this machine) with the sample portfolio and joins it.
    "enrol.local" enrol_local(LocalArgs) -> Enrolled;
    /// The synchronisation status: the one value banner, tray, title and monitor read.
    "status" status(NoArgs) -> Status;
    /// Counts for the Command Center.
    "overview" overview(NoArgs) -> Overview;
    /// Collections with their fields.
    "collections" collections(NoArgs) -> Vec<CollectionInfo>;
    /// Domain commands with their arguments.
    "commands" commands(NoArgs) -> Vec<CommandInfo>;
    /// A window of rows: sort, filter and search happen in SQLite.
    "list" list(ListArgs) -> Page;
    /// Counts by value of one field, under a filter.
    "facets" facets(FacetArgs) -> Vec<Facet>;
    /// One record with the state of each field.
    "get" get(RecordArgs) -> Record;
    /// Writes fields of one record. Durable when it returns.
    "set" set(SetArgs) -> ChangeMade;
    /// Creates a record.
    "create" create(CreateArgs) -> ChangeMade;
    /// Deletes a record.
    "delete" delete(RecordArgs) -> ChangeMade;
    /// Runs a domain command.
    "do" run_command(DoArgs) -> ChangeMade;
    /// Waiting changes, oldest first.
    "queue" queue(QueueArgs) -> QueuePage;
    /// Tries a change again now.
    "queue.retry" queue_retry(ChangeArgs) -> Done;
    /// Discards a change that was not sent yet, or a refused one. Undo with `queue.restore`.
    "queue.discard" queue_discard(ChangeArgs) -> Done;
    /// Takes back a discard: the change waits again, under a new id.
    "queue.restore" queue_restore(ChangeArgs) -> ChangeMade;
    /// Replaces values of a change that was not sent yet, or re-issues a refused one; it gets a new id.
    "queue.edit" queue_edit(QueueEditArgs) -> ChangeMade;
    /// Conflict items: those that wait, or those that were decided, newest first.
    "conflicts" conflicts(ConflictsArgs) -> ConflictPage;
    /// Settles an item, or settles a decided one anew (undo of a decision).
    "conflicts.resolve" conflicts_resolve(ResolveArgs) -> ChangeMade;
    /// Settles many items by one rule, each on its own.
    "conflicts.resolve_many" conflicts_resolve_many(ResolveManyArgs) -> ResolvedMany;
    /// Edits a text field as text.
    "text" edit_text(TextArgs) -> ChangeMade;
    /// What happened to a record, newest first.
    "history" history(HistoryArgs) -> HistoryPage;
    /// A record as it was at a seq or a time.
    "as_of" as_of(AsOfArgs) -> AsOfRecord;
    /// What taking a change back would do now.
    "undo.preview" undo_preview(ChangeArgs) -> RollbackPreview;
    /// Takes a change back. Taking back an undo is the redo.
    "undo" undo(ChangeArgs) -> ChangeMade;
    /// Takes back this laptop's newest change that was not taken back yet.
    "undo.last" undo_last(NoArgs) -> ChangeMade;
    /// Takes back the newest undo.
    "redo.last" redo_last(NoArgs) -> ChangeMade;
    /// What a rollback would do now.
    "rollback.preview" rollback_preview(RollbackArgs) -> RollbackPreview;
    /// Rolls back by new, compensating changes.
    "rollback" rollback(RollbackArgs) -> RolledBack;
    /// What changed last on this laptop's copy, newest first.
    "recent" recent(WindowArgs) -> Vec<RecentChange>;
    /// Connects and exchanges now.
    "sync.now" sync_now(NoArgs) -> Done;
    /// Stops synchronising until resumed.
    "sync.pause" sync_pause(NoArgs) -> Done;
    /// Resumes after a pause.
    "sync.resume" sync_resume(NoArgs) -> Done;
    /// Measured series for the charts of the sync monitor.
    "monitor" monitor(NoArgs) -> Monitor;
    /// Compares this copy's digests with central's.
    "verify" verify(NoArgs) -> VerifyReport;
    /// Palette search over all records: typo tolerant, best first.
    "search" search(SearchArgs) -> Vec<SearchHit>;
    /// One stored UI setting as JSON, null if never set.
    "settings.get" settings_get(NameArgs) -> Setting;
    /// Stores a UI setting.
    "settings.set" settings_set(Setting) -> Done;
}

rpc_types! {
    /// No arguments.
    pub struct NoArgs {}
    /// Nothing to say but that it was done.
    pub struct Done {}
    /// A name.
    pub struct NameArgs {
        /// The name.
        pub name: String,
    }
    /// Where the app stands.
    pub struct AppInfo {
        /// Version of the app.
        pub version: String,
        /// `first_run`, `locked`, `ready` or `recovery`.
        pub phase: String,
        /// Why it is locked or in recovery, as a sentence; empty otherwise.
        pub reason: String,
        /// Where secrets live: `os` or `passphrase`; null before first run.
        pub keys: Option<String>,
        /// Folder of the replica.
        pub data_dir: String,
        /// The operator's name once enrolled.
        pub operator: Option<String>,
        /// The device's name once enrolled.
        pub device: Option<String>,
        /// Whether the local central is a side process of this app.
        pub local_central: bool,
    }
    /// Arguments of `app.unlock`. Neither: the keychain is asked again. The recovery code with a passphrase: the passphrase
    /// becomes the new one.
    pub struct UnlockArgs {
        /// The passphrase, in passphrase mode.
        pub passphrase: Option<String>,
        /// The recovery code shown at enrolment.
        pub recovery_code: Option<String>,
    }
    /// Arguments of `enrol.join`.
    pub struct EnrolArgs {
        /// Address of central, `http://127.0.0.1:7420`.
        pub central: String,
        /// The one-time code.
        pub code: String,
        /// Name of this device, for people.
        pub name: String,
        /// Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
        pub passphrase: Option<String>,
    }
    /// Arguments of `enrol.local`.
    pub struct LocalArgs {
        /// Name of this device, for people.
        pub name: String,
        /// Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
        #[serde(default)]
        pub passphrase: Option<String>,
    }
    /// What enrolment made.
    pub struct Enrolled {
        /// Device id.
        pub device: String,
        /// Replica id.
        pub replica: String,
        /// Operator's name.
        pub operator: String,
        /// Shown once: opens the database when the keychain is lost.
        pub recovery_code: String,
    }
    /// The synchronisation status.
    pub struct Status {
        /// Snake-case state of guides/UX §1: `recovery disk_full locked device_removed history_rewritten signed_out
        /// update_required paused offline central_unreachable unknown catching_up sending needs_attention in_sync`.
        pub state: String,
        /// The state's sentence, filled in.
        pub sentence: String,
        /// The state's one next action: a word for the button, empty if none is needed.
        pub action: String,
        /// Since when, RFC 3339 UTC.
        pub since: Option<String>,
        /// Time of the newest evidence that central answered, RFC 3339 UTC.
        pub evidence_at: Option<String>,
        /// Complete to this seq.
        pub cursor: Option<u64>,
        /// Central's newest known seq.
        pub head: Option<u64>,
        /// Epoch of central.
        pub epoch: Option<u32>,
        /// Age of the copy in seconds while behind or offline; 0 in sync; null unknown.
        pub lag_s: Option<f64>,
        /// Changes waiting, not sent.
        pub queued: u64,
        /// Changes sent, not answered, or answered and not yet in the copy.
        pub sending: u64,
        /// Refused, held and blocked changes.
        pub needs_attention: u64,
        /// Open conflicts.
        pub conflicts: u64,
        /// Live records in the replica.
        pub rows: u64,
        /// 1 − rows found different ÷ rows compared in 24 h; null until compared.
        pub accuracy: Option<f64>,
        /// Round trip edit → outcome of this run, milliseconds.
        pub latency_ms: Latency,
        /// Socket bytes of this run.
        pub bytes: Bytes,
        /// Seconds to the next try while unreachable.
        pub next_try_s: Option<f64>,
        /// Received and total changes while catching up; rows during the first copy.
        pub progress: Option<Progress>,
        /// The last raw error, one click away.
        pub last_error: Option<WireError>,
        /// Offset of this laptop's clock to central's, milliseconds; null if not measured.
        pub clock_offset_ms: Option<f64>,
        /// Address of central.
        pub central: Option<String>,
        /// The live connection does not get through: the exchange goes over plain HTTP.
        pub by_http: bool,
        /// When the digests last matched, RFC 3339 UTC.
        pub verified_at: Option<String>,
        /// Oldest unsent change's age in seconds.
        pub oldest_unsent_s: Option<f64>,
    }
    /// Two percentiles, milliseconds; null without samples.
    pub struct Latency {
        /// Median.
        pub p50: Option<f64>,
        /// 99th percentile.
        pub p99: Option<f64>,
    }
    /// Socket bytes.
    pub struct Bytes {
        /// Sent, all of it.
        pub sent: u64,
        /// Received, all of it.
        pub received: u64,
        /// Payload: minimal JSON of the changed fields sent and received.
        pub payload: u64,
    }
    /// Progress of long work.
    pub struct Progress {
        /// What is being done, in words.
        pub label: String,
        /// Done so far.
        pub done: u64,
        /// Out of; null unknown.
        pub total: Option<u64>,
    }
    /// Command Center figures: counts of records.
    pub struct Overview {
        /// Per collection: live records, and records with a pending edit.
        pub collections: Vec<CollectionCount>,
        /// Sectors by status, with their brand counts.
        pub sectors: Vec<SectorCount>,
    }
    /// Count of one collection.
    pub struct CollectionCount {
        /// Its name.
        pub collection: String,
        /// Words for people.
        pub label: String,
        /// Live records.
        pub rows: u64,
        /// Records with unconfirmed edits.
        pub pending: u64,
    }
    /// Count of one sector.
    pub struct SectorCount {
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Name.
        pub name: String,
        /// The record's own icon.
        pub icon: Option<String>,
        /// Status set by operators.
        pub status: Option<String>,
        /// Category.
        pub category: Option<String>,
        /// Recorded brands.
        pub brands: u64,
        /// Declared brands: typed in, not measured.
        pub declared_brands: Option<i64>,
        /// Records of the sector with unconfirmed edits.
        pub pending: u64,
    }
    /// A collection.
    pub struct CollectionInfo {
        /// Name.
        pub name: String,
        /// Label, singular.
        pub label: String,
        /// Label, plural.
        pub plural: String,
        /// Component of the customer's plan.
        pub component: String,
        /// The field that names a record.
        pub title: String,
        /// `edit wins` or `committed stands`.
        pub delete: String,
        /// Its fields in display order.
        pub fields: Vec<FieldInfo>,
    }
    /// A field.
    pub struct FieldInfo {
        /// Name.
        pub name: String,
        /// Label.
        pub label: String,
        /// Type word: text long_text bool int money decimal time enum enum_set text_set ref ref_set.
        #[serde(rename = "type")]
        pub ty: String,
        /// Merge policy word.
        pub policy: String,
        /// Compartment word.
        pub compartment: String,
        /// App with the last word, if any.
        pub authority: Option<String>,
        /// Merge group, if any.
        pub group: Option<String>,
        /// Words of an enum.
        pub words: Vec<String>,
        /// Collection a link points to.
        pub target: Option<String>,
        /// Decimal places.
        pub scale: u8,
        /// Required.
        pub required: bool,
        /// Unique.
        pub unique: bool,
        /// Typed in, not measured.
        pub declared: bool,
        /// Good to sort and filter by.
        pub indexed: bool,
    }
    /// A domain command.
    pub struct CommandInfo {
        /// Name, `collection.verb`.
        pub name: String,
        /// Label.
        pub label: String,
        /// `yes`, `queued` or `no`.
        pub offline: String,
        /// Arguments.
        pub args: Vec<ArgInfo>,
    }
    /// An argument.
    pub struct ArgInfo {
        /// Name.
        pub name: String,
        /// Help.
        pub help: String,
        /// Required.
        pub required: bool,
    }
    /// Arguments of `list`.
    pub struct ListArgs {
        /// Collection name.
        pub collection: String,
        /// Field = value filters (texts as typed; links by id or key).
        #[serde(default, rename = "where")]
        pub filter: BTreeMap<String, String>,
        /// Full-text search, prefix match.
        #[serde(default)]
        pub search: Option<String>,
        /// Field to sort by, `-field` descending; default the title.
        #[serde(default)]
        pub sort: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// A window of rows.
    pub struct Page {
        /// All rows that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<RowView>,
    }
    /// One row of a list.
    pub struct RowView {
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Values by field name; links carry the id, see `titles`.
        pub values: BTreeMap<String, Json>,
        /// Titles of linked records by field name.
        pub titles: BTreeMap<String, String>,
        /// `saved pending sending rejected conflict`.
        pub state: String,
        /// Fields with unconfirmed edits.
        pub pending: Vec<String>,
    }
    /// Arguments of `facets`.
    pub struct FacetArgs {
        /// Collection name.
        pub collection: String,
        /// Field to count by.
        pub field: String,
        /// Filters.
        #[serde(default, rename = "where")]
        pub filter: BTreeMap<String, String>,
        /// Search.
        #[serde(default)]
        pub search: Option<String>,
    }
    /// One value and its count.
    pub struct Facet {
        /// Value as JSON; null = no value.
        pub value: Json,
        /// Title if the value is a link, else the value as text.
        pub label: String,
        /// Records.
        pub count: u64,
    }
    /// A record's address; `id` is an id or a key.
    pub struct RecordArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
    }
    /// One record in full.
    pub struct Record {
        /// Collection name.
        pub collection: String,
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Title.
        pub title: String,
        /// Owner record id, null = global.
        pub owner: Option<String>,
        /// Seq of the last commit that touched it; null = not yet on central.
        pub seq: Option<u64>,
        /// State of the record.
        pub state: String,
        /// Its fields in display order.
        pub fields: Vec<FieldView>,
        /// Its last changes, newest first.
        pub recent: Vec<RecentChange>,
    }
    /// One field of a record.
    pub struct FieldView {
        /// Name.
        pub name: String,
        /// Value on screen: the pending one where there is one.
        pub value: Json,
        /// Title of a linked record, else null.
        pub title: Option<String>,
        /// `saved pending sending rejected conflict`.
        pub state: String,
        /// The confirmed value under a pending edit.
        pub confirmed: Json,
        /// When the pending edit was saved here, RFC 3339 UTC.
        pub saved_at: Option<String>,
    }
    /// Arguments of `set`.
    pub struct SetArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Field → new value as JSON.
        pub fields: BTreeMap<String, Json>,
    }
    /// Arguments of `create`.
    pub struct CreateArgs {
        /// Collection name.
        pub collection: String,
        /// Immutable key, if wanted.
        #[serde(default)]
        pub key: Option<String>,
        /// Field → value.
        pub fields: BTreeMap<String, Json>,
    }
    /// Arguments of `do`.
    pub struct DoArgs {
        /// Command name.
        pub command: String,
        /// Arguments.
        pub args: BTreeMap<String, String>,
    }
    /// A change was saved.
    pub struct ChangeMade {
        /// The change's permanent id; null if nothing changed.
        pub change: Option<String>,
        /// The record touched first.
        pub id: String,
    }
    /// A window.
    pub struct WindowArgs {
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// Arguments of `queue`.
    pub struct QueueArgs {
        /// Only this state.
        #[serde(default)]
        pub state: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// A window of the queue.
    pub struct QueuePage {
        /// All that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<QueueRow>,
    }
    /// One waiting change.
    pub struct QueueRow {
        /// Change id.
        pub change: String,
        /// `pending` (not sent), `sending` (sealed), `acknowledged` (answered, not yet in the copy), `rejected`, `held`,
        /// `blocked`, `discarded` (undo possible).
        pub state: String,
        /// 1 emergency, 2 normal, 3 bulk.
        pub priority: u8,
        /// Collection of the first record touched.
        pub collection: String,
        /// First record touched.
        pub record: String,
        /// Its title.
        pub title: String,
        /// What it does, in words.
        pub summary: String,
        /// Field by field: before and after.
        pub fields: Vec<QueueField>,
        /// When it was saved here, RFC 3339 UTC.
        pub saved_at: String,
        /// Times it was sent.
        pub attempts: u64,
        /// Next try, RFC 3339 UTC; null if not waiting for one.
        pub next_attempt: Option<String>,
        /// Why it was refused or held.
        pub error: Option<WireError>,
        /// Group id and size, if it is one of many.
        pub group: Option<GroupInfo>,
        /// Whether it may be edited.
        pub can_edit: bool,
        /// Whether it may be discarded.
        pub can_discard: bool,
    }
    /// One field of a waiting change.
    pub struct QueueField {
        /// Name.
        pub name: String,
        /// Confirmed value before.
        pub before: Json,
        /// Value after.
        pub after: Json,
    }
    /// A group of changes.
    pub struct GroupInfo {
        /// Group id.
        pub id: String,
        /// Its place, from 0.
        pub index: u64,
        /// Members.
        pub count: u64,
    }
    /// A change id.
    pub struct ChangeArgs {
        /// The change.
        pub change: String,
    }
    /// Arguments of `queue.edit`.
    pub struct QueueEditArgs {
        /// The change.
        pub change: String,
        /// Field → new value as JSON.
        pub fields: BTreeMap<String, Json>,
    }
    /// Arguments of `conflicts`.
    pub struct ConflictsArgs {
        /// `open` (default), `auto` (decided by a rule), `person` (settled), `all`.
        #[serde(default)]
        pub decided: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// Arguments of `conflicts.resolve`.
    pub struct ResolveArgs {
        /// Item id.
        pub id: String,
        /// `mine` (what waits or lost), `theirs` (what is committed), `base` (before both), `both` (where the type allows:
        /// sets, texts, numbers that add up), `values` (see there).
        pub take: String,
        /// Only this field of the item; the others keep what is committed.
        #[serde(default)]
        pub field: Option<String>,
        /// For `values`: field → chosen value as JSON; fields left out keep what is committed.
        #[serde(default)]
        pub values: BTreeMap<String, Json>,
        /// The item's `seq` as it was shown: refused as `stale` if it changed since.
        #[serde(default)]
        pub seq: Option<u64>,
    }
    /// Arguments of `conflicts.resolve_many`.
    pub struct ResolveManyArgs {
        /// Item ids, at most 1,000.
        pub ids: Vec<String>,
        /// `mine`, `theirs` or `base`.
        pub take: String,
    }
    /// What became of many items.
    pub struct ResolvedMany {
        /// Items settled.
        pub done: u64,
        /// The changes that settle them, in the order of the items: each can be taken back.
        pub changes: Vec<String>,
        /// Items that could not be, with the reason.
        pub failed: Vec<ItemFailure>,
    }
    /// An item that could not be settled.
    pub struct ItemFailure {
        /// Item id.
        pub id: String,
        /// Why.
        pub error: WireError,
    }
    /// Arguments of `text`: exactly one of the three acts.
    pub struct TextArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Text field.
        pub field: String,
        /// Insert this text at `at`.
        #[serde(default)]
        pub insert: Option<String>,
        /// Delete this many characters at `at`.
        #[serde(default)]
        pub delete: Option<u32>,
        /// Position, in characters (Unicode scalar values).
        #[serde(default)]
        pub at: u32,
        /// The whole new text; what differs becomes the edit.
        #[serde(default)]
        pub replace: Option<String>,
    }
    /// Arguments of `history`.
    pub struct HistoryArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Only commits before this one (own changes that are not on central yet come with the first page only).
        #[serde(default)]
        pub before: Option<u64>,
        /// Entries passed over.
        #[serde(default)]
        pub offset: u64,
        /// Entries wanted, at most 1,000.
        pub limit: u64,
    }
    /// A record's history.
    pub struct HistoryPage {
        /// Newest first.
        pub entries: Vec<HistoryEntry>,
        /// Where this laptop's own history begins: older entries need central. Null if it holds everything.
        pub local_since: Option<u64>,
        /// Older entries may exist and central could not be asked now.
        pub incomplete: bool,
        /// More entries follow.
        pub more: bool,
    }
    /// One commit's effect on one record.
    pub struct HistoryEntry {
        /// The commit; null = own change not on central yet.
        pub seq: Option<u64>,
        /// Change id.
        pub change: String,
        /// Commit time, RFC 3339 UTC.
        pub at: Option<String>,
        /// Operator's name.
        pub by: Option<String>,
        /// Device's name.
        pub device: Option<String>,
        /// Command name, `edit` for a plain edit.
        pub command: String,
        /// `created changed deleted moved`, `decided` where only a conflict was opened or settled, or for an own change its
        /// queue state.
        pub kind: String,
        /// The rule of a decision this commit made about the record, if any.
        pub rule: Option<String>,
        /// What changed, in display order.
        pub fields: Vec<HistoryField>,
        /// Whether it can be taken back.
        pub can_undo: bool,
        /// The group the change is of, if it is of one: all of it can be rolled back together.
        pub group: Option<String>,
    }
    /// One field before and after a commit.
    pub struct HistoryField {
        /// Name.
        pub name: String,
        /// Label.
        pub label: String,
        /// Before; null = none.
        pub before: Json,
        /// After; null = none.
        pub after: Json,
    }
    /// Arguments of `as_of`.
    pub struct AsOfArgs {
        /// A seq, or an instant as RFC 3339.
        pub at: String,
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
    }
    /// A record at an earlier point.
    pub struct AsOfRecord {
        /// The seq it was read at.
        pub seq: u64,
        /// Whether it existed then.
        pub existed: bool,
        /// Record id.
        pub id: String,
        /// Field → value then.
        pub fields: BTreeMap<String, Json>,
        /// Fields that differ from now.
        pub differs: Vec<String>,
    }
    /// Arguments of `rollback`: exactly one target.
    pub struct RollbackArgs {
        /// One record, back to what it was right after `to_seq`.
        #[serde(default)]
        pub record: Option<RecordTarget>,
        /// One change.
        #[serde(default)]
        pub change: Option<String>,
        /// All changes of a group (an import, a bulk edit).
        #[serde(default)]
        pub group: Option<String>,
        /// Everything one device did in a window of commit time.
        #[serde(default)]
        pub device: Option<DeviceTarget>,
        /// Fields that somebody else changed later and that shall go back all the same, as `collection/record/field`.
        #[serde(default)]
        pub also: Vec<String>,
    }
    /// A record and an earlier point.
    pub struct RecordTarget {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// The point.
        pub to_seq: u64,
    }
    /// A device and a window of commit time.
    pub struct DeviceTarget {
        /// Device id or name.
        pub device: String,
        /// From, RFC 3339 UTC, included.
        pub from: String,
        /// To, RFC 3339 UTC, included.
        pub to: String,
    }
    /// What a rollback or an undo would do.
    pub struct RollbackPreview {
        /// Line by line.
        pub lines: Vec<RollbackLine>,
        /// Changes that cannot be reached (older than what this laptop holds), if any.
        pub missing: u64,
    }
    /// One field that would go back.
    pub struct RollbackLine {
        /// `collection/record/field`, to be named in `also`.
        pub address: String,
        /// Collection name.
        pub collection: String,
        /// Record id.
        pub record: String,
        /// Its title.
        pub title: String,
        /// Field name, `*` for the record as a whole.
        pub field: String,
        /// Field label.
        pub label: String,
        /// Value now.
        pub now: Json,
        /// Value after the rollback.
        pub then: Json,
        /// Somebody changed it since: it is left alone unless it is named.
        pub later: bool,
        /// Who changed it since.
        pub later_by: Option<String>,
    }
    /// A rollback was saved.
    pub struct RolledBack {
        /// The compensating changes; empty if what was taken back had not been sent.
        pub changes: Vec<String>,
        /// Changes taken out of the queue instead, because they had not been sent.
        pub discarded: u64,
        /// Their group, if there are several.
        pub group: Option<String>,
        /// Lines left alone because somebody changed them since.
        pub left: u64,
    }
    /// A window of conflicts.
    pub struct ConflictPage {
        /// All that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<ConflictRow>,
    }
    /// One item.
    pub struct ConflictRow {
        /// `field`, `record` (delete against edit) or `change` (a whole command that waits).
        pub kind: String,
        /// `auto open person`.
        pub decided: String,
        /// The rule that decided, or kept it open.
        pub rule: String,
        /// The commit that opened, joined or decided it last.
        pub seq: u64,
        /// The waiting side is a delete of the record.
        pub delete: bool,
        /// The first waiting edit was made on this laptop.
        pub own: bool,
        /// When it was typed, by its author's own clock, RFC 3339 UTC.
        pub typed_at: Option<String>,
        /// Who committed what stands.
        pub theirs_by: Option<String>,
        /// On which device.
        pub theirs_device: Option<String>,
        /// When, RFC 3339 UTC.
        pub theirs_at: Option<String>,
        /// Who settled it, if a person did.
        pub settled_by: Option<String>,
        /// When, RFC 3339 UTC.
        pub settled_at: Option<String>,
        /// Whether it can be settled (again) from here; not while a decision made here waits for central.
        pub can_resolve: bool,
        /// The waiting change, for items of a whole change.
        pub change: Option<String>,
        /// Item id.
        pub id: String,
        /// Collection.
        pub collection: String,
        /// Record.
        pub record: String,
        /// Title of the record.
        pub title: String,
        /// The fields that wait.
        pub fields: Vec<ConflictField>,
    }
    /// One field of an item.
    pub struct ConflictField {
        /// Name; `*` = the record.
        pub name: String,
        /// Label.
        pub label: String,
        /// Type word, as in `collections`.
        #[serde(rename = "type")]
        pub ty: String,
        /// Later edits that wait in the same item.
        pub also: Vec<ConflictSide>,
        /// What holds since it was settled.
        pub settled: Json,
        /// Before both.
        pub base: Json,
        /// The edit that waits.
        pub mine: Json,
        /// On central.
        pub theirs: Json,
        /// Who made the waiting edit.
        pub by: Option<String>,
        /// On which device.
        pub device: Option<String>,
        /// When it arrived, RFC 3339 UTC.
        pub at: Option<String>,
        /// The rule that kept it open.
        pub rule: String,
        /// `auto open person`.
        pub decided: String,
        /// The winner, if decided.
        pub winner: Option<String>,
    }
    /// A later edit that waits in the same item.
    pub struct ConflictSide {
        /// Its value.
        pub value: Json,
        /// Who made it.
        pub by: Option<String>,
        /// On which device.
        pub device: Option<String>,
        /// When it arrived, RFC 3339 UTC.
        pub at: Option<String>,
    }
    /// Something that changed.
    pub struct RecentChange {
        /// Seq; null = own change not yet on central.
        pub seq: Option<u64>,
        /// Change id.
        pub change: String,
        /// Collection of the first record touched.
        pub collection: String,
        /// First record touched.
        pub record: String,
        /// Its title, if it is here.
        pub title: Option<String>,
        /// Field names touched.
        pub fields: Vec<String>,
        /// Records touched.
        pub records: u64,
        /// Operator's name.
        pub by: Option<String>,
        /// Device's name.
        pub device: Option<String>,
        /// Commit time, RFC 3339 UTC.
        pub at: Option<String>,
        /// Command name, `edit` for a plain edit.
        pub command: String,
    }
    /// Measured series, newest last, one point a second.
    pub struct Monitor {
        /// Seconds between points.
        pub step_s: f64,
        /// Times, unix seconds.
        pub at: Vec<f64>,
        /// Commits received per second.
        pub commits: Vec<Option<f64>>,
        /// Outcomes received per second.
        pub outcomes: Vec<Option<f64>>,
        /// Bytes sent per second.
        pub sent: Vec<Option<f64>>,
        /// Bytes received per second.
        pub received: Vec<Option<f64>>,
        /// p50 edit → outcome in that second, milliseconds; null = no sample (a gap).
        pub latency_p50: Vec<Option<f64>>,
        /// p99 of the same.
        pub latency_p99: Vec<Option<f64>>,
        /// Changes waiting.
        pub queued: Vec<Option<f64>>,
        /// Commits behind central's head.
        pub lag: Vec<Option<f64>>,
        /// Reconnects by cause, this run.
        pub reconnects: BTreeMap<String, u64>,
        /// (all socket bytes but those of whole copies ÷ payload) − 1 of this run; null without payload.
        pub overhead: Option<f64>,
        /// Rows compared in 24 h.
        pub rows_compared: u64,
        /// Rows found different in 24 h.
        pub rows_different: u64,
    }
    /// Result of `verify`.
    pub struct VerifyReport {
        /// All scopes equal.
        pub equal: bool,
        /// Scopes compared.
        pub scopes: u64,
        /// Those that differ, as `owner/compartment`.
        pub differing: Vec<String>,
        /// Accuracy after this comparison.
        pub accuracy: Option<f64>,
        /// The seq compared at.
        pub seq: u64,
        /// Records and conflict items of this copy that were compared.
        pub compared: u64,
        /// Records and conflict items that differed.
        pub different: u64,
        /// Those that were repaired.
        pub repaired: u64,
        /// All scopes equal after the repair.
        pub equal_now: bool,
    }
    /// Arguments of `search`.
    pub struct SearchArgs {
        /// What was typed.
        pub text: String,
        /// Hits wanted, at most 100.
        pub limit: u64,
    }
    /// One hit.
    pub struct SearchHit {
        /// Collection.
        pub collection: String,
        /// Record id.
        pub id: String,
        /// Title.
        pub title: String,
        /// A second line: its sector or owner.
        pub subtitle: String,
    }
    /// One stored setting.
    pub struct Setting {
        /// Name.
        pub name: String,
        /// Value.
        pub value: Json,
    }
}

/// What the UI gets pushed: after COMMIT, batched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum UiEvent {
    /// The status changed.
    Status {
        /// The new value.
        status: Box<Status>,
    },
    /// Records changed; the UI re-asks for the windows it shows.
    Changed {
        /// Collections and the ids touched (at most 500 ids each; `all` if more).
        collections: BTreeMap<String, ChangedIds>,
        /// Cursor after it.
        seq: Option<u64>,
        /// Whether the change was made on this laptop.
        local: bool,
    },
    /// The queue changed.
    Queue {
        /// Waiting changes now.
        queued: u64,
    },
    /// Progress of long work (first copy, import); `done` = `total` at the end.
    Progress {
        /// The figures.
        progress: Progress,
    },
    /// The app's phase changed: call `app.info`.
    Phase {},
    /// Something to tell the operator once (from the window's shell).
    Notice {
        /// Stable snake-case word.
        code: String,
        /// The sentence.
        message: String,
    },
    /// The page was too slow and missed events: read what is shown anew.
    Lagged {
        /// How many.
        missed: u64,
    },
}

rpc_types! {
    /// Ids of one collection that changed.
    pub struct ChangedIds {
        /// Too many to list: all may have changed.
        pub all: bool,
        /// The ids otherwise.
        pub ids: Vec<String>,
    }
}
