//! Verify and repair: a difference is located by buckets, then repaired row by row under pending edits, while editing and
//! the feed go on. What was different before the repair is the sync accuracy's measure.

use super::compared;
use super::link::Link;
use super::measure::Measures;
use super::verify::{Comparison, compare, moving};
use crate::client::Client;
use crate::clock;
use crate::error::{Result, internal, store_error};
use omni_model::{CollectionId, RecordId};
use omni_protocol::limits::BUCKETS_ASKED_MAX;
use omni_protocol::{BucketRows, BucketSums, ConflictId, Scope, WireError};
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use omni_sync::StorageError;
use omni_sync::bucket::{Buckets, differing};
use omni_sync::digest::Digest;
use omni_sync::replica::{Here, RepairError, Repaired, repair, settle_digests};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Attempts while the copy or central moves on.
const TRIES: u32 = 40;
/// Between two attempts.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Repairs of one difference before it is given up.
const ROUNDS: u32 = 2;
/// Records compared and written in one transaction: it stays far below the time a transaction may hold the writer.
const RECORDS_PER_WRITE: usize = 100;

type Key = (CollectionId, RecordId);

/// What a comparison found, and what was done about it.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// The comparison, before any repair.
    pub found: Comparison,
    /// Records and conflict items that differed.
    pub different: u64,
    /// The same, as far as they are as central's now.
    pub repaired: u64,
    /// The copy equals central's now.
    pub equal_now: bool,
}

/// Compares and repairs for one replica. One at a time: whoever comes second compares what the first left.
#[derive(Clone)]
pub struct Repairer {
    /// The way to central.
    pub client: Client,
    /// The replica.
    pub store: Store,
    /// Where the token is.
    pub link: Arc<Link>,
    /// What is measured.
    pub measures: Arc<Measures>,
    /// Held during a comparison.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

/// Distinct rows that differed over all rounds.
#[derive(Default)]
struct Different {
    records: BTreeSet<Key>,
    items: BTreeSet<ConflictId>,
    /// Of those, not held here at all: they were compared too, though not counted here.
    missing: u64,
}

impl Different {
    fn count(&self) -> u64 {
        (self.records.len() + self.items.len()) as u64
    }

    fn take(&mut self, here: &Here, found: Repaired) {
        for key in found.records {
            if self.records.insert(key) && !here.records.contains(&key) {
                self.missing += 1;
            }
        }
        for id in found.items {
            if self.items.insert(id) && !here.items.contains(&id) {
                self.missing += 1;
            }
        }
    }
}

impl Repairer {
    /// Compares this copy with central's, counted anew from its rows, and repairs what differs.
    ///
    /// Errors: `busy` while central keeps moving; those of the calls and of the store.
    pub async fn verify(&self) -> Result<Verified> {
        let _turn = self.turn.lock().await;
        let found = self.compared().await?;
        if found.differing.is_empty() {
            self.note(found.rows, 0).await;
            self.link.update(|f| f.verified_at = Some(clock::wall_ms()));
            return Ok(Verified { found, equal_now: true, ..Verified::default() });
        }
        tracing::error!(scopes = ?found.differing, "this copy differs from central's; it is repaired");
        let (mut left, mut different) = (found.clone(), Different::default());
        let mut failed = None;
        for _ in 0..ROUNDS {
            if let Err(e) = self.round(&left, &mut different).await {
                failed = Some(e);
            }
            left = self.compared().await?;
            if left.differing.is_empty() {
                break;
            }
        }
        self.note(found.rows + different.missing, different.count()).await;
        let equal_now = left.differing.is_empty();
        match (equal_now, failed) {
            (true, _) => self.link.update(|f| f.verified_at = Some(clock::wall_ms())),
            (false, Some(e)) => tracing::error!("the repair failed: {e}"),
            (false, None) => tracing::error!(scopes = ?left.differing, "the repair did not help"),
        }
        let repaired = if equal_now { different.count() } else { 0 };
        Ok(Verified { found, different: different.count(), repaired, equal_now })
    }

    /// Counts a comparison; over a restart too.
    pub async fn note(&self, rows: u64, different: u64) {
        if self.measures.compared(clock::mono_ms(), rows, different)
            && let Err(e) = compared::keep(&self.store, &self.measures).await
        {
            tracing::warn!("the figures of comparisons could not be kept: {e}");
        }
    }

    fn token(&self) -> Result<String> {
        let facts = self.link.facts();
        facts
            .token
            .filter(|_| facts.connected)
            .ok_or_else(|| WireError::retryable("offline", "Comparing with central needs a connection to it."))
    }

    async fn compared(&self) -> Result<Comparison> {
        for _ in 0..TRIES {
            if let Some(found) = compare(&self.client, &self.token()?, &self.store).await? {
                return Ok(found);
            }
            // The copy is on its way to the head.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(moving())
    }

    /// One try at everything that differs.
    async fn round(&self, found: &Comparison, different: &mut Different) -> Result<()> {
        if !found.wrong_sums.is_empty() {
            let (position, sums) = (found.position, found.wrong_sums.clone());
            match self.write(move |tx| settle_digests(tx, position, &sums)).await {
                // What moved since is compared again in the next round.
                Ok(()) | Err(Failed::Moved) => {}
                Err(Failed::Other(e)) => return Err(e),
            }
        }
        if found.wrong_rows.is_empty() {
            return Ok(());
        }
        let scopes: BTreeSet<Scope> = found.wrong_rows.iter().copied().collect();
        let mut ours = self.read(move |tx| tx.buckets(&scopes)).await?;
        for scope in &found.wrong_rows {
            let ours = ours.remove(scope).unwrap_or_default();
            self.scope(*scope, &ours, different).await?;
        }
        Ok(())
    }

    async fn scope(&self, scope: Scope, ours: &Buckets, different: &mut Different) -> Result<()> {
        let token = self.token()?;
        let upper = differing(&ours.upper(), &sums(self.client.bucket_sums(&token, scope, None).await?));
        if upper.is_empty() {
            return Ok(());
        }
        let theirs = sums(self.client.bucket_sums(&token, scope, Some(&upper)).await?);
        let mut left = differing(&ours.below(&upper), &theirs);
        let mut tries = 0;
        while !left.is_empty() {
            let asked = &left[..left.len().min(BUCKETS_ASKED_MAX)];
            let rows = self.client.bucket_rows(&self.token()?, scope, asked).await?;
            let done: BTreeSet<u16> = rows.buckets.iter().copied().collect();
            if !asked.iter().any(|bucket| done.contains(bucket)) {
                return Err(internal("Comparing with central", "it answered other buckets than asked for"));
            }
            match self.buckets(rows, &done, different).await {
                Ok(()) => left.retain(|bucket| !done.contains(bucket)),
                Err(Failed::Moved) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(Failed::Moved) => return Err(moving()),
                Err(Failed::Other(e)) => return Err(e),
            }
        }
        Ok(())
    }

    /// Compares and writes some buckets, a few records at a time.
    async fn buckets(
        &self,
        theirs: BucketRows,
        wanted: &BTreeSet<u16>,
        different: &mut Different,
    ) -> std::result::Result<(), Failed> {
        let (scope, wanted) = (theirs.scope, wanted.clone());
        let here = Arc::new(self.read(move |tx| tx.held(scope, &wanted)).await.map_err(Failed::Other)?);
        let all: BTreeSet<Key> =
            here.records.iter().copied().chain(theirs.rows.iter().map(|(c, row)| (*c, row.record))).collect();
        let all: Vec<Key> = all.into_iter().collect();
        let theirs = Arc::new(theirs);
        // At least one transaction: there may be items without a record.
        for at in 0..all.len().div_ceil(RECORDS_PER_WRITE).max(1) {
            let from = (at * RECORDS_PER_WRITE).min(all.len());
            let keys = all[from..(from + RECORDS_PER_WRITE).min(all.len())].to_vec();
            let (here_too, theirs) = (here.clone(), theirs.clone());
            let found = self.write(move |tx| repair(tx, &here_too, &theirs, &keys, at == 0)).await?;
            different.take(&here, found);
        }
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&omni_store::ReadTx<'_>) -> std::result::Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || store.read(body)).await;
        done.map_err(|e| internal("Comparing with central", e))?.map_err(store_error)
    }

    /// One transaction beside editing and the feed. It reads the file, not what the writer remembers of it.
    async fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<T, RepairError> + Send + 'static,
    ) -> std::result::Result<T, Failed> {
        let store = self.store.clone();
        let work = move || {
            store.write(Lane::Sync, Durability::Normal, |tx| {
                tx.read_anew();
                body(tx).map_err(Failed::from)
            })
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| Failed::Other(internal("Repairing the copy", e)))?
    }
}

/// Why a step of a repair did nothing.
enum Failed {
    Moved,
    Other(WireError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::Other(store_error(error))
    }
}

impl From<RepairError> for Failed {
    fn from(error: RepairError) -> Failed {
        match error {
            RepairError::Moved => Failed::Moved,
            RepairError::Storage(e) => Failed::from(StoreError::from(e as StorageError)),
        }
    }
}

fn sums(answer: BucketSums) -> BTreeMap<u16, Digest> {
    answer.sums.into_iter().map(|(bucket, sum)| (bucket, Digest(sum.0))).collect()
}
