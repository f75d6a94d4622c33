//! Restoring a backup: a new epoch begins at the backup's head.

use super::backup::check_copy;
use crate::clock::system_ms;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, private_file, sync_parent};
use crate::guard::{self, Guarded};
use crate::ledger;
use crate::recovery;
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{Storage, StorageExt};
use omni_protocol::Position;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where history stands now, in the new epoch.
    pub head: Position,
    /// The epoch of the backup.
    pub from_epoch: u32,
    /// Where the database that was replaced is kept, if there was one.
    pub replaced: Option<PathBuf>,
    /// Spent codes, enrolments and revocations newer than the backup.
    pub reapplied: usize,
}

/// Replaces the folder's database by the backup `file`. Refused while central runs. The backup is verified first, the
/// replaced database is kept beside, the new epoch's number was never used in this folder.
pub fn restore(folder: &Folder, file: &Path) -> Result<Restored> {
    let _lock = folder.lock()?;
    if !file.is_file() {
        return Err(CentralError::new("not_found", format!("{} is not a file.", file.display())));
    }
    let staged = folder.root().join("restore.part");
    remove_database(&staged)?;
    private_file(&staged)?;
    std::fs::copy(file, &staged).map_err(|e| CentralError::file(file, e))?;
    let report = check_copy(&staged).inspect_err(|_| {
        let _ = remove_database(&staged);
    })?;
    let epoch = next_epoch(folder, report.epoch)?;
    guard::append(folder, &Guarded::Epoch { epoch })?;
    let (head, reapplied) = open_epoch(folder, &staged, epoch)?;
    let replaced = set_aside(folder)?;
    std::fs::rename(&staged, folder.database()).map_err(|e| CentralError::file(&staged, e))?;
    sync_parent(&folder.database())?;
    recovery::begin(folder)?;
    Ok(Restored { head, from_epoch: report.epoch, replaced, reapplied })
}

/// Above every epoch this folder ever used: the guard's, the backup's, and the present database's if it can be read.
fn next_epoch(folder: &Folder, backup: u32) -> Result<u32> {
    let mut highest = guard::highest_epoch(&guard::read(folder)?).max(backup);
    if folder.database().is_file() {
        let options = SqliteOptions { readers: 0, ..SqliteOptions::default() };
        let present = SqliteStorage::open_beside(&folder.database(), options);
        let epoch = present.and_then(|s| s.reading(|tx| Ok(tx.head()?.position.epoch)));
        highest = highest.max(epoch.unwrap_or(0));
    }
    recovery::next_epoch(highest)
}

fn open_epoch(folder: &Folder, staged: &Path, epoch: u32) -> Result<(Position, usize)> {
    let options = SqliteOptions { readers: 0, ..SqliteOptions::default() };
    let storage = SqliteStorage::open(staged, options)?;
    let key = folder.signing_key()?;
    let head = storage.writing(|tx| {
        let head = tx.head()?.position.seq;
        tx.open_epoch(epoch, head)?;
        ledger::begin(tx, &key, system_ms())?;
        Ok(tx.head()?.position)
    })?;
    let reapplied = guard::reapply(folder, &storage as &dyn Storage)?;
    storage.seal()?;
    Ok((head, reapplied))
}

/// Keeps the present database under a name that says what it was.
fn set_aside(folder: &Folder) -> Result<Option<PathBuf>> {
    let present = folder.database();
    if !present.is_file() {
        return Ok(None);
    }
    let kept = folder.root().join(format!("replaced-{}.db", system_ms()));
    for suffix in ["-wal", "-shm", ""] {
        match std::fs::rename(with_suffix(&present, suffix), with_suffix(&kept, suffix)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(CentralError::file(&present, e)),
            _ => {}
        }
    }
    Ok(Some(kept))
}

fn remove_database(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(with_suffix(path, suffix)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(CentralError::file(path, e)),
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
