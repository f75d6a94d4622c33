//! Frames of `/v1/sync` and their envelope. CBOR with integer keys: an older peer skips what it does not know.

use crate::change::Parent;
use crate::feed::{DirectoryEntry, FeedPage, Outcome};
use crate::ids::{BootId, DeviceId, Grants, Hash, Position, ReplicaId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Version of the frames. A peer with another major refuses with `protocol`.
pub const PROTOCOL_VERSION: u16 = 1;

/// Central's first words on a new connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Challenge {
    /// To be signed in the hello.
    #[n(0)]
    pub nonce: ByteVec,
    /// Protocol version of central.
    #[n(1)]
    pub version: u16,
    /// Central's current epoch.
    #[n(2)]
    pub epoch: u32,
}

/// A laptop introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// Schema version.
    #[n(1)]
    pub schema: u16,
    /// The device.
    #[n(2)]
    pub device: DeviceId,
    /// The incarnation.
    #[n(3)]
    pub replica: ReplicaId,
    /// Its ancestors, nearest first; counters name how far each is known.
    #[n(4)]
    pub lineage: Vec<Parent>,
    /// Where its copy stands.
    #[n(5)]
    pub position: Position,
    /// Hash of the grants its copy was made under: tells central whether they changed since.
    #[n(6)]
    pub grants: Hash,
    /// Ed25519 over `signed_bytes`.
    #[n(7)]
    pub signature: ByteVec,
}

impl Hello {
    /// What the signature covers: everything but itself, bound to central's nonce.
    pub fn signed_bytes(&self, nonce: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        let nonce: &minicbor::bytes::ByteSlice = nonce.into();
        let bound = ("omni-hello-1", nonce);
        minicbor::encode(bound, &mut out).expect("writing to a Vec cannot fail");
        minicbor::encode(
            (self.version, self.schema, self.device, self.replica, &self.lineage, self.position, self.grants),
            &mut out,
        )
        .expect("writing to a Vec cannot fail");
        out
    }
}

/// Central accepts a hello.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Welcome {
    /// Central's head.
    #[n(0)]
    pub head: Position,
    /// The counter central expects next from this replica.
    #[n(1)]
    pub expected: u64,
    /// Hash of the chain central has for this replica, up to `expected` − 1.
    #[n(2)]
    pub chain: Hash,
    /// What the operator may read now.
    #[n(3)]
    pub grants: Grants,
    /// The operator's name.
    #[n(4)]
    pub operator: String,
    /// The operator's role.
    #[n(5)]
    pub role: String,
    /// Bearer token for HTTP on this session's behalf.
    #[n(6)]
    pub token: String,
    /// What the laptop has to do first.
    #[n(7)]
    pub start: Start,
    /// Devices known.
    #[n(8)]
    pub directory: Vec<DirectoryEntry>,
    /// Central's clock, unix milliseconds.
    #[n(9)]
    pub now_ms: i64,
    /// Central was restored and takes nothing but retained originals: offer them, then connect again.
    #[n(10)]
    #[cbor(default)]
    pub recovering: bool,
    /// For each earlier epoch: the seq up to which its history is this one's.
    #[n(11)]
    #[cbor(default)]
    pub forks: Vec<(u32, u64)>,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Start {
    /// The feed follows on this connection.
    #[n(0)]
    Live,
    /// Fetch pages over HTTP first, then say `Follow`.
    #[n(1)]
    CatchUp,
    /// The copy cannot be continued (first contact, other scopes, other history): fetch a snapshot, then say `Follow`.
    #[n(2)]
    Snapshot,
}

/// Frames from a laptop.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ClientFrame {
    /// First frame.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// A signed batch, as its bytes.
    #[n(1)]
    Push(#[n(0)] ByteVec),
    /// The copy stands here now: send the feed from here.
    #[n(2)]
    Follow {
        /// Where the copy stands.
        #[n(0)]
        position: Position,
    },
    /// Answer to a probe.
    #[n(3)]
    ProbeReply {
        /// The probe.
        #[n(0)]
        n: u64,
        /// This boot.
        #[n(1)]
        boot: BootId,
        /// Suspend-aware monotonic reading, milliseconds.
        #[n(2)]
        mono_ms: u64,
        /// The laptop's wall clock, unix milliseconds: shown as skew, never used.
        #[n(3)]
        wall_ms: i64,
    },
    /// How far the copy is durable; lets central say who is at the head.
    #[n(4)]
    Ack {
        /// Complete to this seq.
        #[n(0)]
        seq: u64,
    },
}

/// Frames from central.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ServerFrame {
    /// First frame.
    #[n(0)]
    Challenge(#[n(0)] Challenge),
    /// The hello was accepted.
    #[n(1)]
    Welcome(#[n(0)] Welcome),
    /// Stored answers, in counter order.
    #[n(2)]
    Outcomes(#[n(0)] Vec<Outcome>),
    /// Feed, live or catching up.
    #[n(3)]
    Feed(#[n(0)] FeedPage),
    /// Heartbeat and clock probe.
    #[n(4)]
    Probe {
        /// Number to repeat.
        #[n(0)]
        n: u64,
        /// Central's clock, unix milliseconds.
        #[n(1)]
        now_ms: i64,
        /// Complete to here.
        #[n(2)]
        watermark: crate::feed::Watermark,
    },
    /// The batch does not continue the replica's chain: this is what central expects.
    #[n(5)]
    Expected {
        /// Next counter.
        #[n(0)]
        counter: u64,
        /// Chain head before it.
        #[n(1)]
        chain: Hash,
    },
    /// A device joined: its name.
    #[n(6)]
    Directory(#[n(0)] DirectoryEntry),
    /// The grants changed: connect again.
    #[n(7)]
    Regrant {},
    /// The connection ends for this reason.
    #[n(8)]
    Refused {
        /// Stable word.
        #[n(0)]
        code: String,
        /// A sentence.
        #[n(1)]
        message: String,
        /// Whether trying again may help.
        #[n(2)]
        retryable: bool,
    },
    /// An emergency change ahead of the feed; its state follows in order.
    #[n(9)]
    Alert {
        /// The commit.
        #[n(0)]
        seq: u64,
        /// Encoded parts.
        #[n(1)]
        parts: Vec<ByteVec>,
    },
}

/// CBOR of any frame or document.
pub fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    minicbor::encode(value, &mut out).expect("writing to a Vec cannot fail");
    out
}

/// Reads a frame or document that must fill `bytes` exactly up to trailing garbage, which is an error.
pub fn from_bytes<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, minicbor::decode::Error> {
    let mut d = minicbor::Decoder::new(bytes);
    let value = d.decode()?;
    if d.position() != bytes.len() {
        return Err(minicbor::decode::Error::message("bytes after the end"));
    }
    Ok(value)
}
