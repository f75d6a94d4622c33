//! What a running central does beside answering: watches rights, moves the log, copies itself.

use crate::admin::backup;
use crate::core::Core;
use crate::error::Result;
use crate::server::App;
use crate::storage::StorageExt;
use omni_protocol::Grants;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How soon a running session notices that another process revoked its device.
const ACCESS_EVERY: Duration = Duration::from_secs(1);
/// How often pings and last-seen times are written if nothing else is.
const REMEMBERED_EVERY: Duration = Duration::from_secs(15);
/// Commits are gathered this long before the write-ahead log is looked at.
const MAINTAIN_AFTER: Duration = Duration::from_millis(250);
/// Between two verified copies.
const BACKUP_EVERY: Duration = Duration::from_secs(3_600);

/// Starts every background task; each ends when central stops.
pub fn spawn_all(tasks: &mut JoinSet<()>, app: &Arc<App>, backup: Option<PathBuf>) {
    let core = &app.core;
    tasks.spawn(every(core.clone(), ACCESS_EVERY, "access", |core| {
        core.storage.reading(|tx| core.refresh_access(tx))?;
        Ok(())
    }));
    tasks.spawn(every(core.clone(), ACCESS_EVERY, "recovery", crate::recovery::settle));
    tasks.spawn(every(core.clone(), REMEMBERED_EVERY, "remembered", |core| core.write_remembered()));
    tasks.spawn(maintain(core.clone()));
    tasks.spawn(warm(app.clone()));
    if let Some(dir) = backup {
        tasks.spawn(copy_hourly(core.clone(), dir));
    }
}

async fn run(core: &Arc<Core>, what: &'static str, work: impl FnOnce(&Core) -> Result<()> + Send + 'static) {
    let shared = core.clone();
    match tokio::task::spawn_blocking(move || work(&shared)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, code = error.code, "a background task failed"),
        Err(error) => tracing::error!(what, %error, "a background task broke"),
    }
}

async fn every(core: Arc<Core>, period: Duration, what: &'static str, work: fn(&Core) -> Result<()>) {
    while core.stopping.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
        run(&core, what, work).await;
    }
}

/// Moves the write-ahead log after bursts of commits, off the writer's path.
async fn maintain(core: Arc<Core>) {
    let mut head = core.hints.head();
    while let Some(Ok(())) = core.stopping.run_until_cancelled(head.changed()).await {
        if core.stopping.run_until_cancelled(tokio::time::sleep(MAINTAIN_AFTER)).await.is_none() {
            return;
        }
        head.mark_unchanged();
        run(&core, "maintain", |core| Ok(core.storage.maintain()?)).await;
    }
}

/// Cuts the snapshot before the first laptop asks.
async fn warm(app: Arc<App>) {
    let snapshots = app.snapshots.clone();
    run(&app.core, "snapshot", move |_| snapshots.manifest(&Grants::everything()).map(drop)).await;
}

async fn copy_hourly(core: Arc<Core>, dir: PathBuf) {
    let last = backup::last(&core.folder).ok().flatten().map_or(0, |b| b.at_ms);
    let age = Duration::from_millis((crate::clock::system_ms() - last).max(0) as u64);
    let mut wait = BACKUP_EVERY.saturating_sub(age);
    while core.stopping.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        wait = BACKUP_EVERY;
        let dir = dir.clone();
        run(&core, "backup", move |core| {
            let state = backup::hourly(&core.folder, &*core.storage, &dir)?;
            core.metrics.backup_at.set(state.at_ms as f64 / 1_000.0);
            Ok(())
        })
        .await;
    }
}
