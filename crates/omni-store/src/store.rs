//! The handle: opening, writing, reading, being told.

use crate::connect::{self, Target, with_suffix};
use crate::error::{Result, StoreError};
use crate::former;
use crate::key::DbKey;
use crate::migrate;
use crate::notice::Committed;
use crate::read::{ReadTx, SetCache};
use crate::readers::Readers;
use crate::stats::WriterStats;
use crate::tx::WriteTx;
use crate::writer::{Bench, Board, Durability, Lane, serve};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a lock that somebody else holds is waited for.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Read-only connections by default.
const READERS: usize = 3;

/// How the file is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// A registered VFS, for a disk that fails on purpose.
    pub vfs: Option<String>,
    /// Whether `Durability::Full` reaches the disk. Off only for negative controls of crash tests.
    pub synchronous_full: bool,
    /// Read-only connections kept.
    pub readers: usize,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions { vfs: None, synchronous_full: true, readers: READERS }
    }
}

/// Everything behind the handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub target: Target,
    pub board: Arc<Board>,
    pub readers: Readers,
    pub sets: SetCache,
    /// A copy is being staged.
    pub importing: AtomicBool,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held while the file is open: a second process is told `busy`.
    _lock: File,
}

/// An open replica. Clones share it; it is closed when the last one is dropped, or by `close`.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl Store {
    /// Opens or creates the replica at `path`, brings it to this version's layout first.
    ///
    /// Errors: `wrong_key`, `corrupt`, `newer_version`, `migration_changed`, `disk_full`, `busy` (another process has
    /// it open), `io`. On any of them the file is as before.
    pub fn open(path: &Path, key: &DbKey, options: StoreOptions) -> std::result::Result<Store, StoreError> {
        let lock = prepare_folder(path)?;
        let target = Target { path: path.to_owned(), key: key.clone(), vfs: options.vfs.clone() };
        crate::import::clear_leftovers(path)?;
        create_private(path)?;
        let mut conn = former::connect(&target)?;
        migrate::bring_up_to_date(&mut conn, &target)?;
        target.leave_mark()?;
        let board = Arc::new(Board::default());
        let full = if options.synchronous_full { Durability::Full } else { Durability::Normal };
        let bench = Bench::new(target.clone(), conn, board.clone(), full);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || serve(bench))?;
        Ok(Store {
            shared: Arc::new(Shared {
                readers: Readers::new(target.clone(), options.readers),
                target,
                board,
                sets: SetCache::default(),
                importing: AtomicBool::new(false),
                writer: Mutex::new(Some(thread)),
                _lock: lock,
            }),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.target.path
    }

    /// Runs `body` in one write transaction on the writer thread and waits for it. Its error rolls everything back; so
    /// does a panic (`panicked`). Must not be called from inside another write.
    pub fn write<R, E, F>(&self, lane: Lane, durability: Durability, body: F) -> std::result::Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
    {
        let (tell, told) = mpsc::sync_channel(1);
        let done = move |result| {
            // Nobody waits any more only if the caller's thread is gone.
            let _ = tell.send(result);
        };
        self.shared.board.push(lane, true, work(lane, durability, body, done))?;
        told.recv().map_err(|_| StoreError::Closed)?
    }

    /// Like `write`, without waiting: `on_done` is called on the writer thread. A full lane is `busy`, at once.
    pub fn submit<R, E, F, D>(
        &self,
        lane: Lane,
        durability: Durability,
        body: F,
        on_done: D,
    ) -> std::result::Result<(), StoreError>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
        D: FnOnce(std::result::Result<R, E>) + Send + 'static,
    {
        self.shared.board.push(lane, false, work(lane, durability, body, on_done))
    }

    /// Runs `body` over one unchanging view of the replica, beside the writer.
    pub fn read<R>(
        &self,
        body: impl FnOnce(&ReadTx<'_>) -> std::result::Result<R, StoreError>,
    ) -> std::result::Result<R, StoreError> {
        self.shared.readers.read(|conn| {
            // Asked once the connection is lent: no swap of the file comes in between.
            let generation = self.shared.board.generation.load(Ordering::Acquire);
            body(&ReadTx::new(conn, Some((&self.shared.sets, generation))))
        })
    }

    /// Whom to tell after each commit that changed something, before the write returns to its caller. Called on the
    /// writer thread: be quick, and never write from it.
    pub fn on_commit(&self, listener: impl Fn(&Committed) + Send + Sync + 'static) {
        self.shared.board.listen(Arc::new(listener));
    }

    /// The writer's figures since the store was opened.
    pub fn stats(&self) -> WriterStats {
        self.shared.board.meter.read(self.shared.board.waiting())
    }

    /// Finishes waiting work and closes the file, for all clones. Later calls fail as `closed`.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        self.readers.close();
        self.board.close();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

fn work<R, E: From<StoreError>>(
    lane: Lane,
    durability: Durability,
    body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
    done: impl FnOnce(std::result::Result<R, E>) + Send + 'static,
) -> Box<dyn FnOnce(&mut Bench) + Send> {
    Box::new(move |bench| match bench.transact(durability, body) {
        Ok((value, mut committed)) => {
            committed.local = lane == Lane::Interactive;
            bench.board.tell(&committed);
            done(Ok(value));
        }
        Err(e) => done(Err(e)),
    })
}

/// Makes the folder private and takes the lock of the file.
fn prepare_folder(path: &Path) -> Result<File> {
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    if !folder.as_os_str().is_empty() && !is_shared_folder(&folder) {
        connect::private_folder(&folder)?;
    }
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(with_suffix(path, ".lock"))?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // A process that is just ending, or just starting another program, lets go in a moment.
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_LOOK_AGAIN);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(StoreError::Busy("another process has this replica open".into()));
            }
            Err(std::fs::TryLockError::Error(e)) => return Err(e.into()),
        }
    }
}

/// A folder everybody may write to (like the system's temporary folder) is not ours to restrict.
#[cfg(unix)]
fn is_shared_folder(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const STICKY: u32 = 0o1000;
    folder.metadata().is_ok_and(|m| m.permissions().mode() & STICKY != 0)
}

#[cfg(not(unix))]
fn is_shared_folder(_: &Path) -> bool {
    false
}

/// The file exists and only its owner can read it before SQLite writes its first byte.
fn create_private(path: &Path) -> Result<()> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    connect::private_file(path)
}
