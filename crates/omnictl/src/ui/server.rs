//! The server: its routes and its life.

use super::assets::Assets;
use super::events;
use super::guard::{Guard, Refusal};
use crate::laptop::{Result, usage};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use omni_agent::App;
use omni_protocol::WireError;
use serde::Deserialize;
use serde_json::Value as Json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// Largest call, bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Answers on their way have so long to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// What the page may load and do: its own files and this server, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Shared {
    app: App,
    assets: Assets,
    guard: Guard,
    stop: watch::Sender<bool>,
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    task: Mutex<JoinHandle<std::io::Result<()>>>,
}

/// Body of a call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    command: String,
    args: Json,
}

impl Server {
    /// Takes the port. Errors: `usage` beyond this machine, `io`.
    pub async fn bind(listen: SocketAddr) -> Result<TcpListener> {
        if !listen.ip().is_loopback() {
            return Err(usage(format!(
                "--listen {listen}: the page is served to this machine only, at 127.0.0.1 or [::1]."
            )));
        }
        TcpListener::bind(listen).await.map_err(|e| WireError::new("io", format!("Listening at {listen}: {e}.")))
    }

    /// Serves the app.
    pub fn start(listener: TcpListener, app: App, assets: Assets) -> Result<Server> {
        let address = listener.local_addr().map_err(|e| WireError::new("io", format!("Listening: {e}.")))?;
        let (stop, mut stopping) = watch::channel(false);
        let shared = Arc::new(Shared { app, assets, guard: Guard::new(address.to_string())?, stop });
        let served = axum::serve(listener, router(shared.clone())).with_graceful_shutdown(async move {
            // An error means that the server is gone.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
        Ok(Server { shared, task: Mutex::new(tokio::spawn(served.into_future())) })
    }

    /// The address that opens the page, once.
    pub fn url(&self) -> String {
        self.shared.guard.url()
    }

    /// Returns if it ends by itself.
    pub async fn failed(&self) -> WireError {
        let why = match (&mut *self.task.lock().await).await {
            Ok(Ok(())) => "it ended".to_owned(),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        };
        WireError::new("io", format!("The server stopped: {why}."))
    }

    /// Stops it.
    pub async fn stop(self) {
        let _ = self.shared.stop.send(true);
        let mut task = self.task.into_inner();
        if tokio::time::timeout(STOP_TIMEOUT, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/rpc", post(rpc).fallback(wrong_method))
        .route("/events", get(follow).fallback(wrong_method))
        .fallback(page)
        .layer(from_fn_with_state(shared.clone(), fence))
        .with_state(shared)
}

fn refuse((status, error): Refusal) -> Response {
    (status, axum::Json(error)).into_response()
}

fn failed(status: StatusCode, code: &str, message: impl Into<String>) -> Response {
    refuse((status, WireError::new(code, message)))
}

async fn wrong_method() -> Response {
    failed(StatusCode::METHOD_NOT_ALLOWED, "bad_method", "This is not how it is called.")
}

/// Before everything: where the request comes from. After everything: what the browser may do with the answer.
async fn fence(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match shared.guard.check_source(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(refusal),
    };
    const RULES: [(HeaderName, &str); 7] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in RULES {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// `POST /rpc`: one UI command. Refusals of the command itself are 400: to the page, 401 and 403 mean its address.
async fn rpc(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let cookie = match shared.guard.admit(request.headers()) {
        Ok(cookie) => cookie,
        Err(refusal) => return refuse(refusal),
    };
    with_cookie(call(&shared, request).await, cookie)
}

async fn call(shared: &Shared, request: Request) -> Response {
    if !is_json(request.headers()) {
        return failed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_arguments", "A call is application/json.");
    }
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await else {
        let message = format!("A call is at most {BODY_BYTES_MAX} bytes.");
        return failed(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
    };
    let call: Call = match serde_json::from_slice(&bytes) {
        Ok(call) => call,
        Err(e) => return failed(StatusCode::BAD_REQUEST, "bad_arguments", format!("Not a call: {e}")),
    };
    // A task of its own: a page that closes does not tear what it asked for.
    let app = shared.app.clone();
    let done = tokio::spawn(async move { app.rpc(&call.command, call.args).await });
    match done.await {
        Ok(Ok(reply)) => axum::Json(reply).into_response(),
        Ok(Err(error)) => refuse((StatusCode::BAD_REQUEST, error)),
        Err(e) => {
            tracing::error!("a call from the page: {e}");
            failed(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The call did not work. The log holds the details.")
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// `GET /events`.
async fn follow(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match shared.guard.admit(&headers) {
        Ok(cookie) => {
            let body = events::body(shared.app.subscribe(), shared.stop.subscribe());
            with_cookie(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response(), cookie)
        }
        Err(refusal) => refuse(refusal),
    }
}

/// The page and its files. They hold no data: no token is needed to read them.
async fn page(State(shared): State<Arc<Shared>>, method: Method, request: Request) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return wrong_method().await;
    }
    let path = request.uri().path();
    let Some(asset) = shared.assets.get(path) else {
        return failed(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.");
    };
    let cookie = if Assets::is_page(path) { shared.guard.offer(request.headers()) } else { None };
    let response = ([(CONTENT_TYPE, asset.mime)], Body::from(asset.bytes.clone())).into_response();
    with_cookie(response, cookie)
}
