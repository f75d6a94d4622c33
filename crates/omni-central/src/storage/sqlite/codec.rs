//! Between rows of SQLite and the core's types.

use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{Hash, Outcome, Scope};
use omni_sync::StorageError;
use omni_sync::meta::{RecordMeta, Stored};
use rusqlite::Row as SqlRow;
use std::collections::BTreeMap;

/// CBOR of a record's values.
pub fn fields_bytes(row: &Row) -> Vec<u8> {
    to_bytes(&row.fields)
}

/// Reads CBOR or says what is damaged.
pub fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8], what: &str) -> Result<T, StorageError> {
    from_bytes(bytes).map_err(|_| StorageError::corrupt(what))
}

/// A hash column.
pub fn hash(bytes: &[u8]) -> Result<Hash, StorageError> {
    Hash::from_slice(bytes).ok_or_else(|| StorageError::corrupt("hash"))
}

/// A record id column.
pub fn record_id(bytes: &[u8]) -> Result<RecordId, StorageError> {
    RecordId::from_slice(bytes).ok_or_else(|| StorageError::corrupt("record id"))
}

/// Columns of a record as SQLite gives them: collection, id, owner, key, fields, meta.
pub struct RawRecord {
    collection: u16,
    id: Vec<u8>,
    owner: Vec<u8>,
    key: Option<String>,
    /// CBOR of the values.
    pub fields: Vec<u8>,
    /// CBOR of the causality.
    pub meta: Vec<u8>,
}

/// The columns `RawRecord` reads, in order.
pub const RECORD_COLUMNS: &str = "collection, id, owner, key, fields, meta";

impl RawRecord {
    /// Takes the columns of the row.
    pub fn read(row: &SqlRow) -> rusqlite::Result<RawRecord> {
        Ok(RawRecord {
            collection: row.get(0)?,
            id: row.get(1)?,
            owner: row.get(2)?,
            key: row.get(3)?,
            fields: row.get(4)?,
            meta: row.get(5)?,
        })
    }

    /// The record they hold.
    pub fn stored(self) -> Result<Stored, StorageError> {
        let fields: BTreeMap<FieldId, Value> = decode(&self.fields, "record fields")?;
        let meta: RecordMeta = decode(&self.meta, "record causality")?;
        let row = Row {
            collection: CollectionId(self.collection),
            id: record_id(&self.id)?,
            key: self.key,
            owner: record_id(&self.owner)?,
            fields,
        };
        Ok(Stored { row, meta })
    }
}

/// A scope from its two columns.
pub fn scope(owner: &[u8], compartment: u8) -> Result<Scope, StorageError> {
    Ok(Scope { owner: record_id(owner)?, compartment })
}

/// An outcome column.
pub fn outcome(bytes: &[u8]) -> Result<Outcome, StorageError> {
    decode(bytes, "outcome")
}

/// A digest column.
pub fn digest(bytes: &[u8]) -> Result<omni_sync::digest::Digest, StorageError> {
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| StorageError::corrupt("digest"))?;
    Ok(omni_sync::digest::Digest(u128::from_le_bytes(bytes)))
}
