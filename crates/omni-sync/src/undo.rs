//! What taking changes back would do to a record: computed from images, newest first, shown before it is done.
//!
//! A field goes back only where the change to be taken back is its last writer; where somebody wrote it since, the field
//! stays and is offered for choice. Counters subtract, sets invert, texts keep what was typed around it. A merge group goes back whole or not at all.

use crate::meta::{FieldImage, Image};
use crate::text;
use omni_model::{Collection, FieldId, Policy, Row, Value, schema};
use omni_protocol::DeviceId;
use std::collections::{BTreeMap, BTreeSet};

/// One write on a record, as a step of its past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it did.
    pub image: Image,
    /// Who wrote it.
    pub device: DeviceId,
    /// It is to be taken back.
    pub back: bool,
}

/// One field, or the record as a whole (`FieldId::RECORD`), that would go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The field.
    pub field: FieldId,
    /// Its value now. For the record as a whole: true = it exists, null = it does not.
    pub now: Value,
    /// Its value after.
    pub then: Value,
    /// Who wrote it since; it is left alone then, unless it is chosen.
    pub later: Option<DeviceId>,
}

/// What taking back some of a record's writes comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Back {
    /// Line by line: the record as a whole first, then fields in their order.
    pub lines: Vec<Line>,
    /// The record that comes back, if a delete is taken back.
    pub restored: Option<Row>,
}

/// What is known of a field on the way back in time.
#[derive(Clone, Debug, Default)]
struct Trail {
    then: Option<Value>,
    later: Option<DeviceId>,
    /// For texts: who wrote since.
    newer: Option<DeviceId>,
    /// A write that stays lies under those taken back: what is older does not matter.
    ended: bool,
}

/// From the record as it is now and its writes, newest first.
pub fn taken_back(now: Option<&Row>, steps: &[Step]) -> Back {
    let Some(first) = steps.iter().find(|s| s.back) else { return Back::default() };
    let Some(collection) = schema::by_id(first.image.collection) else { return Back::default() };
    let whole = existence(now, steps);
    let (mut out, mut base) = (Back::default(), now.cloned());
    match whole {
        // Gone whole: its fields go with it.
        Some(line) if line.then.is_null() && line.later.is_none() => {
            out.lines.push(line);
            return out;
        }
        Some(line) => {
            if line.now.is_null() {
                base = deleted_row(steps);
                out.restored = base.clone();
            }
            out.lines.push(line);
        }
        None => {}
    }
    let Some(base) = base else { return out };
    out.lines.extend(field_lines(collection, &base, steps));
    if let Some(row) = &mut out.restored {
        // The record comes back as one; what was taken back before its delete is in it already.
        let done = out.lines.iter().filter(|l| l.field != FieldId::RECORD && l.later.is_none());
        done.for_each(|l| row.set(l.field, l.then.clone()));
        out.lines.retain(|l| l.field == FieldId::RECORD);
    }
    out
}

/// The line of the record as a whole, if its making or its delete is taken back.
fn existence(now: Option<&Row>, steps: &[Step]) -> Option<Line> {
    let at = steps.iter().position(|s| s.image.owner_before.is_none() || s.image.owner_after.is_none())?;
    let (newer, step) = (&steps[..at], &steps[at]);
    let exists = |yes: bool| if yes { Value::Bool(true) } else { Value::Null };
    let line = |then: bool, later: Option<DeviceId>| {
        Some(Line { field: FieldId::RECORD, now: exists(now.is_some()), then: exists(then), later })
    };
    let made = step.image.owner_before.is_none();
    match (step.back, made) {
        (true, true) => line(false, newer.iter().find(|s| !s.back).map(|s| s.device)),
        (true, false) => line(true, None),
        // Somebody deleted it since: what is taken back is in it no more.
        (false, false) => line(true, Some(step.device)),
        (false, true) => None,
    }
}

/// The record as its newest delete found it.
fn deleted_row(steps: &[Step]) -> Option<Row> {
    steps.iter().find(|s| s.image.owner_after.is_none()).and_then(|s| s.image.rewind(None))
}

fn field_lines(collection: &Collection, base: &Row, steps: &[Step]) -> Vec<Line> {
    let mut trails: BTreeMap<FieldId, Trail> = BTreeMap::new();
    for step in steps {
        // What was made or restored has no fields before it.
        if step.image.owner_before.is_none() {
            break;
        }
        if step.image.owner_after.is_none() {
            continue;
        }
        for field in &step.image.fields {
            let trail = trails.entry(field.field).or_default();
            walk(trail, collection, base.get(field.field), step, field);
        }
    }
    let mut lines: Vec<Line> = trails
        .into_iter()
        .filter_map(|(field, trail)| {
            let now = base.get(field).clone();
            trail.then.map(|then| Line { field, now, then, later: trail.later })
        })
        .filter(|line| line.now != line.then)
        .collect();
    hold_groups(collection, &mut lines);
    lines
}

fn walk(trail: &mut Trail, collection: &Collection, now: &Value, step: &Step, f: &FieldImage) {
    let policy = collection.field_by_id(f.field).map(|f| f.policy);
    match policy {
        Some(Policy::Counter) if step.back => {
            let then = trail.then.get_or_insert_with(|| now.clone());
            let delta = f.after.as_int().unwrap_or(0).saturating_sub(f.before.as_int().unwrap_or(0));
            *then = Value::Int(then.as_int().unwrap_or(0).saturating_sub(delta));
        }
        Some(Policy::Set) if step.back => {
            let then = trail.then.get_or_insert_with(|| now.clone());
            *then = inverted(then, &f.before, &f.after);
        }
        Some(Policy::Counter | Policy::Set) => {}
        Some(Policy::Text) if step.back => {
            let text = |v: &Value| v.as_text().unwrap_or_default().to_owned();
            let (before, after) = (text(&f.before), text(&f.after));
            let then = trail.then.get_or_insert_with(|| now.clone());
            // What was typed around it stays; what was typed over it has to be chosen.
            match text::merge3(&after, &before, &text(then)) {
                Ok(merged) if merged.is_empty() => *then = Value::Null,
                Ok(merged) => *then = Value::Text(merged),
                Err(_) => (*then, trail.later) = (f.before.clone(), trail.newer),
            }
        }
        Some(Policy::Text) => {
            trail.newer.get_or_insert(step.device);
        }
        _ if trail.ended => {}
        _ if step.back => trail.then = Some(f.before.clone()),
        _ if trail.then.is_none() => {
            trail.later.get_or_insert(step.device);
        }
        _ => trail.ended = true,
    }
}

/// A set without what was added and with what was taken out.
fn inverted(now: &Value, before: &Value, after: &Value) -> Value {
    let items = |v: &Value| v.as_set().unwrap_or_default();
    let (before, after) = (items(before), items(after));
    let mut out = items(now);
    out.retain(|i| before.contains(i) || !after.contains(i));
    out.extend(before.difference(&after).cloned());
    if out.is_empty() { Value::Null } else { Value::Set(out) }
}

/// Fields of one merge group are left together.
fn hold_groups(collection: &Collection, lines: &mut [Line]) {
    let group = |f: FieldId| collection.field_by_id(f).and_then(|f| f.group);
    let held: BTreeMap<&str, DeviceId> = lines.iter().filter_map(|l| Some((group(l.field)?, l.later?))).collect();
    for line in lines.iter_mut().filter(|l| l.later.is_none()) {
        line.later = group(line.field).and_then(|g| held.get(g).copied());
    }
}

/// The lines of a record that shall be what it was at an earlier point: every field that differs. A field somebody else
/// (not `own`) wrote since is left alone, unless it is chosen. `since`: the writes after that point, newest first.
pub fn rolled_back(now: Option<&Row>, then: Option<&Row>, since: &[Step], own: DeviceId) -> Back {
    let foreign =
        |wrote: &dyn Fn(&Image) -> bool| since.iter().filter(|s| wrote(&s.image)).map(|s| s.device).find(|d| *d != own);
    let line = |field, now, then| {
        let later = foreign(&|image: &Image| image.fields.iter().any(|f| f.field == field));
        Line { field, now, then, later }
    };
    let whole = |now: bool, then: bool| {
        let exists = |yes: bool| if yes { Value::Bool(true) } else { Value::Null };
        // Whoever worked on a record has a say in its end; only who deleted it has one in its return.
        let later = foreign(&|image: &Image| now || image.owner_after.is_none());
        Line { field: FieldId::RECORD, now: exists(now), then: exists(then), later }
    };
    match (now, then) {
        (None, None) => Back::default(),
        (Some(_), None) => Back { lines: vec![whole(true, false)], restored: None },
        (None, Some(row)) => Back { lines: vec![whole(false, true)], restored: Some(row.clone()) },
        (Some(now), Some(then)) => {
            let fields: BTreeSet<FieldId> = now.fields.keys().chain(then.fields.keys()).copied().collect();
            let differs = fields.into_iter().filter(|f| now.get(*f) != then.get(*f));
            let mut lines: Vec<Line> = differs.map(|f| line(f, now.get(f).clone(), then.get(f).clone())).collect();
            if let Some(collection) = schema::by_id(now.collection) {
                hold_groups(collection, &mut lines);
            }
            Back { lines, restored: None }
        }
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
