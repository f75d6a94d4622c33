//! Comparing a copy with central's: sums per scope, then per bucket of records, then the rows of the buckets that differ.
//!
//! A record lies in the bucket of the first two bytes of a hash of its id: the first byte is the upper level, both are the
//! lower one. What stands in an answer is central's state at `position`; it is also the state at every earlier seq from
//! `touched` on, so a copy that stands between the two is compared without central having to stand still.

use crate::feed::{ConflictItem, DigestBytes, SnapshotRow};
use crate::ids::{Position, Scope};
use minicbor::{Decode, Encode};
use omni_model::CollectionId;

/// The digest of one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ScopeSum {
    /// The scope.
    #[n(0)]
    pub scope: Scope,
    /// Its digest.
    #[n(1)]
    pub sum: DigestBytes,
    /// The last commit that touched it.
    #[n(2)]
    pub touched: u64,
}

/// Every scope the caller reads that was ever written. Answer of `/v1/digests`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DigestList {
    /// Central's head.
    #[n(0)]
    pub position: Position,
    /// The sums.
    #[n(1)]
    pub scopes: Vec<ScopeSum>,
}

/// Digests of a scope's buckets that hold anything. Answer of `/v1/digest/buckets`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BucketSums {
    /// Central's head.
    #[n(0)]
    pub position: Position,
    /// The scope.
    #[n(1)]
    pub scope: Scope,
    /// The last commit that touched it.
    #[n(2)]
    pub touched: u64,
    /// By bucket: of the upper level, or of the lower one below the upper buckets asked for.
    #[n(3)]
    pub sums: Vec<(u16, DigestBytes)>,
}

/// What a scope holds in some lower buckets. Answer of `/v1/digest/rows`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BucketRows {
    /// Central's head.
    #[n(0)]
    pub position: Position,
    /// The scope.
    #[n(1)]
    pub scope: Scope,
    /// The last commit that touched it.
    #[n(2)]
    pub touched: u64,
    /// The buckets answered whole: fewer than asked for if they did not fit.
    #[n(3)]
    pub buckets: Vec<u16>,
    /// The rows, encoded as in a snapshot, with their kind.
    #[n(4)]
    pub rows: Vec<(CollectionId, SnapshotRow)>,
    /// The conflict items.
    #[n(5)]
    pub conflicts: Vec<ConflictItem>,
}
