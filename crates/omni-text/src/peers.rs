//! Who is who inside a document. Peers are made here from what a write is, so that every machine gets the same.

use omni_protocol::{Hash, ReplicaId};
use omni_sync::meta::Stamp;

/// The text a history begins with.
pub const INITIAL: u64 = 1;
/// What was committed past the engine.
pub const ADOPTED: u64 = 2;
/// Numbers below are never made from a hash.
const RESERVED: u64 = 16;

/// A laptop's typing. Its own earlier writes are always known to it, so one peer holds them all.
pub fn of_replica(replica: ReplicaId) -> u64 {
    number(Hash::of("omni-text-peer", &[replica.as_bytes()]))
}

/// One inversion: made at the version of what it takes back, not of its author, so it has a peer of its own.
pub fn of_inversion(stamp: &Stamp, target: &Stamp) -> u64 {
    let of = |s: &Stamp| [s.replica.as_bytes().as_slice(), &s.counter.to_le_bytes(), &s.seq.to_le_bytes()].concat();
    number(Hash::of("omni-text-inversion", &[&of(stamp), &of(target)]))
}

fn number(hash: Hash) -> u64 {
    let n = u64::from_le_bytes(hash.0[..8].try_into().expect("a hash has 32 bytes"));
    // The library keeps the largest number for itself.
    n.clamp(RESERVED, u64::MAX - 1)
}
