//! SQL made from the model: names come from `Collection::name` and `Field::name` only.

use omni_model::{Collection, Field, FieldType};

/// How a field's values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Text and enum words.
    Text,
    /// A sorted JSON list of texts.
    Set,
    /// Numbers, times.
    Int,
    /// 0 or 1.
    Bool,
    /// 16 bytes of a record id.
    Id,
}

impl Storage {
    /// Of a field.
    pub fn of(field: &Field) -> Storage {
        match field.ty {
            FieldType::Text | FieldType::LongText | FieldType::Enum(_) => Storage::Text,
            FieldType::Bool => Storage::Bool,
            FieldType::Int | FieldType::Money | FieldType::Decimal(_) | FieldType::Time => Storage::Int,
            FieldType::EnumSet(_) | FieldType::TextSet | FieldType::RefSet(_) => Storage::Set,
            FieldType::Ref(_) => Storage::Id,
        }
    }

    /// The column's SQL type.
    pub fn sql(self) -> &'static str {
        match self {
            Storage::Text | Storage::Set => "TEXT",
            Storage::Int | Storage::Bool => "INTEGER",
            Storage::Id => "BLOB",
        }
    }

    /// The word in `model_field`.
    pub fn name(self) -> &'static str {
        match self {
            Storage::Text => "text",
            Storage::Set => "set",
            Storage::Int => "int",
            Storage::Bool => "bool",
            Storage::Id => "id",
        }
    }
}

/// Table of a collection.
pub fn table_name(c: &Collection) -> String {
    format!("r_{}", c.name)
}

/// Search index of a collection.
pub fn search_name(c: &Collection) -> String {
    format!("s_{}", c.name)
}

/// The words of a search index (no storage of its own).
pub fn vocabulary_name(c: &Collection) -> String {
    format!("v_{}", c.name)
}

/// Column of a field.
pub fn column_name(f: &Field) -> String {
    format!("f_{}", f.name)
}

/// Whether lists can sort and filter by the field without reading every record.
pub fn is_indexed(c: &Collection, f: &Field) -> bool {
    f.index || f.unique || f.name == c.title || matches!(f.ty, FieldType::Ref(_))
}

/// The column as it stands in an index or ORDER BY: short texts ignore ASCII case.
pub fn sort_term(f: &Field) -> String {
    match f.ty {
        FieldType::Text => format!("{} COLLATE NOCASE", column_name(f)),
        _ => column_name(f),
    }
}

/// The table alone, without indexes.
pub fn create_table(c: &Collection) -> String {
    let mut sql = format!(
        "CREATE TABLE {} (rid INTEGER PRIMARY KEY, id BLOB NOT NULL, key TEXT, owner BLOB NOT NULL, seq INTEGER, odd BLOB",
        table_name(c)
    );
    for f in c.fields {
        sql.push_str(&format!(", {} {}", column_name(f), Storage::of(f).sql()));
    }
    sql.push_str(") STRICT;");
    sql
}

/// A column for a field the file does not have yet.
pub fn add_column(c: &Collection, f: &Field) -> String {
    format!("ALTER TABLE {} ADD COLUMN {} {};", table_name(c), column_name(f), Storage::of(f).sql())
}

/// The index of one field.
pub fn create_index(c: &Collection, f: &Field) -> String {
    format!("CREATE INDEX i_{}_{} ON {} ({});", c.name, f.name, table_name(c), sort_term(f))
}

/// The identity index.
pub fn create_identity(c: &Collection) -> String {
    format!("CREATE UNIQUE INDEX u_{} ON {} (id);", c.name, table_name(c))
}

/// All indexes of a collection.
pub fn create_indexes(c: &Collection) -> String {
    let mut sql = create_identity(c);
    for f in c.fields.iter().filter(|f| is_indexed(c, f)) {
        sql.push_str(&create_index(c, f));
    }
    sql
}

/// The search index: contentless (the text is folded from the row, so it can always be told what to forget), without
/// positions and sizes, with indexes of short prefixes for the first keystrokes.
pub fn create_search(c: &Collection) -> String {
    format!(
        "CREATE VIRTUAL TABLE {} USING fts5(t, content='', columnsize=0, detail=none, prefix='1 2', \
         tokenize='unicode61 remove_diacritics 2');
         CREATE VIRTUAL TABLE {} USING fts5vocab({0}, row);",
        search_name(c),
        vocabulary_name(c)
    )
}

/// The row of `model_field` that says the collection is there at all.
pub const WHOLE: u16 = 0;

/// The fingerprint of what search covers in a collection; another one makes the search index anew.
pub fn search_fields(c: &Collection) -> String {
    let names: Vec<&str> = c.fields.iter().filter(|f| f.search).map(|f| f.name).collect();
    format!("{}:{}", crate::fold::VERSION, names.join(","))
}
