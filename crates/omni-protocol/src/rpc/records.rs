//! Records: listed, read, edited.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use ts_rs::TS;

rpc_types! {
    /// Arguments of `list`.
    pub struct ListArgs {
        /// Collection name.
        pub collection: String,
        /// Field = value filters (texts as typed; links by id or key).
        #[serde(default, rename = "where")]
        pub filter: BTreeMap<String, String>,
        /// Full-text search, prefix match.
        #[serde(default)]
        pub search: Option<String>,
        /// Field to sort by, `-field` descending; default the title.
        #[serde(default)]
        pub sort: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// A window of rows.
    pub struct Page {
        /// All rows that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<RowView>,
    }
    /// One row of a list.
    pub struct RowView {
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Values by field name; links carry the id, see `titles`.
        pub values: BTreeMap<String, Json>,
        /// Titles of linked records by field name.
        pub titles: BTreeMap<String, String>,
        /// `saved pending sending rejected conflict`.
        pub state: String,
        /// Fields with unconfirmed edits.
        pub pending: Vec<String>,
    }
    /// Arguments of `facets`.
    pub struct FacetArgs {
        /// Collection name.
        pub collection: String,
        /// Field to count by.
        pub field: String,
        /// Filters.
        #[serde(default, rename = "where")]
        pub filter: BTreeMap<String, String>,
        /// Search.
        #[serde(default)]
        pub search: Option<String>,
    }
    /// One value and its count.
    pub struct Facet {
        /// Value as JSON; null = no value.
        pub value: Json,
        /// Title if the value is a link, else the value as text.
        pub label: String,
        /// Records.
        pub count: u64,
    }
    /// A record's address; `id` is an id or a key.
    pub struct RecordArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
    }
    /// One record in full.
    pub struct Record {
        /// Collection name.
        pub collection: String,
        /// Record id.
        pub id: String,
        /// Key.
        pub key: Option<String>,
        /// Title.
        pub title: String,
        /// Owner record id, null = global.
        pub owner: Option<String>,
        /// Seq of the last commit that touched it; null = not yet on central.
        pub seq: Option<u64>,
        /// State of the record.
        pub state: String,
        /// Its fields in display order.
        pub fields: Vec<FieldView>,
        /// Its last changes, newest first.
        pub recent: Vec<RecentChange>,
    }
    /// One field of a record.
    pub struct FieldView {
        /// Name.
        pub name: String,
        /// Value on screen: the pending one where there is one.
        pub value: Json,
        /// Title of a linked record, else null.
        pub title: Option<String>,
        /// `saved pending sending rejected conflict`.
        pub state: String,
        /// The confirmed value under a pending edit.
        pub confirmed: Json,
        /// When the pending edit was saved here, RFC 3339 UTC.
        pub saved_at: Option<String>,
    }
    /// Arguments of `set`.
    pub struct SetArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Field → new value as JSON.
        pub fields: BTreeMap<String, Json>,
    }
    /// Arguments of `create`.
    pub struct CreateArgs {
        /// Collection name.
        pub collection: String,
        /// Immutable key, if wanted.
        #[serde(default)]
        pub key: Option<String>,
        /// Field → value.
        pub fields: BTreeMap<String, Json>,
    }
    /// Arguments of `do`.
    pub struct DoArgs {
        /// Command name.
        pub command: String,
        /// Arguments.
        pub args: BTreeMap<String, String>,
    }
    /// Arguments of `text`: exactly one of the three acts.
    pub struct TextArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Text field.
        pub field: String,
        /// Insert this text at `at`.
        #[serde(default)]
        pub insert: Option<String>,
        /// Delete this many characters at `at`.
        #[serde(default)]
        pub delete: Option<u32>,
        /// Position, in characters (Unicode scalar values).
        #[serde(default)]
        pub at: u32,
        /// The whole new text; what differs becomes the edit.
        #[serde(default)]
        pub replace: Option<String>,
    }
    /// A change was saved.
    pub struct ChangeMade {
        /// The change's permanent id; null if nothing changed.
        pub change: Option<String>,
        /// The record touched first.
        pub id: String,
    }
    /// A window.
    pub struct WindowArgs {
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// Something that changed.
    pub struct RecentChange {
        /// Seq; null = own change not yet on central.
        pub seq: Option<u64>,
        /// Change id.
        pub change: String,
        /// Collection of the first record touched.
        pub collection: String,
        /// First record touched.
        pub record: String,
        /// Its title, if it is here.
        pub title: Option<String>,
        /// Field names touched.
        pub fields: Vec<String>,
        /// Records touched.
        pub records: u64,
        /// Operator's name.
        pub by: Option<String>,
        /// Device's name.
        pub device: Option<String>,
        /// Commit time, RFC 3339 UTC.
        pub at: Option<String>,
        /// Command name, `edit` for a plain edit.
        pub command: String,
    }
    /// Ids of one collection that changed.
    pub struct ChangedIds {
        /// Too many to list: all may have changed.
        pub all: bool,
        /// The ids otherwise.
        pub ids: Vec<String>,
    }
}
