//! What the simulation knows beside the system: every change that was shown as saved, every answer central gave, who
//! wrote what when by the only true clock.

use omni_model::{CollectionId, FieldId, Op, RecordId, Value};
use omni_protocol::{Change, ChangeId, ConflictId, ConflictItem, Effect, Outcome, ReplicaId};
use std::collections::{BTreeMap, BTreeSet};

/// A change an operator saw as saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The laptop.
    pub client: usize,
    /// Order of saving over all laptops.
    pub order: u64,
    /// True time.
    pub at_ms: u64,
    /// The seq its author had seen.
    pub base: u64,
    /// What it does.
    pub ops: Vec<Op>,
    /// Whether it is a command.
    pub command: bool,
    /// The first change of the action: a re-issue has its predecessor's root.
    pub root: ChangeId,
    /// The operator took it out of the queue.
    pub discarded: bool,
    /// It was sent again under another id.
    pub reissued: bool,
    /// The database was restored to a time before it: it may be gone.
    pub exempt: bool,
    /// It waits in two databases, or in one that forgot what its operator did with it: the operator's discard or
    /// re-issue in one does not bind the other.
    pub shared: bool,
}

/// The whole record.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Saved changes.
    pub saved: BTreeMap<ChangeId, Saved>,
    /// First durable answer to each counter.
    pub answers: BTreeMap<(ReplicaId, u64), Outcome>,
    /// Changes a laptop was told took effect.
    pub acknowledged: BTreeSet<ChangeId>,
    /// Last committed writer of each field with its seq and value.
    pub writers: BTreeMap<(RecordId, FieldId), (ChangeId, u64, Value)>,
    /// Last committed values of each record, deleted ones included: what the effects of all commits add up to.
    pub rows: BTreeMap<RecordId, BTreeMap<FieldId, Value>>,
    /// Who deleted each record that is deleted now, at which seq.
    pub deleters: BTreeMap<RecordId, (ChangeId, u64)>,
    /// The last version of each conflict item.
    pub items: BTreeMap<ConflictId, ConflictItem>,
    /// Changes that took effect, in the order central answered them, with the seq their writes carry.
    pub done: Vec<(ChangeId, u64)>,
    /// Laptop that created each record first.
    pub creators: BTreeMap<RecordId, usize>,
    /// Replica that first got an answer for each change.
    pub answered_ids: BTreeMap<ChangeId, ReplicaId>,
    /// Changes the laptop itself sent again under another id, because central said it knew another change by theirs.
    pub forked: Vec<(ChangeId, ChangeId)>,
    /// Clones: the laptop they were made from, and the order at which.
    pub twins: BTreeMap<usize, (usize, u64)>,
    next_order: u64,
}

/// Fields a commit gave another value, with their new values (null = cleared) and the kind of their record.
pub type Changed = BTreeMap<(RecordId, FieldId), (CollectionId, Value)>;

impl Ledger {
    /// Applies a commit's effects, those of all its scopes, and tells what they changed.
    pub fn learn(&mut self, effects: &[Effect]) -> Changed {
        let mut kinds: BTreeMap<RecordId, CollectionId> = BTreeMap::new();
        let mut after: BTreeMap<RecordId, BTreeMap<FieldId, Value>> = BTreeMap::new();
        for effect in effects {
            let (kind, record) = effect.record();
            if let Effect::Create { .. } = effect {
                after.insert(record, BTreeMap::new());
            } else if let Effect::Put { .. } = effect {
                after.entry(record).or_insert_with(|| self.rows.get(&record).cloned().unwrap_or_default());
            }
            kinds.insert(record, kind);
        }
        // The values after the records: parts come in scope order, so a `Put` may stand before the `Create` it belongs to.
        for effect in effects {
            let (Effect::Create { record, fields, .. } | Effect::Put { record, fields, .. }) = effect else { continue };
            let Some(row) = after.get_mut(record) else { continue };
            row.extend(fields.iter().cloned());
            row.retain(|_, value| !value.is_null());
        }
        let mut changed = Changed::new();
        for (record, row) in after {
            let before = self.rows.insert(record, row.clone()).unwrap_or_default();
            for field in before.keys().chain(row.keys()).filter(|f| before.get(*f) != row.get(*f)) {
                let value = row.get(field).cloned().unwrap_or_default();
                changed.insert((record, *field), (kinds[&record], value));
            }
        }
        changed
    }

    /// Notes a saved change.
    pub fn save(&mut self, client: usize, at_ms: u64, change: &Change, root: Option<ChangeId>) {
        let order = self.next_order;
        self.next_order += 1;
        let saved = Saved {
            client,
            order,
            at_ms,
            base: change.base.seq,
            ops: change.ops.clone(),
            command: change.is_command(),
            root: root.unwrap_or(change.id),
            discarded: false,
            reissued: false,
            exempt: false,
            shared: false,
        };
        self.saved.insert(change.id, saved);
    }

    /// Whether the author of `mine` truly knew `other`, committed at `seq`: had it in the copy, or made it before.
    /// `None` = the database was replaced or doubled in between, so nobody can say.
    pub fn knew(&self, mine: &Saved, other: &Saved, seq: u64) -> Option<bool> {
        if seq <= mine.base {
            return Some(true);
        }
        if other.exempt || mine.exempt {
            return None;
        }
        // The same operator's twin sent what was taken back here, or what only asked central to act.
        if other.shared && (other.discarded || other.reissued || other.ops.is_empty()) {
            return None;
        }
        let twin =
            self.twins.get(&mine.client).is_some_and(|(first, order)| other.client == *first && other.order < *order);
        Some(twin || (other.client == mine.client && other.order < mine.order))
    }

    /// What a laptop saved since then may be gone: its database was restored.
    pub fn exempt(&mut self, client: usize, since_order: u64) {
        for saved in self.saved.values_mut().filter(|s| s.client == client && s.order >= since_order) {
            saved.exempt = true;
        }
    }

    /// The order the next saved change gets.
    pub fn next_order(&self) -> u64 {
        self.next_order
    }
}
