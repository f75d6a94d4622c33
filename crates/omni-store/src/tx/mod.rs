//! One write transaction: what the core needs from the store (`ReplicaTx`), and what the agent stores beside it.

mod adopt;
mod facts;
mod layers;
mod original;
mod outbox;
mod replica;
mod rows;

use crate::codec::Kept;
use crate::error::{Result, StoreError};
use crate::notice::Committed;
use omni_model::{CollectionId, RecordId};
use omni_protocol::{Batch, Scope};
use omni_sync::digest::Digest;
use omni_sync::replica::ReplicaMeta;
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Records kept decoded between transactions.
const ROWS_KEPT: usize = 2_048;

pub use adopt::move_deferred;
pub use facts::{AUTO, OPEN, PERSON, history_since, item_from, load_device, load_digests, load_meta, load_own};
pub use outbox::{COLUMNS as OUTBOX_COLUMNS, KeptEntry, entry_from};
pub use rows::{NewRecord, bind_record, load};

/// What the writer remembers between transactions: nobody else writes, so it stays true until a rollback.
#[derive(Debug, Default)]
pub struct Caches {
    rows: HashMap<(CollectionId, RecordId), Option<Kept>>,
    meta: Option<ReplicaMeta>,
    digests: Option<BTreeMap<Scope, Digest>>,
}

/// One write transaction on the replica. Reads see its own writes.
pub struct WriteTx<'c> {
    pub(crate) conn: &'c Connection,
    caches: RefCell<&'c mut Caches>,
    counts: BTreeMap<(CollectionId, RecordId), i64>,
    dirty_meta: bool,
    dirty_digests: BTreeSet<Scope>,
    pub(crate) notes: Committed,
}

impl std::fmt::Debug for WriteTx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteTx").field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl<'c> WriteTx<'c> {
    /// Wraps an open transaction.
    pub(crate) fn new(conn: &'c Connection, caches: &'c mut Caches) -> WriteTx<'c> {
        WriteTx {
            conn,
            caches: RefCell::new(caches),
            counts: BTreeMap::new(),
            dirty_meta: false,
            dirty_digests: BTreeSet::new(),
            notes: Committed::default(),
        }
    }

    /// Writes what was only noted: counters, digests, the cursor.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.flush_counts()?;
        self.flush_meta()?;
        self.flush_digests()
    }

    /// Writes what was only noted and gives out what changed.
    pub(crate) fn finish(mut self) -> Result<Committed> {
        self.flush()?;
        Ok(self.notes)
    }

    /// Says with the commit that this batch is sealed by it and waits alone.
    pub fn sealed_alone(&mut self, batch: Option<Batch>) {
        self.notes.sealed = batch.map(Box::new);
    }

    /// The read API over this transaction's own state.
    pub fn read(&mut self) -> Result<crate::read::ReadTx<'_>> {
        self.flush()?;
        Ok(crate::read::ReadTx::new(self.conn, None))
    }

    fn flush_counts(&mut self) -> Result<()> {
        for ((c, owner), delta) in std::mem::take(&mut self.counts) {
            if delta == 0 {
                continue;
            }
            let sql = "INSERT INTO row_count (collection, owner, rows) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (collection, owner) DO UPDATE SET rows = rows + ?3";
            self.conn.prepare_cached(sql)?.execute((c.0, owner.as_bytes(), delta))?;
        }
        Ok(())
    }

    /// What is read from here on comes from the file, not from memory: to find and mend what changed there by itself.
    /// Call it before the first write.
    pub fn read_anew(&mut self) {
        let caches = self.caches.get_mut();
        caches.rows.clear();
        caches.digests = None;
    }

    fn invalid(message: &str) -> StoreError {
        StoreError::invalid(message)
    }
}
