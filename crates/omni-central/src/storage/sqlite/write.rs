//! One write transaction on SQLite.

use super::codec::{self, RECORD_COLUMNS, RawRecord, decode};
use super::directory;
use super::error::{map, storage};
use super::index::Entries;
use crate::storage::{BatchRecord, CodeRecord, DeviceRecord, Directory, MediumError, WriteTx};
use omni_model::{CollectionId, FieldId, RecordId, Value};
use omni_protocol::frame::to_bytes;
use omni_protocol::{
    BootId, ChangeId, ConflictId, ConflictItem, Decided, DeviceId, Hash, Outcome, Position, ReplicaId, Scope,
};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState, TextEngine};
use omni_sync::digest::Digest;
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

/// What the transaction remembers, so that a batch touches the row of its replica and of each scope once.
#[derive(Debug, Default)]
struct Memory {
    replicas: HashMap<ReplicaId, Cached<Option<ReplicaState>>>,
    digests: HashMap<Scope, Cached<(Digest, u64)>>,
    indexes: HashMap<(CollectionId, RecordId), Entries>,
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
    let mut statement = conn.prepare_cached("SELECT epoch, seq FROM fork ORDER BY epoch").map_err(map)?;
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

/// A record's row.
pub fn read_record(conn: &Connection, collection: CollectionId, id: RecordId) -> Result<Option<Stored>> {
    let sql = format!("SELECT {RECORD_COLUMNS} FROM record WHERE collection = ?1 AND id = ?2");
    let raw = conn
        .prepare_cached(&sql)
        .and_then(|mut s| s.query_row(params![collection.0, &id.as_bytes()[..]], RawRecord::read).optional())
        .map_err(map)?;
    raw.map(RawRecord::stored).transpose()
}

/// A commit with what it did to each record.
pub fn read_committed(conn: &Connection, seq: u64) -> Result<Option<Committed>> {
    let found: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT info, change, images FROM commit_log WHERE seq = ?1")
        .and_then(|mut s| s.query_row([seq as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional())
        .map_err(map)?;
    let Some((info, change, images)) = found else { return Ok(None) };
    Ok(Some(Committed { info: decode(&info, "commit info")?, change, images: decode(&images, "images")? }))
}

/// What commits after `seq` did to a record, newest first.
pub fn read_images_after(conn: &Connection, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>> {
    let sql = "SELECT l.seq, l.images FROM touched t JOIN commit_log l ON l.seq = t.seq
               WHERE t.collection = ?1 AND t.record = ?2 AND t.seq > ?3 ORDER BY t.seq DESC";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query(params![c.0, &id.as_bytes()[..], seq as i64]).map_err(map)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(map)? {
        let images: Vec<Image> = decode(&row.get::<_, Vec<u8>>(1).map_err(map)?, "images")?;
        let at = row.get::<_, i64>(0).map_err(map)? as u64;
        out.extend(images.into_iter().find(|i| (i.collection, i.record) == (c, id)).map(|i| (at, i)));
    }
    Ok(out)
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
        let memory = self.memory.get_mut();
        for (id, cached) in memory.replicas.iter_mut().filter(|(_, c)| c.dirty) {
            if let Some(state) = &cached.value {
                write_replica(self.conn, *id, state)?;
            }
            cached.dirty = false;
        }
        for (scope, cached) in memory.digests.iter_mut().filter(|(_, c)| c.dirty) {
            let (digest, seq) = cached.value;
            run(
                self.conn,
                "INSERT OR REPLACE INTO scope_digest VALUES (?1, ?2, ?3, ?4)",
                params![&scope.owner.as_bytes()[..], scope.compartment, &digest.0.to_le_bytes()[..], seq as i64],
            )?;
            cached.dirty = false;
        }
        Ok(())
    }

    fn digest_of(&self, scope: Scope) -> Result<(Digest, u64)> {
        if let Some(cached) = self.memory.borrow().digests.get(&scope) {
            return Ok(cached.value);
        }
        let value = read_digest(self.conn, scope)?;
        self.memory.borrow_mut().digests.insert(scope, Cached { value, dirty: false });
        Ok(value)
    }

    fn indexed(&self, stored: &Stored) -> Result<Entries> {
        let key = (stored.row.collection, stored.row.id);
        if let Some(entries) = self.memory.borrow().indexes.get(&key) {
            return Ok(entries.clone());
        }
        let old = read_record(self.conn, key.0, key.1)?;
        Ok(old.as_ref().map(Entries::of).unwrap_or_default())
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

fn write_replica(conn: &Connection, id: ReplicaId, state: &ReplicaState) -> Result<()> {
    let (lineage, device) = (to_bytes(&state.lineage), &state.device.as_bytes()[..]);
    let sql = "INSERT OR REPLACE INTO replica VALUES (?1, ?2, ?3, ?4, ?5)";
    run(conn, sql, params![&id.as_bytes()[..], device, lineage, state.counter as i64, &state.chain.0[..]])
}

fn read_digest(conn: &Connection, scope: Scope) -> Result<(Digest, u64)> {
    let found: Option<(Vec<u8>, i64)> = conn
        .prepare_cached("SELECT digest, seq FROM scope_digest WHERE owner = ?1 AND compartment = ?2")
        .and_then(|mut s| {
            let at = params![&scope.owner.as_bytes()[..], scope.compartment];
            s.query_row(at, |r| Ok((r.get(0)?, r.get(1)?))).optional()
        })
        .map_err(map)?;
    found.map_or(Ok((Digest::default(), 0)), |(bytes, seq)| Ok((codec::digest(&bytes)?, seq as u64)))
}

impl CentralTx for SqliteWrite<'_> {
    fn head(&self) -> Result<CentralHead> {
        Ok(self.head.clone())
    }

    fn record(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>> {
        let stored = read_record(self.conn, collection, id)?;
        let entries = stored.as_ref().map(Entries::of).unwrap_or_default();
        self.memory.borrow_mut().indexes.insert((collection, id), entries);
        Ok(stored)
    }

    fn put_record(&mut self, stored: &Stored) -> Result<()> {
        let (old, new) = (self.indexed(stored)?, Entries::of(stored));
        self.replace_entries(stored, &old, &new)?;
        let row = &stored.row;
        run(
            self.conn,
            "INSERT OR REPLACE INTO record(collection, id, owner, key, fields, meta, live)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.collection.0,
                &row.id.as_bytes()[..],
                &row.owner.as_bytes()[..],
                row.key,
                codec::fields_bytes(row),
                to_bytes(&stored.meta),
                stored.is_live(),
            ],
        )?;
        self.memory.get_mut().indexes.insert((row.collection, row.id), new);
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
        let bytes = to_bytes(outcome);
        let sql = "INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3)";
        run(self.conn, sql, params![&replica.as_bytes()[..], outcome.counter as i64, bytes])?;
        let sql = "INSERT OR IGNORE INTO change_outcome VALUES (?1, ?2, ?3)";
        run(self.conn, sql, params![&outcome.change.as_bytes()[..], &content.0[..], bytes])
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
        let p = commit.position;
        run(
            self.conn,
            "INSERT INTO commit_log(seq, epoch, hash, at_ms, info, change, images) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                p.seq as i64,
                p.epoch,
                &p.hash.0[..],
                commit.info.at_ms,
                to_bytes(&commit.info),
                commit.change,
                to_bytes(&commit.images),
            ],
        )?;
        for image in &commit.images {
            let at = params![image.collection.0, &image.record.as_bytes()[..], p.seq as i64];
            run(self.conn, "INSERT INTO touched VALUES (?1, ?2, ?3)", at)?;
        }
        for (scope, bytes) in &commit.parts {
            let at = params![p.seq as i64, &scope.owner.as_bytes()[..], scope.compartment, bytes];
            run(self.conn, "INSERT INTO part VALUES (?1, ?2, ?3, ?4)", at)?;
        }
        for (scope, delta) in &commit.deltas {
            let (mut digest, _) = self.digest_of(*scope)?;
            digest.add(*delta);
            let value = (digest, p.seq);
            self.memory.get_mut().digests.insert(*scope, Cached { value, dirty: true });
        }
        Ok(())
    }

    fn commit_time(&self, seq: u64) -> Result<Option<i64>> {
        self.conn
            .prepare_cached("SELECT at_ms FROM commit_log WHERE seq = ?1")
            .and_then(|mut s| s.query_row([seq as i64], |r| r.get(0)).optional())
            .map_err(map)
    }

    fn scope_digest(&self, scope: Scope) -> Result<Digest> {
        Ok(self.digest_of(scope)?.0)
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
        let open = item.decided == Decided::Open;
        let (id, owner) = (&item.id.as_bytes()[..], &scope.owner.as_bytes()[..]);
        let sql = "INSERT OR REPLACE INTO conflict VALUES (?1, ?2, ?3, ?4, ?5)";
        run(self.conn, sql, params![id, owner, scope.compartment, open, to_bytes(item)])
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
        let sql = "INSERT OR REPLACE INTO text_history VALUES (?1, ?2, ?3, ?4)";
        run(self.conn, sql, params![c.0, &id.as_bytes()[..], f.0, history])
    }

    fn text_engine(&self) -> &dyn TextEngine {
        &LoroTexts
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
}

impl Directory for SqliteWrite<'_> {
    fn access_generation(&self) -> Result<u64> {
        directory::generation(self.conn)
    }
    fn devices(&self) -> Result<Vec<DeviceRecord>> {
        directory::devices(self.conn)
    }
    fn code(&self, hash: Hash) -> Result<Option<CodeRecord>> {
        directory::code(self.conn, hash)
    }
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        directory::setting(self.conn, name)
    }
}

impl WriteTx for SqliteWrite<'_> {
    fn mark(&mut self) -> Result<()> {
        self.flush()?;
        if self.marked.is_some() {
            run(self.conn, "RELEASE mark", [])?;
        }
        run(self.conn, "SAVEPOINT mark", [])?;
        self.marked = Some(self.head.clone());
        Ok(())
    }

    fn undo_to_mark(&mut self) -> Result<()> {
        let Some(head) = self.marked.clone() else { return Err(StorageError::corrupt("savepoint: none was set")) };
        run(self.conn, "ROLLBACK TO mark", [])?;
        *self.memory.get_mut() = Memory::default();
        self.head = head;
        Ok(())
    }

    fn put_batch(&mut self, b: &BatchRecord) -> Result<()> {
        let links: Vec<u8> = b.links.iter().flat_map(|h| h.0).collect();
        run(
            self.conn,
            "INSERT INTO batch(replica, device, parent, epoch, first, prev, links, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                &b.replica.as_bytes()[..],
                &b.device.as_bytes()[..],
                to_bytes(&b.parent),
                b.epoch,
                b.first as i64,
                &b.prev.0[..],
                links,
                b.signature,
            ],
        )
    }

    fn put_boot_sample(&mut self, device: DeviceId, boot: BootId, s: BootSample) -> Result<()> {
        let (device, boot) = (&device.as_bytes()[..], &boot.as_bytes()[..]);
        let sql = "INSERT OR REPLACE INTO boot_sample VALUES (?1, ?2, ?3, ?4, ?5)";
        run(self.conn, sql, params![device, boot, s.mono_ms as i64, s.from_ms, s.to_ms])?;
        let sql = format!(
            "DELETE FROM boot_sample WHERE device = ?1 AND boot = ?2 AND from_ms < (SELECT from_ms FROM boot_sample
             WHERE device = ?1 AND boot = ?2 ORDER BY from_ms DESC LIMIT 1 OFFSET {})",
            BOOT_SAMPLES_MAX - 1
        );
        run(self.conn, &sql, params![device, boot])
    }

    fn put_device(&mut self, device: &DeviceRecord) -> Result<()> {
        directory::put_device(self.conn, device)
    }

    fn touch_device(&mut self, device: DeviceId, seen_ms: i64, durable_seq: u64) -> Result<()> {
        directory::touch(self.conn, device, seen_ms, durable_seq)
    }

    fn put_code(&mut self, code: &CodeRecord) -> Result<()> {
        directory::put_code(self.conn, code)
    }

    fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<()> {
        directory::put_setting(self.conn, name, value)
    }

    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Result<()> {
        run(self.conn, "UPDATE fork SET seq = ?2 WHERE epoch = ?1 AND seq < ?2", params![epoch, seq as i64])?;
        let fork = self.head.forks.iter_mut().find(|(e, _)| *e == epoch);
        fork.into_iter().for_each(|(_, at)| *at = seq.max(*at));
        Ok(())
    }

    fn open_epoch(&mut self, epoch: u32) -> Result<()> {
        let p = self.head.position;
        if epoch <= p.epoch {
            return Err(StorageError::corrupt("epoch: a new one must be higher"));
        }
        run(self.conn, "INSERT OR REPLACE INTO fork VALUES (?1, ?2)", params![p.epoch, p.seq as i64])?;
        run(self.conn, "UPDATE log_head SET epoch = ?1", params![epoch])?;
        self.head.forks.push((p.epoch, p.seq));
        self.head.position.epoch = epoch;
        Ok(())
    }
}
