//! Who wrote a change and what they knew: causality without clocks.

use crate::meta::{Interval, Stamp};
use omni_protocol::{Base, ChangeId, DeviceId, Parent, ReplicaId};
use std::collections::BTreeSet;

/// The author of one change as central sees it.
#[derive(Clone, Debug)]
pub struct Author {
    /// The change.
    pub change: ChangeId,
    /// Its replica.
    pub replica: ReplicaId,
    /// Its counter.
    pub counter: u64,
    /// Its device.
    pub device: DeviceId,
    /// The replica's ancestors, nearest first.
    pub lineage: Vec<Parent>,
    /// Writes of changes it names as relied on, by replica and counter, committed under another identity of its
    /// database: a renewed replica sends its queue again and central answers what it had committed before.
    pub relied: BTreeSet<(ReplicaId, u64)>,
    /// Its base in the current epoch's terms.
    pub base: u64,
    /// The epoch its base was named in.
    pub epoch: u32,
    /// When it was made.
    pub interval: Interval,
    /// Authority central grants it; higher wins under `Authority`.
    pub authority: u8,
    /// The author's own clock, shown only.
    pub typed_ms: i64,
    /// When it arrived.
    pub arrived_ms: i64,
    /// The seq its commit gets, if it makes one.
    pub seq: u64,
}

impl Author {
    /// Whether the author knew a write: it is in their base, or their own, or an ancestor's up to the named counter,
    /// or of a change they named as relied on.
    /// Own includes what this very change wrote before: an insert and a set of one record do not meet each other.
    /// Incarnations chain: a grandparent counts up to the smaller counter on the way, which `lineage` already holds.
    pub fn knows(&self, stamp: &Stamp) -> bool {
        stamp.seq <= self.base
            || (stamp.replica == self.replica && stamp.counter <= self.counter)
            || self.lineage.iter().any(|p| p.replica == stamp.replica && stamp.counter <= p.counter)
            || self.relied.contains(&(stamp.replica, stamp.counter))
    }

    /// The stamp of this change's writes.
    pub fn stamp(&self) -> Stamp {
        Stamp { seq: self.seq, replica: self.replica, counter: self.counter }
    }
}

/// A base in the current epoch's terms: of an older epoch it counts as min(base, fork seq), once per fork on the way.
/// A base of an unknown or later epoch knows nothing beyond the oldest fork.
pub fn effective_base(base: Base, current_epoch: u32, forks: &[(u32, u64)]) -> u64 {
    if base.epoch == current_epoch {
        return base.seq;
    }
    if !forks.iter().any(|(epoch, _)| *epoch == base.epoch) {
        return forks.iter().map(|(_, seq)| *seq).min().unwrap_or(0).min(base.seq);
    }
    forks.iter().filter(|(epoch, _)| *epoch >= base.epoch).fold(base.seq, |seq, (_, fork)| seq.min(*fork))
}
