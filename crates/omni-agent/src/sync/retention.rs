//! Forgetting what is older than the laptop promises to keep: its own past, for 30 days. A little at a time, behind
//! everything else that wants to write.

use crate::clock;
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Commits and own confirmed changes are kept for so long.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// When it looks for the first time, and how often.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Forgotten in one transaction.
const SLICE: usize = 200;

/// Runs for ever.
pub async fn run(store: Store) {
    let mut tick = interval_at(Instant::now() + FIRST, EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match forget(&store).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "forgot what is older than 30 days"),
            Err(e) => tracing::warn!(error = %e, "the old past could not be forgotten; tried again in an hour"),
        }
    }
}

/// Forgets all there is to forget, slice by slice. Returns how much.
async fn forget(store: &Store) -> Result<usize, StoreError> {
    let mut gone = 0;
    loop {
        let (tell, told) = oneshot::channel();
        let done = move |result| drop(tell.send(result));
        store.submit(Lane::Maintenance, Durability::Normal, slice, done)?;
        match told.await {
            Ok(Ok(0)) | Err(_) => return Ok(gone),
            Ok(Ok(n)) => gone += n,
            Ok(Err(e)) => return Err(e),
        }
    }
}

/// The age of commits is counted by central's time alone: a laptop whose clock jumped must not lose its past. Own
/// changes were kept at this laptop's time, which may be wrong in either direction; the earlier clock decides.
fn slice(tx: &mut WriteTx<'_>) -> Result<usize, StoreError> {
    let Some(newest) = tx.read()?.newest_commit_ms()? else { return Ok(0) };
    let now = newest.min(clock::wall_ms());
    tx.prune(newest.saturating_sub(KEPT_MS), now.saturating_sub(KEPT_MS), SLICE)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
