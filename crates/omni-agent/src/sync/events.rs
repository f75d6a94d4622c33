//! The customer's ten events: one per record a commit touched, after the local COMMIT.

use crate::clock;
use omni_model::schema;
use omni_protocol::change::EMERGENCY;
use omni_protocol::event::priority;
use omni_protocol::{FeedPage, Hash, Part};
use serde::Serialize;
use std::collections::BTreeMap;

/// One line of `run --events`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// One of `omni_protocol::event::EVENTS`.
    pub event: String,
    /// 1 high, 2 medium, 3 low.
    pub priority: u8,
    /// Collection of the record; absent for `system_health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The change that touched it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Device that made it; `central` for a state of the connection.
    pub source: String,
    /// Who is told.
    pub target: String,
    /// Commit time, RFC 3339 UTC.
    pub at: String,
    /// The hybrid logical clock: commit time in milliseconds, then the seq.
    pub hlc: String,
    /// BLAKE3 of the commit's parts as they came, or of the state, hex, 16 bytes.
    pub checksum: String,
    /// The state of the connection, for `system_health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The events of the commits of a page after `cursor`.
pub fn of_page(page: &FeedPage, cursor: u64) -> Vec<Event> {
    let mut out = Vec::new();
    for commit in page.commits.iter().filter(|c| c.seq > cursor) {
        let parts: Vec<Part> = commit.parts.iter().filter_map(|b| minicbor::decode(b).ok()).collect();
        let Some(info) = parts.first().map(|p| p.info.clone()) else { continue };
        let bytes: Vec<&[u8]> = commit.parts.iter().map(|p| p.as_slice()).collect();
        let checksum = short(&Hash::of("omni-event", &bytes));
        let records: BTreeMap<_, ()> = parts.iter().flat_map(|p| p.effects.iter().map(|e| (e.record(), ()))).collect();
        for (collection, record) in records.into_keys() {
            let Some(collection) = schema::by_id(collection) else { continue };
            let event = if info.priority == EMERGENCY { "emergency_sync" } else { collection.event };
            out.push(Event {
                event: event.to_owned(),
                priority: priority(event),
                collection: Some(collection.name.to_owned()),
                record: Some(record.to_string()),
                change: Some(info.change.to_string()),
                seq: Some(commit.seq),
                source: info.device.to_string(),
                target: "all".to_owned(),
                at: clock::rfc3339(info.at_ms),
                hlc: format!("{}.{}", info.at_ms, commit.seq),
                checksum: checksum.clone(),
                state: None,
            });
        }
    }
    out
}

/// The state of the connection changed.
pub fn health(state: &str, at_ms: i64) -> Event {
    Event {
        event: "system_health".to_owned(),
        priority: priority("system_health"),
        collection: None,
        record: None,
        change: None,
        seq: None,
        source: "central".to_owned(),
        target: "self".to_owned(),
        at: clock::rfc3339(at_ms),
        hlc: format!("{at_ms}.0"),
        checksum: short(&Hash::of("omni-event", &[state.as_bytes()])),
        state: Some(state.to_owned()),
    }
}

fn short(hash: &Hash) -> String {
    hash.to_hex()[..32].to_owned()
}
