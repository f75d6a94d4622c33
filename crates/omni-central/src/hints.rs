//! Hints: how processes of one central tell each other that something is new, and who is connected. A lost hint costs
//! latency, never data: whoever misses one finds the commits in the log. In process here; Redis later.

use omni_protocol::{DeviceId, ReplicaId, Scope};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// A connected laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Its device.
    pub device: DeviceId,
    /// Its replica.
    pub replica: ReplicaId,
    /// When it connected, unix milliseconds.
    pub since_ms: i64,
}

/// Announcements and presence.
pub trait Hints: Send + Sync {
    /// Commits up to `head` are durable; these scopes were touched, each last at this seq.
    fn announce(&self, head: u64, scopes: &[(Scope, u64)]);
    /// Wakes at every announcement; holds the announced head.
    fn head(&self) -> watch::Receiver<u64>;
    /// The last announced seq of a scope; `None` if nothing was announced since the start.
    fn scope_seq(&self, scope: Scope) -> Option<u64>;
    /// A session began. Returns its number.
    fn arrive(&self, presence: Presence) -> u64;
    /// The session ended.
    fn leave(&self, session: u64);
    /// Sessions now, oldest first.
    fn present(&self) -> Vec<Presence>;
}

/// Hints inside one process.
#[derive(Debug)]
pub struct MemoryHints {
    head: watch::Sender<u64>,
    scopes: Mutex<HashMap<Scope, u64>>,
    sessions: Mutex<(u64, BTreeMap<u64, Presence>)>,
}

impl Default for MemoryHints {
    fn default() -> MemoryHints {
        MemoryHints { head: watch::Sender::new(0), scopes: Mutex::default(), sessions: Mutex::default() }
    }
}

impl Hints for MemoryHints {
    fn announce(&self, head: u64, scopes: &[(Scope, u64)]) {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner).extend(scopes.iter().copied());
        self.head.send_modify(|h| *h = head.max(*h));
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn scope_seq(&self, scope: Scope) -> Option<u64> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner).get(&scope).copied()
    }

    fn arrive(&self, presence: Presence) -> u64 {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.0 += 1;
        let n = sessions.0;
        sessions.1.insert(n, presence);
        n
    }

    fn leave(&self, session: u64) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&session);
    }

    fn present(&self) -> Vec<Presence> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).1.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::RecordId;

    #[test]
    fn an_announcement_wakes_and_names_its_scopes() {
        let hints = MemoryHints::default();
        let mut head = hints.head();
        head.mark_unchanged();
        let scope = Scope { owner: RecordId::GLOBAL, compartment: 0 };
        assert_eq!(hints.scope_seq(scope), None);
        hints.announce(7, &[(scope, 6)]);
        assert!(head.has_changed().unwrap());
        assert_eq!((*head.borrow_and_update(), hints.scope_seq(scope)), (7, Some(6)));
    }

    #[test]
    fn presence_lasts_as_long_as_the_session() {
        let hints = MemoryHints::default();
        let id = |n| uuid::Uuid::from_u128(n);
        let presence = Presence { device: DeviceId(id(1)), replica: ReplicaId(id(2)), since_ms: 5 };
        let session = hints.arrive(presence.clone());
        assert_eq!(hints.present(), vec![presence]);
        hints.leave(session);
        assert!(hints.present().is_empty());
    }
}
