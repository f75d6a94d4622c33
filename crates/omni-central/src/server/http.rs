//! Routes.

use super::App;
use super::answer::{Api, Asked, answer, asked, caller, packed};
use super::api::ApiError;
use super::compare;
use super::exchange;
use super::ledger;
use super::past;
use super::push::{self, BATCH_WIRE_BYTES_MAX};
use super::recover;
use super::session::{self, blocking};
use super::wire;
use crate::admin::enrol::{EnrolRequest, Enrolled, enrol};
use crate::error::{CentralError, Result};
use crate::feed::page_after;
use crate::storage::StorageExt;
use crate::writer::Answer;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use omni_protocol::Hash;
use omni_protocol::frame::to_bytes;
use omni_protocol::limits::{CLIENT_FRAME_BYTES_MAX, EXCHANGE_BYTES_MAX, OFFER_BYTES_MAX};
use omni_sync::central::feed_page;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A request is answered within this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an enrolment request.
const ENROL_BYTES_MAX: usize = 8 * 1024;

/// Every route of the first listener.
pub fn router(app: Arc<App>) -> Router {
    let timed = Router::new()
        .route("/v1/enrol", post(enrol_device).layer(DefaultBodyLimit::max(ENROL_BYTES_MAX)))
        .route("/v1/push", post(push_batch).layer(DefaultBodyLimit::max(BATCH_WIRE_BYTES_MAX)))
        .route("/v1/feed", get(feed))
        .route("/v1/snapshot", get(snapshot))
        .route("/v1/snapshot/chunk/{hash}", get(chunk))
        .route("/v1/originals", get(recover::originals))
        .route("/v1/recover", post(recover::recover).layer(DefaultBodyLimit::max(OFFER_BYTES_MAX)))
        .route("/v1/digests", get(compare::list))
        .route("/v1/digest/buckets", get(compare::buckets))
        .route("/v1/digest/rows", get(compare::rows))
        .route("/v1/history", get(past::record))
        .route("/v1/history/commits", get(past::commits))
        .route("/v1/as-of", get(past::as_of))
        .route("/v1/ledger/head", get(ledger::head))
        .route("/v1/ledger/consistency", get(ledger::consistency))
        .route("/v1/ledger/proof", get(ledger::proof))
        .route("/v1/exchange", post(exchange::begin))
        .route(
            "/v1/exchange/{id}",
            get(exchange::fetch)
                .delete(exchange::end)
                .post(exchange::bring)
                .layer(DefaultBodyLimit::max(EXCHANGE_BYTES_MAX)),
        )
        .route("/healthz", get(|| async { Json(json!({"ok": true})) }))
        .route("/readyz", get(ready))
        .fallback(|| async { ApiError(CentralError::new("not_found", "There is nothing at this address.")) })
        .method_not_allowed_fallback(|| async {
            ApiError(CentralError::new("method_not_allowed", "This address does not take that method."))
        })
        .layer(from_fn(in_time));
    Router::new()
        .route("/v1/sync", get(sync))
        .merge(timed)
        .layer(from_fn_with_state(app.clone(), counted))
        .with_state(app)
}

/// The second listener.
pub fn metrics_router(app: Arc<App>) -> Router {
    let text = |State(app): State<Arc<App>>| async move {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.core.metrics.render())
    };
    Router::new().route("/metrics", get(text)).with_state(app)
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError(CentralError::retryable("timeout", "The request took too long.")).into_response(),
    }
}

async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let length = |headers: &HeaderMap| {
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok())
    };
    app.core.metrics.bytes_in.increment(length(request.headers()).unwrap_or(0));
    let response = next.run(request).await;
    let body = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or(0);
    app.core.metrics.bytes_out.increment(body);
    if response.status().is_client_error() || response.status().is_server_error() {
        app.core.metrics.refused.increment(1);
    }
    response
}

async fn sync(
    State(app): State<Arc<App>>,
    upgrade: std::result::Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(e) => return ApiError(CentralError::new("bad_request", e.body_text())).into_response(),
    };
    let Ok(slot) = app.slots.clone().try_acquire_owned() else {
        let busy = CentralError::retryable("busy", "Central has as many sessions as it takes.");
        return ApiError(busy).into_response();
    };
    upgrade.max_message_size(CLIENT_FRAME_BYTES_MAX + 1).max_frame_size(CLIENT_FRAME_BYTES_MAX + 1).on_upgrade(
        move |socket| async move {
            let (sink, stream) = wire::socket(socket);
            session::run(app, sink, stream).await;
            drop(slot);
        },
    )
}

/// The bytes of a request.
pub fn body(bytes: std::result::Result<Bytes, BytesRejection>) -> Result<Bytes> {
    bytes.map_err(|e| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => CentralError::new("too_large", "The body is larger than it may be."),
        _ => CentralError::new("bad_request", e.body_text()),
    })
}

async fn enrol_device(
    State(app): State<Arc<App>>,
    bytes: std::result::Result<Bytes, BytesRejection>,
) -> Api<Json<Enrolled>> {
    let request: EnrolRequest = serde_json::from_slice(&body(bytes)?)
        .map_err(|e| CentralError::new("bad_request", format!("The enrolment cannot be read: {e}.")))?;
    let enrolled = blocking(&app, move |app| {
        let core = &app.core;
        let enrolled = enrol(&core.folder, &*core.storage, &request, core.clock.now_ms())?;
        core.storage.reading(|tx| core.refresh_access(tx))?;
        Ok(enrolled)
    })
    .await?;
    tracing::info!(device = %enrolled.device, operator = %enrolled.operator, "a device was enrolled");
    Ok(Json(enrolled))
}

#[derive(Deserialize)]
struct FeedQuery {
    after: u64,
}

async fn feed(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<FeedQuery>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let after = asked(query)?.after;
    answer(&app, move |app| {
        let p = page_after(&*app.core.storage, after, &grants)?;
        Ok(feed_page(&grants, after, p.commits.iter(), p.end, p.head, p.root))
    })
    .await
}

async fn snapshot(State(app): State<Arc<App>>, headers: HeaderMap) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    answer(&app, move |app| app.snapshots.manifest(&grants)).await
}

/// The first byte wanted, from `Range: bytes=N-`.
fn range_start(headers: &HeaderMap, length: usize) -> Result<Option<usize>> {
    let Some(range) = headers.get(header::RANGE) else { return Ok(None) };
    let start = range
        .to_str()
        .ok()
        .and_then(|r| r.strip_prefix("bytes="))
        .and_then(|r| r.strip_suffix('-'))
        .and_then(|n| n.parse::<usize>().ok())
        .filter(|n| *n < length);
    start.map(Some).ok_or_else(|| CentralError::new("bad_range", "Only ranges of the form bytes=N- are served."))
}

async fn chunk(State(app): State<Arc<App>>, headers: HeaderMap, Path(hash): Path<String>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let hash = crate::random::from_hex::<32>(&hash)
        .map(Hash)
        .ok_or_else(|| CentralError::new("bad_request", "A chunk is named by 64 hex digits."))?;
    let bytes = blocking(&app, move |app| {
        let file = app.snapshots.chunk(hash, &grants)?;
        std::fs::read(&file.path).map_err(|e| CentralError::file(&file.path, e))
    })
    .await?;
    let length = bytes.len();
    let start = range_start(&headers, length)?;
    let mut response = Bytes::from(bytes).slice(start.unwrap_or(0)..).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor+zstd"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(start) = start {
        let span = format!("bytes {start}-{}/{length}", length - 1);
        if let Ok(span) = HeaderValue::from_str(&span) {
            out.insert(header::CONTENT_RANGE, span);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

async fn push_batch(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: std::result::Result<Bytes, BytesRejection>,
) -> Api<Response> {
    let (caller, _) = caller(&app, &headers)?;
    let bytes = body(bytes)?;
    let (answered, answer) = tokio::sync::oneshot::channel();
    push::submit(&app, &caller, &bytes, Box::new(move |answer| drop(answered.send(answer))))?;
    let answer = answer.await.map_err(|_| CentralError::retryable("stopping", "Central is stopping."))?;
    match answer {
        Answer::Outcomes(outcomes) => Ok(packed(&to_bytes(&outcomes))?),
        Answer::Expected { counter, chain } => {
            let message = format!("Central expects change {counter} of this replica after chain {}.", chain.to_hex());
            Err(CentralError::new("gap", message).into())
        }
        Answer::Refused(e) => Err(e.into()),
    }
}

async fn ready(State(app): State<Arc<App>>) -> Api<Response> {
    if app.core.stopping.is_cancelled() {
        return Err(CentralError::retryable("stopping", "Central is stopping.").into());
    }
    let head = blocking(&app, |app| Ok(app.core.storage.reading(|tx| tx.head())?)).await?;
    Ok(Json(json!({"ready": true, "epoch": head.position.epoch, "seq": head.position.seq})).into_response())
}
