//! Central's data folder: where each file lies, who may read it, and the lock that keeps a second process out.

use crate::error::{CentralError, Result};
use crate::random;
use ed25519_dalek::SigningKey;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for the lock: an administrator's command may be probing it at this moment.
const LOCK_WAIT: Duration = Duration::from_millis(800);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A data folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// Held as long as this process is the one central of the folder. The operating system frees it with the process.
#[derive(Debug)]
pub struct FolderLock(#[allow(dead_code)] File);

impl Folder {
    /// Makes the folder, readable by its owner only, unless it exists.
    pub fn create(root: &Path) -> Result<Folder> {
        make_private_dir(root)?;
        Folder::existing(root)
    }

    /// A folder that must exist.
    pub fn existing(root: &Path) -> Result<Folder> {
        if !root.is_dir() {
            let message = format!("{} is not a folder with a central in it.", root.display());
            return Err(CentralError::new("no_data", message));
        }
        Ok(Folder { root: root.to_owned() })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("central.db")
    }

    /// Spent codes, revocations and epochs, outside the database.
    pub fn guard(&self) -> PathBuf {
        self.root.join("guard.log")
    }

    /// What is being merged at this moment.
    pub fn note(&self) -> PathBuf {
        self.root.join("admitting.note")
    }

    /// Entries central died on.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine.log")
    }

    /// What laptops bring back while central is being recovered. It is being recovered as long as this stands.
    pub fn recovery(&self) -> PathBuf {
        self.root.join("recovery")
    }

    /// Snapshot chunks by content. May be deleted at any time.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// What the last backup was.
    pub fn backup_state(&self) -> PathBuf {
        self.root.join("backup.json")
    }

    /// Refuses unless this folder holds a database.
    pub fn require_database(&self) -> Result<()> {
        if self.database().is_file() {
            return Ok(());
        }
        Err(CentralError::new("no_data", format!("{} holds no central yet.", self.root.display())))
    }

    /// Takes the folder for this process, or says `busy`.
    pub fn lock(&self) -> Result<FolderLock> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match self.try_lock()? {
                Some(lock) => return Ok(lock),
                None if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
                None => {
                    let message = format!("Another central works on {}.", self.root.display());
                    return Err(CentralError::retryable("busy", message));
                }
            }
        }
    }

    /// Whether a central runs on this folder.
    pub fn is_running(&self) -> Result<bool> {
        Ok(self.try_lock()?.is_none())
    }

    fn try_lock(&self) -> Result<Option<FolderLock>> {
        let path = self.root.join("central.lock");
        let file = private_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FolderLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(CentralError::file(&path, e)),
        }
    }

    /// Makes the database file before SQLite does, so that only its owner can read it.
    pub fn prepare_database(&self) -> Result<PathBuf> {
        let path = self.database();
        private_file(&path)?;
        Ok(path)
    }

    /// Central's own key, made at first use.
    pub fn signing_key(&self) -> Result<SigningKey> {
        let path = self.root.join("central.key");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let secret: [u8; 32] = bytes
                    .try_into()
                    .map_err(|_| CentralError::new("damaged", format!("{} is not a key.", path.display())))?;
                Ok(SigningKey::from_bytes(&secret))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let key = SigningKey::from_bytes(&random::bytes()?);
                write_durably(&path, key.as_bytes())?;
                Ok(key)
            }
            Err(e) => Err(CentralError::file(&path, e)),
        }
    }
}

/// Makes a folder only its owner can enter.
pub fn make_private_dir(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| CentralError::file(path, e))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a file only its owner can read, making it if needed.
pub fn private_file(path: &Path) -> Result<File> {
    private_options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|e| CentralError::file(path, e))
}

/// Writes a small file so that after a power cut it holds the old or the new bytes.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e| CentralError::file(path, e);
    let temporary = path.with_extension("tmp");
    let mut file = private_options().write(true).create(true).truncate(true).open(&temporary).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    std::fs::rename(&temporary, path).map_err(fail)?;
    sync_parent(path)
}

/// Makes a rename or a new name in the file's folder durable.
pub fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    match File::open(parent) {
        Ok(dir) => dir.sync_all().map_err(|e| CentralError::file(parent, e)),
        // Folders cannot be opened as files everywhere.
        Err(_) => Ok(()),
    }
}

/// Appends a line durably. It begins on a line of its own even if a power cut tore the one before.
pub fn append_durably(path: &Path, line: &str) -> Result<()> {
    let fail = |e| CentralError::file(path, e);
    let mut file = private_options().append(true).create(true).open(path).map_err(fail)?;
    file.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(fail)
}
