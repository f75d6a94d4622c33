//! Identity and cursor, digests, conflict items, history, device names, settings.

use super::{KeptEntry, WriteTx};
use crate::codec;
use crate::error::{Result, corrupt};
use minicbor::bytes::ByteVec;
use omni_protocol::frame::to_bytes;
use omni_protocol::{
    ChangeId, ConflictId, ConflictItem, Decided, DeviceId, DirectoryEntry, Effect, Hash, Part, Position, ReplicaId,
    Scope,
};
use omni_sync::digest::Digest;
use omni_sync::replica::{HistoryEntry, ReplicaMeta};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;

/// Identity and cursor as stored; `None` = nothing yet.
pub fn load_meta(conn: &Connection) -> Result<Option<ReplicaMeta>> {
    let sql = "SELECT replica, lineage, epoch, seq, hash, next_counter, chain, grants FROM replica";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query([])?;
    let Some(sql) = rows.next()? else { return Ok(None) };
    let hash = |place| -> Result<Hash> {
        let bytes: Vec<u8> = sql.get(place)?;
        Hash::from_slice(&bytes).ok_or_else(|| corrupt("hash"))
    };
    let replica: Vec<u8> = sql.get(0)?;
    let (lineage, grants): (Vec<u8>, Vec<u8>) = (sql.get(1)?, sql.get(7)?);
    Ok(Some(ReplicaMeta {
        replica: ReplicaId::from_slice(&replica).ok_or_else(|| corrupt("replica id"))?,
        lineage: codec::decode(&lineage, "lineage")?,
        position: Position { epoch: sql.get(2)?, seq: sql.get::<_, i64>(3)? as u64, hash: hash(4)? },
        next_counter: sql.get::<_, i64>(5)? as u64,
        chain: hash(6)?,
        grants: codec::decode(&grants, "grants")?,
    }))
}

/// All digests as stored.
pub fn load_digests(conn: &Connection) -> Result<BTreeMap<Scope, Digest>> {
    let mut stmt = conn.prepare_cached("SELECT owner, compartment, sum FROM digest")?;
    let mut rows = stmt.query([])?;
    let mut out = BTreeMap::new();
    while let Some(sql) = rows.next()? {
        let scope = Scope { owner: codec::record_id(sql.get_ref(0)?)?, compartment: sql.get(1)? };
        let sum: [u8; 16] = sql.get(2)?;
        out.insert(scope, Digest(u128::from_le_bytes(sum)));
    }
    Ok(out)
}

/// Number of an item a rule decided, in the column `open`.
pub const AUTO: i64 = 0;
/// Number of an open item.
pub const OPEN: i64 = 1;
/// Number of an item a person settled.
pub const PERSON: i64 = 2;

fn decided_number(decided: Decided) -> i64 {
    match decided {
        Decided::Auto => AUTO,
        Decided::Open => OPEN,
        Decided::Person => PERSON,
    }
}

/// A conflict item with its scope, from a select of `owner, compartment, item`.
pub fn item_from(sql: &rusqlite::Row<'_>) -> Result<(Scope, ConflictItem)> {
    let scope = Scope { owner: codec::record_id(sql.get_ref(0)?)?, compartment: sql.get(1)? };
    let bytes: Vec<u8> = sql.get(2)?;
    Ok((scope, codec::decode(&bytes, "conflict item")?))
}

/// A device's name and operator.
pub fn load_device(conn: &Connection, device: DeviceId) -> Result<Option<DirectoryEntry>> {
    let mut stmt = conn.prepare_cached("SELECT name, operator FROM directory WHERE device = ?1")?;
    let found = stmt.query_row([device.as_bytes().as_slice()], |sql| {
        Ok(DirectoryEntry { device, name: sql.get(0)?, operator: sql.get(1)? })
    });
    Ok(found.optional()?)
}

/// Of commits after this one the file holds everything this laptop may see, unless they are after the cursor.
pub fn history_since(conn: &Connection) -> Result<u64> {
    let mut stmt = conn.prepare_cached("SELECT history_since FROM replica")?;
    Ok(stmt.query_row([], |sql| sql.get::<_, i64>(0)).optional()?.unwrap_or(0) as u64)
}

/// An own change that left the outbox.
pub fn load_own(conn: &Connection, id: ChangeId) -> Result<Option<KeptEntry>> {
    let mut stmt = conn.prepare_cached("SELECT sealed, seq, counter, outcome FROM own_change WHERE change_id = ?1")?;
    let mut rows = stmt.query([id.as_bytes().as_slice()])?;
    let Some(sql) = rows.next()? else { return Ok(None) };
    let outcome: Option<Vec<u8>> = sql.get(3)?;
    Ok(Some(KeptEntry {
        sealed: sql.get(0)?,
        seq: sql.get::<_, Option<i64>>(1)?.map(|n| n as u64),
        counter: sql.get::<_, Option<i64>>(2)?.map(|n| n as u64),
        outcome: outcome.map(|b| codec::decode(&b, "outcome")).transpose()?,
    }))
}

impl WriteTx<'_> {
    pub(super) fn load_meta(&self) -> Result<ReplicaMeta> {
        if let Some(meta) = &self.caches.borrow().meta {
            return Ok(meta.clone());
        }
        let meta = load_meta(self.conn)?.ok_or_else(|| Self::invalid("This database has no identity yet."))?;
        self.caches.borrow_mut().meta = Some(meta.clone());
        Ok(meta)
    }

    /// Whether the database has an identity.
    pub fn has_meta(&self) -> Result<bool, crate::StoreError> {
        Ok(self.caches.borrow().meta.is_some() || load_meta(self.conn)?.is_some())
    }

    pub(super) fn store_meta(&mut self, meta: &ReplicaMeta) {
        let caches = self.caches.get_mut();
        if caches.meta.as_ref() == Some(meta) {
            return;
        }
        if caches.meta.as_ref().is_none_or(|old| old.position != meta.position) {
            self.notes.cursor = Some(meta.position);
        }
        caches.meta = Some(meta.clone());
        self.dirty_meta = true;
    }

    pub(super) fn flush_meta(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.dirty_meta) {
            return Ok(());
        }
        let meta = self.load_meta()?;
        let sql = "INSERT INTO replica (one, replica, lineage, epoch, seq, hash, next_counter, chain, grants) \
                   VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (one) DO UPDATE SET replica = ?1, lineage = ?2, \
                   epoch = ?3, seq = ?4, hash = ?5, next_counter = ?6, chain = ?7, grants = ?8";
        self.conn.prepare_cached(sql)?.execute((
            meta.replica.as_bytes(),
            to_bytes(&meta.lineage),
            meta.position.epoch,
            meta.position.seq as i64,
            meta.position.hash.0,
            meta.next_counter as i64,
            meta.chain.0,
            to_bytes(&meta.grants),
        ))?;
        Ok(())
    }

    pub(super) fn all_digests(&self) -> Result<BTreeMap<Scope, Digest>> {
        self.with_digests(Clone::clone)
    }

    pub(super) fn with_digests<T>(&self, read: impl FnOnce(&BTreeMap<Scope, Digest>) -> T) -> Result<T> {
        let mut caches = self.caches.borrow_mut();
        if caches.digests.is_none() {
            caches.digests = Some(load_digests(self.conn)?);
        }
        Ok(read(caches.digests.get_or_insert_default()))
    }

    pub(super) fn store_digest(&mut self, scope: Scope, digest: Digest) -> Result<()> {
        self.with_digests(|_| ())?;
        let all = self.caches.get_mut().digests.get_or_insert_default();
        match digest == Digest::default() {
            true => all.remove(&scope),
            false => all.insert(scope, digest),
        };
        self.dirty_digests.insert(scope);
        Ok(())
    }

    pub(super) fn flush_digests(&mut self) -> Result<()> {
        for scope in std::mem::take(&mut self.dirty_digests) {
            let owner = scope.owner.0.into_bytes();
            let digest = self.with_digests(|all| all.get(&scope).copied())?;
            match digest {
                Some(d) => self
                    .conn
                    .prepare_cached("INSERT OR REPLACE INTO digest (owner, compartment, sum) VALUES (?1, ?2, ?3)")?
                    .execute((owner, scope.compartment, d.0.to_le_bytes()))?,
                None => self
                    .conn
                    .prepare_cached("DELETE FROM digest WHERE owner = ?1 AND compartment = ?2")?
                    .execute((owner, scope.compartment))?,
            };
        }
        Ok(())
    }

    pub(super) fn store_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO conflict (id, owner, compartment, collection, record, open, seq, item) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.conn.prepare_cached(sql)?.execute((
            item.id.as_bytes(),
            scope.owner.0.as_bytes(),
            scope.compartment,
            item.collection.0,
            item.record.0.as_bytes(),
            decided_number(item.decided),
            item.seq as i64,
            to_bytes(item),
        ))?;
        self.notes.conflicts = true;
        self.notes.touch(item.collection, item.record);
        Ok(())
    }

    pub(super) fn load_conflict(&self, id: ConflictId) -> Result<Option<(Scope, ConflictItem)>> {
        let mut stmt = self.conn.prepare_cached("SELECT owner, compartment, item FROM conflict WHERE id = ?1")?;
        let mut rows = stmt.query([id.as_bytes().as_slice()])?;
        rows.next()?.map(item_from).transpose()
    }

    pub(super) fn drop_conflict(&mut self, id: ConflictId) -> Result<()> {
        if let Some((_, item)) = self.load_conflict(id)? {
            self.conn.prepare_cached("DELETE FROM conflict WHERE id = ?1")?.execute([id.as_bytes().as_slice()])?;
            self.notes.conflicts = true;
            self.notes.touch(item.collection, item.record);
        }
        Ok(())
    }

    pub(super) fn all_conflicts(&self) -> Result<Vec<(Scope, ConflictItem)>> {
        let mut stmt = self.conn.prepare_cached("SELECT owner, compartment, item FROM conflict ORDER BY id")?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(item_from(sql)?);
        }
        Ok(out)
    }

    pub(super) fn store_history(&mut self, entry: &HistoryEntry) -> Result<()> {
        let first: Option<Part> = entry.parts.first().map(|p| codec::decode(p, "part")).transpose()?;
        let at = first.as_ref().map_or(0, |p| p.info.at_ms);
        let change = first.map(|p| p.info.change.as_bytes().to_vec());
        let parts: Vec<ByteVec> = entry.parts.iter().map(|p| p.clone().into()).collect();
        let seq = entry.seq as i64;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO history (seq, at_ms, parts, images, change_id) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((seq, at, to_bytes(&parts), to_bytes(&entry.images), change))?;
        let sql = "INSERT OR REPLACE INTO history_touch (collection, record, seq) VALUES (?1, ?2, ?3)";
        let mut stmt = self.conn.prepare_cached(sql)?;
        for (c, id) in &entry.records {
            stmt.execute((c.0, id.0.as_bytes(), seq))?;
        }
        Ok(())
    }

    /// Of commits up to `seq` this file no longer holds everything.
    pub(crate) fn raise_history_since(&mut self, seq: u64) -> Result<()> {
        let seq = seq.min(i64::MAX as u64) as i64;
        let sql = "UPDATE replica SET history_since = max(history_since, ?1)";
        self.conn.prepare_cached(sql)?.execute([seq])?;
        Ok(())
    }

    pub(super) fn store_directory(&mut self, entries: &[DirectoryEntry]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO directory (device, name, operator) VALUES (?1, ?2, ?3)";
        let mut stmt = self.conn.prepare_cached(sql)?;
        for e in entries {
            stmt.execute((e.device.as_bytes(), &e.name, &e.operator))?;
        }
        Ok(())
    }

    /// A fact the agent keeps beside the replica (the cookie of its identity, the central it belongs to).
    pub fn fact(&self, name: &str) -> Result<Option<Vec<u8>>, crate::StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
        Ok(stmt.query_row([name], |sql| sql.get(0)).optional()?)
    }

    /// Stores a fact; `None` removes it.
    pub fn set_fact(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), crate::StoreError> {
        match value {
            Some(v) => self
                .conn
                .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)")?
                .execute((name, v))?,
            None => self.conn.prepare_cached("DELETE FROM fact WHERE name = ?1")?.execute([name])?,
        };
        Ok(())
    }

    /// Stores a UI setting as JSON text.
    pub fn set_setting(&mut self, name: &str, json: &str) -> Result<(), crate::StoreError> {
        let sql = "INSERT OR REPLACE INTO setting (name, json) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute((name, json))?;
        Ok(())
    }

    /// An own change that left the outbox: its signed bytes and answer, for 30 days.
    pub fn own_change(&self, id: ChangeId) -> Result<Option<KeptEntry>, crate::StoreError> {
        load_own(self.conn, id)
    }

    /// Forgets which records the commits up to `last` touched.
    fn forget_touches(&self, last: i64) -> Result<()> {
        let sql = "DELETE FROM history_touch WHERE collection = ?1 AND record = ?2 AND seq = ?3";
        let mut forget = self.conn.prepare_cached(sql)?;
        let mut stmt = self.conn.prepare_cached("SELECT seq, parts FROM history WHERE seq <= ?1")?;
        let mut rows = stmt.query([last])?;
        while let Some(sql) = rows.next()? {
            let (seq, bytes): (i64, Vec<u8>) = (sql.get(0)?, sql.get(1)?);
            for part in codec::decode::<Vec<ByteVec>>(&bytes, "history")? {
                let part: Part = codec::decode(&part, "part")?;
                for (c, id) in part.effects.iter().map(Effect::record) {
                    forget.execute((c.0, id.0.as_bytes(), seq))?;
                }
            }
        }
        Ok(())
    }

    /// Forgets history older than `commits_before_ms` (commit time) and confirmed own changes that left the outbox
    /// before `kept_before_ms` (this laptop's time), at most `limit` of each. Returns how many were forgotten.
    pub fn prune(
        &mut self,
        commits_before_ms: i64,
        kept_before_ms: i64,
        limit: usize,
    ) -> Result<usize, crate::StoreError> {
        let limit = limit.min(i64::MAX as usize) as i64;
        let last: Option<i64> = self
            .conn
            .prepare_cached("SELECT max(seq) FROM (SELECT seq FROM history WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)")?
            .query_row((commits_before_ms, limit), |sql| sql.get(0))?;
        let mut gone = 0;
        if let Some(last) = last {
            self.forget_touches(last)?;
            gone += self.conn.prepare_cached("DELETE FROM history WHERE seq <= ?1")?.execute([last])?;
            self.raise_history_since(last as u64)?;
        }
        let sql = "DELETE FROM original WHERE name IN (SELECT name FROM original WHERE at_ms < ?1 LIMIT ?2)";
        gone += self.conn.prepare_cached(sql)?.execute((commits_before_ms, limit))?;
        let sql = "DELETE FROM own_change WHERE change_id IN \
                   (SELECT change_id FROM own_change WHERE kept_ms < ?1 ORDER BY kept_ms LIMIT ?2)";
        gone += self.conn.prepare_cached(sql)?.execute((kept_before_ms, limit))?;
        Ok(gone)
    }
}
