//! One write transaction on SQLite: what the core asks of it.

mod server;

use super::codec::{self, RECORD_COLUMNS, RawRecord, decode};
use super::directory;
use super::error::{map, storage};
use super::index::Entries;
use super::ledger::Ledger;
use super::past::{read_committed, read_images_after};
use super::sums::{self, Cell, Table};
use crate::storage::MediumError;
use omni_model::{CollectionId, FieldId, RecordId, Value};
use omni_protocol::frame::to_bytes;
use omni_protocol::{
    BootId, ChangeId, ConflictId, ConflictItem, Decided, DeviceId, Hash, Outcome, Position, ReplicaId, Scope,
};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState, TextEngine};
use omni_sync::digest::Digest;
use omni_sync::ledger::{Leaf, part_hash};
use omni_sync::meta::{Image, Stored};
use omni_text::LoroTexts;
use rusqlite::{Connection, OptionalExtension, Params, params};
use std::cell::RefCell;
use std::collections::HashMap;

/// Pings kept per boot.
const BOOT_SAMPLES_MAX: usize = 64;

type Result<T> = std::result::Result<T, StorageError>;

#[derive(Debug)]
struct Cached<T> {
    value: T,
    dirty: bool,
}

/// A scope as its row has it.
#[derive(Clone, Copy, Debug, Default)]
struct ScopeRow {
    digest: Digest,
    seq: u64,
    /// Hash of its last part; zero = none.
    part: Hash,
    /// What its row in the table adds up to, if it has one.
    sum: Option<Digest>,
}

/// A record's row as it is in the table.
#[derive(Clone, Debug, Default)]
struct Known {
    entries: Entries,
    sum: Option<Digest>,
}

/// What the transaction remembers, so that a batch touches the row of its replica and of each scope once.
#[derive(Debug, Default)]
struct Memory {
    replicas: HashMap<ReplicaId, Cached<Option<ReplicaState>>>,
    scopes: HashMap<Scope, Cached<ScopeRow>>,
    records: HashMap<(CollectionId, RecordId), Known>,
    ledger: Option<Ledger>,
}

/// One write transaction, begun with the write lock held.
#[derive(Debug)]
pub struct SqliteWrite<'c> {
    conn: &'c Connection,
    fence: i64,
    head: CentralHead,
    marked: Option<CentralHead>,
    memory: RefCell<Memory>,
}

/// The log head row: position and fence.
pub fn read_head(conn: &Connection) -> Result<(CentralHead, i64)> {
    let mut statement = conn.prepare_cached("SELECT epoch, seq, hash, fence FROM log_head").map_err(map)?;
    let mut rows = statement.query([]).map_err(map)?;
    let row = rows.next().map_err(map)?.ok_or_else(|| StorageError::corrupt("log head"))?;
    let position = Position {
        epoch: row.get(0).map_err(map)?,
        seq: row.get::<_, i64>(1).map_err(map)? as u64,
        hash: directory::hash_column(row, 2)?,
    };
    let fence = row.get(3).map_err(map)?;
    let mut statement = conn.prepare_cached("SELECT epoch, known FROM fork ORDER BY epoch").map_err(map)?;
    let forks = statement.query_map([], |r| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)? as u64))).map_err(map)?;
    let forks = forks.collect::<rusqlite::Result<Vec<_>>>().map_err(map)?;
    Ok((CentralHead { position, forks }, fence))
}

/// A replica's row.
pub fn read_replica(conn: &Connection, id: ReplicaId) -> Result<Option<ReplicaState>> {
    let mut statement =
        conn.prepare_cached("SELECT device, lineage, counter, chain FROM replica WHERE id = ?1").map_err(map)?;
    let mut rows = statement.query([&id.as_bytes()[..]]).map_err(map)?;
    let Some(row) = rows.next().map_err(map)? else { return Ok(None) };
    let device: Vec<u8> = row.get(0).map_err(map)?;
    let lineage: Vec<u8> = row.get(1).map_err(map)?;
    Ok(Some(ReplicaState {
        device: DeviceId::from_slice(&device).ok_or_else(|| StorageError::corrupt("replica"))?,
        lineage: decode(&lineage, "lineage")?,
        counter: row.get::<_, i64>(2).map_err(map)? as u64,
        chain: directory::hash_column(row, 3)?,
    }))
}

fn read_raw(conn: &Connection, collection: CollectionId, id: RecordId) -> Result<Option<RawRecord>> {
    let sql = format!("SELECT {RECORD_COLUMNS} FROM record WHERE collection = ?1 AND id = ?2");
    conn.prepare_cached(&sql)
        .and_then(|mut s| s.query_row(params![collection.0, &id.as_bytes()[..]], RawRecord::read).optional())
        .map_err(map)
}

/// A record's row.
pub fn read_record(conn: &Connection, collection: CollectionId, id: RecordId) -> Result<Option<Stored>> {
    read_raw(conn, collection, id)?.map(RawRecord::stored).transpose()
}

impl<'c> SqliteWrite<'c> {
    /// Looks at the log head under the write lock. `fence` is the owner's; another one there means it was taken over.
    pub fn begin(conn: &'c Connection, fence: Option<i64>) -> Result<SqliteWrite<'c>> {
        let (head, found) = read_head(conn)?;
        if fence.is_some_and(|mine| mine != found) {
            return Err(storage(MediumError::Fenced));
        }
        Ok(SqliteWrite { conn, fence: found, head, marked: None, memory: RefCell::default() })
    }

    /// Writes what is remembered. Must be called before the commit.
    pub fn flush(&mut self) -> Result<()> {
        let conn = self.conn;
        let mut memory = std::mem::take(self.memory.get_mut());
        for (id, cached) in memory.replicas.iter_mut().filter(|(_, c)| c.dirty) {
            if let Some(state) = &cached.value {
                write_replica(conn, ledger_in(&mut memory.ledger, conn)?, *id, state)?;
            }
            cached.dirty = false;
        }
        for (scope, cached) in memory.scopes.iter_mut().filter(|(_, c)| c.dirty) {
            write_scope(conn, ledger_in(&mut memory.ledger, conn)?, *scope, &mut cached.value)?;
            cached.dirty = false;
        }
        if let Some(ledger) = &mut memory.ledger {
            ledger.flush(conn)?;
        }
        self.memory = RefCell::new(memory);
        Ok(())
    }

    fn ledger(&mut self) -> Result<&mut Ledger> {
        ledger_in(&mut self.memory.get_mut().ledger, self.conn)
    }

    fn scope_row(&self, scope: Scope) -> Result<ScopeRow> {
        if let Some(cached) = self.memory.borrow().scopes.get(&scope) {
            return Ok(cached.value);
        }
        let value = read_scope(self.conn, scope)?;
        self.memory.borrow_mut().scopes.insert(scope, Cached { value, dirty: false });
        Ok(value)
    }

    fn put_scope_row(&mut self, scope: Scope, value: ScopeRow) {
        self.memory.get_mut().scopes.insert(scope, Cached { value, dirty: true });
    }

    fn known(&self, collection: CollectionId, id: RecordId) -> Result<Known> {
        if let Some(known) = self.memory.borrow().records.get(&(collection, id)) {
            return Ok(known.clone());
        }
        self.record(collection, id)?;
        Ok(self.memory.borrow().records.get(&(collection, id)).cloned().unwrap_or_default())
    }

    /// Inserts a row of a summed table that was not there before.
    fn append(&mut self, table: Table, sql: &str, cells: &[Cell]) -> Result<()> {
        run(self.conn, sql, rusqlite::params_from_iter(cells))?;
        self.ledger()?.replaced(table, None, sums::row(table, cells));
        Ok(())
    }

    /// Inserts or replaces a row of a summed table. `key` finds the old one by the first `keys` cells.
    fn replace(&mut self, table: Table, sql: &str, cells: &[Cell], (key, keys): (&str, usize)) -> Result<()> {
        let old = sums::stored(self.conn, table, key, &cells[..keys])?;
        run(self.conn, sql, rusqlite::params_from_iter(cells))?;
        self.ledger()?.replaced(table, old, sums::row(table, cells));
        Ok(())
    }

    fn replace_entries(&self, stored: &Stored, old: &Entries, new: &Entries) -> Result<()> {
        let (collection, record) = (stored.row.collection.0, &stored.row.id.as_bytes()[..]);
        for (field, target) in old.links.difference(&new.links) {
            let sql = "DELETE FROM link WHERE target = ?1 AND collection = ?2 AND field = ?3 AND record = ?4";
            run(self.conn, sql, params![&target.as_bytes()[..], collection, field.0, record])?;
        }
        for (field, target) in new.links.difference(&old.links) {
            let sql = "INSERT OR IGNORE INTO link VALUES (?1, ?2, ?3, ?4)";
            run(self.conn, sql, params![&target.as_bytes()[..], collection, field.0, record])?;
        }
        for (field, value) in old.uniques.difference(&new.uniques) {
            let sql = "DELETE FROM unique_value WHERE collection = ?1 AND field = ?2 AND value = ?3 AND record = ?4";
            run(self.conn, sql, params![collection, field.0, value, record])?;
        }
        for (field, value) in new.uniques.difference(&old.uniques) {
            let sql = "INSERT OR IGNORE INTO unique_value VALUES (?1, ?2, ?3, ?4)";
            run(self.conn, sql, params![collection, field.0, value, record])?;
        }
        Ok(())
    }

    /// Stores a commit's parts, each with the hash of its scope's part before. Returns the leaf, without an outcome.
    fn append_parts(&mut self, commit: &Commit) -> Result<Leaf> {
        let seq = commit.position.seq;
        let mut parts = Vec::with_capacity(commit.parts.len());
        for (scope, bytes) in &commit.parts {
            let (row, part) = (self.scope_row(*scope)?, part_hash(bytes));
            let owner = &scope.owner.as_bytes()[..];
            let sql = "INSERT INTO part(seq, owner, compartment, bytes, prev) VALUES (?1, ?2, ?3, ?4, ?5)";
            run(self.conn, sql, params![seq as i64, owner, scope.compartment, bytes, &row.part.0[..]])?;
            parts.push((*scope, part, row.part));
            self.put_scope_row(*scope, ScopeRow { seq, part, ..row });
        }
        Ok(Leaf::new(seq, &commit.change, &[], parts))
    }

    /// Takes the next seq in the statement that checks order and fence.
    fn advance(&mut self, commit: &Commit) -> Result<()> {
        let sql = "UPDATE log_head SET epoch = ?1, seq = seq + 1, hash = ?2
                   WHERE fence = ?3 AND seq = ?4 AND hash = ?5 RETURNING seq";
        let p = commit.position;
        let taken: Option<i64> = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut s| {
                let at = params![p.epoch, &p.hash.0[..], self.fence, p.seq as i64 - 1, &commit.prev.0[..]];
                s.query_row(at, |r| r.get(0)).optional()
            })
            .map_err(map)?;
        if taken != Some(p.seq as i64) {
            let (_, fence) = read_head(self.conn)?;
            let lost = fence != self.fence;
            return Err(if lost { storage(MediumError::Fenced) } else { StorageError::corrupt("commit order") });
        }
        self.head.position = p;
        Ok(())
    }
}

fn run(conn: &Connection, sql: &str, params: impl Params) -> Result<()> {
    conn.prepare_cached(sql).and_then(|mut s| s.execute(params)).map(drop).map_err(map)
}

fn ledger_in<'m>(slot: &'m mut Option<Ledger>, conn: &Connection) -> Result<&'m mut Ledger> {
    if slot.is_none() {
        *slot = Some(Ledger::load(conn)?);
    }
    slot.as_mut().ok_or_else(|| StorageError::corrupt("ledger state"))
}

fn write_replica(conn: &Connection, ledger: &mut Ledger, id: ReplicaId, state: &ReplicaState) -> Result<()> {
    let lineage = to_bytes(&state.lineage);
    let cells = [
        Cell::Bytes(id.as_bytes()),
        Cell::Bytes(state.device.as_bytes()),
        Cell::Bytes(&lineage),
        Cell::Int(state.counter as i64),
        Cell::Bytes(&state.chain.0),
    ];
    let old = sums::stored(conn, Table::Replica, "id = ?1", &cells[..1])?;
    let sql = "INSERT OR REPLACE INTO replica VALUES (?1, ?2, ?3, ?4, ?5)";
    run(conn, sql, rusqlite::params_from_iter(&cells))?;
    ledger.replaced(Table::Replica, old, sums::row(Table::Replica, &cells));
    Ok(())
}

fn read_scope(conn: &Connection, scope: Scope) -> Result<ScopeRow> {
    let mut statement = conn
        .prepare_cached("SELECT digest, seq, part FROM scope_digest WHERE owner = ?1 AND compartment = ?2")
        .map_err(map)?;
    let mut rows = statement.query(params![&scope.owner.as_bytes()[..], scope.compartment]).map_err(map)?;
    let Some(row) = rows.next().map_err(map)? else { return Ok(ScopeRow::default()) };
    let digest: Vec<u8> = row.get(0).map_err(map)?;
    let (digest, part) = (codec::digest(&digest)?, directory::hash_column(row, 2)?);
    let found = ScopeRow { digest, seq: row.get::<_, i64>(1).map_err(map)? as u64, part, sum: None };
    Ok(ScopeRow { sum: Some(sums::row(Table::Scope, &scope_cells(&scope, &found, &digest.0.to_le_bytes()))), ..found })
}

fn scope_cells<'r>(scope: &'r Scope, row: &'r ScopeRow, digest: &'r [u8; 16]) -> [Cell<'r>; 5] {
    [
        Cell::Bytes(scope.owner.as_bytes()),
        Cell::Int(scope.compartment.into()),
        Cell::Bytes(digest),
        Cell::Int(row.seq as i64),
        Cell::Bytes(&row.part.0),
    ]
}

fn write_scope(conn: &Connection, ledger: &mut Ledger, scope: Scope, row: &mut ScopeRow) -> Result<()> {
    let digest = row.digest.0.to_le_bytes();
    let cells = scope_cells(&scope, row, &digest);
    let sql = "INSERT OR REPLACE INTO scope_digest VALUES (?1, ?2, ?3, ?4, ?5)";
    run(conn, sql, rusqlite::params_from_iter(&cells))?;
    let sum = sums::row(Table::Scope, &cells);
    ledger.replaced(Table::Scope, row.sum.replace(sum), sum);
    Ok(())
}

/// The cells of a record's row, in the order of its columns.
fn record_cells<'r>(stored: &'r Stored, fields: &'r [u8], meta: &'r [u8]) -> [Cell<'r>; 7] {
    let row = &stored.row;
    [
        Cell::Int(row.collection.0.into()),
        Cell::Bytes(row.id.as_bytes()),
        Cell::Bytes(row.owner.as_bytes()),
        row.key.as_deref().map_or(Cell::Null, Cell::Text),
        Cell::Bytes(fields),
        Cell::Bytes(meta),
        Cell::Int(stored.is_live().into()),
    ]
}

impl CentralTx for SqliteWrite<'_> {
    fn head(&self) -> Result<CentralHead> {
        Ok(self.head.clone())
    }

    fn record(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>> {
        let raw = read_raw(self.conn, collection, id)?;
        let (stored, known) = match raw {
            None => (None, Known::default()),
            Some(raw) => {
                let (fields, meta) = (raw.fields.clone(), raw.meta.clone());
                let stored = raw.stored()?;
                let sum = sums::row(Table::Record, &record_cells(&stored, &fields, &meta));
                let known = Known { entries: Entries::of(&stored), sum: Some(sum) };
                (Some(stored), known)
            }
        };
        self.memory.borrow_mut().records.insert((collection, id), known);
        Ok(stored)
    }

    fn put_record(&mut self, stored: &Stored) -> Result<()> {
        let (collection, id) = (stored.row.collection, stored.row.id);
        let (old, entries) = (self.known(collection, id)?, Entries::of(stored));
        self.replace_entries(stored, &old.entries, &entries)?;
        let (fields, meta) = (codec::fields_bytes(&stored.row), to_bytes(&stored.meta));
        let cells = record_cells(stored, &fields, &meta);
        let sql = "INSERT OR REPLACE INTO record(collection, id, owner, key, fields, meta, live)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        run(self.conn, sql, rusqlite::params_from_iter(&cells))?;
        let sum = sums::row(Table::Record, &cells);
        self.ledger()?.replaced(Table::Record, old.sum, sum);
        self.memory.get_mut().records.insert((collection, id), Known { entries, sum: Some(sum) });
        Ok(())
    }

    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Result<Vec<RecordId>> {
        let sql = "SELECT record FROM link WHERE target = ?1 AND collection = ?2 AND field = ?3 ORDER BY record";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let at = params![&target.as_bytes()[..], collection.0, field.0];
        let rows = statement.query_map(at, |r| r.get::<_, Vec<u8>>(0)).map_err(map)?;
        rows.map(|r| codec::record_id(&r.map_err(map)?)).collect()
    }

    fn unique_holder(&self, c: CollectionId, f: FieldId, value: &Value) -> Result<Option<RecordId>> {
        let sql = "SELECT record FROM unique_value WHERE collection = ?1 AND field = ?2 AND value = ?3 LIMIT 1";
        let found: Option<Vec<u8>> = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row(params![c.0, f.0, value.to_wire()], |r| r.get(0)).optional())
            .map_err(map)?;
        found.map(|bytes| codec::record_id(&bytes)).transpose()
    }

    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>> {
        if let Some(cached) = self.memory.borrow().replicas.get(&id) {
            return Ok(cached.value.clone());
        }
        let value = read_replica(self.conn, id)?;
        self.memory.borrow_mut().replicas.insert(id, Cached { value: value.clone(), dirty: false });
        Ok(value)
    }

    fn put_replica(&mut self, id: ReplicaId, state: &ReplicaState) -> Result<()> {
        self.memory.get_mut().replicas.insert(id, Cached { value: Some(state.clone()), dirty: true });
        Ok(())
    }

    fn known_change(&self, id: ChangeId) -> Result<Option<(Hash, Outcome)>> {
        let sql = "SELECT content, outcome FROM change_outcome WHERE change = ?1";
        let found: Option<(Vec<u8>, Vec<u8>)> = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([&id.as_bytes()[..]], |r| Ok((r.get(0)?, r.get(1)?))).optional())
            .map_err(map)?;
        found.map(|(content, outcome)| Ok((codec::hash(&content)?, codec::outcome(&outcome)?))).transpose()
    }

    fn put_outcome(&mut self, replica: ReplicaId, content: Hash, outcome: &Outcome) -> Result<()> {
        let (bytes, conn) = (to_bytes(outcome), self.conn);
        let cells = [Cell::Bytes(replica.as_bytes()), Cell::Int(outcome.counter as i64), Cell::Bytes(&bytes)];
        let sql = "INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3)";
        self.replace(Table::Entry, sql, &cells, ("replica = ?1 AND counter = ?2", 2))?;
        let cells = [Cell::Bytes(outcome.change.as_bytes()), Cell::Bytes(&content.0), Cell::Bytes(&bytes)];
        let sql = "INSERT OR IGNORE INTO change_outcome VALUES (?1, ?2, ?3)";
        let come =
            conn.prepare_cached(sql).and_then(|mut s| s.execute(rusqlite::params_from_iter(&cells))).map_err(map)?;
        let ledger = self.ledger()?;
        if come > 0 {
            ledger.replaced(Table::Outcome, None, sums::row(Table::Outcome, &cells));
        }
        ledger.answered(conn, replica, outcome, &bytes)
    }

    fn outcome_at(&self, replica: ReplicaId, counter: u64) -> Result<Option<Outcome>> {
        let sql = "SELECT outcome FROM entry WHERE replica = ?1 AND counter = ?2";
        let found: Option<Vec<u8>> = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row(params![&replica.as_bytes()[..], counter as i64], |r| r.get(0)).optional())
            .map_err(map)?;
        found.map(|bytes| codec::outcome(&bytes)).transpose()
    }

    fn append_commit(&mut self, commit: &Commit) -> Result<()> {
        self.advance(commit)?;
        let (p, info, images) = (commit.position, to_bytes(&commit.info), to_bytes(&commit.images));
        let cells = [
            Cell::Int(p.seq as i64),
            Cell::Int(p.epoch.into()),
            Cell::Bytes(&p.hash.0),
            Cell::Int(commit.info.at_ms),
            Cell::Bytes(&info),
            Cell::Bytes(&commit.change),
            Cell::Bytes(&images),
        ];
        let sql = "INSERT INTO commit_log(seq, epoch, hash, at_ms, info, change, images)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.append(Table::Log, sql, &cells)?;
        for image in &commit.images {
            let at = params![image.collection.0, &image.record.as_bytes()[..], p.seq as i64];
            run(self.conn, "INSERT INTO touched VALUES (?1, ?2, ?3)", at)?;
        }
        for (scope, delta) in &commit.deltas {
            let mut row = self.scope_row(*scope)?;
            row.digest.add(*delta);
            self.put_scope_row(*scope, ScopeRow { seq: p.seq, ..row });
        }
        let leaf = self.append_parts(commit)?;
        let conn = self.conn;
        self.ledger()?.committed(conn, &commit.info, leaf)
    }

    fn commit_time(&self, seq: u64) -> Result<Option<i64>> {
        self.conn
            .prepare_cached("SELECT at_ms FROM commit_log WHERE seq = ?1")
            .and_then(|mut s| s.query_row([seq as i64], |r| r.get(0)).optional())
            .map_err(map)
    }

    fn scope_digest(&self, scope: Scope) -> Result<Digest> {
        Ok(self.scope_row(scope)?.digest)
    }

    fn conflict(&self, id: ConflictId) -> Result<Option<ConflictItem>> {
        let found: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT item FROM conflict WHERE id = ?1")
            .and_then(|mut s| s.query_row([&id.as_bytes()[..]], |r| r.get(0)).optional())
            .map_err(map)?;
        found.map(|bytes| decode(&bytes, "conflict item")).transpose()
    }

    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<()> {
        let bytes = to_bytes(item);
        let cells = [
            Cell::Bytes(item.id.as_bytes()),
            Cell::Bytes(scope.owner.as_bytes()),
            Cell::Int(scope.compartment.into()),
            Cell::Int((item.decided == Decided::Open).into()),
            Cell::Bytes(&bytes),
        ];
        let sql = "INSERT OR REPLACE INTO conflict VALUES (?1, ?2, ?3, ?4, ?5)";
        self.replace(Table::Conflict, sql, &cells, ("id = ?1", 1))
    }

    fn committed(&self, seq: u64) -> Result<Option<Committed>> {
        read_committed(self.conn, seq)
    }

    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>> {
        read_images_after(self.conn, c, id, seq)
    }

    fn text_history(&self, c: CollectionId, id: RecordId, f: FieldId) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT history FROM text_history WHERE collection = ?1 AND record = ?2 AND field = ?3";
        self.conn
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row(params![c.0, &id.as_bytes()[..], f.0], |r| r.get(0)).optional())
            .map_err(map)
    }

    fn put_text_history(&mut self, c: CollectionId, id: RecordId, f: FieldId, history: &[u8]) -> Result<()> {
        let cells = [Cell::Int(c.0.into()), Cell::Bytes(id.as_bytes()), Cell::Int(f.0.into()), Cell::Bytes(history)];
        let sql = "INSERT OR REPLACE INTO text_history VALUES (?1, ?2, ?3, ?4)";
        self.replace(Table::Text, sql, &cells, ("collection = ?1 AND record = ?2 AND field = ?3", 3))
    }

    fn text_engine(&self) -> &dyn TextEngine {
        &LoroTexts::STANDARD
    }

    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Result<Vec<BootSample>> {
        let sql = "SELECT mono_ms, from_ms, to_ms FROM boot_sample WHERE device = ?1 AND boot = ?2 ORDER BY mono_ms";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let at = params![&device.as_bytes()[..], &boot.as_bytes()[..]];
        let rows = statement
            .query_map(at, |r| {
                Ok(BootSample { mono_ms: r.get::<_, i64>(0)? as u64, from_ms: r.get(1)?, to_ms: r.get(2)? })
            })
            .map_err(map)?;
        rows.collect::<rusqlite::Result<_>>().map_err(map)
    }

    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Result<()> {
        run(self.conn, "UPDATE fork SET known = ?2 WHERE epoch = ?1 AND known < ?2", params![epoch, seq as i64])?;
        let fork = self.head.forks.iter_mut().find(|(e, _)| *e == epoch);
        fork.into_iter().for_each(|(_, at)| *at = seq.max(*at));
        Ok(())
    }

    fn open_epoch(&mut self, epoch: u32, common: u64) -> Result<()> {
        let p = self.head.position;
        let known = common.min(p.seq);
        if epoch <= p.epoch {
            return Err(StorageError::corrupt("epoch: a new one must be higher"));
        }
        let sql = "INSERT OR REPLACE INTO fork(epoch, seq, known) VALUES (?1, ?2, ?3)";
        run(self.conn, sql, params![p.epoch, p.seq as i64, known as i64])?;
        run(self.conn, "UPDATE log_head SET epoch = ?1", params![epoch])?;
        self.head.forks.push((p.epoch, known));
        self.head.position.epoch = epoch;
        Ok(())
    }
}
