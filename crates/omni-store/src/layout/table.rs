//! The statements of one collection, made once.

use super::model;
use omni_model::{Collection, CollectionId, Field, FieldId, Row, Value, schema};
use std::sync::LazyLock;

/// Columns before the fields in every select: rid, id, key, owner, seq, odd.
pub const FIXED_COLUMNS: usize = 6;

/// Names and statements of one collection.
#[derive(Debug)]
pub struct Table {
    /// The collection.
    pub collection: &'static Collection,
    /// Its table.
    pub name: String,
    /// Its search index.
    pub search: String,
    /// Field columns, in the collection's field order.
    pub columns: Vec<String>,
    /// Place of each field, by wire number.
    places: Vec<Option<usize>>,
    /// All columns of a record.
    pub all: String,
    /// Record by id.
    pub by_id: String,
    /// Record by rid.
    pub by_rid: String,
    /// New record: id, key, owner, seq, odd, fields.
    pub insert: String,
    /// Removes by rid.
    pub delete: String,
    /// Adds to the search index: rid, text.
    pub search_add: String,
    /// Takes out of the search index: rid, text as it was added.
    pub search_take: String,
}

impl Table {
    fn new(c: &'static Collection) -> Table {
        let (name, search) = (model::table_name(c), model::search_name(c));
        let columns: Vec<String> = c.fields.iter().map(model::column_name).collect();
        let all = format!("rid, id, key, owner, seq, odd, {}", columns.join(", "));
        let last = c.fields.iter().map(|f| usize::from(f.id.0)).max().unwrap_or(0);
        let mut places = vec![None; last + 1];
        c.fields.iter().enumerate().for_each(|(place, f)| places[usize::from(f.id.0)] = Some(place));
        let marks = vec!["?"; columns.len() + FIXED_COLUMNS - 1].join(", ");
        Table {
            collection: c,
            by_id: format!("SELECT {all} FROM {name} WHERE id = ?1"),
            by_rid: format!("SELECT {all} FROM {name} WHERE rid = ?1"),
            insert: format!("INSERT INTO {name} (id, key, owner, seq, odd, {}) VALUES ({marks})", columns.join(", ")),
            delete: format!("DELETE FROM {name} WHERE rid = ?1"),
            search_add: format!("INSERT INTO {search} (rowid, t) VALUES (?1, ?2)"),
            search_take: format!("INSERT INTO {search} ({search}, rowid, t) VALUES ('delete', ?1, ?2)"),
            name,
            search,
            columns,
            places,
            all,
        }
    }

    /// The place of a field among the collection's fields, by wire number.
    pub fn place(&self, id: FieldId) -> Option<usize> {
        self.places.get(usize::from(id.0)).copied().flatten()
    }

    /// The column of a field and the field, by wire number.
    pub fn field(&self, id: FieldId) -> Option<(&'static Field, &str)> {
        let place = self.place(id)?;
        Some((&self.collection.fields[place], &self.columns[place]))
    }

    /// The title of a record of this collection.
    pub fn title(&self, row: &Row) -> Option<String> {
        let field = self.collection.field(self.collection.title)?;
        row.get(field.id).as_text().map(str::to_owned)
    }
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| schema::COLLECTIONS.iter().map(|c| Table::new(c)).collect());

/// All tables, in dependency order.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The table of a collection this version knows.
pub fn table(id: CollectionId) -> Option<&'static Table> {
    match TABLES.get((id.0 as usize).wrapping_sub(1)) {
        Some(t) if t.collection.id == id => Some(t),
        _ => TABLES.iter().find(|t| t.collection.id == id),
    }
}

/// What search knows of a record: its searched fields and its key, folded.
pub fn fts_columns_text(c: &Collection, row: &Row) -> String {
    search_text(c, row.key.as_deref(), |_, f| row.get(f.id))
}

/// The same of a record whose values are given by place and field.
pub fn search_text<'v>(c: &Collection, key: Option<&str>, value: impl Fn(usize, &Field) -> &'v Value) -> String {
    let mut text = String::with_capacity(64);
    for (place, f) in c.fields.iter().enumerate().filter(|(_, f)| f.search) {
        match value(place, f) {
            Value::Text(s) => crate::fold::append(&mut text, s),
            Value::Set(items) => items.iter().for_each(|i| crate::fold::append(&mut text, i)),
            _ => {}
        }
    }
    if let Some(key) = key {
        crate::fold::append(&mut text, key);
    }
    text
}
