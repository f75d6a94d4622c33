//! What rows add up to: one additive digest per table, kept with every write and bound to the signed heads. It covers
//! what no other rule can recompute (causality, answers to refused changes, text histories), byte by byte.

use super::error::map;
use omni_protocol::Hash;
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql};

type Result<T> = std::result::Result<T, StorageError>;

/// A table that is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Commits, with everything central noted of them.
    Log,
    /// Records with their causality.
    Record,
    /// Answers by replica and counter.
    Entry,
    /// Answers by change.
    Outcome,
    /// Signatures of laptops.
    Batch,
    /// What is known of replicas.
    Replica,
    /// Conflict items.
    Conflict,
    /// Histories of text fields.
    Text,
    /// Digests of scopes, with the last part of each.
    Scope,
}

/// Every summed table with its name and the columns that count, in order of their place.
const TABLES: [(Table, &str, &str); 9] = [
    (Table::Log, "commit_log", "seq, epoch, hash, at_ms, info, change, images"),
    (Table::Record, "record", "collection, id, owner, key, fields, meta, live"),
    (Table::Entry, "entry", "replica, counter, outcome"),
    (Table::Outcome, "change_outcome", "change, content, outcome"),
    (Table::Batch, "batch", "replica, device, parent, epoch, first, prev, links, signature"),
    (Table::Replica, "replica", "id, device, lineage, counter, chain"),
    (Table::Conflict, "conflict", "id, owner, compartment, open, item"),
    (Table::Text, "text_history", "collection, record, field, history"),
    (Table::Scope, "scope_digest", "owner, compartment, digest, seq, part"),
];

/// One column of a row to be summed.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Int(n) => ValueRef::Integer(*n),
            Cell::Text(s) => ValueRef::Text(s.as_bytes()),
            Cell::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

/// The digest of one row.
pub fn row(table: Table, cells: &[Cell]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[table as u8]);
    for cell in cells {
        // Columns are typed: text and bytes of one column cannot be taken for each other.
        let bytes = match cell {
            Cell::Null => {
                hasher.update(&[0]);
                continue;
            }
            Cell::Int(n) => {
                hasher.update(&[1]).update(&n.to_le_bytes());
                continue;
            }
            Cell::Text(text) => text.as_bytes(),
            Cell::Bytes(bytes) => bytes,
        };
        hasher.update(&[2]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Digest(u128::from_le_bytes(out))
}

/// The sums of all tables.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sums([Digest; TABLES.len()]);

impl Sums {
    /// A row came.
    pub fn add(&mut self, table: Table, row: Digest) {
        self.0[table as usize].add(row);
    }

    /// A row went.
    pub fn sub(&mut self, table: Table, row: Digest) {
        self.0[table as usize].sub(row);
    }

    /// As stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|d| d.0.to_le_bytes()).collect()
    }

    /// From stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sums> {
        let mut sums = Sums::default();
        if bytes.len() != 16 * TABLES.len() {
            return Err(StorageError::corrupt("ledger sums"));
        }
        for (sum, part) in sums.0.iter_mut().zip(bytes.chunks_exact(16)) {
            *sum = super::codec::digest(part)?;
        }
        Ok(sums)
    }

    /// What a tree head binds.
    pub fn state(&self) -> Hash {
        Hash::of("omni-central-state", &[&self.to_bytes()])
    }

    /// Names of the tables whose rows add up to something else.
    pub fn differing(&self, other: &Sums) -> Vec<&'static str> {
        TABLES.iter().filter(|(t, ..)| self.0[*t as usize] != other.0[*t as usize]).map(|(_, name, _)| *name).collect()
    }
}

/// Adds up every row.
pub fn count(conn: &Connection) -> Result<Sums> {
    let mut sums = Sums::default();
    for (table, name, columns) in TABLES {
        let mut statement = conn.prepare(&format!("SELECT {columns} FROM {name}")).map_err(map)?;
        let mut rows = statement.query([]).map_err(map)?;
        while let Some(found) = rows.next().map_err(map)? {
            sums.add(table, digest_of(table, found)?);
        }
    }
    Ok(sums)
}

/// The digest of a row selected with the table's columns.
fn digest_of(table: Table, found: &Row) -> Result<Digest> {
    let columns = found.as_ref().column_count();
    let cells = (0..columns).map(|i| cell(found.get_ref(i).map_err(map)?)).collect::<Result<Vec<Cell>>>()?;
    Ok(row(table, &cells))
}

fn cell(value: ValueRef<'_>) -> Result<Cell<'_>> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Int(n),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Bytes(bytes),
        ValueRef::Real(_) => return Err(StorageError::corrupt("row: a column holds a fraction")),
    })
}

/// The digest of the row of `table` that the condition `key` finds with these values, if there is one.
pub fn stored(conn: &Connection, table: Table, key: &str, at: &[Cell]) -> Result<Option<Digest>> {
    let (_, name, columns) = TABLES[table as usize];
    let mut statement = conn.prepare_cached(&format!("SELECT {columns} FROM {name} WHERE {key}")).map_err(map)?;
    let mut rows = statement.query(rusqlite::params_from_iter(at)).map_err(map)?;
    rows.next().map_err(map)?.map(|found| digest_of(table, found)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_in_their_places() {
        for (place, (table, ..)) in TABLES.iter().enumerate() {
            assert_eq!(*table as usize, place);
        }
    }

    #[test]
    fn cells_do_not_run_into_each_other() {
        let of = |cells: &[Cell]| row(Table::Log, cells);
        assert_ne!(of(&[Cell::Bytes(b"ab"), Cell::Bytes(b"c")]), of(&[Cell::Bytes(b"a"), Cell::Bytes(b"bc")]));
        assert_ne!(of(&[Cell::Int(0)]), of(&[Cell::Null]));
        assert_ne!(of(&[Cell::Int(1)]), row(Table::Record, &[Cell::Int(1)]));
    }

    #[test]
    fn sums_read_back() {
        let mut sums = Sums::default();
        sums.add(Table::Text, row(Table::Text, &[Cell::Int(7)]));
        assert_eq!(Sums::from_bytes(&sums.to_bytes()).unwrap(), sums);
        assert_eq!(sums.differing(&Sums::default()), ["text_history"]);
        assert!(Sums::from_bytes(&[0; 15]).is_err());
    }
}
