//! Records as plain data, and the read access rules and commands get.

use crate::collection::{NoCircle, OwnerRule};
use crate::ids::{CollectionId, FieldId, RecordId};
use crate::value::Value;
use crate::{Collection, schema};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

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

/// The shortest circle a record closes where its collection must have none: the records on the way, the first of them
/// last again.
pub fn circle(collection: &Collection, row: &Row, records: &dyn Records) -> Option<Vec<RecordId>> {
    let rule = collection.no_circle?;
    let link = |name: &str, row: &Row| collection.field(name).and_then(|f| row.get(f.id).as_id());
    let (start, first) = match rule {
        NoCircle::Link(name) => (row.id, link(name, row)?),
        NoCircle::Edge { from, to } => (link(from, row)?, link(to, row)?),
    };
    let mut came_from = BTreeMap::from([(first, start)]);
    let mut open = VecDeque::from([first]);
    while let Some(at) = open.pop_front().filter(|at| *at != start) {
        let next: Vec<RecordId> = match rule {
            NoCircle::Link(name) => records.get(collection.id, at).and_then(|r| link(name, &r)).into_iter().collect(),
            NoCircle::Edge { from, to } => {
                let edges = collection.field(from).map(|f| records.linked(collection.id, f.id, at)).unwrap_or_default();
                edges.into_iter().filter_map(|e| records.get(collection.id, e)).filter_map(|e| link(to, &e)).collect()
            }
        };
        for id in next {
            if let Entry::Vacant(place) = came_from.entry(id) {
                place.insert(at);
                open.push_back(id);
            }
        }
    }
    let mut way = vec![start, *came_from.get(&start)?];
    while let Some(before) = way.last().filter(|at| **at != start).and_then(|at| came_from.get(at)) {
        way.push(*before);
    }
    way.reverse();
    Some(way)
}

/// The fields whose links must have no circle.
pub fn circle_fields(collection: &Collection) -> impl Iterator<Item = FieldId> {
    let names = match collection.no_circle {
        None => [None, None],
        Some(NoCircle::Link(name)) => [Some(name), None],
        Some(NoCircle::Edge { from, to }) => [Some(from), Some(to)],
    };
    names.into_iter().flatten().filter_map(|name| collection.field(name)).map(|f| f.id)
}

/// The sentence about a circle, with the titles of the records on the way.
pub fn circle_message(collection: &Collection, way: &[RecordId], records: &dyn Records) -> String {
    let target = circle_fields(collection).next().and_then(|id| collection.field_by_id(id)).and_then(|f| f.target());
    let target = target.and_then(schema::by_name);
    let title = |id: &RecordId| {
        let row = target.and_then(|t| records.get(t.id, *id));
        let text = row.as_ref().zip(target).and_then(|(row, t)| row.named(t.title).as_text().map(str::to_owned));
        text.unwrap_or_else(|| id.to_string())
    };
    let names: Vec<String> = way.iter().map(title).collect();
    format!("This {} would close a circle: {}.", collection.label.to_lowercase(), names.join(" → "))
}
