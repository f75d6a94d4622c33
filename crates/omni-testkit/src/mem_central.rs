//! Central's storage in memory: the same `CentralTx` the database implements, for the simulator and for merge cases.

use omni_model::{CollectionId, FieldId, RecordId, Value};
use omni_protocol::{BootId, ChangeId, ConflictId, ConflictItem, DeviceId, Hash, Outcome, Position, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralHead, CentralTx, Commit, ReplicaState};
use omni_sync::digest::Digest;
use omni_sync::meta::Stored;
use std::collections::BTreeMap;

/// Central's whole durable state.
#[derive(Clone, Debug, Default)]
pub struct MemCentral {
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
    /// Pings.
    pub samples: BTreeMap<(DeviceId, BootId), Vec<BootSample>>,
}

impl MemCentral {
    /// An empty central in its first epoch.
    pub fn new() -> MemCentral {
        MemCentral { position: Position { epoch: 1, ..Position::default() }, ..MemCentral::default() }
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
        let logged = self.log.iter().rev().find(|c| c.position.seq == seq).map(|c| c.info.at_ms);
        Ok(logged.or_else(|| self.times.get(&seq).copied()))
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
    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Result<Vec<BootSample>, StorageError> {
        Ok(self.samples.get(&(device, boot)).cloned().unwrap_or_default())
    }
}
