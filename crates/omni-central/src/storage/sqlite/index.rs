//! Which link and uniqueness entries a record has. Only live records have any.

use omni_model::{FieldId, RecordId, Value, schema};
use omni_sync::meta::Stored;
use std::collections::BTreeSet;

/// The entries of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Link fields with their targets.
    pub links: BTreeSet<(FieldId, RecordId)>,
    /// Unique fields with the wire bytes of their values.
    pub uniques: BTreeSet<(FieldId, Vec<u8>)>,
}

impl Entries {
    /// The entries of a stored record.
    pub fn of(stored: &Stored) -> Entries {
        let mut entries = Entries::default();
        if !stored.is_live() {
            return entries;
        }
        let collection = schema::by_id(stored.row.collection);
        for (field, value) in &stored.row.fields {
            if let Value::Id(target) = value {
                entries.links.insert((*field, *target));
            }
            if collection.and_then(|c| c.field_by_id(*field)).is_some_and(|f| f.unique) {
                entries.uniques.insert((*field, value.to_wire()));
            }
        }
        entries
    }
}
