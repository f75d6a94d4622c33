//! What laptops compare their copies with: sums per scope, per bucket of records, and the rows of buckets.

use crate::error::{CentralError, Result};
use crate::snapshot::snapshot_rows;
use crate::storage::{ReadTx, Storage, StorageExt};
use omni_model::CollectionId;
use omni_protocol::feed::DigestBytes;
use omni_protocol::frame::to_bytes;
use omni_protocol::limits::{BUCKET_ROWS_BYTES_MAX, BUCKETS_ASKED_MAX};
use omni_protocol::{BucketRows, BucketSums, ConflictItem, DigestList, Grants, Scope, ScopeSum, SnapshotRow};
use omni_sync::StorageError;
use omni_sync::bucket::{self, Buckets};
use omni_sync::diff;
use omni_sync::digest::{self, Deltas};
use std::collections::{BTreeMap, BTreeSet};

/// What a bucket holds: rows with their collection, and conflict items.
type Held = (Vec<(CollectionId, SnapshotRow)>, Vec<ConflictItem>);

/// Sums of every readable scope that was ever written, at the head.
pub fn list(storage: &dyn Storage, grants: &Grants) -> Result<DigestList> {
    Ok(storage.reading(|tx| {
        let states = tx.scopes()?;
        let readable = states.iter().filter(|s| grants.reads(s.scope));
        let scopes =
            readable.map(|s| ScopeSum { scope: s.scope, sum: DigestBytes(s.digest.0), touched: s.seq }).collect();
        Ok(DigestList { position: tx.head()?.position, scopes })
    })?)
}

/// Sums of a scope's buckets, counted from its rows: the upper ones, or the lower ones below `upper`.
pub fn buckets(storage: &dyn Storage, grants: &Grants, scope: Scope, upper: Option<&[u16]>) -> Result<BucketSums> {
    readable(grants, scope)?;
    Ok(storage.reading(|tx| {
        let mut counted = Buckets::default();
        tx.each_live(Some(scope.owner), &mut |stored| {
            let mut cells = Deltas::default();
            diff::add(&stored.row, &mut cells);
            if let Some(sum) = cells.0.get(&scope) {
                counted.add(stored.row.id, *sum);
            }
            Ok(())
        })?;
        for (_, item) in tx.conflicts(Some(scope.owner))?.iter().filter(|(at, _)| *at == scope) {
            counted.add(item.record, digest::conflict(item));
        }
        let sums = match upper {
            None => counted.upper(),
            Some(upper) => counted.below(upper),
        };
        let sums = sums.into_iter().map(|(bucket, sum)| (bucket, DigestBytes(sum.0))).collect();
        Ok(BucketSums { position: tx.head()?.position, scope, touched: touched(tx, scope)?, sums })
    })?)
}

/// What a scope holds in some lower buckets; as many of them as fit.
pub fn rows(storage: &dyn Storage, grants: &Grants, scope: Scope, wanted: &BTreeSet<u16>) -> Result<BucketRows> {
    readable(grants, scope)?;
    if wanted.is_empty() || wanted.len() > BUCKETS_ASKED_MAX {
        return Err(CentralError::new(
            "bad_request",
            format!("1 to {BUCKETS_ASKED_MAX} buckets are answered at once."),
        ));
    }
    Ok(storage.reading(|tx| {
        let mut found: BTreeMap<u16, Held> = wanted.iter().map(|bucket| (*bucket, Default::default())).collect();
        tx.each_live(Some(scope.owner), &mut |stored| {
            if let Some((rows, _)) = found.get_mut(&bucket::of(stored.row.id)) {
                let collection = stored.row.collection;
                let inside = snapshot_rows(stored).into_iter().filter(|(at, _)| *at == scope.compartment);
                rows.extend(inside.map(|(_, row)| (collection, row)));
            }
            Ok(())
        })?;
        for (_, item) in tx.conflicts(Some(scope.owner))?.into_iter().filter(|(at, _)| *at == scope) {
            if let Some((_, items)) = found.get_mut(&bucket::of(item.record)) {
                items.push(item);
            }
        }
        let mut out = BucketRows {
            position: tx.head()?.position,
            scope,
            touched: touched(tx, scope)?,
            buckets: Vec::new(),
            rows: Vec::new(),
            conflicts: Vec::new(),
        };
        let mut bytes = 0;
        for (bucket, (rows, items)) in found {
            bytes += to_bytes(&rows).len() + to_bytes(&items).len();
            if bytes > BUCKET_ROWS_BYTES_MAX && !out.buckets.is_empty() {
                break;
            }
            out.buckets.push(bucket);
            out.rows.extend(rows);
            out.conflicts.extend(items);
        }
        Ok(out)
    })?)
}

/// Unknown and unreadable scopes look the same.
fn readable(grants: &Grants, scope: Scope) -> Result<()> {
    match grants.reads(scope) {
        true => Ok(()),
        false => Err(CentralError::new("not_found", "There is no such scope.")),
    }
}

fn touched(tx: &dyn ReadTx, scope: Scope) -> std::result::Result<u64, StorageError> {
    Ok(tx.scopes()?.iter().find(|s| s.scope == scope).map_or(0, |s| s.seq))
}
