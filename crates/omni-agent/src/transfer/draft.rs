//! From a row of a file to a record's identity and wanted values.

use super::cell;
use super::columns::{Columns, Rank, Target};
use super::order::links;
use super::report::Findings;
use super::source::{Cell, RawRow};
use crate::error::Result;
use omni_model::{Collection, Field, FieldId, RecordId, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// One row that can be told apart. Its content is packed: a large file has a million of them.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub row: u32,
    pub record: RecordId,
    content: Box<[u8]>,
}

/// What a draft wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub key: Option<String>,
    pub values: Vec<(FieldId, Value)>,
}

impl Draft {
    fn new(row: u32, record: RecordId, content: &Content) -> Draft {
        let bytes = minicbor::to_vec((&content.key, &content.values)).expect("writing to a Vec cannot fail");
        Draft { row, record, content: bytes.into() }
    }

    /// Its content.
    pub fn content(&self) -> Content {
        let (key, values) = minicbor::decode(&self.content).expect("a draft holds what was put in");
        Content { key, values }
    }
}

/// All rows of a file.
#[derive(Debug)]
pub(super) struct Drafts {
    pub rows: u32,
    pub drafts: Vec<Draft>,
    /// The row of each record.
    pub row_of: HashMap<RecordId, u32>,
    /// Fields whose cells could not be read, by row.
    pub unread: HashMap<u32, Vec<FieldId>>,
    /// What stood in the file for a link, by the record it means.
    pub link_words: HashMap<RecordId, Box<str>>,
    pub found: Findings,
    pub notes: Vec<String>,
}

/// Makes drafts.
#[derive(Debug)]
pub(super) struct Drafter<'m> {
    collection: &'static Collection,
    columns: Columns<'m>,
    named: bool,
    out: Drafts,
}

impl<'m> Drafter<'m> {
    /// For one file. Errors: `unknown_field`.
    pub fn new(collection: &'static Collection, map: &'m BTreeMap<String, String>) -> Result<Drafter<'m>> {
        let out = Drafts {
            rows: 0,
            drafts: Vec::new(),
            row_of: HashMap::new(),
            unread: HashMap::new(),
            link_words: HashMap::new(),
            found: Findings::default(),
            notes: Vec::new(),
        };
        Ok(Drafter { collection, columns: Columns::new(collection, map)?, named: false, out })
    }

    /// Takes one row.
    pub fn row(&mut self, raw: RawRow<'_>) {
        self.out.rows = raw.number;
        self.named |= raw.name.is_some();
        let mut chosen: Vec<(Target, Rank, usize, &Cell<'_>)> = Vec::with_capacity(raw.cells.len());
        for (name, cell) in &raw.cells {
            let place = self.columns.place(name);
            if !cell::is_empty(cell) {
                self.columns.filled(place);
            }
            for (target, rank) in self.columns.uses_of(place) {
                match chosen.iter_mut().find(|(t, ..)| t.name() == target.name()) {
                    Some(other) if other.1 > *rank => *other = (*target, *rank, place, cell),
                    Some(_) => {}
                    None => chosen.push((*target, *rank, place, cell)),
                }
            }
        }
        let (mut key, mut id, mut values) = (None, None, Vec::new());
        for (target, _, place, cell) in chosen {
            self.columns.used(place);
            match target {
                Target::Key => key = cell::text(cell),
                Target::Id => id = cell::text(cell),
                Target::Field(field) => self.value(raw.number, field, cell, &mut values),
            }
        }
        values.sort_by_key(|(f, _)| *f);
        let id = id.or_else(|| raw.name.filter(|_| key.is_none()).map(str::to_owned));
        self.add(raw.number, key, id, values);
    }

    fn value(&mut self, row: u32, field: &'static Field, cell: &Cell<'_>, values: &mut Vec<(FieldId, Value)>) {
        match cell::read(self.collection, field, cell, &mut self.out.found) {
            Ok(value) => {
                if let Some(target) = field.target() {
                    self.remember_links(target, cell, &value);
                }
                values.push((field.id, value));
            }
            Err(e) => {
                self.out.found.field(row, e);
                self.out.unread.entry(row).or_default().push(field.id);
            }
        }
    }

    /// Keeps what stood in the file, for the sentence that says it does not exist.
    fn remember_links(&mut self, target: &str, cell: &Cell<'_>, value: &Value) {
        let ids = links(value);
        let mut word = |text: &str| {
            let id = RecordId::from_key(target, text);
            if ids.contains(&id) {
                self.out.link_words.entry(id).or_insert_with(|| text.into());
            }
        };
        let text = match cell {
            Cell::Json(Json::Array(items)) => return items.iter().filter_map(Json::as_str).for_each(word),
            Cell::Text(text) => cell::unquoted(text).trim(),
            Cell::Json(Json::String(text)) => text.trim(),
            Cell::Json(_) => return,
        };
        match value {
            Value::Id(_) => word(text),
            _ => text.split([',', ';']).for_each(|item| word(item.trim())),
        }
    }

    fn add(&mut self, row: u32, key: Option<String>, id: Option<String>, values: Vec<(FieldId, Value)>) {
        let (record, key) = match identity(self.collection, key, id) {
            Ok(identity) => identity,
            Err((field, message)) => return self.out.found.error(row, field, message),
        };
        if let Some(first) = self.out.row_of.get(&record) {
            let message = format!("Row {first} is the same record. A key stands once in a file.");
            return self.out.found.error(row, "key", message);
        }
        self.out.row_of.insert(record, row);
        self.out.drafts.push(Draft::new(row, record, &Content { key, values }));
    }

    /// All rows were given.
    ///
    /// Errors: `unknown_column`, `no_key`.
    pub fn finish(mut self) -> Result<Drafts> {
        if self.out.rows > 0 {
            self.columns.check(self.named)?;
        }
        self.out.notes = self.columns.notes();
        Ok(self.out)
    }
}

type Wrong = (&'static str, String);

/// The record a row means: by key, by id, or by both if they agree. An `id` that is no id is a key.
fn identity(c: &Collection, key: Option<String>, id: Option<String>) -> Result<(RecordId, Option<String>), Wrong> {
    let (id, id_as_key) = match id.map(|text| (Uuid::parse_str(text.trim()), text)) {
        Some((Ok(id), _)) => (Some(RecordId(id)), None),
        Some((Err(_), text)) => (None, Some(text)),
        None => (None, None),
    };
    match (key, id, id_as_key) {
        (Some(key), _, Some(other)) if key != other => Err(("id", format!("Key “{key}” and id “{other}” differ."))),
        (Some(key), None, _) | (None, None, Some(key)) => Ok((RecordId::from_key(c.name, &key), Some(key))),
        (Some(key), Some(id), _) if id == RecordId::from_key(c.name, &key) => Ok((id, Some(key))),
        (Some(key), Some(_), _) => Err(("id", format!("This id is not the one of key “{key}”."))),
        (None, Some(id), _) => Ok((id, None)),
        (None, None, None) => Err(("key", "The row has no key.".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::schema;

    #[test]
    fn a_row_is_known_by_key_or_id() {
        let c = schema::by_name("sector").unwrap();
        let of = |key: Option<&str>, id: Option<&str>| identity(c, key.map(Into::into), id.map(Into::into));
        let id = RecordId::from_key("sector", "a");
        let text = id.to_string();
        let keyed = Ok((id, Some("a".to_owned())));
        assert_eq!(of(Some("a"), None), keyed);
        assert_eq!(of(None, Some("a")), keyed);
        assert_eq!(of(Some("a"), Some("a")), keyed);
        assert_eq!(of(Some("a"), Some(&text)), keyed);
        assert_eq!(of(None, Some(&text)), Ok((id, None)));
        assert_eq!(of(Some("b"), Some(&text)).unwrap_err().0, "id");
        assert_eq!(of(Some("b"), Some("a")).unwrap_err().0, "id");
        assert_eq!(of(None, None).unwrap_err().0, "key");
    }
}
