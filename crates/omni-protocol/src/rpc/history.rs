//! The past: history, earlier points, the way back.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use ts_rs::TS;

rpc_types! {
    /// Arguments of `history`.
    pub struct HistoryArgs {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// Only commits before this one (own changes that are not on central yet come with the first page only).
        #[serde(default)]
        pub before: Option<u64>,
        /// Entries passed over.
        #[serde(default)]
        pub offset: u64,
        /// Entries wanted, at most 1,000.
        pub limit: u64,
    }
    /// A record's history.
    pub struct HistoryPage {
        /// Newest first.
        pub entries: Vec<HistoryEntry>,
        /// Where this laptop's own history begins: older entries need central. Null if it holds everything.
        pub local_since: Option<u64>,
        /// Older entries may exist and central could not be asked now.
        pub incomplete: bool,
        /// More entries follow.
        pub more: bool,
    }
    /// One commit's effect on one record.
    pub struct HistoryEntry {
        /// The commit; null = own change not on central yet.
        pub seq: Option<u64>,
        /// Change id.
        pub change: String,
        /// Commit time, RFC 3339 UTC.
        pub at: Option<String>,
        /// Operator's name.
        pub by: Option<String>,
        /// Device's name.
        pub device: Option<String>,
        /// Command name, `edit` for a plain edit.
        pub command: String,
        /// `created changed deleted moved`, `decided` where only a conflict was opened or settled, or for an own change its
        /// queue state.
        pub kind: String,
        /// The rule of a decision this commit made about the record, if any.
        pub rule: Option<String>,
        /// What changed, in display order.
        pub fields: Vec<HistoryField>,
        /// Whether it can be taken back.
        pub can_undo: bool,
        /// The group the change is of, if it is of one: all of it can be rolled back together.
        pub group: Option<String>,
    }
    /// One field before and after a commit.
    pub struct HistoryField {
        /// Name.
        pub name: String,
        /// Label.
        pub label: String,
        /// Before; null = none.
        pub before: Json,
        /// After; null = none.
        pub after: Json,
    }
    /// Arguments of `as_of`.
    pub struct AsOfArgs {
        /// A seq, or an instant as RFC 3339.
        pub at: String,
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
    }
    /// A record at an earlier point.
    pub struct AsOfRecord {
        /// The seq it was read at.
        pub seq: u64,
        /// Whether it existed then.
        pub existed: bool,
        /// Record id.
        pub id: String,
        /// Field → value then.
        pub fields: BTreeMap<String, Json>,
        /// Fields that differ from now.
        pub differs: Vec<String>,
    }
    /// Arguments of `rollback`: exactly one target.
    pub struct RollbackArgs {
        /// One record, back to what it was right after `to_seq`.
        #[serde(default)]
        pub record: Option<RecordTarget>,
        /// One change.
        #[serde(default)]
        pub change: Option<String>,
        /// All changes of a group (an import, a bulk edit).
        #[serde(default)]
        pub group: Option<String>,
        /// Everything one device did in a window of commit time.
        #[serde(default)]
        pub device: Option<DeviceTarget>,
        /// Fields that somebody else changed later and that shall go back all the same, as `collection/record/field`.
        #[serde(default)]
        pub also: Vec<String>,
    }
    /// A record and an earlier point.
    pub struct RecordTarget {
        /// Collection name.
        pub collection: String,
        /// Id or key.
        pub id: String,
        /// The point.
        pub to_seq: u64,
    }
    /// A device and a window of commit time.
    pub struct DeviceTarget {
        /// Device id or name.
        pub device: String,
        /// From, RFC 3339 UTC, included.
        pub from: String,
        /// To, RFC 3339 UTC, included.
        pub to: String,
    }
    /// What a rollback or an undo would do.
    pub struct RollbackPreview {
        /// Line by line.
        pub lines: Vec<RollbackLine>,
        /// Changes that cannot be reached (older than what this laptop holds), if any.
        pub missing: u64,
    }
    /// One field that would go back.
    pub struct RollbackLine {
        /// `collection/record/field`, to be named in `also`.
        pub address: String,
        /// Collection name.
        pub collection: String,
        /// Record id.
        pub record: String,
        /// Its title.
        pub title: String,
        /// Field name, `*` for the record as a whole.
        pub field: String,
        /// Field label.
        pub label: String,
        /// Value now.
        pub now: Json,
        /// Value after the rollback.
        pub then: Json,
        /// Somebody changed it since: it is left alone unless it is named.
        pub later: bool,
        /// Who changed it since.
        pub later_by: Option<String>,
    }
    /// A rollback was saved.
    pub struct RolledBack {
        /// The compensating changes; empty if what was taken back had not been sent.
        pub changes: Vec<String>,
        /// Changes taken out of the queue instead, because they had not been sent.
        pub discarded: u64,
        /// Their group, if there are several.
        pub group: Option<String>,
        /// Lines left alone because somebody changed them since.
        pub left: u64,
    }
}
