//! Text fields on the laptop: what is typed becomes edits, shown over whatever is confirmed under them.
//!
//! An edit speaks of the text its author saw. That text stays beside the edit in the queue (`Change::was`) and is never sent:
//! central knows it, and proves it by its fingerprint.

use super::local::{EditError, refuse};
use super::overlay;
use super::tx::{OutboxEntry, ReplicaTx};
use crate::storage::StorageError;
use crate::text::{apply, diff, fingerprint, rebase};
use omni_model::{CollectionId, FieldId, Op, Policy, RecordId, TextEdit, Value, schema};
use omni_protocol::{Base, Change};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

type Place = (CollectionId, RecordId, FieldId);

/// The text field an operation writes, if it writes one as text or as a whole.
fn place(op: &Op) -> Option<Place> {
    let (Op::Set { collection, record, field, .. } | Op::Text { collection, record, field, .. }) = op else {
        return None;
    };
    let policy = schema::by_id(*collection).and_then(|c| c.field_by_id(*field)).map(|f| f.policy);
    (policy == Some(Policy::Text)).then_some((*collection, *record, *field))
}

/// A text as a value: the empty text is none.
pub fn value_of(text: String) -> Value {
    if text.is_empty() { Value::Null } else { Value::text(text) }
}

fn text_of(value: &Value) -> &str {
    value.as_text().unwrap_or_default()
}

/// Edits over the value that stands there now: as they are on the text their author saw, moved on any other. `None` if
/// that text (`was`) is not kept.
pub fn over(now: &Value, seen: u64, edits: &[TextEdit], was: &Value) -> Option<Value> {
    let (now, was) = (text_of(now), text_of(was));
    if fingerprint(now) == seen {
        return apply(now, edits).map(value_of);
    }
    if fingerprint(was) != seen {
        return None;
    }
    apply(now, &rebase(edits, was, now)?).map(value_of)
}

/// What an operator did to a text in one change.
struct Typing {
    before: String,
    after: String,
    edits: Vec<TextEdit>,
}

/// Writes to texts as edits, one operation for each field: so they merge with what others type. A text somebody may have
/// moved under own waiting edits is written whole: what is shown then is a forecast, and edits of it would speak of a
/// text central never had.
pub fn typed(tx: &dyn ReplicaTx, ops: Vec<Op>, base: Base) -> Result<Vec<Op>, EditError> {
    let made_anew: BTreeSet<RecordId> =
        ops.iter().filter(|op| matches!(op, Op::Insert { .. } | Op::Delete { .. })).map(|op| op.record().1).collect();
    let mut typing: BTreeMap<Place, Typing> = BTreeMap::new();
    for op in &ops {
        if let Some(at) = place(op).filter(|at| !made_anew.contains(&at.1)) {
            add(tx, &mut typing, at, op)?;
        }
    }
    let mut out = Vec::with_capacity(ops.len());
    for op in ops {
        match place(&op).filter(|at| !made_anew.contains(&at.1)) {
            None => out.push(op),
            Some(at) => match typing.remove(&at) {
                Some(t) if t.before != t.after => out.push(written(tx, at, t, base)?),
                // Nothing changed, or written with the first operation of the field.
                _ => {}
            },
        }
    }
    Ok(out)
}

fn add(tx: &dyn ReplicaTx, typing: &mut BTreeMap<Place, Typing>, at: Place, op: &Op) -> Result<(), EditError> {
    let t = match typing.entry(at) {
        Entry::Occupied(slot) => slot.into_mut(),
        Entry::Vacant(slot) => {
            let Some(row) = tx.row(at.0, at.1)? else { return refuse("not_found", "This record does not exist.") };
            let text = text_of(row.get(at.2)).to_owned();
            slot.insert(Typing { before: text.clone(), after: text, edits: Vec::new() })
        }
    };
    match op {
        Op::Text { seen, edits, .. } => {
            let moved = || refuse("moved", "The text changed under this edit. Make it again on the text as it is now.");
            if fingerprint(&t.after) != *seen {
                return moved();
            }
            let Some(after) = apply(&t.after, edits) else { return moved() };
            t.edits.extend(edits.iter().cloned());
            t.after = after;
        }
        Op::Set { value, .. } => {
            if !value.is_null() && value.as_text().is_none() {
                return refuse("invalid", "A text field takes text.");
            }
            t.edits.extend(diff(&t.after, text_of(value)));
            t.after = text_of(value).to_owned();
        }
        _ => {}
    }
    Ok(())
}

fn written(tx: &dyn ReplicaTx, at: Place, t: Typing, base: Base) -> Result<Op, StorageError> {
    let (collection, record, field) = at;
    Ok(match is_forecast(tx, at, base)? {
        true => Op::Set { collection, record, field, value: value_of(t.after) },
        false => Op::Text { collection, record, field, seen: fingerprint(&t.before), edits: t.edits },
    })
}

/// Whether the visible text may differ from what central makes of the same writes: own waiting ones lie on it that were
/// made at another position than `base`.
fn is_forecast(tx: &dyn ReplicaTx, (c, record, field): Place, base: Base) -> Result<bool, StorageError> {
    let waiting = tx.outbox_touching(c, record)?;
    Ok(waiting.iter().filter(|e| e.state.in_overlay()).any(|e| {
        overlay::ops_on(e, c, record).iter().any(|(op, _)| match op {
            Op::Resolve { .. } | Op::Undo { .. } => true,
            _ => e.change.base != base && op.fields().contains(&field),
        })
    }))
}

/// Writes of texts to be saved again, over what is visible now: the whole text each comes to there. One whose author's
/// text is not kept stays as it is; saving it says what to do.
pub fn renewed(tx: &dyn ReplicaTx, change: &mut Change) -> Result<(), StorageError> {
    for (i, op) in change.ops.iter_mut().enumerate() {
        let Some((collection, record, field)) = place(op) else { continue };
        let Some(row) = tx.row(collection, record)? else { continue };
        let Some(was) = change.was.get(i) else { continue };
        let again = match op {
            Op::Text { seen, edits, .. } => over(row.get(field), *seen, edits, was),
            Op::Set { value, .. } => {
                let edits = diff(text_of(was), text_of(value));
                over(row.get(field), fingerprint(text_of(was)), &edits, was)
            }
            _ => None,
        };
        if let Some(value) = again {
            *op = Op::Set { collection, record, field, value };
        }
    }
    Ok(())
}

/// Whether own later changes in the overlay write a text the entry writes: they were typed on a text without it.
pub fn typed_over(tx: &dyn ReplicaTx, entry: &OutboxEntry) -> Result<bool, StorageError> {
    for (c, record, field) in entry.change.ops.iter().filter_map(place) {
        let later = tx.outbox_touching(c, record)?;
        let writes = |e: &OutboxEntry| overlay::ops_on(e, c, record).iter().any(|(op, _)| op.fields().contains(&field));
        if later.iter().any(|e| e.local_no > entry.local_no && e.state.in_overlay() && writes(e)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a change that are sealed: without the texts its author saw, which stay here.
pub fn wire_bytes(change: &Change) -> Vec<u8> {
    if !keeps_texts(change) {
        return change.to_bytes();
    }
    let mut sent = change.clone();
    sent.was.iter_mut().zip(&change.ops).filter(|(_, op)| place(op).is_some()).for_each(|(was, _)| *was = Value::Null);
    sent.to_bytes()
}

/// Whether the change holds texts its sealed bytes do not: then a store keeps it beside them.
pub fn keeps_texts(change: &Change) -> bool {
    change.was.iter().zip(&change.ops).any(|(was, op)| !was.is_null() && place(op).is_some())
}
