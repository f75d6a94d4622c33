//! The pending overlay: what a record looks like with own unconfirmed changes on top of its confirmed state.

use super::texts;
use super::tx::{OutboxEntry, ReplicaTx};
use crate::storage::StorageError;
use omni_model::records::owner_of;
use omni_model::{CollectionId, Expected, FieldId, Op, RecordId, Records, Resolution, Row, Value, schema};
use std::cell::Cell;

/// Applies one operation to what a record looks like; `was` is the value its author had before. `false` = it no longer
/// fits (its record is gone, or exists).
pub fn apply_op(row: &mut Option<Row>, op: &Op, was: &Value) -> bool {
    match (op, row.as_mut()) {
        (Op::Insert { collection, record, key, values }, None) => {
            let mut fresh = Row::new(*collection, *record);
            fresh.key = key.clone();
            values.iter().for_each(|(f, v)| fresh.set(*f, v.clone()));
            *row = Some(fresh);
            true
        }
        (Op::Insert { values, .. }, Some(row)) => {
            values.iter().for_each(|(f, v)| insert_over(row, *f, v));
            true
        }
        (Op::Delete { .. }, _) => {
            *row = None;
            true
        }
        (Op::Resolve { .. }, None) => true,
        (Op::Undo { expects: Expected::Gone, .. } | Op::Resolve { choice: Resolution::Delete, .. }, _) => {
            *row = None;
            true
        }
        (Op::Undo { collection, record, expects: Expected::Values(values), .. }, _) => {
            let restored = row.get_or_insert_with(|| Row::new(*collection, *record));
            values.iter().for_each(|(f, v)| restored.set(*f, v.clone()));
            true
        }
        (_, None) => false,
        (Op::Resolve { choice: Resolution::Stand, .. }, Some(_)) => true,
        (Op::Resolve { choice: Resolution::Values(values), .. }, Some(row)) => {
            values.iter().for_each(|(f, v)| row.set(*f, v.clone()));
            true
        }
        (Op::Text { field, seen, edits, .. }, Some(row)) => {
            let edited = texts::over(row.get(*field), *seen, edits, was);
            edited.map(|text| row.set(*field, text)).is_some()
        }
        (Op::Set { field, value, .. }, Some(row)) => {
            row.set(*field, value.clone());
            true
        }
        (Op::Add { field, by, .. }, Some(row)) => {
            let now = row.get(*field).as_int().unwrap_or(0).saturating_add(*by);
            row.set(*field, Value::Int(now));
            true
        }
        (Op::Include { field, item, .. }, Some(row)) => {
            let mut items = row.get(*field).as_set().unwrap_or_default();
            items.insert(item.clone());
            row.set(*field, Value::Set(items));
            true
        }
        (Op::Exclude { field, item, .. }, Some(row)) => {
            let mut items = row.get(*field).as_set().unwrap_or_default();
            items.remove(item);
            row.set(*field, Value::Set(items));
            true
        }
    }
}

/// An insert on an existing record is a patch: sets grow, counters add, the rest is written.
fn insert_over(row: &mut Row, field: FieldId, value: &Value) {
    let counter = schema::by_id(row.collection)
        .and_then(|c| c.field_by_id(field))
        .is_some_and(|f| f.policy == omni_model::Policy::Counter);
    match (value, row.get(field).clone()) {
        (Value::Set(new), Value::Set(mut old)) => {
            old.extend(new.iter().cloned());
            row.set(field, Value::Set(old));
        }
        (Value::Int(by), Value::Int(old)) if counter => row.set(field, Value::Int(old.saturating_add(*by))),
        _ => row.set(field, value.clone()),
    }
}

/// The confirmed state of a record, touched or not.
pub fn confirmed_row(tx: &dyn ReplicaTx, c: CollectionId, id: RecordId) -> Result<Option<Row>, StorageError> {
    match tx.confirmed(c, id)? {
        Some(row) => Ok(row),
        None => tx.row(c, id),
    }
}

/// Makes the visible row of a record anew from its confirmed layer and the pending changes that touch it; without
/// pending changes the confirmed layer becomes the visible row and is dropped.
pub fn rebuild(tx: &mut dyn ReplicaTx, c: CollectionId, id: RecordId, seq: Option<u64>) -> Result<(), StorageError> {
    let Some(confirmed) = tx.confirmed(c, id)? else { return Ok(()) };
    let mut visible = confirmed;
    let mut pending = false;
    for entry in tx.outbox_touching(c, id)? {
        if !entry.state.in_overlay() {
            continue;
        }
        let ops = ops_on(&entry, c, id);
        if ops.is_empty() {
            continue;
        }
        pending = true;
        // Every operation is applied, also after one that does not fit.
        let mut fits = true;
        ops.iter().for_each(|(op, was)| fits &= apply_op(&mut visible, op, was));
        if entry.blocked == fits {
            tx.outbox_update(&OutboxEntry { blocked: !fits, ..entry })?;
        }
    }
    if let Some(row) = visible.as_mut().filter(|_| pending) {
        row.owner = visible_owner(tx, row)?;
    }
    match &visible {
        Some(row) => tx.put_row(row, seq)?,
        None => tx.remove_row(c, id)?,
    }
    if !pending {
        tx.drop_confirmed(c, id)?;
    }
    Ok(())
}

/// The owner of a row with pending changes, as the operator sees it; as it is if what it belongs to is not here.
fn visible_owner(tx: &dyn ReplicaTx, row: &Row) -> Result<RecordId, StorageError> {
    let Some(collection) = schema::by_id(row.collection) else { return Ok(row.owner) };
    let visible = Visible::new(tx);
    let owner = owner_of(collection, row, &visible);
    visible.take_failure()?;
    Ok(owner.unwrap_or(row.owner))
}

/// The operations of an entry on one record, each with the value its author had before (null where that is not kept).
pub fn ops_on(entry: &OutboxEntry, c: CollectionId, id: RecordId) -> Vec<(Op, Value)> {
    let was = |at: usize| entry.change.was.get(at).cloned().unwrap_or_default();
    let ops = entry.change.ops.iter().enumerate().filter(|(_, op)| op.record() == (c, id));
    ops.map(|(at, op)| (op.clone(), was(at))).collect()
}

/// Visible records as rules and commands see them.
pub struct Visible<'a> {
    tx: &'a dyn ReplicaTx,
    failed: Cell<Option<StorageError>>,
}

impl<'a> Visible<'a> {
    /// The overlay of a transaction.
    pub fn new(tx: &'a dyn ReplicaTx) -> Visible<'a> {
        Visible { tx, failed: Cell::new(None) }
    }

    /// The storage error a rule or command met, if any.
    pub fn take_failure(&self) -> Result<(), StorageError> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Records for Visible<'_> {
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row> {
        self.tx.row(collection, id).unwrap_or_else(|e| {
            self.failed.set(Some(e));
            None
        })
    }

    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId> {
        self.tx.linked(collection, field, target).unwrap_or_else(|e| {
            self.failed.set(Some(e));
            Vec::new()
        })
    }
}
