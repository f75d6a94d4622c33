//! The laptop's half: which heads it trusts, what it demands of a new one, and how it compares old commits with its own
//! history.

use super::head::{SignedHead, TreeHead};
use super::leaf::{Leaf, PartLeaf, part_hash};
use super::tree::{continues, includes};
use super::{HEADS_KEPT, SPOT_CHECKS};
use minicbor::{Decode, Encode};
use omni_protocol::{Grants, Hash, Part, Scope};
use std::collections::BTreeMap;

/// Central's past is not the one this laptop saw.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// The head is not signed with the key this laptop enrolled with.
    #[error("the head of central's history is not signed with the key this laptop knows")]
    Signature,
    /// The new head is older than the last.
    #[error("central's history ends at {found} of epoch {epoch}; this laptop saw {known}")]
    WentBack {
        /// Epoch of the new head.
        epoch: u32,
        /// Its size.
        found: u64,
        /// Size of the last trusted head.
        known: u64,
    },
    /// The new tree does not continue the old.
    #[error("central's history up to {size} is not the one this laptop saw")]
    Rewritten {
        /// Size of the trusted head it should continue.
        size: u64,
    },
    /// A commit is not in the tree as central shows it.
    #[error("commit {seq} is not in the history central signed")]
    NotIncluded {
        /// The commit.
        seq: u64,
    },
    /// A commit's part differs from the one received.
    #[error("commit {seq} is not the one this laptop received")]
    PartDiffers {
        /// The commit.
        seq: u64,
    },
    /// A part this laptop may read was never sent, or one it has is gone.
    #[error("a part of this laptop's data before or in commit {seq} was left out")]
    PartMissing {
        /// The commit.
        seq: u64,
    },
}

/// A commit proven to be in the tree, as far as the reader may see it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LeafProof {
    /// The commit's leaf.
    #[n(0)]
    pub leaf: Leaf,
    /// The nodes beside its path to the root.
    #[n(1)]
    pub path: Vec<Hash>,
}

/// A commit of this laptop's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCommit {
    /// The commit.
    pub seq: u64,
    /// Its encoded parts as they came.
    pub parts: Vec<Vec<u8>>,
    /// For some of its scopes: the seq and encoded part of the scope's last commit before it that this laptop keeps.
    pub before: BTreeMap<Scope, (u64, Vec<u8>)>,
}

/// What a new head needs before it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: there is no trusted head on its past.
    Nothing,
    /// A proof that its tree continues the one of this size.
    Consistency {
        /// Size of a trusted head.
        from: u64,
    },
}

/// What was found, kept word for word.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// The sentence of the `Tampering`.
    #[n(0)]
    pub found: String,
    /// The last head this laptop trusted.
    #[n(1)]
    pub trusted: Option<SignedHead>,
    /// The head central gave.
    #[n(2)]
    pub given: Option<SignedHead>,
    /// The consistency proof central gave.
    #[n(3)]
    pub proof: Vec<Hash>,
    /// The commit's proof central gave.
    #[n(4)]
    pub leaf: Option<LeafProof>,
    /// The commit's parts as this laptop received them.
    #[n(5)]
    pub kept: Vec<minicbor::bytes::ByteVec>,
    /// This laptop's clock, unix milliseconds.
    #[n(6)]
    pub at_ms: i64,
}

/// What a laptop remembers of central's ledger. Durable; goes along when a whole copy is taken.
#[derive(Clone, Debug, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Watch {
    /// Trusted heads on one line, oldest first.
    #[n(0)]
    heads: Vec<SignedHead>,
    /// Hash of the rights the history is kept under.
    #[n(1)]
    grants: Hash,
    /// History up to here was kept under other rights, or came before the ledger: its parts may be fewer.
    #[n(2)]
    whole_after: u64,
    /// Spans (after, up to) whose commits were of a branch that central left.
    #[n(3)]
    left: Vec<(u64, u64)>,
}

impl Watch {
    /// The last trusted head.
    pub fn newest(&self) -> Option<&SignedHead> {
        self.heads.last()
    }

    /// Commits the last trusted head stands for; 0 without one.
    pub fn size(&self) -> u64 {
        self.newest().map_or(0, |signed| signed.head.size)
    }

    /// What to demand before `given` is trusted.
    pub fn need(&self, given: &SignedHead, public_key: &[u8; 32]) -> Result<Need, Tampering> {
        if !given.is_genuine(public_key) {
            return Err(Tampering::Signature);
        }
        let (new, Some(old)) = (&given.head, self.newest().map(|h| &h.head)) else { return Ok(Need::Nothing) };
        if (new.epoch, new.size) < (old.epoch, old.size) {
            return Err(Tampering::WentBack { epoch: new.epoch, found: new.size, known: old.size });
        }
        let basis = self.basis(new);
        Ok(basis.map_or(Need::Nothing, |h| Need::Consistency { from: h.size }))
    }

    /// The newest trusted head that lies on the new one's own past.
    fn basis(&self, new: &TreeHead) -> Option<&TreeHead> {
        self.heads.iter().rev().map(|h| &h.head).find(|h| h.size > 0 && new.continues(h.epoch, h.size))
    }

    /// Trusts `given` if `proof` shows what `need` demanded. `grants`: the rights of this session.
    pub fn trust(
        &mut self,
        given: SignedHead,
        proof: &[Hash],
        public_key: &[u8; 32],
        grants: &Grants,
    ) -> Result<(), Tampering> {
        if let Need::Consistency { from } = self.need(&given, public_key)? {
            let basis = self.basis(&given.head).map(|h| h.root);
            let new = (given.head.root, given.head.size);
            if !basis.is_some_and(|root| continues((root, from), new, proof)) {
                return Err(Tampering::Rewritten { size: from });
            }
        }
        let head = &given.head;
        // A copy that was begun and not noted as done stands at most here.
        self.whole_after = self.whole_after.min(head.size);
        if self.heads.is_empty() || self.grants != grants.hash() {
            (self.grants, self.whole_after) = (grants.hash(), head.size);
        }
        if let Some(old) = self.newest().map(|h| &h.head)
            && old.epoch != head.epoch
        {
            let fork = head.forks.iter().filter(|(e, _)| *e >= old.epoch).map(|(_, seq)| *seq).min();
            let fork = fork.or_else(|| head.forks.iter().map(|(_, seq)| *seq).min()).unwrap_or(0);
            if fork < old.size {
                self.left.push((fork, old.size));
            }
        }
        self.heads.retain(|h| {
            let same = (h.head.epoch, h.head.size) == (head.epoch, head.size);
            head.continues(h.head.epoch, h.head.size) && !same
        });
        self.heads.push(given);
        self.thin();
        Ok(())
    }

    /// Keeps few heads, spaced wider the older they are.
    fn thin(&mut self) {
        while self.heads.len() > HEADS_KEPT {
            let newest = self.heads.last().map_or(0, |h| h.head.size);
            let size = |i: usize| self.heads[i].head.size;
            // The head whose neighbours would be nearest to each other, seen from the newest.
            let share = |i: usize| {
                let (gap, age) = (size(i + 1) - size(i - 1).min(size(i + 1)), newest - size(i - 1).min(newest));
                gap as f64 / (age as f64 + 1.0)
            };
            let least = (1..self.heads.len() - 1).min_by(|a, b| share(*a).total_cmp(&share(*b)));
            self.heads.remove(least.unwrap_or(0));
        }
    }

    /// A whole copy is about to be taken: until it stands, no gap in the history is evidence. To be durable before it is.
    pub fn copying(&mut self) {
        self.whole_after = u64::MAX;
    }

    /// The whole copy stands at `seq`.
    pub fn copied(&mut self, seq: u64) {
        self.whole_after = seq;
    }

    /// Which of the commits kept in the history to ask for, by random numbers (one each is enough).
    pub fn spots(&self, kept: &[u64], random: &[u64]) -> Vec<u64> {
        let size = self.newest().map_or(0, |h| h.head.size);
        let mut fit: Vec<u64> = kept.iter().copied().filter(|seq| *seq <= size && !self.is_left(*seq)).collect();
        let mut chosen = Vec::new();
        for n in random.iter().take(SPOT_CHECKS) {
            if fit.is_empty() {
                break;
            }
            chosen.push(fit.swap_remove((n % fit.len() as u64) as usize));
        }
        chosen.sort_unstable();
        chosen
    }

    fn is_left(&self, seq: u64) -> bool {
        self.left.iter().any(|(after, upto)| seq > *after && seq <= *upto)
    }

    /// Compares a commit as central proves it with the one this laptop keeps.
    pub fn compare(&self, kept: &KeptCommit, proof: &LeafProof, grants: &Grants) -> Result<(), Tampering> {
        let seq = kept.seq;
        let Some(head) = self.newest().map(|h| &h.head) else { return Ok(()) };
        let leaf = &proof.leaf;
        let standing = seq > 0 && leaf.seq == seq;
        if !standing || !includes(head.root, head.size, seq - 1, &leaf.bytes(), &proof.path) {
            return Err(Tampering::NotIncluded { seq });
        }
        let mut shown: BTreeMap<Scope, (Hash, Hash)> = BTreeMap::new();
        for part in &leaf.parts {
            if let PartLeaf::Open { scope, part, previous } = part {
                shown.insert(*scope, (*part, *previous));
            }
        }
        let whole = seq > self.whole_after;
        for bytes in &kept.parts {
            let Ok(part) = minicbor::decode::<Part>(bytes) else { return Err(Tampering::PartDiffers { seq }) };
            if !grants.reads(part.scope) {
                continue;
            }
            let Some((hash, previous)) = shown.remove(&part.scope) else {
                return Err(Tampering::PartMissing { seq });
            };
            if hash != part_hash(bytes) {
                return Err(Tampering::PartDiffers { seq });
            }
            let before = kept.before.get(&part.scope).filter(|(at, _)| *at > self.whole_after && !self.is_left(*at));
            if before.is_some_and(|(_, bytes)| part_hash(bytes) != previous) {
                return Err(Tampering::PartMissing { seq });
            }
        }
        // What may be read and was never sent.
        match whole && shown.keys().any(|scope| grants.reads(*scope)) {
            true => Err(Tampering::PartMissing { seq }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
