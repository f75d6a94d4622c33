//! A laptop's store in memory: the same `ReplicaTx` the encrypted database implements, with transactions and a crash
//! that behaves like SQLite in WAL mode. A `Full` commit is durable with everything before it; a `Normal` commit may be
//! lost at a crash together with every later one, never out of order.

use crate::sim::Rng;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::frame::to_bytes;
use omni_protocol::{
    ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Hash, OriginalGroup, Position, ReplicaId, Scope,
};
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use omni_sync::replica::seal::mentioned;
use omni_sync::replica::{
    CentralHistory, HistoryEntry, Kept, OutboxEntry, OutboxState, ReplicaMeta, ReplicaTx, reopen,
};
use std::collections::{BTreeMap, BTreeSet};

type Key = (CollectionId, RecordId);

/// How a commit reaches the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives any crash once it returned: operator edits, sealing, identity.
    Full,
    /// May be lost at a crash with all commits after it: the feed, outcomes.
    Normal,
}

/// Everything in the database.
#[derive(Clone, Debug)]
pub struct State {
    /// Identity and cursor.
    pub meta: ReplicaMeta,
    /// Visible rows.
    pub rows: BTreeMap<Key, Row>,
    /// Confirmed layer of touched records.
    pub confirmed: BTreeMap<Key, Option<Row>>,
    /// Cells this version does not know.
    pub deferred: BTreeMap<(Key, FieldId), (Scope, Vec<u8>)>,
    /// Own changes by local number.
    pub outbox: BTreeMap<u64, OutboxEntry>,
    /// Digests by scope.
    pub digests: BTreeMap<Scope, Digest>,
    /// Conflict items.
    pub conflicts: BTreeMap<ConflictId, (Scope, ConflictItem)>,
    /// Commits kept.
    pub history: BTreeMap<u64, HistoryEntry>,
    /// Devices.
    pub directory: BTreeMap<DeviceId, DirectoryEntry>,
    /// Own confirmed changes, with the seq of their answer.
    own: BTreeMap<ChangeId, (u64, Kept)>,
    /// Signed originals of commits, and up to which epoch and seq they are complete.
    originals: BTreeMap<Hash, OriginalGroup>,
    originals_to: (u32, u64),
    /// The epoch of central whose history own changes were last compared with.
    followed: Option<u32>,
    next_local: u64,
    index: Index,
}

/// What the store's SQL indexes would answer.
#[derive(Clone, Debug, Default)]
struct Index {
    by_id: BTreeMap<ChangeId, u64>,
    touching: BTreeMap<Key, BTreeSet<u64>>,
    unsealed: BTreeSet<(u8, u64)>,
    sealed: BTreeMap<u64, u64>,
    acked: BTreeSet<(u64, u64)>,
}

impl Index {
    fn add(&mut self, e: &OutboxEntry) {
        self.by_id.insert(e.change.id, e.local_no);
        for key in mentioned(&e.change.ops) {
            self.touching.entry(key).or_default().insert(e.local_no);
        }
        match (&e.state, e.counter) {
            (OutboxState::Unsealed, _) => {
                self.unsealed.insert((e.change.priority, e.local_no));
            }
            (OutboxState::Sealed, Some(counter)) => {
                self.sealed.insert(counter, e.local_no);
            }
            (OutboxState::Acked { seq }, _) => {
                self.acked.insert((*seq, e.local_no));
            }
            _ => {}
        }
    }

    fn take(&mut self, e: &OutboxEntry) {
        self.by_id.remove(&e.change.id);
        for key in mentioned(&e.change.ops) {
            if let Some(set) = self.touching.get_mut(&key) {
                set.remove(&e.local_no);
            }
        }
        self.unsealed.remove(&(e.change.priority, e.local_no));
        if let OutboxState::Acked { seq } = e.state {
            self.acked.remove(&(seq, e.local_no));
        }
        if let (OutboxState::Sealed, Some(counter)) = (&e.state, e.counter) {
            self.sealed.remove(&counter);
        }
    }
}

/// The inverse of one write.
#[derive(Debug)]
enum Undo {
    Meta(Box<ReplicaMeta>),
    Row(Key, Option<Row>),
    Confirmed(Key, Option<Option<Row>>),
    Deferred((Key, FieldId), Option<(Scope, Vec<u8>)>),
    Outbox(u64, Option<Box<OutboxEntry>>),
    NextLocal(u64),
    Digest(Scope, Option<Digest>),
    Conflict(ConflictId, Option<Box<(Scope, ConflictItem)>>),
    History(u64, Option<HistoryEntry>),
    Directory(DeviceId, Option<DirectoryEntry>),
    Own(ChangeId, Option<Box<(u64, Kept)>>),
    Followed(Option<u32>),
}

fn put_back<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, old: Option<V>) {
    match old {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

impl State {
    fn new(meta: ReplicaMeta) -> State {
        State {
            meta,
            rows: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            deferred: BTreeMap::new(),
            outbox: BTreeMap::new(),
            digests: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            history: BTreeMap::new(),
            directory: BTreeMap::new(),
            own: BTreeMap::new(),
            originals: BTreeMap::new(),
            originals_to: (0, 0),
            followed: None,
            next_local: 1,
            index: Index::default(),
        }
    }

    fn set_outbox(&mut self, local_no: u64, entry: Option<OutboxEntry>) -> Option<OutboxEntry> {
        let old = self.outbox.remove(&local_no);
        if let Some(old) = &old {
            self.index.take(old);
        }
        if let Some(entry) = entry {
            self.index.add(&entry);
            self.outbox.insert(local_no, entry);
        }
        old
    }

    fn undo(&mut self, step: Undo) {
        match step {
            Undo::Meta(meta) => self.meta = *meta,
            Undo::Row(key, old) => put_back(&mut self.rows, key, old),
            Undo::Confirmed(key, old) => put_back(&mut self.confirmed, key, old),
            Undo::Deferred(key, old) => put_back(&mut self.deferred, key, old),
            Undo::Outbox(no, old) => {
                self.set_outbox(no, old.map(|e| *e));
            }
            Undo::NextLocal(n) => self.next_local = n,
            Undo::Digest(scope, old) => put_back(&mut self.digests, scope, old),
            Undo::Conflict(id, old) => put_back(&mut self.conflicts, id, old.map(|c| *c)),
            Undo::History(seq, old) => put_back(&mut self.history, seq, old),
            Undo::Directory(id, old) => put_back(&mut self.directory, id, old),
            Undo::Own(id, old) => put_back(&mut self.own, id, old.map(|kept| *kept)),
            Undo::Followed(old) => self.followed = old,
        }
    }
}

/// A replica's database in memory.
#[derive(Debug)]
pub struct MemReplica {
    state: State,
    undo: Vec<Undo>,
    /// Length of `undo` before each commit that is not durable yet.
    marks: Vec<usize>,
}

impl MemReplica {
    /// An empty database.
    pub fn new(meta: ReplicaMeta) -> MemReplica {
        MemReplica { state: State::new(meta), undo: Vec::new(), marks: Vec::new() }
    }

    /// What readers see now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Runs one transaction; commits if the body says so.
    pub fn write(&mut self, durability: Durability, body: &mut dyn FnMut(&mut dyn ReplicaTx) -> bool) -> bool {
        let start = self.undo.len();
        let commit = body(&mut MemTx { state: &mut self.state, undo: &mut self.undo });
        if !commit {
            self.roll_back_to(start);
            return false;
        }
        match durability {
            Durability::Full => self.make_durable(),
            Durability::Normal => self.marks.push(start),
        }
        true
    }

    /// Reads in one view.
    pub fn read(&mut self, body: &mut dyn FnMut(&dyn ReplicaTx)) {
        body(&MemTx { state: &mut self.state, undo: &mut self.undo });
    }

    /// Keeps a page of originals, and that they are complete to its position. Durable.
    pub fn keep_originals(&mut self, groups: &[OriginalGroup], to: Position) {
        let named = |g: &OriginalGroup| (Hash::of("omni-original", &[&to_bytes(g)]), g.clone());
        self.state.originals.extend(groups.iter().filter(|g| !g.commits.is_empty()).map(named));
        self.state.originals_to = (to.epoch, to.seq);
        self.make_durable();
    }

    /// Every original kept.
    pub fn originals(&self) -> Vec<OriginalGroup> {
        self.state.originals.values().cloned().collect()
    }

    /// Up to which epoch and seq originals are complete.
    pub fn originals_to(&self) -> (u32, u64) {
        self.state.originals_to
    }

    /// As the store's: own changes central may have lost are queued again. Durable.
    pub fn follow_history(&mut self, history: &CentralHistory, fresh: ReplicaId) -> Result<usize, StorageError> {
        let (told, start) = (self.state.followed, self.undo.len());
        let fork = history.common_seq(told.unwrap_or(self.state.meta.position.epoch));
        let mut tx = MemTx { state: &mut self.state, undo: &mut self.undo };
        tx.undo.push(Undo::Followed(tx.state.followed.replace(history.epoch)));
        let kept = tx.take_own(fork);
        let reopened = reopen(&mut tx, history, fork, kept, fresh);
        match &reopened {
            Ok(0) if told == Some(history.epoch) => self.undo.truncate(start),
            Ok(_) => self.make_durable(),
            Err(_) => self.roll_back_to(start),
        }
        reopened
    }

    /// Puts a whole other database in place, durably.
    pub fn swap(&mut self, state: State) {
        self.state = state;
        self.make_durable();
    }

    /// Power loss: a random number of the commits that are not durable yet is gone, the newest first.
    pub fn crash(&mut self, rng: &mut Rng) {
        let kept = rng.below(self.marks.len() as u64 + 1) as usize;
        if let Some(start) = self.marks.get(kept).copied() {
            self.roll_back_to(start);
        }
        self.make_durable();
    }

    fn make_durable(&mut self) {
        self.undo.clear();
        self.marks.clear();
    }

    fn roll_back_to(&mut self, start: usize) {
        while self.undo.len() > start {
            if let Some(step) = self.undo.pop() {
                self.state.undo(step);
            }
        }
    }
}

/// One transaction on a `MemReplica`.
struct MemTx<'a> {
    state: &'a mut State,
    undo: &'a mut Vec<Undo>,
}

type Res<T> = Result<T, StorageError>;

impl MemTx<'_> {
    fn entries<'s>(&'s self, numbers: impl Iterator<Item = u64> + 's) -> Vec<OutboxEntry> {
        numbers.filter_map(|no| self.state.outbox.get(&no).cloned()).collect()
    }

    /// Own confirmed changes after `fork`. They are kept no longer.
    fn take_own(&mut self, fork: u64) -> Vec<Kept> {
        let after: Vec<ChangeId> = self.state.own.iter().filter(|(_, o)| o.0 > fork).map(|(id, _)| *id).collect();
        let mut taken: Vec<Kept> = Vec::new();
        for id in after {
            let old = self.state.own.remove(&id);
            taken.extend(old.clone().map(|(_, kept)| kept));
            self.undo.push(Undo::Own(id, old.map(Box::new)));
        }
        taken.sort_by_key(|kept| kept.local_no);
        taken
    }

    fn write_outbox(&mut self, no: u64, entry: Option<OutboxEntry>) {
        let old = self.state.set_outbox(no, entry);
        self.undo.push(Undo::Outbox(no, old.map(Box::new)));
    }
}

impl ReplicaTx for MemTx<'_> {
    fn meta(&self) -> Res<ReplicaMeta> {
        Ok(self.state.meta.clone())
    }
    fn set_meta(&mut self, meta: &ReplicaMeta) -> Res<()> {
        let old = std::mem::replace(&mut self.state.meta, meta.clone());
        self.undo.push(Undo::Meta(Box::new(old)));
        Ok(())
    }
    fn row(&self, c: CollectionId, id: RecordId) -> Res<Option<Row>> {
        Ok(self.state.rows.get(&(c, id)).cloned())
    }
    fn put_row(&mut self, row: &Row, _seq: Option<u64>) -> Res<()> {
        let key = (row.collection, row.id);
        self.undo.push(Undo::Row(key, self.state.rows.insert(key, row.clone())));
        Ok(())
    }
    fn patch_row(&mut self, c: CollectionId, id: RecordId, fields: &[(FieldId, Value)], seq: Option<u64>) -> Res<()> {
        let Some(mut row) = self.row(c, id)? else { return Err(StorageError::corrupt("patched row")) };
        fields.iter().for_each(|(f, v)| row.set(*f, v.clone()));
        self.put_row(&row, seq)
    }
    fn remove_row(&mut self, c: CollectionId, id: RecordId) -> Res<()> {
        self.undo.push(Undo::Row((c, id), self.state.rows.remove(&(c, id))));
        Ok(())
    }
    fn linked(&self, c: CollectionId, f: FieldId, target: RecordId) -> Res<Vec<RecordId>> {
        let from = (c, RecordId(uuid::Uuid::nil()));
        let of_kind = self.state.rows.range(from..).take_while(|((kind, _), _)| *kind == c);
        Ok(of_kind.filter(|(_, r)| r.get(f).as_id() == Some(target)).map(|((_, id), _)| *id).collect())
    }
    fn for_each_row(&self, f: &mut dyn FnMut(Row) -> Res<()>) -> Res<()> {
        self.state.rows.values().try_for_each(|row| f(row.clone()))
    }
    fn confirmed(&self, c: CollectionId, id: RecordId) -> Res<Option<Option<Row>>> {
        Ok(self.state.confirmed.get(&(c, id)).cloned())
    }
    fn put_confirmed(&mut self, c: CollectionId, id: RecordId, row: Option<&Row>) -> Res<()> {
        let old = self.state.confirmed.insert((c, id), row.cloned());
        self.undo.push(Undo::Confirmed((c, id), old));
        Ok(())
    }
    fn drop_confirmed(&mut self, c: CollectionId, id: RecordId) -> Res<()> {
        self.undo.push(Undo::Confirmed((c, id), self.state.confirmed.remove(&(c, id))));
        Ok(())
    }
    fn all_confirmed(&self) -> Res<Vec<(CollectionId, RecordId, Option<Row>)>> {
        Ok(self.state.confirmed.iter().map(|((c, id), row)| (*c, *id, row.clone())).collect())
    }
    fn deferred(&self, c: CollectionId, id: RecordId) -> Res<Vec<(Scope, FieldId, Vec<u8>)>> {
        let range = self.state.deferred.range(((c, id), FieldId(0))..);
        let of_record = range.take_while(|((key, _), _)| *key == (c, id));
        Ok(of_record.map(|((_, f), (scope, wire))| (*scope, *f, wire.clone())).collect())
    }
    fn put_deferred(&mut self, scope: Scope, c: CollectionId, id: RecordId, f: FieldId, wire: &[u8]) -> Res<()> {
        let key = ((c, id), f);
        let old = match wire.is_empty() {
            true => self.state.deferred.remove(&key),
            false => self.state.deferred.insert(key, (scope, wire.to_vec())),
        };
        self.undo.push(Undo::Deferred(key, old));
        Ok(())
    }
    fn all_deferred(&self) -> Res<Vec<(Scope, CollectionId, RecordId, FieldId, Vec<u8>)>> {
        let all = self.state.deferred.iter();
        Ok(all.map(|(((c, id), f), (scope, wire))| (*scope, *c, *id, *f, wire.clone())).collect())
    }
    fn outbox_insert(&mut self, entry: &OutboxEntry) -> Res<u64> {
        let next = self.state.next_local;
        let no = if entry.local_no > 0 { entry.local_no } else { next };
        self.undo.push(Undo::NextLocal(next));
        self.state.next_local = next.max(no + 1);
        self.write_outbox(no, Some(OutboxEntry { local_no: no, ..entry.clone() }));
        Ok(no)
    }
    fn outbox_get(&self, change: ChangeId) -> Res<Option<OutboxEntry>> {
        Ok(self.state.index.by_id.get(&change).and_then(|no| self.state.outbox.get(no)).cloned())
    }
    fn outbox_update(&mut self, entry: &OutboxEntry) -> Res<()> {
        let Some(no) = self.state.index.by_id.get(&entry.change.id).copied() else {
            return Err(StorageError::corrupt("outbox entry"));
        };
        self.write_outbox(no, Some(entry.clone()));
        Ok(())
    }
    fn outbox_remove(&mut self, change: ChangeId) -> Res<()> {
        let Some(no) = self.state.index.by_id.get(&change).copied() else { return Ok(()) };
        let entry = self.state.outbox.get(&no).filter(|e| e.sealed.is_some());
        let kept = |e: &OutboxEntry| Kept { local_no: no, counter: e.counter, change: e.change.clone() };
        let answered = entry.and_then(|e| Some((e.outcome.as_ref()?.seq?, kept(e))));
        if let Some(kept) = answered {
            let old = self.state.own.insert(change, kept);
            self.undo.push(Undo::Own(change, old.map(Box::new)));
        }
        self.write_outbox(no, None);
        Ok(())
    }
    fn outbox_touching(&self, c: CollectionId, id: RecordId) -> Res<Vec<OutboxEntry>> {
        let numbers = self.state.index.touching.get(&(c, id)).into_iter().flatten().copied();
        Ok(self.entries(numbers))
    }
    fn outbox_unsealed(&self, limit: usize) -> Res<Vec<OutboxEntry>> {
        Ok(self.entries(self.state.index.unsealed.iter().map(|(_, no)| *no).take(limit)))
    }
    fn outbox_sealed(&self, from: u64, limit: usize) -> Res<Vec<OutboxEntry>> {
        Ok(self.entries(self.state.index.sealed.range(from..).map(|(_, no)| *no).take(limit)))
    }
    fn outbox_by_counter(&self, counter: u64) -> Res<Option<OutboxEntry>> {
        Ok(self.state.index.sealed.get(&counter).and_then(|no| self.state.outbox.get(no)).cloned())
    }
    fn outbox_acked(&self, seq: u64) -> Res<Vec<OutboxEntry>> {
        Ok(self.entries(self.state.index.acked.range(..=(seq, u64::MAX)).map(|(_, no)| *no)))
    }
    fn digest(&self, scope: Scope) -> Res<Digest> {
        Ok(self.state.digests.get(&scope).copied().unwrap_or_default())
    }
    fn set_digest(&mut self, scope: Scope, digest: Digest) -> Res<()> {
        self.undo.push(Undo::Digest(scope, self.state.digests.insert(scope, digest)));
        Ok(())
    }
    fn digests(&self) -> Res<Vec<(Scope, Digest)>> {
        Ok(self.state.digests.iter().map(|(s, d)| (*s, *d)).collect())
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Res<()> {
        let old = self.state.conflicts.insert(item.id, (scope, item.clone()));
        self.undo.push(Undo::Conflict(item.id, old.map(Box::new)));
        Ok(())
    }
    fn conflict(&self, id: ConflictId) -> Res<Option<(Scope, ConflictItem)>> {
        Ok(self.state.conflicts.get(&id).cloned())
    }
    fn remove_conflict(&mut self, id: ConflictId) -> Res<()> {
        let old = self.state.conflicts.remove(&id);
        self.undo.push(Undo::Conflict(id, old.map(Box::new)));
        Ok(())
    }
    fn conflicts(&self) -> Res<Vec<(Scope, ConflictItem)>> {
        Ok(self.state.conflicts.values().cloned().collect())
    }
    fn put_history(&mut self, entry: &HistoryEntry) -> Res<()> {
        let old = self.state.history.insert(entry.seq, entry.clone());
        self.undo.push(Undo::History(entry.seq, old));
        Ok(())
    }
    fn put_directory(&mut self, entries: &[DirectoryEntry]) -> Res<()> {
        for entry in entries {
            let old = self.state.directory.insert(entry.device, entry.clone());
            self.undo.push(Undo::Directory(entry.device, old));
        }
        Ok(())
    }
    fn directory(&self, device: DeviceId) -> Res<Option<DirectoryEntry>> {
        Ok(self.state.directory.get(&device).cloned())
    }
}
