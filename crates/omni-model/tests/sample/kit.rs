//! The records of a sample as rules and commands see records.

use omni_model::{Collection, CollectionId, FieldId, RecordId, Records, Row, Value, sample, schema};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Made once: most tests look at the same one.
pub static PORTFOLIO: LazyLock<Vec<Row>> = LazyLock::new(|| sample::portfolio(1));
pub static SMALL: LazyLock<Vec<Row>> = LazyLock::new(|| sample::small(1));

/// Rows by identity.
pub struct Table(pub HashMap<(CollectionId, RecordId), Row>);

impl Table {
    pub fn new(rows: &[Row]) -> Table {
        Table(rows.iter().map(|row| ((row.collection, row.id), row.clone())).collect())
    }
}

impl Records for Table {
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row> {
        self.0.get(&(collection, id)).cloned()
    }

    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId> {
        let links = |row: &&Row| row.collection == collection && row.get(field) == &Value::Id(target);
        self.0.values().filter(links).map(|row| row.id).collect()
    }
}

pub fn collection(name: &str) -> &'static Collection {
    schema::by_name(name).unwrap_or_else(|| panic!("no collection {name}"))
}

/// The rows of one collection, in order.
pub fn rows_of<'a>(rows: &'a [Row], name: &str) -> impl Iterator<Item = &'a Row> {
    let id = collection(name).id;
    rows.iter().filter(move |row| row.collection == id)
}

/// A text field, empty if absent.
pub fn text<'a>(row: &'a Row, field: &str) -> &'a str {
    row.named(field).as_text().unwrap_or_default()
}

pub fn key(row: &Row) -> &str {
    row.key.as_deref().unwrap_or_default()
}
