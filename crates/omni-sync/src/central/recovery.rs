//! Central lost commits: what proves one, in which order they come back, and how one is committed again.

use super::admit::{Admission, Admitted, Sender, admit_run};
use super::integrity::Rights;
use super::tx::{CentralTx, Commit, ReplicaState};
use crate::sign;
use crate::storage::StorageError;
use omni_protocol::change::chain;
use omni_protocol::limits::{LINEAGE_MAX, ORIGINAL_KEEPERS};
use omni_protocol::{
    Batch, Change, ChangeId, DeviceId, Entry, Hash, OriginalCommit, OriginalGroup, Outcome, OutcomeKind, Parent,
    Position, ReplicaId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Commits in a row that the same laptops keep: their batches stay whole.
const KEEPERS_BLOCK: u64 = 256;

/// A signature over consecutive entries of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The replica.
    pub replica: ReplicaId,
    /// Its device.
    pub device: DeviceId,
    /// What it descends from.
    pub parent: Option<Parent>,
    /// Epoch it spoke to.
    pub epoch: u32,
    /// Counter of the first entry.
    pub first: u64,
    /// Chain head before it.
    pub prev: Hash,
    /// The link of each entry.
    pub links: Vec<Hash>,
    /// Ed25519.
    pub signature: Vec<u8>,
}

impl BatchRecord {
    /// What is kept of a batch that a device sent.
    pub fn of(batch: &Batch, device: DeviceId) -> BatchRecord {
        BatchRecord {
            replica: batch.replica,
            device,
            parent: batch.parent,
            epoch: batch.epoch,
            first: batch.first,
            prev: batch.prev_hash,
            links: batch.entries.iter().map(Entry::link).collect(),
            signature: batch.signature.to_vec(),
        }
    }

    /// Whether the entry with this counter and link is one of those signed.
    pub fn covers(&self, counter: u64, link: Hash) -> bool {
        let at = counter.checked_sub(self.first).and_then(|n| self.links.get(n as usize));
        at == Some(&link)
    }

    /// Whether this key signed it.
    pub fn is_signed(&self, public_key: &[u8; 32]) -> bool {
        sign::is_genuine(public_key, &self.signed_bytes(), &self.signature)
    }

    /// The same bytes as `Batch::signed_bytes`, from links instead of entries: the bytes of refused changes stay on the
    /// laptop, their links prove what was signed.
    fn signed_bytes(&self) -> Vec<u8> {
        let head = self.links.iter().fold(self.prev, |head, link| chain(head, *link));
        let count = self.links.len() as u64;
        let BatchRecord { replica, parent, epoch, first, .. } = self;
        omni_protocol::frame::to_bytes(&("omni-batch-1", replica, parent, epoch, first, count, head))
    }

    /// The chain head before one of its counters.
    pub fn chain_before(&self, counter: u64) -> Hash {
        let count = counter.saturating_sub(self.first) as usize;
        self.links.iter().take(count).fold(self.prev, |head, link| chain(head, *link))
    }

    /// As it is given to those who keep originals, still without commits.
    fn to_group(&self) -> OriginalGroup {
        OriginalGroup {
            replica: self.replica,
            device: self.device,
            parent: self.parent,
            epoch: self.epoch,
            first: self.first,
            prev: self.prev,
            links: self.links.iter().copied().map(Some).collect(),
            signature: self.signature.clone().into(),
            commits: Vec::new(),
        }
    }
}

/// Whether `device` is among those that keep the originals around a seq, of the active devices that read everything.
/// The same few for a block of commits, others for the next: what a loss needs is spread, and the bytes do not grow with
/// the number of laptops.
pub fn is_keeper(readers: impl IntoIterator<Item = DeviceId>, device: DeviceId, seq: u64) -> bool {
    let rank = |d: DeviceId| Hash::of("omni-keeper", &[d.as_bytes(), &(seq / KEEPERS_BLOCK).to_le_bytes()]);
    let mut ranked: Vec<(Hash, DeviceId)> = readers.into_iter().map(|d| (rank(d), d)).collect();
    ranked.sort();
    ranked.iter().take(ORIGINAL_KEEPERS).any(|(_, d)| *d == device)
}

/// Adds a commit to the group of its batch. `parked`: its change was refused. `find` looks for the signed batches over a
/// counter of a replica.
pub fn add_original(
    groups: &mut Vec<(BatchRecord, OriginalGroup)>,
    commit: &Commit,
    parked: bool,
    find: impl FnOnce(ReplicaId, u64) -> Result<Vec<BatchRecord>, StorageError>,
) -> Result<(), StorageError> {
    let (replica, counter) = (commit.info.replica, commit.info.counter);
    let link = Entry::Change(commit.change.clone().into()).link();
    let over = |b: &BatchRecord| b.replica == replica && b.covers(counter, link);
    let at = match groups.iter().position(|(batch, _)| over(batch)) {
        Some(at) => at,
        None => {
            // Made by central itself (the sample): nobody signed it, a restore brings it back.
            let Some(batch) = find(replica, counter)?.into_iter().find(|b| over(b)) else { return Ok(()) };
            let group = batch.to_group();
            groups.push((batch, group));
            groups.len() - 1
        }
    };
    let (batch, group) = &mut groups[at];
    group.links[(counter - batch.first) as usize] = None;
    let Position { epoch, seq, .. } = commit.position;
    let change = commit.change.clone().into();
    group.commits.push(OriginalCommit { epoch, seq, at_ms: commit.info.at_ms, counter, change, parked });
    Ok(())
}

/// The signed run a group was taken from, if its device's key proves it.
pub fn proven(group: &OriginalGroup, public_key: &[u8; 32]) -> Option<BatchRecord> {
    let link = |(at, link): (usize, &Option<Hash>)| {
        let counter = group.first.checked_add(at as u64)?;
        let here = || group.commits.iter().find(|c| c.counter == counter);
        link.or_else(|| here().map(|c| Entry::Change(c.change.clone()).link()))
    };
    let batch = BatchRecord {
        replica: group.replica,
        device: group.device,
        parent: group.parent,
        epoch: group.epoch,
        first: group.first,
        prev: group.prev,
        links: group.links.iter().enumerate().map(link).collect::<Option<Vec<Hash>>>()?,
        signature: group.signature.to_vec(),
    };
    let covered = |c: &OriginalCommit| batch.covers(c.counter, Entry::Change(c.change.clone()).link());
    (batch.is_signed(public_key) && group.commits.iter().all(covered)).then_some(batch)
}

/// One commit to bring back, with its proof.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The change.
    pub change: ChangeId,
    /// The commit as it was.
    pub commit: OriginalCommit,
    /// The signed run it is of.
    pub batch: Arc<BatchRecord>,
}

/// What was offered, each commit once, in original order. `prove` gives the signed run of a group whose signature fits.
pub fn in_original_order(
    offered: impl IntoIterator<Item = OriginalGroup>,
    mut prove: impl FnMut(&OriginalGroup) -> Option<BatchRecord>,
) -> Vec<Lost> {
    let mut lost: BTreeMap<(u32, u64, ChangeId), Lost> = BTreeMap::new();
    for group in offered {
        let Some(batch) = prove(&group).map(Arc::new) else { continue };
        for commit in group.commits {
            let Ok(Change { id: change, .. }) = Change::from_bytes(&commit.change) else { continue };
            lost.insert((commit.epoch, commit.seq, change), Lost { change, commit, batch: batch.clone() });
        }
    }
    by_counter(lost.into_values().collect())
}

/// Within a replica what is signed decides: its counters. When a commit was made is only said by whoever kept it, and must
/// not let a later change take the place of those before it.
fn by_counter(mut lost: Vec<Lost>) -> Vec<Lost> {
    let mut places: BTreeMap<ReplicaId, Vec<usize>> = BTreeMap::new();
    lost.iter().enumerate().for_each(|(place, one)| places.entry(one.batch.replica).or_default().push(place));
    for places in places.into_values() {
        let mut own: Vec<Lost> = places.iter().map(|place| lost[*place].clone()).collect();
        own.sort_by_key(|one| one.commit.counter);
        places.into_iter().zip(own).for_each(|(place, one)| lost[place] = one);
    }
    lost
}

/// What became of a commit that was to be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readmitted {
    /// Central knows the change.
    Known,
    /// Central holds something else where the commit was in its replica's order, or another device's replica.
    OutOfPlace,
    /// It was merged again, at its own time.
    Done {
        /// Its answer.
        outcome: Outcome,
        /// The commit, unless it was refused or changed nothing.
        commit: Option<Box<Commit>>,
    },
}

/// Commits a lost change again inside the caller's transaction: as if it arrived when it did, under its author's rights
/// as they are now. What it relies on was in effect then, so that is not asked again: part of it may be lost for good.
pub fn readmit(tx: &mut dyn CentralTx, lost: &Lost, rights: Rights, authority: u8) -> Result<Readmitted, StorageError> {
    let Lost { change, commit, batch } = lost;
    if tx.known_change(*change)?.is_some() {
        return Ok(Readmitted::Known);
    }
    let known = tx.replica(batch.replica)?;
    let elsewhere = |state: &ReplicaState| state.counter >= commit.counter || state.device != batch.device;
    if commit.counter == 0 || known.as_ref().is_some_and(elsewhere) {
        return Ok(Readmitted::OutOfPlace);
    }
    keep_places(tx, batch, known.as_ref().map_or(0, |state| state.counter), commit.counter)?;
    let lineage = match (known, batch.parent) {
        (Some(state), _) => state.lineage,
        (None, Some(parent)) => {
            let further = tx.replica(parent.replica)?.map(|state| state.lineage).unwrap_or_default();
            [parent].into_iter().chain(further).take(LINEAGE_MAX).collect()
        }
        (None, None) => Vec::new(),
    };
    let prev_hash = batch.chain_before(commit.counter);
    let (device, counter) = (batch.device, commit.counter - 1);
    tx.put_replica(batch.replica, &ReplicaState { device, lineage: lineage.clone(), counter, chain: prev_hash })?;
    let head = tx.head()?;
    let in_place = commit.seq == head.position.seq + 1 && head.forks.contains(&(commit.epoch, head.position.seq));
    let sender = Sender { device, rights, authority, lineage, now_ms: commit.at_ms, quarantine: BTreeSet::new() };
    let single = Batch {
        replica: batch.replica,
        parent: batch.parent,
        epoch: batch.epoch,
        first: commit.counter,
        prev_hash,
        entries: vec![Entry::Change(commit.change.clone())],
        signature: batch.signature.clone().into(),
    };
    let Admitted::Done { mut outcomes, mut commits } =
        admit_run(tx, &sender, &single, Admission::Again { parked: commit.parked })?
    else {
        return Ok(Readmitted::OutOfPlace);
    };
    let (Some(outcome), commit_again) = (outcomes.pop(), commits.pop()) else { return Ok(Readmitted::OutOfPlace) };
    if in_place && commit_again.is_some() {
        tx.raise_fork(commit.epoch, commit.seq)?;
    }
    Ok(Readmitted::Done { outcome, commit: commit_again.map(Box::new) })
}

/// What made no commit between two counters was refused then, or changed nothing, and its laptop has the answer. Its place
/// is answered again, so that answers are kept without gaps: whoever sends it once more is told that it is not known as
/// it was.
fn keep_places(tx: &mut dyn CentralTx, batch: &BatchRecord, after: u64, before: u64) -> Result<(), StorageError> {
    for counter in after + 1..before {
        let link = counter.checked_sub(batch.first).and_then(|at| batch.links.get(at as usize)).copied();
        let place = || Hash::of("omni-lost-answer", &[batch.replica.as_bytes(), &counter.to_le_bytes()]);
        let content = link.unwrap_or_else(place);
        let change =
            ChangeId::from_slice(&content.0[..16]).ok_or_else(|| StorageError("a hash is too short".into()))?;
        let outcome = Outcome {
            counter,
            change,
            kind: OutcomeKind::Skipped,
            seq: None,
            code: Some("not_recovered".to_owned()),
            message: Some("It had no effect before central was recovered.".to_owned()),
            root: None,
            waits: Vec::new(),
        };
        tx.put_outcome(batch.replica, content, &outcome)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_claimed_early_time_lets_no_change_pass_those_its_replica_signed_before_it() {
        let lost = |replica: u128, counter: u64| {
            let batch = BatchRecord {
                replica: ReplicaId(Uuid::from_u128(replica)),
                device: DeviceId(Uuid::from_u128(replica)),
                parent: None,
                epoch: 1,
                first: 1,
                prev: Hash::default(),
                links: Vec::new(),
                signature: Vec::new(),
            };
            let commit =
                OriginalCommit { epoch: 1, seq: 0, at_ms: 0, counter, change: Vec::new().into(), parked: false };
            Lost { change: ChangeId(Uuid::from_u128(u128::from(counter))), commit, batch: Arc::new(batch) }
        };
        let claimed = vec![lost(1, 3), lost(2, 1), lost(1, 1), lost(2, 2), lost(1, 2)];
        let order: Vec<(u128, u64)> =
            by_counter(claimed).iter().map(|l| (l.batch.replica.0.as_u128(), l.commit.counter)).collect();
        assert_eq!(order, [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)]);
    }

    #[test]
    fn links_stand_for_entries() {
        let skip = |n: u8| Entry::Skip { hash: Hash([n; 32]), reason: format!("reason {n}") };
        let batch = Batch {
            replica: ReplicaId(Uuid::from_u128(7)),
            parent: None,
            epoch: 3,
            first: 12,
            prev_hash: Hash([9; 32]),
            entries: vec![skip(1), skip(2)],
            signature: Vec::new().into(),
        };
        let record = BatchRecord::of(&batch, DeviceId(Uuid::from_u128(1)));
        assert_eq!(record.signed_bytes(), batch.signed_bytes());
    }
}
