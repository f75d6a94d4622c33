//! Conflict items: opening, joining, superseding, and recording what a rule decided.

use super::author::Author;
use super::merge::Unit;
use super::seen::seen;
use super::work::Work;
use crate::diff;
use crate::meta::{FieldMeta, Stored};
use crate::storage::StorageError;
use omni_model::{Compartment, FieldId, RecordId, Value};
use omni_protocol::{ConflictId, ConflictItem, Decided, DeviceId, Scope, Side};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Joiners one item keeps with their text; a later one is still kept, in the history of its change.
const SIDES_MAX: usize = 64;

/// UUIDv5 of record, field and first losing change.
pub fn item_id(record: RecordId, field: FieldId, change: omni_protocol::ChangeId) -> ConflictId {
    let mut name = Vec::with_capacity(18);
    name.extend_from_slice(&field.0.to_be_bytes());
    name.extend_from_slice(change.as_bytes());
    ConflictId(Uuid::new_v5(&record.0, &name))
}

/// The scope of an item: its record's owner, the most guarded compartment of its fields.
fn scope_of(stored: &Stored, fields: &[FieldId]) -> Scope {
    let compartment = fields.iter().map(|f| diff::compartment_of(stored.row.collection, *f)).max().unwrap_or_default();
    Scope { owner: stored.row.owner, compartment }
}

fn side(author: &Author, values: Vec<Value>, delete: bool) -> Side {
    Side {
        change: author.change,
        device: author.device,
        values,
        typed_ms: author.typed_ms,
        arrived_ms: author.arrived_ms,
        delete,
    }
}

/// Opens an item for a unit that cannot be settled.
pub fn open(
    work: &mut Work,
    author: &Author,
    stored: &mut Stored,
    unit: &Unit,
    before: &[Value],
    rule: &str,
) -> Result<(), StorageError> {
    let fields: Vec<FieldId> = unit.iter().map(|(f, _)| *f).collect();
    let id = item_id(stored.row.id, fields[0], author.change);
    for field in &fields {
        let fallback = standing_meta(stored, author);
        stored.meta.fields.entry(*field).or_insert(fallback).open = Some(id);
    }
    let meta = stored.meta.fields.get(&fields[0]);
    let item = ConflictItem {
        id,
        collection: stored.row.collection,
        record: stored.row.id,
        base: before.to_vec(),
        mine: vec![side(author, unit.iter().map(|(_, v)| v.clone()).collect(), false)],
        theirs: fields.iter().map(|f| stored.row.get(*f).clone()).collect(),
        theirs_device: meta.map(|m| m.device),
        theirs_ms: meta.map_or(0, |m| m.at_ms),
        rule: rule.to_owned(),
        decided: Decided::Open,
        settled: None,
        seq: author.seq,
        scope: scope_of(stored, &fields),
        fields,
    };
    work.put_item(item);
    Ok(())
}

/// The causality of a field that so far stands since the record's creation.
fn standing_meta(stored: &Stored, _author: &Author) -> FieldMeta {
    FieldMeta {
        last: stored.meta.created,
        kept: vec![crate::meta::Kept {
            stamp: stored.meta.created,
            interval: stored.meta.interval,
            authority: stored.meta.authority,
        }],
        open: None,
        tags: Default::default(),
        device: stored.meta.device,
        at_ms: stored.meta.at_ms,
    }
}

/// A later loser joins an open item; a write equal to one that waits already does not join twice. Fields it writes and
/// the item does not hold yet (the rest of a merge group) come into question with it.
pub fn join(work: &mut Work, author: &Author, stored: &mut Stored, mut item: ConflictItem, unit: &Unit, delete: bool) {
    for (field, _) in unit.iter().filter(|(f, _)| !item.fields.contains(f)).cloned().collect::<Vec<_>>() {
        let committed = stored.row.get(field).clone();
        item.fields.push(field);
        item.base.push(committed.clone());
        item.theirs.push(committed.clone());
        item.mine.iter_mut().filter(|s| !s.delete).for_each(|s| s.values.push(committed.clone()));
        if !stored.meta.open.contains(&item.id) {
            let fallback = standing_meta(stored, author);
            stored.meta.fields.entry(field).or_insert(fallback).open = Some(item.id);
        }
    }
    let wanted = |field: &FieldId| match unit.iter().find(|(u, _)| u == field) {
        Some((_, value)) => value.clone(),
        None => stored.row.get(*field).clone(),
    };
    let values: Vec<Value> = if delete { Vec::new() } else { item.fields.iter().map(wanted).collect() };
    let waits_already = item.mine.iter().any(|s| s.values == values && s.delete == delete);
    if !waits_already && item.mine.len() < SIDES_MAX {
        item.mine.push(side(author, values, delete));
        item.seq = author.seq;
    }
    work.put_item(item);
}

/// Open items go where their record goes: a record that left its owner took them along.
pub fn follow_owners(work: &mut Work) -> Result<(), StorageError> {
    for w in work.touched() {
        let live = |s: Option<Stored>| s.filter(Stored::is_live);
        let (Some(before), Some(now)) = (live(w.before), live(w.now)) else { continue };
        if before.row.owner == now.row.owner {
            continue;
        }
        let of_fields = now.meta.fields.values().filter_map(|m| m.open);
        let open: BTreeSet<ConflictId> = of_fields.chain(now.meta.open.iter().copied()).collect();
        for id in open {
            let Some(mut item) = work.item(id)? else { continue };
            if item.moves_with_record() && item.scope.owner == before.row.owner {
                item.scope.owner = now.row.owner;
                work.put_item(item);
            }
        }
    }
    Ok(())
}

/// A later knowing write settles the field: the item closes, what waited stays in it.
pub fn supersede(work: &mut Work, author: &Author, stored: &mut Stored, mut item: ConflictItem) {
    for field in &item.fields {
        if let Some(meta) = stored.meta.fields.get_mut(field) {
            meta.open = None;
            meta.kept.clear();
        }
    }
    item.decided = Decided::Person;
    item.rule = "superseded".to_owned();
    item.seq = author.seq;
    work.put_item(item);
}

/// Records what a rule decided about fields: the loser with its text, the winner beside it.
pub fn decide_sides(
    work: &mut Work,
    author: &Author,
    stored: &Stored,
    fields: &[FieldId],
    rule: &str,
    loser: (DeviceId, &[Value]),
    winner: (DeviceId, &[Value]),
) {
    let mut lost = side(author, loser.1.to_vec(), false);
    lost.device = loser.0;
    let item = ConflictItem {
        id: item_id(stored.row.id, fields[0], author.change),
        collection: stored.row.collection,
        record: stored.row.id,
        base: Vec::new(),
        mine: vec![lost],
        theirs: winner.1.to_vec(),
        theirs_device: Some(winner.0),
        theirs_ms: author.arrived_ms,
        rule: rule.to_owned(),
        decided: Decided::Auto,
        settled: None,
        seq: author.seq,
        scope: scope_of(stored, fields),
        fields: fields.to_vec(),
    };
    work.put_item(item);
}

/// Records what a rule decided where the author's write lost.
#[allow(clippy::too_many_arguments)]
pub fn decide(
    work: &mut Work,
    author: &Author,
    stored: &Stored,
    fields: &[FieldId],
    rule: &str,
    loser: &[Value],
    winner: &[Value],
    winner_device: DeviceId,
) {
    decide_sides(work, author, stored, fields, rule, (author.device, loser), (winner_device, winner));
}

/// The fields of a record-level item, by compartment: an item must not show a guarded value to whoever may read the
/// others, nor hide an open one from its author. Without fields it stands in the open compartment.
fn by_compartment(stored: &Stored, unit: &Unit) -> BTreeMap<u8, Unit> {
    let mut parts: BTreeMap<u8, Unit> = BTreeMap::new();
    for (field, value) in unit {
        let compartment = diff::compartment_of(stored.row.collection, *field);
        parts.entry(compartment).or_default().push((*field, value.clone()));
    }
    if parts.is_empty() {
        parts.insert(Compartment::Open as u8, Unit::new());
    }
    parts
}

/// The id of a record-level item: UUIDv5 of record and first losing change; in a guarded compartment of that too, as it
/// stands beside the open one.
fn record_item_id(stored: &Stored, compartment: u8, author: &Author) -> ConflictId {
    let open = item_id(stored.row.id, FieldId::RECORD, author.change);
    match compartment == Compartment::Open as u8 {
        true => open,
        false => ConflictId(Uuid::new_v5(&open.0, &[compartment])),
    }
}

/// Records *edit wins*: `restored` = the edit came second and restored the record; else the delete came second and lost.
pub fn decide_record(work: &mut Work, author: &Author, stored: &Stored, edited: &Unit, rule: &str, restored: bool) {
    let mut lost = side(author, Vec::new(), true);
    if restored {
        lost.device = stored.meta.device;
    }
    for (compartment, part) in by_compartment(stored, edited) {
        let item = ConflictItem {
            id: record_item_id(stored, compartment, author),
            collection: stored.row.collection,
            record: stored.row.id,
            fields: part.iter().map(|(f, _)| *f).collect(),
            base: Vec::new(),
            mine: vec![lost.clone()],
            theirs: part.iter().map(|(_, v)| v.clone()).collect(),
            theirs_device: Some(if restored { author.device } else { stored.meta.device }),
            theirs_ms: author.arrived_ms,
            rule: rule.to_owned(),
            decided: Decided::Auto,
            settled: None,
            seq: author.seq,
            scope: Scope { owner: stored.row.owner, compartment },
        };
        work.put_item(item);
    }
}

/// Delete against edit where the committed state stands: the second one waits in a record-level item of its compartment.
/// `edited` are the fields of the edit; where a delete waits, they are those it did not know, with their committed values.
pub fn wait_on_record(
    work: &mut Work,
    author: &Author,
    stored: &mut Stored,
    edited: &Unit,
    delete: bool,
    rule: &str,
) -> Result<(), StorageError> {
    for (compartment, part) in by_compartment(stored, edited) {
        let waiting = waiting_item(work, stored, compartment)?;
        if let Some(item) = waiting {
            join(work, author, stored, item, &part, delete);
            continue;
        }
        let fields: Vec<FieldId> = part.iter().map(|(f, _)| *f).collect();
        let standing: Vec<Value> = fields.iter().map(|f| stored.row.get(*f).clone()).collect();
        let mut base = Vec::with_capacity(fields.len());
        for field in &fields {
            base.push(if delete { seen(work, author, stored, *field)? } else { stored.row.get(*field).clone() });
        }
        let values = if delete { Vec::new() } else { part.into_iter().map(|(_, v)| v).collect() };
        let id = record_item_id(stored, compartment, author);
        stored.meta.open.push(id);
        let item = ConflictItem {
            id,
            collection: stored.row.collection,
            record: stored.row.id,
            base,
            mine: vec![side(author, values, delete)],
            theirs: standing,
            theirs_device: Some(stored.meta.device),
            theirs_ms: stored.meta.at_ms,
            rule: rule.to_owned(),
            decided: Decided::Open,
            settled: None,
            seq: author.seq,
            scope: Scope { owner: stored.row.owner, compartment },
            fields,
        };
        work.put_item(item);
    }
    Ok(())
}

/// The record-level item of a compartment that is still open.
fn waiting_item(work: &Work, stored: &Stored, compartment: u8) -> Result<Option<ConflictItem>, StorageError> {
    for id in &stored.meta.open {
        let open = work.item(*id)?.filter(|i| i.decided == Decided::Open && i.scope.compartment == compartment);
        if open.is_some() {
            return Ok(open);
        }
    }
    Ok(None)
}

/// One item for a whole command that was refused by concurrency: nothing of it took effect.
pub fn park(work: &mut Work, author: &Author, anchor: Option<&Stored>, target: (omni_model::CollectionId, RecordId)) {
    let owner = anchor.map_or(RecordId::GLOBAL, |s| s.row.owner);
    let item = ConflictItem {
        id: item_id(target.1, FieldId::RECORD, author.change),
        collection: target.0,
        record: target.1,
        fields: Vec::new(),
        base: Vec::new(),
        mine: vec![side(author, Vec::new(), false)],
        theirs: Vec::new(),
        theirs_device: anchor.map(|s| s.meta.device),
        theirs_ms: anchor.map_or(0, |s| s.meta.at_ms),
        rule: omni_protocol::feed::PARKED.to_owned(),
        decided: Decided::Open,
        settled: None,
        seq: author.seq,
        scope: diff::open(owner),
    };
    work.put_item(item);
}
