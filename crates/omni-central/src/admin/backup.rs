//! Verified copies of central's state, while it runs.

use crate::clock::{rfc3339, system_ms};
use crate::error::{CentralError, Result};
use crate::folder::{Folder, make_private_dir, private_file, sync_parent, write_durably};
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{Storage, StorageExt};
use crate::verify;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Copies kept in a backup folder.
const COPIES_KEPT: usize = 48;

/// What a backup holds. It was opened and verified before it got its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupState {
    /// The file.
    pub file: PathBuf,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Epoch of its head.
    pub epoch: u32,
    /// Its head.
    pub seq: u64,
    /// Its size.
    pub bytes: u64,
}

impl BackupState {
    /// As `status` and `backup` print it.
    pub fn describe(&self) -> Json {
        json!({
            "file": self.file.display().to_string(),
            "at": rfc3339(self.at_ms),
            "age_s": (system_ms() - self.at_ms).max(0) as f64 / 1_000.0,
            "epoch": self.epoch,
            "seq": self.seq,
            "bytes": self.bytes,
            "verified": true,
        })
    }
}

/// Copies the state to `file` and opens the copy: every digest, hash and signature in it is checked before it takes
/// the name. An existing file is replaced only then.
pub fn backup(storage: &dyn Storage, file: &Path) -> Result<BackupState> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(CentralError::new("usage", format!("{} is not a file name.", file.display())));
    }
    name.push(".part");
    let part = file.with_file_name(name);
    let fail = |e| CentralError::file(&part, e);
    match std::fs::remove_file(&part) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(fail(e)),
        _ => private_file(&part)?,
    };
    let made = copy_and_check(storage, &part);
    let state = match made {
        Ok(state) => state,
        Err(e) => {
            let _ = std::fs::remove_file(&part);
            return Err(e);
        }
    };
    std::fs::File::open(&part).and_then(|f| f.sync_all()).map_err(fail)?;
    std::fs::rename(&part, file).map_err(fail)?;
    sync_parent(file)?;
    Ok(BackupState { file: file.to_owned(), ..state })
}

fn copy_and_check(storage: &dyn Storage, part: &Path) -> Result<BackupState> {
    storage.copy_to(part)?;
    let bytes = std::fs::metadata(part).map_err(|e| CentralError::file(part, e))?.len();
    let report = check_copy(part)?;
    Ok(BackupState { file: part.to_owned(), at_ms: system_ms(), epoch: report.epoch, seq: report.seq, bytes })
}

/// Opens a copy as a restore would and verifies it. Leaves no log beside it.
pub fn check_copy(file: &Path) -> Result<verify::Report> {
    let options = SqliteOptions { readers: 0, ..SqliteOptions::default() };
    let copy = SqliteStorage::open_beside(file, options)?;
    let report = copy.reading(|tx| Ok(verify::verify(tx, None, verify::Depth::Sums)))?;
    copy.seal()?;
    if report.is_sound() {
        return Ok(report);
    }
    let message = format!("The copy differs from itself in {} places; it is not a backup.", report.differences.len());
    Err(CentralError::new("damaged", message))
}

/// Makes the hourly copy in `dir`, notes it for `status`, and lets the oldest go.
pub fn hourly(folder: &Folder, storage: &dyn Storage, dir: &Path) -> Result<BackupState> {
    make_private_dir(dir)?;
    let stamp = rfc3339(system_ms()).replace(['-', ':'], "");
    let stamp = stamp.split(['.', 'Z']).next().unwrap_or_default().to_owned();
    let state = backup(storage, &dir.join(format!("central-{stamp}.db")))?;
    note(folder, &state)?;
    prune(dir)?;
    Ok(state)
}

/// Notes a backup for `status`.
pub fn note(folder: &Folder, state: &BackupState) -> Result<()> {
    let bytes =
        serde_json::to_vec(state).map_err(|e| CentralError::new("io", "The backup could not be noted.").because(e))?;
    write_durably(&folder.backup_state(), &bytes)
}

/// The last backup made of this folder.
pub fn last(folder: &Folder) -> Result<Option<BackupState>> {
    let path = folder.backup_state();
    match std::fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(CentralError::file(&path, e)),
    }
}

fn prune(dir: &Path) -> Result<()> {
    let fail = |e| CentralError::file(dir, e);
    let mut copies: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(fail)?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| {
            let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.starts_with("central-") && name.ends_with(".db")
        })
        .collect();
    copies.sort();
    for old in copies.iter().rev().skip(COPIES_KEPT) {
        std::fs::remove_file(old).map_err(fail)?;
    }
    Ok(())
}
