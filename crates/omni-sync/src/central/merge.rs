//! The merge of one write unit (a field, or the fields of one merge group) against committed state.
//!
//! One function per policy family, all over `Stored` and `Author`; nothing here touches storage. Texts are merged in
//! `texts`, by the text engine: a write of a whole text that reaches this table waits like a protected one.

use super::author::Author;
use crate::meta::{FieldMeta, Kept, Stamp, Stored};
use omni_model::{Collection, Field, FieldId, Policy, Value};
use omni_protocol::limits::KEPT_EDITS_MAX;

/// The fields of one unit with the values the author wants.
pub type Unit = Vec<(FieldId, Value)>;

/// What became of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do: the committed values are equal already, or the bound is passed.
    NoChange,
    /// It took effect and met nothing.
    Took,
    /// It took effect over a write it did not know, by this rule; the loser's values are kept in a decision.
    Won {
        /// The rule's word.
        rule: &'static str,
        /// The values that lost.
        loser: Unit,
    },
    /// It lost by this rule; its values are kept in a decision.
    Lost {
        /// The rule's word.
        rule: &'static str,
    },
    /// Nothing automatic: it waits in the inbox. `rule` says why.
    Waits {
        /// The rule's word.
        rule: &'static str,
    },
    /// It leads, knowingly, from the committed state to one that cannot follow it.
    Illegal,
}

/// The write that stands in a field: its own, or the record's creation where the creation filled it.
pub fn last_write(stored: &Stored, field: FieldId) -> Option<Stamp> {
    match stored.meta.fields.get(&field) {
        Some(meta) => Some(meta.last),
        None if stored.row.get(field).is_null() => None,
        None => Some(stored.meta.created),
    }
}

/// Whether the author knew every write that stands in the unit.
pub fn is_known(stored: &Stored, unit: &[(FieldId, Value)], author: &Author) -> bool {
    unit.iter().all(|(f, _)| last_write(stored, *f).is_none_or(|stamp| author.knows(&stamp)))
}

/// Merges sets of plain values. Changes `stored` where the write takes effect.
pub fn merge_unit(stored: &mut Stored, collection: &Collection, unit: &Unit, author: &Author) -> Verdict {
    let Some(field) = unit.first().and_then(|(f, _)| collection.field_by_id(*f)) else {
        return Verdict::Waits { rule: "Protected" };
    };
    if unit.iter().all(|(f, v)| same(stored.row.get(*f), v)) {
        return Verdict::NoChange;
    }
    if let Policy::Max | Policy::Min = field.policy {
        return merge_bound(stored, field, unit, author);
    }
    let known = is_known(stored, unit, author);
    if let Policy::Transition(_) = field.policy {
        return merge_transition(stored, collection, unit, author, known);
    }
    if known {
        take(stored, unit, author);
        return Verdict::Took;
    }
    match field.policy {
        // A move is the newest place of one record; which index it is does not matter.
        Policy::Latest | Policy::Order | Policy::Authority => merge_ranked(stored, field.policy, unit, author),
        other => Verdict::Waits { rule: other.name() },
    }
}

/// `Transition`: judged from the committed state, whoever wrote it.
fn merge_transition(
    stored: &mut Stored,
    collection: &Collection,
    unit: &Unit,
    author: &Author,
    known: bool,
) -> Verdict {
    let legal = unit.iter().all(|(id, to)| {
        let from = stored.row.get(*id);
        same(from, to) || collection.field_by_id(*id).is_none_or(|f| may_follow(f, from, to))
    });
    match (legal, known) {
        (true, true) => {
            take(stored, unit, author);
            Verdict::Took
        }
        (true, false) => {
            let loser = standing_values(stored, unit);
            take(stored, unit, author);
            Verdict::Won { rule: "Transition", loser }
        }
        (false, true) => Verdict::Illegal,
        (false, false) => Verdict::Waits { rule: "Transition" },
    }
}

/// Whether a state may follow another by the field's table. Any state may be the first.
pub fn may_follow(field: &Field, from: &Value, to: &Value) -> bool {
    let Policy::Transition(table) = field.policy else { return true };
    let Some(from) = from.as_text() else { return true };
    let next = table.iter().find(|(state, _)| *state == from).map_or(&[][..], |(_, next)| *next);
    to.as_text().is_some_and(|to| next.contains(&to))
}

fn standing_values(stored: &Stored, unit: &Unit) -> Unit {
    unit.iter().map(|(f, _)| (*f, stored.row.get(*f).clone())).collect()
}

/// Equal values. Null and the empty set are the same.
pub fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_null() && b.is_null())
}

/// Writes the unit as the author's. Edits knowingly replaced are dropped from later comparisons, the others kept.
pub fn take(stored: &mut Stored, unit: &Unit, author: &Author) {
    for (field, value) in unit {
        let mut kept = kept_edits(stored, *field);
        kept.retain(|k| !author.knows(&k.stamp));
        kept.push(Kept { stamp: author.stamp(), interval: author.interval, authority: author.authority });
        let meta = FieldMeta { kept, ..written(stored, *field, author) };
        stored.meta.fields.insert(*field, meta);
        stored.row.set(*field, value.clone());
    }
}

/// The field's causality after a write by `author`.
fn written(stored: &Stored, field: FieldId, author: &Author) -> FieldMeta {
    let old = stored.meta.fields.get(&field);
    FieldMeta {
        last: author.stamp(),
        kept: old.map(|m| m.kept.clone()).unwrap_or_default(),
        open: old.and_then(|m| m.open),
        tags: old.map(|m| m.tags.clone()).unwrap_or_default(),
        device: author.device,
        at_ms: author.arrived_ms,
    }
}

/// Edits a concurrent write is compared with: those kept, else the standing one.
fn kept_edits(stored: &Stored, field: FieldId) -> Vec<Kept> {
    match stored.meta.fields.get(&field) {
        Some(meta) => meta.kept.clone(),
        None if stored.row.get(field).is_null() => Vec::new(),
        None => {
            vec![Kept { stamp: stored.meta.created, interval: stored.meta.interval, authority: stored.meta.authority }]
        }
    }
}

/// What the edits kept for one field say about a concurrent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// Nothing to compare with.
    Free,
    Wins(&'static str),
    Loses(&'static str),
    /// Intervals share an instant: nobody can say which came later.
    Open,
}

/// `Latest`, `Order`, `Authority`: judged field by field; the fields of a group win or lose together.
fn merge_ranked(stored: &mut Stored, policy: Policy, unit: &Unit, author: &Author) -> Verdict {
    let mut judgements = Vec::with_capacity(unit.len());
    for (field, _) in unit {
        let rivals: Vec<Kept> = kept_edits(stored, *field).into_iter().filter(|k| !author.knows(&k.stamp)).collect();
        // One more edit than can be kept: from here on a person decides.
        if rivals.len() >= KEPT_EDITS_MAX {
            return Verdict::Waits { rule: policy.name() };
        }
        judgements.push(judge(policy, &rivals, author));
    }
    let wins = judgements.iter().find_map(|j| if let Judgement::Wins(rule) = j { Some(*rule) } else { None });
    let loses = judgements.iter().find_map(|j| if let Judgement::Loses(rule) = j { Some(*rule) } else { None });
    if judgements.contains(&Judgement::Open) || (wins.is_some() && loses.is_some()) {
        return Verdict::Waits { rule: policy.name() };
    }
    match loses {
        Some(rule) => {
            // An edit outranked by authority is not compared with later ones.
            if rule == "Latest" {
                unit.iter().for_each(|(field, _)| remember(stored, *field, author));
            }
            Verdict::Lost { rule }
        }
        None => {
            let loser = standing_values(stored, unit);
            take(stored, unit, author);
            if policy == Policy::Authority {
                unit.iter().for_each(|(field, _)| drop_outranked(stored, *field, author.authority));
            }
            Verdict::Won { rule: wins.unwrap_or("Latest"), loser }
        }
    }
}

/// By authority first, where the policy ranks by it; then the newest wins if its interval is disjoint from every rival's.
fn judge(policy: Policy, rivals: &[Kept], author: &Author) -> Judgement {
    let Some(highest) = rivals.iter().map(|k| k.authority).max() else { return Judgement::Free };
    let rivals: Vec<&Kept> = match policy {
        Policy::Authority if author.authority > highest => return Judgement::Wins("Authority"),
        Policy::Authority if author.authority < highest => return Judgement::Loses("Authority"),
        Policy::Authority => rivals.iter().filter(|k| k.authority == highest).collect(),
        _ => rivals.iter().collect(),
    };
    if rivals.iter().all(|k| author.interval.after(&k.interval)) {
        return Judgement::Wins("Latest");
    }
    let Some(newest) = rivals.iter().max_by_key(|k| k.interval.from) else { return Judgement::Free };
    let rest_older = rivals.iter().filter(|k| k.stamp != newest.stamp).all(|k| newest.interval.after(&k.interval));
    match newest.interval.after(&author.interval) && rest_older {
        true => Judgement::Loses("Latest"),
        false => Judgement::Open,
    }
}

fn drop_outranked(stored: &mut Stored, field: FieldId, authority: u8) {
    if let Some(meta) = stored.meta.fields.get_mut(&field) {
        meta.kept.retain(|k| k.authority >= authority);
    }
}

/// Keeps a losing edit for later comparisons without touching the standing value or its writer.
fn remember(stored: &mut Stored, field: FieldId, author: &Author) {
    let mut meta = standing(stored, field);
    meta.kept = kept_edits(stored, field);
    meta.kept.push(Kept { stamp: author.stamp(), interval: author.interval, authority: author.authority });
    stored.meta.fields.insert(field, meta);
}

/// The field's causality as it stands: its own, or that of the record's creation.
fn standing(stored: &Stored, field: FieldId) -> FieldMeta {
    stored.meta.fields.get(&field).cloned().unwrap_or_else(|| FieldMeta {
        last: stored.meta.created,
        kept: Vec::new(),
        open: None,
        tags: Default::default(),
        device: stored.meta.device,
        at_ms: stored.meta.at_ms,
    })
}

/// The field's causality after a write that adds to what stands: writes its author did not know are kept beside it, at
/// most one of each replica, because the last writer alone would hide them from a later delete.
pub fn added(stored: &Stored, field: FieldId, author: &Author) -> FieldMeta {
    let mut meta = written(stored, field, author);
    let mut kept = kept_edits(stored, field);
    kept.retain(|k| !author.knows(&k.stamp));
    kept.push(Kept { stamp: author.stamp(), interval: author.interval, authority: author.authority });
    let surplus = kept.len().saturating_sub(KEPT_EDITS_MAX);
    meta.kept = kept.split_off(surplus);
    meta
}

/// Whether a write its author did not know stands in the field.
pub fn holds_unknown(stored: &Stored, collection: &Collection, field: FieldId, author: &Author) -> bool {
    let adds =
        collection.field_by_id(field).is_some_and(|f| matches!(f.policy, Policy::Counter | Policy::Set | Policy::Text));
    let Some(meta) = stored.meta.fields.get(&field) else { return false };
    !author.knows(&meta.last) || (adds && meta.kept.iter().any(|k| !author.knows(&k.stamp)))
}

/// `Max` and `Min`: monotone. A write that does not pass the bound is a no-op; the value it did not reach is kept as a
/// decision only if the author did not know the bound.
fn merge_bound(stored: &mut Stored, field: &Field, unit: &Unit, author: &Author) -> Verdict {
    let (id, value) = &unit[0];
    let standing = stored.row.get(*id).clone();
    let passes = match (standing.as_int(), value.as_int()) {
        (Some(old), Some(new)) if field.policy == Policy::Max => new > old,
        (Some(old), Some(new)) => new < old,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let known = is_known(stored, unit, author);
    let rule = field.policy.name();
    match (passes, known) {
        (true, _) => {
            take(stored, unit, author);
            if known { Verdict::Took } else { Verdict::Won { rule, loser: vec![(*id, standing)] } }
        }
        (false, true) => Verdict::NoChange,
        (false, false) => Verdict::Lost { rule },
    }
}

/// `Counter`: deltas add up; equal deltas both count. Saturates at the ends of the range.
pub fn merge_add(stored: &mut Stored, field: FieldId, by: i64, author: &Author) -> Verdict {
    let now = stored.row.get(field).as_int().unwrap_or(0).saturating_add(by);
    let meta = added(stored, field, author);
    stored.meta.fields.insert(field, meta);
    stored.row.set(field, Value::Int(now));
    Verdict::Took
}

/// `Set`: an addition always stands, and carries the tag of its change. A repeated one changes nothing else.
pub fn merge_include(stored: &mut Stored, field: FieldId, item: &str, author: &Author) -> Verdict {
    let mut items = stored.row.get(field).as_set().unwrap_or_default();
    let was_present = !items.insert(item.to_owned());
    let mut meta = if was_present { standing(stored, field) } else { added(stored, field, author) };
    if was_present && !meta.tags.contains_key(item) {
        meta.tags.insert(item.to_owned(), vec![stored.meta.created]);
    }
    // Of one replica the last addition is enough: who knows it knows the earlier ones.
    let tags = meta.tags.entry(item.to_owned()).or_default();
    tags.retain(|t| t.replica != author.replica);
    tags.push(author.stamp());
    stored.meta.fields.insert(field, meta);
    stored.row.set(field, Value::Set(items));
    if was_present { Verdict::NoChange } else { Verdict::Took }
}

/// `Set`: a removal takes away the additions it knew, no others. An addition it did not know wins.
pub fn merge_exclude(stored: &mut Stored, field: FieldId, item: &str, author: &Author) -> Verdict {
    let mut items = stored.row.get(field).as_set().unwrap_or_default();
    if !items.contains(item) {
        return Verdict::NoChange;
    }
    let mut meta = standing(stored, field);
    let tags = meta.tags.remove(item).unwrap_or_else(|| vec![stored.meta.created]);
    let unknown: Vec<Stamp> = tags.into_iter().filter(|t| !author.knows(t)).collect();
    if !unknown.is_empty() {
        meta.tags.insert(item.to_owned(), unknown);
        stored.meta.fields.insert(field, meta);
        return Verdict::Lost { rule: "Set" };
    }
    let meta = FieldMeta { tags: meta.tags, ..added(stored, field, author) };
    items.remove(item);
    stored.meta.fields.insert(field, meta);
    stored.row.set(field, Value::Set(items));
    Verdict::Took
}
