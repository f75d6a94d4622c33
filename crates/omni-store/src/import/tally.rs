//! What arrived, counted and summed, against what the manifest says. Summing runs on a thread of its own.

use super::rows::is_open;
use crate::error::{Result, StoreError, bad_snapshot};
use omni_model::CollectionId;
use omni_protocol::{Manifest, Scope, SnapshotChunk};
use omni_sync::digest::{self, Digest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Chunks that may wait to be summed.
const CHUNKS_AHEAD: usize = 8;

type Sums = BTreeMap<Scope, Digest>;

/// Counts and sums of the chunks so far.
#[derive(Debug)]
pub struct Tally {
    chunks: Vec<(CollectionId, Scope, u64)>,
    rows: u64,
    to_sum: SyncSender<Arc<SnapshotChunk>>,
    summing: JoinHandle<Sums>,
}

impl Tally {
    /// Nothing yet. The thread ends with the tally.
    pub fn start() -> Result<Tally> {
        let (to_sum, chunks) = sync_channel(CHUNKS_AHEAD);
        let summing = std::thread::Builder::new().name("store-import".into()).spawn(move || sum(&chunks))?;
        Ok(Tally { chunks: Vec::new(), rows: 0, to_sum, summing })
    }

    /// Counts a chunk.
    pub fn add(&mut self, chunk: Arc<SnapshotChunk>) -> Result<()> {
        let rows = chunk.rows.len() as u64;
        self.chunks.push((chunk.collection, chunk.scope, rows));
        self.rows += rows;
        self.to_sum.send(chunk).map_err(|_| stopped())
    }

    /// Rows of all chunks.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Compares with the manifest: every chunk, in its order, and the digest of every scope.
    pub fn check(self, manifest: &Manifest) -> Result<()> {
        let Tally { chunks, rows, to_sum, summing } = self;
        drop(to_sum);
        let mut sums = summing.join().map_err(|_| stopped())?;
        if !manifest.chunks.iter().map(|c| (c.collection, c.scope, c.rows)).eq(chunks.iter().copied()) {
            let listed: u64 = manifest.chunks.iter().map(|c| c.rows).sum();
            return Err(bad_snapshot(&format!(
                "{} chunks with {rows} rows came, {} with {listed} are listed, or they are others",
                chunks.len(),
                manifest.chunks.len()
            )));
        }
        sums.retain(|_, d| *d != Digest::default());
        for (scope, listed) in &manifest.scopes {
            if sums.remove(scope).unwrap_or_default().0 != listed.0 {
                return Err(bad_snapshot(&format!(
                    "the digest of scope {}/{} differs",
                    scope.owner, scope.compartment
                )));
            }
        }
        match sums.keys().next() {
            None => Ok(()),
            Some(s) => Err(bad_snapshot(&format!("scope {}/{} is not listed", s.owner, s.compartment))),
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Panicked("summing the copy".into())
}

fn sum(chunks: &Receiver<Arc<SnapshotChunk>>) -> Sums {
    let mut sums = Sums::new();
    while let Ok(chunk) = chunks.recv() {
        sums.entry(chunk.scope).or_default().add(digest_of(&chunk));
    }
    sums
}

/// The digest of a chunk: its records' existence where it is the open one, its values, its items.
fn digest_of(chunk: &SnapshotChunk) -> Digest {
    let mut sum = Digest::default();
    let mut wire = Vec::with_capacity(256);
    for row in &chunk.rows {
        if is_open(chunk.scope) {
            sum.add(digest::existence(chunk.collection, row.record, chunk.scope.owner, row.key.as_deref()));
        }
        for (field, value) in row.fields.iter().filter(|(_, v)| !v.is_null()) {
            wire.clear();
            minicbor::encode(value, &mut wire).expect("writing to a Vec cannot fail");
            sum.add(digest::cell(row.record, *field, &wire));
        }
    }
    chunk.conflicts.iter().for_each(|item| sum.add(digest::conflict(item)));
    sum
}
