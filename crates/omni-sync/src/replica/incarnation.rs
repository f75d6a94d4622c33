//! A new incarnation of a replica: another identity over the same data, naming its parent. Used when the database was
//! restored or cloned (its cookie differs from the keychain's), or central saw two databases under one identity.

use super::tx::{OutboxEntry, OutboxState, ReplicaTx};
use crate::storage::StorageError;
use omni_protocol::limits::LINEAGE_MAX;
use omni_protocol::{Hash, Parent, ReplicaId};

/// Gives the replica a fresh identity. Its queue is kept with all ids: what was sealed and not answered is sealed again
/// under the new identity, and central answers known ids with their stored outcome.
pub fn renew(tx: &mut dyn ReplicaTx, fresh: ReplicaId) -> Result<(), StorageError> {
    let mut meta = tx.meta()?;
    let sealed = tx.outbox_sealed(1, usize::MAX)?;
    // Only what was answered is surely this database's: a twin may have used the counters after it. What was sealed
    // here and committed all the same is known by the dependencies of the changes that follow it.
    let unanswered = sealed.first().and_then(|e| e.counter).unwrap_or(meta.next_counter);
    let counter = unanswered - 1;
    // An ancestor is known up to the smaller counter on the way, which each step fixed when it was made.
    meta.lineage.insert(0, Parent { replica: meta.replica, counter });
    meta.lineage.truncate(LINEAGE_MAX);
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
