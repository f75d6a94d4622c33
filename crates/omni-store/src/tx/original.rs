//! Signed originals kept for a central that may lose its log, and own changes it may have lost with it.

use super::WriteTx;
use crate::error::StoreError;
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{Change, OriginalGroup, Position, ReplicaId};
use omni_sync::replica::{CentralHistory, Kept, ReplicaTx, reopen};

/// Name of the fact that says how far originals are kept: epoch and seq.
const KEPT_TO: &str = "originals";
/// Name of the fact that says up to which epoch of central own changes were compared with its history.
const FOLLOWED: &str = "epoch";

impl WriteTx<'_> {
    /// Keeps a page of originals, and that they are complete to its position.
    pub fn put_originals(&mut self, groups: &[OriginalGroup], to: Position) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO original (name, epoch, seq, at_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)";
        for group in groups {
            let Some(last) = group.commits.last() else { continue };
            let body = to_bytes(group);
            let name = *blake3::hash(&body).as_bytes();
            self.conn.prepare_cached(sql)?.execute((name, last.epoch, last.seq as i64, last.at_ms, body))?;
        }
        self.set_fact(KEPT_TO, Some(&to_bytes(&(to.epoch, to.seq))))
    }

    /// How far originals are kept, in which epoch.
    pub fn originals_to(&self) -> Result<(u32, u64), StoreError> {
        Ok(self.fact(KEPT_TO)?.and_then(|b| from_bytes(&b).ok()).unwrap_or_default())
    }

    /// Central tells its history. Own changes it had accepted after the part it shares with what it told this copy before
    /// are queued again, under a new identity and with their ids: also those whose originals were offered, so that what
    /// could not come back as it was is told here. Returns how many.
    pub fn follow_history(&mut self, history: &CentralHistory, fresh: ReplicaId) -> Result<usize, StoreError> {
        let told = self.fact(FOLLOWED)?.and_then(|b| from_bytes(&b).ok());
        let followed: u32 = told.unwrap_or(self.meta()?.position.epoch);
        if told != Some(history.epoch) {
            self.set_fact(FOLLOWED, Some(&to_bytes(&history.epoch)))?;
        }
        let fork = history.common_seq(followed);
        let kept = self.take_own(fork)?;
        Ok(reopen(self, history, fork, kept, fresh)?)
    }

    /// Own confirmed changes after `fork`. They are kept no longer.
    fn take_own(&mut self, fork: u64) -> Result<Vec<Kept>, StoreError> {
        let after = [fork.min(i64::MAX as u64) as i64];
        let mut kept = Vec::new();
        {
            let sql = "SELECT local_no, sealed, counter FROM own_change WHERE seq > ?1 ORDER BY local_no, seq";
            let mut stmt = self.conn.prepare_cached(sql)?;
            let mut rows = stmt.query(after)?;
            while let Some(row) = rows.next()? {
                let local_no = row.get::<_, Option<i64>>(0)?.unwrap_or(0) as u64;
                let counter = row.get::<_, Option<i64>>(2)?.map(|n| n as u64);
                let change = Change::from_bytes(&row.get::<_, Vec<u8>>(1)?);
                kept.extend(change.map(|change| Kept { local_no, counter, change }));
            }
        }
        self.conn.prepare_cached("DELETE FROM own_change WHERE seq > ?1")?.execute(after)?;
        Ok(kept)
    }
}
