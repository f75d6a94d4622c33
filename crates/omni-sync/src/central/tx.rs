//! What central's core needs from its storage, inside one write transaction.

use super::text::TextEngine;
use crate::digest::Digest;
use crate::meta::{Image, Stored};
use crate::storage::StorageError;
use omni_model::{Catalog, CollectionId, FieldId, RecordId, Value, schema};
use omni_protocol::{
    BootId, ChangeId, CommitInfo, ConflictId, ConflictItem, DeviceId, Hash, Outcome, Parent, Position, ReplicaId, Scope,
};

/// Where central's history stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralHead {
    /// Epoch, seq and hash of the last commit.
    pub position: Position,
    /// For each earlier epoch in order: the seq up to which the log holds what laptops know of it.
    pub forks: Vec<(u32, u64)>,
}

/// What central knows of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    /// Its device.
    pub device: DeviceId,
    /// Its ancestors, nearest first.
    pub lineage: Vec<Parent>,
    /// Highest counter answered; 0 = none.
    pub counter: u64,
    /// Chain head at that counter.
    pub chain: Hash,
}

/// One commit, ready to be stored and fanned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Epoch, seq, hash.
    pub position: Position,
    /// Hash of the commit before.
    pub prev: Hash,
    /// Provenance.
    pub info: CommitInfo,
    /// The change's wire bytes, verbatim.
    pub change: Vec<u8>,
    /// Encoded parts by scope, in (owner, compartment) order.
    pub parts: Vec<(Scope, Vec<u8>)>,
    /// Change of each touched scope's digest.
    pub deltas: Vec<(Scope, Digest)>,
    /// What it did to each record, for history and undo. Never leaves central whole: parts of it do, by scope.
    pub images: Vec<Image>,
}

/// A commit as undo and history read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Provenance.
    pub info: CommitInfo,
    /// The change's wire bytes, verbatim.
    pub change: Vec<u8>,
    /// What it did to each record.
    pub images: Vec<Image>,
}

/// One ping of a device's monotonic clock: at reading `mono_ms` central's time was within `[from_ms, to_ms]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootSample {
    /// The device's reading, milliseconds since its boot.
    pub mono_ms: u64,
    /// Central's time when it asked, unix milliseconds.
    pub from_ms: i64,
    /// Central's time when the answer arrived, unix milliseconds.
    pub to_ms: i64,
}

/// Central's storage inside one write transaction. Reads see the transaction's own writes.
pub trait CentralTx {
    /// Where history stands.
    fn head(&self) -> Result<CentralHead, StorageError>;
    /// A record, deleted ones included.
    fn record(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>, StorageError>;
    /// Stores a record with its causality, and keeps the link and uniqueness indexes true (live records only).
    fn put_record(&mut self, stored: &Stored) -> Result<(), StorageError>;
    /// Live records of `collection` whose link field `field` points to `target`, in id order.
    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId)
    -> Result<Vec<RecordId>, StorageError>;
    /// The live record that holds `value` in the unique field, if any.
    fn unique_holder(&self, c: CollectionId, f: FieldId, value: &Value) -> Result<Option<RecordId>, StorageError>;
    /// What is known of a replica.
    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>, StorageError>;
    /// Stores it.
    fn put_replica(&mut self, id: ReplicaId, state: &ReplicaState) -> Result<(), StorageError>;
    /// The content hash and stored outcome of a change, whichever replica sent it.
    fn known_change(&self, id: ChangeId) -> Result<Option<(Hash, Outcome)>, StorageError>;
    /// Stores the outcome of a change: by (replica, counter), and by id with its content hash. An id already known
    /// keeps its first content hash and outcome (a resend under another counter, or a fork).
    fn put_outcome(&mut self, replica: ReplicaId, content: Hash, outcome: &Outcome) -> Result<(), StorageError>;
    /// The stored outcome of a replica's counter.
    fn outcome_at(&self, replica: ReplicaId, counter: u64) -> Result<Option<Outcome>, StorageError>;
    /// Appends a commit: its position continues the head. Advances the head, the digests and the log.
    fn append_commit(&mut self, commit: &Commit) -> Result<(), StorageError>;
    /// Commit time of `seq`, unix milliseconds; `None` for 0 or unknown.
    fn commit_time(&self, seq: u64) -> Result<Option<i64>, StorageError>;
    /// The digest of a scope.
    fn scope_digest(&self, scope: Scope) -> Result<Digest, StorageError>;
    /// A conflict item.
    fn conflict(&self, id: ConflictId) -> Result<Option<ConflictItem>, StorageError>;
    /// Stores an item, open or decided.
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<(), StorageError>;
    /// The commit of `seq`; `None` for 0 or unknown.
    fn committed(&self, seq: u64) -> Result<Option<Committed>, StorageError>;
    /// Commits after `seq` that touched the record, newest first, with what they did to it.
    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>, StorageError>;
    /// The history of a text field, as the text engine encoded it; `None` = none yet.
    fn text_history(&self, c: CollectionId, id: RecordId, f: FieldId) -> Result<Option<Vec<u8>>, StorageError>;
    /// Stores it.
    fn put_text_history(
        &mut self,
        c: CollectionId,
        id: RecordId,
        f: FieldId,
        history: &[u8],
    ) -> Result<(), StorageError>;
    /// What merges texts.
    fn text_engine(&self) -> &dyn TextEngine;
    /// The collections and commands this central serves.
    fn catalog(&self) -> &'static Catalog {
        &schema::CATALOG
    }
    /// Starts a new history that continues the present one's head. Only up to `common` what laptops know of the present
    /// epoch is surely what the log holds.
    fn open_epoch(&mut self, epoch: u32, common: u64) -> Result<(), StorageError>;
    /// The history of an earlier epoch is this one's up to `seq`: recovery brought its commits back in their places.
    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Result<(), StorageError>;
    /// Pings of one boot of one device.
    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Result<Vec<BootSample>, StorageError>;
}
