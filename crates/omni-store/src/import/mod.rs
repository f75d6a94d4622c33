//! Taking a new copy from central: staged beside the live file, then swapped in under the pending edits.
//!
//! The staged file is filled without syncing or undoing, as it is thrown away after a crash; nobody is held up
//! meanwhile. What the laptop itself owns (queue, own changes, history, settings) is carried over at the end, and once
//! more, only what changed since, while the writer is held for the swap.

mod carry;
mod rows;
mod swap;
mod tally;

use crate::connect::{Purpose, Target, private_file, with_suffix};
use crate::error::{Result, StoreError, bad_snapshot};
use crate::layout::table;
use crate::store::Store;
use crate::tx::{Caches, WriteTx};
use crate::writer::{Lane, panic_text};
use carry::Carry;
use omni_model::FieldId;
use omni_protocol::frame::to_bytes;
use omni_protocol::{Grants, Manifest, Position, SnapshotChunk};
use omni_sync::digest::Digest;
use omni_sync::replica::ReplicaTx;
use rows::{Loader, Range, Unknown, is_open};
use rusqlite::Connection;
use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use swap::{Attempt, Swap};
use tally::Tally;

/// What is appended to the live file's name.
const STAGING: &str = ".staging";
/// How long the swap waits for reads that go on and on.
const READS_WAIT: Duration = Duration::from_secs(60);

/// A copy being staged. Dropping it unfinished removes it.
pub struct Import {
    store: Store,
    path: PathBuf,
    conn: Option<Connection>,
    loader: Option<Loader>,
    held: Option<Range>,
    tally: Option<Tally>,
    failed: bool,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("path", &self.path).field("rows", &self.rows()).finish_non_exhaustive()
    }
}

impl Store {
    /// Starts a staged copy beside the live file: same key, private. One at a time: a second one is `busy`.
    pub fn begin_import(&self) -> std::result::Result<Import, StoreError> {
        if self.shared.importing.swap(true, Ordering::AcqRel) {
            return Err(StoreError::Busy("a copy from central is being taken over already".into()));
        }
        let path = with_suffix(self.path(), STAGING);
        // From here on dropping it undoes everything.
        let mut import =
            Import { store: self.clone(), path, conn: None, loader: None, held: None, tally: None, failed: false };
        if self.shared.board.is_closed() {
            return Err(StoreError::Closed);
        }
        clear_leftovers(self.path())?;
        import.open()?;
        Ok(import)
    }
}

impl Import {
    /// Adds one verified chunk, in the manifest's order. After an error the import cannot be finished.
    pub fn add(&mut self, chunk: &SnapshotChunk) -> std::result::Result<(), StoreError> {
        self.add_owned(chunk.clone())
    }

    /// The same without a copy of the chunk, for whoever does not need it any more.
    pub fn add_owned(&mut self, chunk: SnapshotChunk) -> std::result::Result<(), StoreError> {
        let added = self.take(Arc::new(chunk));
        self.failed |= added.is_err();
        added
    }

    /// Rows added so far, counted as the manifest's chunks count them.
    pub fn rows(&self) -> u64 {
        self.tally.as_ref().map_or(0, Tally::rows)
    }

    /// Completes the copy, checks it against the manifest, carries over what is the laptop's own and swaps it in; waits
    /// for the writer and for running reads. Returns the new position.
    ///
    /// Errors: `bad_snapshot` if counts or digests are not those of the manifest; `busy` if reads go on for a minute;
    /// `invalid` if the replica has no identity yet; `disk_full`, `io`, `closed`. After any of them the copy from before
    /// is still there, unless the disk failed to make the new file's name durable.
    pub fn finish(mut self, manifest: &Manifest, grants: &Grants) -> std::result::Result<Position, StoreError> {
        if self.failed {
            return Err(bad_snapshot("a part of it could not be taken over"));
        }
        self.load_held()?;
        self.tally.take().ok_or(StoreError::Closed)?.check(manifest)?;
        let conn = self.conn.take().ok_or(StoreError::Closed)?;
        if let Some(loader) = self.loader.take() {
            loader.end(&conn)?;
        }
        store_digests(&conn, manifest)?;
        let (carry, path) = (Carry::new(manifest.position), self.path.clone());
        let mut swap = Swap { path, conn: Some(conn), carry, manifest: manifest.clone(), grants: grants.clone() };
        self.prepare(&mut swap)?;
        self.swap_in(swap)?;
        Ok(manifest.position)
    }

    fn open(&mut self) -> Result<()> {
        OpenOptions::new().create_new(true).write(true).open(&self.path)?;
        private_file(&self.path)?;
        let conn = self.target().beside(self.path.clone()).connect(Purpose::Stage)?;
        self.loader = Some(Loader::start(&conn)?);
        self.tally = Some(Tally::start()?);
        self.conn = Some(conn);
        Ok(())
    }

    fn take(&mut self, chunk: Arc<SnapshotChunk>) -> Result<()> {
        self.tally.as_mut().ok_or(StoreError::Closed)?.add(chunk.clone())?;
        self.add_items(&chunk)?;
        match (&mut self.held, table(chunk.collection)) {
            (Some(range), Some(_)) if range.goes_on_with(&chunk) => range.push(chunk),
            (_, Some(table)) => {
                self.load_held()?;
                self.held = Some(Range::start(table, chunk)?);
            }
            (_, None) => self.defer_chunk(&chunk)?,
        }
        Ok(())
    }

    fn target(&self) -> &Target {
        &self.store.shared.target
    }

    fn load_held(&mut self) -> Result<()> {
        let Some(range) = self.held.take() else { return Ok(()) };
        let (Some(conn), Some(loader)) = (&self.conn, &mut self.loader) else { return Err(StoreError::Closed) };
        loader.load(conn, &range, &mut |collection, cell: &Unknown<'_>| {
            let mut caches = Caches::default();
            let mut tx = WriteTx::new(conn, &mut caches);
            Ok(tx.put_deferred(cell.scope, collection, cell.record, cell.field, &cell.value.to_wire())?)
        })
    }

    /// Records of a collection this version does not know are kept as cells, with their existence.
    fn defer_chunk(&mut self, chunk: &SnapshotChunk) -> Result<()> {
        let conn = self.conn.as_ref().ok_or(StoreError::Closed)?;
        let mut caches = Caches::default();
        let mut tx = WriteTx::new(conn, &mut caches);
        for row in &chunk.rows {
            if is_open(chunk.scope) {
                let wire = to_bytes(&(chunk.scope.owner, row.key.as_deref()));
                tx.put_deferred(chunk.scope, chunk.collection, row.record, FieldId::RECORD, &wire)?;
            }
            for (field, value) in row.fields.iter().filter(|(_, v)| !v.is_null()) {
                tx.put_deferred(chunk.scope, chunk.collection, row.record, *field, &value.to_wire())?;
            }
        }
        Ok(())
    }

    fn add_items(&mut self, chunk: &SnapshotChunk) -> Result<()> {
        let conn = self.conn.as_ref().ok_or(StoreError::Closed)?;
        let mut caches = Caches::default();
        let mut tx = WriteTx::new(conn, &mut caches);
        for item in &chunk.conflicts {
            tx.put_conflict(chunk.scope, item)?;
        }
        Ok(())
    }

    /// Everything that can be done without holding the writer: carrying over, syncing, emptying the live file's log.
    fn prepare(&self, swap: &mut Swap) -> Result<()> {
        let live = self.target().connect(Purpose::Read)?;
        live.execute_batch("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")?;
        swap.catch_up(&live)?;
        File::open(&self.path)?.sync_all()?;
        live.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        live.close().map_err(|(_, e)| e.into())
    }

    fn swap_in(&self, mut swap: Swap) -> Result<()> {
        let until = Instant::now() + READS_WAIT;
        loop {
            let attempt;
            (swap, attempt) = self.on_writer(swap)?;
            if attempt? == Attempt::Done {
                return Ok(());
            }
            // A long read is waited for here, where it holds nobody up.
            let left = until.saturating_duration_since(Instant::now());
            if !self.store.shared.readers.outlast(left) {
                return Err(StoreError::Busy("a long read is still running".into()));
            }
        }
    }

    fn on_writer(&self, mut swap: Swap) -> Result<(Swap, Result<Attempt>)> {
        let (tell, told) = mpsc::sync_channel(1);
        let shared = self.store.shared.clone();
        let work = move |bench: &mut crate::writer::Bench| {
            let done = catch_unwind(AssertUnwindSafe(|| swap.attempt(bench, &shared)))
                .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(panic.as_ref()))));
            if let Err(e) = &done {
                bench.recover(e.is_suspect());
            }
            drop(shared);
            // Nobody waits any more only if the caller's thread is gone.
            let _ = tell.send((swap, done));
        };
        self.store.shared.board.push(Lane::Sync, true, Box::new(work))?;
        told.recv().map_err(|_| StoreError::Closed)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        self.conn = None;
        if let Err(e) = clear_leftovers(self.store.path()) {
            tracing::warn!(error = %e, "an unfinished copy could not be removed; opening the replica removes it");
        }
        self.store.shared.importing.store(false, Ordering::Release);
    }
}

fn store_digests(conn: &Connection, manifest: &Manifest) -> Result<()> {
    let to = conn.unchecked_transaction()?;
    let mut caches = Caches::default();
    let mut tx = WriteTx::new(&to, &mut caches);
    for (scope, digest) in &manifest.scopes {
        tx.set_digest(*scope, Digest(digest.0))?;
    }
    tx.finish()?;
    Ok(to.commit()?)
}

/// Removes what an interrupted import left beside the file.
pub fn clear_leftovers(path: &Path) -> Result<()> {
    let staged = with_suffix(path, STAGING);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        match std::fs::remove_file(with_suffix(&staged, suffix)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
    }
    Ok(())
}
