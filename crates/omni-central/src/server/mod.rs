//! The network side: routes, sessions, tokens.

mod answer;
mod api;
mod compare;
mod envelope;
mod exchange;
mod http;
mod ledger;
mod past;
mod push;
mod recover;
mod session;
mod tokens;
mod wire;

pub use api::ApiError;
pub use envelope::{Envelope, open, seal};
pub use http::{metrics_router, router};

use crate::core::Core;
use crate::snapshot::Snapshots;
use crate::writer::Writer;
use envelope::FrameCache;
use exchange::Exchanges;
use std::sync::Arc;
use tokens::Tokens;
use tokio::sync::{Semaphore, watch};

/// Sessions at most. One more is answered `busy`.
pub const SESSIONS_MAX: usize = 5_000;

/// Exchanges over HTTP among them have an own, smaller number: they cost a stranger one call each, and must not take the
/// place of live sessions.
pub const EXCHANGES_MAX: usize = 500;

/// What every handler has.
pub struct App {
    /// Shared state.
    pub core: Arc<Core>,
    /// The way to the writer.
    pub writer: Writer,
    /// Snapshots.
    pub snapshots: Arc<Snapshots>,
    pub(crate) tokens: Tokens,
    pub(crate) frames: FrameCache,
    pub(crate) exchanges: Exchanges,
    pub(crate) exchange_slots: Arc<Semaphore>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) sessions: watch::Sender<usize>,
}

impl App {
    /// Puts the parts together.
    pub fn new(core: Arc<Core>, writer: Writer, snapshots: Arc<Snapshots>) -> App {
        App {
            core,
            writer,
            snapshots,
            tokens: Tokens::default(),
            frames: FrameCache::default(),
            exchanges: Exchanges::default(),
            exchange_slots: Arc::new(Semaphore::new(EXCHANGES_MAX)),
            slots: Arc::new(Semaphore::new(SESSIONS_MAX)),
            sessions: watch::Sender::new(0),
        }
    }

    /// Counts running sessions; for a clean stop.
    pub fn session_count(&self) -> watch::Receiver<usize> {
        self.sessions.subscribe()
    }
}
