//! A write of plain values: units assembled, judged by the merge, and the items its verdict asks for.

use super::apply::{Stop, Summary, refuse, writable};
use super::author::Author;
use super::merge::{self, Unit, Verdict};
use super::seen::seen;
use super::text::TextWrite;
use super::work::Work;
use super::{items, texts};
use crate::meta::Stored;
use crate::storage::StorageError;
use omni_model::{Collection, FieldId, Policy, RecordId, Refusal, Value};

/// What the author had before, where the change says so.
pub type Before = Vec<Option<Value>>;

/// Sets of one field, or of several fields of one merge group.
pub fn set(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    unit: Unit,
    before: Before,
    summary: &mut Summary,
) -> Result<(), Stop> {
    plain_write(collection, &unit)?;
    if let [(field, value)] = &unit[..]
        && collection.field_by_id(*field).is_some_and(|f| f.policy == Policy::Text)
    {
        let whole = TextWrite::Whole(value.as_text().unwrap_or_default());
        return texts::write(work, author, collection, record, *field, &whole, summary);
    }
    let Some(mut stored) = writable(work, author, collection, record, &unit, summary)? else { return Ok(()) };
    let (unit, before) = whole_group(work, author, collection, &stored, unit, before)?;
    write_unit(work, author, collection, &mut stored, &unit, &before, summary)?;
    Ok(work.store(stored)?)
}

/// A set of a plain value must fit a known field that is written by sets.
fn plain_write(collection: &Collection, unit: &Unit) -> Result<(), Stop> {
    for (id, value) in unit {
        let Some(field) = collection.field_by_id(*id) else {
            return refuse("unknown_field", format!("Central does not know field {} of {}.", id.0, collection.name));
        };
        if matches!(field.policy, Policy::Counter | Policy::Set) {
            return refuse("bad_operation", format!("{} is not written as a whole.", field.label));
        }
        field.check(value).map_err(|e| Refusal::new("invalid", e.to_string()))?;
    }
    Ok(())
}

/// The unit with the fields of its group it does not write, as its author had them on the screen: a group is compared and
/// moved whole.
fn whole_group(
    work: &Work,
    author: &Author,
    collection: &'static Collection,
    stored: &Stored,
    mut unit: Unit,
    mut before: Before,
) -> Result<(Unit, Before), StorageError> {
    let group = unit.first().and_then(|(f, _)| collection.field_by_id(*f)).and_then(|f| f.group);
    let Some(group) = group else { return Ok((unit, before)) };
    for field in collection.group(group) {
        if unit.iter().all(|(f, _)| *f != field.id) {
            let had = seen(work, author, stored, field.id)?;
            unit.push((field.id, had.clone()));
            before.push(Some(had));
        }
    }
    let mut both: Vec<_> = unit.into_iter().zip(before).collect();
    both.sort_by_key(|((f, _), _)| *f);
    Ok(both.into_iter().unzip())
}

/// One unit against a live record: open items first, then the merge, then the items its verdict asks for.
pub fn write_unit(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    stored: &mut Stored,
    unit: &Unit,
    before: &[Option<Value>],
    summary: &mut Summary,
) -> Result<(), Stop> {
    let equal = unit.iter().all(|(f, v)| merge::same(stored.row.get(*f), v));
    let fields: Vec<FieldId> = unit.iter().map(|(f, _)| *f).collect();
    if equal {
        return Ok(());
    }
    if let Some(by) = frozen_by(collection, stored, &fields) {
        if author.knows(&merge::last_write(stored, by).unwrap_or(stored.meta.created)) {
            return refuse_frozen(collection, &fields, by);
        }
        return wait(work, author, stored, unit, before, "Frozen", summary);
    }
    let open = fields.iter().find_map(|f| stored.meta.fields.get(f).and_then(|m| m.open));
    if let Some(id) = open {
        let item = work.item(id)?.ok_or_else(|| StorageError::corrupt("conflict item"))?;
        if author.base < item.seq {
            summary.met = true;
            summary.waits.extend(fields.iter().map(|f| (stored.row.id, *f)));
            items::join(work, author, stored, item, unit, false);
            return Ok(());
        }
        check_transitions(collection, stored, unit)?;
        items::supersede(work, author, stored, item);
        merge::take(stored, unit, author);
        return Ok(());
    }
    let theirs = fields.first().and_then(|f| stored.meta.fields.get(f)).map_or(stored.meta.device, |m| m.device);
    let committed: Vec<Value> = fields.iter().map(|f| stored.row.get(*f).clone()).collect();
    let wanted: Vec<Value> = unit.iter().map(|(_, v)| v.clone()).collect();
    match merge::merge_unit(stored, collection, unit, author) {
        Verdict::NoChange | Verdict::Took => {}
        Verdict::Illegal => check_transitions(collection, stored, unit)?,
        Verdict::Won { rule, loser } => {
            summary.met = true;
            let lost: Vec<Value> = loser.into_iter().map(|(_, v)| v).collect();
            items::decide_sides(work, author, stored, &fields, rule, (theirs, &lost), (author.device, &wanted));
        }
        Verdict::Lost { rule } => {
            summary.met = true;
            summary.waits.extend(fields.iter().map(|f| (stored.row.id, *f)));
            items::decide_sides(work, author, stored, &fields, rule, (author.device, &wanted), (theirs, &committed));
        }
        Verdict::Waits { rule } => wait(work, author, stored, unit, before, rule, summary)?,
    }
    Ok(())
}

/// Opens an item for a unit that cannot be settled.
pub fn wait(
    work: &mut Work,
    author: &Author,
    stored: &mut Stored,
    unit: &Unit,
    before: &[Option<Value>],
    rule: &str,
    summary: &mut Summary,
) -> Result<(), Stop> {
    summary.met = true;
    summary.waits.extend(unit.iter().map(|(f, _)| (stored.row.id, *f)));
    let mut base = Vec::with_capacity(unit.len());
    for (place, (field, _)) in unit.iter().enumerate() {
        base.push(match before.get(place).cloned().flatten() {
            Some(had) => had,
            None => seen(work, author, stored, *field)?,
        });
    }
    Ok(items::open(work, author, stored, unit, &base, rule)?)
}

/// A state that cannot follow the committed one is refused, with what could.
pub fn check_transitions(collection: &Collection, stored: &Stored, unit: &Unit) -> Result<(), Stop> {
    for (id, to) in unit {
        let Some(field) = collection.field_by_id(*id) else { continue };
        let from = stored.row.get(*id);
        if !merge::same(from, to) && !merge::may_follow(field, from, to) {
            let (from, to) = (field.to_text(from), field.to_text(to));
            let text = format!("{}: “{to}” cannot follow “{from}”.", field.label);
            return refuse("transition", text);
        }
    }
    Ok(())
}

/// The yes/no field that freezes one of these fields now, if any.
pub fn frozen_by(collection: &Collection, stored: &Stored, fields: &[FieldId]) -> Option<FieldId> {
    let of = |f: &FieldId| collection.field_by_id(*f).and_then(|f| f.frozen_by).and_then(|name| collection.field(name));
    fields.iter().filter_map(of).find(|by| stored.row.get(by.id) == &Value::Bool(true)).map(|by| by.id)
}

/// A frozen field is not written by somebody who knew that it is.
pub fn refuse_frozen(collection: &Collection, fields: &[FieldId], by: FieldId) -> Result<(), Stop> {
    let label = |f: Option<&FieldId>| f.and_then(|f| collection.field_by_id(*f)).map_or("This field", |f| f.label);
    let text = format!("{} cannot change any more: {} is set.", label(fields.first()), label(Some(&by)).to_lowercase());
    refuse("frozen", text)
}
