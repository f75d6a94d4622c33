//! Signed originals kept for a central that may lose its log, and own changes it may have lost with it.

use super::WriteTx;
use crate::error::StoreError;
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{Change, ChangeId, OriginalGroup, Position};
use omni_sync::replica::{OutboxEntry, OutboxState, ReplicaTx, overlay, renew};

/// Name of the fact that says how far originals are kept: epoch and seq.
const KEPT_TO: &str = "originals";

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

    /// Central begins a new epoch whose history is this copy's up to `fork`. Own changes it had accepted after that are
    /// queued again, under a new identity and with their ids, unless their originals are kept and were offered: central
    /// answers those it knows with their stored outcome. Returns how many.
    pub fn reopen(&mut self, fork: u64, fresh: omni_protocol::ReplicaId) -> Result<usize, StoreError> {
        let (epoch, kept_to) = self.originals_to()?;
        let covered = if epoch == self.meta()?.position.epoch { kept_to } else { 0 };
        let acked: Vec<OutboxEntry> = self.outbox_acked(u64::MAX)?.into_iter().filter(|e| is_after(e, fork)).collect();
        let mut lost = Vec::new();
        {
            let sql = "SELECT change_id, sealed FROM own_change WHERE seq > ?1 ORDER BY seq";
            let mut stmt = self.conn.prepare_cached(sql)?;
            let mut rows = stmt.query([fork.max(covered).min(i64::MAX as u64) as i64])?;
            while let Some(row) = rows.next()? {
                lost.push((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
            }
        }
        if acked.is_empty() && lost.is_empty() {
            return Ok(0);
        }
        renew(self, fresh)?;
        let count = acked.len() + lost.len();
        for entry in acked {
            self.outbox_update(&waiting(entry))?;
        }
        for (id, sealed) in lost {
            let Ok(change) = Change::from_bytes(&sealed) else { continue };
            let known = ChangeId::from_slice(&id).map(|id| self.outbox_get(id)).transpose()?.flatten();
            if known.is_some() {
                continue;
            }
            for (c, id) in change.ops.iter().map(|op| op.record()) {
                if self.confirmed(c, id)?.is_none() {
                    let row = self.row(c, id)?;
                    self.put_confirmed(c, id, row.as_ref())?;
                }
            }
            // Sent before: its operator can no longer edit it.
            self.outbox_insert(&OutboxEntry { attempts: 1, ..OutboxEntry::waiting(change.clone()) })?;
            for (c, id) in change.ops.iter().map(|op| op.record()) {
                overlay::rebuild(self, c, id, None)?;
            }
        }
        Ok(count)
    }
}

fn is_after(entry: &OutboxEntry, fork: u64) -> bool {
    matches!(entry.state, OutboxState::Acked { seq } if seq > fork)
}

fn waiting(entry: OutboxEntry) -> OutboxEntry {
    OutboxEntry { state: OutboxState::Unsealed, counter: None, sealed: None, prev_chain: None, outcome: None, ..entry }
}
