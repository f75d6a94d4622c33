//! The data folder: 0700, its files 0600, owned by one process at a time.

use crate::error::{Result, io_error};
use omni_protocol::WireError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Names of the files in a data folder.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The folder.
    pub root: PathBuf,
}

impl Paths {
    /// The encrypted replica.
    pub fn database(&self) -> PathBuf {
        self.root.join("replica.db")
    }
    /// How the secrets are kept.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.json")
    }
    /// The secrets, wrapped by the recovery code.
    pub fn recovery(&self) -> PathBuf {
        self.root.join("recovery.json")
    }
    /// Who this laptop is: device, operator, central.
    pub fn identity(&self) -> PathBuf {
        self.root.join("identity.json")
    }
    /// The configuration file the operator may edit.
    pub fn config(&self) -> PathBuf {
        self.root.join("omni.toml")
    }
    /// Where commands reach the owner.
    pub fn socket(&self) -> PathBuf {
        self.root.join("omni.sock")
    }
    /// Rolling logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// The local central's data.
    pub fn central(&self) -> PathBuf {
        self.root.join("central")
    }
    /// Files on their way: snapshots being fetched.
    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}

/// A data folder this process owns until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    paths: Paths,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed, closes it to others and takes its lock.
    ///
    /// Errors: `busy` while another process owns it, `forbidden`, `io`.
    pub fn own(root: &Path) -> Result<DataFolder> {
        make_private_dir(root)?;
        let root = fs::canonicalize(root).map_err(|e| io_error(root, &e))?;
        let path = root.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(FILE_MODE);
        let mut lock = options.open(&path).map_err(|e| io_error(&path, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(&root)),
            Err(TryLockError::Error(e)) => return Err(io_error(&path, &e)),
        }
        // Names the owner for people who look; nobody reads it back.
        let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(DataFolder { paths: Paths { root }, _lock: lock })
    }

    /// Its file names.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }
}

/// The folder is in use.
pub fn busy(root: &Path) -> WireError {
    WireError::retryable("busy", format!("Another process uses the data folder {}.", root.display()))
}

/// Makes a folder only its owner can enter.
pub fn make_private_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| io_error(path, &e))?;
    fs::set_permissions(path, fs::Permissions::from_mode(FOLDER_MODE)).map_err(|e| io_error(path, &e))
}

/// Writes a file only its owner can read, durably and whole: a crash leaves the old content or the new.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e: std::io::Error| io_error(path, &e);
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(FILE_MODE);
    let mut file = options.open(&fresh).map_err(fail)?;
    file.set_permissions(fs::Permissions::from_mode(FILE_MODE)).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&fresh, path).map_err(fail)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| io_error(dir, &e))
}

/// Reads a small file; `None` if there is none.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_error(path, &e)),
    }
}

/// Removes a file; no error if there is none.
pub fn remove_optional(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error(path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let first = DataFolder::own(&root).unwrap();
        assert_eq!(DataFolder::own(&root).unwrap_err().code, "busy");
        drop(first);
        DataFolder::own(&root).unwrap();
    }

    #[test]
    fn folder_and_files_are_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let folder = DataFolder::own(&root).unwrap();
        let file = folder.paths().keys();
        write_private(&file, b"x").unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&root), mode(&file), mode(&root.join("lock"))), (0o700, 0o600, 0o600));
    }
}
