//! A laptop against an honest central, and against one that rewrites its past.

use super::*;
use crate::ledger::tree::tests::Tree;
use crate::ledger::{consistency, inclusion, root};
use ed25519_dalek::SigningKey;
use omni_model::RecordId;
use omni_protocol::{ChangeId, CommitInfo, DeviceId, ReplicaId};
use uuid::Uuid;

/// A central with one part per commit, in two scopes by turns.
struct Central {
    tree: Tree,
    leaves: Vec<Leaf>,
    parts: Vec<Vec<u8>>,
    epoch: u32,
    forks: Vec<(u32, u64)>,
    key: SigningKey,
}

fn scope(n: u64) -> Scope {
    Scope { owner: RecordId::from_key("sector", if n.is_multiple_of(2) { "a" } else { "b" }), compartment: 0 }
}

fn part(seq: u64, word: &str) -> Vec<u8> {
    let nil = Uuid::nil();
    let info = CommitInfo {
        change: ChangeId(nil),
        replica: ReplicaId(nil),
        counter: seq,
        device: DeviceId(nil),
        command: word.len() as u16,
        at_ms: 0,
        priority: 2,
        group: None,
    };
    Part { seq, scope: scope(seq), info, effects: Vec::new() }.to_bytes()
}

impl Central {
    fn new(commits: u64) -> Central {
        let key = SigningKey::from_bytes(&[3; 32]);
        let mut central =
            Central { tree: Tree::default(), leaves: vec![], parts: vec![], epoch: 1, forks: vec![], key };
        central.commit(commits, "");
        central
    }

    fn commit(&mut self, n: u64, word: &str) {
        for _ in 0..n {
            let seq = self.parts.len() as u64 + 1;
            self.parts.push(part(seq, word));
            self.push(seq);
        }
    }

    fn push(&mut self, seq: u64) {
        let hash = |seq: u64| part_hash(&self.parts[seq as usize - 1]);
        let previous = if seq > 2 { hash(seq - 2) } else { Hash::default() };
        let leaf = Leaf::new(seq, b"change", b"outcome", [(scope(seq), hash(seq), previous)]);
        self.tree.push(&leaf.bytes());
        self.leaves.push(leaf);
    }

    /// The tree over the parts as they are now.
    fn rebuild(&mut self) {
        (self.tree, self.leaves) = (Tree::default(), Vec::new());
        (1..=self.parts.len() as u64).for_each(|seq| self.push(seq));
    }

    fn head(&self) -> SignedHead {
        let size = self.parts.len() as u64;
        let (root, forks) = (root(&self.tree, size).unwrap(), self.forks.clone());
        let (state, previous) = (Hash::default(), Hash::default());
        TreeHead { epoch: self.epoch, size, root, at_ms: 0, forks, state, previous }.sign(&self.key)
    }

    fn restore(&mut self, seq: u64) {
        self.forks.push((self.epoch, seq));
        self.epoch += 1;
        self.parts.truncate(seq as usize);
        self.rebuild();
    }

    fn proof(&self, seq: u64) -> LeafProof {
        let path = inclusion(&self.tree, seq - 1, self.parts.len() as u64).unwrap();
        LeafProof { leaf: self.leaves[seq as usize - 1].clone(), path }
    }

    fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
}

fn contact(watch: &mut Watch, central: &Central) -> Result<(), Tampering> {
    let (head, key) = (central.head(), central.public());
    let proof = match watch.need(&head, &key)? {
        Need::Nothing => Vec::new(),
        Need::Consistency { from } => consistency(&central.tree, from, head.head.size).unwrap(),
    };
    watch.trust(head, &proof, &key, &Grants::everything())
}

fn kept(parts: &[Vec<u8>], seq: u64) -> KeptCommit {
    let at = |seq: u64| parts[seq as usize - 1].clone();
    let before = if seq > 2 { BTreeMap::from([(scope(seq), (seq - 2, at(seq - 2)))]) } else { BTreeMap::new() };
    KeptCommit { seq, parts: vec![at(seq)], before }
}

#[test]
fn an_honest_central_is_trusted_through_growth_and_restores() {
    let (mut central, mut watch) = (Central::new(5), Watch::default());
    for _ in 0..40 {
        contact(&mut watch, &central).unwrap();
        central.commit(7, "");
    }
    contact(&mut watch, &central).unwrap();
    assert!(watch.heads.len() <= HEADS_KEPT);
    let history = central.parts.clone();
    central.restore(100);
    central.commit(3, "other");
    contact(&mut watch, &central).unwrap();
    assert!(matches!(watch.need(&central.head(), &central.public()), Ok(Need::Consistency { from: 103 })));
    // What the laptop kept of the branch that was left is not compared; what both share is.
    let all: Vec<u64> = (1..=285).collect();
    let spots = watch.spots(&all, &(0..16).collect::<Vec<u64>>());
    assert!(spots.len() == 16 && spots.iter().all(|s| *s <= 100));
    for seq in 1..=100 {
        watch.compare(&kept(&history, seq), &central.proof(seq), &Grants::everything()).unwrap();
    }
}

#[test]
fn after_a_restore_the_shared_past_must_still_be_the_same() {
    let (mut central, mut watch) = (Central::new(60), Watch::default());
    contact(&mut watch, &central).unwrap();
    central.commit(60, "");
    contact(&mut watch, &central).unwrap();
    central.restore(100);
    central.parts[30] = part(31, "forged");
    central.rebuild();
    assert_eq!(contact(&mut watch, &central), Err(Tampering::Rewritten { size: 60 }));
}

#[test]
fn a_rewritten_past_is_found_at_the_next_contact() {
    for altered in [1_u64, 13, 25] {
        let (mut central, mut watch) = (Central::new(25), Watch::default());
        contact(&mut watch, &central).unwrap();
        central.parts[altered as usize - 1] = part(altered, "forged");
        central.rebuild();
        assert_eq!(contact(&mut watch.clone(), &central), Err(Tampering::Rewritten { size: 25 }));
        central.commit(10, "");
        assert_eq!(contact(&mut watch, &central), Err(Tampering::Rewritten { size: 25 }));
        assert_eq!(watch.newest().map(|h| h.head.size), Some(25), "the trusted head stays");
    }
}

#[test]
fn a_past_cut_off_is_found() {
    let (mut central, mut watch) = (Central::new(25), Watch::default());
    contact(&mut watch, &central).unwrap();
    central.parts.truncate(20);
    central.rebuild();
    assert_eq!(contact(&mut watch, &central), Err(Tampering::WentBack { epoch: 1, found: 20, known: 25 }));
    central.key = SigningKey::from_bytes(&[4; 32]);
    let known = SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes();
    assert_eq!(watch.need(&central.head(), &known), Err(Tampering::Signature));
}

#[test]
fn an_old_commit_is_compared_with_the_history() {
    let (mut central, mut watch) = (Central::new(30), Watch::default());
    contact(&mut watch, &central).unwrap();
    central.commit(30, "");
    contact(&mut watch, &central).unwrap();
    let (all, history) = (Grants::everything(), central.parts.clone());
    for seq in 1..=60 {
        watch.compare(&kept(&history, seq), &central.proof(seq), &all).unwrap();
    }
    // Another part than received.
    let mut other = history.clone();
    other[39] = part(40, "what this laptop got");
    let mine = kept(&other, 40);
    assert_eq!(watch.compare(&mine, &central.proof(40), &all), Err(Tampering::PartDiffers { seq: 40 }));
    // A part before it that was never sent: the last one kept of the scope is an older one.
    let mut mine = kept(&history, 50);
    mine.before.insert(scope(50), (46, history[45].clone()));
    assert_eq!(watch.compare(&mine, &central.proof(50), &all), Err(Tampering::PartMissing { seq: 50 }));
    // A part of the commit itself that was never sent.
    let none = KeptCommit { parts: Vec::new(), ..kept(&history, 44) };
    assert_eq!(watch.compare(&none, &central.proof(44), &all), Err(Tampering::PartMissing { seq: 44 }));
    // In history from before the first head, or under other rights, fewer parts are no evidence.
    let none = KeptCommit { parts: Vec::new(), ..kept(&history, 24) };
    assert_eq!(watch.compare(&none, &central.proof(24), &all), Ok(()));
    // Central shows a leaf that is not in the tree it signed, or another commit's.
    let mut proof = central.proof(33);
    proof.leaf.outcome.0[0] ^= 1;
    assert_eq!(watch.compare(&kept(&history, 33), &proof, &all), Err(Tampering::NotIncluded { seq: 33 }));
    let other = central.proof(35);
    assert_eq!(watch.compare(&kept(&history, 33), &other, &all), Err(Tampering::NotIncluded { seq: 33 }));
}

#[test]
fn fewer_rights_and_more_rights_are_no_tampering() {
    let (mut central, mut watch) = (Central::new(10), Watch::default());
    contact(&mut watch, &central).unwrap();
    central.commit(10, "");
    let history = central.parts.clone();
    let one = Grants::owners(vec![scope(2).owner]);
    let (head, key) = (central.head(), central.public());
    let proof = consistency(&central.tree, 10, 20).unwrap();
    watch.trust(head, &proof, &key, &one).unwrap();
    // Parts kept from before that may no longer be read are shown closed.
    let shown = LeafProof { leaf: central.leaves[14].clone().cut(&one), ..central.proof(15) };
    assert_eq!(watch.compare(&kept(&history, 15), &shown, &one), Ok(()));
    // More rights again: the history has gaps up to here.
    contact(&mut watch, &central).unwrap();
    let none = KeptCommit { parts: Vec::new(), ..kept(&history, 15) };
    assert_eq!(watch.compare(&none, &central.proof(15), &Grants::everything()), Ok(()));
}

#[test]
fn sixteen_different_commits_are_chosen() {
    let (central, mut watch) = (Central::new(100), Watch::default());
    contact(&mut watch, &central).unwrap();
    let kept: Vec<u64> = (1..=120).collect();
    let random: Vec<u64> = (0..40).map(|i| i * 7_919 + 3).collect();
    let mut spots = watch.spots(&kept, &random);
    assert!(spots.iter().all(|s| *s <= 100));
    spots.dedup();
    assert_eq!(spots.len(), SPOT_CHECKS);
    assert_eq!(watch.spots(&[4, 9], &random), [4, 9]);
}
