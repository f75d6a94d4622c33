//! What is measured while the laptop runs: latencies, bytes, one point a second for the charts, comparisons.

use omni_protocol::rpc::{Bytes, Latency, Monitor};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Latest samples the percentiles of the run are made of.
const LATENCY_SAMPLES_MAX: usize = 4_096;
/// Seconds the charts reach back.
const POINTS_MAX: usize = 600;
/// Comparisons count for a day.
const COMPARED_MS: i64 = 24 * 3_600_000;
/// Comparisons are added up over this long: a day is some hundred sums, whatever is compared.
const COMPARED_TOGETHER_MS: i64 = 300_000;
/// Sums that changed are kept on the disk this often at most, milliseconds.
const COMPARED_KEPT_EVERY_MS: i64 = 60_000;
/// Edits whose answer is awaited at most; older ones are forgotten.
const AWAITED_MAX: usize = 100_000;

/// Socket bytes, counted where they pass.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Sent.
    pub sent: AtomicU64,
    /// Received.
    pub received: AtomicU64,
    /// Minimal JSON of the changed fields, both ways.
    pub payload: AtomicU64,
    /// Received of whole copies: part of `received`, and no exchange of changes.
    pub copied: AtomicU64,
}

impl Traffic {
    /// The figures now.
    pub fn bytes(&self) -> Bytes {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Bytes { sent: read(&self.sent), received: read(&self.received), payload: read(&self.payload) }
    }
}

/// One finished second.
#[derive(Clone, Debug, Default)]
struct Point {
    at_s: f64,
    commits: f64,
    outcomes: f64,
    sent: f64,
    received: f64,
    p50: Option<f64>,
    p99: Option<f64>,
    queued: f64,
    lag: Option<f64>,
}

#[derive(Debug, Default)]
struct Inner {
    latencies_us: VecDeque<u64>,
    second_us: Vec<u64>,
    commits: u64,
    outcomes: u64,
    last: (u64, u64),
    points: VecDeque<Point>,
    reconnects: BTreeMap<String, u64>,
    awaited: BTreeMap<[u8; 16], u64>,
    /// Since when (monotonic milliseconds), rows, of them different.
    compared: VecDeque<(i64, u64, u64)>,
    compared_kept: Option<i64>,
}

/// All measurements of one run.
#[derive(Debug, Default)]
pub struct Measures {
    /// Socket bytes.
    pub traffic: Arc<Traffic>,
    inner: Mutex<Inner>,
}

/// What a point needs that is not counted here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Unix seconds.
    pub at_s: f64,
    /// Changes waiting.
    pub queued: u64,
    /// Commits behind the head; `None` = unknown.
    pub lag: Option<u64>,
}

impl Measures {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An edit begins, at this monotonic microsecond.
    pub fn edit_began(&self, change: [u8; 16], at_us: u64) {
        self.with(|m| {
            if m.awaited.len() >= AWAITED_MAX {
                m.awaited.pop_first();
            }
            m.awaited.insert(change, at_us);
        });
    }

    /// Its outcome is stored. Edits of an earlier run, or made while unconnected, count as well if begun in this run.
    pub fn edit_answered(&self, change: [u8; 16], at_us: u64) {
        self.with(|m| {
            m.outcomes += 1;
            let Some(began) = m.awaited.remove(&change) else { return };
            let took = at_us.saturating_sub(began);
            m.second_us.push(took);
            m.latencies_us.push_back(took);
            if m.latencies_us.len() > LATENCY_SAMPLES_MAX {
                m.latencies_us.pop_front();
            }
        });
    }

    /// Edits made before the connection stood would measure the operator's journey, not the system.
    pub fn forget_awaited(&self) {
        self.with(|m| m.awaited.clear());
    }

    /// Commits arrived.
    pub fn commits(&self, n: u64) {
        self.with(|m| m.commits += n);
    }

    /// A connection was replaced.
    pub fn reconnect(&self, cause: &str) {
        self.with(|m| *m.reconnects.entry(cause.to_owned()).or_default() += 1);
    }

    /// Rows were compared with central's. `true` = time to keep the figures on the disk.
    pub fn compared(&self, at_ms: u64, rows: u64, different: u64) -> bool {
        let at = at_ms as i64;
        self.compared_at(at, rows, different);
        self.with(|m| {
            let due = different > 0 || m.compared_kept.is_none_or(|kept| at - kept >= COMPARED_KEPT_EVERY_MS);
            if due {
                m.compared_kept = Some(at);
            }
            due
        })
    }

    /// Rows were compared at this monotonic millisecond: before this boot if it is negative.
    pub fn compared_at(&self, at: i64, rows: u64, different: u64) {
        self.with(|m| {
            match m.compared.back_mut().filter(|(since, ..)| at - *since < COMPARED_TOGETHER_MS) {
                Some((_, all, wrong)) => (*all, *wrong) = (*all + rows, *wrong + different),
                None => m.compared.push_back((at, rows, different)),
            }
            m.compared.retain(|(since, ..)| since + COMPARED_MS >= at);
        });
    }

    /// Comparisons of the last day: since when, rows, of them different.
    pub fn compared_since(&self, now: i64) -> Vec<(i64, u64, u64)> {
        self.with(|m| m.compared.iter().filter(|(since, ..)| since + COMPARED_MS >= now).copied().collect())
    }

    /// Rows compared and found different in the last day.
    pub fn comparisons(&self, now_ms: u64) -> (u64, u64) {
        let add = |(rows, different), (_, r, d)| (rows + r, different + d);
        self.compared_since(now_ms as i64).into_iter().fold((0, 0), add)
    }

    /// 1 − different ÷ compared; unknown until compared.
    pub fn accuracy(&self, now_ms: u64) -> Option<f64> {
        match self.comparisons(now_ms) {
            (0, _) => None,
            (rows, different) => Some(1.0 - different as f64 / rows as f64),
        }
    }

    /// Percentiles over the newest samples of the run.
    pub fn latency(&self) -> Latency {
        let mut samples: Vec<u64> = self.with(|m| m.latencies_us.iter().copied().collect());
        let (p50, p99) = percentiles(&mut samples);
        Latency { p50, p99 }
    }

    /// Closes a second.
    pub fn point(&self, levels: Levels) {
        let bytes = self.traffic.bytes();
        self.with(|m| {
            let mut samples = std::mem::take(&mut m.second_us);
            let (p50, p99) = percentiles(&mut samples);
            let (sent, received) = (bytes.sent - m.last.0, bytes.received - m.last.1);
            m.last = (bytes.sent, bytes.received);
            m.points.push_back(Point {
                at_s: levels.at_s,
                commits: std::mem::take(&mut m.commits) as f64,
                outcomes: std::mem::take(&mut m.outcomes) as f64,
                sent: sent as f64,
                received: received as f64,
                p50,
                p99,
                queued: levels.queued as f64,
                lag: levels.lag.map(|l| l as f64),
            });
            if m.points.len() > POINTS_MAX {
                m.points.pop_front();
            }
        });
    }

    /// The series of the charts.
    pub fn monitor(&self, now_ms: u64) -> Monitor {
        let bytes = self.traffic.bytes();
        let (rows_compared, rows_different) = self.comparisons(now_ms);
        let copied = self.traffic.copied.load(Ordering::Relaxed);
        let all = (bytes.sent + bytes.received).saturating_sub(copied) as f64;
        let overhead = (bytes.payload > 0).then(|| all / bytes.payload as f64 - 1.0);
        self.with(|m| {
            let series = |f: fn(&Point) -> Option<f64>| m.points.iter().map(f).collect::<Vec<_>>();
            Monitor {
                step_s: 1.0,
                at: m.points.iter().map(|p| p.at_s).collect(),
                commits: series(|p| Some(p.commits)),
                outcomes: series(|p| Some(p.outcomes)),
                sent: series(|p| Some(p.sent)),
                received: series(|p| Some(p.received)),
                latency_p50: series(|p| p.p50),
                latency_p99: series(|p| p.p99),
                queued: series(|p| Some(p.queued)),
                lag: series(|p| p.lag),
                reconnects: m.reconnects.clone(),
                overhead,
                rows_compared,
                rows_different,
            }
        })
    }
}

/// p50 and p99 in milliseconds by nearest rank; `None` without samples. Sorts the samples.
pub fn percentiles(samples_us: &mut [u64]) -> (Option<f64>, Option<f64>) {
    if samples_us.is_empty() {
        return (None, None);
    }
    samples_us.sort_unstable();
    let rank = |p: usize| (samples_us.len() * p).div_ceil(100).max(1) - 1;
    let ms = |i: usize| Some(samples_us[i] as f64 / 1_000.0);
    (ms(rank(50)), ms(rank(99)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut samples: Vec<u64> = (1..=100).rev().map(|n| n * 1_000).collect();
        assert_eq!(percentiles(&mut samples), (Some(50.0), Some(99.0)));
        assert_eq!(percentiles(&mut [7_000]), (Some(7.0), Some(7.0)));
        assert_eq!(percentiles(&mut []), (None, None));
    }

    #[test]
    fn a_second_without_samples_is_a_gap() {
        let m = Measures::default();
        m.edit_began([1; 16], 1_000);
        m.edit_answered([1; 16], 3_000);
        m.edit_answered([2; 16], 9_000);
        m.point(Levels { at_s: 1.0, queued: 2, lag: None });
        m.point(Levels { at_s: 2.0, queued: 0, lag: Some(4) });
        let monitor = m.monitor(0);
        assert_eq!(monitor.latency_p50, [Some(2.0), None]);
        assert_eq!(monitor.outcomes, [Some(2.0), Some(0.0)]);
        assert_eq!(monitor.lag, [None, Some(4.0)]);
        assert_eq!(m.latency().p50, Some(2.0));
    }

    #[test]
    fn accuracy_is_unknown_until_compared_and_forgets_after_a_day() {
        let m = Measures::default();
        assert_eq!(m.accuracy(0), None);
        m.compared(1_000, 100, 1);
        assert_eq!(m.accuracy(2_000), Some(0.99));
        assert_eq!(m.accuracy(COMPARED_MS as u64 + 1_001), None);
        assert_eq!(m.monitor(2_000).overhead, None);
    }
}
