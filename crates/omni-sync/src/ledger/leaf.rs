//! What the tree has of a commit. The leaf commits to each scope's part and to the scope's part before it, so that a
//! part left out shows to a laptop that sees only its scopes.

use minicbor::{Decode, Encode};
use omni_protocol::frame::to_bytes;
use omni_protocol::{Grants, Hash, Scope};

/// The hash of a part's bytes, as leaves name it.
pub fn part_hash(bytes: &[u8]) -> Hash {
    Hash::of("omni-ledger-part", &[bytes])
}

/// One part in a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PartLeaf {
    /// Of a scope the reader may read.
    #[n(0)]
    Open {
        /// The scope.
        #[n(0)]
        scope: Scope,
        /// Hash of the part's bytes.
        #[n(1)]
        part: Hash,
        /// Hash of the scope's part before; zero = it is the first.
        #[n(2)]
        previous: Hash,
    },
    /// Of another scope: only its commitment.
    #[n(1)]
    Closed(#[n(0)] Hash),
}

impl PartLeaf {
    /// What the leaf holds of the part. It hides the scope: a part's hash cannot be guessed.
    fn commitment(&self) -> Hash {
        match self {
            PartLeaf::Closed(hash) => *hash,
            PartLeaf::Open { scope, part, previous } => {
                Hash::of("omni-ledger-scope", &[&to_bytes(scope), &part.0, &previous.0])
            }
        }
    }
}

/// A commit's leaf, whole or as one reader may see it: both have the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Leaf {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// Hash of the change's signed bytes.
    #[n(1)]
    pub change: Hash,
    /// Hash of the stored outcome's bytes.
    #[n(2)]
    pub outcome: Hash,
    /// The parts, in (owner, compartment) order.
    #[n(3)]
    pub parts: Vec<PartLeaf>,
}

impl Leaf {
    /// The leaf of a commit. `parts`: each with its scope, hash, and the hash of the scope's part before.
    pub fn new(seq: u64, change: &[u8], outcome: &[u8], parts: impl IntoIterator<Item = (Scope, Hash, Hash)>) -> Leaf {
        Leaf {
            seq,
            change: Hash::of("omni-ledger-change", &[change]),
            outcome: Hash::default(),
            parts: parts.into_iter().map(|(scope, part, previous)| PartLeaf::Open { scope, part, previous }).collect(),
        }
        .answered(outcome)
    }

    /// The same leaf with this outcome.
    pub fn answered(self, outcome: &[u8]) -> Leaf {
        Leaf { outcome: Hash::of("omni-ledger-outcome", &[outcome]), ..self }
    }

    /// Closes the parts `grants` may not read.
    pub fn cut(mut self, grants: &Grants) -> Leaf {
        for part in &mut self.parts {
            if matches!(part, PartLeaf::Open { scope, .. } if !grants.reads(*scope)) {
                *part = PartLeaf::Closed(part.commitment());
            }
        }
        self
    }

    /// The bytes the tree hashes.
    pub fn bytes(&self) -> Vec<u8> {
        let parts: Vec<Hash> = self.parts.iter().map(PartLeaf::commitment).collect();
        to_bytes(&("omni-leaf-1", self.seq, self.change, self.outcome, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::RecordId;

    fn scope(name: &str) -> Scope {
        Scope { owner: RecordId::from_key("sector", name), compartment: 0 }
    }

    fn leaf() -> Leaf {
        let part = |n: u8| (scope(&format!("s{n}")), Hash([n; 32]), Hash([n + 1; 32]));
        Leaf::new(7, b"change", b"outcome", [part(1), part(2)])
    }

    #[test]
    fn a_cut_leaf_has_the_same_bytes_and_hides_what_it_may() {
        let (whole, grants) = (leaf(), Grants::owners(vec![scope("s1").owner]));
        let cut = whole.clone().cut(&grants);
        assert_eq!(cut.bytes(), whole.bytes());
        assert_eq!(cut.parts[0], whole.parts[0]);
        assert!(matches!(cut.parts[1], PartLeaf::Closed(_)));
    }

    #[test]
    fn everything_counts() {
        let same = |other: &Leaf| other.bytes() == leaf().bytes();
        let mut other = leaf();
        other.seq = 8;
        assert!(!same(&other));
        for (change, outcome) in [(&b"x"[..], &b"outcome"[..]), (b"change", b"x")] {
            assert!(!same(&Leaf { parts: leaf().parts, ..Leaf::new(7, change, outcome, []) }));
        }
        let mut other = leaf();
        let PartLeaf::Open { previous, .. } = &mut other.parts[1] else { panic!() };
        previous.0[0] ^= 1;
        assert!(!same(&other));
        let mut other = leaf();
        other.parts.swap(0, 1);
        assert!(!same(&other));
        other.parts.pop();
        assert!(!same(&other));
    }
}
