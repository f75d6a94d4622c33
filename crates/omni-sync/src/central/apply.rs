//! Applies a change's operations to a working copy: units through the merge, deletes against edits, conflict items.

use super::author::Author;
use super::merge::{self, Unit, Verdict};
use super::text::TextWrite;
use super::work::Work;
use super::{items, resolve, texts, undo, write};
use crate::meta::{RecordMeta, Stored};
use crate::storage::StorageError;
use omni_model::{Collection, CollectionId, DeleteRule, FieldId, Op, Policy, RecordId, Refusal, Row, Value};
use std::collections::BTreeSet;

/// What became of a change as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// It met a write it did not know.
    pub met: bool,
    /// Fields that did not take effect: lost by rule, or waiting.
    pub waits: Vec<(RecordId, FieldId)>,
    /// Fields whose undo is offered as a choice instead of done: something wrote them since.
    pub offered: Vec<(RecordId, FieldId)>,
}

/// Storage failed, or the change is refused.
pub enum Stop {
    /// The medium failed.
    Storage(StorageError),
    /// Nothing of the change takes effect, for this reason.
    Refused(Refusal),
}

impl From<StorageError> for Stop {
    fn from(e: StorageError) -> Stop {
        Stop::Storage(e)
    }
}

impl From<Refusal> for Stop {
    fn from(r: Refusal) -> Stop {
        Stop::Refused(r)
    }
}

pub fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(Refusal::new(code, message)))
}

/// Applies operations in order. `was` holds, per operation, what the author had before.
pub fn apply_ops(work: &mut Work, author: &Author, ops: &[Op], was: &[Value]) -> Result<Summary, Stop> {
    let mut summary = Summary::default();
    let mut grouped: BTreeSet<usize> = BTreeSet::new();
    for (at, op) in ops.iter().enumerate() {
        if grouped.contains(&at) {
            continue;
        }
        let (cid, record) = op.record();
        let Some(collection) = work.catalog().by_id(cid) else {
            return refuse("unknown_field", format!("Central does not know collection {}.", cid.0));
        };
        match op {
            Op::Set { field, .. } => {
                let members = unit_members(ops, at, collection, *field);
                let unit: Unit = members.iter().filter_map(|&i| set_of(&ops[i])).collect();
                let before: Vec<Option<Value>> =
                    members.iter().map(|&i| was.get(i).filter(|_| was.len() == ops.len()).cloned()).collect();
                grouped.extend(members);
                write::set(work, author, collection, record, unit, before, &mut summary)?;
            }
            _ => apply_op(work, author, collection, op, &mut summary)?,
        }
    }
    Ok(summary)
}

/// Any operation but a set.
fn apply_op(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    op: &Op,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let (_, record) = op.record();
    match op {
        Op::Insert { key, values, .. } => insert(work, author, collection, record, key.as_deref(), values, summary),
        Op::Delete { .. } => delete(work, author, collection, record, summary),
        Op::Add { field, by, .. } => {
            expect_policy(collection, *field, |p| p == Policy::Counter)?;
            let unit = vec![(*field, Value::Int(*by))];
            if let Some(mut stored) = writable(work, author, collection, record, &unit, summary)? {
                merge::merge_add(&mut stored, *field, *by, author);
                work.store(stored)?;
            }
            Ok(())
        }
        Op::Include { field, item, .. } | Op::Exclude { field, item, .. } => {
            let add = matches!(op, Op::Include { .. });
            set_item(work, author, collection, record, *field, item, add, summary)
        }
        Op::Text { field, seen, edits, .. } => {
            expect_policy(collection, *field, |p| p == Policy::Text)?;
            let write = TextWrite::Edits { seen: *seen, edits };
            texts::write(work, author, collection, record, *field, &write, summary)
        }
        Op::Resolve { item, saw, choice, .. } => {
            resolve::resolve(work, author, collection, record, (*item, *saw), choice, summary)
        }
        Op::Undo { change, .. } => undo::undo(work, author, collection, record, *change, summary),
        Op::Set { .. } => Ok(()),
    }
}

/// Puts an item into a set or takes it out.
#[allow(clippy::too_many_arguments)]
fn set_item(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    field: FieldId,
    item: &str,
    add: bool,
    summary: &mut Summary,
) -> Result<(), Stop> {
    expect_policy(collection, field, |p| p == Policy::Set)?;
    let unit = vec![(field, Value::set([item]))];
    let Some(mut stored) = writable(work, author, collection, record, &unit, summary)? else { return Ok(()) };
    let verdict = match add {
        true => merge::merge_include(&mut stored, field, item, author),
        false => merge::merge_exclude(&mut stored, field, item, author),
    };
    if let Verdict::Lost { rule } = verdict {
        summary.met = true;
        summary.waits.push((record, field));
        let winner = vec![Value::set([item])];
        items::decide(work, author, &stored, &[field], rule, &[Value::Null], &winner, author.device);
    }
    Ok(work.store(stored)?)
}

fn set_of(op: &Op) -> Option<(FieldId, Value)> {
    match op {
        Op::Set { field, value, .. } => Some((*field, value.clone())),
        _ => None,
    }
}

/// Indexes of the sets that form one write with the set at `at`: itself, or all of its merge group in this record.
fn unit_members(ops: &[Op], at: usize, collection: &Collection, field: FieldId) -> Vec<usize> {
    let Some(group) = collection.field_by_id(field).and_then(|f| f.group) else { return vec![at] };
    let record = ops[at].record();
    (at..ops.len())
        .filter(|&i| ops[i].record() == record)
        .filter(|&i| {
            set_of(&ops[i]).and_then(|(f, _)| collection.field_by_id(f)).is_some_and(|f| f.group == Some(group))
        })
        .collect()
}

fn expect_policy(collection: &Collection, field: FieldId, fits: impl Fn(Policy) -> bool) -> Result<(), Stop> {
    match collection.field_by_id(field) {
        None => refuse("unknown_field", format!("Central does not know field {} of {}.", field.0, collection.name)),
        Some(f) if fits(f.policy) => Ok(()),
        Some(f) => refuse("bad_operation", format!("{} cannot be written like this.", f.label)),
    }
}

/// The record as a target of a write: live, or restored over a delete where the rules say so. `None` = the committed
/// delete stands and the write waits in an item.
pub fn writable(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    unit: &Unit,
    summary: &mut Summary,
) -> Result<Option<Stored>, Stop> {
    let Some(mut stored) = work.load(collection.id, record)? else {
        return refuse("not_found", format!("This {} does not exist.", collection.label.to_lowercase()));
    };
    let Some(deleted) = stored.meta.deleted else { return Ok(Some(stored)) };
    if !author.knows(&deleted) {
        summary.met = true;
        if collection.delete == DeleteRule::CommittedStands {
            summary.waits.extend(unit.iter().map(|(f, _)| (record, *f)));
            items::wait_on_record(work, author, &mut stored, unit, false, "committed stands")?;
            work.store(stored)?;
            return Ok(None);
        }
        items::decide_record(work, author, &stored, unit, "edit wins", true);
    }
    restore(&mut stored, author);
    Ok(Some(stored))
}

/// A deleted record lives again with its former values.
pub fn restore(stored: &mut Stored, author: &Author) {
    stored.meta.deleted = None;
    stored.meta.seq = author.seq;
}

fn insert(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    key: Option<&str>,
    values: &[(FieldId, Value)],
    summary: &mut Summary,
) -> Result<(), Stop> {
    if key.is_some_and(|k| RecordId::from_key(collection.name, k) != record) {
        return refuse("invalid", "The record's id does not follow from its key.");
    }
    for (id, value) in values {
        match collection.field_by_id(*id) {
            None => {
                return refuse(
                    "unknown_field",
                    format!("Central does not know field {} of {}.", id.0, collection.name),
                );
            }
            Some(f) => f.check(value).map_err(|e| Refusal::new("invalid", e.to_string()))?,
        }
    }
    if work.load(collection.id, record)?.is_none() {
        work.store(created(collection.id, record, key, values, author))?;
        return Ok(());
    }
    let unit: Unit = values.to_vec();
    let Some(mut stored) = writable(work, author, collection, record, &unit, summary)? else { return Ok(()) };
    if !author.knows(&stored.meta.created) {
        summary.met = true;
    }
    let mut done: BTreeSet<FieldId> = BTreeSet::new();
    for (id, value) in values {
        if done.contains(id) {
            continue;
        }
        insert_field(work, author, collection, &mut stored, values, (*id, value), &mut done, summary)?;
    }
    work.store(stored)?;
    Ok(())
}

/// One field of an insert on an existing record: a patch concurrent with its creation.
#[allow(clippy::too_many_arguments)]
fn insert_field(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    stored: &mut Stored,
    values: &[(FieldId, Value)],
    (id, value): (FieldId, &Value),
    done: &mut BTreeSet<FieldId>,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let Some(field) = collection.field_by_id(id) else { return Ok(()) };
    match (field.policy, value) {
        (Policy::Set, Value::Set(items)) => {
            for item in items {
                merge::merge_include(stored, id, item, author);
            }
        }
        (Policy::Counter, Value::Int(by)) => {
            merge::merge_add(stored, id, *by, author);
        }
        _ => {
            let same_group = |f: FieldId| {
                f == id || (field.group.is_some() && collection.field_by_id(f).is_some_and(|o| o.group == field.group))
            };
            let unit: Unit = values.iter().filter(|(f, _)| same_group(*f)).cloned().collect();
            done.extend(unit.iter().map(|(f, _)| *f));
            let before = vec![Some(Value::Null); unit.len()];
            write::write_unit(work, author, collection, stored, &unit, &before, summary)?;
        }
    }
    Ok(())
}

fn created(
    collection: CollectionId,
    record: RecordId,
    key: Option<&str>,
    values: &[(FieldId, Value)],
    author: &Author,
) -> Stored {
    let mut row = Row::new(collection, record);
    row.key = key.map(str::to_owned);
    for (field, value) in values {
        row.set(*field, value.clone());
    }
    let meta = RecordMeta {
        created: author.stamp(),
        deleted: None,
        fields: Default::default(),
        device: author.device,
        at_ms: author.arrived_ms,
        interval: author.interval,
        authority: author.authority,
        open: Vec::new(),
        seq: author.seq,
    };
    Stored { row, meta }
}

/// A delete: known writes only → gone; an unknown edit → the collection's delete rule.
fn delete(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let Some(mut stored) = work.load(collection.id, record)? else {
        return refuse("not_found", format!("This {} does not exist.", collection.label.to_lowercase()));
    };
    if !stored.is_live() {
        return Ok(());
    }
    let unknown: Unit = stored
        .meta
        .fields
        .iter()
        .filter(|(f, m)| m.open.is_some() || merge::holds_unknown(&stored, collection, **f, author))
        .map(|(f, _)| (*f, stored.row.get(*f).clone()))
        .collect();
    let met = !unknown.is_empty() || !author.knows(&stored.meta.created) || !stored.meta.open.is_empty();
    if !met {
        stored.meta.deleted = Some(author.stamp());
        work.store(stored)?;
        return Ok(());
    }
    summary.met = true;
    summary.waits.push((record, FieldId::RECORD));
    match collection.delete {
        DeleteRule::EditWins => items::decide_record(work, author, &stored, &unknown, "edit wins", false),
        DeleteRule::CommittedStands => {
            items::wait_on_record(work, author, &mut stored, &Vec::new(), true, "committed stands")?;
        }
    }
    work.store(stored)?;
    Ok(())
}
