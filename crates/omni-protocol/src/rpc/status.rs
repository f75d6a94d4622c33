//! The state of synchronising and its figures.

use crate::error::WireError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

rpc_types! {
    /// The synchronisation status.
    pub struct Status {
        /// Snake-case state of guides/UX §1: `recovery disk_full locked device_removed history_rewritten signed_out
        /// update_required paused offline central_unreachable unknown catching_up sending needs_attention in_sync`.
        pub state: String,
        /// The state's sentence, filled in.
        pub sentence: String,
        /// The state's one next action: a word for the button, empty if none is needed.
        pub action: String,
        /// Since when, RFC 3339 UTC.
        pub since: Option<String>,
        /// Time of the newest evidence that central answered, RFC 3339 UTC.
        pub evidence_at: Option<String>,
        /// Complete to this seq.
        pub cursor: Option<u64>,
        /// Central's newest known seq.
        pub head: Option<u64>,
        /// Epoch of central.
        pub epoch: Option<u32>,
        /// Age of the copy in seconds while behind or offline; 0 in sync; null unknown.
        pub lag_s: Option<f64>,
        /// Changes waiting, not sent.
        pub queued: u64,
        /// Changes sent, not answered, or answered and not yet in the copy.
        pub sending: u64,
        /// Refused, held and blocked changes.
        pub needs_attention: u64,
        /// Open conflicts.
        pub conflicts: u64,
        /// Live records in the replica.
        pub rows: u64,
        /// 1 − rows found different ÷ rows compared in 24 h; null until compared.
        pub accuracy: Option<f64>,
        /// Round trip edit → outcome of this run, milliseconds.
        pub latency_ms: Latency,
        /// Socket bytes of this run.
        pub bytes: Bytes,
        /// Seconds to the next try while unreachable.
        pub next_try_s: Option<f64>,
        /// Received and total changes while catching up; rows during the first copy.
        pub progress: Option<Progress>,
        /// The last raw error, one click away.
        pub last_error: Option<WireError>,
        /// Offset of this laptop's clock to central's, milliseconds; null if not measured.
        pub clock_offset_ms: Option<f64>,
        /// Address of central.
        pub central: Option<String>,
        /// The live connection does not get through: the exchange goes over plain HTTP.
        pub by_http: bool,
        /// When the digests last matched, RFC 3339 UTC.
        pub verified_at: Option<String>,
        /// Oldest unsent change's age in seconds.
        pub oldest_unsent_s: Option<f64>,
    }
    /// Two percentiles, milliseconds; null without samples.
    pub struct Latency {
        /// Median.
        pub p50: Option<f64>,
        /// 99th percentile.
        pub p99: Option<f64>,
    }
    /// Socket bytes.
    pub struct Bytes {
        /// Sent, all of it.
        pub sent: u64,
        /// Received, all of it.
        pub received: u64,
        /// Payload: minimal JSON of the changed fields sent and received.
        pub payload: u64,
    }
    /// Progress of long work.
    pub struct Progress {
        /// What is being done, in words.
        pub label: String,
        /// Done so far.
        pub done: u64,
        /// Out of; null unknown.
        pub total: Option<u64>,
    }
    /// Measured series, newest last, one point a second.
    pub struct Monitor {
        /// Seconds between points.
        pub step_s: f64,
        /// Times, unix seconds.
        pub at: Vec<f64>,
        /// Commits received per second.
        pub commits: Vec<Option<f64>>,
        /// Outcomes received per second.
        pub outcomes: Vec<Option<f64>>,
        /// Bytes sent per second.
        pub sent: Vec<Option<f64>>,
        /// Bytes received per second.
        pub received: Vec<Option<f64>>,
        /// p50 edit → outcome in that second, milliseconds; null = no sample (a gap).
        pub latency_p50: Vec<Option<f64>>,
        /// p99 of the same.
        pub latency_p99: Vec<Option<f64>>,
        /// Changes waiting.
        pub queued: Vec<Option<f64>>,
        /// Commits behind central's head.
        pub lag: Vec<Option<f64>>,
        /// Reconnects by cause, this run.
        pub reconnects: BTreeMap<String, u64>,
        /// (all socket bytes but those of whole copies ÷ payload) − 1 of this run; null without payload.
        pub overhead: Option<f64>,
        /// Rows compared in 24 h.
        pub rows_compared: u64,
        /// Rows found different in 24 h.
        pub rows_different: u64,
    }
    /// Result of `verify`.
    pub struct VerifyReport {
        /// All scopes equal.
        pub equal: bool,
        /// Scopes compared.
        pub scopes: u64,
        /// Those that differ, as `owner/compartment`.
        pub differing: Vec<String>,
        /// Accuracy after this comparison.
        pub accuracy: Option<f64>,
        /// The seq compared at.
        pub seq: u64,
        /// Records and conflict items of this copy that were compared.
        pub compared: u64,
        /// Records and conflict items that differed.
        pub different: u64,
        /// Those that were repaired.
        pub repaired: u64,
        /// All scopes equal after the repair.
        pub equal_now: bool,
    }
}
