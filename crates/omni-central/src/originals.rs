//! Signed originals of commits, given out to the laptops that keep them.

use crate::access::Access;
use crate::error::Result;
use crate::sample::BUILT_IN_DEVICE;
use crate::storage::{PageLimits, Storage, StorageExt};
use omni_protocol::limits::SERVER_FRAME_BYTES_MAX;
use omni_protocol::{DeviceId, Grants, Originals, OutcomeKind, Position};
use omni_sync::central::recovery::{add_original, is_keeper};

/// Commits looked at for one page.
const PAGE: PageLimits = PageLimits { commits: 1_000, bytes: SERVER_FRAME_BYTES_MAX / 8 };

/// What `device` is to keep of the commits after `after`: its own, and its share of the others'.
pub fn page(storage: &dyn Storage, access: &Access, device: DeviceId, after: u64) -> Result<Originals> {
    let everything = Grants::everything();
    let readers = || access.all().filter(|d| d.revoked_ms.is_none() && d.grants == everything).map(|d| d.device);
    Ok(storage.reading(|tx| {
        let head = tx.head()?.position;
        // What central made itself (the sample) nobody signed; it may be long, and a restore brings it back.
        let built_in = tx.setting(BUILT_IN_DEVICE)?.and_then(|id| DeviceId::from_slice(&id));
        let from = built_in.map_or(Ok(after), |device| tx.run_of(device, after))?;
        let commits = tx.commits_after(from.min(head.seq), PAGE, Some(&Grants::default()))?;
        let end = commits.last().map_or(head, |c| Position { epoch: head.epoch, ..c.position });
        let mut groups = Vec::new();
        let keeps = |seq: u64| is_keeper(readers(), device, seq);
        for commit in commits.iter().filter(|c| c.info.device == device || keeps(c.position.seq)) {
            let (replica, counter) = (commit.info.replica, commit.info.counter);
            let parked = tx.entries(replica, counter, counter)?.iter().any(|e| e.kind == OutcomeKind::Rejected);
            add_original(&mut groups, commit, parked, |replica, counter| tx.batches_over(replica, counter))?;
        }
        Ok(Originals { groups: groups.into_iter().map(|(_, group)| group).collect(), position: end })
    })?)
}
