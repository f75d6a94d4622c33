//! What must hold after merging, across records and sectors: types, rules, links, uniqueness, owners, rights.

use super::apply::Stop;
use super::work::{Work, Working};
use crate::meta::Stored;
use omni_model::records::{circle, circle_fields, circle_message, owner_of};
use omni_model::{Collection, Compartment, Field, FieldId, FieldType, Op, OwnerRule, RecordId, Refusal, Row, Value};
use omni_protocol::{Grants, Scope};
use std::collections::{BTreeSet, VecDeque};

/// What the author may write.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Viewers may not write at all.
    pub may_write: bool,
    /// Scopes they read, and with `may_write` write.
    pub grants: Grants,
}

impl Rights {
    /// May do everything.
    pub fn everything() -> Rights {
        Rights { may_write: true, grants: Grants::everything() }
    }
}

const READ_ONLY: &str = "Your role may read but not change records.";

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(Refusal::new(code, message)))
}

fn live(stored: &Option<Stored>) -> Option<&Row> {
    stored.as_ref().filter(|s| s.is_live()).map(|s| &s.row)
}

/// Whether the author may attempt these operations at all, judged before merging: a write that would only open or join
/// a conflict, lose by a rule or be parked needs the same right as one that takes effect.
pub fn check_attempt(work: &Work, ops: &[Op], rights: &Rights) -> Result<(), Stop> {
    if !rights.may_write {
        return refuse("forbidden", READ_ONLY);
    }
    for op in ops {
        let (collection, id) = op.record();
        if let Some(stored) = work.load(collection, id)? {
            let fields = match op {
                Op::Delete { .. } => stored.row.fields.keys().chain(stored.meta.fields.keys()).copied().collect(),
                _ => op.fields().into_iter().collect(),
            };
            check_rights(&stored.row, fields, rights)?;
        }
    }
    Ok(())
}

/// Settles owners (with everything that inherits them), then checks every touched record.
pub fn settle(work: &mut Work, rights: &Rights) -> Result<(), Stop> {
    settle_owners(work)?;
    for w in work.touched() {
        check_record(work, &w, rights)?;
        work.take_failure()?;
    }
    Ok(())
}

/// Recomputes owners of touched records; a moved record takes along all it owns.
fn settle_owners(work: &mut Work) -> Result<(), Stop> {
    let mut queue: VecDeque<Working> = work.touched().into();
    while let Some(w) = queue.pop_front() {
        let Some(mut stored) = w.now.filter(Stored::is_live) else { continue };
        let Some(collection) = work.catalog().by_id(stored.row.collection) else { continue };
        let Some(stored_now) = work.load(stored.row.collection, stored.row.id)? else { continue };
        stored.row.owner = stored_now.row.owner;
        let Some(owner) = owner_of(collection, &stored.row, work) else {
            work.take_failure()?;
            let label = collection.label.to_lowercase();
            return refuse("unknown_link", format!("What this {label} belongs to does not exist."));
        };
        let was = w.before.as_ref().map(|b| b.row.owner);
        if stored.row.owner != owner {
            stored.row.owner = owner;
            work.store(stored.clone())?;
        }
        if was.is_some_and(|old| old != owner) {
            queue.extend(inheritors(work, collection, stored.row.id)?);
        }
    }
    Ok(())
}

/// Records that take their owner from this one.
fn inheritors(work: &mut Work, parent: &Collection, id: RecordId) -> Result<Vec<Working>, Stop> {
    let mut out = Vec::new();
    for child in work.catalog().collections {
        let OwnerRule::Inherit(name) = child.owner else { continue };
        let Some(field) = child.field(name).filter(|f| f.target() == Some(parent.name)) else { continue };
        for record in work.links_to(child.id, field.id, id)? {
            let now = work.load(child.id, record)?;
            out.push(Working { before: now.clone(), now });
        }
    }
    Ok(out)
}

fn check_record(work: &Work, w: &Working, rights: &Rights) -> Result<(), Stop> {
    let (before, now) = (live(&w.before), live(&w.now));
    if before == now {
        return Ok(());
    }
    for row in [before, now].into_iter().flatten() {
        check_rights(row, changed(before, now), rights)?;
    }
    match (before, now) {
        (Some(row), None) => check_unlinked(work, row),
        (_, Some(row)) => check_row(work, before, row),
        (None, None) => Ok(()),
    }
}

/// Fields that differ; all of them for a created, deleted or moved record (a move takes every compartment along).
fn changed(before: Option<&Row>, now: Option<&Row>) -> BTreeSet<FieldId> {
    let fields = |row: Option<&Row>| row.map(|r| r.fields.keys().copied().collect::<BTreeSet<_>>()).unwrap_or_default();
    let all: BTreeSet<FieldId> = fields(before).union(&fields(now)).copied().collect();
    match (before, now) {
        (Some(a), Some(b)) if a.owner == b.owner => all.into_iter().filter(|f| a.get(*f) != b.get(*f)).collect(),
        _ => all,
    }
}

fn check_rights(row: &Row, changed: BTreeSet<FieldId>, rights: &Rights) -> Result<(), Stop> {
    if !rights.may_write {
        return refuse("forbidden", READ_ONLY);
    }
    let compartments = changed.iter().map(|f| crate::diff::compartment_of(row.collection, *f));
    for compartment in compartments.chain([Compartment::Open as u8]) {
        if !rights.grants.reads(Scope { owner: row.owner, compartment }) {
            return refuse("forbidden", "You have no right to change records of this owner.");
        }
    }
    Ok(())
}

/// A record others link to cannot be deleted.
fn check_unlinked(work: &Work, row: &Row) -> Result<(), Stop> {
    let Some(target) = work.catalog().by_id(row.collection) else { return Ok(()) };
    for collection in work.catalog().collections {
        for field in collection.fields.iter().filter(|f| f.ty == FieldType::Ref(target.name)) {
            let links = work.links_to(collection.id, field.id, row.id)?.into_iter().filter(|id| *id != row.id).count();
            if links > 0 {
                let plural = collection.plural.to_lowercase();
                return refuse("in_use", format!("{links} {plural} still belong to it. Move or delete them first."));
            }
        }
    }
    Ok(())
}

fn check_row(work: &Work, before: Option<&Row>, row: &Row) -> Result<(), Stop> {
    let Some(collection) = work.catalog().by_id(row.collection) else { return Ok(()) };
    let changed = changed(before, Some(row));
    for error in collection.check(row) {
        // A rule may be named like a field: it concerns the whole record all the same.
        let rule = collection.rules.iter().any(|r| r.name == error.field);
        let field = collection.field(&error.field).filter(|_| !rule);
        let concerns = field.is_none_or(|f| before.is_none() || changed.contains(&f.id));
        if concerns {
            return refuse("invalid", error.to_string());
        }
    }
    check_circle(work, collection, row, &changed)?;
    for id in changed {
        let Some(field) = collection.field_by_id(id) else { continue };
        let value = row.get(id);
        check_links(work, field, value)?;
        if field.unique && !value.is_null() {
            check_unique(work, collection, field, row, value)?;
        }
    }
    Ok(())
}

/// Two links may be innocent where they were made and close a circle together.
fn check_circle(work: &Work, collection: &Collection, row: &Row, changed: &BTreeSet<FieldId>) -> Result<(), Stop> {
    if !circle_fields(collection).any(|field| changed.contains(&field)) {
        return Ok(());
    }
    match circle(collection, row, work) {
        Some(way) => refuse("circle", circle_message(collection, &way, work)),
        None => Ok(()),
    }
}

fn check_links(work: &Work, field: &Field, value: &Value) -> Result<(), Stop> {
    let Some(target) = field.target().and_then(|name| work.catalog().by_name(name)) else { return Ok(()) };
    let linked: Vec<RecordId> = match value {
        Value::Id(id) => vec![*id],
        Value::Set(items) => items.iter().filter_map(|i| uuid::Uuid::parse_str(i).ok().map(RecordId)).collect(),
        _ => Vec::new(),
    };
    for id in linked {
        if omni_model::Records::get(work, target.id, id).is_none() {
            let label = target.label.to_lowercase();
            return refuse("unknown_link", format!("{}: this {label} does not exist.", field.label));
        }
    }
    Ok(())
}

fn check_unique(work: &Work, c: &Collection, field: &Field, row: &Row, value: &Value) -> Result<(), Stop> {
    let in_work = work
        .touched()
        .into_iter()
        .any(|w| live(&w.now).is_some_and(|r| r.collection == c.id && r.id != row.id && r.get(field.id) == value));
    let holder = work.tx().unique_holder(c.id, field.id, value)?.filter(|id| *id != row.id);
    let committed = match holder {
        Some(id) => work.load(c.id, id)?.is_some_and(|s| s.is_live() && s.row.get(field.id) == value),
        None => false,
    };
    if in_work || committed {
        return refuse("taken", format!("{} “{}” is taken.", field.label, field.to_text(value)));
    }
    Ok(())
}
