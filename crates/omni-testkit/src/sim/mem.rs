//! The hosts in memory: thousands of seeds in seconds.

use super::driver::{Report, run_with};
use super::host::{CentralHost, Hosts, ReplicaHost, Snapshot};
use super::plan::Plan;
use super::snapshot;
use crate::mem_central::{self, MemCentral};
use crate::mem_replica::{Durability, MemReplica, State};
use crate::sim::Rng;
use omni_protocol::{BootId, ConflictItem, DeviceId, Grants, OriginalGroup, Position, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{BootSample, CentralTx, Commit};
use omni_sync::meta::Stored;
use omni_sync::replica::{CentralHistory, ReplicaTx, fresh_meta};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Everything in memory.
#[derive(Debug, Default)]
pub struct MemHosts;

/// Plays one seed in memory with its plan changed by `adjust`. `print` writes the trace to standard output.
///
/// Not generic on purpose: what is generic is compiled where it is used, and tests are compiled without optimisation.
pub fn play(seed: u64, print: bool, adjust: &dyn Fn(&mut Plan)) -> Report {
    run_with(seed, MemHosts, print, adjust)
}

/// Plays seeds from `first` on, `count` of them, over some threads; reports in order of seeds.
pub fn play_many(first: u64, count: u64, threads: usize, adjust: &(dyn Fn(&mut Plan) + Sync)) -> Vec<Report> {
    let next = AtomicU64::new(first);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(count) {
                        return;
                    }
                    let report = play(seed, false, adjust);
                    reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by_key(|r| r.seed);
    reports
}

impl Hosts for MemHosts {
    type Replica = MemReplica;
    type Central = MemCentral;

    fn replica(&mut self, _index: usize, id: ReplicaId) -> Result<MemReplica, StorageError> {
        Ok(MemReplica::new(fresh_meta(id)))
    }

    fn central(&mut self) -> Result<MemCentral, StorageError> {
        Ok(MemCentral::new())
    }
}

impl ReplicaHost for MemReplica {
    type Image = Box<State>;

    fn write(
        &mut self,
        durability: Durability,
        body: &mut dyn FnMut(&mut dyn ReplicaTx) -> bool,
    ) -> Result<bool, StorageError> {
        Ok(MemReplica::write(self, durability, body))
    }

    fn read(&mut self, body: &mut dyn FnMut(&dyn ReplicaTx)) -> Result<(), StorageError> {
        MemReplica::read(self, body);
        Ok(())
    }

    fn install_snapshot(&mut self, snapshot: &Snapshot, grants: &Grants) -> Result<(), StorageError> {
        let mut failure = None;
        let committed = MemReplica::write(self, Durability::Full, &mut |tx| {
            failure = snapshot::install(tx, snapshot, grants).err();
            failure.is_none()
        });
        debug_assert!(committed || failure.is_some());
        failure.map_or(Ok(()), Err)
    }

    fn keep_originals(&mut self, groups: &[OriginalGroup], to: Position) -> Result<(), StorageError> {
        MemReplica::keep_originals(self, groups, to);
        Ok(())
    }

    fn originals_to(&mut self) -> Result<(u32, u64), StorageError> {
        Ok(MemReplica::originals_to(self))
    }

    fn originals(&mut self) -> Result<Vec<OriginalGroup>, StorageError> {
        Ok(MemReplica::originals(self))
    }

    fn follow_history(&mut self, history: &CentralHistory, fresh: ReplicaId) -> Result<usize, StorageError> {
        MemReplica::follow_history(self, history, fresh)
    }

    fn crash(&mut self, rng: &mut Rng) -> Result<(), StorageError> {
        MemReplica::crash(self, rng);
        Ok(())
    }

    fn image(&mut self) -> Result<Box<State>, StorageError> {
        Ok(Box::new(self.state().clone()))
    }

    fn restore(&mut self, image: &Box<State>) -> Result<(), StorageError> {
        self.swap((**image).clone());
        Ok(())
    }
}

impl CentralHost for MemCentral {
    type Image = Box<MemCentral>;

    fn image(&mut self) -> Result<Box<MemCentral>, StorageError> {
        Ok(Box::new(self.clone()))
    }

    fn restore(&mut self, image: &Box<MemCentral>) -> Result<(), StorageError> {
        self.clone_from(image);
        Ok(())
    }

    fn write(&mut self, body: &mut dyn FnMut(&mut dyn CentralTx) -> bool) -> Result<bool, StorageError> {
        Ok(mem_central::transact(self, body))
    }

    fn read(&mut self, body: &mut dyn FnMut(&dyn CentralTx)) -> Result<(), StorageError> {
        body(self);
        Ok(())
    }

    fn log(&mut self, after: u64, limit: usize) -> Result<Vec<Commit>, StorageError> {
        Ok(self.log.iter().skip(after as usize).take(limit).cloned().collect())
    }

    fn add_boot_sample(&mut self, device: DeviceId, boot: BootId, sample: BootSample) -> Result<(), StorageError> {
        self.samples.entry((device, boot)).or_default().push(sample);
        Ok(())
    }

    fn snapshot(&mut self, grants: &Grants) -> Result<Snapshot, StorageError> {
        let digests = self.digests.iter().map(|(s, d)| (*s, *d)).collect();
        Ok(snapshot::build(self.position, grants, self.records.values(), self.conflicts.values(), digests))
    }

    fn live_records(&mut self) -> Result<Vec<Stored>, StorageError> {
        Ok(self.records.values().filter(|s| s.is_live()).cloned().collect())
    }

    fn all_conflicts(&mut self) -> Result<Vec<(Scope, ConflictItem)>, StorageError> {
        Ok(self.conflicts.values().cloned().collect())
    }

    fn crash(&mut self, _rng: &mut Rng) -> Result<(), StorageError> {
        Ok(())
    }
}
