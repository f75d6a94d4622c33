//! A laptop on its `omni_store` file.

use super::{Machine, remote};
use crate::mem_replica::Durability;
use crate::sim::Rng;
use crate::sim::host::{ReplicaHost, Snapshot};
use omni_protocol::frame::from_bytes;
use omni_protocol::{Grants, OriginalGroup, Position, ReplicaId, SnapshotChunk};
use omni_store::{DbKey, Lane, Store, StoreError, StoreOptions};
use omni_sync::StorageError;
use omni_sync::replica::{CentralHistory, ReplicaTx, fresh_meta};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

/// Name of the file.
const DATABASE: &str = "replica.db";

/// A laptop's store on a disk that may lose power.
#[derive(Debug)]
pub struct RealReplica {
    store: Option<Store>,
    machine: Machine,
    synchronous_full: bool,
    backups: u64,
}

fn storage(e: StoreError) -> StorageError {
    StorageError::new(e)
}

fn store_durability(durability: Durability) -> omni_store::Durability {
    match durability {
        Durability::Full => omni_store::Durability::Full,
        Durability::Normal => omni_store::Durability::Normal,
    }
}

impl RealReplica {
    pub(super) fn create(machine: Machine, id: ReplicaId, synchronous_full: bool) -> Result<RealReplica, StorageError> {
        let mut replica = RealReplica { store: None, machine, synchronous_full, backups: 0 };
        replica.open()?;
        replica.run(Durability::Full, &mut |tx| tx.set_meta(&fresh_meta(id)).is_ok())?;
        // Setting up is not part of the run.
        replica.machine.disk.settle();
        Ok(replica)
    }

    fn path(&self) -> PathBuf {
        self.machine.folder().join(DATABASE)
    }

    fn open(&mut self) -> Result<(), StorageError> {
        let options = StoreOptions {
            vfs: Some(crate::disk::VFS.into()),
            synchronous_full: self.synchronous_full,
            ..StoreOptions::default()
        };
        self.store = Some(Store::open(&self.path(), &DbKey::new([7; 32]), options).map_err(storage)?);
        Ok(())
    }

    fn store(&self) -> Result<&Store, StorageError> {
        self.store.as_ref().ok_or_else(|| StorageError(super::POWER_IS_LOST.into()))
    }

    /// Runs a body in a transaction of the writer thread.
    fn run(
        &self,
        durability: Durability,
        body: &mut dyn FnMut(&mut dyn ReplicaTx) -> bool,
    ) -> Result<bool, StorageError> {
        let (tell, told) = sync_channel(1);
        let (mut tx, steps) = remote::pair();
        let work = move |tx: &mut omni_store::WriteTx<'_>| match remote::serve(tx, &steps) {
            true => Ok(true),
            // An error takes everything back; this one says that it was wanted.
            false => Err(Ended::TakenBack),
        };
        let done = move |result: Result<bool, Ended>| {
            // The caller waits for it.
            let _ = tell.send(result);
        };
        self.store()?.submit(Lane::Interactive, store_durability(durability), work, done).map_err(storage)?;
        let commit = body(&mut tx);
        tx.end(commit);
        match told.recv() {
            Ok(Ok(committed)) => Ok(committed),
            Ok(Err(Ended::TakenBack)) => Ok(false),
            Ok(Err(Ended::Failed(e))) => Err(storage(e)),
            Err(_) => Err(StorageError::corrupt("transaction: the store's writer is gone")),
        }
    }

    /// A durable transaction of the store's own, on a disk that may lose power meanwhile.
    fn risky<T: Send + 'static>(
        &mut self,
        body: impl FnOnce(&mut omni_store::WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.machine.risk(super::POWER_LOST);
        let done = self.store()?.write(Lane::Sync, omni_store::Durability::Full, body).map_err(storage);
        let done = done.and_then(|done| self.wait_for_writer().map(|()| done));
        self.machine.survived()?;
        done
    }

    /// What the writer does after a commit, moving its log into the file, is done too.
    fn wait_for_writer(&self) -> Result<(), StorageError> {
        self.run(Durability::Normal, &mut |_| false).map(drop)
    }
}

/// How a transaction without a result ends.
#[derive(Debug)]
enum Ended {
    TakenBack,
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(e: StoreError) -> Ended {
        Ended::Failed(e)
    }
}

impl ReplicaHost for RealReplica {
    type Image = Vec<u8>;

    fn write(
        &mut self,
        durability: Durability,
        body: &mut dyn FnMut(&mut dyn ReplicaTx) -> bool,
    ) -> Result<bool, StorageError> {
        self.machine.risk(super::POWER_LOST);
        let done = self.run(durability, body).and_then(|done| {
            self.wait_for_writer()?;
            Ok(done)
        });
        self.machine.survived()?;
        done
    }

    fn read(&mut self, body: &mut dyn FnMut(&dyn ReplicaTx)) -> Result<(), StorageError> {
        self.run(Durability::Normal, &mut |tx| {
            body(tx);
            false
        })?;
        Ok(())
    }

    fn install_snapshot(&mut self, snapshot: &Snapshot, grants: &Grants) -> Result<(), StorageError> {
        self.machine.risk(100);
        let done = (|| {
            let mut import = self.store()?.begin_import().map_err(storage)?;
            for bytes in &snapshot.chunks {
                let chunk: SnapshotChunk = from_bytes(bytes).map_err(StorageError::new)?;
                import.add(&chunk).map_err(storage)?;
            }
            import.finish(&snapshot.manifest, grants).map_err(storage)?;
            self.wait_for_writer()
        })();
        self.machine.survived()?;
        done
    }

    fn keep_originals(&mut self, groups: &[OriginalGroup], to: Position) -> Result<(), StorageError> {
        let groups = groups.to_vec();
        self.risky(move |tx| tx.put_originals(&groups, to))
    }

    fn originals_to(&mut self) -> Result<(u32, u64), StorageError> {
        self.store()?.write(Lane::Interactive, omni_store::Durability::Normal, |tx| tx.originals_to()).map_err(storage)
    }

    fn originals(&mut self) -> Result<Vec<OriginalGroup>, StorageError> {
        self.store()?.read(|tx| tx.originals()).map_err(storage)
    }

    fn follow_history(&mut self, history: &CentralHistory, fresh: ReplicaId) -> Result<usize, StorageError> {
        let history = history.clone();
        self.risky(move |tx| tx.follow_history(&history, fresh))
    }

    fn crash(&mut self, _rng: &mut Rng) -> Result<(), StorageError> {
        if self.machine.shuts_down() {
            self.store = None;
        }
        self.machine.disk.lose_power();
        self.store = None;
        self.machine.restart()?;
        self.open()
    }

    fn integrity(&mut self) -> Result<(), StorageError> {
        match self.store()?.check_integrity().map_err(storage)?.as_slice() {
            [] => Ok(()),
            problems => Err(StorageError(problems.join("; ").into())),
        }
    }

    fn image(&mut self) -> Result<Vec<u8>, StorageError> {
        self.backups += 1;
        let to = self.machine.folder().join(format!("backup-{}", self.backups));
        self.store()?.back_up(&to).map_err(storage)?;
        std::fs::read(&to).map_err(StorageError::new)
    }

    fn restore(&mut self, image: &Vec<u8>) -> Result<(), StorageError> {
        self.store = None;
        self.machine.put_back(DATABASE, image)?;
        self.open()
    }
}
