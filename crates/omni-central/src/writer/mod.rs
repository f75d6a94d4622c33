//! The one writer: takes waiting batches, merges as many as are there in one transaction, commits, answers, fans out.

mod group;
pub mod note;

use crate::core::Core;
use crate::error::{CentralError, Result};
use group::GroupWriter;
use note::Notes;
use omni_protocol::{Batch, DeviceId, Hash, Outcome, Parent};
use omni_sync::StorageError;
use omni_sync::central::{Admitted, CentralTx, Sender, admit_batch};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Batches that may wait. One more is answered `busy`.
const QUEUE_BATCHES_MAX: usize = 4_096;
/// Bytes that may wait.
const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Batches in one transaction at most.
const GROUP_BATCHES_MAX: usize = 256;
/// Changes after which a transaction takes no further batch: it stays short.
const GROUP_CHANGES_MAX: usize = 1_000;

/// The merge: `omni_sync::central::admit_batch`, or a stand-in that misbehaves on purpose.
pub type Admit = dyn Fn(&mut dyn CentralTx, &Sender, &Batch) -> Result<Admitted, StorageError> + Send + Sync;

/// What a pushed batch is answered with.
#[derive(Debug)]
pub enum Answer {
    /// Durable outcomes in counter order.
    Outcomes(Vec<Outcome>),
    /// The batch starts behind a gap.
    Expected {
        /// Next counter expected.
        counter: u64,
        /// Chain head before it.
        chain: Hash,
    },
    /// Nothing of it happened.
    Refused(CentralError),
}

/// A batch on its way to the writer. Its signature was checked.
pub struct Push {
    /// Who sends it.
    pub device: DeviceId,
    /// The replica's ancestors, nearest first.
    pub lineage: Vec<Parent>,
    /// The batch.
    pub batch: Batch,
    /// Its size on the wire.
    pub bytes: usize,
    /// When it arrived, unix milliseconds.
    pub received_ms: i64,
    /// Called once, from the writer's thread.
    pub reply: Box<dyn FnOnce(Answer) + Send>,
}

/// The way to the writer.
pub struct Writer {
    queue: RwLock<Option<SyncSender<Push>>>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: AtomicUsize,
    bytes: AtomicUsize,
}

impl Writer {
    /// Starts the writer's thread. It ends after `stop`, when the queue is empty.
    pub fn start(core: Arc<Core>, admit: Arc<Admit>) -> Result<(Writer, JoinHandle<()>)> {
        let notes = Notes::open(&core.folder)?;
        let (queue, inbox) = sync_channel(QUEUE_BATCHES_MAX);
        let waiting = Arc::new(Waiting::default());
        let group = GroupWriter { core: core.clone(), admit, notes };
        let seen = waiting.clone();
        let thread = std::thread::Builder::new()
            .name("central-writer".to_owned())
            .spawn(move || run(group, &inbox, &seen))
            .map_err(|e| CentralError::new("io", "The writer's thread could not start.").because(e))?;
        Ok((Writer { queue: RwLock::new(Some(queue)), waiting }, thread))
    }

    /// The merge everybody uses.
    pub fn real() -> Arc<Admit> {
        Arc::new(|tx, sender, batch| admit_batch(tx, sender, batch))
    }

    /// Takes no further batch. What waits is still admitted and answered.
    pub fn stop(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Hands a batch over, or says `busy` at once.
    pub fn submit(&self, push: Push) -> Result<()> {
        let busy = || CentralError::retryable("busy", "Central has more waiting than it takes. Try again in a moment.");
        let stopping = || CentralError::retryable("stopping", "Central is stopping.");
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(stopping)?;
        let bytes = push.bytes;
        if self.waiting.bytes.load(Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX {
            return Err(busy());
        }
        self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.waiting.batches.fetch_add(1, Ordering::Relaxed);
        queue.try_send(push).map_err(|e| {
            self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.waiting.batches.fetch_sub(1, Ordering::Relaxed);
            match e {
                TrySendError::Full(_) => busy(),
                TrySendError::Disconnected(_) => stopping(),
            }
        })
    }
}

fn run(mut writer: GroupWriter, inbox: &Receiver<Push>, waiting: &Waiting) {
    while let Ok(first) = inbox.recv() {
        let group = gather(first, inbox);
        for push in &group {
            waiting.bytes.fetch_sub(push.bytes, Ordering::Relaxed);
        }
        let left = waiting.batches.fetch_sub(group.len(), Ordering::Relaxed) - group.len();
        writer.core.metrics.queue_depth.set(left as f64);
        let started = Instant::now();
        writer.core.metrics.group_batches.record(group.len() as f64);
        writer.admit(group);
        report(started.elapsed());
        writer.core.metrics.commit_seconds.record(started.elapsed());
    }
}

/// Slow transactions are worth a line in the log.
fn report(took: Duration) {
    if took > Duration::from_millis(500) {
        tracing::warn!(ms = took.as_millis() as u64, "a write transaction was slow");
    }
}

/// Everything that waits, up to one group.
fn gather(first: Push, inbox: &Receiver<Push>) -> Vec<Push> {
    let mut changes = first.batch.entries.len();
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES_MAX && changes < GROUP_CHANGES_MAX {
        let Ok(next) = inbox.try_recv() else { break };
        changes += next.batch.entries.len();
        group.push(next);
    }
    group
}
