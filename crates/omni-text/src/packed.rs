//! Entries as stored: a few bytes each. What follows from the entries before is not written.

use crate::history::Entry;
use loro::{ID, VersionVector};
use minicbor::{Decode, Encode};
use omni_protocol::ReplicaId;
use omni_sync::meta::Stamp;
use std::collections::BTreeMap;

/// Entries with their replicas and peers numbered.
#[derive(Encode, Decode)]
pub struct Packed {
    #[n(0)]
    replicas: Vec<ReplicaId>,
    #[n(1)]
    peers: Vec<u64>,
    #[n(2)]
    entries: Vec<PackedEntry>,
}

/// One entry.
#[derive(Encode, Decode)]
struct PackedEntry {
    /// Number of the peer.
    #[n(0)]
    peer: u32,
    /// Operations.
    #[n(1)]
    ops: u32,
    /// Number of the replica; seq and counter as steps from the entry before.
    #[n(2)]
    stamp: Option<(u32, i64, i64)>,
    /// `None` = the entry before.
    #[n(3)]
    parents: Option<Vec<u32>>,
    #[n(4)]
    aside: Option<String>,
}

fn number<T: Copy + Ord>(seen: &mut BTreeMap<T, u32>, all: &mut Vec<T>, item: T) -> u32 {
    *seen.entry(item).or_insert_with(|| {
        all.push(item);
        all.len() as u32 - 1
    })
}

impl Packed {
    /// For storing.
    pub fn pack(entries: &[Entry]) -> Packed {
        let mut out = Packed { replicas: Vec::new(), peers: Vec::new(), entries: Vec::with_capacity(entries.len()) };
        let (mut replicas, mut peers) = (BTreeMap::new(), BTreeMap::new());
        let mut last = (0, 0);
        for (i, e) in (0u32..).zip(entries) {
            let stamp = e.stamp.map(|s| {
                let steps = (s.seq.wrapping_sub(last.0) as i64, s.counter.wrapping_sub(last.1) as i64);
                last = (s.seq, s.counter);
                (number(&mut replicas, &mut out.replicas, s.replica), steps.0, steps.1)
            });
            let follows = i > 0 && e.parents == [i - 1];
            out.entries.push(PackedEntry {
                peer: number(&mut peers, &mut out.peers, e.peer),
                ops: (e.end - e.start) as u32,
                stamp,
                parents: (!follows).then(|| e.parents.clone()),
                aside: e.aside.clone(),
            });
        }
        out
    }

    /// The entries, and how many operations of each peer they name. `None` if they are not as `pack` writes them.
    pub fn unpack(self) -> Option<(Vec<Entry>, VersionVector)> {
        let mut out: Vec<Entry> = Vec::with_capacity(self.entries.len());
        let mut ends: BTreeMap<u64, i32> = BTreeMap::new();
        let mut last = (0u64, 0u64);
        for (i, e) in (0u32..).zip(self.entries) {
            let peer = *self.peers.get(e.peer as usize)?;
            let start = ends.get(&peer).copied().unwrap_or(0);
            let end = start.checked_add(i32::try_from(e.ops).ok()?)?;
            ends.insert(peer, end);
            let stamp = match e.stamp {
                None => None,
                Some((replica, seq, counter)) => {
                    last = (last.0.wrapping_add(seq as u64), last.1.wrapping_add(counter as u64));
                    let replica = *self.replicas.get(replica as usize)?;
                    Some(Stamp { seq: last.0, replica, counter: last.1 })
                }
            };
            let parents = match e.parents {
                Some(parents) => parents,
                None => vec![i.checked_sub(1)?],
            };
            if parents.iter().any(|p| *p >= i) {
                return None;
            }
            out.push(Entry { stamp, peer, start, end, parents, aside: e.aside });
        }
        let mut vector = VersionVector::new();
        for (peer, end) in ends.into_iter().filter(|(_, end)| *end > 0) {
            vector.extend_to_include_end_id(ID::new(peer, end));
        }
        (!out.is_empty()).then_some((out, vector))
    }
}
