//! The HTTP side of recovery: originals out to those who keep them, and back from them.

use super::App;
use super::answer::{Api, Asked, answer, asked, caller};
use super::http::body;
use super::session::blocking;
use crate::error::CentralError;
use crate::{originals, recovery};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use omni_protocol::limits::OFFER_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Continue after this seq.
#[derive(Deserialize)]
pub struct AfterQuery {
    after: u64,
}

/// Whether this is all.
#[derive(Deserialize)]
pub struct OfferQuery {
    last: bool,
}

/// `/v1/originals?after=N`: signed originals the caller is to keep.
pub async fn originals(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<AfterQuery>) -> Api<Response> {
    let (caller, _) = caller(&app, &headers)?;
    let after = asked(query)?.after;
    answer(&app, move |app| originals::page(&*app.core.storage, &app.core.access(), caller.device, after)).await
}

/// `/v1/recover?last=…`: originals for a central that is being recovered.
pub async fn recover(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Asked<OfferQuery>,
    bytes: Result<Bytes, BytesRejection>,
) -> Api<Json<Value>> {
    let (caller, _) = caller(&app, &headers)?;
    let last = asked(query)?.last;
    let packed = body(bytes)?;
    blocking(&app, move |app| {
        if !recovery::is_on(&app.core.folder) {
            return Err(recovery::not_recovering());
        }
        let bytes = zstd::bulk::decompress(&packed, OFFER_BYTES_MAX)
            .map_err(|_| CentralError::new("bad_request", "The originals cannot be unpacked."))?;
        recovery::receive(&app.core, caller.device, &bytes, last)
    })
    .await?;
    Ok(Json(json!({ "taken": true })))
}
