//! The face of synchronisation for the rest of the app.

use super::driver::{Driver, Order};
use super::events::Event;
use super::link::{Link, LinkFacts};
use super::measure::Measures;
use super::publish::Publisher;
use super::queue_signal::QueueSignal;
use super::repair::{Repairer, Verified};
use crate::client::Client;
use crate::clock;
use crate::edits::{self, Edit};
use crate::error::{Result, store_error};
use ed25519_dalek::SigningKey;
use omni_protocol::rpc::{ChangeMade, Status};
use omni_protocol::{DeviceId, WireError};
use omni_store::{Durability, Lane, Store};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinHandle;

/// Name of the fact that says since when the operator paused, unix milliseconds.
const PAUSED: &str = "paused_at";
/// Events a slow listener may miss before it is told.
const EVENTS_KEPT: usize = 4_096;
/// How often a waiting caller looks, besides being woken.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

struct Inner {
    store: Store,
    client: Client,
    link: Arc<Link>,
    measures: Arc<Measures>,
    events: broadcast::Sender<Event>,
    orders: mpsc::UnboundedSender<Order>,
    publisher: Publisher,
    repairer: Repairer,
    stored: Arc<Notify>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Synchronises one replica with central: sends what operators save, takes what others did, and says what happens.
#[derive(Clone)]
pub struct SyncManager {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for SyncManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncManager").field("central", &self.inner.client.address()).finish()
    }
}

/// What a manager needs.
pub struct SyncParts {
    /// The replica.
    pub store: Store,
    /// The way to central.
    pub client: Client,
    /// This device.
    pub device: DeviceId,
    /// Its key.
    pub key: SigningKey,
    /// Central's key, pinned at enrolment.
    pub central_key: [u8; 32],
    /// What is measured.
    pub measures: Arc<Measures>,
    /// Where the UI hears of changes.
    pub ui: broadcast::Sender<Json>,
    /// Whether to connect without being asked.
    pub connect: bool,
}

impl SyncManager {
    /// Starts it. Needs a tokio runtime.
    pub fn start(parts: SyncParts) -> Result<SyncManager> {
        let SyncParts { store, client, device, key, central_key, measures, ui, connect } = parts;
        let (link, queue, stored) =
            (Arc::new(Link::default()), Arc::new(QueueSignal::default()), Arc::new(Notify::new()));
        let paused = store.read(|tx| tx.fact(PAUSED)).map_err(store_error)?;
        let paused_at = paused.and_then(|b| String::from_utf8(b).ok()).and_then(|t| t.parse().ok());
        let copy_at = store.read(|tx| Ok(tx.recent(0, 1)?.first().map(|c| c.info.at_ms))).map_err(store_error)?;
        let stopped = super::ledger::was_stopped(&store)?;
        link.update(|f| (f.paused_at, f.copy_at, f.history_rewritten) = (paused_at, copy_at, stopped));
        super::compared::load(&store, &measures)?;
        super::notices::listen(&store, ui.clone(), queue.clone(), stored.clone());
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (orders, taken) = mpsc::unbounded_channel();
        let repairer = Repairer {
            client: client.clone(),
            store: store.clone(),
            link: link.clone(),
            measures: measures.clone(),
            turn: Arc::default(),
        };
        let driver = Driver::new(
            store.clone(),
            client.clone(),
            device,
            key,
            central_key,
            link.clone(),
            measures.clone(),
            events.clone(),
            queue,
            repairer.clone(),
        );
        let publisher = Publisher::new(store.clone(), link.clone(), measures.clone(), client.address().to_owned());
        let tasks = vec![
            tokio::spawn(driver.run(taken, connect)),
            tokio::spawn(super::retention::run(store.clone())),
            tokio::spawn(publisher.clone().run(ui, events.clone(), stored.clone())),
        ];
        let inner = Inner {
            store,
            client,
            link,
            measures,
            events,
            orders,
            publisher,
            repairer,
            stored,
            tasks: Mutex::new(tasks),
        };
        Ok(SyncManager { inner: Arc::new(inner) })
    }

    /// Saves an edit on this laptop and sends it to everybody who may read it, as soon as there is a way. Durable when
    /// it returns.
    pub async fn broadcast(&self, edit: Edit) -> Result<ChangeMade> {
        // A pause holds from the moment it is shown, even while the connection is still being put down.
        let seal = match self.is_connected() && self.inner.link.facts().paused_at.is_none() {
            true => edits::Seal::AtOnce,
            false => edits::Seal::Later,
        };
        edits::save(&self.inner.store, &self.inner.measures, edit, seal).await
    }

    /// What others and this laptop changed: one event per record and commit, after the local COMMIT.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Connects and exchanges now, whatever the next try was set to. A pause ends.
    pub async fn force_sync(&self) -> Result<()> {
        self.set_paused(None).await?;
        self.order(Order::Now)
    }

    /// Stops exchanging until resumed, also over restarts.
    pub async fn pause(&self) -> Result<()> {
        self.set_paused(Some(clock::wall_ms())).await?;
        self.order(Order::Pause)
    }

    /// Ends a pause.
    pub async fn resume(&self) -> Result<()> {
        self.set_paused(None).await?;
        self.order(Order::Resume)
    }

    /// The driver sends what waits: a retry by hand.
    pub fn send_now(&self) -> Result<()> {
        self.order(Order::Now)
    }

    fn order(&self, order: Order) -> Result<()> {
        let closed = |_| WireError::new("closed", "The app is closing.");
        self.inner.orders.send(order).map_err(closed)
    }

    async fn set_paused(&self, at: Option<i64>) -> Result<()> {
        if self.inner.link.facts().paused_at.is_some() == at.is_some() {
            return Ok(());
        }
        let (store, text) = (self.inner.store.clone(), at.map(|at| at.to_string()));
        let write = move || {
            store.write(Lane::Interactive, Durability::Full, move |tx| {
                tx.set_fact(PAUSED, text.as_ref().map(String::as_bytes))
            })
        };
        let done = tokio::task::spawn_blocking(write).await;
        done.map_err(|e| crate::error::internal("Pausing", e))?.map_err(store_error)?;
        self.inner.link.update(|f| f.paused_at = at);
        Ok(())
    }

    /// The status now.
    pub fn status(&self) -> Result<Status> {
        self.inner.publisher.status()
    }

    /// What is measured.
    pub fn measures(&self) -> &Measures {
        &self.inner.measures
    }

    /// Whether a session with central stands now.
    pub fn is_connected(&self) -> bool {
        self.inner.link.facts().connected
    }

    /// Waits for a session with central.
    ///
    /// Errors: `timeout`, with what is known about why; at once what trying again does not help.
    pub async fn wait_connected(&self, within: Duration) -> Result<Status> {
        self.wait(within, |facts| Ok(facts.connected)).await
    }

    /// Waits until nothing is queued and the copy is at central's head.
    ///
    /// Errors: `timeout`, with what is known about why; at once what trying again does not help.
    pub async fn wait_idle(&self, within: Duration) -> Result<Status> {
        self.wait(within, |facts| Ok(facts.quiet && self.is_settled(facts.head)?)).await
    }

    /// Waits until the originals this laptop keeps for others reach central's head, if the exchange is quiet: for a
    /// process that ends now. It is worth a moment, not a failure.
    pub async fn keep_originals(&self, within: Duration) {
        let facts = self.inner.link.facts();
        if facts.quiet && self.order(Order::Originals).is_ok() {
            let kept = |facts: &LinkFacts| Ok(!facts.quiet || facts.head.is_none_or(|head| facts.originals_to >= head));
            let _ = self.wait(within, kept).await;
        }
    }

    async fn wait(&self, within: Duration, reached: impl Fn(&LinkFacts) -> Result<bool>) -> Result<Status> {
        let mut link = self.inner.link.watch();
        let waiting = async {
            loop {
                link.mark_unchanged();
                let stored = self.inner.stored.notified();
                let facts = self.inner.link.facts();
                if reached(&facts)? {
                    return self.status();
                }
                if let Some(e) = facts.last_error.filter(is_hopeless) {
                    return Err(e);
                }
                tokio::select! {
                    changed = link.changed() => changed.map_err(|_| WireError::new("closed", "The app is closing."))?,
                    () = stored => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        };
        match tokio::time::timeout(within, waiting).await {
            Ok(done) => done,
            Err(_) => Err(self.too_late(within)),
        }
    }

    /// Nothing waits. A head behind the cursor is one of before: what the connection knows is about to be said.
    fn is_settled(&self, head: Option<u64>) -> Result<bool> {
        let read = self.inner.store.read(|tx| Ok((tx.queue_counts()?, tx.meta()?.map_or(0, |m| m.position.seq))));
        let (counts, cursor) = read.map_err(store_error)?;
        let waiting = counts.pending + counts.sending + counts.acknowledged + counts.blocked;
        Ok(waiting == 0 && head.is_none_or(|head| head >= cursor))
    }

    fn too_late(&self, within: Duration) -> WireError {
        let facts = self.inner.link.facts();
        let why = facts.last_error.map(|e| format!(" {}", e.message)).unwrap_or_default();
        let message = format!("Not in sync after {} s.{why}", within.as_secs_f64());
        WireError::retryable("timeout", message)
    }

    /// The way to central's HTTP calls and the token for them, while a session stands.
    pub fn central(&self) -> Option<(Client, String)> {
        let facts = self.inner.link.facts();
        facts.token.filter(|_| facts.connected).map(|token| (self.inner.client.clone(), token))
    }

    /// Compares this copy with central's, counted anew from its rows, and repairs what differs. Needs a session.
    ///
    /// Errors: `offline`, `busy` while central keeps moving.
    pub async fn verify(&self) -> Result<Verified> {
        let verified = self.inner.repairer.verify().await?;
        if !verified.equal_now {
            // Twice was tried: a whole new copy is what is left.
            self.order(Order::Copy)?;
        }
        Ok(verified)
    }

    /// Stops exchanging for good. What is saved stays saved.
    pub async fn stop(&self) {
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

/// Trying again by itself will not change this answer.
fn is_hopeless(error: &WireError) -> bool {
    matches!(error.code.as_str(), "device_revoked" | "device_unknown" | "update_required" | "not_central")
}
