//! Operations: what a change does to records, field by field.

use crate::ids::{CollectionId, FieldId, RecordId};
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
            | Op::Delete { collection, record } => (*collection, *record),
        }
    }

    /// The fields it writes; empty for a delete, which touches the whole record.
    pub fn fields(&self) -> Vec<FieldId> {
        match self {
            Op::Set { field, .. } | Op::Add { field, .. } | Op::Include { field, .. } | Op::Exclude { field, .. } => {
                vec![*field]
            }
            Op::Insert { values, .. } => values.iter().map(|(f, _)| *f).collect(),
            Op::Delete { .. } => Vec::new(),
        }
    }

    /// Whether it creates a record.
    pub fn creates(&self) -> bool {
        matches!(self, Op::Insert { .. })
    }
}
