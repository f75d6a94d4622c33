//! Field values. Exact by design: no floating point, so equal values have equal bytes on every machine.

use crate::ids::RecordId;
use minicbor::{Decode, Decoder, Encode, Encoder, data::Type, decode, encode};
use std::collections::BTreeSet;

/// Most items a set field may hold; a larger one is refused when parsed.
pub const SET_ITEMS_MAX: usize = 1_000;

/// One field's value. `Null` and an absent field are the same.
///
/// Money is whole cents, decimals are scaled integers (see `FieldType`), times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Whole number, money in cents, scaled decimal or time, as the field's type says.
    Int(i64),
    /// Text, an enum word, or long text.
    Text(String),
    /// A link to a record.
    Id(RecordId),
    /// A set of words or of record ids in text form, sorted.
    Set(BTreeSet<String>),
    /// CBOR of a shape this version does not know (a newer schema's): kept verbatim, never shown.
    Raw(Vec<u8>),
}

impl Value {
    /// Shorthand for a text value.
    pub fn text(s: impl Into<String>) -> Value {
        Value::Text(s.into())
    }

    /// Shorthand for a set value.
    pub fn set<I: IntoIterator<Item = S>, S: Into<String>>(items: I) -> Value {
        Value::Set(items.into_iter().map(Into::into).collect())
    }

    /// Null, and the empty set, are no value at all.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Set(s) => s.is_empty(),
            _ => false,
        }
    }

    /// The whole number inside, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The text inside, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The record linked to, if it is a link.
    pub fn as_id(&self) -> Option<RecordId> {
        match self {
            Value::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The items, if it is a set; null counts as the empty set.
    pub fn as_set(&self) -> Option<BTreeSet<String>> {
        match self {
            Value::Set(s) => Some(s.clone()),
            Value::Null => Some(BTreeSet::new()),
            _ => None,
        }
    }

    /// The canonical wire bytes: what digests and hashes cover.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        minicbor::encode(self, &mut out).expect("writing to a Vec cannot fail");
        out
    }

    /// Reads a value from its wire bytes.
    pub fn from_wire(bytes: &[u8]) -> Result<Value, decode::Error> {
        minicbor::decode(bytes)
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        match self {
            Value::Null => e.null()?.ok(),
            Value::Bool(b) => e.bool(*b)?.ok(),
            Value::Int(n) => e.i64(*n)?.ok(),
            Value::Text(s) => e.str(s)?.ok(),
            Value::Id(id) => id.encode(e, ctx),
            Value::Set(items) => {
                e.array(items.len() as u64)?;
                for item in items {
                    e.str(item)?;
                }
                Ok(())
            }
            Value::Raw(bytes) => e.writer_mut().write_all(bytes).map_err(encode::Error::write),
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        Ok(match d.datatype()? {
            Type::Null | Type::Undefined => {
                d.skip()?;
                Value::Null
            }
            Type::Bool => Value::Bool(d.bool()?),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                Value::Int(d.i64()?)
            }
            Type::String => Value::Text(d.str()?.to_owned()),
            Type::Bytes => Value::Id(RecordId::decode(d, ctx)?),
            Type::Array => {
                let n = d.array()?.ok_or_else(|| decode::Error::message("sets have a definite length"))?;
                if n as usize > SET_ITEMS_MAX {
                    return Err(decode::Error::message("set too large"));
                }
                let mut items = BTreeSet::new();
                for _ in 0..n {
                    items.insert(d.str()?.to_owned());
                }
                Value::Set(items)
            }
            _ => {
                let start = d.position();
                d.skip()?;
                Value::Raw(d.input()[start..d.position()].to_vec())
            }
        })
    }
}
