//! Taking back what was saved of a group that could not be finished. What was not sent leaves the queue as if it had
//! never been there; what was sent is reversed by new changes.

use super::group::{OPEN_GROUP, Turn};
use super::slices::Slices;
use super::writes::{Act, Failure, save_act};
use crate::error::{Result, internal, store_error};
use crate::ids;
use omni_model::{Op, Row, Value};
use omni_protocol::change::BULK;
use omni_protocol::{Change, ChangeId, GroupId, GroupRef, WireError};
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use omni_sync::replica::texts;
use omni_sync::replica::{EditError, OutboxState, ReplicaTx, discard};
use omni_sync::text;

/// Changes read from the queue at once.
const PAGE: u64 = 1_000;

/// What was done about an unfinished group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TakenBack {
    removed: u64,
    reversed: u64,
    left: u64,
}

/// What `recover` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The group that was not finished.
    pub group: GroupId,
    /// Changes taken out of the queue, or reversed because they had been sent.
    pub taken_back: u64,
    /// Changes that could not be taken back; they stay as they are.
    pub left: u64,
}

/// Takes `saved` back and says so in the error.
pub(super) fn after(store: &Store, reason: WireError, saved: &[ChangeId]) -> WireError {
    let done = match saved.is_empty() {
        true => Ok(TakenBack::default()),
        false => take_back(store, saved).and_then(|done| close(store).map(|()| done)),
    };
    let outcome = match done {
        Ok(TakenBack { left: 0, reversed: 0, .. }) => "Nothing was saved.".to_owned(),
        Ok(TakenBack { left: 0, reversed, .. }) => {
            format!("Everything was taken back; {reversed} changes had been sent and are reversed by new ones.")
        }
        Ok(TakenBack { left, .. }) => {
            format!("{left} changes had been sent and could not be reversed. The history shows them.")
        }
        Err(e) => {
            tracing::error!(error = %e, "an unfinished group could not be taken back");
            let n = saved.len();
            format!("The {n} changes saved before could not be taken back now ({}); the next start does it.", e.message)
        }
    };
    WireError { message: format!("{} {outcome}", reason.message), ..reason }
}

/// Takes back a group whose saving a crash or a full disk cut short. Call it when the replica is opened, before
/// synchronisation starts. `None` = there is none.
///
/// Errors: those of the store; then call it again at the next start.
pub fn recover(store: &Store) -> Result<Option<Recovered>> {
    let Some(bytes) = store.read(|tx| tx.fact(OPEN_GROUP)).map_err(store_error)? else { return Ok(None) };
    let _turn = Turn::take(store)?;
    let group = GroupId::from_slice(&bytes).ok_or_else(|| internal("Taking back an unfinished import", "bad fact"))?;
    let members = members(store, group).map_err(store_error)?;
    let done = take_back(store, &members)?;
    close(store)?;
    tracing::warn!(%group, ?done, "an import that was cut short was taken back");
    Ok(Some(Recovered { group, taken_back: done.removed + done.reversed, left: done.left }))
}

fn members(store: &Store, group: GroupId) -> std::result::Result<Vec<ChangeId>, StoreError> {
    let mut found = Vec::new();
    for offset in (0..).step_by(PAGE as usize) {
        let (_, lines) = store.read(|tx| tx.queue(None, offset, PAGE))?;
        if lines.is_empty() {
            break;
        }
        let changes = lines.into_iter().map(|l| l.entry.change);
        found.extend(changes.filter_map(|c| c.group.filter(|g| g.id == group).map(|g| (g.index, c.id))));
    }
    found.sort_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// The group is dealt with.
fn close(store: &Store) -> Result<()> {
    let forget = |tx: &mut WriteTx<'_>| tx.set_fact(OPEN_GROUP, None);
    store.write(Lane::Interactive, Durability::Full, forget).map_err(store_error)
}

/// Newest first: what a record was made of goes after what was built on it.
fn take_back(store: &Store, changes: &[ChangeId]) -> Result<TakenBack> {
    let newest_first: Vec<ChangeId> = changes.iter().rev().copied().collect();
    let mut removal =
        Slices::new(store, newest_first.clone(), |tx: &mut WriteTx<'_>, _, id: &ChangeId| remove(tx, *id));
    let mut sent = Vec::new();
    let mut at = 0;
    while at < removal.len() {
        let done = removal.next(at, removal.len()).map_err(|stopped| WireError::from(stopped.failure))?;
        sent.extend(done.iter().zip(&newest_first[at..]).filter(|(removed, _)| !**removed).map(|(_, id)| *id));
        at += done.len();
    }
    let removed = (changes.len() - sent.len()) as u64;
    let group = GroupRef { id: ids::group_id(), index: 0, count: sent.len() as u32 };
    let mut reversal = Slices::new(store, sent, move |tx: &mut WriteTx<'_>, at, id: &ChangeId| {
        reverse(tx, *id, GroupRef { index: at as u32, ..group })
    });
    let (done, failed) = reversal.each();
    if let Some(e) = failed {
        return Err(store_error(e));
    }
    let left = done.iter().filter(|d| d.is_err()).count() as u64;
    Ok(TakenBack { removed, reversed: done.len() as u64 - left, left })
}

/// Takes a change out of the queue; `false` = it was sent.
fn remove(tx: &mut WriteTx<'_>, id: ChangeId) -> std::result::Result<bool, Failure> {
    let Some(entry) = tx.outbox_get(id)? else { return Ok(false) };
    if entry.state != OutboxState::Discarded {
        match discard(tx, id) {
            Ok(()) => {}
            Err(EditError::Refused { .. }) => return Ok(false),
            Err(EditError::Storage(e)) => return Err(e.into()),
        }
    }
    tx.outbox_remove(id)?;
    Ok(true)
}

/// Saves the opposite of a change that was sent, as far as it is still what stands in the record.
fn reverse(tx: &mut WriteTx<'_>, id: ChangeId, group: GroupRef) -> std::result::Result<(), Failure> {
    let change = match tx.outbox_get(id)? {
        Some(entry) => entry.change,
        None => {
            let kept = tx.read()?.own_change(id)?.and_then(|kept| Change::from_bytes(&kept.sealed).ok());
            kept.ok_or_else(|| WireError::new("not_found", "The change is not kept any more."))?
        }
    };
    let mut ops = Vec::new();
    for (op, was) in change.ops.iter().zip(&change.was).rev() {
        let (c, record) = op.record();
        let row = tx.row(c, record)?;
        let Some(row) = row else { continue };
        match opposite(op, was, &row) {
            // Once the change is confirmed, only central knows the text it was made on.
            None if matches!(op, Op::Text { .. }) => {
                return Err(
                    WireError::new("text_base", "The text this edit was made on is not kept here any more.").into()
                );
            }
            back => ops.extend(back),
        }
    }
    save_act(tx, Act { ops, ..Act::default() }, BULK, Some(group))?;
    Ok(())
}

fn opposite(op: &Op, was: &Value, row: &Row) -> Option<Op> {
    let has = |field, item: &String| row.get(field).as_set().is_some_and(|set| set.contains(item));
    match op.clone() {
        Op::Insert { collection, record, .. } => Some(Op::Delete { collection, record }),
        Op::Set { collection, record, field, value } => {
            (*row.get(field) == value).then(|| Op::Set { collection, record, field, value: was.clone() })
        }
        Op::Add { collection, record, field, by } => {
            Some(Op::Add { collection, record, field, by: by.saturating_neg() })
        }
        Op::Include { collection, record, field, item } => {
            has(field, &item).then_some(Op::Exclude { collection, record, field, item })
        }
        Op::Exclude { collection, record, field, item } => {
            (!has(field, &item)).then_some(Op::Include { collection, record, field, item })
        }
        Op::Text { collection, record, field, seen, edits } => {
            let before = was.as_text().unwrap_or_default();
            let after = text::apply(before, &edits).filter(|_| text::fingerprint(before) == seen)?;
            let back = text::diff(&after, before);
            let now = row.get(field);
            let value = texts::over(now, text::fingerprint(&after), &back, &Value::text(after.clone()))?;
            Some(Op::Set { collection, record, field, value })
        }
        Op::Resolve { .. } | Op::Undo { .. } | Op::Delete { .. } => None,
    }
}
