//! Central's clock: unix milliseconds that never go back, so that commit times rise with the seq.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the system's clock and holds it where it was if the system's clock is set back.
#[derive(Debug, Default)]
pub struct Clock(AtomicI64);

impl Clock {
    /// A clock that starts no earlier than `not_before_ms` (the last commit's time).
    pub fn starting_at(not_before_ms: i64) -> Clock {
        Clock(AtomicI64::new(not_before_ms))
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        let now = system_ms();
        self.0.fetch_max(now, Ordering::AcqRel).max(now)
    }
}

/// The system's clock, unix milliseconds.
pub fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 UTC text of unix milliseconds.
pub fn rfc3339(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(|_| unix_ms.to_string(), |t| t.to_string())
}
