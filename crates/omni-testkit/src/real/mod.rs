//! The real hosts: laptops' `omni_store` files and central's SQLite file, each on a disk of its own that may lose power.

mod central;
mod remote;
mod replica;

use crate::disk::{Disk, Fate};
use crate::sim::host::Hosts;
use crate::sim::{Plan, Report, Rng, run_with};
use omni_protocol::ReplicaId;
use omni_sync::StorageError;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use central::RealCentral;
pub use replica::RealReplica;
use tempfile::TempDir;

/// Out of 1,000 transactions, this many lose power in the middle while disks are broken.
const POWER_LOST: u64 = 6;
/// Power is lost within this many changes and syncs of its start.
const POWER_LASTS: u64 = 40;
/// Out of 1,000 restarts, this many began with a clean shutdown (whose checkpoint power may interrupt).
const SHUT_DOWN: u64 = 300;

/// What is forced on every file: the negative controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Forced {
    /// Nothing: as the product runs.
    #[default]
    Nothing,
    /// Laptops' edits are not synced.
    LaptopsNormal,
    /// Central syncs nothing (`synchronous = OFF`).
    CentralOff,
    /// No disk syncs anything, whatever it is asked: `synchronous = OFF` everywhere.
    EverythingOff,
}

/// Real files in a temporary folder that goes with the hosts.
#[derive(Debug)]
pub struct RealHosts {
    folder: TempDir,
    forced: Forced,
    broken: Arc<AtomicBool>,
    made: u64,
    rng: Rng,
}

impl RealHosts {
    /// Hosts for one run.
    pub fn new(seed: u64, forced: Forced) -> std::io::Result<RealHosts> {
        let broken = Arc::new(AtomicBool::new(false));
        Ok(RealHosts { folder: tempfile::tempdir()?, forced, broken, made: 0, rng: Rng::new(seed) })
    }

    fn machine(&mut self, name: &str) -> Result<Machine, StorageError> {
        self.made += 1;
        let folder = self.folder.path().join(format!("{name}-{}", self.made));
        std::fs::create_dir_all(&folder).map_err(StorageError::new)?;
        let disk = Disk::at(&folder);
        if self.forced == Forced::EverythingOff {
            disk.ignore_syncs();
        }
        Ok(Machine { disk, broken: self.broken.clone(), rng: Rng::new(self.rng.bits()) })
    }
}

impl Hosts for RealHosts {
    type Replica = RealReplica;
    type Central = RealCentral;

    const FAULTY: bool = true;

    fn replica(&mut self, _index: usize, id: ReplicaId) -> Result<RealReplica, StorageError> {
        let machine = self.machine("laptop")?;
        RealReplica::create(machine, id, self.forced != Forced::LaptopsNormal)
    }

    fn central(&mut self) -> Result<RealCentral, StorageError> {
        let machine = self.machine("central")?;
        RealCentral::create(machine, self.forced == Forced::CentralOff)
    }

    fn break_disks(&mut self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }
}

/// Plays one seed on real files with its plan changed by `adjust`. `print` writes the trace to standard output.
pub fn play_real(seed: u64, forced: Forced, print: bool, adjust: &dyn Fn(&mut Plan)) -> std::io::Result<Report> {
    Ok(run_with(seed, RealHosts::new(seed, forced)?, print, adjust))
}

/// A machine's disk and its luck. It has a random source of its own: the run's is the run's.
#[derive(Debug)]
struct Machine {
    disk: Arc<Disk>,
    broken: Arc<AtomicBool>,
    rng: Rng,
}

impl Machine {
    fn folder(&self) -> &Path {
        self.disk.folder()
    }

    /// Before something is written: perhaps power will not last.
    fn risk(&mut self, per_mille: u64) {
        if self.broken.load(Ordering::Relaxed) && self.rng.chance(per_mille) {
            self.disk.lose_power_after(Some(1 + self.rng.below(POWER_LASTS)));
        }
    }

    /// After it: whether power is still there. It lasts until the next risk.
    fn survived(&self) -> Result<(), StorageError> {
        self.disk.lose_power_after(None);
        if self.disk.is_off() { Err(StorageError(POWER_IS_LOST.into())) } else { Ok(()) }
    }

    /// Whether this restart begins with a clean shutdown, which may be interrupted.
    fn shuts_down(&mut self) -> bool {
        let clean = !self.disk.is_off() && self.rng.chance(SHUT_DOWN);
        if clean {
            self.risk(500);
        }
        clean
    }

    /// Puts an older copy of a database in its place, as somebody does who restores one. Every handle is closed.
    fn put_back(&self, name: &str, image: &[u8]) -> Result<(), StorageError> {
        for suffix in ["-wal", "-shm"] {
            let beside = self.folder().join(format!("{name}{suffix}"));
            if beside.exists() {
                std::fs::remove_file(beside).map_err(StorageError::new)?;
            }
        }
        std::fs::write(self.folder().join(name), image).map_err(StorageError::new)?;
        self.disk.settle();
        Ok(())
    }

    /// Power comes back after every handle was closed.
    fn restart(&mut self) -> Result<(), StorageError> {
        // Some crashes lose nearly all, some nearly nothing, some half.
        let (kept, torn) = (self.rng.below(1_001), self.rng.below(300));
        let rng = &mut self.rng;
        let fate = &mut |_: &Path| match () {
            () if rng.chance(torn) => Fate::Torn(rng.bits()),
            () if rng.chance(kept) => Fate::Kept,
            () => Fate::Dropped,
        };
        self.disk.restart(fate).map(drop).map_err(StorageError::new)
    }
}

const POWER_IS_LOST: &str = "the machine has lost power";
