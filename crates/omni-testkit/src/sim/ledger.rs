//! What the simulation knows beside the system: every change that was shown as saved, every answer central gave, who
//! wrote what when by the only true clock.

use omni_model::{CollectionId, FieldId, Op, RecordId, Value};
use omni_protocol::{Change, ChangeId, ConflictId, ConflictItem, Effect, Grants, Hash, Outcome, Position, ReplicaId};
use omni_sync::central::Commit;
use omni_sync::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// The same as a place in one of central's histories; `None` = nobody can say any more.
    pub seen: Option<Place>,
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

/// A seq of one of central's histories: it begins another when it is restored or rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the history.
    pub history: usize,
    /// Seq in it.
    pub seq: u64,
}

/// One of central's histories.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Its commits.
    pub log: Vec<Arc<Commit>>,
    /// Seq of each change that made a commit.
    pub seqs: BTreeMap<ChangeId, u64>,
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
    /// Changes an operator took back.
    pub undone: BTreeSet<ChangeId>,
    /// Central's histories, the present one last.
    pub histories: Vec<History>,
    /// Where each commit stands in the first history that held it, by its hash.
    pub places: BTreeMap<Hash, Place>,
    /// What took effect in a history central lost, and where its commit stood if it made one.
    pub lost: BTreeMap<ChangeId, Option<Place>>,
    /// What was answered in a history central lost.
    pub forgotten: BTreeSet<ChangeId>,
    /// Changes whose originals a recovering central took.
    pub offered: BTreeSet<ChangeId>,
    next_order: u64,
}

/// Fields a commit gave another value, with their new values (null = cleared) and the kind of their record.
pub type Changed = BTreeMap<(RecordId, FieldId), (CollectionId, Value)>;

impl Ledger {
    /// Of a central in its first history.
    pub fn new() -> Ledger {
        Ledger { histories: vec![History::default()], ..Ledger::default() }
    }

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
    pub fn save(&mut self, client: usize, at_ms: u64, change: &Change, root: Option<ChangeId>, seen: Option<Place>) {
        let order = self.next_order;
        self.next_order += 1;
        let saved = Saved {
            client,
            order,
            at_ms,
            base: change.base.seq,
            seen,
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

    /// Whether the author of `mine` truly knew `other`, answered with `seq` in the present history: had it in the copy, or
    /// made it before. `None` = a database was replaced or doubled in between, so nobody can say.
    pub fn knew(&self, mine: &Saved, (id, other): (ChangeId, &Saved), seq: u64) -> Option<bool> {
        let seen = mine.seen?;
        let history = self.histories.get(seen.history)?;
        // What changed nothing made no commit: its answer names the head it met.
        let at = history.seqs.get(&id).copied().or((seen.history == self.present()).then_some(seq));
        if at.is_some_and(|at| at <= seen.seq) {
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

    /// The commit a change made in the present history.
    pub fn commit_of(&self, change: ChangeId) -> Option<&Commit> {
        let present = self.histories.last()?;
        present.log.get(*present.seqs.get(&change)? as usize - 1).map(Arc::as_ref)
    }

    /// Number of the present history.
    pub fn present(&self) -> usize {
        self.histories.len().saturating_sub(1)
    }

    /// The place of a position; of nothing at all for one that is in no history.
    pub fn place(&self, position: Position) -> Option<Place> {
        if position.seq == 0 {
            return Some(Place { history: self.present(), seq: 0 });
        }
        // A history begins with the commits of the one it continues.
        let here = |h: &History| h.log.get(position.seq as usize - 1).is_some_and(|c| c.position.hash == position.hash);
        let present = self.histories.last().is_some_and(here);
        let now = Place { history: self.present(), seq: position.seq };
        if present { Some(now) } else { self.places.get(&position.hash).copied() }
    }

    /// Sum of the readable scope digests at a place.
    pub fn root_at(&self, grants: &Grants, place: Place) -> Digest {
        let mut root = Digest::default();
        let commits = self.histories.get(place.history).into_iter().flat_map(|h| h.log.iter().take(place.seq as usize));
        let deltas = commits.flat_map(|c| &c.deltas).filter(|(scope, _)| grants.reads(*scope));
        deltas.for_each(|(_, delta)| root.add(*delta));
        root
    }

    /// Whether what is seen at a place is part of the present history.
    pub fn is_present(&self, place: Place) -> bool {
        let hash = |h: &History| h.log.get((place.seq as usize).wrapping_sub(1)).map(|c| c.position.hash);
        let (there, here) = (self.histories.get(place.history).map(hash), self.histories.last().map(hash));
        place.seq == 0 || there == here
    }

    /// Whether central lost what the author of a change had seen: then central knows less than that author did.
    pub fn saw_lost(&self, saved: &Saved) -> bool {
        saved.seen.is_none_or(|place| !self.is_present(place))
    }

    /// A commit became durable.
    pub fn append(&mut self, commit: &Arc<Commit>) {
        let history = self.present();
        let Some(present) = self.histories.last_mut() else { return };
        present.log.push(commit.clone());
        present.seqs.insert(commit.info.change, commit.position.seq);
        self.places.entry(commit.position.hash).or_insert(Place { history, seq: commit.position.seq });
    }

    /// Central goes back to what it was when `then` was copied: what it answered since is lost there.
    pub fn go_back(&mut self, then: &Ledger) {
        let Some(present) = self.histories.last() else { return };
        for (change, _) in &self.done {
            if then.answered_ids.contains_key(change) {
                continue;
            }
            let place = present.seqs.get(change).map(|seq| Place { history: self.histories.len() - 1, seq: *seq });
            self.lost.insert(*change, place);
        }
        let again = |id: &&ChangeId| !then.answered_ids.contains_key(*id);
        self.forgotten.extend(self.answered_ids.keys().filter(again));
        let past = then.histories.last().cloned().unwrap_or_default();
        self.histories.push(past);
        self.answers.clone_from(&then.answers);
        self.writers.clone_from(&then.writers);
        self.rows.clone_from(&then.rows);
        self.deleters.clone_from(&then.deleters);
        self.items.clone_from(&then.items);
        self.done.clone_from(&then.done);
        self.answered_ids.clone_from(&then.answered_ids);
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
