//! What central remembers of each record beside its values: who wrote what, when, and what waits.

use minicbor::{Decode, Encode};
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{ConflictId, DeviceId, ReplicaId};
use std::collections::BTreeMap;

/// Who made a committed write. Its seq and counter decide who knows it; no clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stamp {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// The replica that wrote it.
    #[n(1)]
    pub replica: ReplicaId,
    /// That replica's counter.
    #[n(2)]
    pub counter: u64,
}

/// A closed span of central time in which an edit was made, unix milliseconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Interval {
    /// Not before.
    #[n(0)]
    pub from: i64,
    /// Not after.
    #[n(1)]
    pub to: i64,
}

impl Interval {
    /// No bound on either side.
    pub const UNBOUNDED: Interval = Interval { from: i64::MIN, to: i64::MAX };

    /// Wholly after `other`: they share no instant.
    pub fn after(&self, other: &Interval) -> bool {
        self.from > other.to
    }
}

/// A concurrent edit kept for comparison under `Latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Kept {
    /// Who wrote it.
    #[n(0)]
    pub stamp: Stamp,
    /// When it was made.
    #[n(1)]
    pub interval: Interval,
    /// With what authority.
    #[n(2)]
    pub authority: u8,
}

/// One field's causality.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FieldMeta {
    /// Last writer.
    #[n(0)]
    pub last: Stamp,
    /// Concurrent edits kept for the field, the committed one included (≤ `KEPT_EDITS_MAX`).
    #[n(1)]
    pub kept: Vec<Kept>,
    /// The open item of the field: nothing automatic until it is closed.
    #[n(2)]
    pub open: Option<ConflictId>,
    /// For a set: the additions of each item. An item without any stands since the record's creation.
    #[n(3)]
    pub tags: BTreeMap<String, Vec<Stamp>>,
    /// Device of the last writer.
    #[n(4)]
    pub device: DeviceId,
    /// Commit time of the last writer, unix milliseconds.
    #[n(5)]
    pub at_ms: i64,
}

/// One record's causality.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordMeta {
    /// The write that created it.
    #[n(0)]
    pub created: Stamp,
    /// The write that deleted it, if it is deleted.
    #[n(1)]
    pub deleted: Option<Stamp>,
    /// Fields written after creation. A field that stands in the row but not here was written by `created`.
    #[n(2)]
    pub fields: BTreeMap<FieldId, FieldMeta>,
    /// Device of the creator.
    #[n(3)]
    pub device: DeviceId,
    /// Commit time of the creation, unix milliseconds.
    #[n(4)]
    pub at_ms: i64,
    /// When the creating edit was made.
    #[n(5)]
    pub interval: Interval,
    /// Authority of the creating edit.
    #[n(6)]
    pub authority: u8,
    /// Open items of the record as a whole and of parked changes that touch it.
    #[n(7)]
    pub open: Vec<ConflictId>,
    /// Seq of the last commit that touched it.
    #[n(8)]
    pub seq: u64,
    /// The write that restored it last. Kept apart from `created`: fields it left alone are not its writes.
    #[n(9)]
    pub restored: Option<Stamp>,
}

impl RecordMeta {
    /// Every write that stands in the record or is kept beside it.
    pub fn stamps(&self) -> impl Iterator<Item = Stamp> {
        let of_field = |meta: &FieldMeta| {
            let kept = meta.kept.iter().map(|k| k.stamp);
            let tags = meta.tags.values().flatten().copied();
            kept.chain(tags).chain([meta.last]).collect::<Vec<Stamp>>()
        };
        [self.created]
            .into_iter()
            .chain(self.deleted)
            .chain(self.restored)
            .chain(self.fields.values().flat_map(of_field))
    }
}

/// A record as central stores it. A deleted one keeps its last values, so that *edit wins* can restore it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Identity, owner, values.
    pub row: Row,
    /// Causality.
    pub meta: RecordMeta,
}

impl Stored {
    /// Not deleted.
    pub fn is_live(&self) -> bool {
        self.meta.deleted.is_none()
    }

    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.row.id
    }
}

/// What one commit did to one record: enough to say what it was before. History, undo and views of earlier times are made
/// from images, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Image {
    /// Kind.
    #[n(0)]
    pub collection: CollectionId,
    /// Record.
    #[n(1)]
    pub record: RecordId,
    /// Immutable key.
    #[n(2)]
    pub key: Option<String>,
    /// Its owner before; `None` = it did not exist.
    #[n(3)]
    pub owner_before: Option<RecordId>,
    /// Its owner after; `None` = it was deleted.
    #[n(4)]
    pub owner_after: Option<RecordId>,
    /// Fields that changed; all of them for a deleted record, none for a created one (there was nothing before).
    #[n(5)]
    pub fields: Vec<FieldImage>,
}

/// One field before and after a commit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FieldImage {
    /// The field.
    #[n(0)]
    pub field: FieldId,
    /// Its value before; null = none.
    #[n(1)]
    pub before: Value,
    /// Its value after; null = none.
    #[n(2)]
    pub after: Value,
}

impl Image {
    /// What turns `before` into `after` (`None` = not live). `None` if nothing differs.
    pub fn between(before: Option<&Row>, after: Option<&Row>) -> Option<Image> {
        let row = after.or(before)?;
        if before == after {
            return None;
        }
        let value = |row: Option<&Row>, f: FieldId| row.map(|r| r.get(f).clone()).unwrap_or_default();
        let all: std::collections::BTreeSet<FieldId> =
            [before, after].into_iter().flatten().flat_map(|r| r.fields.keys().copied()).collect();
        let fields = all
            .into_iter()
            .map(|field| FieldImage { field, before: value(before, field), after: value(after, field) })
            .filter(|f| before.is_some() && f.before != f.after)
            .collect();
        Some(Image {
            collection: row.collection,
            record: row.id,
            key: row.key.clone(),
            owner_before: before.map(|r| r.owner),
            owner_after: after.map(|r| r.owner),
            fields,
        })
    }

    /// The record before the commit, from the record after it.
    pub fn rewind(&self, after: Option<Row>) -> Option<Row> {
        let owner = self.owner_before?;
        let mut row = after.unwrap_or_else(|| {
            let mut row = Row::new(self.collection, self.record);
            row.key = self.key.clone();
            row
        });
        row.owner = owner;
        self.fields.iter().for_each(|f| row.set(f.field, f.before.clone()));
        Some(row)
    }
}
