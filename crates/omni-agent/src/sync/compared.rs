//! Comparisons of the last day, over restarts: the sync accuracy does not begin anew with the app.

use super::measure::Measures;
use crate::clock;
use crate::error::{Result, internal, store_error};
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_store::{Durability, Lane, Store, StoreError};
use std::sync::Arc;

/// Name of the fact that holds them: (wall clock in unix milliseconds, rows compared, rows different).
const COMPARED: &str = "compared";

type Kept = Vec<(i64, u64, u64)>;

/// Brings back what an earlier run compared.
pub fn load(store: &Store, measures: &Measures) -> Result<()> {
    let kept = store.read(|tx| tx.fact(COMPARED)).map_err(store_error)?;
    // Unreadable figures are figures lost, nothing else.
    let kept: Kept = kept.and_then(|bytes| from_bytes(&bytes).ok()).unwrap_or_default();
    let (wall, mono) = (clock::wall_ms(), clock::mono_ms() as i64);
    for (at, rows, different) in kept {
        // Measured since by a wall clock; one that was set back makes it younger, never newer than now.
        let age = (wall - at).max(0);
        measures.compared_at(mono - age, rows, different);
    }
    Ok(())
}

/// Keeps them.
pub async fn keep(store: &Store, measures: &Arc<Measures>) -> Result<()> {
    let (store, measures) = (store.clone(), measures.clone());
    let work = move || {
        let (wall, mono) = (clock::wall_ms(), clock::mono_ms() as i64);
        let all = measures.compared_since(mono);
        let kept: Kept = all.into_iter().map(|(at, rows, different)| (wall - (mono - at), rows, different)).collect();
        store.write(Lane::Maintenance, Durability::Normal, move |tx| {
            tx.set_fact(COMPARED, Some(&to_bytes(&kept)))?;
            Ok::<_, StoreError>(())
        })
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Keeping figures", e))?.map_err(store_error)
}
