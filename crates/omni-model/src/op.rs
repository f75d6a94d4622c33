//! Operations: what a change does to records, field by field.

use crate::ids::{ChangeId, CollectionId, ConflictId, FieldId, RecordId};
use crate::value::Value;
use minicbor::{Decode, Encode};

/// One operation of a change. Wire numbers are append-only.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Op {
    /// Writes one field. Sets of several fields of one merge group in one change are one write.
    #[n(0)]
    Set {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The field.
        #[n(2)]
        field: FieldId,
        /// The new value.
        #[n(3)]
        value: Value,
    },
    /// Adds to a counter.
    #[n(1)]
    Add {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The counter field.
        #[n(2)]
        field: FieldId,
        /// The delta, in the field's scaled unit.
        #[n(3)]
        by: i64,
    },
    /// Puts an item into a set.
    #[n(2)]
    Include {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The set field.
        #[n(2)]
        field: FieldId,
        /// The item.
        #[n(3)]
        item: String,
    },
    /// Takes an item out of a set: the additions it knew, no others.
    #[n(3)]
    Exclude {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The set field.
        #[n(2)]
        field: FieldId,
        /// The item.
        #[n(3)]
        item: String,
    },
    /// Creates a record; on an existing id a patch concurrent with its creation.
    #[n(4)]
    Insert {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// Its immutable key, if it has one.
        #[n(2)]
        key: Option<String>,
        /// Its first values.
        #[n(3)]
        values: Vec<(FieldId, Value)>,
    },
    /// Deletes a record.
    #[n(5)]
    Delete {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
    },
    /// Edits a text inside a field of policy `Text`.
    #[n(6)]
    Text {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The text field.
        #[n(2)]
        field: FieldId,
        /// Fingerprint of the text the author saw: that at the change's base with their own earlier changes.
        #[n(3)]
        seen: u64,
        /// One edit after another, on the text the author saw.
        #[n(4)]
        edits: Vec<TextEdit>,
    },
    /// Settles a conflict item: one that waits, or anew one that was decided.
    #[n(7)]
    Resolve {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The item's id.
        #[n(2)]
        item: ConflictId,
        /// The item's seq as the author saw it, in the epoch of the change's base.
        #[n(3)]
        saw: u64,
        /// What shall hold.
        #[n(4)]
        choice: Resolution,
    },
    /// Takes back what a committed change did to one record, where it is still the last writer.
    #[n(8)]
    Undo {
        /// Kind of the record.
        #[n(0)]
        collection: CollectionId,
        /// The record.
        #[n(1)]
        record: RecordId,
        /// The change to take back.
        #[n(2)]
        change: ChangeId,
        /// What the author expects the record to become: shown until central answers, never used to decide.
        #[n(3)]
        expects: Expected,
    },
}

/// One edit of a text. Positions and lengths count Unicode scalar values.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TextEdit {
    /// Where.
    #[n(0)]
    pub at: u32,
    /// How many characters go from there.
    #[n(1)]
    pub delete: u32,
    /// What comes in their place.
    #[n(2)]
    pub insert: String,
}

/// What a person decided about a conflict item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Resolution {
    /// The fields of the item hold these values.
    #[n(0)]
    Values(#[n(0)] Vec<(FieldId, Value)>),
    /// The record is deleted.
    #[n(1)]
    Delete,
    /// What is committed stands; what waited is put aside.
    #[n(2)]
    Stand,
}

/// What an undo is expected to leave of a record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Expected {
    /// These fields get these values; a deleted record lives again.
    #[n(0)]
    Values(#[n(0)] Vec<(FieldId, Value)>),
    /// The record is gone.
    #[n(1)]
    Gone,
}

impl Op {
    /// The record the operation touches.
    pub fn record(&self) -> (CollectionId, RecordId) {
        match self {
            Op::Set { collection, record, .. }
            | Op::Add { collection, record, .. }
            | Op::Include { collection, record, .. }
            | Op::Exclude { collection, record, .. }
            | Op::Insert { collection, record, .. }
            | Op::Text { collection, record, .. }
            | Op::Resolve { collection, record, .. }
            | Op::Undo { collection, record, .. }
            | Op::Delete { collection, record } => (*collection, *record),
        }
    }

    /// The fields it writes; empty where it touches the whole record.
    pub fn fields(&self) -> Vec<FieldId> {
        match self {
            Op::Set { field, .. }
            | Op::Add { field, .. }
            | Op::Include { field, .. }
            | Op::Exclude { field, .. }
            | Op::Text { field, .. } => vec![*field],
            Op::Insert { values, .. }
            | Op::Resolve { choice: Resolution::Values(values), .. }
            | Op::Undo { expects: Expected::Values(values), .. } => values.iter().map(|(f, _)| *f).collect(),
            Op::Resolve { .. } | Op::Undo { .. } | Op::Delete { .. } => Vec::new(),
        }
    }

    /// Whether it creates a record.
    pub fn creates(&self) -> bool {
        matches!(self, Op::Insert { .. })
    }
}
