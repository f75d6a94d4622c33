//! Identifiers of the domain: collections, fields, records.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Wire number of a collection. Append-only, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
pub struct CollectionId(#[n(0)] pub u16);

/// Wire number of a field inside its collection. Append-only, never reused. 0 is reserved for the record itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
pub struct FieldId(#[n(0)] pub u16);

impl FieldId {
    /// Stands for the record as a whole: its existence, its owner, a delete against an edit.
    pub const RECORD: FieldId = FieldId(0);
}

/// Identity of a record: UUIDv5 of its collection and immutable key, else a UUIDv7 made by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub Uuid);

/// Namespace of all key-derived record ids. Fixed for ever: changing it would change every id.
const KEY_NAMESPACE: Uuid =
    Uuid::from_bytes([0x6f, 0x6d, 0x6e, 0x69, 0x2d, 0x63, 0x5f, 0x74, 0xa0, 0x6c, 0x2d, 0x6b, 0x65, 0x79, 0x2d, 0x31]);

impl RecordId {
    /// The owner of everything that belongs to no sector, payroll sector or treaty.
    pub const GLOBAL: RecordId = RecordId(Uuid::nil());

    /// The id of the record of `collection` whose immutable key is `key`.
    pub fn from_key(collection: &str, key: &str) -> RecordId {
        RecordId(Uuid::new_v5(&KEY_NAMESPACE, format!("{collection}:{key}").as_bytes()))
    }

    /// The 16 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads an id from exactly 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<RecordId> {
        Uuid::from_slice(bytes).ok().map(RecordId)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl<C> Encode<C> for RecordId {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for RecordId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        RecordId::from_slice(d.bytes()?).ok_or_else(|| decode::Error::message("a record id has 16 bytes"))
    }
}

/// Declares a newtype over a UUID: 16 bytes on the wire, its usual text elsewhere.
#[macro_export]
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// Reads an id from exactly 16 bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<$name> {
                uuid::Uuid::from_slice(bytes).ok().map($name)
            }
            /// The 16 bytes of the id.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<$name, uuid::Error> {
                uuid::Uuid::parse_str(s).map($name)
            }
        }
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(&self, e: &mut minicbor::Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.0.as_bytes())?.ok()
            }
        }
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                $name::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("an id has 16 bytes"))
            }
        }
    };
}

uuid_id!(
    /// Permanent identity of a change. UUIDv7, fixed in the operator's transaction.
    ChangeId
);
uuid_id!(
    /// One open or decided conflict item.
    ConflictId
);
