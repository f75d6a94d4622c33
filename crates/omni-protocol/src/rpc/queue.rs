//! The queue of own changes.

use crate::error::WireError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use ts_rs::TS;

rpc_types! {
    /// Arguments of `queue`.
    pub struct QueueArgs {
        /// Only this state.
        #[serde(default)]
        pub state: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// A window of the queue.
    pub struct QueuePage {
        /// All that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<QueueRow>,
    }
    /// One waiting change.
    pub struct QueueRow {
        /// Change id.
        pub change: String,
        /// `pending` (not sent), `sending` (sealed), `acknowledged` (answered, not yet in the copy), `rejected`, `held`,
        /// `blocked`, `discarded` (undo possible).
        pub state: String,
        /// 1 emergency, 2 normal, 3 bulk.
        pub priority: u8,
        /// Collection of the first record touched.
        pub collection: String,
        /// First record touched.
        pub record: String,
        /// Its title.
        pub title: String,
        /// What it does, in words.
        pub summary: String,
        /// Field by field: before and after.
        pub fields: Vec<QueueField>,
        /// When it was saved here, RFC 3339 UTC.
        pub saved_at: String,
        /// Times it was sent.
        pub attempts: u64,
        /// Next try, RFC 3339 UTC; null if not waiting for one.
        pub next_attempt: Option<String>,
        /// Why it was refused or held.
        pub error: Option<WireError>,
        /// Group id and size, if it is one of many.
        pub group: Option<GroupInfo>,
        /// Whether it may be edited.
        pub can_edit: bool,
        /// Whether it may be discarded.
        pub can_discard: bool,
    }
    /// One field of a waiting change.
    pub struct QueueField {
        /// Name.
        pub name: String,
        /// Confirmed value before.
        pub before: Json,
        /// Value after.
        pub after: Json,
    }
    /// A group of changes.
    pub struct GroupInfo {
        /// Group id.
        pub id: String,
        /// Its place, from 0.
        pub index: u64,
        /// Members.
        pub count: u64,
    }
    /// A change id.
    pub struct ChangeArgs {
        /// The change.
        pub change: String,
    }
    /// Arguments of `queue.edit`.
    pub struct QueueEditArgs {
        /// The change.
        pub change: String,
        /// Field → new value as JSON.
        pub fields: BTreeMap<String, Json>,
    }
}
