//! The one writer thread: three bounded queues, one immediate transaction per piece of work.

use crate::connect::{Purpose, Target};
use crate::error::{Result, StoreError};
use crate::notice::Committed;
use crate::stats::Meter;
use crate::tx::{Caches, WriteTx};
use rusqlite::Connection;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

/// Pieces of work that may wait in one lane.
const LANE_WORK_MAX: usize = 1_024;
/// Frames in the write-ahead log from which an idle writer moves them into the file.
const CHECKPOINT_IDLE_FRAMES: i32 = 1_000;
/// Frames from which a busy writer does it too (32 MiB).
const CHECKPOINT_BUSY_FRAMES: i32 = 16_000;

thread_local! {
    /// Frames in the log after this thread's last commit.
    static WAL_FRAMES: Cell<i32> = const { Cell::new(0) };
}

/// Who waits for the writer. A lane is served only while those before it are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The operator waits.
    Interactive = 0,
    /// Synchronisation.
    Sync = 1,
    /// Pruning, checks.
    Maintenance = 2,
}

/// How far a commit goes before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: operator edits, sealing, identity.
    Full,
    /// In the log, synced with the next full commit or checkpoint: the feed, which central can send again.
    Normal,
}

/// Called after each commit that changed something, on the writer thread: be quick.
pub type Listener = Arc<dyn Fn(&Committed) + Send + Sync>;

type Work = Box<dyn FnOnce(&mut Bench) + Send>;

struct Job {
    work: Work,
    lane: Lane,
    queued: Instant,
}

#[derive(Default)]
struct Lanes {
    jobs: [VecDeque<Job>; 3],
    closed: bool,
}

/// What the writer thread and the store's handles share.
#[derive(Default)]
pub struct Board {
    lanes: Mutex<Lanes>,
    changed: Condvar,
    listener: RwLock<Option<Listener>>,
    /// Measurements.
    pub meter: Meter,
    /// Rises with every commit that changed visible records.
    pub generation: AtomicU64,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues work. With `wait`, waits for room in the lane; else a full lane is `busy`.
    pub fn push(&self, lane: Lane, wait: bool, work: Work) -> Result<()> {
        let mut lanes = self.lock();
        loop {
            if lanes.closed {
                return Err(StoreError::Closed);
            }
            if lanes.jobs[lane as usize].len() < LANE_WORK_MAX {
                break;
            }
            if !wait {
                return Err(StoreError::Busy(format!("{LANE_WORK_MAX} writes wait already")));
            }
            lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        lanes.jobs[lane as usize].push_back(Job { work, lane, queued: Instant::now() });
        self.changed.notify_all();
        Ok(())
    }

    fn next(&self) -> Option<Job> {
        let mut lanes = self.lock();
        loop {
            if let Some(job) = lanes.jobs.iter_mut().find_map(VecDeque::pop_front) {
                self.changed.notify_all();
                return Some(job);
            }
            if lanes.closed {
                return None;
            }
            lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_idle(&self) -> bool {
        self.lock().jobs.iter().all(VecDeque::is_empty)
    }

    /// Work waiting per lane.
    pub fn waiting(&self) -> [u64; 3] {
        let lanes = self.lock();
        [0, 1, 2].map(|n: usize| lanes.jobs[n].len() as u64)
    }

    /// Whether work is refused.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// No more work is taken; what waits is still done.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Sets who is told of commits.
    pub fn listen(&self, listener: Listener) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Tells the listener; a panic in it is its own.
    pub fn tell(&self, committed: &Committed) {
        if committed.is_empty() {
            return;
        }
        let listener = self.listener.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listener) = listener
            && catch_unwind(AssertUnwindSafe(|| listener(committed))).is_err()
        {
            tracing::error!("a commit listener panicked");
        }
    }
}

/// The writer thread's tools.
pub struct Bench {
    /// The live file.
    pub target: Target,
    /// Shared with the handles.
    pub board: Arc<Board>,
    conn: Option<Connection>,
    caches: Caches,
    durability: Durability,
    full: Durability,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

impl Bench {
    /// Over an open, migrated connection. `full` = what `Durability::Full` means here (tests may weaken it).
    pub fn new(target: Target, conn: Connection, board: Arc<Board>, full: Durability) -> Bench {
        let mut bench =
            Bench { target, board, conn: None, caches: Caches::default(), durability: Durability::Full, full };
        bench.install(conn);
        bench
    }

    fn install(&mut self, conn: Connection) {
        // With a hook of ours SQLite does not checkpoint inside commits.
        conn.wal_hook(Some(|_, frames| {
            WAL_FRAMES.set(frames);
            Ok(())
        }));
        WAL_FRAMES.set(0);
        self.conn = Some(conn);
        self.durability = Durability::Full;
        self.caches = Caches::default();
    }

    /// Closes the connection, lets `change` put another file in place, and goes on with the file that is there then.
    pub fn replace(&mut self, change: impl FnOnce(&Target) -> Result<()>) -> Result<()> {
        let done = self.disconnect().and_then(|()| change(&self.target));
        let opened = self.connection().map(|_| ());
        done.and(opened)
    }

    /// Closes the connection: its log is moved into the file and removed, if no reader is left.
    fn disconnect(&mut self) -> Result<()> {
        self.caches = Caches::default();
        match self.conn.take() {
            Some(conn) => conn.close().map_err(|(_, e)| e.into()),
            None => Ok(()),
        }
    }

    /// The connection, opened again if it was closed or became suspect.
    pub fn connection(&mut self) -> Result<&Connection> {
        if self.conn.is_none() {
            let conn = self.target.connect(Purpose::Write)?;
            self.install(conn);
        }
        self.conn.as_ref().ok_or(StoreError::Closed)
    }

    fn set_durability(&mut self, wanted: Durability) -> Result<()> {
        let wanted = if wanted == Durability::Full { self.full } else { wanted };
        if self.durability != wanted {
            let word = if wanted == Durability::Full { "FULL" } else { "NORMAL" };
            self.connection()?.pragma_update(None, "synchronous", word)?;
            self.durability = wanted;
        }
        Ok(())
    }

    /// Runs one transaction. A panic or error rolls it back; the writer lives on.
    pub fn transact<R, E: From<StoreError>>(
        &mut self,
        durability: Durability,
        body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<(R, Committed), E> {
        self.connection()?;
        self.set_durability(durability)?;
        let Bench { conn: Some(conn), caches, board, .. } = &mut *self else { return Err(StoreError::Closed.into()) };
        let result = run(conn, caches, board, body);
        match result {
            Ok(done) => Ok(done),
            Err(failed) => {
                self.recover(failed.suspect);
                Err(failed.error)
            }
        }
    }

    /// After a failure nothing remembered can be trusted; after a failed disk not even the connection.
    pub fn recover(&mut self, suspect: bool) {
        self.caches = Caches::default();
        let rolled_back = match &self.conn {
            Some(conn) if !conn.is_autocommit() => conn.execute_batch("ROLLBACK").is_ok(),
            _ => true,
        };
        if suspect || !rolled_back {
            tracing::warn!("the replica's connection is suspect and is opened again");
            self.conn = None;
        }
    }

    fn checkpoint(&mut self) {
        let frames = WAL_FRAMES.get();
        let due = frames >= CHECKPOINT_BUSY_FRAMES || (frames >= CHECKPOINT_IDLE_FRAMES && self.board.is_idle());
        let Some(conn) = self.conn.as_ref().filter(|_| due) else { return };
        match conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| r.get::<_, i64>(0)) {
            Ok(_) => WAL_FRAMES.set(0),
            Err(e) => tracing::warn!(error = %e, "checkpoint failed"),
        }
    }
}

struct Failed<E> {
    error: E,
    suspect: bool,
}

impl<E: From<StoreError>> From<StoreError> for Failed<E> {
    fn from(error: StoreError) -> Failed<E> {
        Failed { suspect: error.is_suspect(), error: error.into() }
    }
}

fn sql<E: From<StoreError>>(conn: &Connection, text: &str) -> std::result::Result<(), Failed<E>> {
    let done = conn.prepare_cached(text).and_then(|mut s| s.execute([]));
    done.map(|_| ()).map_err(|e| Failed::from(StoreError::from(e)))
}

fn run<R, E: From<StoreError>>(
    conn: &Connection,
    caches: &mut Caches,
    board: &Board,
    body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E>,
) -> std::result::Result<(R, Committed), Failed<E>> {
    sql(conn, "BEGIN IMMEDIATE")?;
    let mut tx = WriteTx::new(conn, caches);
    let done = match catch_unwind(AssertUnwindSafe(|| body(&mut tx))) {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => return Err(Failed { error, suspect: false }),
        Err(panic) => {
            board.meter.panicked();
            return Err(StoreError::Panicked(panic_text(panic.as_ref())).into());
        }
    };
    let committed = tx.finish()?;
    sql(conn, "COMMIT")?;
    if !committed.collections.is_empty() || committed.replaced {
        board.generation.fetch_add(1, Ordering::Release);
    }
    Ok((done, committed))
}

/// What a panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

/// The thread: serves the lanes until closed, then leaves one clean file.
pub fn serve(mut bench: Bench) {
    let board = bench.board.clone();
    while let Some(job) = board.next() {
        let (started, lane) = (Instant::now(), job.lane as usize);
        (job.work)(&mut bench);
        board.meter.work(lane, started - job.queued, started.elapsed());
        bench.checkpoint();
    }
    if let Err(e) = bench.disconnect() {
        tracing::warn!(error = %e, "closing the replica failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DbKey, Store, StoreOptions};
    use omni_model::{RecordId, Row, schema};
    use omni_sync::replica::ReplicaTx;

    fn row(n: u128) -> Row {
        let brand = schema::by_name("brand").unwrap();
        let mut row = Row::new(brand.id, RecordId(uuid::Uuid::from_u128(n)));
        row.set(brand.field("name").unwrap().id, omni_model::Value::text("A name of some length"));
        row
    }

    #[test]
    fn a_full_disk_is_told_and_nothing_is_half_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("replica.db");
        let store = Store::open(&path, &DbKey::new([1; 32]), StoreOptions::default()).unwrap();
        let write = |limit: u32, rows: std::ops::Range<u128>| -> Result<()> {
            store.write(Lane::Interactive, Durability::Full, move |tx| {
                // A page limit stands for a full disk: SQLite answers both with SQLITE_FULL.
                tx.conn.pragma_update(None, "max_page_count", limit)?;
                rows.into_iter().try_for_each(|n| Ok(tx.put_row(&row(n), None)?))
            })
        };
        write(100_000, 0..3).unwrap();
        assert_eq!(write(1, 3..20_000).unwrap_err().code(), "disk_full");
        assert_eq!(store.read(|tx| tx.rows_total()).unwrap(), 3);
        write(100_000, 3..5).unwrap();
        assert_eq!(store.read(|tx| tx.rows_total()).unwrap(), 5, "writing goes on once there is room");
    }
}
