//! Outcomes, commits cut into parts per scope, snapshots.

use crate::ids::{ChangeId, ConflictId, DeviceId, GroupId, Hash, Position, ReplicaId, Scope};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use omni_model::{CollectionId, FieldId, RecordId, Value};

/// What became of a change. Every kind advances the replica's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum OutcomeKind {
    /// It met no write it did not know.
    #[n(0)]
    Applied,
    /// It met one; what could take effect did, what waits is an open item.
    #[n(1)]
    Merged,
    /// Nothing took effect and nothing will by itself.
    #[n(2)]
    Rejected,
    /// A change it relies on was not applied.
    #[n(3)]
    Held,
    /// It was never delivered; only its hash was.
    #[n(4)]
    Skipped,
    /// Central could not process it and set it aside.
    #[n(5)]
    Quarantined,
}

/// Central's stored, repeatable answer to one change. Carries no row state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Outcome {
    /// The replica's counter of the change.
    #[n(0)]
    pub counter: u64,
    /// The change; nil for a skipped entry.
    #[n(1)]
    pub change: ChangeId,
    /// What became of it.
    #[n(2)]
    pub kind: OutcomeKind,
    /// The commit, if it made one.
    #[n(3)]
    pub seq: Option<u64>,
    /// Stable word for a refusal: `taken`, `forbidden`, `not_found`, `moved`, `rule`, `fork`, `unknown_command`, …
    #[n(4)]
    pub code: Option<String>,
    /// A sentence for the operator.
    #[n(5)]
    pub message: Option<String>,
    /// The change at the bottom of a `Held`.
    #[n(6)]
    pub root: Option<ChangeId>,
    /// Fields of a `Merged` change that did not take effect (lost by rule, or waiting).
    #[n(7)]
    pub waits: Vec<(RecordId, FieldId)>,
}

impl Outcome {
    /// Whether any of the change is in the committed state.
    pub fn took_effect(&self) -> bool {
        matches!(self.kind, OutcomeKind::Applied | OutcomeKind::Merged)
    }
}

/// Who made a commit, when, and how: provenance, and nothing that differs between scopes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommitInfo {
    /// The change.
    #[n(0)]
    pub change: ChangeId,
    /// Its replica.
    #[n(1)]
    pub replica: ReplicaId,
    /// Its counter.
    #[n(2)]
    pub counter: u64,
    /// Its device; name and operator are in the directory.
    #[n(3)]
    pub device: DeviceId,
    /// Command number.
    #[n(4)]
    pub command: u16,
    /// Commit time on central, unix milliseconds.
    #[n(5)]
    pub at_ms: i64,
    /// Priority of the change.
    #[n(6)]
    pub priority: u8,
    /// The group the change is of: its changes are one act to their operator.
    #[n(7)]
    pub group: Option<GroupId>,
}

/// One resolved effect. Replicas apply effects in order and never merge.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Effect {
    /// The record exists now (created, restored, or entered this scope). Only in the open compartment; other
    /// compartments of the same commit follow with `Put`.
    #[n(0)]
    Create {
        /// Kind.
        #[n(0)]
        collection: CollectionId,
        /// Record.
        #[n(1)]
        record: RecordId,
        /// Immutable key.
        #[n(2)]
        key: Option<String>,
        /// Owner.
        #[n(3)]
        owner: RecordId,
        /// All non-null values of this compartment.
        #[n(4)]
        fields: Vec<(FieldId, Value)>,
    },
    /// Fields have these values now.
    #[n(1)]
    Put {
        /// Kind.
        #[n(0)]
        collection: CollectionId,
        /// Record.
        #[n(1)]
        record: RecordId,
        /// New values; null removes.
        #[n(2)]
        fields: Vec<(FieldId, Value)>,
    },
    /// The record was deleted.
    #[n(2)]
    Remove {
        /// Kind.
        #[n(0)]
        collection: CollectionId,
        /// Record.
        #[n(1)]
        record: RecordId,
    },
    /// The record moved to another owner: gone from this scope, whole.
    #[n(3)]
    Leave {
        /// Kind.
        #[n(0)]
        collection: CollectionId,
        /// Record.
        #[n(1)]
        record: RecordId,
    },
    /// An item was opened, joined or decided: its whole new content.
    #[n(4)]
    Conflict(#[n(0)] ConflictItem),
}

impl Effect {
    /// The record it is about.
    pub fn record(&self) -> (CollectionId, RecordId) {
        match self {
            Effect::Create { collection, record, .. }
            | Effect::Put { collection, record, .. }
            | Effect::Remove { collection, record }
            | Effect::Leave { collection, record } => (*collection, *record),
            Effect::Conflict(item) => (item.collection, item.record),
        }
    }
}

/// How a conflict item came to be decided, or that it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Decided {
    /// A rule decided it; the loser is kept here.
    #[n(0)]
    Auto,
    /// Waits for a person.
    #[n(1)]
    Open,
    /// A person decided it.
    #[n(2)]
    Person,
}

/// A losing or waiting write with its text.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Side {
    /// The change.
    #[n(0)]
    pub change: ChangeId,
    /// Its device.
    #[n(1)]
    pub device: DeviceId,
    /// Its value: one per field of the item.
    #[n(2)]
    pub values: Vec<Value>,
    /// The author's own clock, unix milliseconds: shown, never trusted.
    #[n(3)]
    pub typed_ms: i64,
    /// When it reached central, unix milliseconds.
    #[n(4)]
    pub arrived_ms: i64,
    /// It was a delete of the record.
    #[n(5)]
    pub delete: bool,
}

/// One conflict: a field, a merge group, a record (`FieldId::RECORD`), or a whole parked change.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ConflictItem {
    /// UUIDv5 of record, field and first losing change.
    #[n(0)]
    pub id: ConflictId,
    /// Kind of the record.
    #[n(1)]
    pub collection: CollectionId,
    /// Record.
    #[n(2)]
    pub record: RecordId,
    /// Fields in question, in field order; empty for a whole parked change.
    #[n(3)]
    pub fields: Vec<FieldId>,
    /// What the author of the first loser had before.
    #[n(4)]
    pub base: Vec<Value>,
    /// First the first loser, then those who joined.
    #[n(5)]
    pub mine: Vec<Side>,
    /// The committed values.
    #[n(6)]
    pub theirs: Vec<Value>,
    /// Who committed them.
    #[n(7)]
    pub theirs_device: Option<DeviceId>,
    /// The rule that decided, or kept it open.
    #[n(8)]
    pub rule: String,
    /// Open or decided.
    #[n(9)]
    pub decided: Decided,
    /// Seq at which it was opened.
    #[n(10)]
    pub seq: u64,
    /// Commit time of the committed values' change, unix milliseconds.
    #[n(11)]
    pub theirs_ms: i64,
    /// Its scope: whoever reads this scope holds it, and it counts in this scope's digest.
    #[n(12)]
    pub scope: Scope,
    /// How a person settled it last, if one did.
    #[n(13)]
    pub settled: Option<Settled>,
}

/// A person's decision about an item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Settled {
    /// The change that settled it.
    #[n(0)]
    pub change: ChangeId,
    /// Its device.
    #[n(1)]
    pub device: DeviceId,
    /// Commit time, unix milliseconds.
    #[n(2)]
    pub at_ms: i64,
    /// What holds since: one value per field of the item; empty if the record was deleted.
    #[n(3)]
    pub values: Vec<Value>,
}

impl ConflictItem {
    /// Whether it goes along when its record moves to another owner: an open item does, so that it is never shown where
    /// the record is not. Decided items and parked commands stay where they happened.
    pub fn moves_with_record(&self) -> bool {
        self.decided == Decided::Open && self.rule != PARKED
    }
}

/// The rule word of an item that holds a whole parked command.
pub const PARKED: &str = "parked";

/// One scope's part of one commit. Encoded once; everybody gets the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Part {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// The scope.
    #[n(1)]
    pub scope: Scope,
    /// Provenance.
    #[n(2)]
    pub info: CommitInfo,
    /// Effects in order.
    #[n(3)]
    pub effects: Vec<Effect>,
}

impl Part {
    /// The wire bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        minicbor::encode(self, &mut out).expect("writing to a Vec cannot fail");
        out
    }
}

/// A commit as one laptop sees it: only the parts of its scopes, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FeedCommit {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// Encoded `Part`s, in (owner, compartment) order.
    #[n(1)]
    pub parts: Vec<ByteVec>,
}

/// "Complete to this position", also when nothing was visible.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Watermark {
    /// Complete to here.
    #[n(0)]
    pub position: Position,
    /// Sum of the digests of this session's scopes at that seq, 16 bytes; absent while catching up.
    #[n(1)]
    pub root: Option<DigestBytes>,
    /// Central's head when sent.
    #[n(2)]
    pub head: u64,
}

/// A digest on the wire: 16 bytes little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DigestBytes(pub u128);

impl<C> Encode<C> for DigestBytes {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0.to_le_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for DigestBytes {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes: [u8; 16] =
            d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("a digest has 16 bytes"))?;
        Ok(DigestBytes(u128::from_le_bytes(bytes)))
    }
}

/// A run of commits and how far the reader is complete after applying them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FeedPage {
    /// The position the run continues from.
    #[n(0)]
    pub after: u64,
    /// Commits with a visible part, in seq order.
    #[n(1)]
    pub commits: Vec<FeedCommit>,
    /// Complete to here after them.
    #[n(2)]
    pub watermark: Watermark,
}

/// A device's name and operator, for provenance in human words.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryEntry {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Its operator.
    #[n(2)]
    pub operator: String,
}

/// One record in a snapshot chunk: its values in the chunk's compartment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SnapshotRow {
    /// Record.
    #[n(0)]
    pub record: RecordId,
    /// Immutable key (open compartment only).
    #[n(1)]
    pub key: Option<String>,
    /// Seq of the last commit that touched it.
    #[n(2)]
    pub seq: u64,
    /// Non-null values of this compartment.
    #[n(3)]
    pub fields: Vec<(FieldId, Value)>,
}

/// Rows of one collection, one owner, one compartment, sorted by record id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotChunk {
    /// Kind.
    #[n(0)]
    pub collection: CollectionId,
    /// Scope of all rows.
    #[n(1)]
    pub scope: Scope,
    /// The rows.
    #[n(2)]
    pub rows: Vec<SnapshotRow>,
    /// Open items of this scope (only in the chunk with `collection` 0).
    #[n(3)]
    pub conflicts: Vec<ConflictItem>,
}

/// A chunk by content: fetched as zstd, named by the BLAKE3 of the uncompressed bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChunkRef {
    /// Hash of the uncompressed bytes.
    #[n(0)]
    pub hash: Hash,
    /// Uncompressed bytes.
    #[n(1)]
    pub bytes: u64,
    /// Rows in it.
    #[n(2)]
    pub rows: u64,
    /// Kind.
    #[n(3)]
    pub collection: CollectionId,
    /// Scope.
    #[n(4)]
    pub scope: Scope,
}

/// A snapshot at one exact position. Chunks come in collection order (sectors and brands first), then by owner, index
/// range and compartment, open first: chunks of one range follow each other, so a reader joins them in one pass.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// The exact position.
    #[n(0)]
    pub position: Position,
    /// Every scope readable under the grants that holds anything, with its digest at that position.
    #[n(1)]
    pub scopes: Vec<(Scope, DigestBytes)>,
    /// The chunks.
    #[n(2)]
    pub chunks: Vec<ChunkRef>,
    /// Devices known.
    #[n(3)]
    pub directory: Vec<DirectoryEntry>,
}
