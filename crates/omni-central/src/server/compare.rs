//! The HTTP side of *verify my copy*: sums, buckets, rows.

use super::App;
use super::http::{Api, caller, packed};
use super::session::blocking;
use crate::digests;
use crate::error::CentralError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use omni_model::RecordId;
use omni_protocol::Scope;
use omni_protocol::frame::to_bytes;
use serde::Deserialize;
use std::sync::Arc;

/// Which scope, and which of its buckets: hex numbers separated by commas.
#[derive(Deserialize)]
pub struct ScopeQuery {
    owner: RecordId,
    compartment: u8,
    #[serde(default)]
    under: Option<String>,
    #[serde(default)]
    buckets: Option<String>,
}

impl ScopeQuery {
    fn scope(&self) -> Scope {
        Scope { owner: self.owner, compartment: self.compartment }
    }
}

fn numbers(text: &str) -> Result<Vec<u16>, CentralError> {
    let wrong = |_| CentralError::new("bad_request", "Buckets are hexadecimal numbers separated by commas.");
    text.split(',').map(|n| u16::from_str_radix(n, 16).map_err(wrong)).collect()
}

fn given(query: Result<Query<ScopeQuery>, QueryRejection>) -> Result<ScopeQuery, CentralError> {
    query.map(|Query(q)| q).map_err(|e| CentralError::new("bad_request", e.body_text()))
}

/// `/v1/digests`: sums of every readable scope.
pub async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let bytes = blocking(&app, move |app| Ok(to_bytes(&digests::list(&*app.core.storage, &grants)?))).await?;
    Ok(packed(&bytes)?)
}

/// `/v1/digest/buckets?owner=…&compartment=…`: sums of the 256 upper buckets, or with `under=` of the lower ones.
pub async fn buckets(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<ScopeQuery>, QueryRejection>,
) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let query = given(query)?;
    let upper = query.under.as_deref().map(numbers).transpose()?;
    let bytes = blocking(&app, move |app| {
        let sums = digests::buckets(&*app.core.storage, &grants, query.scope(), upper.as_deref())?;
        Ok(to_bytes(&sums))
    })
    .await?;
    Ok(packed(&bytes)?)
}

/// `/v1/digest/rows?owner=…&compartment=…&buckets=…`: what central holds there.
pub async fn rows(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<ScopeQuery>, QueryRejection>,
) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let query = given(query)?;
    let wanted = numbers(query.buckets.as_deref().unwrap_or_default())?.into_iter().collect();
    let bytes = blocking(&app, move |app| {
        let rows = digests::rows(&*app.core.storage, &grants, query.scope(), &wanted)?;
        Ok(to_bytes(&rows))
    })
    .await?;
    Ok(packed(&bytes)?)
}
