//! Building one record by field names.

use crate::collection::{Collection, OwnerRule};
use crate::ids::RecordId;
use crate::records::Row;
use crate::value::Value;

/// A record in the making. Its id follows from its key, as central demands.
pub(super) struct Draft {
    collection: &'static Collection,
    row: Row,
}

impl Draft {
    /// An empty record of this key; it owns itself if its collection says so.
    pub(super) fn new(collection: &'static Collection, key: String) -> Draft {
        let mut row = Row::new(collection.id, RecordId::from_key(collection.name, &key));
        if collection.owner == OwnerRule::Itself {
            row.owner = row.id;
        }
        row.key = Some(key);
        Draft { collection, row }
    }

    /// Belongs to the same owner as `parent` and links to it by `field`.
    pub(super) fn under(mut self, field: &str, parent: &Row) -> Draft {
        self.row.owner = parent.owner;
        self.put(field, Value::Id(parent.id))
    }

    /// Sets a field. A name the collection does not have is a mistake of this module and panics.
    pub(super) fn put(mut self, field: &str, value: Value) -> Draft {
        let Some(field) = self.collection.field(field) else {
            panic!("the sample writes {}.{field}, which does not exist", self.collection.name);
        };
        self.row.set(field.id, value);
        self
    }

    /// Sets a text, long text or word.
    pub(super) fn text(self, field: &str, text: impl Into<String>) -> Draft {
        self.put(field, Value::text(text))
    }

    /// Sets a whole number, money in cents, a scaled decimal or a time.
    pub(super) fn int(self, field: &str, n: i64) -> Draft {
        self.put(field, Value::Int(n))
    }

    /// Sets yes or no.
    pub(super) fn flag(self, field: &str, yes: bool) -> Draft {
        self.put(field, Value::Bool(yes))
    }

    /// Sets a set of words.
    pub(super) fn set<S: Into<String>>(self, field: &str, items: impl IntoIterator<Item = S>) -> Draft {
        self.put(field, Value::set(items))
    }

    /// Sets a text if there is one.
    pub(super) fn maybe_text(self, field: &str, text: Option<impl Into<String>>) -> Draft {
        match text {
            Some(text) => self.text(field, text),
            None => self,
        }
    }

    /// Sets a number if there is one.
    pub(super) fn maybe_int(self, field: &str, n: Option<i64>) -> Draft {
        match n {
            Some(n) => self.int(field, n),
            None => self,
        }
    }

    /// The finished record.
    pub(super) fn done(self) -> Row {
        self.row
    }
}
