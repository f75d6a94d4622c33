//! The ledger beside the log: the tree's nodes, its growing edge, and what rows add up to. All of it is written in the
//! transaction that writes the rows.

use super::codec::{self, decode};
use super::error::map;
use super::sums::{self, Sums, Table};
use crate::storage::LedgerSummary;
use omni_protocol::frame::to_bytes;
use omni_protocol::{ChangeId, CommitInfo, Hash, Outcome, ReplicaId};
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use omni_sync::ledger::{Frontier, Leaf, SignedHead, part_hash};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StorageError>;

/// A commit whose outcome is not known yet: it follows in the same transaction.
#[derive(Clone, Debug)]
pub struct Waiting {
    change: ChangeId,
    replica: ReplicaId,
    counter: u64,
    leaf: Leaf,
}

/// The ledger's state within one write transaction.
#[derive(Clone, Debug)]
pub struct Ledger {
    frontier: Frontier,
    sums: Sums,
    waiting: Option<Waiting>,
    dirty: bool,
}

impl Ledger {
    /// As stored.
    pub fn load(conn: &Connection) -> Result<Ledger> {
        let (frontier, sums) = read_state(conn)?;
        Ok(Ledger { frontier, sums, waiting: None, dirty: false })
    }

    /// A row of a summed table came, went, or took another's place.
    pub fn replaced(&mut self, table: Table, old: Option<Digest>, new: Digest) {
        if old == Some(new) {
            return;
        }
        if let Some(old) = old {
            self.sums.sub(table, old);
        }
        self.sums.add(table, new);
        self.dirty = true;
    }

    /// Size, root and state for a head that stands for everything written so far.
    pub fn summary(&mut self, conn: &Connection) -> Result<LedgerSummary> {
        self.flush(conn)?;
        summary(conn, &self.frontier, &self.sums)
    }

    /// A commit was appended. `leaf`: its leaf without the outcome.
    pub fn committed(&mut self, conn: &Connection, info: &CommitInfo, leaf: Leaf) -> Result<()> {
        self.settle(conn, &[])?;
        self.waiting = Some(Waiting { change: info.change, replica: info.replica, counter: info.counter, leaf });
        Ok(())
    }

    /// An outcome was stored: if it is that of the commit that waits, its leaf is complete.
    pub fn answered(&mut self, conn: &Connection, replica: ReplicaId, outcome: &Outcome, bytes: &[u8]) -> Result<()> {
        let entry = (replica, outcome.counter, outcome.change);
        if self.waiting.as_ref().is_some_and(|w| (w.replica, w.counter, w.change) == entry) {
            self.settle(conn, bytes)?;
        }
        Ok(())
    }

    /// Appends the leaf of the commit that waits. One without an answer has an empty outcome.
    fn settle(&mut self, conn: &Connection, outcome: &[u8]) -> Result<()> {
        let Some(w) = self.waiting.take() else { return Ok(()) };
        if self.frontier.size() + 1 != w.leaf.seq {
            return Err(StorageError::corrupt("ledger: its tree does not end where the log does"));
        }
        self.dirty = true;
        let mut put = conn.prepare_cached("INSERT INTO tree_node VALUES (?1, ?2)").map_err(map)?;
        for (at, hash) in self.frontier.append(&w.leaf.answered(outcome).bytes()) {
            put.execute(params![at as i64, &hash.0[..]]).map_err(map)?;
        }
        Ok(())
    }

    /// Writes what changed. Must be called before the commit and before a savepoint.
    pub fn flush(&mut self, conn: &Connection) -> Result<()> {
        self.settle(conn, &[])?;
        if std::mem::take(&mut self.dirty) {
            write_state(conn, &self.frontier, &self.sums)?;
        }
        Ok(())
    }
}

fn read_state(conn: &Connection) -> Result<(Frontier, Sums)> {
    let found: Option<(Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT frontier, sums FROM ledger")
        .and_then(|mut s| s.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(map)?;
    let (frontier, sums) = found.ok_or_else(|| StorageError::corrupt("ledger state"))?;
    let frontier: Frontier = decode(&frontier, "ledger frontier")?;
    if !frontier.is_whole() {
        return Err(StorageError::corrupt("ledger frontier"));
    }
    Ok((frontier, Sums::from_bytes(&sums)?))
}

fn write_state(conn: &Connection, frontier: &Frontier, sums: &Sums) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO ledger VALUES (1, ?1, ?2)")
        .and_then(|mut s| s.execute(params![to_bytes(frontier), sums.to_bytes()]))
        .map(drop)
        .map_err(map)
}

fn summary(conn: &Connection, frontier: &Frontier, sums: &Sums) -> Result<LedgerSummary> {
    let mut statement = conn.prepare_cached("SELECT epoch, seq FROM fork ORDER BY epoch").map_err(map)?;
    let forks = statement.query_map([], |r| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)? as u64))).map_err(map)?;
    let forks = forks.collect::<rusqlite::Result<Vec<_>>>().map_err(map)?;
    Ok(LedgerSummary { size: frontier.size(), root: frontier.root(), state: sums.state(), forks })
}

/// What the ledger says of itself, and the tables whose rows do not add up to it.
pub fn check(conn: &Connection) -> Result<(LedgerSummary, Vec<&'static str>)> {
    let (frontier, kept) = read_state(conn)?;
    Ok((summary(conn, &frontier, &kept)?, kept.differing(&sums::count(conn)?)))
}

/// A node of the tree by its number.
pub fn node(conn: &Connection, at: u64) -> Result<Hash> {
    let found: Option<Vec<u8>> = conn
        .prepare_cached("SELECT hash FROM tree_node WHERE at = ?1")
        .and_then(|mut s| s.query_row([at as i64], |r| r.get(0)).optional())
        .map_err(map)?;
    codec::hash(&found.ok_or_else(|| StorageError::corrupt("ledger: a node is missing"))?)
}

/// The leaf of a commit, made from its rows as they are now.
pub fn leaf_of(conn: &Connection, seq: u64) -> Result<Option<Leaf>> {
    let found: Option<(Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT info, change FROM commit_log WHERE seq = ?1")
        .and_then(|mut s| s.query_row([seq as i64], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(map)?;
    let Some((info, change)) = found else { return Ok(None) };
    let info: CommitInfo = decode(&info, "commit info")?;
    let outcome: Option<Vec<u8>> = conn
        .prepare_cached("SELECT outcome FROM entry WHERE replica = ?1 AND counter = ?2")
        .and_then(|mut s| {
            s.query_row(params![&info.replica.as_bytes()[..], info.counter as i64], |r| r.get(0)).optional()
        })
        .map_err(map)?;
    let sql = "SELECT owner, compartment, bytes, prev FROM part WHERE seq = ?1 ORDER BY owner, compartment";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query([seq as i64]).map_err(map)?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next().map_err(map)? {
        let blob = |i: usize| row.get_ref(i).and_then(|v| Ok(v.as_blob()?)).map_err(map);
        let scope = codec::scope(blob(0)?, row.get(1).map_err(map)?)?;
        parts.push((scope, part_hash(blob(2)?), codec::hash(blob(3)?)?));
    }
    Ok(Some(Leaf::new(seq, &change, outcome.as_deref().unwrap_or_default(), parts)))
}

/// Stores a signed head. One per size and epoch: a later one of the same replaces it.
pub fn put_head(conn: &Connection, signed: &SignedHead) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO tree_head VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![signed.head.size as i64, signed.head.epoch, to_bytes(signed)]))
        .map(drop)
        .map_err(map)
}

/// The newest signed head.
pub fn newest_head(conn: &Connection) -> Result<Option<SignedHead>> {
    let found: Option<Vec<u8>> = conn
        .prepare_cached("SELECT signed FROM tree_head ORDER BY epoch DESC, size DESC LIMIT 1")
        .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
        .map_err(map)?;
    found.map(|bytes| decode(&bytes, "tree head")).transpose()
}

/// Makes tree and sums from the rows of a database that had none.
pub fn build(conn: &Connection) -> Result<()> {
    conn.execute("DELETE FROM tree_node", []).map_err(map)?;
    conn.execute("DELETE FROM tree_head", []).map_err(map)?;
    link_parts(conn)?;
    let last: i64 = conn.query_row("SELECT coalesce(max(seq), 0) FROM commit_log", [], |r| r.get(0)).map_err(map)?;
    let mut frontier = Frontier::default();
    let mut put = conn.prepare_cached("INSERT INTO tree_node VALUES (?1, ?2)").map_err(map)?;
    for seq in 1..=last as u64 {
        let leaf = leaf_of(conn, seq)?.ok_or_else(|| StorageError::corrupt("log: a commit is missing"))?;
        for (at, hash) in frontier.append(&leaf.bytes()) {
            put.execute(params![at as i64, &hash.0[..]]).map_err(map)?;
        }
    }
    write_state(conn, &frontier, &sums::count(conn)?)
}

/// Notes with each part the hash of its scope's part before, and with each scope that of its last.
fn link_parts(conn: &Connection) -> Result<()> {
    let mut last: HashMap<(Vec<u8>, u8), Hash> = HashMap::new();
    let mut put =
        conn.prepare("UPDATE part SET prev = ?4 WHERE seq = ?1 AND owner = ?2 AND compartment = ?3").map_err(map)?;
    let mut each = conn.prepare("SELECT owner, compartment, bytes FROM part WHERE seq = ?1").map_err(map)?;
    let (first, end): (i64, i64) = conn
        .query_row("SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM part", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .map_err(map)?;
    for seq in first..=end {
        let rows = each
            .query_map([seq], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, u8>(1)?, r.get::<_, Vec<u8>>(2)?)))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(map)?;
        for (owner, compartment, bytes) in rows {
            let previous = last.insert((owner.clone(), compartment), part_hash(&bytes)).unwrap_or_default();
            put.execute(params![seq, owner, compartment, &previous.0[..]]).map_err(map)?;
        }
    }
    let mut put =
        conn.prepare("UPDATE scope_digest SET part = ?3 WHERE owner = ?1 AND compartment = ?2").map_err(map)?;
    for ((owner, compartment), hash) in last {
        put.execute(params![owner, compartment, &hash.0[..]]).map_err(map)?;
    }
    Ok(())
}
