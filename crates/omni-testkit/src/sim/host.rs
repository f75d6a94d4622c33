//! What the simulator drives: a laptop's store and central's storage, in memory or real, behind two traits. The same
//! scenarios run on all of them.

use crate::mem_replica::Durability;
use crate::sim::Rng;
use omni_model::RecordId;
use omni_protocol::{BootId, ConflictItem, DeviceId, Grants, Manifest, OriginalGroup, Position, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralTx, Commit};
use omni_sync::meta::Stored;
use omni_sync::replica::{CentralHistory, ReplicaTx};

/// A snapshot as it crosses the network: the manifest and its chunks, uncompressed, in the manifest's order.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is in it.
    pub manifest: Manifest,
    /// Encoded `SnapshotChunk`s.
    pub chunks: Vec<Vec<u8>>,
}

/// A laptop's store.
pub trait ReplicaHost {
    /// A copy of the whole database, as a backup or a cloned disk would hold it.
    type Image: Clone;

    /// Runs one write transaction: commits if the body returns true, else takes everything back. `Ok(false)` = rolled
    /// back. Errors: the medium failed; the database must be reopened (`crash`).
    fn write(
        &mut self,
        durability: Durability,
        body: &mut dyn FnMut(&mut dyn ReplicaTx) -> bool,
    ) -> Result<bool, StorageError>;

    /// Reads in one consistent view.
    fn read(&mut self, body: &mut dyn FnMut(&dyn ReplicaTx)) -> Result<(), StorageError>;

    /// Stages a snapshot and swaps it in durably: confirmed rows, digests, items, cursor and grants are the snapshot's;
    /// identity and queue are kept, and pending edits lie on top again.
    fn install_snapshot(&mut self, snapshot: &Snapshot, grants: &Grants) -> Result<(), StorageError>;

    /// Keeps a page of signed originals, durably, and that they are complete to its position.
    fn keep_originals(&mut self, groups: &[OriginalGroup], to: Position) -> Result<(), StorageError>;

    /// Up to which epoch and seq originals are complete.
    fn originals_to(&mut self) -> Result<(u32, u64), StorageError>;

    /// Every original kept.
    fn originals(&mut self) -> Result<Vec<OriginalGroup>, StorageError>;

    /// Central tells its history: own changes it may have lost are queued again under the fresh identity,
    /// durably. Returns how many.
    fn follow_history(&mut self, history: &CentralHistory, fresh: ReplicaId) -> Result<usize, StorageError>;

    /// Power loss and restart: what was not durable may be gone. The database is open again afterwards.
    fn crash(&mut self, rng: &mut Rng) -> Result<(), StorageError>;

    /// Whether the medium is sound: called after each crash and at the end. Storages without structure of their own have
    /// nothing to check.
    fn integrity(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Copies the database.
    fn image(&mut self) -> Result<Self::Image, StorageError>;

    /// Replaces the database by a copy.
    fn restore(&mut self, image: &Self::Image) -> Result<(), StorageError>;
}

/// Central's storage.
pub trait CentralHost {
    /// A copy of the whole database, as a backup or older files of its host would hold it.
    type Image: Clone;

    /// Copies the database.
    fn image(&mut self) -> Result<Self::Image, StorageError>;

    /// Replaces the database by a copy.
    fn restore(&mut self, image: &Self::Image) -> Result<(), StorageError>;

    /// Runs one durable write transaction: commits if the body returns true.
    fn write(&mut self, body: &mut dyn FnMut(&mut dyn CentralTx) -> bool) -> Result<bool, StorageError>;

    /// Reads in one consistent view.
    fn read(&mut self, body: &mut dyn FnMut(&dyn CentralTx)) -> Result<(), StorageError>;

    /// Commits after `seq`, in order, at most `limit`. Their `deltas` may be missing: storages need not keep them.
    fn log(&mut self, after: u64, limit: usize) -> Result<Vec<Commit>, StorageError>;

    /// Keeps a ping of a device's boot.
    fn add_boot_sample(&mut self, device: DeviceId, boot: BootId, sample: BootSample) -> Result<(), StorageError>;

    /// A snapshot of everything readable under the grants, at the head.
    fn snapshot(&mut self, grants: &Grants) -> Result<Snapshot, StorageError>;

    /// Every live record, for the oracles.
    fn live_records(&mut self) -> Result<Vec<Stored>, StorageError>;

    /// Every conflict item with its scope, for the oracles.
    fn all_conflicts(&mut self) -> Result<Vec<(Scope, ConflictItem)>, StorageError>;

    /// Power loss and restart.
    fn crash(&mut self, rng: &mut Rng) -> Result<(), StorageError>;

    /// Whether the medium is sound: called after each crash and at the end.
    fn integrity(&mut self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// Makes the hosts of one simulation.
pub trait Hosts {
    /// The laptops' stores.
    type Replica: ReplicaHost;
    /// Central's storage.
    type Central: CentralHost;

    /// Whether disks may fail: then a storage error before the end of faults means a restart, else it is a defect.
    const FAULTY: bool = false;

    /// A fresh, empty store of laptop number `index` under this identity.
    fn replica(&mut self, index: usize, id: ReplicaId) -> Result<Self::Replica, StorageError>;

    /// A fresh, empty central in its first epoch.
    fn central(&mut self) -> Result<Self::Central, StorageError>;

    /// Disks may fail from now on, or never again. They are sound while a run is set up and after it healed.
    fn break_disks(&mut self, _broken: bool) {}
}

/// Runs a transaction whose body returns a result: commits on `Ok`, takes all back on `Err`. The outer error is the
/// medium's.
pub fn transact<H, T, E>(
    host: &mut H,
    durability: Durability,
    body: impl FnOnce(&mut dyn ReplicaTx) -> Result<T, E>,
) -> Result<Result<T, E>, StorageError>
where
    H: ReplicaHost + ?Sized,
{
    let (mut body, mut result) = (Some(body), None);
    host.write(durability, &mut |tx| {
        let Some(body) = body.take() else { return false };
        let done = body(tx);
        let commit = done.is_ok();
        result = Some(done);
        commit
    })?;
    result.ok_or_else(|| StorageError::corrupt("transaction: the body did not run"))
}

/// Reads a value in one view.
pub fn view<H: ReplicaHost + ?Sized, T>(
    host: &mut H,
    body: impl FnOnce(&dyn ReplicaTx) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let (mut body, mut result) = (Some(body), None);
    host.read(&mut |tx| result = body.take().map(|b| b(tx)))?;
    result.unwrap_or_else(|| Err(StorageError::corrupt("view: the body did not run")))
}

/// Reads a value of central in one view.
pub fn central_view<H: CentralHost + ?Sized, T>(
    host: &mut H,
    body: impl FnOnce(&dyn CentralTx) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let (mut body, mut result) = (Some(body), None);
    host.read(&mut |tx| result = body.take().map(|b| b(tx)))?;
    result.unwrap_or_else(|| Err(StorageError::corrupt("view: the body did not run")))
}

/// Whether a record of this owner is readable at all.
pub fn reads_owner(grants: &Grants, owner: RecordId) -> bool {
    grants.reads(omni_sync::diff::open(owner))
}
