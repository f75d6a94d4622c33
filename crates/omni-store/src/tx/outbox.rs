//! The outbox: own changes not yet confirmed, what they touch, and those confirmed in the last days.

use super::WriteTx;
use crate::codec;
use crate::error::{Result, corrupt};
use omni_model::{CollectionId, FieldId, Op, RecordId};
use omni_protocol::frame::to_bytes;
use omni_protocol::{Change, ChangeId, Hash, Outcome};
use omni_sync::replica::seal::mentioned;
use omni_sync::replica::texts::keeps_texts;
use omni_sync::replica::{OutboxEntry, OutboxState};
use rusqlite::Params;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Columns of an entry, in the order `entry_from` reads them.
pub const COLUMNS: &str =
    "outbox.local_no, state, counter, acked_seq, body, sealed, prev_chain, skip, outcome, attempts, blocked";

/// The state as stored: part of indexes, never renumbered.
fn state_number(state: &OutboxState) -> u8 {
    match state {
        OutboxState::Unsealed => 0,
        OutboxState::Sealed => 1,
        OutboxState::Acked { .. } => 2,
        OutboxState::Rejected => 3,
        OutboxState::Held => 4,
        OutboxState::Discarded => 5,
    }
}

fn state_from(number: u8, acked: Option<i64>) -> Result<OutboxState> {
    Ok(match number {
        0 => OutboxState::Unsealed,
        1 => OutboxState::Sealed,
        2 => OutboxState::Acked { seq: acked.ok_or_else(|| corrupt("answered change"))? as u64 },
        3 => OutboxState::Rejected,
        4 => OutboxState::Held,
        5 => OutboxState::Discarded,
        _ => return Err(corrupt("state of a change")),
    })
}

/// An entry of a select of `COLUMNS`.
pub fn entry_from(sql: &rusqlite::Row<'_>) -> Result<OutboxEntry> {
    let body: Option<Vec<u8>> = sql.get(4)?;
    let sealed: Option<Vec<u8>> = sql.get(5)?;
    let bytes = body.as_ref().or(sealed.as_ref()).ok_or_else(|| corrupt("queued change"))?;
    let change = Change::from_bytes(bytes).map_err(|_| corrupt("queued change"))?;
    let prev: Option<Vec<u8>> = sql.get(6)?;
    let outcome: Option<Vec<u8>> = sql.get(8)?;
    Ok(OutboxEntry {
        local_no: sql.get::<_, i64>(0)? as u64,
        change,
        state: state_from(sql.get(1)?, sql.get(3)?)?,
        counter: sql.get::<_, Option<i64>>(2)?.map(|n| n as u64),
        sealed,
        prev_chain: prev.map(|b| Hash::from_slice(&b).ok_or_else(|| corrupt("chain hash"))).transpose()?,
        skip: sql.get(7)?,
        outcome: outcome.map(|b| codec::decode::<Outcome>(&b, "outcome")).transpose()?,
        attempts: sql.get::<_, i64>(9)? as u64,
        blocked: sql.get(10)?,
    })
}

/// A confirmed own change, kept with its signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEntry {
    /// The change as signed.
    pub sealed: Vec<u8>,
    /// Its commit, if it made one.
    pub seq: Option<u64>,
    /// Its counter.
    pub counter: Option<u64>,
    /// Central's answer.
    pub outcome: Option<Outcome>,
}

/// The change's bytes where the sealed ones do not hold it already.
fn body_column(entry: &OutboxEntry) -> Option<Vec<u8>> {
    match &entry.sealed {
        Some(_) if !keeps_texts(&entry.change) => None,
        _ => Some(entry.change.to_bytes()),
    }
}

/// The fields of a change by record; an empty list = the record as a whole (created or deleted).
fn fields_by_record(change: &Change) -> BTreeMap<(CollectionId, RecordId), Vec<FieldId>> {
    let mut out: BTreeMap<_, Vec<FieldId>> = BTreeMap::new();
    for op in &change.ops {
        let fields = out.entry(op.record()).or_default();
        fields.extend(op.fields().into_iter().filter(|f| !fields.contains(f)).collect::<Vec<_>>());
        if matches!(op, Op::Delete { .. } | Op::Insert { .. }) && !fields.contains(&FieldId::RECORD) {
            fields.push(FieldId::RECORD);
        }
    }
    out
}

impl WriteTx<'_> {
    fn entries(&self, sql: &str, params: impl Params) -> Result<Vec<OutboxEntry>> {
        let mut stmt = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox {sql}"))?;
        let mut rows = stmt.query(params)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(entry_from(sql)?);
        }
        Ok(out)
    }

    fn entry(&self, sql: &str, params: impl Params) -> Result<Option<OutboxEntry>> {
        Ok(self.entries(sql, params)?.pop())
    }

    pub(super) fn add_entry(&mut self, entry: &OutboxEntry) -> Result<u64> {
        let sql = "INSERT INTO outbox (change_id, state, priority, counter, acked_seq, body, sealed, prev_chain, skip, \
                   outcome, attempts, blocked, local_no) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let mut stmt = self.conn.prepare_cached(sql)?;
        bind_entry(&mut stmt, entry)?;
        stmt.raw_bind_parameter(13, (entry.local_no > 0).then_some(entry.local_no as i64))?;
        stmt.raw_execute()?;
        let local_no = self.conn.last_insert_rowid();
        self.add_touches(local_no, &entry.change)?;
        self.notes.queue = true;
        Ok(local_no as u64)
    }

    fn add_touches(&self, local_no: i64, change: &Change) -> Result<()> {
        let fields = fields_by_record(change);
        let sql = "INSERT INTO outbox_touch (collection, record, local_no, direct, fields) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut stmt = self.conn.prepare_cached(sql)?;
        for (c, id) in mentioned(&change.ops) {
            let own = fields.get(&(c, id));
            stmt.execute((c.0, id.0.as_bytes(), local_no, own.is_some(), to_bytes(&own.cloned().unwrap_or_default())))?;
        }
        Ok(())
    }

    pub(super) fn change_entry(&mut self, entry: &OutboxEntry) -> Result<()> {
        let sql = "UPDATE outbox SET state = ?2, priority = ?3, counter = ?4, acked_seq = ?5, body = ?6, sealed = ?7, \
                   prev_chain = ?8, skip = ?9, outcome = ?10, attempts = ?11, blocked = ?12 WHERE change_id = ?1";
        let mut stmt = self.conn.prepare_cached(sql)?;
        bind_entry(&mut stmt, entry)?;
        if stmt.raw_execute()? != 1 {
            return Err(corrupt("queue: a change to be updated is not in it"));
        }
        for (c, id) in fields_by_record(&entry.change).into_keys() {
            self.notes.touch(c, id);
        }
        self.notes.queue = true;
        Ok(())
    }

    pub(super) fn take_entry(&mut self, id: ChangeId) -> Result<()> {
        let Some(entry) = self.entry_of(id)? else { return Ok(()) };
        if let Some(sealed) = &entry.sealed {
            self.keep_own(&entry, sealed)?;
        }
        let local_no = entry.local_no as i64;
        self.conn.prepare_cached("DELETE FROM outbox_touch WHERE local_no = ?1")?.execute([local_no])?;
        self.conn.prepare_cached("DELETE FROM outbox WHERE local_no = ?1")?.execute([local_no])?;
        for (c, id) in fields_by_record(&entry.change).into_keys() {
            self.notes.touch(c, id);
        }
        self.notes.queue = true;
        Ok(())
    }

    fn keep_own(&self, entry: &OutboxEntry, sealed: &[u8]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO own_change (change_id, seq, counter, sealed, outcome, kept_ms, \
                   local_no) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let seq = entry.outcome.as_ref().and_then(|o| o.seq).map(|n| n as i64);
        let counter = entry.counter.map(|n| n as i64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let outcome = entry.outcome.as_ref().map(to_bytes);
        let local_no = entry.local_no as i64;
        self.conn.prepare_cached(sql)?.execute((
            entry.change.id.as_bytes(),
            seq,
            counter,
            sealed,
            outcome,
            now,
            local_no,
        ))?;
        Ok(())
    }

    pub(super) fn entry_of(&self, id: ChangeId) -> Result<Option<OutboxEntry>> {
        self.entry("WHERE change_id = ?1", [id.as_bytes().as_slice()])
    }

    pub(super) fn entries_touching(&self, c: CollectionId, id: RecordId) -> Result<Vec<OutboxEntry>> {
        // A join, not `IN`: that would build a temporary index each time.
        let sql = "JOIN outbox_touch t ON t.local_no = outbox.local_no WHERE t.collection = ?1 AND t.record = ?2 \
                   ORDER BY t.local_no";
        self.entries(sql, (c.0, id.0.as_bytes()))
    }

    pub(super) fn unsealed(&self, limit: usize) -> Result<Vec<OutboxEntry>> {
        self.entries("WHERE state = 0 ORDER BY priority, local_no LIMIT ?1", [as_limit(limit)])
    }

    pub(super) fn sealed(&self, from: u64, limit: usize) -> Result<Vec<OutboxEntry>> {
        let sql = "WHERE state = 1 AND counter >= ?1 ORDER BY counter LIMIT ?2";
        self.entries(sql, (from.min(i64::MAX as u64) as i64, as_limit(limit)))
    }

    pub(super) fn sealed_at(&self, counter: u64) -> Result<Option<OutboxEntry>> {
        self.entry("WHERE state = 1 AND counter = ?1", [counter as i64])
    }

    pub(super) fn acked(&self, seq: u64) -> Result<Vec<OutboxEntry>> {
        let sql = "WHERE state = 2 AND acked_seq <= ?1 ORDER BY acked_seq, local_no";
        self.entries(sql, [seq.min(i64::MAX as u64) as i64])
    }
}

fn as_limit(limit: usize) -> i64 {
    limit.min(i64::MAX as usize) as i64
}

fn bind_entry(stmt: &mut rusqlite::Statement<'_>, e: &OutboxEntry) -> Result<()> {
    let acked = match e.state {
        OutboxState::Acked { seq } => Some(seq as i64),
        _ => None,
    };
    stmt.raw_bind_parameter(1, e.change.id.as_bytes().as_slice())?;
    stmt.raw_bind_parameter(2, state_number(&e.state))?;
    stmt.raw_bind_parameter(3, e.change.priority)?;
    stmt.raw_bind_parameter(4, e.counter.map(|n| n as i64))?;
    stmt.raw_bind_parameter(5, acked)?;
    stmt.raw_bind_parameter(6, body_column(e))?;
    stmt.raw_bind_parameter(7, e.sealed.as_deref())?;
    stmt.raw_bind_parameter(8, e.prev_chain.map(|h| h.0.to_vec()))?;
    stmt.raw_bind_parameter(9, e.skip.as_deref())?;
    stmt.raw_bind_parameter(10, e.outcome.as_ref().map(to_bytes))?;
    stmt.raw_bind_parameter(11, e.attempts as i64)?;
    stmt.raw_bind_parameter(12, e.blocked)?;
    Ok(())
}
