//! Records as plain data, and the read access rules and commands get.

use crate::collection::OwnerRule;
use crate::ids::{CollectionId, FieldId, RecordId};
use crate::value::Value;
use crate::{Collection, schema};
use std::collections::BTreeMap;

static NULL: Value = Value::Null;

/// One record: its identity, its owner and its values. Null values are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub collection: CollectionId,
    /// Its identity.
    pub id: RecordId,
    /// The immutable key it was created with, if any.
    pub key: Option<String>,
    /// Who owns it (see `OwnerRule`); decides the scope.
    pub owner: RecordId,
    /// Values by field; absent = null. Unknown fields (of a newer schema) never stand here.
    pub fields: BTreeMap<FieldId, Value>,
}

impl Row {
    /// An empty record.
    pub fn new(collection: CollectionId, id: RecordId) -> Row {
        Row { collection, id, key: None, owner: RecordId::GLOBAL, fields: BTreeMap::new() }
    }

    /// The value of a field, null if absent.
    pub fn get(&self, field: FieldId) -> &Value {
        self.fields.get(&field).unwrap_or(&NULL)
    }

    /// The value of a field by name, null if absent or unknown.
    pub fn named(&self, name: &str) -> &Value {
        match schema::by_id(self.collection).and_then(|c| c.field(name)) {
            Some(f) => self.get(f.id),
            None => &NULL,
        }
    }

    /// Sets a field; null and the empty set remove it.
    pub fn set(&mut self, field: FieldId, value: Value) {
        if value.is_null() {
            self.fields.remove(&field);
        } else {
            self.fields.insert(field, value);
        }
    }
}

/// Read access to records, as pure rules and commands see it.
pub trait Records {
    /// The live record, or `None` if it does not exist or was deleted.
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row>;
    /// Live records of `collection` whose link field `field` points to `target`.
    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId>;
}

/// The owner of `row` by its collection's rule. `None` if it inherits from a record that does not exist here.
pub fn owner_of(collection: &Collection, row: &Row, records: &dyn Records) -> Option<RecordId> {
    match collection.owner {
        OwnerRule::Global => Some(RecordId::GLOBAL),
        OwnerRule::Itself => Some(row.id),
        OwnerRule::Inherit(name) => match row.named(name).as_id() {
            None => Some(RecordId::GLOBAL),
            Some(parent) => {
                let target = collection.field(name)?.target()?;
                records.get(schema::by_name(target)?.id, parent).map(|r| r.owner)
            }
        },
    }
}
