//! Central on its SQLite file.

use super::Machine;
use crate::sim::Rng;
use crate::sim::host::{CentralHost, Snapshot};
use crate::sim::snapshot;
use omni_central::storage::sqlite::{SqliteOptions, SqliteStorage, Synchronous};
use omni_central::storage::{PageLimits, Storage, StorageExt};
use omni_protocol::{BootId, ConflictItem, DeviceId, Grants, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralTx, Commit};
use omni_sync::meta::Stored;

/// Central's storage on a disk that may lose power.
#[derive(Debug)]
pub struct RealCentral {
    storage: Option<SqliteStorage>,
    machine: Machine,
    off: bool,
}

/// The body wants its transaction taken back.
#[derive(Debug)]
struct TakenBack;

impl std::fmt::Display for TakenBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("taken back")
    }
}

impl std::error::Error for TakenBack {}

impl RealCentral {
    pub(super) fn create(machine: Machine, off: bool) -> Result<RealCentral, StorageError> {
        let mut central = RealCentral { storage: None, machine, off };
        central.open()?;
        Ok(central)
    }

    fn open(&mut self) -> Result<(), StorageError> {
        let synchronous = if self.off { Synchronous::Off } else { Synchronous::Full };
        let options = SqliteOptions { vfs: Some(crate::disk::VFS.into()), synchronous, ..SqliteOptions::default() };
        self.storage = Some(SqliteStorage::open(&self.machine.folder().join("central.db"), options)?);
        Ok(())
    }

    fn storage(&self) -> Result<&SqliteStorage, StorageError> {
        self.storage.as_ref().ok_or_else(|| StorageError(super::POWER_IS_LOST.into()))
    }

    fn run(&self, body: &mut dyn FnMut(&mut dyn CentralTx) -> bool) -> Result<bool, StorageError> {
        let done = self.storage()?.writing(|tx| match body(tx) {
            true => Ok(()),
            false => Err(StorageError::new(TakenBack)),
        });
        match done {
            Ok(()) => Ok(true),
            Err(e) if e.0.is::<TakenBack>() => Ok(false),
            Err(e) => Err(e),
        }
    }
}

impl CentralHost for RealCentral {
    type Image = Vec<u8>;

    fn image(&mut self) -> Result<Vec<u8>, StorageError> {
        let to = self.machine.folder().join("copy.db");
        self.storage()?.copy_to(&to)?;
        let bytes = std::fs::read(&to).map_err(StorageError::new)?;
        std::fs::remove_file(&to).map_err(StorageError::new)?;
        Ok(bytes)
    }

    fn restore(&mut self, image: &Vec<u8>) -> Result<(), StorageError> {
        self.storage = None;
        self.machine.put_back("central.db", image)?;
        self.open()
    }

    fn write(&mut self, body: &mut dyn FnMut(&mut dyn CentralTx) -> bool) -> Result<bool, StorageError> {
        self.machine.risk(super::POWER_LOST);
        let done = self.run(body);
        self.machine.survived()?;
        done
    }

    fn read(&mut self, body: &mut dyn FnMut(&dyn CentralTx)) -> Result<(), StorageError> {
        self.run(&mut |tx| {
            body(tx);
            false
        })?;
        Ok(())
    }

    fn log(&mut self, after: u64, limit: usize) -> Result<Vec<Commit>, StorageError> {
        let limits = PageLimits { commits: limit.min(u32::MAX as usize), bytes: usize::MAX };
        self.storage()?.reading(|tx| tx.commits_after(after, limits, None))
    }

    fn add_boot_sample(&mut self, device: DeviceId, boot: BootId, sample: BootSample) -> Result<(), StorageError> {
        self.storage()?.writing(|tx| tx.put_boot_sample(device, boot, sample))
    }

    fn snapshot(&mut self, grants: &Grants) -> Result<Snapshot, StorageError> {
        self.storage()?.reading(|tx| {
            let mut records = Vec::new();
            tx.each_live(None, &mut |stored| {
                records.push(stored);
                Ok(())
            })?;
            let (items, position) = (tx.conflicts(None)?, tx.head()?.position);
            let digests = tx.scopes()?.into_iter().map(|s| (s.scope, s.digest)).collect();
            Ok(snapshot::build(position, grants, records.iter(), items.iter(), digests))
        })
    }

    fn live_records(&mut self) -> Result<Vec<Stored>, StorageError> {
        self.storage()?.reading(|tx| {
            let mut records = Vec::new();
            tx.each_live(None, &mut |stored| {
                records.push(stored);
                Ok(())
            })?;
            Ok(records)
        })
    }

    fn all_conflicts(&mut self) -> Result<Vec<(Scope, ConflictItem)>, StorageError> {
        self.storage()?.reading(|tx| tx.conflicts(None))
    }

    fn crash(&mut self, _rng: &mut Rng) -> Result<(), StorageError> {
        if self.machine.shuts_down() {
            self.storage = None;
        }
        self.machine.disk.lose_power();
        self.storage = None;
        self.machine.restart()?;
        self.open()
    }

    fn integrity(&mut self) -> Result<(), StorageError> {
        match self.storage()?.reading(|tx| tx.medium_faults())?.as_slice() {
            [] => Ok(()),
            faults => Err(StorageError(faults.join("; ").into())),
        }
    }
}
