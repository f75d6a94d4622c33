//! The newest commits in memory, so that live sessions send them without reading the database. Bounded: a session that
//! falls behind its beginning reads pages from the log.

use omni_sync::central::Commit;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

/// Commits kept at most.
const COMMITS_MAX: usize = 16_384;
/// Bytes kept at most.
const BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
struct Kept {
    commits: VecDeque<Arc<Commit>>,
    bytes: usize,
}

/// Recent commits in seq order without a gap.
#[derive(Debug, Default)]
pub struct Ring(RwLock<Kept>);

fn size(commit: &Commit) -> usize {
    commit.change.len() + commit.parts.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + 256
}

impl Ring {
    /// Adds commits that just became durable. A gap drops what was kept: the ring is never wrong, only short.
    pub fn extend(&self, commits: impl IntoIterator<Item = Arc<Commit>>) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for commit in commits {
            let continues = kept.commits.back().is_none_or(|c| c.position.seq + 1 == commit.position.seq);
            if !continues {
                *kept = Kept::default();
            }
            kept.bytes += size(&commit);
            kept.commits.push_back(commit);
            while kept.commits.len() > COMMITS_MAX || (kept.bytes > BYTES_MAX && kept.commits.len() > 1) {
                if let Some(old) = kept.commits.pop_front() {
                    kept.bytes -= size(&old);
                }
            }
        }
    }

    /// Forgets everything: what the log holds is uncertain.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// The commits after `after`, at most `max`. Starts later if the ring no longer reaches back that far.
    pub fn after(&self, after: u64, max: usize) -> Vec<Arc<Commit>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let from = kept.commits.partition_point(|c| c.position.seq <= after);
        kept.commits.iter().skip(from).take(max).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_protocol::{ChangeId, CommitInfo, DeviceId, Hash, Position, ReplicaId};

    fn commit(seq: u64, bytes: usize) -> Arc<Commit> {
        let nil = uuid::Uuid::nil();
        Arc::new(Commit {
            position: Position { epoch: 1, seq, hash: Hash::default() },
            prev: Hash::default(),
            info: CommitInfo {
                change: ChangeId(nil),
                replica: ReplicaId(nil),
                counter: seq,
                device: DeviceId(nil),
                command: 0,
                at_ms: 0,
                priority: 2,
                group: None,
            },
            change: vec![0; bytes],
            parts: Vec::new(),
            deltas: Vec::new(),
            images: Vec::new(),
        })
    }

    fn seqs(commits: &[Arc<Commit>]) -> Vec<u64> {
        commits.iter().map(|c| c.position.seq).collect()
    }

    #[test]
    fn gives_what_follows() {
        let ring = Ring::default();
        ring.extend((5..9).map(|s| commit(s, 1)));
        assert_eq!(seqs(&ring.after(6, 10)), [7, 8]);
        assert_eq!(seqs(&ring.after(0, 2)), [5, 6]);
        assert!(ring.after(8, 10).is_empty());
    }

    #[test]
    fn a_gap_and_too_many_bytes_make_it_short_not_wrong() {
        let ring = Ring::default();
        ring.extend([commit(1, 1), commit(2, 1), commit(4, 1)]);
        assert_eq!(seqs(&ring.after(0, 10)), [4]);
        ring.extend((5..8).map(|s| commit(s, BYTES_MAX / 2)));
        assert_eq!(seqs(&ring.after(0, 10)), [7]);
    }
}
