//! A file of records into a collection.

use super::check::{self, Checked, Member};
use super::group;
use super::report::ImportReport;
use super::source::{LIMITS, Source};
use super::writes::{Act, Failure, operations, save_act};
use crate::error::{Result, store_error};
use omni_model::{Collection, schema};
use omni_protocol::change::BULK;
use omni_protocol::{ChangeId, GroupRef, WireError};
use omni_store::{Store, WriteTx};
use omni_sync::replica::ReplicaTx;
use std::collections::BTreeMap;
use std::path::Path;

/// How a file is imported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Check and count, save nothing.
    pub dry_run: bool,
    /// The column of each field (or of `key`, `id`) that is not matched by its name. A value inside a JSON object is
    /// named with dots.
    pub map: BTreeMap<String, String>,
    /// Import the good rows of a file with bad ones.
    pub skip_bad: bool,
}

/// Told how far it is: rows done, rows in all (0 = not known yet). Its `false` cancels.
pub(super) type Progress<'p> = &'p (dyn Fn(u64, u64) -> bool + Sync);

/// The operator stopped it.
pub(super) fn cancelled() -> WireError {
    WireError::new("cancelled", "Cancelled.")
}

/// The collection of this name.
pub(super) fn collection(name: &str) -> Result<&'static Collection> {
    let unknown = || WireError::new("unknown_collection", format!("There is no collection “{name}”."));
    schema::by_name(name).ok_or_else(unknown)
}

/// Imports a CSV or JSON file. Everything is checked first; with a bad row nothing is saved unless `skip_bad` says so.
/// The changes of one import are one group; they are all saved when it returns, or none is. A dry run gives the same
/// report and saves nothing.
///
/// Errors: `not_found`, `bad_file` (with the line), `too_large`, `unknown_collection`, `unknown_field` and
/// `unknown_column` (of `map`), `no_key`, `cancelled`, `busy`, `changed` (retryable), and those of the store.
pub fn import(
    store: &Store,
    collection_name: &str,
    file: &Path,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<ImportReport> {
    let c = collection(collection_name)?;
    let source = Source::open(file, LIMITS)?;
    let checked = store.read(|tx| Ok(check::check(tx, c, source, options, progress))).map_err(store_error)??;
    let Checked { rows, created, updated, unchanged, errors, notes, members } = checked;
    let rows = u64::from(rows);
    let mut report = ImportReport { rows, unchanged, errors, notes, ..ImportReport::default() };
    if !report.errors.is_empty() && !options.skip_bad {
        return Ok(report);
    }
    (report.created, report.updated) = (created, updated);
    if !options.dry_run && !members.is_empty() {
        let settled = rows - members.len() as u64;
        let work = move |tx: &mut WriteTx<'_>, member: &Member, group| save_member(tx, c, member, group);
        let saved = group::save(store, members, work, &|done| progress(settled + done, rows))?;
        report.group = Some(saved.id.to_string());
        tracing::info!(collection = c.name, changes = saved.changes.len(), group = %saved.id, "imported");
    } else {
        // Nothing is left to stop.
        progress(rows, rows);
    }
    Ok(report)
}

/// Saves one row, over what the record is now.
fn save_member(
    tx: &mut WriteTx<'_>,
    c: &Collection,
    member: &Member,
    group: GroupRef,
) -> std::result::Result<ChangeId, Failure> {
    let (draft, content) = (&member.draft, member.draft.content());
    let before = tx.row(c.id, draft.record)?;
    let changed = |why: &str| {
        let message = format!("The record of row {} changed while the import ran{why}. Start it again.", draft.row);
        Failure::Refused(WireError::retryable("changed", message))
    };
    if before.is_none() != member.creates {
        return Err(changed(""));
    }
    let ops = operations(c, draft.record, content.key.as_deref(), before.as_ref(), &content.values);
    match save_act(tx, Act { ops, ..Act::default() }, BULK, Some(group)).map_err(Failure::from) {
        Ok(Some(change)) => Ok(change),
        Ok(None) => Err(changed("")),
        Err(Failure::Refused(e)) => Err(changed(&format!(" ({})", e.message.trim_end_matches('.')))),
        Err(failure) => Err(failure),
    }
}
