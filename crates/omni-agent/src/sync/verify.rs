//! Is this copy equal to central's? Digests are counted from the rows and compared scope by scope at one seq.

use crate::client::Client;
use crate::error::{Result, internal, store_error};
use omni_protocol::{DigestList, Position, Scope, WireError};
use omni_store::Store;
use omni_sync::digest::Digest;
use omni_sync::replica::repair::holds_at;
use std::collections::{BTreeMap, BTreeSet};

/// The result of a comparison, before any repair.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Scopes compared.
    pub scopes: u64,
    /// Scopes whose digests differ, open ones of an owner before its others.
    pub differing: Vec<Scope>,
    /// Scopes whose rows differ from central's.
    pub wrong_rows: Vec<Scope>,
    /// What was counted from the rows in the scopes whose kept digest says something else.
    pub wrong_sums: BTreeMap<Scope, Digest>,
    /// Records and conflict items compared.
    pub rows: u64,
    /// Where the copy stood.
    pub position: Position,
}

/// Compares now. `None` = the copy has not caught up with what central answered; try again.
pub async fn compare(client: &Client, token: &str, store: &Store) -> Result<Option<Comparison>> {
    let theirs = client.digests(token).await?;
    let store = store.clone();
    let work = move || compare_with(&store, &theirs);
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Comparing with central", e))?
}

fn compare_with(store: &Store, theirs: &DigestList) -> Result<Option<Comparison>> {
    // Beside the writer: editing goes on while the copy is counted.
    let counted = store.read(|tx| {
        let here = tx.meta()?.map(|m| m.position);
        let holds = |at: &Position| theirs.scopes.iter().all(|s| holds_at(theirs.position, s.touched, *at));
        match here.filter(|at| holds_at(theirs.position, 0, *at) && holds(at)) {
            Some(position) => Ok(Some((position, tx.recount()?, tx.digests()?))),
            None => Ok(None),
        }
    });
    let Some((position, counted, kept)) = counted.map_err(store_error)? else { return Ok(None) };
    let theirs: BTreeMap<Scope, Digest> = theirs.scopes.iter().map(|s| (s.scope, Digest(s.sum.0))).collect();
    let kept: BTreeMap<Scope, Digest> = kept.into_iter().collect();
    let scopes: BTreeSet<Scope> = theirs.keys().chain(counted.sums.keys()).chain(kept.keys()).copied().collect();
    let of = |sums: &BTreeMap<Scope, Digest>, scope: &Scope| sums.get(scope).copied().unwrap_or_default();
    let mut found = Comparison { rows: counted.rows, position, ..Comparison::default() };
    for scope in scopes {
        let (rows, central) = (of(&counted.sums, &scope), of(&theirs, &scope));
        found.scopes += u64::from(rows != Digest::default() || central != Digest::default());
        if rows != of(&kept, &scope) {
            found.wrong_sums.insert(scope, rows);
        }
        if rows != central {
            found.wrong_rows.push(scope);
        }
        if rows != central || rows != of(&kept, &scope) {
            found.differing.push(scope);
        }
    }
    Ok(Some(found))
}

/// The copy did not reach central's head in time.
pub fn moving() -> WireError {
    WireError::retryable("busy", "Central keeps moving: the copy was never at its head long enough. Try again.")
}
