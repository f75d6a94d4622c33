//! A new incarnation of a replica: another identity over the same data, naming its parent. Used when the database was
//! restored or cloned (its cookie differs from the keychain's), or central saw two databases under one identity.

use super::overlay;
use super::tx::{OutboxEntry, OutboxState, ReplicaTx};
use crate::storage::StorageError;
use omni_protocol::limits::LINEAGE_MAX;
use omni_protocol::{Change, Hash, Parent, ReplicaId};

/// Gives the replica a fresh identity. Its queue is kept with all ids: what was sealed and not answered is sealed again
/// under the new identity, and central answers known ids with their stored outcome.
pub fn renew(tx: &mut dyn ReplicaTx, fresh: ReplicaId) -> Result<(), StorageError> {
    renew_knowing(tx, fresh, u64::MAX)
}

/// As `renew`, knowing of what any earlier incarnation wrote only what has a counter up to `most`.
fn renew_knowing(tx: &mut dyn ReplicaTx, fresh: ReplicaId, most: u64) -> Result<(), StorageError> {
    let mut meta = tx.meta()?;
    let sealed = tx.outbox_sealed(1, usize::MAX)?;
    // Only what was answered is surely this database's: a twin may have used the counters after it. What was sealed
    // here and committed all the same is known by the dependencies of the changes that follow it.
    let unanswered = sealed.first().and_then(|e| e.counter).unwrap_or(meta.next_counter);
    let counter = unanswered - 1;
    // An ancestor is known up to the smaller counter on the way, which each step fixed when it was made.
    meta.lineage.insert(0, Parent { replica: meta.replica, counter });
    meta.lineage.truncate(LINEAGE_MAX);
    meta.lineage.iter_mut().for_each(|parent| parent.counter = parent.counter.min(most));
    meta.replica = fresh;
    meta.next_counter = 1;
    meta.chain = Hash::default();
    for entry in sealed {
        tx.outbox_update(&OutboxEntry {
            state: OutboxState::Unsealed,
            counter: None,
            sealed: None,
            prev_chain: None,
            skip: None,
            ..entry
        })?;
    }
    tx.set_meta(&meta)
}

/// Central's history as its welcome tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralHistory {
    /// Its epoch.
    pub epoch: u32,
    /// For each earlier epoch, up to where it holds what laptops know of it.
    pub forks: Vec<(u32, u64)>,
    /// The counter it expects of this replica.
    pub expected: u64,
}

impl CentralHistory {
    /// The seq up to which it holds what it told this copy in `epoch` or before: every fork since cuts it shorter. An
    /// epoch central does not know shares nothing for sure, its present one everything.
    pub fn common_seq(&self, epoch: u32) -> u64 {
        if epoch >= self.epoch {
            return u64::MAX;
        }
        let known = self.forks.iter().any(|(e, _)| *e == epoch);
        let since = self.forks.iter().filter(|(e, _)| *e >= epoch).map(|(_, seq)| *seq);
        since.min().filter(|_| known).unwrap_or(0)
    }

    /// The first counter it has answered and forgotten: it was rolled back, and nobody has proven it yet.
    fn forgotten(&self, tx: &dyn ReplicaTx) -> Result<u64, StorageError> {
        let unanswered = tx.outbox_sealed(1, 1)?.first().and_then(|e| e.counter);
        let unanswered = unanswered.unwrap_or(tx.meta()?.next_counter);
        Ok(if self.expected < unanswered { self.expected } else { u64::MAX })
    }
}

/// An own confirmed change that left the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place among the own changes.
    pub local_no: u64,
    /// Its counter in the incarnation that sent it.
    pub counter: Option<u64>,
    /// The change.
    pub change: Change,
}

/// Central's history is the one this copy knew up to `fork`, or less if it forgot answers it gave. Own changes it had
/// accepted after that may be lost there: they are queued again, under a new identity and with their ids, and central
/// answers those it holds with their stored outcome. `kept`: own confirmed changes after `fork`, which left the queue and
/// are kept no longer.
///
/// They keep their places: each goes before what was made after it. What was made after may have been brought back
/// already, so the new incarnation knows by its descent only what was made before the first of them; what a later one
/// relies on it names. Returns how many are queued again.
pub fn reopen(
    tx: &mut dyn ReplicaTx,
    history: &CentralHistory,
    fork: u64,
    kept: Vec<Kept>,
    fresh: ReplicaId,
) -> Result<usize, StorageError> {
    let forgotten = history.forgotten(tx)?;
    let after = |e: &OutboxEntry| {
        let lost = e.counter.is_some_and(|counter| counter >= forgotten);
        matches!(e.state, OutboxState::Acked { seq } if seq > fork || lost)
    };
    let acked: Vec<OutboxEntry> = tx.outbox_acked(u64::MAX)?.into_iter().filter(after).collect();
    let count = acked.len() + kept.len();
    if count == 0 {
        return Ok(0);
    }
    let first = acked.iter().filter_map(|e| e.counter).chain(kept.iter().filter_map(|k| k.counter)).min();
    renew_knowing(tx, fresh, first.map_or(0, |first| first.saturating_sub(1)))?;
    for entry in acked {
        let state = OutboxState::Unsealed;
        let (counter, sealed, prev_chain, outcome) = (None, None, None, None);
        tx.outbox_update(&OutboxEntry { state, counter, sealed, prev_chain, outcome, ..entry })?;
    }
    for Kept { local_no, change, .. } in kept {
        let records: Vec<_> = change.ops.iter().map(|op| op.record()).collect();
        for (c, id) in &records {
            if tx.confirmed(*c, *id)?.is_none() {
                let row = tx.row(*c, *id)?;
                tx.put_confirmed(*c, *id, row.as_ref())?;
            }
        }
        // Sent before: its operator can no longer edit it.
        tx.outbox_insert(&OutboxEntry { local_no, attempts: 1, ..OutboxEntry::waiting(change) })?;
        for (c, id) in records {
            overlay::rebuild(tx, c, id, None)?;
        }
    }
    Ok(count)
}
