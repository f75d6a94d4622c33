//! What the CBOR routes have in common: who asks, what was asked, the answer packed.

use super::App;
use super::api::ApiError;
use super::envelope::compress;
use super::session::blocking;
use super::tokens::Caller;
use crate::error::{CentralError, Result};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use minicbor::Encode;
use omni_protocol::Grants;
use omni_protocol::frame::to_bytes;
use std::sync::Arc;

/// An answer, or the error as it goes over the wire.
pub type Api<T> = std::result::Result<T, ApiError>;

/// A query as it arrives.
pub type Asked<T> = std::result::Result<Query<T>, QueryRejection>;

/// What was asked. Error: `bad_request`.
pub fn asked<T>(query: Asked<T>) -> Result<T> {
    query.map(|Query(q)| q).map_err(|e| CentralError::new("bad_request", e.body_text()))
}

/// Who calls, and what they may read now.
pub fn caller(app: &App, headers: &HeaderMap) -> Result<(Caller, Grants)> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
        .ok_or_else(|| CentralError::new("unauthorized", "A bearer token is needed."))?;
    let caller = app.tokens.caller(token)?;
    let access = app.core.access();
    let device = access
        .active(caller.device)
        .ok_or_else(|| CentralError::new("device_revoked", "This device is no longer approved."))?;
    Ok((caller, device.grants.clone()))
}

/// CBOR as it is sent: compressed.
pub fn packed(cbor: &[u8]) -> Result<Response> {
    let body = compress(cbor).ok_or_else(|| CentralError::new("internal", "The answer could not be compressed."))?;
    Ok(([(header::CONTENT_TYPE, "application/cbor+zstd")], body).into_response())
}

/// Runs storage work off the network's threads and sends what it gives.
pub async fn answer<T: Encode<()>>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T> + Send + 'static,
) -> Api<Response> {
    let bytes = blocking(app, move |app| work(app).map(|given| to_bytes(&given))).await?;
    Ok(packed(&bytes)?)
}
