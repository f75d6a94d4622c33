//! The tree's arithmetic. `ct-merkle` says which nodes a proof consists of and verifies proofs; as it keeps a tree in
//! memory only, the growing edge and the nodes on disk are handled here, in its numbering: leaf n is node 2n, and a node
//! of level k over the leaves from a·2^k on is node a·2^(k+1) + 2^k − 1. Only nodes over a full span are stored.

use crate::storage::StorageError;
use ct_merkle::{
    ConsistencyProof, InclusionProof, RootHash, indices_for_consistency_proof, indices_for_inclusion_proof,
};
use minicbor::{Decode, Encode};
use omni_protocol::Hash;
use sha2::{Digest as _, Sha256};

/// The prefix of a leaf's hash.
const LEAF: &[u8] = &[0];
/// The prefix of an inner node's hash.
const NODE: &[u8] = &[1];
/// Leaves a tree may have; `ct-merkle` counts nodes in 64 bits.
const LEAVES_MAX: u64 = u64::MAX / 2;

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

/// The hash of a leaf's bytes.
pub(super) fn leaf_hash(bytes: &[u8]) -> Hash {
    sha256(&[LEAF, bytes])
}

fn parent(left: Hash, right: Hash) -> Hash {
    sha256(&[NODE, &left.0, &right.0])
}

/// The growing edge: the roots of the full subtrees, largest first. Enough to append and to name the root.
#[derive(Clone, Debug, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Frontier {
    /// Leaves so far.
    #[n(0)]
    size: u64,
    /// One per bit of `size`.
    #[n(1)]
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is an edge at all: stored bytes may be damaged.
    pub fn is_whole(&self) -> bool {
        self.size <= LEAVES_MAX && self.peaks.len() == self.size.count_ones() as usize
    }

    /// Appends a leaf by its bytes. Returns the nodes that are complete now, to be stored: number and hash.
    pub fn append(&mut self, leaf: &[u8]) -> Vec<(u64, Hash)> {
        let (mut hash, mut place, mut level) = (leaf_hash(leaf), self.size, 0);
        let mut nodes = vec![(place * 2, hash)];
        while place & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = parent(left, hash);
            (place, level) = (place >> 1, level + 1);
            nodes.push(((place << (level + 1)) + (1 << level) - 1, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        nodes
    }

    /// The root; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(last, |right, left| parent(left, right))
    }
}

/// Where the stored nodes are.
pub trait Nodes {
    /// The node of this number. It was stored, or the tree is damaged.
    fn node(&self, at: u64) -> Result<Hash, StorageError>;
}

/// A node of the tree that had `size` leaves: stored if its span is full, made from its children at the right edge.
fn node(nodes: &dyn Nodes, at: u64, size: u64) -> Result<Hash, StorageError> {
    let level = at.trailing_ones();
    let first = (at + 1 - (1 << level)) / 2;
    if first + (1 << level) <= size {
        return nodes.node(at);
    }
    let mut right = at ^ (3 << (level - 1));
    while right > 2 * (size - 1) {
        right ^= 1 << (right.trailing_ones() - 1);
    }
    Ok(parent(node(nodes, at ^ (1 << (level - 1)), size)?, node(nodes, right, size)?))
}

/// The root the tree had at `size` leaves, from its nodes.
pub fn root(nodes: &dyn Nodes, size: u64) -> Result<Hash, StorageError> {
    match size {
        0 => Ok(sha256(&[])),
        _ => node(nodes, (1 << (2 * size - 1).ilog2()) - 1, size),
    }
}

fn gather(nodes: &dyn Nodes, wanted: &[u64], size: u64) -> Result<Vec<Hash>, StorageError> {
    wanted.iter().map(|at| node(nodes, *at, size)).collect()
}

/// The proof that leaf `index` (from 0) is in the tree of `size` leaves; empty if there is no such leaf.
pub fn inclusion(nodes: &dyn Nodes, index: u64, size: u64) -> Result<Vec<Hash>, StorageError> {
    if index >= size || size > LEAVES_MAX {
        return Ok(Vec::new());
    }
    gather(nodes, &indices_for_inclusion_proof(size, index), size)
}

/// The proof that the tree of `new` leaves continues that of `old`; empty if there is nothing to prove.
pub fn consistency(nodes: &dyn Nodes, old: u64, new: u64) -> Result<Vec<Hash>, StorageError> {
    if old == 0 || old > new || new > LEAVES_MAX {
        return Ok(Vec::new());
    }
    gather(nodes, &indices_for_consistency_proof(old, new - old), new)
}

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|h| h.0).collect()
}

fn root_of(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

/// Whether the leaf with these bytes stands at `index` (from 0) below the root of a tree of `size` leaves.
pub fn includes(root: Hash, size: u64, index: u64, leaf: &[u8], proof: &[Hash]) -> bool {
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(bytes(proof)) else { return false };
    size <= LEAVES_MAX && root_of(root, size).verify_inclusion(&leaf, index, &proof).is_ok()
}

/// Whether the tree (root, size) `new` is `old` with leaves appended. Everything continues the empty tree.
pub fn continues(old: (Hash, u64), new: (Hash, u64), proof: &[Hash]) -> bool {
    if old.1 == 0 {
        return proof.is_empty();
    }
    let Ok(proof) = ConsistencyProof::<Sha256>::try_from_bytes(bytes(proof)) else { return false };
    new.1 <= LEAVES_MAX && root_of(new.0, new.1).verify_consistency(&root_of(old.0, old.1), &proof).is_ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use std::collections::BTreeMap;

    /// A tree in memory, with every node the frontier gave.
    #[derive(Default)]
    pub struct Tree {
        pub frontier: Frontier,
        pub nodes: BTreeMap<u64, Hash>,
    }

    impl Tree {
        pub fn push(&mut self, leaf: &[u8]) {
            let nodes = self.frontier.append(leaf);
            self.nodes.extend(nodes);
        }
    }

    impl Nodes for Tree {
        fn node(&self, at: u64) -> Result<Hash, StorageError> {
            self.nodes.get(&at).copied().ok_or_else(|| StorageError::corrupt("tree node"))
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    /// The eight leaves of the reference tests of Certificate Transparency.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    /// Their roots, by size from 1.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn reference(size: usize) -> Tree {
        let mut tree = Tree::default();
        LEAVES[..size].iter().for_each(|leaf| tree.push(&hex(leaf)));
        tree
    }

    #[test]
    fn the_reference_roots_are_met() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Frontier::default().root().to_hex(), empty);
        let all = reference(8);
        for (size, wanted) in (1..).zip(ROOTS) {
            assert_eq!(reference(size).frontier.root().to_hex(), wanted, "size {size}");
            assert_eq!(root(&all, size as u64).unwrap().to_hex(), wanted, "from nodes, size {size}");
        }
    }

    #[test]
    fn the_reference_proofs_are_met() {
        let proof = |hashes: &[&str]| hashes.concat();
        let got = |p: Vec<Hash>| p.iter().map(Hash::to_hex).collect::<String>();
        let tree = reference(8);
        let to_5 = ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"];
        let middle = ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"];
        let inclusion_1_in_5 = proof(&[ROOTS[0], middle[0], to_5[0]]);
        assert_eq!(got(inclusion(&tree, 1, 5).unwrap()), inclusion_1_in_5);
        let six_to_eight = proof(&[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[3],
        ]);
        assert_eq!(got(consistency(&tree, 6, 8).unwrap()), six_to_eight);
        assert_eq!(got(consistency(&tree, 2, 5).unwrap()), proof(&[middle[0], to_5[0]]));
    }

    /// Every size, every leaf, every pair of sizes, against the library's own tree in memory; and nothing altered passes.
    #[test]
    fn every_proof_of_small_trees_holds_and_no_other() {
        const SIZE: u64 = 70;
        let leaf = |i: u64| i.to_le_bytes();
        let (mut tree, mut theirs) = (Tree::default(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
        let mut roots = vec![Frontier::default().root()];
        for size in 1..=SIZE {
            tree.push(&leaf(size - 1));
            theirs.push(leaf(size - 1).to_vec());
            roots.push(tree.frontier.root());
            assert_eq!(tree.frontier.root().0[..], theirs.root().as_bytes()[..]);
            for i in 0..size {
                let proof = inclusion(&tree, i, size).unwrap();
                assert!(includes(roots[size as usize], size, i, &leaf(i), &proof));
                assert!(!includes(roots[size as usize], size, i, &leaf(i + 1_000), &proof));
                assert!(!includes(roots[size as usize], size, i ^ 1, &leaf(i), &proof), "{i} of {size}");
            }
        }
        for new in 1..=SIZE {
            for old in 1..=new {
                let proof = consistency(&tree, old, new).unwrap();
                let (a, b) = ((roots[old as usize], old), (roots[new as usize], new));
                assert!(continues(a, b, &proof), "{old} to {new}");
                let mut other = a;
                other.0.0[7] ^= 1;
                assert!(!continues(other, b, &proof));
                for at in 0..proof.len() {
                    let mut altered = proof.clone();
                    altered[at].0[0] ^= 1;
                    assert!(!continues(a, b, &altered));
                }
            }
        }
    }

    /// A tree whose past was rewritten has no proof from the old head, wherever the leaf was altered.
    #[test]
    fn a_rewritten_leaf_breaks_every_consistency_proof_over_it() {
        for altered in 0..21_u64 {
            let (mut honest, mut forged) = (Tree::default(), Tree::default());
            for i in 0..33_u64 {
                honest.push(&i.to_le_bytes());
                forged.push(&if i == altered { 999_u64.to_le_bytes() } else { i.to_le_bytes() });
            }
            let old = root(&honest, 21).unwrap();
            let proof = consistency(&forged, 21, 33).unwrap();
            assert!(!continues((old, 21), (forged.frontier.root(), 33), &proof), "leaf {altered}");
            let honest_proof = consistency(&honest, 21, 33).unwrap();
            assert!(!continues((old, 21), (forged.frontier.root(), 33), &honest_proof), "leaf {altered}");
        }
    }

    #[test]
    fn a_damaged_frontier_is_seen() {
        assert!(Frontier::default().is_whole());
        assert!(!Frontier { size: 3, peaks: vec![Hash::default()] }.is_whole());
    }
}
