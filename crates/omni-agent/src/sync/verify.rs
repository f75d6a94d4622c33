//! Is this copy equal to central's? Digests are recomputed from the rows and compared scope by scope at one seq.

use crate::client::Client;
use crate::error::{Result, internal, store_error};
use omni_protocol::{Manifest, Scope, WireError};
use omni_store::Store;
use omni_sync::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Scopes compared.
    pub scopes: u64,
    /// Scopes whose digests differ.
    pub differing: Vec<Scope>,
    /// Records compared.
    pub rows: u64,
    /// Records in scopes that differ: an upper bound of those that do.
    pub rows_different: u64,
    /// The seq compared at.
    pub seq: u64,
}

/// Compares now. `None` = the copy stands elsewhere than central's head; try again once it has caught up.
pub async fn compare(client: &Client, token: &str, store: &Store) -> Result<Option<Comparison>> {
    let theirs = client.digests(token).await?;
    let store = store.clone();
    let work = move || compare_with(&store, &theirs);
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Comparing with central", e))?
}

/// Records in scopes that differ, by the kept digests; `None` where the two do not stand at the same seq.
pub async fn differing_rows(client: &Client, token: &str, store: &Store) -> Option<u64> {
    compare(client, token, store).await.ok().flatten().map(|c| c.rows_different)
}

fn compare_with(store: &Store, theirs: &Manifest) -> Result<Option<Comparison>> {
    let position = theirs.position;
    // Beside the writer: editing goes on while the copy is counted.
    let counted = store.read(|tx| match tx.meta()?.filter(|m| m.position == position) {
        Some(_) => Ok(Some((tx.recompute()?, tx.digests()?, tx.rows_total()?))),
        None => Ok(None),
    });
    let Some((counted, kept, rows)) = counted.map_err(store_error)? else { return Ok(None) };
    let theirs: BTreeMap<Scope, Digest> = theirs.scopes.iter().map(|(s, d)| (*s, Digest(d.0))).collect();
    let kept: BTreeMap<Scope, Digest> = kept.into_iter().filter(|(_, d)| *d != Digest::default()).collect();
    let scopes: BTreeSet<Scope> = theirs.keys().chain(counted.keys()).chain(kept.keys()).copied().collect();
    let equal = |s: &Scope| theirs.get(s) == counted.get(s) && theirs.get(s) == kept.get(s);
    let differing: Vec<Scope> = scopes.iter().filter(|s| !equal(s)).copied().collect();
    let owners: BTreeSet<_> = differing.iter().map(|s| s.owner).collect();
    let rows_different = store.read(|tx| tx.rows_of_owners(&owners)).map_err(store_error)?;
    Ok(Some(Comparison { scopes: scopes.len() as u64, differing, rows, rows_different, seq: position.seq }))
}

/// The copy did not reach central's head in time.
pub fn moving() -> WireError {
    WireError::retryable("busy", "Central keeps moving: the copy was never at its head long enough. Try again.")
}
