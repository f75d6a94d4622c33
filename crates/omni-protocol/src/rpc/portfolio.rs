//! What the portfolio consists of: counts, collections with their fields, commands.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

rpc_types! {
    /// Command Center figures: counts of records.
    pub struct Overview {
        /// Per collection: live records, and records with a pending edit.
        pub collections: Vec<CollectionCount>,
        /// Sectors by status, with their brand counts.
        pub sectors: Vec<SectorCount>,
    }
    /// Count of one collection.
    pub struct CollectionCount {
        /// Its name.
        pub collection: String,
        /// Words for people.
        pub label: String,
        /// Live records.
        pub rows: u64,
        /// Records with unconfirmed edits.
        pub pending: u64,
    }
    /// Count of one sector.
    pub struct SectorCount {
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Name.
        pub name: String,
        /// The record's own icon.
        pub icon: Option<String>,
        /// Status set by operators.
        pub status: Option<String>,
        /// Category.
        pub category: Option<String>,
        /// Recorded brands.
        pub brands: u64,
        /// Declared brands: typed in, not measured.
        pub declared_brands: Option<i64>,
        /// Records of the sector with unconfirmed edits.
        pub pending: u64,
    }
    /// A collection.
    pub struct CollectionInfo {
        /// Name.
        pub name: String,
        /// Label, singular.
        pub label: String,
        /// Label, plural.
        pub plural: String,
        /// Component of the customer's plan.
        pub component: String,
        /// The field that names a record.
        pub title: String,
        /// `edit wins` or `committed stands`.
        pub delete: String,
        /// Its fields in display order.
        pub fields: Vec<FieldInfo>,
    }
    /// A field.
    pub struct FieldInfo {
        /// Name.
        pub name: String,
        /// Label.
        pub label: String,
        /// Type word: text long_text bool int money decimal time enum enum_set text_set ref ref_set.
        #[serde(rename = "type")]
        pub ty: String,
        /// Merge policy word.
        pub policy: String,
        /// Compartment word.
        pub compartment: String,
        /// App with the last word, if any.
        pub authority: Option<String>,
        /// Merge group, if any.
        pub group: Option<String>,
        /// Words of an enum.
        pub words: Vec<String>,
        /// Collection a link points to.
        pub target: Option<String>,
        /// Decimal places.
        pub scale: u8,
        /// Required.
        pub required: bool,
        /// Unique.
        pub unique: bool,
        /// Typed in, not measured.
        pub declared: bool,
        /// Good to sort and filter by.
        pub indexed: bool,
    }
    /// A domain command.
    pub struct CommandInfo {
        /// Name, `collection.verb`.
        pub name: String,
        /// Label.
        pub label: String,
        /// `yes`, `queued` or `no`.
        pub offline: String,
        /// Arguments.
        pub args: Vec<ArgInfo>,
    }
    /// An argument.
    pub struct ArgInfo {
        /// Name.
        pub name: String,
        /// Help.
        pub help: String,
        /// Required.
        pub required: bool,
    }
}
