//! What every commit and every answer must satisfy, checked as they happen and once more at the end.

use super::coverage::Reached;
use super::driver::{EPOCH_MS, Sim};
use super::host::{Hosts, central_view};
use super::ledger::{Changed, Saved};
use omni_model::{CollectionId, FieldId, Op, Policy, RecordId, Resolution, Value, schema};
use omni_protocol::feed::PARKED;
use omni_protocol::{
    Change, ChangeId, ConflictItem, Decided, Effect, Outcome, OutcomeKind, Part, ReplicaId, Scope, Side,
};
use omni_sync::central::{Commit, commit_hash};
use omni_sync::diff::compartment_of;
use omni_sync::meta::Stored;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rule of the item of a decision that came too late: not only writes may have moved what it is about.
const STALE: &str = "stale";
/// Code of an undo that was left to its author's choice.
const OFFERED: &str = "offered";
/// Rule of an item that waits because its field was frozen meanwhile.
const FROZEN: &str = "Frozen";

impl<H: Hosts> Sim<H> {
    /// An answer became durable: the same counter and the same change get the same answer for ever.
    pub(super) fn learn_outcome(&mut self, replica: ReplicaId, outcome: &Outcome) {
        let key = (replica, outcome.counter);
        if let Some(before) = self.ledger.answers.get(&key) {
            self.coverage.hit(Reached::StoredOutcomeResent);
            if before != outcome {
                let text =
                    format!("counter {} of {replica} was answered {before:?}, then {outcome:?}", outcome.counter);
                self.fail(text);
            }
            return;
        }
        self.cover_outcome(outcome);
        if outcome.took_effect() && !self.ledger.answered_ids.contains_key(&outcome.change) {
            self.ledger.done.push((outcome.change, outcome.seq.unwrap_or_default()));
        }
        if self.ledger.answered_ids.insert(outcome.change, replica).is_some_and(|first| first != replica) {
            self.coverage.hit(Reached::KnownIdAnswered);
        }
        self.ledger.answers.insert(key, outcome.clone());
    }

    /// Commits became durable: they continue the log, keep to their author's rights, and decide by true time only.
    pub(super) fn learn_commits(&mut self, commits: &[Commit], client: usize) {
        for commit in commits {
            if commit.position.seq != self.server.head() + 1 {
                self.fail(format!("commit {} follows commit {}", commit.position.seq, self.server.head()));
            }
            let seq = commit.position.seq;
            self.note("commit", seq, commit.parts.len() as u64, || described(commit, client));
            self.check_rights(commit, client);
            self.learn_effects(commit);
            let commit = Arc::new(commit.clone());
            self.ledger.append(&commit);
            self.server.log.push(commit);
        }
    }

    fn check_rights(&mut self, commit: &Commit, client: usize) {
        let Some(device) = self.devices.iter().find(|d| d.id == commit.info.device) else { return };
        let (may_write, grants) = (device.may_write, device.grants.clone());
        if !may_write {
            self.fail(format!("a viewer's change {} was committed (laptop {client})", commit.info.change));
        }
        if let Some((scope, _)) = commit.parts.iter().find(|(scope, _)| !grants.reads(*scope)) {
            self.fail(format!("change {} wrote to scope {scope} without the right to", commit.info.change));
        }
    }

    fn learn_effects(&mut self, commit: &Commit) {
        let mut parts: Vec<Part> = Vec::new();
        for (_, bytes) in &commit.parts {
            match minicbor::decode(bytes) {
                Ok(part) => parts.push(part),
                Err(e) => return self.fail(format!("a part cannot be read: {e}")),
            }
        }
        let effects: Vec<Effect> = parts.into_iter().flat_map(|p| p.effects).collect();
        let changed = self.ledger.learn(&effects);
        let change = Change::from_bytes(&commit.change).ok();
        if change.as_ref().is_some_and(|c| c.is_command() && c.ops.is_empty()) {
            self.coverage.hit(Reached::QueuedCommand);
        }
        let written = written_fields(&changed, change.as_ref().map_or(&[], |c| &c.ops));
        if let Some(change) = change.filter(|c| !c.ops.is_empty())
            && let Some(why) = unasked(&changed, &change.ops)
        {
            return self.fail(format!("{} {why}", change.id));
        }
        let items: Vec<&ConflictItem> =
            effects.iter().filter_map(|e| if let Effect::Conflict(item) = e { Some(item) } else { None }).collect();
        if effects.iter().any(|e| matches!(e, Effect::Leave { .. })) {
            self.coverage.hit(Reached::OwnerMoved);
        }
        for item in &items {
            self.cover_item(item);
            let guarded = |f: &FieldId| compartment_of(item.collection, *f) != item.scope.compartment;
            if item.fields.iter().any(guarded) {
                let text = format!("{} put fields of another compartment into {item:?}", commit.info.change);
                return self.fail(text);
            }
            self.check_item(commit, item, &written);
        }
        self.check_undos(commit, &changed, &effects);
        self.check_overwrites(commit.info.change, &items, &written);
        self.check_texts(commit.info.change, &items);
        self.check_decisions(commit.info.change, &items);
        self.check_removes(commit.info.change, &effects);
        self.check_restores(commit.info.change, commit.position.seq, &effects, &items);
        self.check_items_keep(commit.info.change, &items);
        for (key, (_, value)) in written {
            self.ledger.writers.insert(key, (commit.info.change, commit.position.seq, value));
        }
    }

    /// The author of a change and the standing writer of a field, with whether the one truly knew the other.
    fn standing(&self, change: ChangeId, key: (RecordId, FieldId)) -> Option<(&Saved, &Saved, Option<bool>, Value)> {
        let (other, seq, value) = self.ledger.writers.get(&key)?;
        let (mine, theirs) = (self.ledger.saved.get(&change)?, self.ledger.saved.get(other)?);
        Some((mine, theirs, self.ledger.knew(mine, (*other, theirs), *seq), value.clone()))
    }

    /// `Latest` may only prefer an edit that was truly made later; an item is opened only for a write that met one its
    /// author did not know.
    fn check_item(&mut self, commit: &Commit, item: &ConflictItem, written: &Changed) {
        let change = commit.info.change;
        let latest = item.decided == Decided::Auto && item.rule == "Latest";
        let edits = item.rule != "edit wins" && item.rule != "committed stands" && item.rule != PARKED;
        // Central cannot know what it lost, nor what a laptop that made itself known anew does not name.
        let lost = self.ledger.histories.len() > 1;
        let opened = item.decided == Decided::Open && item.mine.len() == 1 && item.mine[0].change == change && edits;
        // A frozen field waits for the sake of the write that froze it, and a text for any write into it.
        let of = |f: &FieldId| schema::by_id(item.collection).and_then(|c| Some((c, c.field_by_id(*f)?)));
        let freezing = |f: &FieldId| of(f).and_then(|(c, f)| c.field(f.frozen_by?)).map(|f| f.id);
        let met = |f: FieldId| self.standing(change, (item.record, f)).is_none_or(|(_, _, knew, _)| knew != Some(true));
        let mut met_unknown = item.rule == FROZEN && item.fields.iter().filter_map(freezing).any(met);
        met_unknown |= item.rule == Policy::Text.name() || item.rule == STALE || lost;
        for field in &item.fields {
            let Some((mine, theirs, knew, _)) = self.standing(change, (item.record, *field)) else {
                met_unknown = true;
                continue;
            };
            met_unknown |= knew != Some(true);
            if !latest {
                continue;
            }
            let receipt = self.ledger.writers.get(&(item.record, *field)).and_then(|w| self.ledger.commit_of(w.0));
            let (made, other) = (self.made(mine, Some(commit)), self.made(theirs, receipt));
            let wins = written.contains_key(&(item.record, *field));
            // A change that writes a field twice may leave it as it stood.
            let writes = |op: &&Op| op.record().1 == item.record && op.fields().contains(field);
            let once = mine.ops.iter().filter(writes).count() == 1;
            let stands = once && !item.fields.iter().any(|f| written.contains_key(&(item.record, *f)));
            let judged = self.lies(mine) || self.lies(theirs);
            if wins && made.1 < other.0 || stands && other.1 < made.0 {
                let verb = if wins { "preferred" } else { "did not prefer" };
                let text = format!("Latest {verb} {change}, made at {made:?}, to one made at {other:?}");
                return self.fail(text);
            }
            if judged {
                self.coverage.hit(Reached::LiarJudged);
            }
        }
        if opened && !met_unknown {
            let text = format!("{change} opened a conflict with writes its author knew: {item:?}");
            self.fail(text);
        }
    }

    fn lies(&self, saved: &Saved) -> bool {
        self.laptops.get(saved.client).is_some_and(|laptop| laptop.lies)
    }

    /// Between which true times an edit was made, as far as anybody can hold its author to it: an honest device to the
    /// truth, a liar to the commit its edit rests on and to the receipt, `commit`, where that is known.
    fn made(&self, saved: &Saved, commit: Option<&Commit>) -> (u64, u64) {
        if !self.lies(saved) {
            return (saved.at_ms, saved.at_ms);
        }
        let time = |commit: &Commit| (commit.info.at_ms - EPOCH_MS).max(0) as u64;
        let base = saved.seen.filter(|_| self.ledger.histories.len() == 1);
        let base = base.and_then(|place| self.server.log.get((place.seq as usize).checked_sub(1)?));
        (base.map_or(0, |commit| time(commit)), commit.map_or(u64::MAX, time))
    }

    /// A value its author did not know is never replaced silently.
    fn check_overwrites(&mut self, change: ChangeId, items: &[&ConflictItem], written: &Changed) {
        for (key, (kind, value)) in written {
            // Counters, sets and texts lose nothing when they change; their own oracles watch them.
            if matches!(policy_of(*kind, key.1), Some(Policy::Counter | Policy::Set | Policy::Text)) {
                continue;
            }
            let Some((_, _, Some(false), lost)) = self.standing(change, *key) else { continue };
            let kept = |item: &&ConflictItem| {
                let Some(at) = item.fields.iter().position(|f| *f == key.1).filter(|_| item.record == key.0) else {
                    return false;
                };
                item.theirs.get(at) == Some(&lost) || item.mine.iter().any(|s| s.values.get(at) == Some(&lost))
            };
            if *value != lost && !items.iter().any(kept) {
                let text =
                    format!("{change} replaced {lost:?} in field {} of {} unknowingly and silently", key.1.0, key.0);
                return self.fail(text);
            }
        }
    }

    /// A record with an edit its author did not know is never deleted.
    fn check_removes(&mut self, change: ChangeId, effects: &[Effect]) {
        for effect in effects {
            let Effect::Remove { record, .. } = effect else { continue };
            let range = (*record, FieldId(0))..=(*record, FieldId(u16::MAX));
            let keys: Vec<_> = self.ledger.writers.range(range).map(|(key, _)| *key).collect();
            let unknown =
                |key: &(RecordId, FieldId)| matches!(self.standing(change, *key), Some((_, _, Some(false), _)));
            if let Some(key) = keys.into_iter().find(unknown) {
                return self.fail(format!("{change} deleted {record} over an unknown edit of field {}", key.1.0));
            }
        }
    }

    /// A deletion its author did not know is undone only with a decision that keeps it.
    fn check_restores(&mut self, change: ChangeId, seq: u64, effects: &[Effect], items: &[&ConflictItem]) {
        for effect in effects {
            match effect {
                Effect::Remove { record, .. } => {
                    self.ledger.deleters.insert(*record, (change, seq));
                }
                Effect::Create { record, .. } => {
                    let Some((deleter, at)) = self.ledger.deleters.remove(record) else { continue };
                    let saved = |id| self.ledger.saved.get(&id);
                    let (Some(mine), Some(theirs)) = (saved(change), saved(deleter)) else { continue };
                    let unknown = self.ledger.knew(mine, (deleter, theirs), at) == Some(false);
                    let kept = items.iter().any(|i| i.record == *record && i.mine.iter().any(|s| s.delete));
                    if unknown && !kept {
                        return self.fail(format!("{change} restored {record} and lost the deletion without trace"));
                    }
                }
                _ => {}
            }
        }
    }

    /// An item never loses what once waited or lost in it.
    fn check_items_keep(&mut self, change: ChangeId, items: &[&ConflictItem]) {
        for item in items {
            let Some(before) = self.ledger.items.insert(item.id, (*item).clone()) else { continue };
            let kept = |old: &Side| {
                let same = |new: &&Side| new.change == old.change && new.delete == old.delete;
                item.mine.iter().filter(same).any(|new| new.values.starts_with(&old.values))
            };
            if let Some(lost) = before.mine.iter().find(|old| !kept(old)) {
                return self.fail(format!("{change} took {lost:?} out of item {}", item.id));
            }
        }
    }

    /// Counters are the sum of the deltas that took effect, no more and no less.
    pub(super) fn check_counters(&mut self, records: &BTreeMap<(CollectionId, RecordId), Stored>) {
        let mut sums: BTreeMap<(RecordId, FieldId), i64> = BTreeMap::new();
        let saved: Vec<_> = self.ledger.saved.iter().map(|(id, s)| (*id, s.ops.clone())).collect();
        for (id, ops) in saved {
            let known = central_view(&mut self.server.host, |tx| tx.known_change(id));
            let Some(Some((_, outcome))) = self.storage(known, "known change") else { continue };
            if !outcome.took_effect() {
                continue;
            }
            let deltas = |op: &Op| match op {
                Op::Undo { record, change, .. } => self.deltas_back(*record, *change),
                op => deltas_of(op),
            };
            for (record, field, by) in ops.iter().flat_map(deltas) {
                if !outcome.waits.contains(&(record, field)) {
                    *sums.entry((record, field)).or_default() += by;
                }
            }
        }
        for stored in records.values() {
            let Some(collection) = schema::by_id(stored.row.collection) else { continue };
            for field in collection.fields.iter().filter(|f| f.policy == Policy::Counter) {
                let sum = sums.get(&(stored.row.id, field.id)).copied().unwrap_or_default();
                let value = stored.row.get(field.id).as_int().unwrap_or_default();
                if sum != value {
                    let text = format!("{} of {} is {value}, its deltas add up to {sum}", field.name, stored.row.id);
                    return self.fail(text);
                }
            }
        }
    }

    /// What taking a change back takes from the counters of a record.
    fn deltas_back(&self, record: RecordId, change: ChangeId) -> Vec<(RecordId, FieldId, i64)> {
        let collection = self.ledger.image(change, record).map(|i| i.collection);
        let counter = |f: FieldId| collection.and_then(|c| policy_of(c, f)) == Some(Policy::Counter);
        let fields = self.ledger.undone_fields(change, record).iter().filter(|f| counter(f.field));
        let int = |v: &Value| v.as_int().unwrap_or_default();
        fields.map(|f| (record, f.field, int(&f.before) - int(&f.after))).collect()
    }

    /// What a merged change wanted and did not get is in an item, with its value.
    pub(super) fn check_losers(&mut self, items: &[(Scope, ConflictItem)]) {
        let mut by_record: BTreeMap<RecordId, Vec<&ConflictItem>> = BTreeMap::new();
        items.iter().for_each(|(_, item)| by_record.entry(item.record).or_default().push(item));
        let answers: Vec<Outcome> = self.ledger.answers.values().cloned().collect();
        for outcome in answers.iter().filter(|o| o.kind == OutcomeKind::Merged) {
            let Some(saved) = self.ledger.saved.get(&outcome.change).cloned() else { continue };
            for (record, field) in &outcome.waits {
                let of_record = by_record.get(record).map_or(&[][..], Vec::as_slice);
                // A merge group waits as a whole, with fields its author left as they were.
                let along =
                    |i: &&ConflictItem| i.fields.contains(field) && i.mine.iter().any(|s| s.change == outcome.change);
                let wrote = saved.ops.iter().any(|op| op.fields().contains(field));
                if !wrote && of_record.iter().any(along) {
                    continue;
                }
                // An undo that cannot go through is offered in its answer.
                let undoes = |op: &Op| matches!(op, Op::Undo { record: r, .. } if r == record);
                if outcome.code.as_deref() == Some(OFFERED) && saved.ops.iter().any(undoes) {
                    continue;
                }
                if !saved.ops.iter().any(|op| is_kept(op, outcome.change, *record, *field, of_record)) {
                    let text =
                        format!("{} lost its write of field {} of {record} without trace", outcome.change, field.0);
                    return self.fail(text);
                }
            }
        }
    }

    /// The log is one unbroken chain.
    pub(super) fn check_log(&mut self) {
        let log = self.server.log.clone();
        let mut seen = BTreeSet::new();
        for (at, commit) in log.iter().enumerate() {
            let prev = at.checked_sub(1).map(|p| log[p].position.hash).unwrap_or_default();
            let hash = commit_hash(prev, commit.position.seq, &commit.change, &commit.parts);
            if commit.prev != prev || commit.position.hash != hash || commit.position.seq != at as u64 + 1 {
                return self.fail(format!("commit {} does not continue the chain", commit.position.seq));
            }
            if !seen.insert(commit.info.change) {
                return self.fail(format!("change {} was committed twice", commit.info.change));
            }
        }
    }
}

/// A commit in a trace: whose, and what it does.
fn described(commit: &Commit, client: usize) -> String {
    let part = |(_, bytes): &(Scope, Vec<u8>)| minicbor::decode::<Part>(bytes).ok();
    let effects: Vec<Effect> = commit.parts.iter().filter_map(part).flat_map(|p| p.effects).collect();
    format!("{} counter {} of laptop {client}: {effects:?}", commit.info.change, commit.info.counter)
}

/// Fields a commit wrote: those that changed, and those of a merge group its author wrote along with one that changed.
fn written_fields(changed: &Changed, ops: &[Op]) -> Changed {
    let mut written = changed.clone();
    for op in ops {
        let Op::Set { collection, record, field, value } = op else { continue };
        let group = |f: FieldId| schema::by_id(*collection).and_then(|c| c.field_by_id(f)).and_then(|f| f.group);
        let along = |(r, f): &(RecordId, FieldId)| r == record && group(*f).is_some() && group(*f) == group(*field);
        if changed.keys().any(along) {
            written.entry((*record, *field)).or_insert((*collection, value.clone()));
        }
    }
    written
}

fn policy_of(collection: CollectionId, field: FieldId) -> Option<Policy> {
    schema::by_id(collection).and_then(|c| c.field_by_id(field)).map(|f| f.policy)
}

/// What a commit changed though its operations do not ask for it.
fn unasked(changed: &Changed, ops: &[Op]) -> Option<String> {
    let asks = |op: &Op, key: &(RecordId, FieldId), value: &Value| match op {
        Op::Set { collection, field, value: asked, .. } => {
            let merges = policy_of(*collection, *field) == Some(Policy::Text);
            *field == key.1 && (merges || asked == value || asked.is_null() && value.is_null())
        }
        Op::Add { field, .. } | Op::Include { field, .. } | Op::Exclude { field, .. } => *field == key.1,
        Op::Insert { collection, values, .. } => values.iter().any(|(f, asked)| {
            let adds = matches!(policy_of(*collection, *f), Some(Policy::Counter | Policy::Set | Policy::Text));
            *f == key.1 && (adds || asked == value)
        }),
        Op::Text { field, .. } => *field == key.1,
        Op::Resolve { .. } | Op::Undo { .. } => true,
        Op::Delete { .. } => false,
    };
    changed.iter().find_map(|(key, (_, value))| {
        let asked = ops.iter().any(|op| op.record().1 == key.0 && asks(op, key, value));
        (!asked).then(|| format!("gave field {} of {} the value {value:?}, which nobody asked for", key.1.0, key.0))
    })
}

/// The counter deltas of an operation.
fn deltas_of(op: &Op) -> Vec<(RecordId, FieldId, i64)> {
    match op {
        Op::Add { record, field, by, .. } => vec![(*record, *field, *by)],
        Op::Insert { collection, record, values, .. } => {
            let counter = |f: FieldId| {
                schema::by_id(*collection).and_then(|c| c.field_by_id(f)).is_some_and(|f| f.policy == Policy::Counter)
            };
            values.iter().filter(|(f, _)| counter(*f)).filter_map(|(f, v)| Some((*record, *f, v.as_int()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an item of the record holds what this operation wanted for the field.
fn is_kept(op: &Op, change: ChangeId, record: RecordId, field: FieldId, items: &[&ConflictItem]) -> bool {
    if op.record().1 != record {
        return false;
    }
    let wanted: Option<Value> = match op {
        Op::Delete { .. } => return field == FieldId::RECORD && items.iter().any(|i| i.mine.iter().any(|s| s.delete)),
        Op::Set { field: f, value, .. } => (*f == field).then(|| value.clone()),
        Op::Add { field: f, by, .. } => (*f == field).then_some(Value::Int(*by)),
        Op::Include { field: f, item, .. } | Op::Exclude { field: f, item, .. } => {
            (*f == field).then(|| Value::set([item.as_str()]))
        }
        Op::Insert { values, .. } => values.iter().find(|(f, _)| *f == field).map(|(_, v)| v.clone()),
        // The whole text its author wanted waits, so it holds at least what was typed last.
        Op::Text { field: f, edits, .. } if *f == field => {
            let typed =
                |value: &Value| edits.last().is_none_or(|e| value.as_text().unwrap_or_default().contains(&e.insert));
            return items.iter().any(|item| {
                let at = item.fields.iter().position(|f| *f == field);
                let side = |s: &Side| s.change == change && at.and_then(|at| s.values.get(at)).is_some_and(typed);
                item.mine.iter().any(side)
            });
        }
        // A stale decision waits with what it chose, in its own name or in that of a side that wants the same.
        Op::Resolve { choice, .. } => match choice {
            Resolution::Stand => return true,
            Resolution::Delete => return items.iter().any(|i| i.mine.iter().any(|s| s.delete)),
            Resolution::Values(values) => values.iter().find(|(f, _)| *f == field).map(|(_, v)| v.clone()),
        },
        Op::Text { .. } | Op::Undo { .. } => None,
    };
    let Some(wanted) = wanted else { return false };
    items.iter().any(|item| {
        let Some(at) = item.fields.iter().position(|f| *f == field) else { return false };
        let in_sides = item.mine.iter().any(|s| s.values.get(at) == Some(&wanted));
        in_sides || item.theirs.get(at) == Some(&wanted)
    })
}
