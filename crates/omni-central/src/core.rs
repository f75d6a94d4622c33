//! What the parts of a running central share.

use crate::access::Access;
use crate::clock::Clock;
use crate::error::Result;
use crate::folder::Folder;
use crate::hints::Hints;
use crate::ledger;
use crate::metrics::Metrics;
use crate::ring::Ring;
use crate::storage::{Directory, Storage, StorageExt};
use ed25519_dalek::SigningKey;
use omni_protocol::{BootId, DeviceId};
use omni_sync::StorageError;
use omni_sync::central::BootSample;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A ping of a boot is kept this often, milliseconds: drift over it stays below 60 ms.
const SAMPLE_EVERY_MS: i64 = 300_000;
/// Boots remembered for that rule.
const BOOTS_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Samples {
    pending: Vec<(DeviceId, BootId, BootSample)>,
    kept_at: HashMap<(DeviceId, BootId), i64>,
}

#[derive(Debug, Default)]
struct Seen {
    devices: HashMap<DeviceId, (i64, u64)>,
}

/// Shared state of one running central.
pub struct Core {
    /// The data folder.
    pub folder: Folder,
    /// Durable state.
    pub storage: Arc<dyn Storage>,
    /// What is new, who is there.
    pub hints: Arc<dyn Hints>,
    /// The newest commits.
    pub ring: Ring,
    /// Central's clock.
    pub clock: Clock,
    /// Figures.
    pub metrics: Metrics,
    /// The head this process found: files are put back while none runs, so the log up to here is older than that.
    pub began_at: u64,
    /// Central's own key: signs the heads of the ledger.
    pub key: SigningKey,
    /// Held by whoever takes originals or commits them: what is taken is committed, or its laptop told that it is not.
    pub recovery: Mutex<()>,
    /// Cancelled when central stops, by order or because it must.
    pub stopping: CancellationToken,
    access: RwLock<Arc<Access>>,
    access_changed: watch::Sender<u64>,
    samples: Mutex<Samples>,
    seen: Mutex<Seen>,
    fatal: Mutex<Option<String>>,
}

impl Core {
    /// Reads rights and the clock's lower bound; signs the ledger's head if it is not signed.
    pub fn new(folder: Folder, storage: Arc<dyn Storage>, hints: Arc<dyn Hints>) -> Result<Core> {
        let (access, last_ms, head) = storage.reading(|tx| {
            let head = tx.head()?.position.seq;
            let limits = crate::storage::PageLimits { commits: 1, bytes: 0 };
            let last = tx.commits_after(head.saturating_sub(1), limits, None)?;
            Ok((Access::load(tx)?, last.first().map_or(0, |c| c.info.at_ms), head))
        })?;
        hints.announce(head, &[]);
        let (key, clock) = (folder.signing_key()?, Clock::starting_at(last_ms));
        storage.writing(|tx| ledger::begin(tx, &key, clock.now_ms()))?;
        let generation = access.generation;
        Ok(Core {
            folder,
            storage,
            hints,
            ring: Ring::default(),
            clock,
            metrics: Metrics::new(),
            began_at: head,
            key,
            recovery: Mutex::default(),
            stopping: CancellationToken::new(),
            access: RwLock::new(Arc::new(access)),
            access_changed: watch::Sender::new(generation),
            samples: Mutex::default(),
            seen: Mutex::default(),
            fatal: Mutex::default(),
        })
    }

    /// Rights as last read.
    pub fn access(&self) -> Arc<Access> {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wakes when rights or devices changed.
    pub fn access_changes(&self) -> watch::Receiver<u64> {
        self.access_changed.subscribe()
    }

    /// Every session looks at once whether it may go on.
    pub fn wake_sessions(&self) {
        self.access_changed.send_modify(|_| {});
    }

    /// Reads rights again if another process changed them. The result is what `directory` says now.
    pub fn refresh_access(&self, directory: &(impl Directory + ?Sized)) -> Result<Arc<Access>, StorageError> {
        let present = self.access();
        if directory.access_generation()? == present.generation {
            return Ok(present);
        }
        let access = Arc::new(Access::load(directory)?);
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access.clone();
        self.access_changed.send_replace(access.generation);
        Ok(access)
    }

    /// Remembers a ping; it becomes durable with the next write. One per boot and five minutes, and the first of each
    /// connection (`first`).
    pub fn sampled(&self, device: DeviceId, boot: BootId, sample: BootSample, first: bool) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let due = samples.kept_at.get(&(device, boot)).is_none_or(|at| sample.to_ms - at >= SAMPLE_EVERY_MS);
        if !due && !first {
            return;
        }
        if samples.kept_at.len() >= BOOTS_MAX {
            samples.kept_at.clear();
        }
        samples.kept_at.insert((device, boot), sample.to_ms);
        samples.pending.push((device, boot, sample));
    }

    /// Remembers that a device was heard and how far its copy is durable.
    pub fn saw(&self, device: DeviceId, at_ms: i64, durable_seq: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = seen.devices.entry(device).or_default();
        *entry = (at_ms.max(entry.0), durable_seq.max(entry.1));
    }

    /// Pings not yet written.
    pub fn take_samples(&self) -> Vec<(DeviceId, BootId, BootSample)> {
        std::mem::take(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner).pending)
    }

    /// Writes what was only remembered: pings and when devices were heard.
    pub fn write_remembered(&self) -> Result<()> {
        let samples = self.take_samples();
        let seen = std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner).devices);
        if samples.is_empty() && seen.is_empty() {
            return Ok(());
        }
        self.storage.writing(|tx| {
            for (device, boot, sample) in &samples {
                tx.put_boot_sample(*device, *boot, *sample)?;
            }
            for (device, (at_ms, durable)) in &seen {
                tx.touch_device(*device, *at_ms, *durable)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Central cannot go on: stops everything and keeps the sentence.
    pub fn fail(&self, why: String) {
        tracing::error!(%why, "central stops");
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stopping.cancel();
    }

    /// Why central had to stop, if it had to.
    pub fn failure(&self) -> Option<String> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
