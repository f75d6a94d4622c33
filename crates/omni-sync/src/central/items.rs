//! Conflict items: opening, joining, superseding, and recording what a rule decided.

use super::author::Author;
use super::merge::Unit;
use super::work::Work;
use crate::diff;
use crate::meta::{FieldMeta, Stored};
use crate::storage::StorageError;
use omni_model::{FieldId, RecordId, Value};
use omni_protocol::{ConflictId, ConflictItem, Decided, DeviceId, Scope, Side};
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
    let compartment =
        fields.iter().map(|f| diff::compartment_of(stored.row.collection, *f)).max().unwrap_or_default();
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
        seq: author.seq,
        fields: fields.clone(),
    };
    work.put_item(scope_of(stored, &fields), item);
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

/// A later loser joins an open item; a write equal to one that waits already does not join twice.
pub fn join(work: &mut Work, author: &Author, stored: &Stored, mut item: ConflictItem, unit: &Unit, delete: bool) {
    let values: Vec<Value> = item
        .fields
        .iter()
        .map(|f| unit.iter().find(|(u, _)| u == f).map_or(Value::Null, |(_, v)| v.clone()))
        .collect();
    let waits_already = item.mine.iter().any(|s| s.values == values && s.delete == delete);
    if !waits_already && item.mine.len() < SIDES_MAX {
        item.mine.push(side(author, values, delete));
        item.seq = author.seq;
    }
    let scope = scope_of(stored, &item.fields);
    work.put_item(scope, item);
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
    let scope = scope_of(stored, &item.fields);
    work.put_item(scope, item);
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
        seq: author.seq,
        fields: fields.to_vec(),
    };
    work.put_item(scope_of(stored, fields), item);
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

/// Records *edit wins*: `restored` = the edit came second and restored the record; else the delete came second and lost.
pub fn decide_record(
    work: &mut Work,
    author: &Author,
    stored: &Stored,
    edited: &Unit,
    rule: &str,
    restored: bool,
) {
    let fields: Vec<FieldId> = edited.iter().map(|(f, _)| *f).collect();
    let mut lost = side(author, Vec::new(), true);
    if restored {
        lost.device = stored.meta.device;
    }
    let item = ConflictItem {
        id: item_id(stored.row.id, FieldId::RECORD, author.change),
        collection: stored.row.collection,
        record: stored.row.id,
        base: Vec::new(),
        mine: vec![lost],
        theirs: edited.iter().map(|(_, v)| v.clone()).collect(),
        theirs_device: Some(if restored { author.device } else { stored.meta.device }),
        theirs_ms: author.arrived_ms,
        rule: rule.to_owned(),
        decided: Decided::Auto,
        seq: author.seq,
        fields: fields.clone(),
    };
    work.put_item(scope_of(stored, &fields), item);
}

/// Delete against edit where the committed state stands: the second one waits in one record-level item.
pub fn wait_on_record(
    work: &mut Work,
    author: &Author,
    stored: &mut Stored,
    edited: &Unit,
    delete: bool,
    rule: &str,
) -> Result<(), StorageError> {
    let waiting = match stored.meta.open.first() {
        Some(id) => work.item(*id)?.filter(|i| i.decided == Decided::Open),
        None => None,
    };
    if let Some(mut item) = waiting {
        for (field, _) in edited {
            if !item.fields.contains(field) {
                item.fields.push(*field);
                item.mine.iter_mut().for_each(|s| s.values.push(Value::Null));
            }
        }
        join(work, author, stored, item, edited, delete);
        return Ok(());
    }
    let fields: Vec<FieldId> = edited.iter().map(|(f, _)| *f).collect();
    let id = item_id(stored.row.id, FieldId::RECORD, author.change);
    stored.meta.open.push(id);
    let item = ConflictItem {
        id,
        collection: stored.row.collection,
        record: stored.row.id,
        base: fields.iter().map(|f| stored.row.get(*f).clone()).collect(),
        mine: vec![side(author, edited.iter().map(|(_, v)| v.clone()).collect(), delete)],
        theirs: fields.iter().map(|f| stored.row.get(*f).clone()).collect(),
        theirs_device: Some(stored.meta.device),
        theirs_ms: stored.meta.at_ms,
        rule: rule.to_owned(),
        decided: Decided::Open,
        seq: author.seq,
        fields: fields.clone(),
    };
    work.put_item(scope_of(stored, &fields), item);
    Ok(())
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
        rule: "parked".to_owned(),
        decided: Decided::Open,
        seq: author.seq,
    };
    work.put_item(diff::open(owner), item);
}
