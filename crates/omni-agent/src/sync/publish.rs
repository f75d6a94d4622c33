//! The status: one value for banner, tray, title and monitor, made from the copy, the link and the measurements.

use super::events::{self, Event};
use super::link::{Link, LinkFacts};
use super::measure::{Levels, Measures};
use super::state::{Facts, Shown, choose};
use crate::clock::{self, rfc3339};
use crate::error::{Result, store_error};
use omni_protocol::rpc::{Progress, Status, UiEvent};
use omni_store::{QueueCounts, Store};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::time::{MissedTickBehavior, interval};

/// The UI hears at most this often.
const SPACING: Duration = Duration::from_millis(100);
/// One point of the charts.
const SECOND: Duration = Duration::from_secs(1);

/// What the copy says.
#[derive(Clone, Copy, Debug, Default)]
struct CopyFacts {
    counts: QueueCounts,
    conflicts: u64,
    rows: u64,
    cursor: Option<u64>,
    epoch: Option<u32>,
    oldest_unsent_ms: Option<i64>,
}

/// Makes the status.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    link: Arc<Link>,
    measures: Arc<Measures>,
    central: String,
    /// The state now, and since when it is.
    since: Arc<Mutex<(&'static str, i64)>>,
}

impl Publisher {
    /// For one replica.
    pub fn new(store: Store, link: Arc<Link>, measures: Arc<Measures>, central: String) -> Publisher {
        Publisher { store, link, measures, central, since: Arc::new(Mutex::new(("", 0))) }
    }

    fn copy_facts(&self) -> Result<CopyFacts> {
        let read = self.store.read(|tx| {
            let meta = tx.meta()?;
            Ok(CopyFacts {
                counts: tx.queue_counts()?,
                conflicts: tx.conflicts(omni_store::ItemFilter::Open, 0, 0)?.0,
                rows: tx.rows_total()?,
                cursor: meta.as_ref().map(|m| m.position.seq),
                epoch: meta.as_ref().map(|m| m.position.epoch),
                oldest_unsent_ms: tx.oldest_unsent_ms()?,
            })
        });
        read.map_err(store_error)
    }

    /// The status now.
    pub fn status(&self) -> Result<Status> {
        Ok(self.compose(self.copy_facts()?))
    }

    fn compose(&self, copy: CopyFacts) -> Status {
        let link = self.link.facts();
        let facts = facts(&copy, &link);
        let shown = choose(&facts);
        let now = clock::mono_ms();
        let lag_s = match (shown.state, link.copy_at) {
            ("in_sync" | "sending" | "needs_attention", _) => Some(0.0),
            (_, Some(at)) => Some(((clock::wall_ms() - at).max(0) as f64) / 1_000.0),
            (_, None) => None,
        };
        Status {
            state: shown.state.to_owned(),
            sentence: shown.sentence.clone(),
            action: shown.action.to_owned(),
            since: Some(rfc3339(self.since(&shown))),
            evidence_at: link.evidence_at.map(rfc3339),
            cursor: copy.cursor,
            head: link.head,
            epoch: copy.epoch.filter(|e| *e > 0),
            lag_s,
            queued: facts.queued,
            sending: facts.sending,
            needs_attention: facts.rejected,
            conflicts: facts.conflicts,
            rows: copy.rows,
            accuracy: self.measures.accuracy(now),
            latency_ms: self.measures.latency(),
            bytes: self.measures.traffic.bytes(),
            next_try_s: facts.next_try_s,
            progress: progress(&facts),
            last_error: link.last_error,
            clock_offset_ms: link.clock_offset_ms,
            central: Some(self.central.clone()),
            by_http: link.by_http,
            verified_at: link.verified_at.map(rfc3339),
            oldest_unsent_s: copy.oldest_unsent_ms.map(|at| (clock::wall_ms() - at).max(0) as f64 / 1_000.0),
        }
    }

    fn since(&self, shown: &Shown) -> i64 {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.0 != shown.state {
            *since = (shown.state, clock::wall_ms());
        }
        since.1
    }

    /// Tells the UI of every change, the events of every new state, and the charts of every second.
    pub async fn run(self, ui: broadcast::Sender<Json>, events: broadcast::Sender<Event>, stored: Arc<Notify>) {
        let mut link = self.link.watch();
        let mut second = interval(SECOND);
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut told, mut state, mut queued): (Option<Status>, String, Option<u64>) = (None, String::new(), None);
        let mut copy = CopyFacts::default();
        // Made before the copy is read: a commit while this task is busy wakes it too.
        let mut committed = Box::pin(stored.notified());
        loop {
            let ticked = tokio::select! {
                changed = link.changed() => match changed {
                    Ok(()) => false,
                    Err(_) => return,
                },
                () = &mut committed => false,
                _ = second.tick() => true,
            };
            committed = Box::pin(stored.notified());
            let publisher = self.clone();
            // The copy may be closing: the next round, if there is one, reads again.
            if let Ok(Ok(fresh)) = tokio::task::spawn_blocking(move || publisher.copy_facts()).await {
                copy = fresh;
            }
            let status = self.compose(copy);
            if ticked {
                let lag = status.head.zip(status.cursor).map(|(head, cursor)| head.saturating_sub(cursor));
                let levels =
                    Levels { at_s: clock::wall_ms() as f64 / 1_000.0, queued: status.queued + status.sending, lag };
                self.measures.point(levels);
            }
            if status.state != state {
                state.clone_from(&status.state);
                let _ = events.send(events::health(&state, clock::wall_ms()));
            }
            let waiting = status.queued + status.sending + status.needs_attention;
            if queued != Some(waiting) {
                queued = Some(waiting);
                tell(&ui, &UiEvent::Queue { queued: status.queued });
            }
            if told.as_ref().is_none_or(|old| differs(old, &status)) {
                tell(&ui, &UiEvent::Status { status: Box::new(status.clone()) });
                told = Some(status);
            }
            tokio::time::sleep(SPACING).await;
        }
    }
}

/// Ages grow by themselves; only what is more than an age is worth telling.
fn differs(old: &Status, new: &Status) -> bool {
    let plain = |s: &Status| Status { lag_s: None, oldest_unsent_s: None, ..s.clone() };
    plain(old) != plain(new)
}

fn tell(ui: &broadcast::Sender<Json>, event: &UiEvent) {
    if ui.receiver_count() > 0
        && let Ok(json) = serde_json::to_value(event)
    {
        let _ = ui.send(json);
    }
}

fn facts(copy: &CopyFacts, link: &LinkFacts) -> Facts {
    let now = clock::mono_ms();
    Facts {
        recovery: false,
        disk_full: link.disk_full,
        locked_at: None,
        device_removed: link.device_removed,
        history_rewritten: link.history_rewritten,
        signed_out: link.signed_out,
        update_required: link.update_required,
        recovering: link.recovering,
        paused_at: link.paused_at,
        network: link.network,
        unreachable_since: link.unreachable_since,
        by_http: link.by_http,
        evidence_age_ms: link.evidence_mono.map(|at| now.saturating_sub(at)),
        evidence_at: link.evidence_at,
        copy_at: link.copy_at,
        cursor: copy.cursor.unwrap_or(0),
        head: link.head,
        copying: link.copying,
        queued: copy.counts.pending,
        sending: copy.counts.sending + copy.counts.acknowledged,
        conflicts: copy.conflicts,
        rejected: copy.counts.rejected + copy.counts.held + copy.counts.blocked,
        next_try_s: link.next_try_mono.map(|at| at.saturating_sub(now) as f64 / 1_000.0),
    }
}

fn progress(facts: &Facts) -> Option<Progress> {
    if let Some((done, total)) = facts.copying {
        return Some(Progress { label: "Receiving the copy".into(), done, total: Some(total) });
    }
    let head = facts.head.filter(|head| *head > facts.cursor)?;
    Some(Progress { label: "Receiving changes".into(), done: facts.cursor, total: Some(head) })
}
