//! Commits this laptop keeps: the history of a record, and what changed last.

use super::ReadTx;
use crate::codec::decode;
use crate::error::{Result, StoreError};
use minicbor::bytes::ByteVec;
use omni_model::{CollectionId, RecordId};
use omni_protocol::{CommitInfo, DirectoryEntry, Effect, Part, Scope};
use omni_sync::meta::Image;
use rusqlite::OptionalExtension as _;

/// One commit as this laptop saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitLine {
    /// The commit.
    pub seq: u64,
    /// Who made it, when and how.
    pub info: CommitInfo,
    /// The device's name and operator, if known.
    pub by: Option<DirectoryEntry>,
    /// Its effects with their scopes, in order. For the history of one record only those on it.
    pub effects: Vec<(Scope, Effect)>,
    /// What it did to each record, as far as this laptop sees. For the history of one record only that on it.
    pub images: Vec<Image>,
}

/// A commit with its encoded parts, verbatim.
pub type SignedParts = (u64, Vec<Vec<u8>>);

impl ReadTx<'_> {
    /// Commits that touched the record, newest first, before `before` (exclusive; `None` = from the newest).
    pub fn record_history(
        &self,
        c: CollectionId,
        id: RecordId,
        before: Option<u64>,
        limit: u64,
    ) -> std::result::Result<Vec<CommitLine>, StoreError> {
        let sql = "SELECT h.seq, h.parts, h.images FROM history_touch t JOIN history h ON h.seq = t.seq \
                   WHERE t.collection = ?1 AND t.record = ?2 AND t.seq < ?3 ORDER BY t.seq DESC LIMIT ?4";
        let before = before.map_or(i64::MAX, |n| n.min(i64::MAX as u64) as i64);
        let limit = limit.min(i64::MAX as u64) as i64;
        let mut lines = self.lines(sql, (c.0, id.0.as_bytes(), before, limit))?;
        for line in &mut lines {
            line.effects.retain(|(_, e)| e.record() == (c, id));
            line.images.retain(|i| (i.collection, i.record) == (c, id));
        }
        Ok(lines)
    }

    /// The newest commits that touched the record, newest first, without their images.
    pub fn record_recent(
        &self,
        c: CollectionId,
        id: RecordId,
        limit: u64,
    ) -> std::result::Result<Vec<CommitLine>, StoreError> {
        // An empty list in place of the images: they are as long as all the rest.
        let sql = "SELECT h.seq, h.parts, x'80' FROM history_touch t JOIN history h ON h.seq = t.seq \
                   WHERE t.collection = ?1 AND t.record = ?2 ORDER BY t.seq DESC LIMIT ?3";
        let mut lines = self.lines(sql, (c.0, id.0.as_bytes(), limit.min(i64::MAX as u64) as i64))?;
        lines.iter_mut().for_each(|line| line.effects.retain(|(_, e)| e.record() == (c, id)));
        Ok(lines)
    }

    /// The newest commits, newest first.
    pub fn recent(&self, offset: u64, limit: u64) -> std::result::Result<Vec<CommitLine>, StoreError> {
        let sql = "SELECT seq, parts, images FROM history ORDER BY seq DESC LIMIT ?1 OFFSET ?2";
        self.lines(sql, (limit.min(i64::MAX as u64) as i64, offset.min(i64::MAX as u64) as i64))
    }

    /// One commit.
    pub fn commit(&self, seq: u64) -> std::result::Result<Option<CommitLine>, StoreError> {
        Ok(self
            .lines("SELECT seq, parts, images FROM history WHERE seq = ?1", [seq.min(i64::MAX as u64) as i64])?
            .pop())
    }

    /// The newest commit at or before a time (unix milliseconds, central's clock) that this laptop keeps.
    pub fn seq_at(&self, at_ms: i64) -> std::result::Result<Option<u64>, StoreError> {
        let sql = "SELECT seq FROM history WHERE at_ms <= ?1 ORDER BY at_ms DESC, seq DESC LIMIT 1";
        let seq: Option<i64> = self.conn.prepare_cached(sql)?.query_row([at_ms], |r| r.get(0)).optional()?;
        Ok(seq.map(|n| n as u64))
    }

    /// The oldest commit this laptop keeps.
    pub fn oldest_seq(&self) -> std::result::Result<Option<u64>, StoreError> {
        let seq: Option<Option<i64>> =
            self.conn.prepare_cached("SELECT min(seq) FROM history")?.query_row([], |r| r.get(0)).optional()?;
        Ok(seq.flatten().map(|n| n as u64))
    }

    /// The signed parts of a commit, verbatim.
    pub fn commit_parts(&self, seq: u64) -> std::result::Result<Option<Vec<Vec<u8>>>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT parts FROM history WHERE seq = ?1")?;
        let bytes: Option<Vec<u8>> = stmt.query_row([seq as i64], |r| r.get(0)).optional()?;
        let parts = bytes.map(|b| decode::<Vec<ByteVec>>(&b, "history")).transpose()?;
        Ok(parts.map(|all| all.into_iter().map(Into::into).collect()))
    }

    /// The seq of every commit this laptop keeps, in order.
    pub fn kept_seqs(&self) -> std::result::Result<Vec<u64>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT seq FROM history ORDER BY seq")?;
        let seqs = stmt.query_map([], |r| r.get::<_, i64>(0))?;
        Ok(seqs.map(|seq| seq.map(|n| n as u64)).collect::<rusqlite::Result<_>>()?)
    }

    /// The signed parts of the last `limit` commits this laptop keeps from before `seq`, newest first.
    pub fn parts_before(&self, seq: u64, limit: u64) -> std::result::Result<Vec<SignedParts>, StoreError> {
        let sql = "SELECT seq, parts FROM history WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((seq.min(i64::MAX as u64) as i64, limit.min(i64::MAX as u64) as i64))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let parts: Vec<ByteVec> = decode(&row.get::<_, Vec<u8>>(1)?, "history")?;
            out.push((row.get::<_, i64>(0)? as u64, parts.into_iter().map(Into::into).collect()));
        }
        Ok(out)
    }

    fn lines(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<CommitLine>> {
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query(params)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let bytes: Vec<u8> = sql.get(1)?;
            let images: Vec<u8> = sql.get(2)?;
            out.extend(self.line(sql.get::<_, i64>(0)? as u64, &bytes, &images)?);
        }
        Ok(out)
    }

    fn line(&self, seq: u64, bytes: &[u8], images: &[u8]) -> Result<Option<CommitLine>> {
        let mut info = None;
        let mut effects = Vec::new();
        for part in decode::<Vec<ByteVec>>(bytes, "history")? {
            let part: Part = decode(&part, "history")?;
            effects.extend(part.effects.into_iter().map(|e| (part.scope, e)));
            info = Some(part.info);
        }
        let Some(info) = info else { return Ok(None) };
        let by = self.device(info.device)?;
        let images = decode(images, "images")?;
        Ok(Some(CommitLine { seq, info, by, effects, images }))
    }
}
