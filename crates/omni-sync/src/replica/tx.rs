//! What the laptop's core needs from its store, inside one write transaction.

use crate::digest::Digest;
use crate::meta::Image;
use crate::storage::StorageError;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{
    Change, ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Grants, Hash, Outcome, Parent, Position,
    ReplicaId, Scope,
};

/// The replica's identity and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaMeta {
    /// This incarnation.
    pub replica: ReplicaId,
    /// Its ancestors, nearest first.
    pub lineage: Vec<Parent>,
    /// The cursor.
    pub position: Position,
    /// The counter the next sealed change gets; starts at 1.
    pub next_counter: u64,
    /// Chain head before it.
    pub chain: Hash,
    /// The grants the copy was made under.
    pub grants: Grants,
}

/// The metadata of a replica that starts from nothing.
pub fn fresh_meta(replica: ReplicaId) -> ReplicaMeta {
    ReplicaMeta {
        replica,
        lineage: Vec::new(),
        position: Position::default(),
        next_counter: 1,
        chain: Default::default(),
        grants: Grants::default(),
    }
}

/// Where a change of this laptop stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// Saved here, not sealed: may be edited or discarded.
    Unsealed,
    /// Counter given, signed: must be answered.
    Sealed,
    /// Answered Applied or Merged at this seq; in the overlay until the cursor reaches it.
    Acked {
        /// The commit.
        seq: u64,
    },
    /// Refused: out of the overlay, needs the operator.
    Rejected,
    /// Waits for a change it relies on: out of the overlay, needs the operator.
    Held,
    /// Taken out by the operator; may be restored for 30 days.
    Discarded,
}

impl OutboxState {
    /// Whether the change shows in the overlay.
    pub fn in_overlay(&self) -> bool {
        matches!(self, OutboxState::Unsealed | OutboxState::Sealed | OutboxState::Acked { .. })
    }
}

/// One own change that is not yet confirmed, or needs the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Local order of saving, from 1, never reused.
    pub local_no: u64,
    /// The change (as sealed, once sealed).
    pub change: Change,
    /// Where it stands.
    pub state: OutboxState,
    /// Its counter, once sealed.
    pub counter: Option<u64>,
    /// Its sealed wire bytes, verbatim. `None` in a sealed entry = sent as Skip (see `skip`).
    pub sealed: Option<Vec<u8>>,
    /// Chain head before it, once sealed.
    pub prev_chain: Option<Hash>,
    /// Why its payload is not sent, if it was skipped.
    pub skip: Option<String>,
    /// Central's answer.
    pub outcome: Option<Outcome>,
    /// Times it was put on the wire.
    pub attempts: u64,
    /// It no longer fits the confirmed state (its record is gone); central will say.
    pub blocked: bool,
}

impl OutboxEntry {
    /// A change that waits to be sealed. The store numbers it.
    pub fn waiting(change: Change) -> OutboxEntry {
        OutboxEntry {
            local_no: 0,
            change,
            state: OutboxState::Unsealed,
            counter: None,
            sealed: None,
            prev_chain: None,
            skip: None,
            outcome: None,
            attempts: 0,
            blocked: false,
        }
    }
}

/// A cell this version does not know, with its address: scope, record, field, wire bytes.
pub type DeferredCell = (Scope, CollectionId, RecordId, FieldId, Vec<u8>);

/// One line of the laptop's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The commit.
    pub seq: u64,
    /// Encoded parts as they came, verbatim.
    pub parts: Vec<Vec<u8>>,
    /// Records it touched.
    pub records: Vec<(CollectionId, RecordId)>,
    /// What it did to each confirmed record of a known kind, as far as this laptop sees.
    pub images: Vec<Image>,
}

/// The laptop's store inside one write transaction. Reads see the transaction's own writes.
///
/// Two layers: the *visible* rows (what lists show: confirmed plus pending) and, for records with pending changes only,
/// the *confirmed* row beside it. For all other records the visible row is the confirmed one.
pub trait ReplicaTx {
    /// Identity and cursor.
    fn meta(&self) -> Result<ReplicaMeta, StorageError>;
    /// Stores identity and cursor.
    fn set_meta(&mut self, meta: &ReplicaMeta) -> Result<(), StorageError>;

    /// The visible row.
    fn row(&self, collection: CollectionId, id: RecordId) -> Result<Option<Row>, StorageError>;
    /// Writes the visible row whole. `seq` = last commit that touched it, `None` = keep (or not on central yet).
    fn put_row(&mut self, row: &Row, seq: Option<u64>) -> Result<(), StorageError>;
    /// Writes some fields of an existing visible row (null clears).
    fn patch_row(
        &mut self,
        collection: CollectionId,
        id: RecordId,
        fields: &[(FieldId, Value)],
        seq: Option<u64>,
    ) -> Result<(), StorageError>;
    /// Removes the visible row; no error if it is not there.
    fn remove_row(&mut self, collection: CollectionId, id: RecordId) -> Result<(), StorageError>;
    /// Visible rows of `collection` whose link field points to `target`, in id order.
    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId)
    -> Result<Vec<RecordId>, StorageError>;
    /// Visible rows (all of them, or of one collection), in (collection, id) order, streamed.
    fn for_each_row(&self, f: &mut dyn FnMut(Row) -> Result<(), StorageError>) -> Result<(), StorageError>;

    /// The confirmed layer of a touched record: `None` = not touched (see the visible row), `Some(None)` = touched and
    /// not existing on central.
    fn confirmed(&self, collection: CollectionId, id: RecordId) -> Result<Option<Option<Row>>, StorageError>;
    /// Stores the confirmed layer of a touched record.
    fn put_confirmed(&mut self, collection: CollectionId, id: RecordId, row: Option<&Row>) -> Result<(), StorageError>;
    /// The record is no longer touched.
    fn drop_confirmed(&mut self, collection: CollectionId, id: RecordId) -> Result<(), StorageError>;
    /// All touched records with their confirmed rows.
    fn all_confirmed(&self) -> Result<Vec<(CollectionId, RecordId, Option<Row>)>, StorageError>;

    /// Cells of collections or fields this version does not know, by record: kept verbatim and counted in digests.
    fn deferred(&self, collection: CollectionId, id: RecordId) -> Result<Vec<(Scope, FieldId, Vec<u8>)>, StorageError>;
    /// Stores (or with empty bytes removes) one deferred cell.
    fn put_deferred(
        &mut self,
        scope: Scope,
        collection: CollectionId,
        id: RecordId,
        field: FieldId,
        wire: &[u8],
    ) -> Result<(), StorageError>;
    /// All deferred cells.
    fn all_deferred(&self) -> Result<Vec<DeferredCell>, StorageError>;

    /// Adds an entry. Its `local_no` is set by the store and returned; one that was in the queue before keeps its own.
    fn outbox_insert(&mut self, entry: &OutboxEntry) -> Result<u64, StorageError>;
    /// The entry of a change.
    fn outbox_get(&self, change: ChangeId) -> Result<Option<OutboxEntry>, StorageError>;
    /// Stores an entry again (same change id).
    fn outbox_update(&mut self, entry: &OutboxEntry) -> Result<(), StorageError>;
    /// Confirmed: leaves the outbox (the signed bytes stay for 30 days where the store keeps them).
    fn outbox_remove(&mut self, change: ChangeId) -> Result<(), StorageError>;
    /// Entries whose change touches or links to the record, in local order, whatever their state.
    fn outbox_touching(&self, collection: CollectionId, id: RecordId) -> Result<Vec<OutboxEntry>, StorageError>;
    /// Unsealed entries by (priority, local order), at most `limit`.
    fn outbox_unsealed(&self, limit: usize) -> Result<Vec<OutboxEntry>, StorageError>;
    /// Sealed, unanswered entries with counter ≥ `from`, in counter order, at most `limit`.
    fn outbox_sealed(&self, from: u64, limit: usize) -> Result<Vec<OutboxEntry>, StorageError>;
    /// The entry that has this counter.
    fn outbox_by_counter(&self, counter: u64) -> Result<Option<OutboxEntry>, StorageError>;
    /// Acked entries with seq ≤ `seq`.
    fn outbox_acked(&self, seq: u64) -> Result<Vec<OutboxEntry>, StorageError>;

    /// The digest of a scope (confirmed layer).
    fn digest(&self, scope: Scope) -> Result<Digest, StorageError>;
    /// Stores it.
    fn set_digest(&mut self, scope: Scope, digest: Digest) -> Result<(), StorageError>;
    /// All scopes with a digest.
    fn digests(&self) -> Result<Vec<(Scope, Digest)>, StorageError>;

    /// Stores a conflict item of a scope (open or decided).
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<(), StorageError>;
    /// A conflict item with its scope.
    fn conflict(&self, id: ConflictId) -> Result<Option<(Scope, ConflictItem)>, StorageError>;
    /// Removes an item.
    fn remove_conflict(&mut self, id: ConflictId) -> Result<(), StorageError>;
    /// All items with their scopes.
    fn conflicts(&self) -> Result<Vec<(Scope, ConflictItem)>, StorageError>;

    /// Keeps a commit for history and recovery.
    fn put_history(&mut self, entry: &HistoryEntry) -> Result<(), StorageError>;
    /// Stores device names.
    fn put_directory(&mut self, entries: &[DirectoryEntry]) -> Result<(), StorageError>;
    /// A device's name and operator.
    fn directory(&self, device: DeviceId) -> Result<Option<DirectoryEntry>, StorageError>;
}
