//! Waiting before the next connection: exponential with full jitter, reset by progress and nothing else.

use crate::ids;
use std::time::Duration;

/// Upper end of the first wait.
pub const FIRST: Duration = Duration::from_millis(500);
/// Upper end of every wait.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Counts failures since the last progress.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure: how long to wait, uniformly between nothing and the doubling limit.
    pub fn fail(&mut self) -> Duration {
        self.fail_with(u64::from_le_bytes(ids::random()))
    }

    /// The same with given randomness.
    pub fn fail_with(&mut self, random: u64) -> Duration {
        let limit = FIRST.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let limit_us = limit.as_micros();
        let drawn = (u128::from(random) * (limit_us + 1)) >> 64;
        Duration::from_micros(u64::try_from(drawn).unwrap_or(u64::MAX))
    }

    /// Something got through.
    pub fn progress(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last progress.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_start_over_after_progress() {
        let mut b = Backoff::default();
        let longest: Vec<u128> = (0..9).map(|_| b.fail_with(u64::MAX).as_millis()).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        b.progress();
        assert_eq!(b.fail_with(u64::MAX), FIRST);
    }

    #[test]
    fn the_jitter_is_full() {
        let mut b = Backoff::default();
        assert_eq!(b.fail_with(0), Duration::ZERO);
        assert_eq!(b.fail_with(1 << 63).as_millis(), 500);
        for _ in 0..200 {
            b.fail();
        }
        assert!(b.fail() <= LONGEST);
    }
}
