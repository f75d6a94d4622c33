//! What undo, rollback and views of earlier times are made from: images of commits, and own changes in their order.

use super::ReadTx;
use crate::codec::decode;
use crate::error::{Result, StoreError, corrupt};
use crate::tx::{self, OUTBOX_COLUMNS, entry_from};
use minicbor::bytes::ByteVec;
use omni_model::{CollectionId, RecordId, Row};
use omni_protocol::{Change, ChangeId, CommitInfo, DeviceId, GroupId, Outcome, Part};
use omni_sync::history::PastCommit;
use omni_sync::meta::Image;
use omni_sync::replica::OutboxEntry;

/// An own change in the order of saving, whether it waits or is confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLine {
    /// Local order of saving.
    pub local_no: u64,
    /// The change.
    pub change: Change,
    /// Its entry in the queue; `None` = confirmed.
    pub queued: Option<OutboxEntry>,
    /// Its commit, if it is confirmed and made one.
    pub seq: Option<u64>,
    /// Central's answer to a confirmed one.
    pub outcome: Option<Outcome>,
}

fn bound(seq: u64) -> i64 {
    seq.min(i64::MAX as u64) as i64
}

impl ReadTx<'_> {
    /// Of commits after this one, up to the cursor, this laptop holds everything it may see; of those before, what
    /// happens to be here.
    pub fn history_since(&self) -> std::result::Result<u64, StoreError> {
        tx::history_since(self.conn)
    }

    /// The record as confirmed by central, without pending edits.
    pub fn confirmed_row(&self, c: CollectionId, id: RecordId) -> std::result::Result<Option<Row>, StoreError> {
        match self.confirmed(c, id)? {
            Some(layer) => Ok(layer),
            None => Ok(self.row(c, id)?.map(|stored| stored.row)),
        }
    }

    /// What commits after `seq` did to the record, newest first, with who made them.
    pub fn images_after(
        &self,
        c: CollectionId,
        id: RecordId,
        seq: u64,
    ) -> std::result::Result<Vec<(u64, CommitInfo, Image)>, StoreError> {
        let sql = "SELECT h.seq, h.parts, h.images FROM history_touch t JOIN history h ON h.seq = t.seq \
                   WHERE t.collection = ?1 AND t.record = ?2 AND t.seq > ?3 ORDER BY t.seq DESC";
        let commits = self.past(sql, (c.0, id.0.as_bytes(), bound(seq)))?;
        let of_record = |p: PastCommit| {
            let image = p.images.into_iter().find(|i| (i.collection, i.record) == (c, id));
            image.map(|i| (p.seq, p.info, i))
        };
        Ok(commits.into_iter().filter_map(of_record).collect())
    }

    /// The commit a change made, if this laptop holds it with its images.
    pub fn commit_of(&self, change: ChangeId) -> std::result::Result<Option<PastCommit>, StoreError> {
        let sql = "SELECT seq, parts, images FROM history WHERE change_id = ?1 ORDER BY seq LIMIT 1";
        Ok(self.past(sql, [change.as_bytes().as_slice()])?.pop())
    }

    /// What one device committed in a span of commit time (unix milliseconds, both ends included), newest first, as far
    /// as this laptop holds it; at most `limit` commits of anybody are looked at.
    pub fn commits_of_device(
        &self,
        device: DeviceId,
        (from_ms, to_ms): (i64, i64),
        limit: usize,
    ) -> std::result::Result<Vec<PastCommit>, StoreError> {
        let sql = "SELECT seq, parts, images FROM history WHERE at_ms BETWEEN ?1 AND ?2 ORDER BY at_ms DESC, seq DESC \
                   LIMIT ?3";
        let mut commits = self.past(sql, (from_ms, to_ms, bound(limit as u64)))?;
        commits.retain(|c| c.info.device == device);
        Ok(commits)
    }

    /// The commits of a group's changes, oldest first, as far as this laptop holds them.
    pub fn commits_of_group(&self, group: GroupId) -> std::result::Result<Vec<PastCommit>, StoreError> {
        // Every part names its group, so commits that do not hold its bytes need no decoding.
        let sql = "SELECT seq, parts, images FROM history WHERE instr(parts, ?1) > 0 ORDER BY seq";
        let mut commits = self.past(sql, [group.as_bytes().as_slice()])?;
        commits.retain(|c| c.info.group == Some(group));
        Ok(commits)
    }

    /// Commit time of the newest commit kept here, unix milliseconds by central's clock.
    pub fn newest_commit_ms(&self) -> std::result::Result<Option<i64>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT max(at_ms) FROM history")?;
        Ok(stmt.query_row([], |sql| sql.get(0))?)
    }

    /// The devices with this id or name.
    pub fn devices_named(&self, text: &str) -> std::result::Result<Vec<DeviceId>, StoreError> {
        let id = uuid::Uuid::parse_str(text).map(|id| id.into_bytes().to_vec()).ok();
        let mut stmt = self.conn.prepare_cached("SELECT device FROM directory WHERE device = ?1 OR name = ?2")?;
        let mut rows = stmt.query((id, text))?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let bytes: Vec<u8> = sql.get(0)?;
            out.push(DeviceId::from_slice(&bytes).ok_or_else(|| corrupt("device id"))?);
        }
        Ok(out)
    }

    fn past(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<PastCommit>> {
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query(params)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let (parts, images): (Vec<u8>, Vec<u8>) = (sql.get(1)?, sql.get(2)?);
            // Provenance is the same in every part of a commit.
            let parts = decode::<Vec<ByteVec>>(&parts, "history")?;
            let Some(first) = parts.first() else { continue };
            let part: Part = decode(first, "history")?;
            let seq = sql.get::<_, i64>(0)? as u64;
            out.push(PastCommit { seq, info: part.info, images: decode(&images, "images")? });
        }
        Ok(out)
    }

    /// Own changes that were confirmed since this version of the app or wait, the newest first, beginning before `before` (a local number); at most `limit`.
    pub fn own_changes(&self, before: Option<u64>, limit: usize) -> std::result::Result<Vec<OwnLine>, StoreError> {
        let (before, limit) = (before.map_or(i64::MAX, bound), bound(limit as u64));
        let sql = format!("SELECT {OUTBOX_COLUMNS} FROM outbox WHERE local_no < ?1 ORDER BY local_no DESC LIMIT ?2");
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query((before, limit))?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let entry = entry_from(sql)?;
            let (local_no, change) = (entry.local_no, entry.change.clone());
            out.push(OwnLine { local_no, change, queued: Some(entry), seq: None, outcome: None });
        }
        let sql = "SELECT local_no, sealed, seq, outcome FROM own_change WHERE local_no < ?1 \
                   ORDER BY local_no DESC LIMIT ?2";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((before, limit))?;
        while let Some(sql) = rows.next()? {
            let (sealed, outcome): (Vec<u8>, Option<Vec<u8>>) = (sql.get(1)?, sql.get(3)?);
            out.push(OwnLine {
                local_no: sql.get::<_, i64>(0)? as u64,
                change: Change::from_bytes(&sealed).map_err(|_| corrupt("own change"))?,
                queued: None,
                seq: sql.get::<_, Option<i64>>(2)?.map(|n| n as u64),
                outcome: outcome.map(|b| decode(&b, "outcome")).transpose()?,
            });
        }
        out.sort_by_key(|line| std::cmp::Reverse(line.local_no));
        out.truncate(limit as usize);
        Ok(out)
    }
}
