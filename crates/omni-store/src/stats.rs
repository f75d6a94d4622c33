//! What the writer measures of itself: waits and holds per lane, without allocation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets: bucket n counts durations of 2^n to 2^(n+1) microseconds; the last takes everything longer.
pub const BUCKETS: usize = 24;
/// A transaction longer than this holds the writer too long (DESIGN §7).
pub const LONG_HOLD: Duration = Duration::from_millis(50);

/// Durations counted by powers of two of a microsecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Count per bucket.
    pub buckets: Vec<u64>,
}

impl Histogram {
    /// Measurements.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The upper end, in microseconds, of the bucket that holds the given share (0 to 1); `None` without samples.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let total = self.count();
        let wanted = (total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (n, count) in self.buckets.iter().enumerate() {
            seen += count;
            if total > 0 && seen >= wanted {
                return Some(1 << (n + 1));
            }
        }
        None
    }
}

/// One lane's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// Time in the queue.
    pub waited: Histogram,
    /// Time the writer was held.
    pub held: Histogram,
}

/// The writer's figures since the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Interactive, sync, maintenance.
    pub lanes: [LaneStats; 3],
    /// Transactions that held the writer longer than 50 ms.
    pub long_holds: u64,
    /// Work that panicked and was rolled back.
    pub panics: u64,
    /// Work waiting now, per lane.
    pub waiting: [u64; 3],
}

/// Counters behind `WriterStats`.
#[derive(Debug, Default)]
pub struct Meter {
    waited: [Buckets; 3],
    held: [Buckets; 3],
    long_holds: AtomicU64,
    panics: AtomicU64,
}

#[derive(Debug, Default)]
struct Buckets([AtomicU64; BUCKETS]);

impl Buckets {
    fn add(&self, d: Duration) {
        let us = (d.as_micros() as u64).max(1);
        let n = (63 - us.leading_zeros() as usize).min(BUCKETS - 1);
        self.0[n].fetch_add(1, Ordering::Relaxed);
    }
    fn read(&self) -> Histogram {
        Histogram { buckets: self.0.iter().map(|b| b.load(Ordering::Relaxed)).collect() }
    }
}

impl Meter {
    /// One piece of work: how long it waited and held the writer.
    pub fn work(&self, lane: usize, waited: Duration, held: Duration) {
        self.waited[lane].add(waited);
        self.held[lane].add(held);
        if held > LONG_HOLD {
            self.long_holds.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Work panicked.
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn read(&self, waiting: [u64; 3]) -> WriterStats {
        let lane = |n: usize| LaneStats { waited: self.waited[n].read(), held: self.held[n].read() };
        WriterStats {
            lanes: [lane(0), lane(1), lane(2)],
            long_holds: self.long_holds.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            waiting,
        }
    }
}
