//! Sets against a brute-force reading of *additions win*: every addition is remembered, a removal takes away those its
//! author truly knew, and an item stands while one is left.

use super::driver::Sim;
use super::host::{Hosts, central_view};
use super::ledger::{Ledger, Saved};
use omni_model::{CollectionId, FieldId, Op, Policy, RecordId, Value, schema};
use omni_protocol::{ChangeId, Outcome};
use omni_sync::meta::Stored;
use std::collections::{BTreeMap, BTreeSet};

/// The additions of each item, by change and seq.
#[derive(Default)]
struct Model {
    items: BTreeMap<String, Vec<(ChangeId, u64)>>,
    /// A database was replaced or doubled, so nobody can say what an author knew.
    unsure: bool,
}

type Sets = BTreeMap<(RecordId, FieldId), Model>;

impl<H: Hosts> Sim<H> {
    /// Every set of a live record holds what additions and removals come to.
    pub(super) fn check_sets(&mut self, records: &BTreeMap<(CollectionId, RecordId), Stored>) {
        let committed: BTreeSet<ChangeId> = self.server.log.iter().map(|c| c.info.change).collect();
        let mut sets = Sets::new();
        for (id, seq) in self.ledger.done.clone() {
            let known = central_view(&mut self.server.host, |tx| tx.known_change(id));
            let Some(Some((_, outcome))) = self.storage(known, "known change") else { continue };
            let Some(saved) = self.ledger.saved.get(&id) else { continue };
            // What changed nothing visible stands between two commits.
            let seq = if committed.contains(&id) { seq } else { seq + 1 };
            for op in &saved.ops {
                apply(&mut sets, &self.ledger, (id, saved, seq), op, &outcome);
            }
        }
        for stored in records.values().filter(|s| s.is_live()) {
            let Some(collection) = schema::by_id(stored.row.collection) else { continue };
            for field in collection.fields.iter().filter(|f| f.policy == Policy::Set) {
                let model = sets.get(&(stored.row.id, field.id));
                let wanted: BTreeSet<String> = model.iter().flat_map(|m| m.items.keys().cloned()).collect();
                let have = stored.row.get(field.id).as_set().unwrap_or_default();
                if wanted != have && !model.is_some_and(|m| m.unsure) {
                    let text = format!(
                        "{} of {} is {have:?}, additions and removals come to {wanted:?}",
                        field.name, stored.row.id
                    );
                    return self.fail(text);
                }
            }
        }
    }
}

/// What a change put into sets goes, unless somebody put it in again since; what it took out comes back.
fn undo(
    sets: &mut Sets,
    ledger: &Ledger,
    (id, seq): (ChangeId, u64),
    (target, record): (ChangeId, RecordId),
    outcome: &Outcome,
) {
    let collection = ledger.image(target, record).and_then(|i| schema::by_id(i.collection));
    for part in ledger.undone_fields(target, record) {
        let is_set = collection.and_then(|c| c.field_by_id(part.field)).is_some_and(|f| f.policy == Policy::Set);
        if !is_set || outcome.waits.contains(&(record, part.field)) {
            continue;
        }
        let model = sets.entry((record, part.field)).or_default();
        let items = |value: &Value| value.as_set().unwrap_or_default();
        let (before, after) = (items(&part.before), items(&part.after));
        for item in after.difference(&before) {
            let again = |additions: &Vec<(ChangeId, u64)>| additions.iter().any(|(by, _)| *by != target);
            if !model.items.get(item).is_some_and(again) {
                model.items.remove(item);
            }
        }
        for item in before.difference(&after) {
            model.items.entry(item.clone()).or_default().push((id, seq));
        }
    }
}

fn apply(sets: &mut Sets, ledger: &Ledger, (id, mine, seq): (ChangeId, &Saved, u64), op: &Op, outcome: &Outcome) {
    let record = op.record().1;
    let mut add = |field: FieldId, item: &str| {
        if !outcome.waits.contains(&(record, field)) {
            let model = sets.entry((record, field)).or_default();
            model.items.entry(item.to_owned()).or_default().push((id, seq));
        }
    };
    match op {
        Op::Include { field, item, .. } => add(*field, item),
        Op::Insert { values, .. } => {
            for (field, value) in values {
                if let Value::Set(items) = value {
                    items.iter().for_each(|item| add(*field, item));
                }
            }
        }
        Op::Undo { change, .. } => undo(sets, ledger, (id, seq), (*change, record), outcome),
        Op::Exclude { field, item, .. } => {
            let model = sets.entry((record, *field)).or_default();
            let Some(additions) = model.items.remove(item) else { return };
            // Central knows less of what its author had seen than its author did.
            model.unsure |= ledger.saw_lost(mine) || ledger.lost.contains_key(&id);
            let mut left = Vec::new();
            for (other, at) in additions {
                let knew = match ledger.saved.get(&other) {
                    _ if other == id => Some(true),
                    Some(theirs) => ledger.knew(mine, (other, theirs), at),
                    None => None,
                };
                model.unsure |= knew.is_none();
                if knew == Some(false) {
                    left.push((other, at));
                }
            }
            if !left.is_empty() {
                model.items.insert(item.clone(), left);
            }
        }
        _ => {}
    }
}
