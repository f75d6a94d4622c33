//! Opening connections: key first, then the settings every connection shares.

use crate::error::{Result, StoreError};
use crate::key::DbKey;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// SQLite before this has a WAL bug that corrupts (guides/RELIABILITY §2.4).
const SQLITE_MIN: i32 = 3_051_003;
/// Page cache of the writer, KiB.
const WRITER_CACHE_KIB: i64 = 48 * 1024;
/// Page cache of each reader, KiB.
const READER_CACHE_KIB: i64 = 24 * 1024;
/// How long a statement waits for a lock inside this process (checkpoints, the swap).
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Statements kept compiled per connection.
const STATEMENTS_KEPT: usize = 512;

/// How every replica's file is kept, given to a connection after its key. An edit of one field writes about a dozen pages,
/// and whoever reads next decrypts as many: small pages and the faster of SQLCipher's sound authenticators (SHA-256 has
/// instructions of its own in the processors of laptops) take a third of the time of its defaults.
pub const FORM: &str = "PRAGMA cipher_page_size = 2048; PRAGMA cipher_hmac_algorithm = HMAC_SHA256;";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The one writer.
    Write,
    /// A reader: refuses to write.
    Read,
    /// Builds a staging file: nothing is synced and nothing can be rolled back until it is done.
    Stage,
}

/// Where the file is and how to open it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The file.
    pub path: PathBuf,
    /// Its key.
    pub key: DbKey,
    /// A registered VFS, for a disk that fails on purpose.
    pub vfs: Option<String>,
}

impl Target {
    /// Another file with the same key.
    pub fn beside(&self, path: PathBuf) -> Target {
        Target { path, ..self.clone() }
    }

    /// Opens a connection. Errors: `wrong_key`, `corrupt`, `io`, `busy`.
    pub fn connect(&self, purpose: Purpose) -> Result<Connection> {
        self.connect_as(purpose, FORM)
    }

    /// Opens a connection to a file kept in this form.
    pub(crate) fn connect_as(&self, purpose: Purpose, form: &str) -> Result<Connection> {
        if rusqlite::version_number() < SQLITE_MIN {
            return Err(StoreError::Internal(format!("SQLite {} is too old", rusqlite::version())));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if purpose != Purpose::Read {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let conn = match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&self.path, flags, vfs.as_str())?,
            None => Connection::open_with_flags(&self.path, flags)?,
        };
        // Its own log would go to stderr; every error reaches us as a result.
        conn.execute_batch("PRAGMA cipher_log_level = NONE")?;
        conn.execute_batch(&self.key.pragma())?;
        conn.execute_batch(form)?;
        conn.busy_timeout(LOCK_WAIT)?;
        self.first_read(&conn)?;
        configure(&conn, purpose)?;
        Ok(conn)
    }

    /// The first read shows whether the key opens the file.
    fn first_read(&self, conn: &Connection) -> Result<()> {
        match conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0)) {
            Ok(_) => Ok(()),
            Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => match self.key_fits() {
                Some(true) => Err(StoreError::Corrupt("its first page cannot be read".into())),
                _ => Err(StoreError::WrongKey),
            },
            Err(e) => Err(e.into()),
        }
    }

    /// The file that holds the key's mark.
    fn mark_path(&self) -> PathBuf {
        with_suffix(&self.path, ".mark")
    }

    /// Whether the key is the one the file was made with; `None` = no mark is there.
    fn key_fits(&self) -> Option<bool> {
        std::fs::read(self.mark_path()).ok().map(|bytes| bytes == self.key.mark())
    }

    /// Leaves the key's mark beside the file, once the key has opened it.
    pub fn leave_mark(&self) -> Result<()> {
        if self.key_fits() != Some(true) {
            std::fs::write(self.mark_path(), self.key.mark())?;
            private_file(&self.mark_path())?;
        }
        Ok(())
    }
}

fn configure(conn: &Connection, purpose: Purpose) -> Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Otherwise a statement whose plan may depend on a bound value (`LIMIT ?`) is prepared anew at each use.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF;")?;
    match purpose {
        Purpose::Write => {
            conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
            let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
            if mode != "wal" {
                return Err(StoreError::Io(format!("write-ahead logging is not possible here (mode {mode})")));
            }
            conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")?;
        }
        Purpose::Read => {
            conn.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
            conn.pragma_update(None, "query_only", true)?;
        }
        Purpose::Stage => {
            conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
            conn.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;",
            )?;
        }
    }
    Ok(())
}

/// The path with a suffix after its file name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a folder only its owner can enter.
pub fn private_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)?;
    restrict(path, 0o700)
}

/// Makes a file only its owner can read.
pub fn private_file(path: &Path) -> Result<()> {
    restrict(path, 0o600)
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> Result<()> {
    // The profile folder's inherited access list already restricts it to its user.
    Ok(())
}

/// Makes renames and new names in a folder durable.
pub fn sync_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
