//! The commands. Their flags stand with the code that runs them.

use super::{batch, conflicts, edit, history, later, past, queue, read, run, sync, text, transfer, ui};
use crate::laptop::Keys;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// A laptop without a window: the app's engine and database on the command line.
#[derive(Debug, Parser)]
#[command(name = "omnictl", version)]
pub struct Cli {
    /// One JSON object on stdout (lines where the command prints lines), errors as JSON too.
    #[arg(long, global = true)]
    pub json: bool,
    /// The data folder of the replica [default: the app's own].
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where secrets are kept.
    #[arg(long, global = true, value_enum, default_value_t = Keys::Os)]
    pub keys: Keys,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Joins a central with a one-time code.
    Enrol(sync::EnrolArgs),
    /// Where the copy stands.
    Status,
    /// Every collection with its fields, types and policies.
    Collections,
    /// Every domain command with its arguments, and whether it works offline.
    Commands,
    /// Counts records.
    Count(read::CountArgs),
    /// Lists records: lines.
    List(read::ListArgs),
    /// One record with the state of its edits.
    Get(read::RecordArgs),
    /// Writes fields of a record; durable when it prints.
    Set(edit::SetArgs),
    /// Makes a record.
    Create(edit::CreateArgs),
    /// Deletes a record.
    Delete(edit::DeleteArgs),
    /// Edits a text field as text.
    Text(text::TextArgs),
    /// Runs a domain command.
    Do(edit::DoArgs),
    /// Many edits from a file of JSON lines: lines.
    Batch(batch::BatchArgs),
    /// The changes that wait: lines. Also retries, discards, restores and edits one.
    Queue(queue::QueueArgs),
    /// The conflicts that are open: lines.
    Conflicts(conflicts::ConflictsArgs),
    /// The commits that touched a record, newest first: lines.
    History(history::HistoryArgs),
    /// Takes a record back to an earlier state.
    Rollback(past::RollbackArgs),
    /// Takes a change back.
    Undo(past::UndoArgs),
    /// Does again what was taken back last.
    Redo,
    /// A record as it was.
    AsOf(past::AsOfArgs),
    /// Connects, exchanges and prints the status.
    Sync(sync::SyncArgs),
    /// Runs as an enrolled node.
    Node(later::NodeArgs),
    /// Stays connected until SIGTERM.
    Run(run::RunArgs),
    /// Compares the copy's digests with central's; exits 1 if they differ.
    Verify(sync::VerifyArgs),
    /// Reads records from a CSV or JSON file.
    Import(transfer::ImportArgs),
    /// Writes a collection to a file.
    Export(transfer::ExportArgs),
    /// Copies the replica with its queue to a file.
    Backup(transfer::FileArgs),
    /// Puts a backup in place, as a new incarnation.
    Restore(transfer::FileArgs),
    /// Writes a redacted bundle for support.
    Diagnostics(transfer::FileArgs),
    /// Serves the app's UI to a browser on this machine.
    Ui(ui::UiArgs),
    /// See `make bench`.
    #[command(hide = true)]
    Bench(later::BenchArgs),
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
