//! The task that keeps the session: it connects, waits, moves frames and does what `omni_sync::replica::Session` asks
//! for (`actions`). It alone talks to central; everybody else gives it orders.

use super::backoff::Backoff;
use super::events::Event;
use super::ledger::{self, Found};
use super::link::Link;
use super::measure::Measures;
use super::queue_signal::QueueSignal;
use super::repair::{Repairer, Verified};
use super::socket;
use super::wake::{Wake, Watch};
use super::way::{Choice, Way};
use super::wire::{self, Receiver, Sender};
use crate::client::{self, Client};
use crate::clock;
use crate::error::Result;
use ed25519_dalek::SigningKey;
use omni_protocol::{DeviceId, FeedPage, Outcome, Position, ReplicaId, WireError};
use omni_store::Store;
use omni_sync::replica::{Input, Session};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How often timers and the network are looked at.
const TICK: Duration = Duration::from_secs(1);
/// After a refusal that trying again does not help.
const REFUSED_WAIT: Duration = Duration::from_secs(60);

/// What others want of the driver.
#[derive(Debug)]
pub enum Order {
    /// Connect now if not connected; say what waits.
    Now,
    /// Stop exchanging.
    Pause,
    /// Go on.
    Resume,
    /// Fetch the originals this laptop is to keep.
    Originals,
    /// Fetch a whole new copy: a repair did not help.
    Copy,
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// A page.
    Page(Result<FeedPage>),
    /// A copy, in place.
    Copy(Result<Position>),
    /// Old commits compared with central's.
    Spots(Result<Option<Box<Found>>>),
    /// Central's newest head, proven.
    Proof(Result<ledger::Proven>),
    /// Originals kept.
    Originals(Result<()>),
    /// What is kept was offered.
    Offer(Result<()>),
    /// A comparison with repair.
    Repair(Result<Verified>),
}

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The operator paused.
    Paused,
    /// Connect again at once.
    Again,
    /// Connect again after a while.
    Lost(WireError),
}

/// Everything the driver works with.
pub struct Driver {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) device: DeviceId,
    pub(super) key: SigningKey,
    /// Central's key, pinned at enrolment.
    pub(super) central_key: [u8; 32],
    pub(super) link: Arc<Link>,
    pub(super) measures: Arc<Measures>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) session: Session,
    pub(super) backoff: Backoff,
    /// Counters below this were counted as payload when first sent.
    pub(super) payload_next: u64,
    pub(super) queue: Arc<QueueSignal>,
    /// The copy's identity as of this connection's hello.
    pub(super) replica: Option<ReplicaId>,
    /// Answers that wait for the page of their commits.
    pub(super) held: Vec<Outcome>,
    /// Counters sent without being noted as sent, and not answered.
    pub(super) unnoted: Vec<u64>,
    pub(super) repairer: Repairer,
    pub(super) choice: Choice,
    /// Everything kept was offered for the recovery that began this epoch.
    pub(super) offered: Option<u32>,
    local: bool,
}

/// One connection's parts.
pub struct Connection {
    pub(super) sender: Sender,
    pub(super) fetches: JoinSet<Fetched>,
    /// Originals are being fetched.
    pub(super) keeping: bool,
    /// A proof of central's history is under way.
    pub(super) proving: bool,
    /// When the last one was asked for, monotonic milliseconds.
    pub(super) proved_ms: u64,
    /// Commits the trusted head stands for.
    pub(super) trusted: u64,
}

impl Driver {
    /// For one enrolled laptop.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        store: Store,
        client: Client,
        device: DeviceId,
        key: SigningKey,
        central_key: [u8; 32],
        link: Arc<Link>,
        measures: Arc<Measures>,
        events: broadcast::Sender<Event>,
        queue: Arc<QueueSignal>,
        repairer: Repairer,
    ) -> Driver {
        let local = client::is_local(client.address());
        let (session, backoff) = (Session::default(), Backoff::default());
        Driver {
            store,
            client,
            device,
            key,
            central_key,
            link,
            measures,
            events,
            session,
            backoff,
            payload_next: 0,
            queue,
            replica: None,
            held: Vec::new(),
            unnoted: Vec::new(),
            repairer,
            choice: Choice::default(),
            offered: None,
            local,
        }
    }

    /// Exchanges until dropped. Without `connect` it waits for the first order to do so.
    pub async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, connect: bool) {
        let mut watch = Watch::start();
        let mut idle = !connect;
        loop {
            while idle || self.link.facts().paused_at.is_some() {
                match orders.recv().await {
                    Some(Order::Now | Order::Resume) => idle = false,
                    Some(Order::Pause | Order::Copy | Order::Originals) => {}
                    None => return,
                }
            }
            let end = self.connection(&mut orders, &mut watch).await;
            self.after(&end).await;
            let wait = match end {
                End::Paused => continue,
                End::Again => Duration::ZERO,
                End::Lost(e) if !e.retryable && self.is_final(&e) => REFUSED_WAIT,
                End::Lost(_) => self.backoff.fail(),
            };
            if !self.wait(wait, &mut orders, &mut watch).await {
                return;
            }
        }
    }

    fn is_final(&self, error: &WireError) -> bool {
        matches!(
            error.code.as_str(),
            "device_revoked" | "device_unknown" | "update_required" | "not_central" | "history_rewritten"
        )
    }

    /// Notes how a connection ended.
    async fn after(&mut self, end: &End) {
        self.session.step(Input::Disconnected, clock::mono_ms());
        if let Err(e) = self.store_held().await {
            tracing::warn!("answers of central could not be stored; they are asked for again: {e}");
        }
        self.note_attempts().await;
        self.measures.forget_awaited();
        let wall = clock::wall_ms();
        self.link.update(|f| {
            (f.connected, f.quiet, f.copying) = (false, false, None);
            if let End::Lost(e) = end {
                f.last_error = Some(e.clone());
                if matches!(e.code.as_str(), "central_unreachable" | "not_central" | socket::NO_SOCKET) {
                    f.unreachable_since.get_or_insert(wall);
                }
            }
        });
    }

    /// Waits before the next try; orders, a wake-up or a new network end it. `false` = nobody gives orders any more.
    async fn wait(&mut self, wait: Duration, orders: &mut mpsc::UnboundedReceiver<Order>, watch: &mut Watch) -> bool {
        let until = Instant::now() + wait;
        self.link.update(|f| f.next_try_mono = Some(clock::mono_ms() + wait.as_millis() as u64));
        let mut tick = interval(TICK);
        loop {
            tokio::select! {
                () = sleep_until(until) => break,
                order = orders.recv() => match order {
                    Some(Order::Pause | Order::Copy | Order::Originals) => {}
                    Some(Order::Now | Order::Resume) => break,
                    None => return false,
                },
                _ = tick.tick() => if self.look(watch).is_some() { break },
            }
            if self.link.facts().paused_at.is_some() {
                break;
            }
        }
        self.link.update(|f| f.next_try_mono = None);
        true
    }

    fn look(&mut self, watch: &mut Watch) -> Option<Wake> {
        let wake = watch.look();
        if wake.is_some() {
            self.choice.renewed();
        }
        let network = self.local || watch.network_up();
        if self.link.facts().network != network {
            self.link.update(|f| f.network = network);
        }
        wake
    }

    async fn connection(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>, watch: &mut Watch) -> End {
        self.look(watch);
        let way = self.choice.way();
        self.link.update(|f| f.by_http = way == Way::Http);
        let (sender, mut receiver) = match wire::connect(&self.client, way).await {
            Ok(halves) => halves,
            Err(e) => {
                if e.code == socket::NO_SOCKET {
                    self.choice.stuck(clock::mono_ms());
                } else if !e.retryable {
                    // No central, or one that knows no other way: HTTP leads nowhere.
                    self.choice.renewed();
                }
                return End::Lost(e);
            }
        };
        let mut connection =
            Connection { sender, fetches: JoinSet::new(), keeping: false, proving: false, proved_ms: 0, trusted: 0 };
        let end = self.serve(&mut connection, &mut receiver, orders, watch).await;
        connection.fetches.abort_all();
        connection.sender.close().await;
        match end {
            Ok(end) => end,
            Err(e) => End::Lost(e),
        }
    }

    async fn serve(
        &mut self,
        connection: &mut Connection,
        receiver: &mut Receiver,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        watch: &mut Watch,
    ) -> Result<End> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let queue = self.queue.clone();
        let mut input = Some(Input::Connected);
        loop {
            if let Some(input) = input.take()
                && let Some(end) = self.drive(connection, input).await?
            {
                return Ok(end);
            }
            // Frames first: answers free what waits behind them.
            input = tokio::select! {
                biased;
                frame = receiver.receive() => match frame? {
                    Some(frame) => {
                        self.link.heard();
                        Some(Input::Frame(frame))
                    }
                    None => return Err(socket::lost("central closed it")),
                },
                Some(done) = connection.fetches.join_next() => match done {
                    Ok(Fetched::Spots(Ok(Some(found)))) => return self.stop_for(*found).await,
                    Ok(Fetched::Proof(proven)) => match self.proven(connection, proven).await? {
                        Some(end) => return Ok(end),
                        None => None,
                    },
                    done => self.fetched(connection, done),
                },
                order = orders.recv() => match order {
                    Some(Order::Pause) => return Ok(End::Paused),
                    Some(Order::Now | Order::Resume) => {
                        self.prove_again(connection);
                        Some(Input::QueueChanged)
                    }
                    Some(Order::Copy) => Some(Input::PageBroken),
                    Some(Order::Originals) => {
                        self.keep_originals(connection);
                        None
                    }
                    None => return Ok(End::Paused),
                },
                () = queue.changed() => Some(Input::QueueChanged),
                _ = tick.tick() => match self.look(watch) {
                    Some(wake) => {
                        self.measures.reconnect(if wake == Wake::Slept { "slept" } else { "network_changed" });
                        return Ok(End::Again);
                    }
                    None if self.session.is_quiet() && self.choice.retry_due(clock::mono_ms()) => return Ok(End::Again),
                    None => {
                        self.store_held().await?;
                        self.keep_originals_soon(connection);
                        self.prove_soon(connection);
                        Some(Input::Tick)
                    }
                },
            };
        }
    }
}
