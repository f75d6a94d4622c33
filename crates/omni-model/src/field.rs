//! Fields: type, merge policy, authority, compartment, label; checking and text forms of their values.

use crate::ids::{FieldId, RecordId};
use crate::value::{SET_ITEMS_MAX, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Longest short text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 1_000;
/// Longest long text, in bytes of UTF-8.
pub const LONG_TEXT_BYTES_MAX: usize = 60_000;

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// One line of text, at most `TEXT_BYTES_MAX` bytes.
    Text,
    /// Several paragraphs, at most `LONG_TEXT_BYTES_MAX` bytes.
    LongText,
    /// Yes or no.
    Bool,
    /// Whole number.
    Int,
    /// US dollars in whole cents.
    Money,
    /// A number with this many decimal places, stored as a scaled integer.
    Decimal(u8),
    /// An instant: milliseconds since 1970 UTC.
    Time,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Some of these words.
    EnumSet(&'static [&'static str]),
    /// Free words (tags).
    TextSet,
    /// A link to one record of the named collection.
    Ref(&'static str),
    /// Links to several records of the named collection, as id texts.
    RefSet(&'static str),
}

/// How concurrent writes to one field are settled (DESIGN §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The newest edit wins where time intervals are disjoint; else contested.
    Latest,
    /// Higher authority wins, then `Latest`.
    Authority,
    /// Deltas add up.
    Counter,
    /// Additions win.
    Set,
    /// Only grows.
    Max,
    /// Only shrinks.
    Min,
    /// Fractional index.
    Order,
    /// A text CRDT inside the field.
    Text,
    /// A state machine: from each state, the states it may go to.
    Transition(&'static [(&'static str, &'static [&'static str])]),
    /// Never merged: the committed value stands, the other waits.
    Protected,
}

impl Policy {
    /// The policy's word, as the command line and the UI show it.
    pub fn name(&self) -> &'static str {
        match self {
            Policy::Latest => "Latest",
            Policy::Authority => "Authority",
            Policy::Counter => "Counter",
            Policy::Set => "Set",
            Policy::Max => "Max",
            Policy::Min => "Min",
            Policy::Order => "Order",
            Policy::Text => "Text",
            Policy::Transition(_) => "Transition",
            Policy::Protected => "Protected",
        }
    }
}

/// Which app has the last word on a field under `Policy::Authority`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// System-wide fields.
    Fruitful,
    /// Asset versions.
    Samfox,
    /// Brand data.
    Banimal,
}

impl App {
    /// The app's name in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            App::Fruitful => "fruitful",
            App::Samfox => "samfox",
            App::Banimal => "banimal",
        }
    }
}

/// The unit of reading rights inside an owner. Declared per field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Compartment {
    /// Everybody of the owner.
    Open = 0,
    /// Fees, amounts, splits.
    Money = 1,
    /// Data about people.
    Personal = 2,
}

impl Compartment {
    /// All compartments, in wire order.
    pub const ALL: [Compartment; 3] = [Compartment::Open, Compartment::Money, Compartment::Personal];

    /// Reads the wire number.
    pub fn from_wire(n: u8) -> Option<Compartment> {
        Self::ALL.get(n as usize).copied()
    }

    /// The compartment's word.
    pub fn name(&self) -> &'static str {
        match self {
            Compartment::Open => "open",
            Compartment::Money => "money",
            Compartment::Personal => "personal",
        }
    }
}

/// Why a value does not fit a field. `message` is a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// One field of a collection. Built in `schema` by the const builder methods.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Wire number, unique in its collection, never reused.
    pub id: FieldId,
    /// Name in SQL, JSON and on the command line: snake case.
    pub name: &'static str,
    /// Words for people.
    pub label: &'static str,
    /// What it holds.
    pub ty: FieldType,
    /// How concurrent writes are settled.
    pub policy: Policy,
    /// Who may read it.
    pub compartment: Compartment,
    /// Whose word is last under `Policy::Authority`.
    pub authority: Option<App>,
    /// The merge group it belongs to: such fields win or lose together.
    pub group: Option<&'static str>,
    /// A record cannot be saved without it.
    pub required: bool,
    /// No two records of the collection share its value.
    pub unique: bool,
    /// Part of full-text search.
    pub search: bool,
    /// Typed in by somebody, not measured: shown in grey with its source.
    pub declared: bool,
    /// Index it: lists are filtered or sorted by it.
    pub index: bool,
    /// While this yes/no field of the record is yes, this field cannot change: a write waits in the inbox.
    pub frozen_by: Option<&'static str>,
}

impl Field {
    /// A plain field: open, optional, not unique.
    pub const fn new(id: u16, name: &'static str, label: &'static str, ty: FieldType, policy: Policy) -> Field {
        Field {
            id: FieldId(id),
            name,
            label,
            ty,
            policy,
            compartment: Compartment::Open,
            authority: None,
            group: None,
            required: false,
            unique: false,
            search: false,
            declared: false,
            index: false,
            frozen_by: None,
        }
    }
    /// Cannot change while the named yes/no field of the record is yes.
    pub const fn frozen_by(mut self, field: &'static str) -> Field {
        self.frozen_by = Some(field);
        self
    }
    /// A record cannot be saved without this field.
    pub const fn required(mut self) -> Field {
        self.required = true;
        self
    }
    /// No two records share this value; checked on central.
    pub const fn unique(mut self) -> Field {
        self.unique = true;
        self
    }
    /// Part of full-text search.
    pub const fn search(mut self) -> Field {
        self.search = true;
        self
    }
    /// A typed-in constant, kept apart from measured figures.
    pub const fn declared(mut self) -> Field {
        self.declared = true;
        self
    }
    /// Indexed for lists.
    pub const fn index(mut self) -> Field {
        self.index = true;
        self
    }
    /// Readable by those who may read amounts.
    pub const fn money(mut self) -> Field {
        self.compartment = Compartment::Money;
        self
    }
    /// Readable by those who may read data about people.
    pub const fn personal(mut self) -> Field {
        self.compartment = Compartment::Personal;
        self
    }
    /// The app whose word is last.
    pub const fn authority(mut self, app: App) -> Field {
        self.authority = Some(app);
        self
    }
    /// Member of a merge group.
    pub const fn group(mut self, group: &'static str) -> Field {
        self.group = Some(group);
        self
    }

    fn error(&self, message: impl Into<String>) -> FieldError {
        FieldError { field: self.name.to_owned(), message: message.into() }
    }

    /// Whether the value may stand in this field. Null is checked against `required` by the record check, not here.
    pub fn check(&self, value: &Value) -> Result<(), FieldError> {
        match (self.ty, value) {
            (_, Value::Null) => Ok(()),
            (FieldType::Text, Value::Text(s)) => self.check_text(s, TEXT_BYTES_MAX),
            (FieldType::LongText, Value::Text(s)) => self.check_text(s, LONG_TEXT_BYTES_MAX),
            (FieldType::Bool, Value::Bool(_)) => Ok(()),
            (FieldType::Int | FieldType::Decimal(_) | FieldType::Time, Value::Int(_)) => Ok(()),
            (FieldType::Money, Value::Int(_)) => Ok(()),
            (FieldType::Enum(words), Value::Text(s)) => self.check_word(words, s),
            (FieldType::EnumSet(words), Value::Set(items)) => items.iter().try_for_each(|i| self.check_word(words, i)),
            (FieldType::TextSet, Value::Set(items)) => {
                items.iter().try_for_each(|i| self.check_text(i, TEXT_BYTES_MAX))
            }
            (FieldType::Ref(_), Value::Id(_)) => Ok(()),
            (FieldType::RefSet(_), Value::Set(items)) => items.iter().try_for_each(|i| {
                uuid::Uuid::parse_str(i).map(|_| ()).map_err(|_| self.error(format!("“{i}” is not a record id.")))
            }),
            (_, other) => Err(self.error(format!("{} expected, got {other:?}.", self.type_name()))),
        }
    }

    fn check_text(&self, s: &str, max: usize) -> Result<(), FieldError> {
        if s.len() > max {
            return Err(self.error(format!("{} bytes of text; at most {max} fit.", s.len())));
        }
        if s.contains('\0') {
            return Err(self.error("Text cannot hold a NUL character."));
        }
        Ok(())
    }

    fn check_word(&self, words: &[&str], s: &str) -> Result<(), FieldError> {
        if words.contains(&s) {
            return Ok(());
        }
        Err(self.error(format!("“{s}” is not one of: {}.", words.join(", "))))
    }

    /// The type's word, as `collections` prints it.
    pub fn type_name(&self) -> &'static str {
        match self.ty {
            FieldType::Text => "text",
            FieldType::LongText => "long_text",
            FieldType::Bool => "bool",
            FieldType::Int => "int",
            FieldType::Money => "money",
            FieldType::Decimal(_) => "decimal",
            FieldType::Time => "time",
            FieldType::Enum(_) => "enum",
            FieldType::EnumSet(_) => "enum_set",
            FieldType::TextSet => "text_set",
            FieldType::Ref(_) => "ref",
            FieldType::RefSet(_) => "ref_set",
        }
    }

    /// Decimal places of the number on screen; 0 for whole numbers.
    pub fn scale(&self) -> u8 {
        match self.ty {
            FieldType::Money => 2,
            FieldType::Decimal(n) => n,
            _ => 0,
        }
    }

    /// Whether the value is a set.
    pub fn is_set(&self) -> bool {
        matches!(self.ty, FieldType::EnumSet(_) | FieldType::TextSet | FieldType::RefSet(_))
    }

    /// The collection a link points to.
    pub fn target(&self) -> Option<&'static str> {
        match self.ty {
            FieldType::Ref(c) | FieldType::RefSet(c) => Some(c),
            _ => None,
        }
    }

    /// Parses what a person typed, or a CSV cell held. The empty text is no value. Links accept an id or a key.
    pub fn parse(&self, text: &str) -> Result<Value, FieldError> {
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let value = match self.ty {
            FieldType::Text | FieldType::LongText | FieldType::Enum(_) => Value::text(text),
            FieldType::Bool => match text {
                "true" | "yes" | "1" => Value::Bool(true),
                "false" | "no" | "0" => Value::Bool(false),
                _ => return Err(self.error(format!("“{text}” is neither true nor false."))),
            },
            FieldType::Int => Value::Int(self.parse_scaled(text, 0)?),
            FieldType::Money => Value::Int(self.parse_scaled(text, 2)?),
            FieldType::Decimal(scale) => Value::Int(self.parse_scaled(text, scale)?),
            FieldType::Time => Value::Int(self.parse_scaled(text, 0)?),
            FieldType::EnumSet(_) | FieldType::TextSet => self.parse_items(text, |s| s.to_owned())?,
            FieldType::Ref(c) => Value::Id(parse_link(c, text)),
            FieldType::RefSet(c) => self.parse_items(text, |s| parse_link(c, s).to_string())?,
        };
        self.check(&value)?;
        Ok(value)
    }

    fn parse_items(&self, text: &str, map: impl Fn(&str) -> String) -> Result<Value, FieldError> {
        let items: BTreeSet<String> =
            text.split([',', ';']).map(str::trim).filter(|s| !s.is_empty()).map(map).collect();
        if items.len() > SET_ITEMS_MAX {
            return Err(self.error(format!("{} items; at most {SET_ITEMS_MAX} fit.", items.len())));
        }
        Ok(Value::Set(items))
    }

    /// Exact decimal reading: no rounding, more places than the field has are an error.
    fn parse_scaled(&self, text: &str, scale: u8) -> Result<i64, FieldError> {
        let bad = || self.error(format!("“{text}” is not a number with at most {scale} decimal places."));
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let ascii = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !ascii(whole) || !ascii(fraction) || fraction.len() > scale as usize {
            return Err(bad());
        }
        let padded = format!("{whole}{fraction:0<width$}", width = scale as usize);
        let n: i64 = padded.parse().map_err(|_| bad())?;
        Ok(if negative { -n } else { n })
    }

    /// Reads a JSON value.
    pub fn from_json(&self, json: &Json) -> Result<Value, FieldError> {
        match (json, self.is_set()) {
            (Json::Null, _) => Ok(Value::Null),
            (Json::Array(items), true) => {
                let words: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                let words = words.ok_or_else(|| self.error("A list of texts is expected."))?;
                let link = |s: &&str| match self.ty {
                    FieldType::RefSet(c) => parse_link(c, s).to_string(),
                    _ => (*s).to_owned(),
                };
                let value = Value::Set(words.iter().map(link).collect());
                self.check(&value)?;
                Ok(value)
            }
            (Json::String(s), _) if s.is_empty() => Ok(Value::Null),
            (Json::String(s), _) => self.parse(s),
            (Json::Bool(b), false) if self.ty == FieldType::Bool => Ok(Value::Bool(*b)),
            (Json::Number(n), false) => self.parse(&n.to_string()),
            _ => Err(self.error(format!("{} expected.", self.type_name()))),
        }
    }

    /// The value as JSON: numbers as numbers, links as id texts, sets as sorted lists.
    pub fn to_json(&self, value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) if self.scale() > 0 => {
                serde_json::Number::from_f64(*n as f64 / 10f64.powi(self.scale().into()))
                    .map_or(Json::Null, Json::Number)
            }
            Value::Int(n) => Json::from(*n),
            Value::Text(s) => Json::from(s.as_str()),
            Value::Id(id) => Json::from(id.to_string()),
            Value::Set(items) => Json::from(items.iter().cloned().collect::<Vec<_>>()),
            Value::Raw(_) => Json::Null,
        }
    }

    /// The value as one CSV cell, such that `parse` gives it back.
    pub fn to_text(&self, value: &Value) -> String {
        match value {
            Value::Null | Value::Raw(_) => String::new(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => scaled_text(*n, self.scale()),
            Value::Text(s) => s.clone(),
            Value::Id(id) => id.to_string(),
            Value::Set(items) => items.iter().cloned().collect::<Vec<_>>().join(";"),
        }
    }
}

fn parse_link(collection: &str, text: &str) -> RecordId {
    uuid::Uuid::parse_str(text).map(RecordId).unwrap_or_else(|_| RecordId::from_key(collection, text))
}

fn scaled_text(n: i64, scale: u8) -> String {
    if scale == 0 {
        return n.to_string();
    }
    let unit = 10u64.pow(scale.into());
    let (sign, magnitude) = (if n < 0 { "-" } else { "" }, n.unsigned_abs());
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = scale as usize)
}
