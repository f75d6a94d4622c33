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

mod app;
mod conflicts;
mod history;
mod portfolio;
mod queue;
mod records;
mod status;

pub use app::*;
pub use conflicts::*;
pub use history::*;
pub use portfolio::*;
pub use queue::*;
pub use records::*;
pub use status::*;

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
