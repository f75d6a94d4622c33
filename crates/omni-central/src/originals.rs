//! Signed originals of commits, given out to the laptops that keep them, and what one proves.

use crate::access::Access;
use crate::error::Result;
use crate::sample::BUILT_IN_DEVICE;
use crate::storage::{BatchRecord, PageLimits, ReadTx, Storage, StorageExt};
use crate::verify::is_signed;
use omni_protocol::change::chain;
use omni_protocol::limits::{ORIGINAL_KEEPERS, SERVER_FRAME_BYTES_MAX};
use omni_protocol::{DeviceId, Entry, Grants, Hash, OriginalCommit, OriginalGroup, Originals, Position};
use omni_sync::StorageError;
use omni_sync::central::Commit;

/// Commits looked at for one page.
const PAGE: PageLimits = PageLimits { commits: 1_000, bytes: SERVER_FRAME_BYTES_MAX / 8 };
/// Commits in a row that the same laptops keep: their batches stay whole.
const BLOCK: u64 = 256;

/// What `device` is to keep of the commits after `after`: its own, and its share of the others'.
pub fn page(storage: &dyn Storage, access: &Access, device: DeviceId, after: u64) -> Result<Originals> {
    Ok(storage.reading(|tx| {
        let head = tx.head()?.position;
        // What central made itself (the sample) nobody signed; it may be long, and a restore brings it back.
        let built_in = tx.setting(BUILT_IN_DEVICE)?.and_then(|id| DeviceId::from_slice(&id));
        let from = built_in.map_or(Ok(after), |device| tx.run_of(device, after))?;
        let commits = tx.commits_after(from.min(head.seq), PAGE, Some(&Grants::default()))?;
        let end = commits.last().map_or(head, |c| Position { epoch: head.epoch, ..c.position });
        let mut groups = Vec::new();
        for commit in commits.iter().filter(|c| c.info.device == device || keeps(access, device, c.position.seq)) {
            add(tx, &mut groups, commit)?;
        }
        Ok(Originals { groups: groups.into_iter().map(|(_, group)| group).collect(), position: end })
    })?)
}

/// Whether a laptop that reads everything is among those that keep the originals around a seq. The same few for a block
/// of commits, others for the next: what a loss needs is spread, and the bytes do not grow with the number of laptops.
fn keeps(access: &Access, device: DeviceId, seq: u64) -> bool {
    let everything = Grants::everything();
    let rank = |d: DeviceId| Hash::of("omni-keeper", &[d.as_bytes(), &(seq / BLOCK).to_le_bytes()]);
    let readers = access.all().filter(|d| d.revoked_ms.is_none() && d.grants == everything).map(|d| d.device);
    let mut ranked: Vec<(Hash, DeviceId)> = readers.map(|d| (rank(d), d)).collect();
    ranked.sort();
    ranked.iter().take(ORIGINAL_KEEPERS).any(|(_, d)| *d == device)
}

fn add(tx: &dyn ReadTx, groups: &mut Vec<(BatchRecord, OriginalGroup)>, commit: &Commit) -> Result<(), StorageError> {
    let (counter, link) = (commit.info.counter, Entry::Change(commit.change.clone().into()).link());
    let over = |b: &BatchRecord| {
        b.replica == commit.info.replica
            && counter >= b.first
            && b.links.get((counter - b.first) as usize) == Some(&link)
    };
    let known = groups.iter().position(|(batch, _)| over(batch));
    let at = match known {
        Some(at) => at,
        None => {
            let found = tx.batches_over(commit.info.replica, counter)?.into_iter().find(|b| over(b));
            // Made by central itself between others' changes.
            let Some(batch) = found else { return Ok(()) };
            groups.push((batch.clone(), empty(&batch)));
            groups.len() - 1
        }
    };
    let (batch, group) = &mut groups[at];
    group.links[(counter - batch.first) as usize] = None;
    let Position { epoch, seq, .. } = commit.position;
    let change = commit.change.clone().into();
    group.commits.push(OriginalCommit { epoch, seq, at_ms: commit.info.at_ms, counter, change });
    Ok(())
}

fn empty(b: &BatchRecord) -> OriginalGroup {
    OriginalGroup {
        replica: b.replica,
        device: b.device,
        parent: b.parent,
        epoch: b.epoch,
        first: b.first,
        prev: b.prev,
        links: b.links.iter().copied().map(Some).collect(),
        signature: b.signature.clone().into(),
        commits: Vec::new(),
    }
}

/// The signed run a group was taken from, if its device's key proves it.
pub fn proven(group: &OriginalGroup, public_key: &[u8; 32]) -> Option<BatchRecord> {
    let link = |(at, link): (usize, &Option<Hash>)| {
        let counter = group.first + at as u64;
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
    let covered = |c: &OriginalCommit| {
        let at = c.counter.checked_sub(batch.first).and_then(|n| batch.links.get(n as usize));
        at == Some(&Entry::Change(c.change.clone()).link())
    };
    (is_signed(&batch, public_key) && group.commits.iter().all(covered)).then_some(batch)
}

/// The chain head of a run before one of its counters.
pub fn chain_before(batch: &BatchRecord, counter: u64) -> Hash {
    let count = (counter - batch.first) as usize;
    batch.links.iter().take(count).fold(batch.prev, |head, link| chain(head, *link))
}
