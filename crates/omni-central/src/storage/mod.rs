//! What central keeps, as traits: one embedded implementation here, PostgreSQL later. No type of a database stands in
//! these signatures.
//!
//! A write is one transaction that takes the order: it holds the log head for itself from its first statement to its
//! commit, checks the fencing epoch, and is durable when `write` returns. A read sees one exact state.

mod ext;
pub mod sqlite;
mod types;

pub use ext::StorageExt;
pub use omni_sync::central::BatchRecord;
pub use types::{
    CodeRecord, Counts, DeviceRecord, LedgerSummary, LoggedEntry, MediumError, PageLimits, ScopeState, medium,
};

use omni_model::{CollectionId, RecordId};
use omni_protocol::{BootId, ChangeId, CommitInfo, ConflictItem, DeviceId, Grants, Hash, Outcome, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState};
use omni_sync::ledger::{Leaf, Nodes, SignedHead};
use omni_sync::meta::{Image, Stored};

/// The work of one write transaction.
pub type WriteWork<'a> = dyn FnMut(&mut dyn WriteTx) -> Result<(), StorageError> + 'a;
/// The work of one read transaction.
pub type ReadWork<'a> = dyn FnMut(&dyn ReadTx) -> Result<(), StorageError> + 'a;

/// Takes rows one by one.
pub type Visit<'v, T> = dyn FnMut(T) -> Result<(), StorageError> + 'v;

/// Central's durable state. Use it through `StorageExt::writing` and `reading`.
pub trait Storage: Send + Sync {
    /// Runs `work` in one write transaction and makes it durable. An error or a panic of `work` leaves nothing behind.
    ///
    /// Errors with `MediumError::Fenced` once another process took the order over.
    fn write(&self, work: &mut WriteWork) -> Result<(), StorageError>;
    /// Runs `work` over one exact state.
    fn read(&self, work: &mut ReadWork) -> Result<(), StorageError>;
    /// Copies the whole state at one exact position into a new file, while writes go on.
    fn copy_to(&self, file: &std::path::Path) -> Result<(), StorageError>;
    /// Moves finished work out of the write-ahead log if that is due. Never holds up a writer for long.
    fn maintain(&self) -> Result<(), StorageError>;
}

/// Who may do what: read by writers and readers alike.
pub trait Directory {
    /// Rises with every change of devices: tells a running central that another process revoked or enrolled one.
    fn access_generation(&self) -> Result<u64, StorageError>;
    /// Every device, in order of enrolment.
    fn devices(&self) -> Result<Vec<DeviceRecord>, StorageError>;
    /// An enrolment code by its hash.
    fn code(&self, hash: Hash) -> Result<Option<CodeRecord>, StorageError>;
    /// A small named value of central itself.
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError>;
}

/// One write transaction: what the merge needs, and what surrounds it.
pub trait WriteTx: CentralTx + Directory {
    /// Sets the one savepoint of the transaction here, dropping the one before.
    fn mark(&mut self) -> Result<(), StorageError>;
    /// Undoes everything since the savepoint. The savepoint stays.
    fn undo_to_mark(&mut self) -> Result<(), StorageError>;
    /// Keeps the signature over a batch with the links of its entries, so that `verify` can check it later.
    fn put_batch(&mut self, batch: &BatchRecord) -> Result<(), StorageError>;
    /// Keeps a ping of a boot's clock.
    fn put_boot_sample(&mut self, device: DeviceId, boot: BootId, sample: BootSample) -> Result<(), StorageError>;
    /// Adds or replaces a device. Raises the access generation.
    fn put_device(&mut self, device: &DeviceRecord) -> Result<(), StorageError>;
    /// Notes when a device was last heard and how far its copy is durable. Does not raise the generation.
    fn touch_device(&mut self, device: DeviceId, seen_ms: i64, durable_seq: u64) -> Result<(), StorageError>;
    /// Adds or replaces an enrolment code.
    fn put_code(&mut self, code: &CodeRecord) -> Result<(), StorageError>;
    /// Sets a small named value of central itself.
    fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<(), StorageError>;
    /// What a head of the ledger over everything written so far would stand for.
    fn ledger(&mut self) -> Result<LedgerSummary, StorageError>;
    /// Stores a signed head. One of the same size and epoch is replaced.
    fn put_tree_head(&mut self, head: &SignedHead) -> Result<(), StorageError>;
    /// The newest signed head.
    fn tree_head(&self) -> Result<Option<SignedHead>, StorageError>;
}

/// One read transaction.
pub trait ReadTx: Directory + Nodes {
    /// Where history stands.
    fn head(&self) -> Result<CentralHead, StorageError>;
    /// The hash of a commit; zero for seq 0.
    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, StorageError>;
    /// The commits after `after` in seq order, at most one page, with the parts `readable` allows (all if `None`).
    /// `deltas` are not kept and stay empty.
    fn commits_after(
        &self,
        after: u64,
        limits: PageLimits,
        readable: Option<&Grants>,
    ) -> Result<Vec<Commit>, StorageError>;
    /// A commit with what it did to each record; `None` for 0 or unknown.
    fn committed(&self, seq: u64) -> Result<Option<Committed>, StorageError>;
    /// Commits after `seq` that touched the record, newest first, with what they did to it.
    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>, StorageError>;
    /// Commits before `before` that touched the record, newest first, at most `limit`.
    fn touching(&self, c: CollectionId, id: RecordId, before: u64, limit: usize) -> Result<Vec<u64>, StorageError>;
    /// Provenance of the commits before `before`, newest first, at most `limit`.
    fn infos_before(&self, before: u64, limit: usize) -> Result<Vec<(u64, CommitInfo)>, StorageError>;
    /// The last of the commits one device made in a row after `after`; `after` if the next one is of another.
    fn run_of(&self, device: DeviceId, after: u64) -> Result<u64, StorageError>;
    /// The last commit at or before a time (unix milliseconds); 0 = none.
    fn seq_at(&self, at_ms: i64) -> Result<u64, StorageError>;
    /// The commit a change made, if it made one.
    fn seq_of(&self, change: ChangeId) -> Result<Option<u64>, StorageError>;
    /// What is known of a replica.
    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>, StorageError>;
    /// Every scope that was ever written, with its digest and the last seq that touched it.
    fn scopes(&self) -> Result<Vec<ScopeState>, StorageError>;
    /// One record, deleted ones included.
    fn stored(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>, StorageError>;
    /// Live records by (owner, collection, id); of one owner, or of all.
    fn each_live(
        &self,
        owner: Option<RecordId>,
        visit: &mut dyn FnMut(Stored) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;
    /// Conflict items, open and decided, by scope and id; of one owner, or of all.
    fn conflicts(&self, owner: Option<RecordId>) -> Result<Vec<(Scope, ConflictItem)>, StorageError>;
    /// Kept batch signatures in order of arrival.
    fn each_batch(&self, visit: &mut dyn FnMut(BatchRecord) -> Result<(), StorageError>) -> Result<(), StorageError>;
    /// Kept signatures of a replica over a run that holds `counter`, newest first.
    fn batches_over(&self, replica: ReplicaId, counter: u64) -> Result<Vec<BatchRecord>, StorageError>;
    /// The answered entries of a replica with first ≤ counter ≤ last.
    fn entries(&self, replica: ReplicaId, first: u64, last: u64) -> Result<Vec<LoggedEntry>, StorageError>;
    /// The newest signed head.
    fn tree_head(&self) -> Result<Option<SignedHead>, StorageError>;
    /// The leaf of a commit, made from its rows as they are now.
    fn leaf(&self, seq: u64) -> Result<Option<Leaf>, StorageError>;
    /// Every record, deleted ones included.
    fn each_record(&self, visit: &mut dyn FnMut(Stored) -> Result<(), StorageError>) -> Result<(), StorageError>;
    /// Every answer by replica and counter, in that order.
    fn each_entry(&self, visit: &mut Visit<(ReplicaId, u64, Outcome)>) -> Result<(), StorageError>;
    /// Every answer by change, with the content hash of the change.
    fn each_answer(&self, visit: &mut Visit<(ChangeId, Hash, Outcome)>) -> Result<(), StorageError>;
    /// Every replica.
    fn each_replica(&self, visit: &mut Visit<(ReplicaId, ReplicaState)>) -> Result<(), StorageError>;
    /// Every signed head under its epoch and size, in that order.
    fn each_tree_head(&self, visit: &mut Visit<((u32, u64), SignedHead)>) -> Result<(), StorageError>;
    /// Nodes of the tree that are stored.
    fn node_count(&self) -> Result<u64, StorageError>;
    /// What the storage derives from rows for itself (indexes, columns that repeat what bytes say) and is not so.
    fn derived_faults(&self) -> Result<Vec<String>, StorageError>;
    /// What the ledger says of itself, and the tables whose rows do not add up to that.
    fn ledger(&self) -> Result<(LedgerSummary, Vec<&'static str>), StorageError>;
    /// Sizes, for status and metrics.
    fn counts(&self) -> Result<Counts, StorageError>;
    /// Faults the medium itself reports (pages, indexes); empty if it is sound.
    fn medium_faults(&self) -> Result<Vec<String>, StorageError>;
}
