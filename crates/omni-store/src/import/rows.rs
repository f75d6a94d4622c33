//! Records of the snapshot: the chunks of one range joined and inserted, indexes once a collection is complete.

use crate::codec;
use crate::error::{Result, StoreError, bad_snapshot};
use crate::layout::{Table, model, search_text, tables};
use crate::migrate;
use crate::tx::{NewRecord, bind_record};
use omni_model::{CollectionId, Compartment, FieldId, RecordId, Value, schema};
use omni_protocol::frame::to_bytes;
use omni_protocol::{Scope, SnapshotChunk, SnapshotRow};
use rusqlite::{Connection, ErrorCode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bytes a search index gathers in memory while it is filled; each time it is full costs a merge.
const SEARCH_GATHERS: i64 = 16 * 1024 * 1024;
/// What it gathers otherwise: FTS5's own default.
const SEARCH_GATHERS_DEFAULT: i64 = 1024 * 1024;

/// No value.
static NULL: Value = Value::Null;

/// Chunks of the same records: the open one, then those of other compartments.
#[derive(Debug)]
pub struct Range {
    table: &'static Table,
    chunks: Vec<Arc<SnapshotChunk>>,
}

/// A cell of a field this version does not know.
#[derive(Debug)]
pub struct Unknown<'r> {
    /// Its scope.
    pub scope: Scope,
    /// Its record.
    pub record: RecordId,
    /// Its field.
    pub field: FieldId,
    /// Its value.
    pub value: &'r Value,
}

/// A range's records with their values of all compartments, by place of the field.
struct Joined<'r> {
    table: &'static Table,
    owner: RecordId,
    rows: Vec<&'r SnapshotRow>,
    seqs: Vec<u64>,
    cells: Vec<&'r Value>,
    unknown: Vec<Unknown<'r>>,
}

impl Range {
    /// Starts with the open chunk of its records.
    pub fn start(table: &'static Table, chunk: Arc<SnapshotChunk>) -> Result<Range> {
        if !is_open(chunk.scope) {
            return Err(bad_snapshot("it holds fields of records it does not hold"));
        }
        Ok(Range { table, chunks: vec![chunk] })
    }

    /// Whether a chunk holds other compartments of the same records.
    pub fn goes_on_with(&self, chunk: &SnapshotChunk) -> bool {
        let same = |c: &Arc<SnapshotChunk>| c.collection == chunk.collection && c.scope.owner == chunk.scope.owner;
        !is_open(chunk.scope) && self.chunks.first().is_some_and(same)
    }

    /// Takes such a chunk.
    pub fn push(&mut self, chunk: Arc<SnapshotChunk>) {
        self.chunks.push(chunk);
    }

    /// Joins the compartments. In every chunk the records stand in the same order.
    fn join(&self) -> Result<Joined<'_>> {
        let Some((open, others)) = self.chunks.split_first() else {
            return Err(StoreError::Internal("a range without chunks".into()));
        };
        let (n, width) = (open.rows.len(), self.table.columns.len());
        let mut joined = Joined {
            table: self.table,
            owner: open.scope.owner,
            rows: open.rows.iter().collect(),
            seqs: open.rows.iter().map(|r| r.seq).collect(),
            cells: vec![&NULL; n * width],
            unknown: Vec::new(),
        };
        open.rows.iter().enumerate().for_each(|(at, row)| joined.place(at, open.scope, row));
        for chunk in others {
            let mut left = chunk.rows.iter().peekable();
            for (at, row) in open.rows.iter().enumerate() {
                if let Some(more) = left.next_if(|r| r.record == row.record) {
                    joined.place(at, chunk.scope, more);
                    joined.seqs[at] = joined.seqs[at].max(more.seq);
                }
            }
            if let Some(row) = left.next() {
                return Err(bad_snapshot(&format!("it holds fields of record {} without the record", row.record)));
            }
        }
        Ok(joined)
    }
}

/// Whether a scope is its owner's open one.
pub fn is_open(scope: Scope) -> bool {
    scope.compartment == Compartment::Open as u8
}

impl<'r> Joined<'r> {
    fn place(&mut self, at: usize, scope: Scope, row: &'r SnapshotRow) {
        let width = self.table.columns.len();
        for (field, value) in row.fields.iter().filter(|(_, v)| !v.is_null()) {
            match self.table.place(*field) {
                Some(place) => self.cells[at * width + place] = value,
                None => self.unknown.push(Unknown { scope, record: row.record, field: *field, value }),
            }
        }
    }

    fn cells(&self, at: usize) -> &[&'r Value] {
        let width = self.table.columns.len();
        &self.cells[at * width..(at + 1) * width]
    }

    /// Inserts the records with their search texts.
    fn insert(&self, conn: &Connection) -> Result<()> {
        let mut stmt = conn.prepare_cached(&self.table.insert)?;
        let mut search = conn.prepare_cached(&self.table.search_add)?;
        for (at, row) in self.rows.iter().enumerate() {
            let cells = self.cells(at);
            let record = NewRecord {
                id: row.record,
                key: row.key.as_deref(),
                owner: self.owner,
                seq: Some(self.seqs[at]),
                odd: self.odd(cells),
            };
            bind_record(&mut stmt, self.table, &record, |place, _| cells[place])?;
            stmt.raw_execute().map_err(twice)?;
            let text = search_text(self.table.collection, record.key, |place, _| cells[place]);
            search.execute((conn.last_insert_rowid(), text))?;
        }
        Ok(())
    }

    /// Values that do not fit their columns.
    fn odd(&self, cells: &[&Value]) -> Option<Vec<u8>> {
        let fields = self.table.collection.fields.iter().zip(cells);
        let mut odd: Vec<(FieldId, &Value)> =
            fields.filter(|(f, v)| !codec::fits(f, v)).map(|(f, v)| (f.id, *v)).collect();
        odd.sort_by_key(|(f, _)| *f);
        if odd.is_empty() { None } else { Some(to_bytes(&odd)) }
    }
}

/// The same record in two chunks.
fn twice(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => bad_snapshot("a record stands in it twice"),
        _ => error.into(),
    }
}

/// Fills the collections' tables.
#[derive(Debug, Default)]
pub struct Loader {
    counts: BTreeMap<(CollectionId, RecordId), i64>,
    current: Option<&'static Table>,
    indexed: BTreeSet<CollectionId>,
}

impl Loader {
    /// Prepares an empty staging file for filling.
    pub fn start(conn: &Connection) -> Result<Loader> {
        conn.execute_batch("BEGIN")?;
        migrate::create_for_import(conn, schema::COLLECTIONS)?;
        search_gathers(conn, SEARCH_GATHERS)?;
        Ok(Loader::default())
    }

    /// Inserts a range's records; gives cells of unknown fields to `unknown`.
    pub fn load(
        &mut self,
        conn: &Connection,
        range: &Range,
        unknown: &mut dyn FnMut(CollectionId, &Unknown<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.current.is_some_and(|t| t.collection.id != range.table.collection.id) {
            self.complete(conn)?;
        }
        self.current = Some(range.table);
        let joined = range.join()?;
        joined.insert(conn)?;
        *self.counts.entry((range.table.collection.id, joined.owner)).or_default() += joined.rows.len() as i64;
        joined.unknown.iter().try_for_each(|cell| unknown(range.table.collection.id, cell))
    }

    /// Makes the indexes of the collection being filled, while its pages are still in memory.
    fn complete(&mut self, conn: &Connection) -> Result<()> {
        if let Some(table) = self.current.take() {
            self.index(conn, table)?;
            conn.execute_batch("COMMIT; BEGIN")?;
        }
        Ok(())
    }

    fn index(&mut self, conn: &Connection, table: &Table) -> Result<()> {
        if self.indexed.insert(table.collection.id) {
            conn.execute_batch(&model::create_indexes(table.collection)).map_err(twice)?;
        }
        Ok(())
    }

    /// Makes the remaining indexes and stores the counters.
    pub fn end(mut self, conn: &Connection) -> Result<()> {
        self.complete(conn)?;
        tables().iter().try_for_each(|t| self.index(conn, t))?;
        let mut stmt = conn.prepare("INSERT INTO row_count (collection, owner, rows) VALUES (?1, ?2, ?3)")?;
        for ((c, owner), rows) in &self.counts {
            stmt.execute((c.0, owner.as_bytes(), rows))?;
        }
        search_gathers(conn, SEARCH_GATHERS_DEFAULT)?;
        Ok(conn.execute_batch("COMMIT")?)
    }
}

fn search_gathers(conn: &Connection, bytes: i64) -> Result<()> {
    for table in tables() {
        let name = &table.search;
        conn.execute(&format!("INSERT INTO {name} ({name}, rank) VALUES ('hashsize', ?1)"), [bytes])?;
    }
    Ok(())
}
