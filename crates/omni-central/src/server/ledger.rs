//! Routes of the ledger: the signed head, that one head continues another, and old commits with their proofs.

use super::App;
use super::answer::{Api, Asked, answer, asked, caller};
use crate::error::{CentralError, Result};
use crate::ledger;
use crate::storage::{ReadTx, StorageExt};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use omni_sync::StorageError;
use omni_sync::ledger::SPOT_CHECKS;
use serde::Deserialize;
use std::sync::Arc;

/// Runs `work` unless the tree is smaller than `size`.
fn up_to<T>(app: &App, size: u64, work: impl FnOnce(&dyn ReadTx) -> std::result::Result<T, StorageError>) -> Result<T> {
    app.core.storage.reading(|tx| {
        let known = tx.tree_head()?.map_or(0, |signed| signed.head.size);
        if size > known {
            let message = format!("The signed history has {known} commits, not {size}.");
            return Ok(Err(CentralError::new("ahead", message)));
        }
        work(tx).map(Ok)
    })?
}

#[derive(Deserialize)]
pub(super) struct HeadQuery {
    #[serde(default)]
    from: u64,
}

/// `/v1/ledger/head?from=N`: the newest signed head, with the proof that it continues the tree of N commits.
pub(super) async fn head(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<HeadQuery>) -> Api<Response> {
    caller(&app, &headers)?;
    let from = asked(query)?.from;
    answer(&app, move |app| {
        let head = app.core.storage.reading(|tx| ledger::head(tx, from))?;
        head.ok_or_else(|| CentralError::retryable("busy", "Central has not signed its history yet."))
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct ConsistencyQuery {
    from: u64,
    to: u64,
}

/// `/v1/ledger/consistency?from=N&to=M`: hashes of the proof.
pub(super) async fn consistency(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Asked<ConsistencyQuery>,
) -> Api<Response> {
    caller(&app, &headers)?;
    let ConsistencyQuery { from, to } = asked(query)?;
    if from > to {
        return Err(CentralError::new("bad_request", "`from` is greater than `to`.").into());
    }
    answer(&app, move |app| up_to(app, to, |tx| omni_sync::ledger::consistency(tx, from, to))).await
}

#[derive(Deserialize)]
pub(super) struct ProofQuery {
    seq: String,
    size: u64,
}

impl ProofQuery {
    /// The commits asked for.
    fn seqs(&self) -> Result<Vec<u64>> {
        let seqs: std::result::Result<Vec<u64>, _> = self.seq.split(',').map(str::parse).collect();
        let bad = |what: String| CentralError::new("bad_request", what);
        let seqs = seqs.map_err(|_| bad("`seq` takes numbers with commas between them.".to_owned()))?;
        match seqs.len() <= SPOT_CHECKS && seqs.iter().all(|seq| (1..=self.size).contains(seq)) {
            true => Ok(seqs),
            false => Err(bad(format!("At most {SPOT_CHECKS} commits are proven at once, from 1 to `size`."))),
        }
    }
}

/// `/v1/ledger/proof?seq=A,B,…&size=N`: leaves cut to what the device may read, each with its path in the tree of N.
pub(super) async fn proof(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<ProofQuery>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let query = asked(query)?;
    let (seqs, size) = (query.seqs()?, query.size);
    answer(&app, move |app| up_to(app, size, |tx| ledger::proofs(tx, &seqs, size, &grants))).await
}
