//! The domain model: collections, fields, merge policies, commands, rules and the sample portfolio.
//!
//! One static description (`schema::COLLECTIONS`) is the source of SQLite tables, validation, wire ids, TypeScript
//! types, forms, columns and import headers. Adding a field is one line there plus a migration test.
//!
//! Invariants: wire ids are append-only and never reused; nothing here reads a clock, a disk, the network or
//! randomness. Absent on purpose: anything that knows SQL, frames or the UI.

pub mod collection;
pub mod command;
pub mod field;
pub mod ids;
pub mod op;
pub mod records;
pub mod sample;
pub mod schema;
pub mod value;

pub use collection::{Collection, DeleteRule, OwnerRule, Rule};
pub use command::{Args, Command, Offline, Refusal};
pub use field::{App, Compartment, Field, FieldError, FieldType, Policy};
pub use ids::{ChangeId, CollectionId, ConflictId, FieldId, RecordId};
pub use op::{Expected, Op, Resolution, TextEdit};
pub use records::{Records, Row};
pub use schema::Catalog;
pub use value::Value;
