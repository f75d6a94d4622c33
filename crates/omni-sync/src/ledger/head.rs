//! Tree heads and central's signature over them.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use omni_protocol::Hash;
use omni_protocol::frame::to_bytes;

/// The tree at one size.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TreeHead {
    /// Central's epoch when it was signed.
    #[n(0)]
    pub epoch: u32,
    /// Commits in the tree: the seq of the last.
    #[n(1)]
    pub size: u64,
    /// Root of the tree.
    #[n(2)]
    pub root: Hash,
    /// Central's time, unix milliseconds. Shown, never compared.
    #[n(3)]
    pub at_ms: i64,
    /// Earlier epochs in order, each with the seq at which its successor forked from it.
    #[n(4)]
    pub forks: Vec<(u32, u64)>,
    /// Hash of what central's rows add up to: binds its state and answers to the head. Laptops cannot open it.
    #[n(5)]
    pub state: Hash,
    /// Identity of the head before; zero for the first. A head taken out of the row of heads is missed.
    #[n(6)]
    pub previous: Hash,
}

impl TreeHead {
    /// Whether the tree of `size` leaves in `epoch` is a part of this head's own past, and not of a branch that was left.
    pub fn continues(&self, epoch: u32, size: u64) -> bool {
        match epoch == self.epoch {
            true => size <= self.size,
            false => self.forks.iter().any(|(e, seq)| *e == epoch && size <= *seq),
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        to_bytes(&("omni-tree-head-1", self))
    }

    /// Signs it with central's key.
    pub fn sign(self, key: &SigningKey) -> SignedHead {
        let signature = key.sign(&self.signed_bytes()).to_bytes().to_vec().into();
        SignedHead { head: self, signature }
    }
}

/// A head central answers for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedHead {
    /// The head.
    #[n(0)]
    pub head: TreeHead,
    /// Ed25519.
    #[n(1)]
    pub signature: ByteVec,
}

impl SignedHead {
    /// What the head after this one names.
    pub fn identity(&self) -> Hash {
        Hash::of("omni-signed-head", &[&to_bytes(self)])
    }

    /// Whether the key's owner signed it.
    pub fn is_genuine(&self, public_key: &[u8; 32]) -> bool {
        let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(public_key), Signature::from_slice(&self.signature))
        else {
            return false;
        };
        key.verify_strict(&self.head.signed_bytes(), &signature).is_ok()
    }
}

/// Answer to `/v1/ledger/head`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeadAnswer {
    /// The newest head.
    #[n(0)]
    pub head: SignedHead,
    /// That it continues the tree of the size asked for; empty if none was, or it is larger.
    #[n(1)]
    pub proof: Vec<Hash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_everything() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key().to_bytes();
        let head = TreeHead {
            epoch: 2,
            size: 9,
            root: Hash([1; 32]),
            at_ms: 5,
            forks: vec![(1, 4)],
            state: Hash([2; 32]),
            previous: Hash([3; 32]),
        };
        let signed = head.clone().sign(&key);
        assert!(signed.is_genuine(&public));
        assert!(!signed.is_genuine(&SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()));
        let changes: [fn(&mut TreeHead); 7] = [
            |h| h.epoch += 1,
            |h| h.size += 1,
            |h| h.root.0[0] ^= 1,
            |h| h.at_ms += 1,
            |h| h.forks[0].1 += 1,
            |h| h.state.0[0] ^= 1,
            |h| h.previous.0[0] ^= 1,
        ];
        for change in changes {
            let mut altered = signed.clone();
            change(&mut altered.head);
            assert!(!altered.is_genuine(&public));
        }
    }

    #[test]
    fn a_head_names_its_own_past() {
        let (root, state, previous) = (Hash::default(), Hash::default(), Hash::default());
        let forks = vec![(1, 10), (2, 30)];
        let head = TreeHead { epoch: 3, size: 50, root, at_ms: 0, forks, state, previous };
        for (epoch, size, own) in [(3, 50, true), (3, 51, false), (2, 30, true), (2, 31, false), (1, 10, true)] {
            assert_eq!(head.continues(epoch, size), own, "{epoch}/{size}");
        }
        assert!(!head.continues(4, 1), "a later epoch is no past");
    }
}
