//! Identifiers of synchronisation.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
pub use omni_model::{ChangeId, ConflictId};
use omni_model::{RecordId, uuid_id};
use std::fmt;

uuid_id!(
    /// One incarnation of one replica database. Random.
    ReplicaId
);
uuid_id!(
    /// An enrolled laptop.
    DeviceId
);
uuid_id!(
    /// A group of changes made by one larger act.
    GroupId
);
uuid_id!(
    /// One boot of one machine's clock.
    BootId
);

/// 32 bytes of BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Hash of the concatenation, each part preceded by its length, under a domain word.
    pub fn of(domain: &str, parts: &[&[u8]]) -> Hash {
        let mut h = blake3::Hasher::new();
        h.update(&(domain.len() as u32).to_le_bytes());
        h.update(domain.as_bytes());
        for part in parts {
            h.update(&(part.len() as u64).to_le_bytes());
            h.update(part);
        }
        Hash(*h.finalize().as_bytes())
    }

    /// Lower-case hex.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Reads a hash from exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.to_hex()[..12])
    }
}

impl<C> Encode<C> for Hash {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Hash {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Hash::from_slice(d.bytes()?).ok_or_else(|| decode::Error::message("a hash has 32 bytes"))
    }
}

/// A position in central's history: "complete to `seq`" of one unbroken history, proven by the commit's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Encode, Decode)]
pub struct Position {
    /// The unbroken history.
    #[n(0)]
    pub epoch: u32,
    /// Gap-free from 1; 0 = nothing yet.
    #[n(1)]
    pub seq: u64,
    /// Hash of the commit at `seq`; zero at seq 0.
    #[n(2)]
    pub hash: Hash,
}

/// The unit of reading rights and of fan-out: an owner's data in one compartment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Scope {
    /// Sector, payroll sector, treaty, or `RecordId::GLOBAL`.
    #[n(0)]
    pub owner: RecordId,
    /// `Compartment` wire number.
    #[n(1)]
    pub compartment: u8,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.compartment)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = omni_model::Compartment::from_wire(self.compartment).map_or("unknown", |c| c.name());
        write!(f, "{}/{word}", self.owner)
    }
}

/// What an operator may read: owners × compartments. Global is always among the owners.
///
/// A new owner is covered by `all` from its creation on; any other change of the grants starts a new copy.
#[derive(Clone, Debug, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Grants {
    /// Every owner, now and later.
    #[n(0)]
    pub all: bool,
    /// The owners otherwise, sorted.
    #[n(1)]
    pub owners: Vec<RecordId>,
    /// Compartment wire numbers, sorted; `open` is always among them.
    #[n(2)]
    pub compartments: Vec<u8>,
}

impl Grants {
    /// Everything.
    pub fn everything() -> Grants {
        Grants { all: true, owners: Vec::new(), compartments: vec![0, 1, 2] }
    }

    /// These owners, in all compartments.
    pub fn owners(mut owners: Vec<RecordId>) -> Grants {
        owners.sort();
        owners.dedup();
        Grants { all: false, owners, compartments: vec![0, 1, 2] }
    }

    /// Whether the scope may be read.
    pub fn reads(&self, scope: Scope) -> bool {
        let owner = self.all || scope.owner == RecordId::GLOBAL || self.owners.binary_search(&scope.owner).is_ok();
        owner && self.compartments.contains(&scope.compartment)
    }

    /// Identity of the grants: part of Hello, so that central sees a copy made under other grants.
    pub fn hash(&self) -> Hash {
        Hash::of("omni-grants", &[&crate::frame::to_bytes(self)])
    }
}
