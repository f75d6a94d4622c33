//! The session of one laptop with central, as a pure machine over all its connections: inputs in, actions out. The
//! driver (the agent, or the simulator) owns sockets, store, keys and clock; this decides.
//!
//! Every waiting state has a timer: `Tick` recycles a connection that stopped progressing.

use super::seal::BatchLimits;
use minicbor::bytes::ByteVec;
use omni_protocol::frame::{ClientFrame, PROTOCOL_VERSION, ServerFrame, Start, Welcome};
use omni_protocol::limits::{BATCHES_IN_FLIGHT_MAX, HEARTBEAT_MS, LIVE_LAG_MAX};
use omni_protocol::{DirectoryEntry, FeedPage, Outcome, Position, Watermark};
use std::collections::VecDeque;

/// Connected and waiting, but nothing arrives: recycle after this long, milliseconds.
pub const PROGRESS_TIMEOUT_MS: u64 = 30_000;
/// Nothing at all arrives, heartbeats included: the connection is dead, milliseconds.
const SILENCE_TIMEOUT_MS: u64 = 3 * HEARTBEAT_MS + 3_000;
/// Refusals of the same batch before it is cut in half.
const REFUSALS_BEFORE_BISECT: u32 = 2;

/// What happens to the session.
#[derive(Debug)]
pub enum Input {
    /// A new connection is open.
    Connected,
    /// The connection ended.
    Disconnected,
    /// A frame of central.
    Frame(ServerFrame),
    /// The hello asked for was sent; the copy stands like this.
    HelloSent {
        /// The counter the next sealed change gets.
        next_counter: u64,
    },
    /// The queue may hold something to send.
    QueueChanged,
    /// The batch asked for, with its counters, or nothing to send.
    Batch(Option<OutgoingBatch>),
    /// The page was applied, or had been before.
    PageApplied {
        /// The cursor now.
        position: Position,
        /// Digest sums compared, if the page carried one.
        root_matches: Option<bool>,
    },
    /// The page does not continue the cursor.
    PageGap {
        /// The cursor.
        position: Position,
    },
    /// The page, or the copy, is broken: start over from a snapshot.
    PageBroken,
    /// The page asked for over HTTP.
    PageFetched(FeedPage),
    /// The snapshot is in place.
    SnapshotDone {
        /// The cursor now.
        position: Position,
    },
    /// A fetch failed; the connection is recycled and all starts again from the durable state.
    FetchFailed,
    /// The heartbeat's digest sum was compared with this copy's, if the copy stood at that seq.
    RootCompared {
        /// Whether they are equal; `None` = the copy stood elsewhere.
        equal: Option<bool>,
    },
    /// The repair asked for ended.
    Repaired {
        /// The copy equals central's now.
        done: bool,
    },
    /// What this laptop retains was offered to the recovering central, or could not be.
    Offered,
    /// The new incarnation is in place: connect again.
    Renewed,
    /// Time passed.
    Tick,
}

/// A batch ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingBatch {
    /// Wire bytes.
    pub bytes: Vec<u8>,
    /// First counter.
    pub first: u64,
    /// Last counter.
    pub last: u64,
    /// More may wait behind it.
    pub more: bool,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Build a hello from the store for this nonce (`hello`), send it, and say `HelloSent`.
    Hello {
        /// Central's nonce.
        nonce: Vec<u8>,
    },
    /// Put a frame on the wire.
    Send(ClientFrame),
    /// The session is established: remember grants, names, token.
    Welcomed(Box<Welcome>),
    /// Take the next batch from the store (`next_batch`) and give it as `Batch`.
    NextBatch {
        /// From this counter on.
        from: u64,
        /// Central's epoch.
        epoch: u32,
        /// Limits.
        limits: BatchLimits,
    },
    /// Store these outcomes.
    StoreOutcomes(Vec<Outcome>),
    /// Apply this page and say `PageApplied`, `PageGap` or `PageBroken`.
    ApplyPage(FeedPage),
    /// Fetch a page after this seq over HTTP and give it as `PageFetched`.
    FetchPage {
        /// Continue after this seq.
        after: u64,
    },
    /// Fetch a snapshot into staging, swap it in, say `SnapshotDone`.
    FetchSnapshot,
    /// Central is being recovered: offer it the signed originals kept here, then say `Offered`.
    Offer,
    /// The copy differs from central's: find where, repair it row by row, say `Repaired`. The feed goes on meanwhile.
    Repair,
    /// Answer the probe with this boot's clock; compare the digest sum if the copy stands at that seq and say
    /// `RootCompared`.
    Probe {
        /// The probe.
        n: u64,
        /// Central's clock, unix milliseconds.
        now_ms: i64,
        /// Central's watermark.
        watermark: Watermark,
    },
    /// An emergency change ahead of the feed.
    Alert {
        /// The commit.
        seq: u64,
        /// Encoded parts.
        parts: Vec<ByteVec>,
    },
    /// Store a device's name.
    Directory(DirectoryEntry),
    /// Give the replica a new incarnation (`renew`), then say `Renewed`.
    Renew,
    /// Give up on delivering this counter (`skip`).
    Skip {
        /// The counter.
        counter: u64,
    },
    /// Close the connection and connect again.
    Recycle {
        /// Why, for the monitor.
        cause: &'static str,
    },
    /// Central refused the session.
    Refused {
        /// Stable word.
        code: String,
        /// A sentence.
        message: String,
        /// Whether trying again may help.
        retryable: bool,
    },
}

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No connection.
    Down,
    /// Introducing itself.
    Greeting,
    /// Fetching a snapshot.
    Snapshot,
    /// Fetching pages.
    CatchingUp,
    /// Following the feed.
    Live,
    /// Central is being recovered: only originals are offered.
    Offering,
}

/// The laptop's session over all its connections.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    epoch: u32,
    head: u64,
    position: Position,
    next_counter: u64,
    next_send: u64,
    in_flight: VecDeque<(u64, u64)>,
    /// The counter an outstanding `NextBatch` asked from.
    asked_batch: Option<u64>,
    asked_again: bool,
    /// The queue may hold something that was not asked for yet.
    may_wait: bool,
    /// The counter central misses: the next batch must reach down to it.
    gap: Option<u64>,
    /// On this connection central has said that it expects this counter or a later one.
    expected: u64,
    limits: BatchLimits,
    refusals: u32,
    last_heard_ms: u64,
    /// Since when it waits for something that did not come: a welcome, an answer, the rest of the feed.
    waiting_since_ms: Option<u64>,
    fetching: bool,
    /// A repair is under way: what is compared meanwhile says nothing new.
    repairing: bool,
}

impl Default for Session {
    fn default() -> Session {
        Session {
            phase: Phase::Down,
            epoch: 0,
            head: 0,
            position: Position::default(),
            next_counter: 1,
            next_send: 0,
            in_flight: VecDeque::new(),
            asked_batch: None,
            asked_again: false,
            may_wait: true,
            gap: None,
            expected: 0,
            limits: BatchLimits::default(),
            refusals: 0,
            last_heard_ms: 0,
            waiting_since_ms: None,
            fetching: false,
            repairing: false,
        }
    }
}

impl Session {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Central's newest known seq.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The copy's cursor.
    pub fn cursor(&self) -> u64 {
        self.position.seq
    }

    /// Central's epoch as of the last welcome.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Batches sent and not answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Live, at the head, nothing in flight.
    pub fn is_quiet(&self) -> bool {
        self.phase == Phase::Live
            && self.position.seq >= self.head
            && self.in_flight.is_empty()
            && self.asked_batch.is_none()
    }

    /// One step at the driver's monotonic time.
    pub fn step(&mut self, input: Input, now_ms: u64) -> Vec<Action> {
        let progress = matches!(
            input,
            Input::Connected
                | Input::Frame(ServerFrame::Welcome(_) | ServerFrame::Outcomes(_))
                | Input::PageApplied { .. }
                | Input::SnapshotDone { .. }
        );
        let actions = self.react(input, now_ms);
        let behind = self.phase == Phase::Live && self.position.seq < self.head;
        let waiting = self.phase == Phase::Greeting || !self.in_flight.is_empty() || behind;
        self.waiting_since_ms = match self.waiting_since_ms {
            Some(since) if waiting && !progress => Some(since),
            _ => waiting.then_some(now_ms),
        };
        actions
    }

    fn react(&mut self, input: Input, now_ms: u64) -> Vec<Action> {
        match input {
            Input::Connected => {
                *self = Session {
                    phase: Phase::Greeting,
                    last_heard_ms: now_ms,
                    limits: self.limits,
                    refusals: self.refusals,
                    head: self.head,
                    position: self.position,
                    epoch: self.epoch,
                    ..Session::default()
                };
                Vec::new()
            }
            Input::Disconnected => {
                self.phase = Phase::Down;
                Vec::new()
            }
            Input::Tick => self.tick(now_ms),
            _ if self.phase == Phase::Down => Vec::new(),
            Input::Frame(frame) => {
                self.last_heard_ms = now_ms;
                self.on_frame(frame)
            }
            Input::HelloSent { next_counter } => {
                self.next_counter = next_counter;
                Vec::new()
            }
            Input::QueueChanged => {
                self.may_wait = true;
                self.want_batch()
            }
            Input::Batch(batch) => self.on_batch(batch),
            Input::PageApplied { position, root_matches } => self.on_applied(position, root_matches),
            Input::PageGap { position } => {
                self.position = position;
                vec![Action::Send(ClientFrame::Follow { position })]
            }
            Input::PageBroken => self.start_snapshot(),
            Input::PageFetched(page) => {
                self.last_heard_ms = now_ms;
                if self.is_of_later_epoch(&page.watermark) {
                    return self.recycle("new_epoch");
                }
                self.head = self.head.max(page.watermark.head);
                vec![Action::ApplyPage(page)]
            }
            Input::SnapshotDone { position } => {
                self.last_heard_ms = now_ms;
                self.fetching = false;
                self.position = position;
                self.go_live()
            }
            Input::FetchFailed => {
                self.fetching = false;
                self.recycle("fetch_failed")
            }
            Input::RootCompared { equal } => self.on_compared(equal),
            Input::Repaired { done } => {
                self.repairing = false;
                if done { Vec::new() } else { self.start_snapshot() }
            }
            // Asked again after a while: every connection finds out whether the recovery has ended.
            Input::Offered => {
                self.fetching = false;
                self.recycle("recovering")
            }
            Input::Renewed => self.recycle("new_incarnation"),
        }
    }

    /// Central began a new history since its welcome: what it accepted from here may be lost there, which a new welcome
    /// finds out before the copy goes on.
    fn is_of_later_epoch(&self, watermark: &Watermark) -> bool {
        self.phase != Phase::Greeting && watermark.position.epoch > self.epoch
    }

    fn recycle(&mut self, cause: &'static str) -> Vec<Action> {
        self.phase = Phase::Down;
        vec![Action::Recycle { cause }]
    }

    /// Long fetches report through their own inputs. Everything else must hear from central in time, and what it waits
    /// for must come in time: heartbeats alone are no progress.
    fn tick(&mut self, now_ms: u64) -> Vec<Action> {
        if self.phase == Phase::Down || self.fetching {
            return Vec::new();
        }
        let stalled = self.waiting_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= PROGRESS_TIMEOUT_MS);
        if stalled {
            return self.recycle("no_progress");
        }
        let silent = now_ms.saturating_sub(self.last_heard_ms) >= SILENCE_TIMEOUT_MS;
        if silent { self.recycle("silent") } else { Vec::new() }
    }

    fn on_frame(&mut self, frame: ServerFrame) -> Vec<Action> {
        match frame {
            ServerFrame::Challenge(c) if self.phase == Phase::Greeting => {
                if c.version != PROTOCOL_VERSION {
                    let message = "Central speaks another version of the protocol. Update the app.".to_owned();
                    return vec![Action::Refused { code: "update_required".into(), message, retryable: false }];
                }
                vec![Action::Hello { nonce: c.nonce.to_vec() }]
            }
            ServerFrame::Challenge(_) => Vec::new(),
            ServerFrame::Welcome(welcome) if self.phase == Phase::Greeting => self.on_welcome(welcome),
            ServerFrame::Welcome(_) => Vec::new(),
            ServerFrame::Outcomes(outcomes) => self.on_outcomes(outcomes),
            ServerFrame::Feed(page) if self.is_of_later_epoch(&page.watermark) => self.recycle("new_epoch"),
            ServerFrame::Probe { watermark, .. } if self.is_of_later_epoch(&watermark) => self.recycle("new_epoch"),
            ServerFrame::Feed(page) => {
                self.head = self.head.max(page.watermark.head);
                vec![Action::ApplyPage(page)]
            }
            ServerFrame::Probe { n, now_ms, watermark } => {
                self.head = self.head.max(watermark.head);
                vec![Action::Probe { n, now_ms, watermark }]
            }
            ServerFrame::Expected { counter, .. } => self.on_gap(counter),
            ServerFrame::Directory(entry) => vec![Action::Directory(entry)],
            ServerFrame::Regrant {} => self.recycle("regrant"),
            ServerFrame::Refused { code, message, retryable } => self.on_refused(code, message, retryable),
            ServerFrame::Alert { seq, parts } => vec![Action::Alert { seq, parts }],
        }
    }

    fn on_welcome(&mut self, welcome: Welcome) -> Vec<Action> {
        let start = welcome.start;
        self.epoch = welcome.head.epoch;
        self.head = welcome.head.seq;
        // Central has answered counters this database never gave: it is an older copy of itself.
        let behind_itself = welcome.expected > self.next_counter;
        self.expected = welcome.expected;
        let recovering = welcome.recovering;
        let mut actions = vec![Action::Welcomed(Box::new(welcome))];
        if recovering {
            self.phase = Phase::Offering;
            self.fetching = true;
            actions.push(Action::Offer);
            return actions;
        }
        if behind_itself {
            actions.push(Action::Renew);
            return actions;
        }
        match start {
            Start::Live => self.phase = Phase::Live,
            Start::CatchUp => {
                self.phase = Phase::CatchingUp;
                self.fetching = true;
                actions.push(Action::FetchPage { after: self.position.seq });
            }
            Start::Snapshot => actions.extend(self.start_snapshot()),
        }
        actions.extend(self.want_batch());
        actions
    }

    fn start_snapshot(&mut self) -> Vec<Action> {
        if self.phase == Phase::Snapshot {
            return Vec::new();
        }
        self.phase = Phase::Snapshot;
        self.fetching = true;
        vec![Action::FetchSnapshot]
    }

    fn go_live(&mut self) -> Vec<Action> {
        self.phase = Phase::Live;
        self.fetching = false;
        vec![Action::Send(ClientFrame::Follow { position: self.position })]
    }

    fn on_applied(&mut self, position: Position, root_matches: Option<bool>) -> Vec<Action> {
        self.position = position;
        let mut actions = match self.phase {
            Phase::CatchingUp if position.seq + LIVE_LAG_MAX >= self.head => self.go_live(),
            Phase::CatchingUp => vec![Action::FetchPage { after: position.seq }],
            Phase::Live => vec![Action::Send(ClientFrame::Ack { seq: position.seq })],
            _ => Vec::new(),
        };
        actions.extend(self.on_compared(root_matches));
        actions
    }

    /// A difference is located and repaired while the feed goes on; a whole new copy is what is left if that fails.
    fn on_compared(&mut self, equal: Option<bool>) -> Vec<Action> {
        if equal != Some(false) || self.repairing || self.phase != Phase::Live {
            return Vec::new();
        }
        self.repairing = true;
        vec![Action::Repair]
    }

    fn want_batch(&mut self) -> Vec<Action> {
        let established = matches!(self.phase, Phase::Live | Phase::CatchingUp | Phase::Snapshot);
        // While an undeliverable change is being located one batch flies alone, so that a refusal is surely about it.
        let locating = self.refusals > 0 || self.limits != BatchLimits::default();
        let most = if locating { 1 } else { BATCHES_IN_FLIGHT_MAX };
        if !established || !self.may_wait || self.in_flight.len() >= most {
            return Vec::new();
        }
        if self.asked_batch.is_some() {
            self.asked_again = true;
            return Vec::new();
        }
        self.asked_batch = Some(self.next_send);
        vec![Action::NextBatch { from: self.next_send, epoch: self.epoch, limits: self.limits }]
    }

    fn on_batch(&mut self, batch: Option<OutgoingBatch>) -> Vec<Action> {
        let from = self.asked_batch.take();
        let again = std::mem::take(&mut self.asked_again);
        if from != Some(self.next_send) {
            // Asked for before it was known that an earlier one must go first: ask again from there.
            return self.want_batch();
        }
        if let Some(missing) = self.gap {
            // This database does not hold what central misses: it goes on under a new identity.
            if batch.as_ref().is_none_or(|b| b.first > missing) {
                return vec![Action::Renew];
            }
            self.gap = None;
        }
        // What was saved since it was asked for may not be in it.
        self.may_wait = again || batch.as_ref().is_some_and(|b| b.more);
        let Some(batch) = batch else { return self.want_batch() };
        self.next_send = batch.last + 1;
        self.in_flight.push_back((batch.first, batch.last));
        let mut actions = vec![Action::Send(ClientFrame::Push(batch.bytes.into()))];
        actions.extend(self.want_batch());
        actions
    }

    fn on_outcomes(&mut self, outcomes: Vec<Outcome>) -> Vec<Action> {
        let low = outcomes.iter().map(|o| o.counter).min().unwrap_or(0);
        let top = outcomes.iter().map(|o| o.counter).max().unwrap_or(0);
        // Answers come in order: a batch before the answered one that has none was lost with its answer.
        let lost = self.in_flight.iter().any(|(_, last)| *last < low);
        self.expected = self.expected.max(top + 1);
        self.gap = self.gap.filter(|missing| *missing > top);
        self.in_flight.retain(|(_, last)| *last > top);
        if lost {
            self.in_flight.clear();
            (self.next_send, self.may_wait) = (0, true);
        }
        self.refusals = 0;
        // Grows back step by step: what was refused is still near, and starting over from whole batches would locate it
        // anew after every part that went through.
        self.limits.changes = (self.limits.changes * 2).min(BatchLimits::default().changes);
        let mut actions = vec![Action::StoreOutcomes(outcomes)];
        actions.extend(self.want_batch());
        actions
    }

    /// Central misses a counter: send all again from the first unanswered one, also those below the gap, whose answers
    /// were lost with what central misses. Central never expects less than before, so a smaller counter is an old notice
    /// that was overtaken by the answers to what it missed.
    fn on_gap(&mut self, counter: u64) -> Vec<Action> {
        if counter < self.expected {
            return Vec::new();
        }
        self.gap = Some(counter);
        self.in_flight.clear();
        (self.next_send, self.may_wait) = (0, true);
        self.want_batch()
    }

    fn on_refused(&mut self, code: String, message: String, retryable: bool) -> Vec<Action> {
        self.phase = Phase::Down;
        let about_batch = matches!(code.as_str(), "bad_batch" | "too_large" | "bad_frame");
        match (code.as_str(), self.in_flight.front().copied()) {
            ("fork", _) => vec![Action::Renew],
            (_, Some((first, last))) if about_batch => self.on_undeliverable(first, last),
            _ => vec![Action::Refused { code, message, retryable }],
        }
    }

    /// Bisect: smaller batches until one change remains, then skip it.
    fn on_undeliverable(&mut self, first: u64, last: u64) -> Vec<Action> {
        self.refusals += 1;
        if self.refusals < REFUSALS_BEFORE_BISECT {
            return vec![Action::Recycle { cause: "refused_batch" }];
        }
        self.refusals = 0;
        if first == last {
            return vec![Action::Skip { counter: first }, Action::Recycle { cause: "skipped_change" }];
        }
        self.limits.changes = ((last - first).div_ceil(2) as usize).max(1);
        vec![Action::Recycle { cause: "bisecting_batch" }]
    }
}
