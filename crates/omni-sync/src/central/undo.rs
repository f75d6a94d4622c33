//! Taking back what a committed change did to one record.
//!
//! A field goes back only if the undone change is still its last writer, else its undo is offered as a choice. Counters
//! subtract, sets invert, texts written since invert their own operations; a created record is deleted, a deleted one restored.

use super::apply::{Stop, Summary, refuse, restore};
use super::author::Author;
use super::merge::{self, Unit};
use super::text::TextWrite;
use super::work::Work;
use super::{texts, write};
use crate::meta::{FieldImage, Image, Stamp, Stored};
use omni_model::{ChangeId, Collection, FieldId, Policy, RecordId, Value};
use std::collections::BTreeSet;

/// Takes back what `change` did to the record.
pub fn undo(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    change: ChangeId,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let Some((_, outcome)) = work.tx().known_change(change)? else {
        return refuse("not_found", "Central does not know the change that is to be taken back.");
    };
    let Some(seq) = outcome.seq.filter(|_| outcome.took_effect()) else {
        return refuse("not_in_effect", "The change that is to be taken back never took effect.");
    };
    // A change that changed nothing made no commit: its outcome names the head it met.
    let Some(done) = work.tx().committed(seq)?.filter(|c| c.info.change == change) else { return Ok(()) };
    let image = done.images.iter().find(|i| (i.collection, i.record) == (collection.id, record));
    let Some(image) = image else { return Ok(()) };
    let stamp = Stamp { seq, replica: done.info.replica, counter: done.info.counter };
    let Some(mut stored) = work.load(collection.id, record)? else { return Ok(()) };
    match (image.owner_before, image.owner_after) {
        (None, _) => undo_creation(&mut stored, author, &stamp, summary),
        (Some(_), None) => undo_deletion(&mut stored, author, &stamp, summary),
        (Some(_), Some(_)) if !stored.is_live() => {
            summary.offered.extend(image.fields.iter().map(|f| (record, f.field)));
        }
        (Some(_), Some(_)) => {
            undo_fields(work, author, collection, &mut stored, image, &stamp, summary)?;
        }
    }
    Ok(work.store(stored)?)
}

fn undo_creation(stored: &mut Stored, author: &Author, stamp: &Stamp, summary: &mut Summary) {
    if !stored.is_live() {
        return;
    }
    // Restored by an edit, or written since by anybody: not its last writer any more.
    let untouched = stored.meta.created.seq == stamp.seq
        && stored.meta.restored.is_none()
        && stored.meta.fields.values().all(|m| m.last.seq == stamp.seq && m.open.is_none())
        && stored.meta.open.is_empty();
    match untouched {
        true => stored.meta.deleted = Some(author.stamp()),
        false => summary.offered.push((stored.row.id, FieldId::RECORD)),
    }
}

fn undo_deletion(stored: &mut Stored, author: &Author, stamp: &Stamp, summary: &mut Summary) {
    match stored.meta.deleted {
        Some(deleted) if deleted.seq == stamp.seq => restore(stored, author),
        Some(_) => summary.offered.push((stored.row.id, FieldId::RECORD)),
        None => {}
    }
}

fn undo_fields(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    stored: &mut Stored,
    image: &Image,
    stamp: &Stamp,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let mut plain: Vec<&FieldImage> = Vec::new();
    for part in &image.fields {
        let Some(field) = collection.field_by_id(part.field) else { continue };
        match field.policy {
            Policy::Counter => {
                let by = part.before.as_int().unwrap_or(0).saturating_sub(part.after.as_int().unwrap_or(0));
                merge::merge_add(stored, part.field, by, author);
            }
            Policy::Set => undo_items(stored, author, part, stamp),
            // Nobody wrote since: it is exactly what it was, wherever the change had met others' edits in it.
            Policy::Text if merge::last_write(stored, part.field).is_some_and(|w| w.seq == stamp.seq) => {
                texts::settle(work, author, stored, part.field, part.before.as_text().unwrap_or_default())?;
            }
            Policy::Text => {
                let invert = TextWrite::Invert(*stamp);
                texts::merge_into(work, author, collection, stored, part.field, &invert, summary)?;
            }
            _ => plain.push(part),
        }
    }
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for part in &plain {
        let group = collection.field_by_id(part.field).and_then(|f| f.group);
        let unit: Vec<&FieldImage> = match group {
            Some(group) if !done.insert(group) => continue,
            Some(group) => plain.iter().filter(|p| in_group(collection, p.field, group)).copied().collect(),
            None => vec![part],
        };
        restore_unit(collection, stored, author, &unit, stamp, summary)?;
    }
    Ok(())
}

fn in_group(collection: &Collection, field: FieldId, group: &str) -> bool {
    collection.field_by_id(field).is_some_and(|f| f.group == Some(group))
}

/// A field, or the fields of a group: back together or not at all.
fn restore_unit(
    collection: &'static Collection,
    stored: &mut Stored,
    author: &Author,
    unit: &[&FieldImage],
    stamp: &Stamp,
    summary: &mut Summary,
) -> Result<(), Stop> {
    if unit.iter().all(|p| merge::same(stored.row.get(p.field), &p.before)) {
        return Ok(());
    }
    let fields: Vec<FieldId> = unit.iter().map(|p| p.field).collect();
    let is_last = |f: &FieldId| merge::last_write(stored, *f).is_none_or(|w| w.seq == stamp.seq);
    let waits = |f: &FieldId| stored.meta.fields.get(f).is_some_and(|m| m.open.is_some());
    if !fields.iter().all(is_last) || fields.iter().any(waits) {
        summary.offered.extend(fields.iter().map(|f| (stored.row.id, *f)));
        return Ok(());
    }
    if let Some(by) = write::frozen_by(collection, stored, &fields) {
        return write::refuse_frozen(collection, &fields, by);
    }
    let values: Unit = unit.iter().map(|p| (p.field, p.before.clone())).collect();
    merge::take(stored, &values, author);
    Ok(())
}

/// What the change put in goes, what it took out comes back. An addition somebody repeated stays.
fn undo_items(stored: &mut Stored, author: &Author, part: &FieldImage, stamp: &Stamp) {
    let (before, after) = (items(&part.before), items(&part.after));
    for item in after.difference(&before) {
        let repeated = stored.meta.fields.get(&part.field).and_then(|m| m.tags.get(item));
        if repeated.is_some_and(|tags| tags.iter().any(|t| t.seq != stamp.seq)) {
            continue;
        }
        let knowing = Author { base: u64::MAX, ..author.clone() };
        merge::merge_exclude(stored, part.field, item, &knowing);
    }
    for item in before.difference(&after) {
        merge::merge_include(stored, part.field, item, author);
    }
}

fn items(value: &Value) -> BTreeSet<String> {
    value.as_set().unwrap_or_default()
}
