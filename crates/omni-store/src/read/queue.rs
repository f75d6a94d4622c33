//! The queue as the inspector shows it.

use super::ReadTx;
use crate::error::{Result, StoreError};
use crate::tx::{OUTBOX_COLUMNS, entry_from};
use omni_protocol::ChangeId;
use omni_sync::replica::{OutboxEntry, OutboxState};
use rusqlite::OptionalExtension as _;

/// Where an own change stands, in words of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// Saved here, not sent.
    Pending,
    /// Sealed, not answered.
    Sending,
    /// Answered, not yet in the copy.
    Acknowledged,
    /// Refused.
    Rejected,
    /// Waits for another change that was not applied.
    Held,
    /// No longer fits the confirmed state; central will say.
    Blocked,
    /// Taken out; may be restored.
    Discarded,
}

impl QueueState {
    /// All of them.
    pub const ALL: [QueueState; 7] = [
        QueueState::Pending,
        QueueState::Sending,
        QueueState::Acknowledged,
        QueueState::Rejected,
        QueueState::Held,
        QueueState::Blocked,
        QueueState::Discarded,
    ];

    /// The word on the command line and in the UI.
    pub fn name(self) -> &'static str {
        match self {
            QueueState::Pending => "pending",
            QueueState::Sending => "sending",
            QueueState::Acknowledged => "acknowledged",
            QueueState::Rejected => "rejected",
            QueueState::Held => "held",
            QueueState::Blocked => "blocked",
            QueueState::Discarded => "discarded",
        }
    }

    /// From the word. Errors: `invalid`.
    pub fn parse(word: &str) -> std::result::Result<QueueState, StoreError> {
        QueueState::ALL
            .into_iter()
            .find(|s| s.name() == word)
            .ok_or_else(|| StoreError::invalid(format!("There is no queue state “{word}”.")))
    }

    /// Of an entry.
    pub fn of(entry: &OutboxEntry) -> QueueState {
        match (&entry.state, entry.blocked) {
            (OutboxState::Rejected, _) => QueueState::Rejected,
            (OutboxState::Held, _) => QueueState::Held,
            (OutboxState::Discarded, _) => QueueState::Discarded,
            (_, true) => QueueState::Blocked,
            (OutboxState::Unsealed, _) => QueueState::Pending,
            (OutboxState::Sealed, _) => QueueState::Sending,
            (OutboxState::Acked { .. }, _) => QueueState::Acknowledged,
        }
    }

    /// The entries in this state, as a condition on columns of one index.
    fn sql(self) -> &'static str {
        match self {
            QueueState::Pending => "state = 0 AND NOT blocked",
            QueueState::Sending => "state = 1 AND NOT blocked",
            QueueState::Acknowledged => "state = 2 AND NOT blocked",
            QueueState::Rejected => "state = 3",
            QueueState::Held => "state = 4",
            QueueState::Blocked => "state IN (0, 1, 2) AND blocked",
            QueueState::Discarded => "state = 5",
        }
    }
}

/// Entries by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Saved here, not sent.
    pub pending: u64,
    /// Sealed, not answered.
    pub sending: u64,
    /// Answered, not yet in the copy.
    pub acknowledged: u64,
    /// Refused.
    pub rejected: u64,
    /// Waiting for another.
    pub held: u64,
    /// No longer fitting.
    pub blocked: u64,
    /// Taken out.
    pub discarded: u64,
}

/// One line of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLine {
    /// Where it stands.
    pub state: QueueState,
    /// The change and its history.
    pub entry: OutboxEntry,
    /// Title of the first record it touches, if that is here.
    pub title: Option<String>,
}

impl ReadTx<'_> {
    /// Entries by state.
    pub fn queue_counts(&self) -> std::result::Result<QueueCounts, StoreError> {
        let sql = "SELECT state, count(*), sum(blocked) FROM outbox GROUP BY state";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query([])?;
        let mut out = QueueCounts::default();
        while let Some(sql) = rows.next()? {
            let (state, all, blocked): (u8, i64, i64) = (sql.get(0)?, sql.get(1)?, sql.get(2)?);
            let (slot, may_block) = match state {
                0 => (&mut out.pending, true),
                1 => (&mut out.sending, true),
                2 => (&mut out.acknowledged, true),
                3 => (&mut out.rejected, false),
                4 => (&mut out.held, false),
                _ => (&mut out.discarded, false),
            };
            let blocked = if may_block { blocked } else { 0 };
            *slot += (all - blocked) as u64;
            out.blocked += blocked as u64;
        }
        Ok(out)
    }

    /// A window of the queue, oldest first, and how many there are. Without a state: all but the discarded.
    pub fn queue(
        &self,
        state: Option<QueueState>,
        offset: u64,
        limit: u64,
    ) -> std::result::Result<(u64, Vec<QueueLine>), StoreError> {
        let condition = state.map_or("state <> 5", QueueState::sql);
        let sql = format!("SELECT count(*) FROM outbox WHERE {condition}");
        let total: i64 = self.conn.prepare_cached(&sql)?.query_row([], |r| r.get(0))?;
        let sql = format!("SELECT {OUTBOX_COLUMNS} FROM outbox WHERE {condition} ORDER BY local_no LIMIT ?1 OFFSET ?2");
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let limits = (limit.min(i64::MAX as u64) as i64, offset.min(i64::MAX as u64) as i64);
        let mut rows = stmt.query(limits)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(self.queue_line(entry_from(sql)?)?);
        }
        Ok((total as u64, out))
    }

    fn queue_line(&self, entry: OutboxEntry) -> Result<QueueLine> {
        let title = match entry.change.ops.first().map(|op| op.record()) {
            Some((c, id)) => self.title(c, id)?,
            None => None,
        };
        Ok(QueueLine { state: QueueState::of(&entry), entry, title })
    }

    /// One change of the queue.
    pub fn queued(&self, change: ChangeId) -> std::result::Result<Option<OutboxEntry>, StoreError> {
        let sql = format!("SELECT {OUTBOX_COLUMNS} FROM outbox WHERE change_id = ?1");
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query([change.as_bytes().as_slice()])?;
        rows.next()?.map(entry_from).transpose()
    }

    /// When the oldest change that was not sent was saved: this laptop's clock, unix milliseconds.
    pub fn oldest_unsent_ms(&self) -> std::result::Result<Option<i64>, StoreError> {
        let sql = format!(
            "SELECT {OUTBOX_COLUMNS} FROM outbox WHERE local_no = (SELECT min(local_no) FROM outbox WHERE state = 0)"
        );
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let found = stmt.query_row([], |sql| Ok(entry_from(sql).map(|e| e.change.time.wall_ms))).optional()?;
        found.transpose()
    }
}
