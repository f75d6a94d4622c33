//! Signed originals of commits: what a laptop keeps so that central can be recovered from laptops alone.

use crate::change::Parent;
use crate::ids::{DeviceId, Hash, Position, ReplicaId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// One commit's change, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OriginalCommit {
    /// Epoch it was committed in.
    #[n(0)]
    pub epoch: u32,
    /// Its seq in that epoch.
    #[n(1)]
    pub seq: u64,
    /// Commit time, unix milliseconds.
    #[n(2)]
    pub at_ms: i64,
    /// Its replica's counter.
    #[n(3)]
    pub counter: u64,
    /// The change's wire bytes.
    #[n(4)]
    pub change: ByteVec,
    /// The change was refused: its commit only parked it in the inbox.
    #[n(5)]
    #[cbor(default)]
    pub parked: bool,
}

/// Commits under one signature of their device, and what proves it: the signature covers the chain over all links.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OriginalGroup {
    /// The incarnation that sealed them.
    #[n(0)]
    pub replica: ReplicaId,
    /// Its device.
    #[n(1)]
    pub device: DeviceId,
    /// What the incarnation descends from.
    #[n(2)]
    pub parent: Option<Parent>,
    /// Epoch the batch spoke to.
    #[n(3)]
    pub epoch: u32,
    /// Counter of the batch's first entry.
    #[n(4)]
    pub first: u64,
    /// Chain head before it.
    #[n(5)]
    pub prev: Hash,
    /// The link of each entry; absent where the change itself is in `commits`.
    #[n(6)]
    pub links: Vec<Option<Hash>>,
    /// Ed25519 over the batch.
    #[n(7)]
    pub signature: ByteVec,
    /// The commits, in seq order.
    #[n(8)]
    pub commits: Vec<OriginalCommit>,
}

/// Originals the caller is to keep, and how far they reach. Answer of `/v1/originals`, body of `/v1/recover`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Originals {
    /// The groups.
    #[n(0)]
    pub groups: Vec<OriginalGroup>,
    /// Complete to here.
    #[n(1)]
    pub position: Position,
}
