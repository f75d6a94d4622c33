//! A disk that forgets: what SQLite wrote and did not sync may be lost at a power loss, whole or in part, in any order.
//!
//! Files are real and pass through the VFS of `omni_disk`; beside each its unsynced changes are remembered with what was
//! there before. A crash takes all of them back and does some of them again: writes are lost one by one, and one cut at a
//! sector's boundary is torn. A disk may also lose power by itself in the middle of anything.
//!
//! What it does not show: names (creating, deleting and renaming files is durable at once), and what the product writes
//! and syncs by `std::fs` beside SQLite. Staged copies are made without SQLite syncing them, then synced by `std::fs`;
//! they pass through unwatched until they have the live name.

mod log;

use log::Unsynced;
use omni_disk::{Change, Refused, Watch, Watched};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

pub use log::Fate;

/// The name to open connections with.
pub const VFS: &str = "omni-disk";

/// Ends of names of files that are made unsynced and then synced as a whole by the product itself.
const UNWATCHED: [&str; 2] = [".staging", ".partial"];

/// All disks there are.
static DISKS: Mutex<Vec<Weak<Disk>>> = Mutex::new(Vec::new());

/// One machine's disk: everything below a folder.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, File>,
    /// Counts power losses: a file opened before one is dead.
    boot: u64,
    off: bool,
    /// Changes and syncs until power is lost.
    power_left: Option<u64>,
    ignores_syncs: bool,
}

/// A file's unsynced changes.
#[derive(Debug, Default)]
struct File {
    /// Which file had the name: another one that was renamed to it has nothing to do with these.
    inode: u64,
    changes: Vec<Unsynced>,
}

/// What a crash did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Unsynced changes that made it to the medium.
    pub kept: u64,
    /// Those that did not.
    pub dropped: u64,
    /// Writes of which a part made it.
    pub torn: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// A sound disk for a folder. Connections opened with `VFS` below it are on it.
    pub fn at(folder: &Path) -> Arc<Disk> {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            omni_disk::register(VFS, Box::new(AllDisks)).expect("SQLite takes a VFS with a name and an open function");
        });
        let disk = Arc::new(Disk { folder: folder.to_owned(), state: Mutex::default() });
        let mut disks = lock(&DISKS);
        disks.retain(|d| d.strong_count() > 0);
        disks.push(Arc::downgrade(&disk));
        disk
    }

    /// What is on it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Syncs are answered and not done: what `PRAGMA synchronous = OFF` comes to, for every connection.
    pub fn ignore_syncs(&self) {
        lock(&self.state).ignores_syncs = true;
    }

    /// Power is lost at the `n`th change or sync from now; `None`: not by itself.
    pub fn lose_power_after(&self, n: Option<u64>) {
        lock(&self.state).power_left = n;
    }

    /// Power is lost now: everything fails until `restart`.
    pub fn lose_power(&self) {
        lock(&self.state).off = true;
    }

    /// Whether power is lost.
    pub fn is_off(&self) -> bool {
        lock(&self.state).off
    }

    /// Changes that are not synced.
    pub fn unsynced(&self) -> usize {
        lock(&self.state).files.values().map(|f| f.changes.len()).sum()
    }

    /// Everything that is written is on the medium, as after a clean shutdown of the machine.
    pub fn settle(&self) {
        lock(&self.state).files.clear();
    }

    /// Power comes back: `fate` decides what became of each unsynced change. Files opened before stay dead; close them
    /// first, as their process is gone.
    pub fn restart(&self, fate: &mut dyn FnMut(&Path) -> Fate) -> std::io::Result<Lost> {
        let mut state = lock(&self.state);
        let files = std::mem::take(&mut state.files);
        (state.boot, state.off, state.power_left) = (state.boot + 1, false, None);
        let mut lost = Lost::default();
        for (path, file) in files.into_iter().filter(|(path, file)| inode(path) == Some(file.inode)) {
            let mut bytes = std::fs::read(&path)?;
            log::crash(&mut bytes, &file.changes, &mut || fate(&path), &mut lost);
            std::fs::write(&path, &bytes)?;
        }
        Ok(lost)
    }
}

impl State {
    /// One more change or sync; whether power is lost with it.
    fn spend(&mut self) -> bool {
        if let Some(left) = &mut self.power_left {
            *left = left.saturating_sub(1);
            self.off |= *left == 0;
        }
        self.off
    }
}

/// The VFS finds a file's disk by its path.
struct AllDisks;

impl AllDisks {
    fn find(path: &Path) -> Option<Arc<Disk>> {
        lock(&DISKS).iter().filter_map(Weak::upgrade).find(|d| path.starts_with(&d.folder))
    }
}

impl Watch for AllDisks {
    fn open(&self, path: &Path) -> Result<Option<Arc<dyn Watched>>, Refused> {
        let name = path.to_string_lossy().into_owned();
        let staged = UNWATCHED.iter().any(|end| name.contains(end));
        let Some(disk) = AllDisks::find(path) else { return Ok(None) };
        let state = lock(&disk.state);
        if state.off {
            return Err(Refused);
        }
        let open = OpenFile { disk: disk.clone(), path: path.to_owned(), boot: state.boot, staged };
        drop(state);
        Ok(Some(Arc::new(open)))
    }

    fn delete(&self, path: &Path) -> Result<(), Refused> {
        let Some(disk) = AllDisks::find(path) else { return Ok(()) };
        let mut state = lock(&disk.state);
        if state.off || state.spend() {
            return Err(Refused);
        }
        state.files.remove(path);
        Ok(())
    }
}

/// An open file of a disk.
struct OpenFile {
    disk: Arc<Disk>,
    path: PathBuf,
    boot: u64,
    staged: bool,
}

impl OpenFile {
    /// The disk, if this process still has power.
    fn live(&self) -> Result<MutexGuard<'_, State>, Refused> {
        let state = lock(&self.disk.state);
        if state.off || state.boot != self.boot { Err(Refused) } else { Ok(state) }
    }
}

impl Watched for OpenFile {
    fn read(&self) -> Result<(), Refused> {
        self.live().map(drop)
    }

    fn change(&self, change: Change<'_>, apply: &mut dyn FnMut() -> bool) -> Result<(), Refused> {
        let mut state = self.live()?;
        // The change during which power is lost is on its way: it may be kept, torn or lost.
        let off = state.spend();
        if apply() && !self.staged {
            let inode = inode(&self.path).unwrap_or_default();
            let file = state.files.entry(self.path.clone()).or_default();
            if file.inode != inode {
                *file = File { inode, changes: Vec::new() };
            }
            file.changes.push(match change {
                Change::Write { offset, new, old, size } => Unsynced::Write { offset, new: new.to_vec(), old, size },
                Change::Resize { to, size, tail } => Unsynced::Resize { to, size, tail },
            });
        }
        if off { Err(Refused) } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), Refused> {
        let mut state = self.live()?;
        if state.spend() {
            return Err(Refused);
        }
        if !state.ignores_syncs {
            state.files.remove(&self.path);
        }
        Ok(())
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|m| m.ino())
}

#[cfg(not(unix))]
fn inode(path: &Path) -> Option<u64> {
    path.exists().then_some(0)
}
