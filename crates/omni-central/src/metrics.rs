//! Figures of one central, for Prometheus. Kept in a recorder of their own, so that several centrals in one process
//! (tests, benches) do not mix.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use omni_protocol::{Outcome, OutcomeKind};

/// Buckets of commit times, seconds.
const COMMIT_BUCKETS: [f64; 11] = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2.0];
const KINDS: [(OutcomeKind, &str); 6] = [
    (OutcomeKind::Applied, "applied"),
    (OutcomeKind::Merged, "merged"),
    (OutcomeKind::Rejected, "rejected"),
    (OutcomeKind::Held, "held"),
    (OutcomeKind::Skipped, "skipped"),
    (OutcomeKind::Quarantined, "quarantined"),
];
const META: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Every figure central measures.
pub struct Metrics {
    handle: PrometheusHandle,
    outcomes: [Counter; 6],
    /// Commits made.
    pub commits: Counter,
    /// Newest seq.
    pub head: Gauge,
    /// Sessions connected.
    pub connected: Gauge,
    /// Batches waiting for the writer.
    pub queue_depth: Gauge,
    /// Seconds of one write transaction, merging and commit.
    pub commit_seconds: Histogram,
    /// Batches in one transaction.
    pub group_batches: Histogram,
    /// Bytes received over WebSockets and HTTP bodies.
    pub bytes_in: Counter,
    /// Bytes sent over WebSockets and HTTP bodies.
    pub bytes_out: Counter,
    /// Requests and sessions refused.
    pub refused: Counter,
    /// Write transactions that failed.
    pub write_failures: Counter,
    /// Unix seconds of the last verified backup; 0 = none.
    pub backup_at: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// Fresh figures at zero.
    pub fn new() -> Metrics {
        let builder = PrometheusBuilder::new();
        let matcher = Matcher::Full("omni_central_commit_seconds".into());
        // The buckets are a constant and not empty: the only error there is.
        let builder =
            builder.set_buckets_for_metric(matcher, &COMMIT_BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let counter = |name: &'static str| recorder.register_counter(&Key::from_static_name(name), &META);
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_static_name(name), &META);
        let histogram = |name: &'static str| recorder.register_histogram(&Key::from_static_name(name), &META);
        let outcome = |word: &'static str| {
            let labels = vec![Label::from_static_parts("kind", word)];
            recorder.register_counter(&Key::from_parts("omni_central_outcomes_total", labels), &META)
        };
        Metrics {
            handle: recorder.handle(),
            outcomes: KINDS.map(|(_, word)| outcome(word)),
            commits: counter("omni_central_commits_total"),
            head: gauge("omni_central_head_seq"),
            connected: gauge("omni_central_connected"),
            queue_depth: gauge("omni_central_queue_depth"),
            commit_seconds: histogram("omni_central_commit_seconds"),
            group_batches: histogram("omni_central_group_batches"),
            bytes_in: counter("omni_central_received_bytes_total"),
            bytes_out: counter("omni_central_sent_bytes_total"),
            refused: counter("omni_central_refused_total"),
            write_failures: counter("omni_central_write_failures_total"),
            backup_at: gauge("omni_central_backup_timestamp_seconds"),
        }
    }

    /// Counts answers by kind.
    pub fn answered(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            if let Some(at) = KINDS.iter().position(|(kind, _)| *kind == outcome.kind) {
                self.outcomes[at].increment(1);
            }
        }
    }

    /// The text Prometheus scrapes.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rendered_and_do_not_mix() {
        let (a, b) = (Metrics::new(), Metrics::new());
        a.commits.increment(3);
        a.commit_seconds.record(0.003);
        assert!(a.render().contains("omni_central_commits_total 3"), "{}", a.render());
        assert!(a.render().contains("omni_central_commit_seconds_bucket{le=\"0.004\"} 1"), "{}", a.render());
        assert!(!b.render().contains("omni_central_commits_total 3"));
    }
}
