//! What central is asked for because this laptop does not hold it.

use crate::client::Client;
use crate::engine::Engine;
use crate::error::Result;
use omni_model::{CollectionId, RecordId};
use omni_protocol::{ChangeId, DeviceId, WireError};
use omni_sync::history::{PastCommit, RecordCommit};
use std::collections::BTreeMap;

/// Entries asked for at once.
const PAGE: u64 = 500;
/// Commits of one record that are fetched to take something back.
const RECORD_COMMITS_MAX: usize = 10_000;
/// Commits of one device that are fetched to take them back.
pub const DEVICE_COMMITS_MAX: usize = 20_000;

type Key = (CollectionId, RecordId);

/// Commits of records from before this laptop's own history, newest first.
#[derive(Clone, Debug, Default)]
pub struct Older(BTreeMap<Key, Vec<RecordCommit>>);

impl Older {
    /// Those of one record with `from` ≤ seq ≤ `upto`.
    pub fn of(&self, key: Key, from: u64, upto: u64) -> impl Iterator<Item = &RecordCommit> {
        self.0.get(&key).into_iter().flatten().filter(move |c| (from..=upto).contains(&c.seq))
    }
}

/// The way to central.
///
/// Errors: `offline`.
pub fn central(engine: &Engine) -> Result<(Client, String)> {
    engine.sync.central().ok_or_else(|| {
        WireError::retryable("offline", "This is older than what this laptop keeps, and central cannot be asked now.")
    })
}

/// The commits of records since `from` (a seq each, included) that this laptop does not hold: those up to `since`.
///
/// Errors: `offline`, `too_large`, those of the call.
pub async fn fetch(engine: &Engine, wanted: &BTreeMap<Key, u64>, since: u64) -> Result<Older> {
    let mut older = Older::default();
    for (key, from) in wanted.iter().filter(|(_, from)| **from <= since) {
        let (client, token) = central(engine)?;
        let (mut before, mut commits) = (since + 1, Vec::new());
        loop {
            let page = client.record_past(&token, *key, before, PAGE).await?;
            let reached = page.commits.last().is_some_and(|c| c.seq <= *from);
            commits.extend(page.commits);
            match page.before.filter(|_| !reached) {
                Some(next) if commits.len() < RECORD_COMMITS_MAX => before = next,
                Some(_) => return Err(WireError::new("too_large", "The record changed too often since then.")),
                None => break,
            }
        }
        older.0.insert(*key, commits);
    }
    Ok(older)
}

/// The commit of a change this laptop does not hold.
pub async fn commit_of(engine: &Engine, change: ChangeId) -> Result<Option<PastCommit>> {
    let (client, token) = central(engine)?;
    client.commit_of(&token, change).await
}

/// What a device committed in a span of commit time (unix milliseconds) up to `since`, newest first.
pub async fn commits_of(engine: &Engine, device: DeviceId, span: (i64, i64), since: u64) -> Result<Vec<PastCommit>> {
    let (client, token) = central(engine)?;
    let (mut before, mut commits) = (since + 1, Vec::new());
    loop {
        let page = client.commits_of(&token, device, span, before).await?;
        commits.extend(page.commits);
        match page.before {
            Some(next) if commits.len() < DEVICE_COMMITS_MAX => before = next,
            Some(_) => return Err(WireError::new("too_large", "The device made too many changes in that time.")),
            None => return Ok(commits),
        }
    }
}
