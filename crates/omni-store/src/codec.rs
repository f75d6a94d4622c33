//! Values, rows and small structures to and from SQL and CBOR.

use crate::error::{Result, corrupt};
use crate::layout::Table;
use crate::layout::model::Storage;
use minicbor::Decode;
use omni_model::{CollectionId, Field, FieldId, RecordId, Row, Value};
use omni_protocol::frame::to_bytes;
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use std::collections::BTreeSet;

/// Columns before the fields in a record's select.
pub const FIXED: usize = 6;

/// Whether a value fits its field's column; one that does not goes to `odd`.
pub fn fits(field: &Field, value: &Value) -> bool {
    matches!(
        (Storage::of(field), value),
        (_, Value::Null)
            | (Storage::Text, Value::Text(_))
            | (Storage::Int, Value::Int(_))
            | (Storage::Bool, Value::Bool(_))
            | (Storage::Id, Value::Id(_))
            | (Storage::Set, Value::Set(_))
    )
}

/// A field's value as its column holds it; `None` = it does not fit the column's type and goes to `odd`.
pub fn to_column<'v>(field: &Field, value: &'v Value) -> Option<ToSqlOutput<'v>> {
    let borrowed = |v: ValueRef<'v>| Some(ToSqlOutput::Borrowed(v));
    match (Storage::of(field), value) {
        (_, v) if v.is_null() => borrowed(ValueRef::Null),
        (Storage::Text, Value::Text(s)) => borrowed(ValueRef::Text(s.as_bytes())),
        (Storage::Int, Value::Int(n)) => borrowed(ValueRef::Integer(*n)),
        (Storage::Bool, Value::Bool(b)) => borrowed(ValueRef::Integer((*b).into())),
        (Storage::Id, Value::Id(id)) => borrowed(ValueRef::Blob(id.0.as_bytes())),
        (Storage::Set, Value::Set(items)) => Some(ToSqlOutput::Owned(Sql::Text(set_text(items)))),
        _ => None,
    }
}

/// A set as its column holds it.
pub fn set_text(items: &BTreeSet<String>) -> String {
    serde_json::to_string(items).unwrap_or_default()
}

/// A column's content as the field's value.
pub fn from_column(field: &Field, sql: ValueRef<'_>) -> Result<Value> {
    Ok(match (Storage::of(field), sql) {
        (_, ValueRef::Null) => Value::Null,
        (Storage::Text, ValueRef::Text(t)) => Value::Text(utf8(t)?),
        (Storage::Int, ValueRef::Integer(n)) => Value::Int(n),
        (Storage::Bool, ValueRef::Integer(n)) => Value::Bool(n != 0),
        (Storage::Id, ValueRef::Blob(b)) => Value::Id(RecordId::from_slice(b).ok_or_else(|| corrupt("record id"))?),
        (Storage::Set, ValueRef::Text(t)) => {
            Value::Set(serde_json::from_slice(t).map_err(|_| corrupt("set of words"))?)
        }
        _ => return Err(corrupt("column")),
    })
}

fn utf8(bytes: &[u8]) -> Result<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| corrupt("text"))
}

/// A stored record.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Place in its table.
    pub rid: i64,
    /// The record.
    pub row: Row,
    /// Last commit that touched it.
    pub seq: Option<u64>,
}

/// Reads a record from a select of `Table::all`.
pub fn read_record(table: &Table, sql: &rusqlite::Row<'_>) -> Result<Kept> {
    let mut row = Row::new(table.collection.id, record_id(sql.get_ref(1)?)?);
    row.key = match sql.get_ref(2)? {
        ValueRef::Null => None,
        ValueRef::Text(t) => Some(utf8(t)?),
        _ => return Err(corrupt("key")),
    };
    row.owner = record_id(sql.get_ref(3)?)?;
    let seq: Option<i64> = sql.get(4)?;
    for (place, field) in table.collection.fields.iter().enumerate() {
        match sql.get_ref(FIXED + place)? {
            ValueRef::Null => {}
            other => {
                row.fields.insert(field.id, from_column(field, other)?);
            }
        }
    }
    if let ValueRef::Blob(bytes) = sql.get_ref(5)? {
        row.fields.extend(decode::<Vec<(FieldId, Value)>>(bytes, "odd values")?);
    }
    Ok(Kept { rid: sql.get(0)?, row, seq: seq.map(|n| n as u64) })
}

/// The values that do not fit their columns, encoded; `None` = all fit.
pub fn odd_values(table: &Table, row: &Row) -> Option<Vec<u8>> {
    let odd: Vec<(FieldId, &Value)> = row
        .fields
        .iter()
        .filter(|(id, v)| !table.collection.field_by_id(**id).is_some_and(|f| fits(f, v)))
        .map(|(id, v)| (*id, v))
        .collect();
    if odd.is_empty() { None } else { Some(to_bytes(&odd)) }
}

/// A record id of a column.
pub fn record_id(sql: ValueRef<'_>) -> Result<RecordId> {
    match sql {
        ValueRef::Blob(b) => RecordId::from_slice(b).ok_or_else(|| corrupt("record id")),
        _ => Err(corrupt("record id")),
    }
}

/// Decodes stored CBOR.
pub fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], what: &str) -> Result<T> {
    minicbor::decode(bytes).map_err(|_| corrupt(what))
}

/// A row in one blob (its collection and id stand beside it).
pub fn row_body(row: &Row) -> Vec<u8> {
    let fields: Vec<(FieldId, &Value)> = row.fields.iter().map(|(f, v)| (*f, v)).collect();
    to_bytes(&(row.key.as_deref(), row.owner, fields))
}

/// Decodes a row.
pub fn read_body(collection: CollectionId, id: RecordId, bytes: &[u8]) -> Result<Row> {
    let (key, owner, fields): (Option<String>, RecordId, Vec<(FieldId, Value)>) = decode(bytes, "confirmed record")?;
    Ok(Row { collection, id, key, owner, fields: fields.into_iter().collect() })
}
