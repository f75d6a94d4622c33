//! One read transaction on SQLite.

use super::audit;
use super::codec::{self, RECORD_COLUMNS, RawRecord, decode};
use super::directory::{self, hash_column};
use super::error::map;
use super::ledger;
use super::past;
use super::write::{read_head, read_record, read_replica};
use crate::storage::{
    BatchRecord, CodeRecord, Counts, DeviceRecord, Directory, LedgerSummary, LoggedEntry, PageLimits, ReadTx,
    ScopeState, Visit,
};
use omni_model::{CollectionId, RecordId};
use omni_protocol::{ChangeId, CommitInfo, ConflictItem, DeviceId, Grants, Hash, Outcome, Position, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{CentralHead, Commit, Committed, ReplicaState};
use omni_sync::ledger::{Leaf, Nodes, SignedHead};
use omni_sync::meta::{Image, Stored};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StorageError>;

/// One read transaction, begun.
#[derive(Debug)]
pub struct SqliteRead<'c> {
    conn: &'c Connection,
}

fn blob<'r>(row: &'r Row, at: usize) -> Result<&'r [u8]> {
    row.get_ref(at).and_then(|v| Ok(v.as_blob()?)).map_err(map)
}

impl<'c> SqliteRead<'c> {
    /// Reads through a connection in a transaction.
    pub fn new(conn: &'c Connection) -> SqliteRead<'c> {
        SqliteRead { conn }
    }

    fn parts(&self, seq: u64, readable: Option<&Grants>) -> Result<Vec<(Scope, Vec<u8>)>> {
        let sql = "SELECT owner, compartment, bytes FROM part WHERE seq = ?1 ORDER BY owner, compartment";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query([seq as i64]).map_err(map)?;
        let mut parts = Vec::new();
        while let Some(row) = rows.next().map_err(map)? {
            let owner = row.get_ref(0).and_then(|v| Ok(v.as_blob()?)).map_err(map)?;
            let scope = codec::scope(owner, row.get(1).map_err(map)?)?;
            if readable.is_none_or(|grants| grants.reads(scope)) {
                parts.push((scope, row.get(2).map_err(map)?));
            }
        }
        Ok(parts)
    }

    fn each(&self, sql: &str, mut visit: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query([]).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            visit(row)?;
        }
        Ok(())
    }

    fn count(&self, sql: &str) -> Result<u64> {
        self.conn.query_row(sql, [], |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(map)
    }
}

fn batch(row: &Row) -> Result<BatchRecord> {
    let blob = |i: usize| row.get::<_, Vec<u8>>(i).map_err(map);
    let corrupt = || StorageError::corrupt("batch");
    let links = blob(6)?;
    Ok(BatchRecord {
        replica: ReplicaId::from_slice(&blob(0)?).ok_or_else(corrupt)?,
        device: DeviceId::from_slice(&blob(1)?).ok_or_else(corrupt)?,
        parent: decode(&blob(2)?, "batch")?,
        epoch: row.get(3).map_err(map)?,
        first: row.get::<_, i64>(4).map_err(map)? as u64,
        prev: hash_column(row, 5)?,
        links: links.chunks(32).map(codec::hash).collect::<Result<_>>()?,
        signature: blob(7)?,
    })
}

impl Directory for SqliteRead<'_> {
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

impl Nodes for SqliteRead<'_> {
    fn node(&self, at: u64) -> Result<Hash> {
        ledger::node(self.conn, at)
    }
}

impl ReadTx for SqliteRead<'_> {
    fn head(&self) -> Result<CentralHead> {
        Ok(read_head(self.conn)?.0)
    }

    fn hash_at(&self, seq: u64) -> Result<Option<Hash>> {
        if seq == 0 {
            return Ok(Some(Hash::default()));
        }
        let found: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT hash FROM commit_log WHERE seq = ?1")
            .and_then(|mut s| s.query_row([seq as i64], |r| r.get(0)).optional())
            .map_err(map)?;
        found.map(|bytes| codec::hash(&bytes)).transpose()
    }

    fn commits_after(&self, after: u64, limits: PageLimits, readable: Option<&Grants>) -> Result<Vec<Commit>> {
        let Some(mut prev) = self.hash_at(after)? else { return Ok(Vec::new()) };
        let sql = "SELECT seq, epoch, hash, info, change FROM commit_log WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query(params![after as i64, limits.commits as i64]).map_err(map)?;
        let (mut out, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(map)? {
            let seq = row.get::<_, i64>(0).map_err(map)? as u64;
            let info: CommitInfo = decode(&row.get::<_, Vec<u8>>(3).map_err(map)?, "commit info")?;
            let position = Position { epoch: row.get(1).map_err(map)?, seq, hash: hash_column(row, 2)? };
            let (change, parts): (Vec<u8>, _) = (row.get(4).map_err(map)?, self.parts(seq, readable)?);
            bytes += parts.iter().map(|(_, b)| b.len()).sum::<usize>();
            if bytes > limits.bytes && !out.is_empty() {
                break;
            }
            out.push(Commit { position, prev, info, change, parts, deltas: Vec::new(), images: Vec::new() });
            prev = position.hash;
        }
        Ok(out)
    }

    fn committed(&self, seq: u64) -> Result<Option<Committed>> {
        past::read_committed(self.conn, seq)
    }

    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>> {
        past::read_images_after(self.conn, c, id, seq)
    }

    fn touching(&self, c: CollectionId, id: RecordId, before: u64, limit: usize) -> Result<Vec<u64>> {
        past::read_touching(self.conn, c, id, before, limit)
    }

    fn infos_before(&self, before: u64, limit: usize) -> Result<Vec<(u64, CommitInfo)>> {
        past::read_infos_before(self.conn, before, limit)
    }

    fn run_of(&self, device: DeviceId, after: u64) -> Result<u64> {
        past::read_run_of(self.conn, device, after)
    }

    fn seq_at(&self, at_ms: i64) -> Result<u64> {
        past::read_seq_at(self.conn, at_ms)
    }

    fn seq_of(&self, change: ChangeId) -> Result<Option<u64>> {
        past::read_seq_of(self.conn, change)
    }

    fn replica(&self, id: ReplicaId) -> Result<Option<ReplicaState>> {
        read_replica(self.conn, id)
    }

    fn scopes(&self) -> Result<Vec<ScopeState>> {
        let sql = "SELECT owner, compartment, digest, seq FROM scope_digest ORDER BY owner, compartment";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query([]).map_err(map)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(map)? {
            let (owner, digest): (Vec<u8>, Vec<u8>) = (row.get(0).map_err(map)?, row.get(2).map_err(map)?);
            out.push(ScopeState {
                scope: codec::scope(&owner, row.get(1).map_err(map)?)?,
                digest: codec::digest(&digest)?,
                seq: row.get::<_, i64>(3).map_err(map)? as u64,
            });
        }
        Ok(out)
    }

    fn stored(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>> {
        read_record(self.conn, collection, id)
    }

    fn each_live(&self, owner: Option<RecordId>, visit: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        let filter = if owner.is_some() { "AND owner = ?1" } else { "AND ?1 IS NULL" };
        let sql = format!("SELECT {RECORD_COLUMNS} FROM record WHERE live = 1 {filter} ORDER BY owner, collection, id");
        let mut statement = self.conn.prepare_cached(&sql).map_err(map)?;
        let mut rows = statement.query([owner.map(|o| o.as_bytes().to_vec())]).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            visit(RawRecord::read(row).map_err(map)?.stored()?)?;
        }
        Ok(())
    }

    fn conflicts(&self, owner: Option<RecordId>) -> Result<Vec<(Scope, ConflictItem)>> {
        let filter = if owner.is_some() { "owner = ?1" } else { "?1 IS NULL" };
        let sql =
            format!("SELECT owner, compartment, item FROM conflict WHERE {filter} ORDER BY owner, compartment, id");
        let mut statement = self.conn.prepare_cached(&sql).map_err(map)?;
        let mut rows = statement.query([owner.map(|o| o.as_bytes().to_vec())]).map_err(map)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(map)? {
            let (owner, item): (Vec<u8>, Vec<u8>) = (row.get(0).map_err(map)?, row.get(2).map_err(map)?);
            out.push((codec::scope(&owner, row.get(1).map_err(map)?)?, decode(&item, "conflict item")?));
        }
        Ok(out)
    }

    fn each_batch(&self, visit: &mut dyn FnMut(BatchRecord) -> Result<()>) -> Result<()> {
        let sql = "SELECT replica, device, parent, epoch, first, prev, links, signature FROM batch ORDER BY n";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query([]).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            visit(batch(row)?)?;
        }
        Ok(())
    }

    fn batches_over(&self, replica: ReplicaId, counter: u64) -> Result<Vec<BatchRecord>> {
        let sql = "SELECT replica, device, parent, epoch, first, prev, links, signature FROM batch
                   WHERE replica = ?1 AND first <= ?2 AND first + length(links) / 32 > ?2 ORDER BY n DESC";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let mut rows = statement.query(params![&replica.as_bytes()[..], counter as i64]).map_err(map)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(map)? {
            out.push(batch(row)?);
        }
        Ok(out)
    }

    fn entries(&self, replica: ReplicaId, first: u64, last: u64) -> Result<Vec<LoggedEntry>> {
        let sql = "SELECT outcome FROM entry WHERE replica = ?1 AND counter BETWEEN ?2 AND ?3 ORDER BY counter";
        let mut statement = self.conn.prepare_cached(sql).map_err(map)?;
        let at = params![&replica.as_bytes()[..], first as i64, last as i64];
        let rows = statement.query_map(at, |r| r.get::<_, Vec<u8>>(0)).map_err(map)?;
        rows.map(|bytes| {
            let o = codec::outcome(&bytes.map_err(map)?)?;
            Ok(LoggedEntry { counter: o.counter, change: o.change, kind: o.kind, seq: o.seq })
        })
        .collect()
    }

    fn tree_head(&self) -> Result<Option<SignedHead>> {
        ledger::newest_head(self.conn)
    }

    fn leaf(&self, seq: u64) -> Result<Option<Leaf>> {
        ledger::leaf_of(self.conn, seq)
    }

    fn each_record(&self, visit: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {RECORD_COLUMNS} FROM record ORDER BY collection, id");
        self.each(&sql, |row| visit(RawRecord::read(row).map_err(map)?.stored()?))
    }

    fn each_entry(&self, visit: &mut Visit<(ReplicaId, u64, Outcome)>) -> Result<()> {
        self.each("SELECT replica, counter, outcome FROM entry ORDER BY replica, counter", |row| {
            let replica = ReplicaId::from_slice(blob(row, 0)?).ok_or_else(|| StorageError::corrupt("replica id"))?;
            visit((replica, row.get::<_, i64>(1).map_err(map)? as u64, codec::outcome(blob(row, 2)?)?))
        })
    }

    fn each_answer(&self, visit: &mut Visit<(ChangeId, Hash, Outcome)>) -> Result<()> {
        self.each("SELECT change, content, outcome FROM change_outcome", |row| {
            let change = ChangeId::from_slice(blob(row, 0)?).ok_or_else(|| StorageError::corrupt("change id"))?;
            visit((change, codec::hash(blob(row, 1)?)?, codec::outcome(blob(row, 2)?)?))
        })
    }

    fn each_replica(&self, visit: &mut Visit<(ReplicaId, ReplicaState)>) -> Result<()> {
        self.each("SELECT id FROM replica", |row| {
            let id = ReplicaId::from_slice(blob(row, 0)?).ok_or_else(|| StorageError::corrupt("replica id"))?;
            let state = read_replica(self.conn, id)?.ok_or_else(|| StorageError::corrupt("replica"))?;
            visit((id, state))
        })
    }

    fn each_tree_head(&self, visit: &mut Visit<((u32, u64), SignedHead)>) -> Result<()> {
        self.each("SELECT epoch, size, signed FROM tree_head ORDER BY epoch, size", |row| {
            let at = (row.get(0).map_err(map)?, row.get::<_, i64>(1).map_err(map)? as u64);
            visit((at, decode(blob(row, 2)?, "tree head")?))
        })
    }

    fn node_count(&self) -> Result<u64> {
        self.count("SELECT count(*) FROM tree_node")
    }

    fn derived_faults(&self) -> Result<Vec<String>> {
        audit::derived(self.conn)
    }

    fn ledger(&self) -> Result<(LedgerSummary, Vec<&'static str>)> {
        ledger::check(self.conn)
    }

    fn counts(&self) -> Result<Counts> {
        Ok(Counts {
            records: self.count("SELECT count(*) FROM record WHERE live = 1")?,
            commits: self.count("SELECT seq FROM log_head")?,
            replicas: self.count("SELECT count(*) FROM replica")?,
            open_conflicts: self.count("SELECT count(*) FROM conflict WHERE open = 1")?,
            bytes: self.count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        })
    }

    fn medium_faults(&self) -> Result<Vec<String>> {
        let mut statement = self.conn.prepare("PRAGMA integrity_check(20)").map_err(map)?;
        let rows = statement.query_map([], |r| r.get::<_, String>(0)).map_err(map)?;
        let lines = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(map)?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}
