//! A session over plain HTTP, for laptops whose WebSocket does not get through: `POST /v1/exchange` begins it, `POST
//! /v1/exchange/{id}` brings frames, `GET` waits for frames, `DELETE` ends it. The frames, and the session that answers
//! them, are those of the WebSocket; the id is the secret that ties the calls together.

use super::answer::Api;
use super::envelope::Envelope;
use super::http::body;
use super::wire::{Sink, Stream};
use super::{App, session};
use crate::error::{CentralError, Result};
use crate::random;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use omni_protocol::envelope;
use omni_protocol::limits::{CLIENT_FRAME_BYTES_MAX, EXCHANGE_BYTES_MAX, EXCHANGE_WAIT_MS};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Envelopes that wait in either direction; the sender waits for room.
const WAITING_MAX: usize = 16;
/// What a session said last can be fetched for this long after its end.
const LINGER: Duration = Duration::from_secs(20);

/// Envelopes from the laptop.
pub type Inbound = mpsc::Receiver<Bytes>;

/// Envelopes to the laptop.
pub struct Outbound(mpsc::Sender<Envelope>);

impl Outbound {
    /// Waits for room.
    ///
    /// Errors: `disconnected`.
    pub async fn send(&self, envelope: Envelope) -> Result<()> {
        let gone = |_| CentralError::retryable("disconnected", "The exchange ended.");
        self.0.send(envelope).await.map_err(gone)
    }
}

/// The laptop's ends of one exchange.
struct Exchange {
    inbound: mpsc::Sender<Bytes>,
    outbound: tokio::sync::Mutex<Fetching>,
    /// Everything the session said was fetched.
    drained: Notify,
}

/// One call at a time fetches. An envelope that no longer fits an answer opens the next one.
struct Fetching {
    queue: mpsc::Receiver<Envelope>,
    left: Option<Envelope>,
}

/// Every running exchange, by its id.
#[derive(Default)]
pub struct Exchanges(Mutex<HashMap<String, Arc<Exchange>>>);

impl Exchanges {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Arc<Exchange>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, id: &str) -> Result<Arc<Exchange>> {
        self.with(|all| all.get(id).cloned()).ok_or_else(ended)
    }
}

fn ended() -> CentralError {
    CentralError::retryable("exchange_ended", "This exchange has ended. Begin a new one.")
}

/// Begins an exchange: its id.
pub async fn begin(State(app): State<Arc<App>>) -> Api<Json<Value>> {
    let slot = app
        .exchange_slots
        .clone()
        .try_acquire_owned()
        .map_err(|_| CentralError::retryable("busy", "Central has as many sessions as it takes."))?;
    let id = random::hex::<32>()?;
    let (inbound, from_laptop) = mpsc::channel(WAITING_MAX);
    let (to_laptop, outbound) = mpsc::channel(WAITING_MAX);
    let fetching = tokio::sync::Mutex::new(Fetching { queue: outbound, left: None });
    app.exchanges
        .with(|all| all.insert(id.clone(), Arc::new(Exchange { inbound, outbound: fetching, drained: Notify::new() })));
    let key = id.clone();
    tokio::spawn(async move {
        session::run(app.clone(), Sink::Exchange(Outbound(to_laptop)), Stream::Exchange(from_laptop)).await;
        // Its last words wait until they are fetched, and count as a session until then.
        if let Ok(ended) = app.exchanges.find(&key) {
            let _ = timeout(LINGER, ended.drained.notified()).await;
        }
        app.exchanges.with(|all| all.remove(&key));
        drop(slot);
    });
    Ok(Json(json!({ "id": id })))
}

/// Takes envelopes of the laptop, in their order.
pub async fn bring(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    bytes: std::result::Result<Bytes, BytesRejection>,
) -> Api<StatusCode> {
    let exchange = app.exchanges.find(&id)?;
    let bytes = body(bytes)?;
    let parts = envelope::split(&bytes)
        .filter(|parts| parts.iter().all(|part| part.len() <= CLIENT_FRAME_BYTES_MAX + 1))
        .ok_or_else(|| CentralError::new("bad_frame", "The body is no list of messages."))?;
    for part in parts {
        let sent = exchange.inbound.send(bytes.slice_ref(part)).await;
        sent.map_err(|_| ended())?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Waits for envelopes to the laptop; none came in time = an empty answer.
pub async fn fetch(State(app): State<Arc<App>>, Path(id): Path<String>) -> Api<Response> {
    let exchange = app.exchanges.find(&id)?;
    let mut fetching = exchange.outbound.lock().await;
    let mut out = Vec::new();
    let first = match fetching.left.take() {
        Some(left) => Some(left),
        None => match timeout(Duration::from_millis(EXCHANGE_WAIT_MS), fetching.queue.recv()).await {
            Ok(None) => {
                exchange.drained.notify_one();
                return Err(ended().into());
            }
            Ok(some) => some,
            Err(_) => None,
        },
    };
    if let Some(first) = first {
        envelope::push(&mut out, &first);
    }
    while !out.is_empty()
        && let Ok(next) = fetching.queue.try_recv()
    {
        if out.len() + next.len() + envelope::LENGTH_BYTES > EXCHANGE_BYTES_MAX {
            fetching.left = Some(next);
            break;
        }
        envelope::push(&mut out, &next);
    }
    Ok(([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")], out).into_response())
}

/// The laptop says goodbye.
pub async fn end(State(app): State<Arc<App>>, Path(id): Path<String>) -> StatusCode {
    app.exchanges.with(|all| all.remove(&id));
    StatusCode::NO_CONTENT
}
