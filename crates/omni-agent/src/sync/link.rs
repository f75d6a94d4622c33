//! What is known about the way to central, for the status: written by the connection, read by everybody.

use crate::clock;
use omni_protocol::{Grants, WireError};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// The facts. Monotonic times are milliseconds of this boot, wall times are shown only.
#[derive(Clone, Debug, Default)]
pub struct LinkFacts {
    /// A session with central stands.
    pub connected: bool,
    /// The live connection does not get through: the exchange goes over plain HTTP.
    pub by_http: bool,
    /// Paused by the operator since.
    pub paused_at: Option<i64>,
    /// Connecting fails since.
    pub unreachable_since: Option<i64>,
    /// There is a network, or central needs none.
    pub network: bool,
    /// Newest proof that central answered: monotonic.
    pub evidence_mono: Option<u64>,
    /// Newest proof that central answered: wall.
    pub evidence_at: Option<i64>,
    /// Central's newest known seq.
    pub head: Option<u64>,
    /// Time of the newest commit in the copy.
    pub copy_at: Option<i64>,
    /// A copy is being fetched: rows here, rows in all.
    pub copying: Option<(u64, u64)>,
    /// Monotonic time of the next try.
    pub next_try_mono: Option<u64>,
    /// The session machine is live, at the head and has nothing in flight.
    pub quiet: bool,
    /// Central says the device was revoked.
    pub device_removed: bool,
    /// Central does not know the device.
    pub signed_out: bool,
    /// Central's history is not the one this laptop saw: nothing is exchanged.
    pub history_rewritten: bool,
    /// Central demands a newer version.
    pub update_required: bool,
    /// The last write failed for a full disk.
    pub disk_full: bool,
    /// The last raw error.
    pub last_error: Option<WireError>,
    /// This laptop's clock minus central's, milliseconds.
    pub clock_offset_ms: Option<f64>,
    /// Wall time at which the digests last matched.
    pub verified_at: Option<i64>,
    /// Bearer token of the session, for HTTP.
    pub token: Option<String>,
    /// Central is being recovered: edits wait here.
    pub recovering: bool,
    /// Originals of commits are kept to this seq.
    pub originals_to: u64,
    /// Rights of the session.
    pub grants: Option<Grants>,
}

/// The facts, shared. Every change wakes those who wait for one.
#[derive(Debug)]
pub struct Link {
    facts: Mutex<LinkFacts>,
    changed: watch::Sender<u64>,
}

impl Default for Link {
    fn default() -> Link {
        Link { facts: Mutex::new(LinkFacts { network: true, ..LinkFacts::default() }), changed: watch::Sender::new(0) }
    }
}

impl Link {
    /// A copy of the facts.
    pub fn facts(&self) -> LinkFacts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes them.
    pub fn update<T>(&self, change: impl FnOnce(&mut LinkFacts) -> T) -> T {
        let result = change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|n| *n += 1);
        result
    }

    /// Wakes at every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Something of central arrived just now.
    pub fn heard(&self) {
        let (mono, wall) = (clock::mono_ms(), clock::wall_ms());
        self.update(|f| (f.evidence_mono, f.evidence_at) = (Some(mono), Some(wall)));
    }
}
