//! The HTTP side of *verify my copy*: sums, buckets, rows.

use super::App;
use super::answer::{Api, Asked, answer, asked, caller};
use crate::digests;
use crate::error::CentralError;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use omni_model::RecordId;
use omni_protocol::Scope;
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

/// `/v1/digests`: sums of every readable scope.
pub async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    answer(&app, move |app| digests::list(&*app.core.storage, &grants)).await
}

/// `/v1/digest/buckets?owner=…&compartment=…`: sums of the 256 upper buckets, or with `under=` of the lower ones.
pub async fn buckets(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<ScopeQuery>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let query = asked(query)?;
    let upper = query.under.as_deref().map(numbers).transpose()?;
    answer(&app, move |app| digests::buckets(&*app.core.storage, &grants, query.scope(), upper.as_deref())).await
}

/// `/v1/digest/rows?owner=…&compartment=…&buckets=…`: what central holds there.
pub async fn rows(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<ScopeQuery>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let query = asked(query)?;
    let wanted = numbers(query.buckets.as_deref().unwrap_or_default())?.into_iter().collect();
    answer(&app, move |app| digests::rows(&*app.core.storage, &grants, query.scope(), &wanted)).await
}
