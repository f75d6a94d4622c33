//! A VFS that stands between SQLite and the operating system's own VFS: every write, truncation, sync and deletion of a
//! watched file is shown to a `Watch` first, which may refuse it. Locks and shared memory are the real ones.
//!
//! For tests only. What the disk forgets at a crash is decided by `omni_testkit::disk`.

mod shim;

use std::path::Path;
use std::sync::Arc;

pub use shim::register;

/// A change of a file's bytes, with what was there before.
#[derive(Debug)]
pub enum Change<'a> {
    /// Bytes are written.
    Write {
        /// Where.
        offset: u64,
        /// The bytes.
        new: &'a [u8],
        /// What was there, as far as the file reached.
        old: Vec<u8>,
        /// The file's length before.
        size: u64,
    },
    /// The file is cut, or grown with zeros.
    Resize {
        /// Its length after.
        to: u64,
        /// Its length before.
        size: u64,
        /// What was cut off.
        tail: Vec<u8>,
    },
}

/// Watches the files of one registered VFS.
pub trait Watch: Send + Sync {
    /// A file is about to be opened. `Err`: its disk is off. `None`: nobody cares about this one.
    fn open(&self, path: &Path) -> Result<Option<Arc<dyn Watched>>, Refused>;
    /// A file is about to be deleted.
    fn delete(&self, path: &Path) -> Result<(), Refused>;
}

/// Watches one open file.
pub trait Watched: Send + Sync {
    /// Whether it may be read.
    fn read(&self) -> Result<(), Refused>;
    /// It is about to change; `apply` changes it and says whether that worked.
    fn change(&self, change: Change<'_>, apply: &mut dyn FnMut() -> bool) -> Result<(), Refused>;
    /// What was written so far must stay.
    fn sync(&self) -> Result<(), Refused>;
}

/// The disk does not do that: SQLite gets an I/O error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
