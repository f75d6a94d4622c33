//! A person's decision about a conflict item: one that waits, or anew one that was decided.
//!
//! It names the item and the seq it saw, and holds only if nothing moved since; a stale one stays as an item of its own with
//! its choice shown, an equal second one is a no-op.

use super::apply::{Stop, Summary, refuse, restore};
use super::author::{Author, effective_base};
use super::merge::{self, Unit};
use super::work::Work;
use super::{items, texts, write};
use crate::meta::Stored;
use crate::storage::StorageError;
use omni_model::{Collection, ConflictId, FieldId, Policy, RecordId, Refusal, Resolution, Value};
use omni_protocol::{Base, ConflictItem, Decided, Settled, feed::PARKED};
use std::collections::BTreeSet;

/// Settles the item `named.0`, of which the author saw the state at seq `named.1` in the epoch of their base.
pub fn resolve(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    named: (ConflictId, u64),
    choice: &Resolution,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let item = work.item(named.0)?.filter(|i| (i.collection, i.record) == (collection.id, record));
    let Some(item) = item else { return refuse("not_found", "This conflict does not exist.") };
    if item.rule == PARKED {
        return match choice {
            Resolution::Stand => {
                close(work, author, None, item, Vec::new());
                Ok(())
            }
            _ => refuse("bad_operation", "A waiting command is sent again or put aside; it has no values to choose."),
        };
    }
    let Some(stored) = work.load(collection.id, record)? else { return Err(StorageError::corrupt("item").into()) };
    if let Resolution::Values(values) = choice {
        fits(collection, &item, values)?;
    }
    let head = work.tx().head()?;
    let saw = effective_base(Base { epoch: author.epoch, seq: named.1 }, head.position.epoch, &head.forks);
    match (holds_already(&stored, choice), moved_since(&stored, &item, choice, saw)) {
        (true, true) if item.decided != Decided::Open => Ok(()),
        (_, false) => apply(work, author, collection, stored, item, choice),
        (_, true) => keep_stale(work, author, stored, &item, choice, summary),
    }
}

/// Values only for fields of the item, and of their kind.
fn fits(collection: &Collection, item: &ConflictItem, values: &[(FieldId, Value)]) -> Result<(), Stop> {
    for (id, value) in values {
        let field = collection.field_by_id(*id).filter(|_| item.fields.contains(id));
        let Some(field) = field else {
            return refuse("invalid", "The decision names a field this conflict is not about.");
        };
        field.check(value).map_err(|e| Refusal::new("invalid", e.to_string()))?;
    }
    Ok(())
}

fn holds_already(stored: &Stored, choice: &Resolution) -> bool {
    match choice {
        Resolution::Values(values) => {
            stored.is_live() && values.iter().all(|(f, v)| merge::same(stored.row.get(*f), v))
        }
        Resolution::Delete => !stored.is_live(),
        Resolution::Stand => true,
    }
}

/// Whether the item or what it is about changed after `saw`.
fn moved_since(stored: &Stored, item: &ConflictItem, choice: &Resolution, saw: u64) -> bool {
    let later = |field: &FieldId| merge::last_write(stored, *field).is_some_and(|w| w.seq > saw);
    let record = stored.meta.deleted.is_some_and(|d| d.seq > saw)
        || (*choice == Resolution::Delete && stored.is_live() && stored.meta.seq > saw);
    item.seq > saw || item.fields.iter().any(later) || record
}

fn apply(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    mut stored: Stored,
    item: ConflictItem,
    choice: &Resolution,
) -> Result<(), Stop> {
    match choice {
        Resolution::Stand => {}
        Resolution::Delete => stored.meta.deleted = Some(author.stamp()),
        Resolution::Values(values) => {
            if !stored.is_live() {
                restore(&mut stored, author);
            }
            write::check_transitions(collection, &stored, values)?;
            if let Some(by) = write::frozen_by(collection, &stored, &fields_changed(&stored, values)) {
                return write::refuse_frozen(collection, &item.fields, by);
            }
            for (field, value) in values {
                write_choice(work, author, collection, &mut stored, *field, value)?;
            }
        }
    }
    let values = match stored.is_live() {
        true => item.fields.iter().map(|f| stored.row.get(*f).clone()).collect(),
        false => Vec::new(),
    };
    close(work, author, Some(&mut stored), item, values);
    Ok(work.store(stored)?)
}

fn fields_changed(stored: &Stored, values: &[(FieldId, Value)]) -> Vec<FieldId> {
    values.iter().filter(|(f, v)| !merge::same(stored.row.get(*f), v)).map(|(f, _)| *f).collect()
}

/// Brings a field to a chosen value, in its policy's own way: what others add later still merges with it.
fn write_choice(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    stored: &mut Stored,
    field: FieldId,
    value: &Value,
) -> Result<(), Stop> {
    if merge::same(stored.row.get(field), value) {
        return Ok(());
    }
    match collection.field_by_id(field).map(|f| f.policy) {
        Some(Policy::Text) => texts::settle(work, author, stored, field, value.as_text().unwrap_or_default())?,
        Some(Policy::Counter) => {
            let by = value.as_int().unwrap_or(0).saturating_sub(stored.row.get(field).as_int().unwrap_or(0));
            merge::merge_add(stored, field, by, author);
        }
        Some(Policy::Set) => {
            let (now, then): (BTreeSet<String>, BTreeSet<String>) =
                (stored.row.get(field).as_set().unwrap_or_default(), value.as_set().unwrap_or_default());
            let knowing = Author { base: u64::MAX, ..author.clone() };
            for item in then.difference(&now) {
                merge::merge_include(stored, field, item, author);
            }
            for item in now.difference(&then) {
                merge::merge_exclude(stored, field, item, &knowing);
            }
        }
        _ => {
            let unit: Unit = vec![(field, value.clone())];
            merge::take(stored, &unit, author);
        }
    }
    Ok(())
}

/// The item is settled by a person: nothing of it waits any more, and later edits are compared with what was chosen only.
fn close(work: &mut Work, author: &Author, stored: Option<&mut Stored>, mut item: ConflictItem, values: Vec<Value>) {
    if let Some(stored) = stored {
        stored.meta.open.retain(|id| *id != item.id);
        for field in &item.fields {
            let Some(meta) = stored.meta.fields.get_mut(field) else { continue };
            if meta.open == Some(item.id) {
                meta.open = None;
                meta.kept.retain(|k| k.stamp == meta.last);
            }
        }
    }
    item.decided = Decided::Person;
    item.seq = author.seq;
    item.settled = Some(Settled { change: author.change, device: author.device, at_ms: author.arrived_ms, values });
    work.put_item(item);
}

/// A stale decision: its choice waits beside what holds now.
fn keep_stale(
    work: &mut Work,
    author: &Author,
    mut stored: Stored,
    item: &ConflictItem,
    choice: &Resolution,
    summary: &mut Summary,
) -> Result<(), Stop> {
    match choice {
        // Nothing was to change: there is nothing to keep.
        Resolution::Stand => return refuse("stale", "This conflict changed since you looked. Look again."),
        Resolution::Delete => {
            summary.met = true;
            summary.waits.push((stored.row.id, FieldId::RECORD));
            items::wait_on_record(work, author, &mut stored, &Vec::new(), true, "stale")?;
        }
        Resolution::Values(values) if stored.is_live() => {
            let unit: Unit = values.clone();
            let open = unit.iter().find_map(|(f, _)| stored.meta.fields.get(f).and_then(|m| m.open));
            let before: Vec<Option<Value>> =
                unit.iter().map(|(f, _)| place_of(item, *f).and_then(|at| item.theirs.get(at).cloned())).collect();
            match open {
                Some(id) => {
                    let other = work.item(id)?.ok_or_else(|| StorageError::corrupt("conflict item"))?;
                    summary.met = true;
                    summary.waits.extend(unit.iter().map(|(f, _)| (stored.row.id, *f)));
                    items::join(work, author, &mut stored, other, &unit, false);
                }
                None if !unit.is_empty() => {
                    write::wait(work, author, &mut stored, &unit, &before, "stale", summary)?;
                }
                None => {}
            }
        }
        Resolution::Values(values) => {
            summary.met = true;
            summary.waits.extend(values.iter().map(|(f, _)| (stored.row.id, *f)));
            items::wait_on_record(work, author, &mut stored, values, false, "stale")?;
        }
    }
    Ok(work.store(stored)?)
}

fn place_of(item: &ConflictItem, field: FieldId) -> Option<usize> {
    item.fields.iter().position(|f| *f == field)
}
