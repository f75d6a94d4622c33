//! The driver of one session: it moves bytes, reads storage, keeps time; `omni_sync::central::Session` decides.

use super::tokens::Caller;
use super::wire::{Incoming, Sink, Stream};
use super::{App, envelope, push};
use crate::access::facts;
use crate::error::{CentralError, Result};
use crate::feed::page_after;
use crate::hints::Presence;
use crate::random;
use crate::recovery;
use crate::storage::StorageExt;
use crate::writer::Answer;
use axum::body::Bytes;
use omni_protocol::frame::{ClientFrame, Hello, ServerFrame};
use omni_protocol::limits::{BATCHES_IN_FLIGHT_MAX, HEARTBEAT_MS};
use omni_protocol::{Grants, Hash};
use omni_sync::central::{BootSample, HelloFacts, Session, SessionAction, SessionInput, is_proof_of_rollback};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// A laptop has this long for its hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Silent this many heartbeats: gone.
const SILENT_HEARTBEATS: u32 = 4;
/// Batches a session may have waiting: twice what the protocol allows, for resends after a gap.
const WAITING_MAX: usize = 2 * BATCHES_IN_FLIGHT_MAX + 4;
/// Commits given to the machine at once.
const LIVE_COMMITS_MAX: usize = 1_000;
/// Probes remembered until they are answered.
const PROBES_MAX: usize = 8;

struct Driver {
    app: Arc<App>,
    session: Session,
    nonce: Vec<u8>,
    sink: Sink,
    answers: UnboundedSender<Answer>,
    waiting: usize,
    caller: Option<Caller>,
    grants: Hash,
    token: String,
    presence: Option<u64>,
    directory_known: usize,
    /// The laptop was told to bring originals.
    recovering: bool,
    taken: u64,
    probe: u64,
    probes: BTreeMap<u64, i64>,
    closed: bool,
}

/// Runs a session from its challenge to its end.
pub async fn run(app: Arc<App>, sink: Sink, stream: Stream) {
    app.sessions.send_modify(|n| *n += 1);
    app.core.metrics.connected.increment(1.0);
    if let Err(error) = drive(&app, sink, stream).await {
        tracing::debug!(code = error.code, message = %error.message, "a session ended");
    }
    app.core.metrics.connected.decrement(1.0);
    app.sessions.send_modify(|n| *n -= 1);
}

async fn drive(app: &Arc<App>, sink: Sink, mut stream: Stream) -> Result<()> {
    let (answers, mut answered) = unbounded_channel();
    let epoch = blocking(app, |app| Ok(app.core.storage.reading(|tx| tx.head())?.position.epoch)).await?;
    let nonce = random::bytes::<32>()?.to_vec();
    let (session, first) = Session::new(nonce.clone(), epoch);
    let mut driver = Driver {
        app: app.clone(),
        session,
        nonce,
        sink,
        answers,
        waiting: 0,
        caller: None,
        grants: Hash::default(),
        token: String::new(),
        presence: None,
        directory_known: 0,
        recovering: false,
        taken: 0,
        probe: 0,
        probes: BTreeMap::new(),
        closed: false,
    };
    let result = match driver.perform(first).await {
        Ok(()) => driver.serve(&mut stream, &mut answered).await,
        Err(e) => Err(e),
    };
    driver.leave();
    driver.sink.close().await;
    result
}

impl Driver {
    async fn serve(&mut self, stream: &mut Stream, answered: &mut UnboundedReceiver<Answer>) -> Result<()> {
        let app = self.app.clone();
        let (mut head, mut access) = (app.core.hints.head(), app.core.access_changes());
        self.taken = *head.borrow_and_update();
        let every = Duration::from_millis(HEARTBEAT_MS);
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let hello_by = Instant::now() + HELLO_TIMEOUT;
        let mut heard = Instant::now();
        while !self.closed {
            tokio::select! {
                message = stream.next() => {
                    heard = Instant::now();
                    self.on_message(message).await?;
                }
                Some(answer) = answered.recv() => self.on_answer(answer).await?,
                Ok(()) = head.changed() => {
                    let announced = *head.borrow_and_update();
                    self.on_head(announced).await?;
                }
                Ok(()) = access.changed() => {
                    access.mark_unchanged();
                    self.on_access().await?;
                }
                _ = beat.tick() => {
                    if heard.elapsed() > every * SILENT_HEARTBEATS {
                        return self.refuse(&CentralError::retryable("silent", "Nothing was heard for too long.")).await;
                    }
                    self.heartbeat().await?;
                }
                () = tokio::time::sleep_until(hello_by), if self.caller.is_none() => {
                    let late = CentralError::retryable("timeout", "No hello came in time.");
                    return self.refuse(&late).await;
                }
                () = app.core.stopping.cancelled() => {
                    let stopping = CentralError::retryable("stopping", "Central is stopping. Connect again soon.");
                    return self.refuse(&stopping).await;
                }
            }
        }
        Ok(())
    }

    async fn on_message(&mut self, message: Result<Incoming>) -> Result<()> {
        let bytes = match message {
            Ok(Incoming::Closed) => {
                self.closed = true;
                return Ok(());
            }
            Ok(Incoming::Envelope(bytes)) => bytes,
            Ok(Incoming::Alive) => return Ok(()),
            Err(e) => return self.refuse(&e).await,
        };
        self.app.core.metrics.bytes_in.increment(bytes.len() as u64);
        match envelope::open(&bytes) {
            Ok(frame) => self.on_frame(frame).await,
            Err(e) => self.refuse(&e).await,
        }
    }

    async fn on_frame(&mut self, frame: ClientFrame) -> Result<()> {
        let hello = match &frame {
            ClientFrame::Hello(hello) if self.caller.is_none() => hello.clone(),
            _ => {
                let actions = self.session.step(SessionInput::Frame(frame, None));
                return self.perform(actions).await;
            }
        };
        let facts = self.facts(&hello).await?;
        if self.proves_rollback(&hello, &facts) {
            let begun =
                blocking(&self.app, move |app| recovery::after_rollback(&app.core, hello.device, hello.position)).await;
            return self.refuse(&begun.err().unwrap_or_else(recovery::begins)).await;
        }
        (self.token, self.directory_known) = (facts.token.clone(), facts.directory.len());
        self.recovering = facts.recovering;
        let actions = self.session.step(SessionInput::Frame(frame, Some(facts)));
        if let Some((device, replica, lineage, grants)) = self.session.peer() {
            let caller = Caller { device, replica, lineage: lineage.to_vec() };
            self.grants = grants.hash();
            self.arrive(caller, hello.position.seq);
            self.perform(actions).await?;
            return self.heartbeat().await;
        }
        self.perform(actions).await
    }

    /// An approved device signs for a position that central acknowledged and does not hold.
    fn proves_rollback(&self, hello: &Hello, facts: &HelloFacts) -> bool {
        let signed = facts
            .device
            .as_ref()
            .filter(|d| !d.revoked)
            .is_some_and(|device| omni_sync::sign::hello_is_genuine(hello, &self.nonce, &device.public_key));
        signed && !facts.recovering && is_proof_of_rollback(hello.position, facts.head.position, facts.hash_at)
    }

    async fn facts(&self, hello: &Hello) -> Result<HelloFacts> {
        let (replica, seq, device) = (hello.replica, hello.position.seq, hello.device);
        let token = random::hex::<32>()?;
        blocking(&self.app, move |app| {
            let (head, replica, hash_at, access) = app
                .core
                .storage
                .reading(|tx| Ok((tx.head()?, tx.replica(replica)?, tx.hash_at(seq)?, app.core.refresh_access(tx)?)))?;
            Ok(HelloFacts {
                device: access.device(device).map(facts),
                head,
                replica,
                hash_at,
                token,
                directory: access.directory(0),
                now_ms: app.core.clock.now_ms(),
                recovering: recovery::is_on(&app.core.folder),
            })
        })
        .await
    }

    fn arrive(&mut self, caller: Caller, durable: u64) {
        let since_ms = self.app.core.clock.now_ms();
        let presence = Presence { device: caller.device, replica: caller.replica, since_ms };
        self.presence = Some(self.app.core.hints.arrive(presence));
        self.app.core.saw(caller.device, since_ms, durable);
        self.app.tokens.begin(self.token.clone(), caller.clone());
        self.caller = Some(caller);
    }

    fn leave(&mut self) {
        if let Some(session) = self.presence.take() {
            self.app.core.hints.leave(session);
            self.app.tokens.end(&self.token);
        }
        if let Some(caller) = &self.caller {
            self.app.core.saw(caller.device, self.app.core.clock.now_ms(), 0);
        }
    }

    async fn on_answer(&mut self, answer: Answer) -> Result<()> {
        self.waiting = self.waiting.saturating_sub(1);
        let input = match answer {
            Answer::Outcomes(outcomes) => SessionInput::Answered(outcomes),
            Answer::Expected { counter, chain } => SessionInput::Gap { counter, chain },
            Answer::Refused(e) => return self.refuse(&e).await,
        };
        let actions = self.session.step(input);
        self.perform(actions).await
    }

    /// Commits became durable. What the ring no longer holds, the machine fetches from the log.
    async fn on_head(&mut self, announced: u64) -> Result<()> {
        while self.taken < announced && !self.closed {
            let commits = self.app.core.ring.after(self.taken, LIVE_COMMITS_MAX);
            let Some(last) = commits.last().map(|c| c.position.seq) else {
                self.taken = announced;
                return if self.caller.is_some() { self.heartbeat().await } else { Ok(()) };
            };
            self.taken = last;
            let actions = self.session.step(SessionInput::Committed(&commits));
            self.perform(actions).await?;
        }
        Ok(())
    }

    async fn on_access(&mut self) -> Result<()> {
        let Some(caller) = self.caller.clone() else { return Ok(()) };
        if recovery::is_on(&self.app.core.folder) && !self.recovering {
            return self.refuse(&recovery::begins()).await;
        }
        let access = self.app.core.access();
        let grants: Option<Grants> = access.active(caller.device).map(|d| d.grants.clone());
        let actions = self.session.step(SessionInput::GrantsChanged { grants });
        self.perform(actions).await?;
        for entry in access.directory(self.directory_known) {
            let actions = self.session.step(SessionInput::Joined(entry));
            self.perform(actions).await?;
        }
        self.directory_known = access.len();
        Ok(())
    }

    async fn heartbeat(&mut self) -> Result<()> {
        if self.caller.is_none() {
            return Ok(());
        }
        self.probe += 1;
        let now_ms = self.app.core.clock.now_ms();
        self.probes.insert(self.probe, now_ms);
        while self.probes.len() > PROBES_MAX {
            self.probes.pop_first();
        }
        let head = *self.app.core.hints.head().borrow();
        let actions = self.session.step(SessionInput::Heartbeat { n: self.probe, now_ms, head });
        self.perform(actions).await
    }

    async fn refuse(&mut self, error: &CentralError) -> Result<()> {
        self.app.core.metrics.refused.increment(1);
        tracing::info!(code = error.code, %error, "a laptop was refused");
        let (code, message, retryable) = (error.code, error.told(), error.retryable);
        let actions = self.session.step(SessionInput::Refuse { code, message, retryable });
        self.perform(actions).await
    }

    async fn perform(&mut self, actions: Vec<SessionAction>) -> Result<()> {
        let mut todo = VecDeque::from(actions);
        while let Some(action) = todo.pop_front() {
            match action {
                SessionAction::Send(frame) => self.send(&frame).await?,
                SessionAction::Admit(bytes) => {
                    if let Err(e) = self.submit(&bytes) {
                        let (code, message, retryable) = (e.code, e.told(), e.retryable);
                        todo.extend(self.session.step(SessionInput::Refuse { code, message, retryable }));
                    }
                }
                SessionAction::ReadFeed { after } => todo.extend(self.read_feed(after).await?),
                SessionAction::Probed { n, boot, mono_ms, .. } => self.probed(n, boot, mono_ms),
                SessionAction::Durable { seq } => {
                    if let Some(caller) = &self.caller {
                        self.app.core.saw(caller.device, self.app.core.clock.now_ms(), seq);
                    }
                }
                SessionAction::Close => self.closed = true,
            }
        }
        Ok(())
    }

    fn submit(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(caller) = &self.caller else {
            return Err(CentralError::new("protocol", "A hello is expected first."));
        };
        if self.waiting >= WAITING_MAX {
            return Err(CentralError::retryable("busy", "Too many batches wait for their answer."));
        }
        let answers = self.answers.clone();
        // The session may be gone by then: the outcome is stored, the laptop asks again.
        let reply = Box::new(move |answer| drop(answers.send(answer)));
        push::submit(&self.app, caller, bytes, reply)?;
        self.waiting += 1;
        Ok(())
    }

    async fn read_feed(&mut self, after: u64) -> Result<Vec<SessionAction>> {
        let Some((_, _, _, grants)) = self.session.peer() else { return Ok(Vec::new()) };
        let grants = grants.clone();
        let page = blocking(&self.app, move |app| page_after(&*app.core.storage, after, &grants)).await;
        Ok(match page {
            Ok(p) => {
                let input = SessionInput::Page { commits: p.commits, end: p.end, head: p.head, root: p.root };
                self.session.step(input)
            }
            Err(e) => {
                let (code, message, retryable) = (e.code, e.told(), e.retryable);
                self.session.step(SessionInput::Refuse { code, message, retryable })
            }
        })
    }

    fn probed(&mut self, n: u64, boot: omni_protocol::BootId, mono_ms: u64) {
        let (Some(from_ms), Some(caller)) = (self.probes.remove(&n), &self.caller) else { return };
        let to_ms = self.app.core.clock.now_ms();
        self.app.core.sampled(caller.device, boot, BootSample { mono_ms, from_ms, to_ms }, n == 1);
        self.app.core.saw(caller.device, to_ms, 0);
    }

    async fn send(&mut self, frame: &ServerFrame) -> Result<()> {
        let envelope: Bytes = self.app.frames.seal(self.grants, frame);
        self.app.core.metrics.bytes_out.increment(envelope.len() as u64);
        self.sink.send(envelope).await
    }
}

/// Runs storage work off the network's threads.
pub async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T> + Send + 'static,
) -> Result<T> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || work(&app))
        .await
        .map_err(|e| CentralError::new("internal", "Central failed while answering.").because(e))?
}
