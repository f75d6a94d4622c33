//! Conflicts and their settling.

use crate::error::WireError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use ts_rs::TS;

rpc_types! {
    /// Arguments of `conflicts`.
    pub struct ConflictsArgs {
        /// `open` (default), `auto` (decided by a rule), `person` (settled), `all`.
        #[serde(default)]
        pub decided: Option<String>,
        /// First row.
        #[serde(default)]
        pub offset: u64,
        /// Rows wanted, at most 1,000.
        pub limit: u64,
    }
    /// Arguments of `conflicts.resolve`.
    pub struct ResolveArgs {
        /// Item id.
        pub id: String,
        /// `mine` (what waits or lost), `theirs` (what is committed), `base` (before both), `both` (where the type allows:
        /// sets, texts, numbers that add up), `values` (see there).
        pub take: String,
        /// Only this field of the item; the others keep what is committed.
        #[serde(default)]
        pub field: Option<String>,
        /// For `values`: field → chosen value as JSON; fields left out keep what is committed.
        #[serde(default)]
        pub values: BTreeMap<String, Json>,
        /// The item's `seq` as it was shown: refused as `stale` if it changed since.
        #[serde(default)]
        pub seq: Option<u64>,
    }
    /// Arguments of `conflicts.resolve_many`.
    pub struct ResolveManyArgs {
        /// Item ids, at most 1,000.
        pub ids: Vec<String>,
        /// `mine`, `theirs` or `base`.
        pub take: String,
    }
    /// What became of many items.
    pub struct ResolvedMany {
        /// Items settled.
        pub done: u64,
        /// The changes that settle them, in the order of the items: each can be taken back.
        pub changes: Vec<String>,
        /// Items that could not be, with the reason.
        pub failed: Vec<ItemFailure>,
    }
    /// An item that could not be settled.
    pub struct ItemFailure {
        /// Item id.
        pub id: String,
        /// Why.
        pub error: WireError,
    }
    /// A window of conflicts.
    pub struct ConflictPage {
        /// All that match.
        pub total: u64,
        /// The window.
        pub rows: Vec<ConflictRow>,
    }
    /// One item.
    pub struct ConflictRow {
        /// `field`, `record` (delete against edit) or `change` (a whole command that waits).
        pub kind: String,
        /// `auto open person`.
        pub decided: String,
        /// The rule that decided, or kept it open.
        pub rule: String,
        /// The commit that opened, joined or decided it last.
        pub seq: u64,
        /// The waiting side is a delete of the record.
        pub delete: bool,
        /// The first waiting edit was made on this laptop.
        pub own: bool,
        /// When it was typed, by its author's own clock, RFC 3339 UTC.
        pub typed_at: Option<String>,
        /// Who committed what stands.
        pub theirs_by: Option<String>,
        /// On which device.
        pub theirs_device: Option<String>,
        /// When, RFC 3339 UTC.
        pub theirs_at: Option<String>,
        /// Who settled it, if a person did.
        pub settled_by: Option<String>,
        /// When, RFC 3339 UTC.
        pub settled_at: Option<String>,
        /// Whether it can be settled (again) from here; not while a decision made here waits for central.
        pub can_resolve: bool,
        /// The waiting change, for items of a whole change.
        pub change: Option<String>,
        /// Item id.
        pub id: String,
        /// Collection.
        pub collection: String,
        /// Record.
        pub record: String,
        /// Title of the record.
        pub title: String,
        /// The fields that wait.
        pub fields: Vec<ConflictField>,
    }
    /// One field of an item.
    pub struct ConflictField {
        /// Name; `*` = the record.
        pub name: String,
        /// Label.
        pub label: String,
        /// Type word, as in `collections`.
        #[serde(rename = "type")]
        pub ty: String,
        /// Later edits that wait in the same item.
        pub also: Vec<ConflictSide>,
        /// What holds since it was settled.
        pub settled: Json,
        /// Before both.
        pub base: Json,
        /// The edit that waits.
        pub mine: Json,
        /// On central.
        pub theirs: Json,
        /// Who made the waiting edit.
        pub by: Option<String>,
        /// On which device.
        pub device: Option<String>,
        /// When it arrived, RFC 3339 UTC.
        pub at: Option<String>,
        /// The rule that kept it open.
        pub rule: String,
        /// `auto open person`.
        pub decided: String,
        /// The winner, if decided.
        pub winner: Option<String>,
    }
    /// A later edit that waits in the same item.
    pub struct ConflictSide {
        /// Its value.
        pub value: Json,
        /// Who made it.
        pub by: Option<String>,
        /// On which device.
        pub device: Option<String>,
        /// When it arrived, RFC 3339 UTC.
        pub at: Option<String>,
    }
}
