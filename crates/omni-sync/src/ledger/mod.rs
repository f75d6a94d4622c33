//! The ledger: a Merkle tree (RFC 9162) over all commits, so that a past once shown cannot be changed unseen.
//!
//! Central keeps the tree and signs its heads; a laptop keeps the heads it saw, demands a proof that a new one continues
//! the last, and asks for old commits at random to compare them with its own history. Pure: randomness and storage are
//! passed in.

mod head;
mod leaf;
mod tree;
mod watch;

pub use head::{HeadAnswer, SignedHead, TreeHead};
pub use leaf::{Leaf, PartLeaf, part_hash};
pub use tree::{Frontier, Nodes, consistency, continues, includes, inclusion, root};
pub use watch::{Evidence, KeptCommit, LeafProof, Need, Tampering, Watch};

/// Old commits a laptop asks for at each contact; also the most central proves in one answer.
pub const SPOT_CHECKS: usize = 16;
/// Signed heads a laptop keeps, so that one lies below the place where a later epoch forked.
pub const HEADS_KEPT: usize = 32;
