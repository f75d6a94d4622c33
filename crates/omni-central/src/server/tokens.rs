//! Bearer tokens: what a session's HTTP calls show. Good while the session is connected and for a while after.

use crate::error::{CentralError, Result};
use omni_protocol::{DeviceId, Parent, ReplicaId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token outlives its session by this much.
const LIFE_AFTER_SESSION: Duration = Duration::from_secs(600);
/// Tokens of one device; the oldest gives way.
const TOKENS_PER_DEVICE: usize = 8;

/// On whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The device.
    pub device: DeviceId,
    /// The replica.
    pub replica: ReplicaId,
    /// Its ancestors.
    pub lineage: Vec<Parent>,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    issued: Instant,
    ended: Option<Instant>,
}

/// Every valid token.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<String, Entry>>);

impl Tokens {
    /// Makes `token` good for its session.
    pub fn begin(&self, token: String, caller: Caller) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, e| e.ended.is_none_or(|at| at.elapsed() < LIFE_AFTER_SESSION));
        let mut own: Vec<(Instant, String)> = tokens
            .iter()
            .filter(|(_, e)| e.caller.device == caller.device)
            .map(|(token, e)| (e.issued, token.clone()))
            .collect();
        own.sort();
        for (_, old) in own.iter().rev().skip(TOKENS_PER_DEVICE - 1) {
            tokens.remove(old);
        }
        tokens.insert(token, Entry { caller, issued: Instant::now(), ended: None });
    }

    /// The session of `token` ended: the clock runs.
    pub fn end(&self, token: &str) {
        if let Some(entry) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(token) {
            entry.ended = Some(Instant::now());
        }
    }

    /// Who shows this token.
    pub fn caller(&self, token: &str) -> Result<Caller> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = tokens.get(token).filter(|e| e.ended.is_none_or(|at| at.elapsed() < LIFE_AFTER_SESSION));
        valid.map(|e| e.caller.clone()).ok_or_else(|| {
            CentralError::retryable("unauthorized", "The token is not valid any more. Connect again for a new one.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(device: u128) -> Caller {
        let id = uuid::Uuid::from_u128;
        Caller { device: DeviceId(id(device)), replica: ReplicaId(id(1)), lineage: Vec::new() }
    }

    #[test]
    fn a_token_lasts_with_its_session_and_the_oldest_gives_way() {
        let tokens = Tokens::default();
        for n in 0..=TOKENS_PER_DEVICE {
            tokens.begin(format!("t{n}"), caller(1));
        }
        tokens.begin("other".into(), caller(2));
        assert_eq!(tokens.caller("t0").unwrap_err().code, "unauthorized");
        assert_eq!(tokens.caller("t1").unwrap(), caller(1));
        tokens.end("other");
        assert_eq!(tokens.caller("other").unwrap(), caller(2), "a while after the session too");
        assert!(tokens.caller("guess").is_err());
    }
}
