//! Central's storage in memory: the same `CentralTx` the database implements, for the simulator and for merge cases.

use omni_model::{Catalog, CollectionId, FieldId, RecordId, Value, schema};
use omni_protocol::{BootId, ChangeId, ConflictId, ConflictItem, DeviceId, Hash, Outcome, Position, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState, TextEngine};
use omni_sync::digest::Digest;
use omni_sync::meta::{Image, Stored};
use omni_text::LoroTexts;
use std::collections::BTreeMap;

/// Central's whole durable state.
#[derive(Clone, Debug)]
pub struct MemCentral {
    /// The collections and commands it serves.
    pub catalog: &'static Catalog,
    /// Epoch, seq, hash.
    pub position: Position,
    /// Earlier epochs with the seq at which their successor forked.
    pub forks: Vec<(u32, u64)>,
    /// Records, deleted ones included.
    pub records: BTreeMap<(CollectionId, RecordId), Stored>,
    /// Replicas.
    pub replicas: BTreeMap<ReplicaId, ReplicaState>,
    /// First content and outcome of each change id.
    pub changes: BTreeMap<ChangeId, (Hash, Outcome)>,
    /// Outcomes by replica and counter.
    pub outcomes: BTreeMap<(ReplicaId, u64), Outcome>,
    /// The log, from seq 1.
    pub log: Vec<Commit>,
    /// Commit times set beside the log, for histories that do not start at 1.
    pub times: BTreeMap<u64, i64>,
    /// Digests.
    pub digests: BTreeMap<Scope, Digest>,
    /// Items with their scopes.
    pub conflicts: BTreeMap<ConflictId, (Scope, ConflictItem)>,
    /// Histories of text fields.
    pub texts: BTreeMap<TextKey, Vec<u8>>,
    /// Pings.
    pub samples: BTreeMap<(DeviceId, BootId), Vec<BootSample>>,
}

/// A text field of a record.
pub type TextKey = (CollectionId, RecordId, FieldId);

impl Default for MemCentral {
    fn default() -> MemCentral {
        MemCentral::new()
    }
}

impl MemCentral {
    /// An empty central of the product's catalog in its first epoch.
    pub fn new() -> MemCentral {
        MemCentral::serving(&schema::CATALOG)
    }

    /// An empty central in its first epoch.
    pub fn serving(catalog: &'static Catalog) -> MemCentral {
        MemCentral {
            catalog,
            position: Position { epoch: 1, ..Position::default() },
            forks: Vec::new(),
            records: BTreeMap::new(),
            replicas: BTreeMap::new(),
            changes: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            log: Vec::new(),
            times: BTreeMap::new(),
            digests: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            texts: BTreeMap::new(),
            samples: BTreeMap::new(),
        }
    }

    fn logged(&self, seq: u64) -> Option<&Commit> {
        let first = self.log.first().map_or(1, |c| c.position.seq);
        let at = seq.checked_sub(first).and_then(|n| self.log.get(n as usize));
        at.filter(|c| c.position.seq == seq)
    }
}

impl CentralTx for MemCentral {
    fn head(&self) -> Result<CentralHead, StorageError> {
        Ok(CentralHead { position: self.position, forks: self.forks.clone() })
    }
    fn record(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>, StorageError> {
        Ok(self.records.get(&(collection, id)).cloned())
    }
    fn put_record(&mut self, stored: &Stored) -> Result<(), StorageError> {
        self.records.insert((stored.row.collection, stored.row.id), stored.clone());
        Ok(())
    }
    fn linked(&self, c: CollectionId, f: FieldId, target: RecordId) -> Result<Vec<RecordId>, StorageError> {
        let range = self.records.range((c, RecordId(uuid::Uuid::nil()))..);
        let of_kind = range.take_while(|((kind, _), _)| *kind == c);
        let links = of_kind.filter(|(_, s)| s.is_live() && s.row.get(f).as_id() == Some(target));
        Ok(links.map(|((_, id), _)| *id).collect())
    }
    fn unique_holder(&self, c: CollectionId, f: FieldId, value: &Value) -> Result<Option<RecordId>, StorageError> {
        let range = self.records.range((c, RecordId(uuid::Uuid::nil()))..);
        let mut of_kind = range.take_while(|((kind, _), _)| *kind == c);
        Ok(of_kind.find(|(_, s)| s.is_live() && s.row.get(f) == value).map(|((_, id), _)| *id))
    }
    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>, StorageError> {
        Ok(self.replicas.get(&id).cloned())
    }
    fn put_replica(&mut self, id: ReplicaId, state: &ReplicaState) -> Result<(), StorageError> {
        self.replicas.insert(id, state.clone());
        Ok(())
    }
    fn known_change(&self, id: ChangeId) -> Result<Option<(Hash, Outcome)>, StorageError> {
        Ok(self.changes.get(&id).cloned())
    }
    fn put_outcome(&mut self, replica: ReplicaId, content: Hash, outcome: &Outcome) -> Result<(), StorageError> {
        self.outcomes.insert((replica, outcome.counter), outcome.clone());
        self.changes.entry(outcome.change).or_insert_with(|| (content, outcome.clone()));
        Ok(())
    }
    fn outcome_at(&self, replica: ReplicaId, counter: u64) -> Result<Option<Outcome>, StorageError> {
        Ok(self.outcomes.get(&(replica, counter)).cloned())
    }
    fn append_commit(&mut self, commit: &Commit) -> Result<(), StorageError> {
        if commit.position.seq != self.position.seq + 1 || commit.prev != self.position.hash {
            return Err(StorageError::corrupt("commit order"));
        }
        self.position = commit.position;
        for (scope, delta) in &commit.deltas {
            self.digests.entry(*scope).or_default().add(*delta);
        }
        self.log.push(commit.clone());
        Ok(())
    }
    fn commit_time(&self, seq: u64) -> Result<Option<i64>, StorageError> {
        Ok(self.logged(seq).map(|c| c.info.at_ms).or_else(|| self.times.get(&seq).copied()))
    }
    fn scope_digest(&self, scope: Scope) -> Result<Digest, StorageError> {
        Ok(self.digests.get(&scope).copied().unwrap_or_default())
    }
    fn conflict(&self, id: ConflictId) -> Result<Option<ConflictItem>, StorageError> {
        Ok(self.conflicts.get(&id).map(|(_, item)| item.clone()))
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<(), StorageError> {
        self.conflicts.insert(item.id, (scope, item.clone()));
        Ok(())
    }
    fn committed(&self, seq: u64) -> Result<Option<Committed>, StorageError> {
        let found = self.logged(seq);
        Ok(found.map(|c| Committed { info: c.info.clone(), change: c.change.clone(), images: c.images.clone() }))
    }
    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>, StorageError> {
        let later = self.log.iter().rev().take_while(|commit| commit.position.seq > seq);
        let of_record = |commit: &Commit| {
            let image = commit.images.iter().find(|i| (i.collection, i.record) == (c, id));
            image.map(|i| (commit.position.seq, i.clone()))
        };
        Ok(later.filter_map(of_record).collect())
    }
    fn text_history(&self, c: CollectionId, id: RecordId, f: FieldId) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.texts.get(&(c, id, f)).cloned())
    }
    fn put_text_history(&mut self, c: CollectionId, id: RecordId, f: FieldId, b: &[u8]) -> Result<(), StorageError> {
        self.texts.insert((c, id, f), b.to_vec());
        Ok(())
    }
    fn text_engine(&self) -> &dyn TextEngine {
        &LoroTexts::STANDARD
    }
    fn catalog(&self) -> &'static Catalog {
        self.catalog
    }
    fn open_epoch(&mut self, epoch: u32, common: u64) -> Result<(), StorageError> {
        if epoch <= self.position.epoch {
            return Err(StorageError::corrupt("epoch: a new one must be higher"));
        }
        self.forks.push((self.position.epoch, common.min(self.position.seq)));
        self.position.epoch = epoch;
        Ok(())
    }
    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Result<(), StorageError> {
        let fork = self.forks.iter_mut().find(|(e, _)| *e == epoch);
        fork.into_iter().for_each(|(_, at)| *at = seq.max(*at));
        Ok(())
    }
    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Result<Vec<BootSample>, StorageError> {
        Ok(self.samples.get(&(device, boot)).cloned().unwrap_or_default())
    }
}

/// The inverse of one write.
enum Undo {
    Record((CollectionId, RecordId), Option<Box<Stored>>),
    Replica(ReplicaId, Option<ReplicaState>),
    Change(ChangeId),
    Outcome((ReplicaId, u64), Option<Outcome>),
    Commit(Position, Vec<(Scope, Option<Digest>)>),
    Conflict(ConflictId, Option<Box<(Scope, ConflictItem)>>),
    Text(TextKey, Option<Vec<u8>>),
    History(Position, Vec<(u32, u64)>),
}

/// Runs one transaction on `central`; everything of it is taken back unless the body says to commit.
pub fn transact(central: &mut MemCentral, body: &mut dyn FnMut(&mut dyn CentralTx) -> bool) -> bool {
    let mut tx = Journaled { central, undo: Vec::new() };
    if body(&mut tx) {
        return true;
    }
    while let Some(step) = tx.undo.pop() {
        take_back(tx.central, step);
    }
    false
}

fn take_back(central: &mut MemCentral, step: Undo) {
    fn put_back<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, old: Option<V>) {
        match old {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
    match step {
        Undo::Record(key, old) => put_back(&mut central.records, key, old.map(|s| *s)),
        Undo::Replica(id, old) => put_back(&mut central.replicas, id, old),
        Undo::Change(id) => {
            central.changes.remove(&id);
        }
        Undo::Outcome(key, old) => put_back(&mut central.outcomes, key, old),
        Undo::Commit(position, digests) => {
            central.position = position;
            central.log.pop();
            digests.into_iter().for_each(|(scope, old)| put_back(&mut central.digests, scope, old));
        }
        Undo::History(position, forks) => (central.position, central.forks) = (position, forks),
        Undo::Text(key, old) => put_back(&mut central.texts, key, old),
        Undo::Conflict(id, old) => put_back(&mut central.conflicts, id, old.map(|c| *c)),
    }
}

struct Journaled<'a> {
    central: &'a mut MemCentral,
    undo: Vec<Undo>,
}

impl CentralTx for Journaled<'_> {
    fn head(&self) -> Result<CentralHead, StorageError> {
        self.central.head()
    }
    fn record(&self, c: CollectionId, id: RecordId) -> Result<Option<Stored>, StorageError> {
        self.central.record(c, id)
    }
    fn put_record(&mut self, stored: &Stored) -> Result<(), StorageError> {
        let key = (stored.row.collection, stored.row.id);
        self.undo.push(Undo::Record(key, self.central.records.get(&key).cloned().map(Box::new)));
        self.central.put_record(stored)
    }
    fn linked(&self, c: CollectionId, f: FieldId, target: RecordId) -> Result<Vec<RecordId>, StorageError> {
        self.central.linked(c, f, target)
    }
    fn unique_holder(&self, c: CollectionId, f: FieldId, value: &Value) -> Result<Option<RecordId>, StorageError> {
        self.central.unique_holder(c, f, value)
    }
    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>, StorageError> {
        self.central.replica(id)
    }
    fn put_replica(&mut self, id: ReplicaId, state: &ReplicaState) -> Result<(), StorageError> {
        self.undo.push(Undo::Replica(id, self.central.replicas.get(&id).cloned()));
        self.central.put_replica(id, state)
    }
    fn known_change(&self, id: ChangeId) -> Result<Option<(Hash, Outcome)>, StorageError> {
        self.central.known_change(id)
    }
    fn put_outcome(&mut self, replica: ReplicaId, content: Hash, outcome: &Outcome) -> Result<(), StorageError> {
        let key = (replica, outcome.counter);
        self.undo.push(Undo::Outcome(key, self.central.outcomes.get(&key).cloned()));
        if !self.central.changes.contains_key(&outcome.change) {
            self.undo.push(Undo::Change(outcome.change));
        }
        self.central.put_outcome(replica, content, outcome)
    }
    fn outcome_at(&self, replica: ReplicaId, counter: u64) -> Result<Option<Outcome>, StorageError> {
        self.central.outcome_at(replica, counter)
    }
    fn append_commit(&mut self, commit: &Commit) -> Result<(), StorageError> {
        let position = self.central.position;
        let digests = commit.deltas.iter().map(|(s, _)| (*s, self.central.digests.get(s).copied())).collect();
        self.central.append_commit(commit)?;
        self.undo.push(Undo::Commit(position, digests));
        Ok(())
    }
    fn commit_time(&self, seq: u64) -> Result<Option<i64>, StorageError> {
        self.central.commit_time(seq)
    }
    fn scope_digest(&self, scope: Scope) -> Result<Digest, StorageError> {
        self.central.scope_digest(scope)
    }
    fn conflict(&self, id: ConflictId) -> Result<Option<ConflictItem>, StorageError> {
        self.central.conflict(id)
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<(), StorageError> {
        self.undo.push(Undo::Conflict(item.id, self.central.conflicts.get(&item.id).cloned().map(Box::new)));
        self.central.put_conflict(scope, item)
    }
    fn committed(&self, seq: u64) -> Result<Option<Committed>, StorageError> {
        self.central.committed(seq)
    }
    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>, StorageError> {
        self.central.images_after(c, id, seq)
    }
    fn text_history(&self, c: CollectionId, id: RecordId, f: FieldId) -> Result<Option<Vec<u8>>, StorageError> {
        self.central.text_history(c, id, f)
    }
    fn put_text_history(&mut self, c: CollectionId, id: RecordId, f: FieldId, b: &[u8]) -> Result<(), StorageError> {
        self.undo.push(Undo::Text((c, id, f), self.central.texts.get(&(c, id, f)).cloned()));
        self.central.put_text_history(c, id, f, b)
    }
    fn text_engine(&self) -> &dyn TextEngine {
        self.central.text_engine()
    }
    fn catalog(&self) -> &'static Catalog {
        self.central.catalog()
    }
    fn open_epoch(&mut self, epoch: u32, common: u64) -> Result<(), StorageError> {
        self.undo.push(Undo::History(self.central.position, self.central.forks.clone()));
        self.central.open_epoch(epoch, common)
    }
    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Result<(), StorageError> {
        self.undo.push(Undo::History(self.central.position, self.central.forks.clone()));
        self.central.raise_fork(epoch, seq)
    }
    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Result<Vec<BootSample>, StorageError> {
        self.central.boot_samples(device, boot)
    }
}
