//! Changes and signed batches.

use crate::ids::{BootId, ChangeId, GroupId, Hash, ReplicaId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use omni_model::{Op, Value};

/// Priority 1: passes everything it does not depend on.
pub const EMERGENCY: u8 = 1;
/// Priority 2: what operators do.
pub const NORMAL: u8 = 2;
/// Priority 3: imports and bulk edits.
pub const BULK: u8 = 3;

/// The history position an operator saw when making a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Encode, Decode)]
pub struct Base {
    /// Epoch of the seq.
    #[n(0)]
    pub epoch: u32,
    /// Complete to this seq.
    #[n(1)]
    pub seq: u64,
}

/// When an edit was made, in terms only central can convert: a boot and its suspend-aware monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EditTime {
    /// Which boot of which machine.
    #[n(0)]
    pub boot: BootId,
    /// Monotonic reading, milliseconds since that boot.
    #[n(1)]
    pub mono_ms: u64,
    /// The laptop's own wall clock, unix milliseconds: shown, never trusted.
    #[n(2)]
    pub wall_ms: i64,
}

/// Membership in a larger act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GroupRef {
    /// The group.
    #[n(0)]
    pub id: GroupId,
    /// Place, from 0.
    #[n(1)]
    pub index: u32,
    /// Members.
    #[n(2)]
    pub count: u32,
}

/// One atomic operator action. `id` and `base` never change; `after` is filled when it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Change {
    /// Permanent identity.
    #[n(0)]
    pub id: ChangeId,
    /// What its author had seen.
    #[n(1)]
    pub base: Base,
    /// Command number; 0 = plain edit.
    #[n(2)]
    pub command: u16,
    /// Version of the command.
    #[n(3)]
    pub version: u16,
    /// Schema version of its author.
    #[n(4)]
    pub schema: u16,
    /// Arguments of the command.
    #[n(5)]
    pub args: Vec<(String, String)>,
    /// Operations; empty for a queued command, whose operations central makes.
    #[n(6)]
    pub ops: Vec<Op>,
    /// Own unconfirmed changes it relies on.
    #[n(7)]
    pub after: Vec<ChangeId>,
    /// When it was made.
    #[n(8)]
    pub time: EditTime,
    /// 1 emergency, 2 normal, 3 bulk.
    #[n(9)]
    pub priority: u8,
    /// The larger act it belongs to.
    #[n(10)]
    pub group: Option<GroupRef>,
    /// For each operation in order: the value its author had before, null where that makes no sense. Shown as *before
    /// both* if the change meets another; never used to decide.
    #[n(11)]
    pub was: Vec<Value>,
}

impl Change {
    /// The wire bytes. Signed and stored verbatim once sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        minicbor::encode(self, &mut out).expect("writing to a Vec cannot fail");
        out
    }

    /// Reads a change from its wire bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Change, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }

    /// What makes two changes of one id the same: base, command, arguments, operations. Replica, counter, parent, time and
    /// `was` do not count, nor does `after`: it names what stood before the change in the queue that sealed it, and two
    /// copies of one laptop may seal the same change behind different ones.
    pub fn content_hash(&self) -> Hash {
        let mut out = Vec::with_capacity(128);
        minicbor::encode((self.base, self.command, self.version, &self.args, &self.ops), &mut out)
            .expect("writing to a Vec cannot fail");
        Hash::of("omni-change-content", &[&out])
    }

    /// Whether it is a command: all or nothing.
    pub fn is_command(&self) -> bool {
        self.command != omni_model::command::PLAIN_EDIT
    }
}

/// The incarnation a replica descends from, up to a counter of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Parent {
    /// The earlier incarnation.
    #[n(0)]
    pub replica: ReplicaId,
    /// Its writes are known up to this counter.
    #[n(1)]
    pub counter: u64,
}

/// One place in the gap-free order of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Entry {
    /// A change, as its wire bytes.
    #[n(0)]
    Change(#[n(0)] ByteVec),
    /// A change that could not be delivered: only its hash and why. Its payload stays on the laptop.
    #[n(1)]
    Skip {
        /// Hash of the wire bytes that were not sent.
        #[n(0)]
        hash: Hash,
        /// Why.
        #[n(1)]
        reason: String,
    },
}

impl Entry {
    /// The link it adds to its replica's chain.
    pub fn link(&self) -> Hash {
        match self {
            Entry::Change(bytes) => Hash::of("omni-entry-change", &[bytes]),
            Entry::Skip { hash, reason } => Hash::of("omni-entry-skip", &[&hash.0, reason.as_bytes()]),
        }
    }
}

/// Consecutive entries of one replica under one signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Batch {
    /// The incarnation.
    #[n(0)]
    pub replica: ReplicaId,
    /// What it descends from.
    #[n(1)]
    pub parent: Option<Parent>,
    /// Epoch of central it speaks to.
    #[n(2)]
    pub epoch: u32,
    /// Counter of the first entry.
    #[n(3)]
    pub first: u64,
    /// Chain head before the first entry.
    #[n(4)]
    pub prev_hash: Hash,
    /// The entries.
    #[n(5)]
    pub entries: Vec<Entry>,
    /// Ed25519 over `signed_bytes`.
    #[n(6)]
    pub signature: ByteVec,
}

impl Batch {
    /// The chain head after the last entry.
    pub fn head_hash(&self) -> Hash {
        self.entries.iter().fold(self.prev_hash, |h, e| chain(h, e.link()))
    }

    /// What the signature covers.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let count = self.entries.len() as u64;
        minicbor::encode(
            ("omni-batch-1", self.replica, self.parent, self.epoch, self.first, count, self.head_hash()),
            &mut out,
        )
        .expect("writing to a Vec cannot fail");
        out
    }
}

/// One step of a replica's hash chain.
pub fn chain(prev: Hash, link: Hash) -> Hash {
    Hash::of("omni-chain", &[&prev.0, &link.0])
}
