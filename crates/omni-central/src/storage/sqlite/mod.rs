//! The embedded storage: one SQLite file in WAL mode, one writer, a few readers.

mod audit;
mod codec;
mod directory;
mod error;
mod index;
mod ledger;
mod past;
mod read;
mod schema;
mod sums;
mod upgrade;
mod write;

use super::{MediumError, ReadWork, Storage, WriteWork, medium};
use error::{map, storage};
use omni_sync::StorageError;
use read::SqliteRead;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use write::SqliteWrite;

/// How long a statement waits for another process (an administrator's command) before it fails as `Locked`.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Page cache of the writer, KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Statements kept compiled per connection.
const STATEMENTS_KEPT: usize = 64;
/// Frames of the write-ahead log that are worth moving into the database.
const CHECKPOINT_FRAMES: i64 = 1_000;
/// Frames from which the log is made to start over, even if readers must be waited for.
const RESTART_FRAMES: i64 = 16_000;

/// How far a commit goes before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Nothing is synced. For the negative control of crash tests only.
    Off,
    /// Synced at checkpoints. For tests only.
    Normal,
    /// Synced before it returns.
    #[default]
    Full,
}

/// Who moves the write-ahead log into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Checkpoint {
    /// The writer, as part of a commit.
    #[default]
    Inline,
    /// Whoever calls `Storage::maintain` now and then: commits stay short.
    Background,
}

/// How the file is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// A registered VFS, for a disk that fails on purpose.
    pub vfs: Option<String>,
    /// Durability of commits.
    pub synchronous: Synchronous,
    /// Connections kept for readers. 0: reads go through the writer's, and the file is locked exclusively, which needs
    /// no shared memory of the VFS.
    pub readers: usize,
    /// Who checkpoints.
    pub checkpoint: Checkpoint,
}

impl Default for SqliteOptions {
    fn default() -> SqliteOptions {
        SqliteOptions { vfs: None, synchronous: Synchronous::Full, readers: 4, checkpoint: Checkpoint::Inline }
    }
}

#[derive(Debug)]
struct Writer {
    conn: Connection,
    /// A commit or rollback failed: what the file holds is unknown until it is opened again.
    suspect: bool,
}

/// Central's state in one SQLite file.
#[derive(Debug)]
pub struct SqliteStorage {
    path: PathBuf,
    options: SqliteOptions,
    fence: Option<i64>,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    keeper: Mutex<Option<Connection>>,
    opened: AtomicU64,
}

impl SqliteStorage {
    /// Opens the file as the one central that orders: raises the fence, so that any other stops writing.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<SqliteStorage, StorageError> {
        let mut storage = SqliteStorage::open_beside(path, options)?;
        let writer = storage.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let sql = "UPDATE log_head SET fence = fence + 1 RETURNING fence";
        let fence = writer.conn.query_row(sql, [], |r| r.get(0)).map_err(map)?;
        storage.fence = Some(fence);
        Ok(storage)
    }

    /// Opens the file beside a running central, for administration: takes no fence, must not append commits.
    pub fn open_beside(path: &Path, options: SqliteOptions) -> Result<SqliteStorage, StorageError> {
        let conn = connect(path, &options)?;
        Ok(SqliteStorage {
            path: path.to_owned(),
            options,
            fence: None,
            writer: Mutex::new(Writer { conn, suspect: false }),
            readers: Mutex::default(),
            keeper: Mutex::default(),
            opened: AtomicU64::new(0),
        })
    }

    /// Moves everything into the one file and closes it: no log is left beside it.
    pub fn seal(self) -> Result<(), StorageError> {
        let writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.conn.query_row("PRAGMA journal_mode = DELETE", [], |r| r.get::<_, String>(0)).map_err(map)?;
        writer.conn.close().map_err(|(_, e)| map(e))
    }

    fn lock_writer(&self) -> Result<MutexGuard<'_, Writer>, StorageError> {
        // A panic of the work rolled its transaction back while it unwound: the connection is as before.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.suspect {
            writer.conn = connect(&self.path, &self.options)?;
            writer.suspect = false;
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.opened.fetch_add(1, Ordering::Release);
        }
        Ok(writer)
    }

    fn reader(&self) -> Result<Connection, StorageError> {
        if let Some(conn) = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(conn);
        }
        let conn = open_connection(&self.path, &self.options)?;
        conn.pragma_update(None, "query_only", true).map_err(map)?;
        Ok(conn)
    }
}

fn open_connection(path: &Path, options: &SqliteOptions) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str()),
        None => Connection::open_with_flags(path, flags),
    };
    let conn = conn.map_err(map)?;
    conn.busy_timeout(LOCK_WAIT).map_err(map)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Otherwise a statement whose plan may depend on a bound value (`LIMIT ?`) is prepared anew at each use.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(map)?;
    conn.pragma_update(None, "temp_store", "MEMORY").map_err(map)?;
    Ok(conn)
}

fn connect(path: &Path, options: &SqliteOptions) -> Result<Connection, StorageError> {
    let mut conn = open_connection(path, options)?;
    if options.readers == 0 {
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(map)?;
    }
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0)).map_err(map)?;
    if mode != "wal" {
        return Err(storage(MediumError::Damaged(format!("journal mode is {mode}, not wal"))));
    }
    let synchronous = match options.synchronous {
        Synchronous::Off => "OFF",
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    conn.pragma_update(None, "synchronous", synchronous).map_err(map)?;
    conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(map)?;
    if options.checkpoint == Checkpoint::Background {
        conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(map)?;
    }
    schema::prepare(&mut conn)?;
    Ok(conn)
}

/// Whether a failed transaction leaves doubt about the file. A fence or a full disk before the commit does not.
fn is_doubtful(error: &StorageError) -> bool {
    matches!(medium(error), Some(MediumError::Other(_) | MediumError::Full | MediumError::Damaged(_)))
}

impl Storage for SqliteStorage {
    fn write(&self, work: &mut WriteWork) -> Result<(), StorageError> {
        let mut writer = self.lock_writer()?;
        let result = transact(&writer.conn, self.fence, work);
        writer.suspect = result.as_ref().is_err_and(is_doubtful);
        result
    }

    fn read(&self, work: &mut ReadWork) -> Result<(), StorageError> {
        if self.options.readers == 0 {
            let writer = self.lock_writer()?;
            let tx = Transaction::new_unchecked(&writer.conn, TransactionBehavior::Deferred).map_err(map)?;
            return work(&SqliteRead::new(&tx));
        }
        let opened = self.opened.load(Ordering::Acquire);
        let conn = self.reader()?;
        let tx = Transaction::new_unchecked(&conn, TransactionBehavior::Deferred).map_err(map)?;
        work(&SqliteRead::new(&tx))?;
        drop(tx);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < self.options.readers && opened == self.opened.load(Ordering::Acquire) {
            readers.push(conn);
        }
        Ok(())
    }

    fn copy_to(&self, file: &Path) -> Result<(), StorageError> {
        let source = open_connection(&self.path, &self.options)?;
        let mut target = Connection::open(file).map_err(map)?;
        Backup::new(&source, &mut target).and_then(|b| b.step(-1)).map(drop).map_err(map)?;
        // One file, complete in itself: no log beside it.
        target.query_row("PRAGMA journal_mode = DELETE", [], |r| r.get::<_, String>(0)).map(drop).map_err(map)
    }

    fn maintain(&self) -> Result<(), StorageError> {
        if self.options.checkpoint == Checkpoint::Inline {
            return Ok(());
        }
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = match keeper.take() {
            Some(conn) => conn,
            None => open_connection(&self.path, &self.options)?,
        };
        let run = |mode: &str| -> Result<(i64, i64), StorageError> {
            let sql = format!("PRAGMA wal_checkpoint({mode})");
            conn.query_row(&sql, [], |r| Ok((r.get(1)?, r.get(2)?))).map_err(map)
        };
        let (frames, moved) = run("NOOP")?;
        if frames - moved >= CHECKPOINT_FRAMES {
            let mode = if frames >= RESTART_FRAMES { "RESTART" } else { "PASSIVE" };
            run(mode)?;
        }
        *keeper = Some(conn);
        Ok(())
    }
}

fn transact(conn: &Connection, fence: Option<i64>, work: &mut WriteWork) -> Result<(), StorageError> {
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate).map_err(map)?;
    let mut write = SqliteWrite::begin(&tx, fence)?;
    work(&mut write)?;
    write.flush()?;
    drop(write);
    tx.commit().map_err(map)
}
