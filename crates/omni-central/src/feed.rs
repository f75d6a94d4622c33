//! Pages of the feed from the log, for sessions that catch up and for HTTP.

use crate::error::{CentralError, Result};
use crate::storage::{PageLimits, ReadTx, Storage, StorageExt};
use omni_protocol::{Grants, Position};
use omni_sync::StorageError;
use omni_sync::central::Commit;
use omni_sync::digest::Digest;
use std::sync::Arc;

/// Commits as one reader may see them, and how far they reach.
#[derive(Clone, Debug)]
pub struct Page {
    /// The commits, with the readable parts only.
    pub commits: Vec<Arc<Commit>>,
    /// Complete to here after them.
    pub end: Position,
    /// Central's head.
    pub head: u64,
    /// Sum of the readable digests at `end`, if that is the head.
    pub root: Option<Digest>,
}

/// Reads the page after `after`. A reader ahead of central stands on another history: `ahead`.
pub fn page_after(storage: &dyn Storage, after: u64, grants: &Grants) -> Result<Page> {
    storage.reading(|tx| {
        let head = tx.head()?.position;
        if after > head.seq {
            return Ok(Err(ahead(after, head.seq)));
        }
        let commits = tx.commits_after(after, PageLimits::default(), Some(grants))?;
        let end = match commits.last() {
            Some(last) => Position { epoch: head.epoch, ..last.position },
            None => head,
        };
        let root = if end.seq == head.seq { Some(root(tx, grants)?) } else { None };
        Ok(Ok(Page { commits: commits.into_iter().map(Arc::new).collect(), end, head: head.seq, root }))
    })?
}

fn ahead(after: u64, head: u64) -> CentralError {
    CentralError::new("ahead", format!("The copy stands at {after}, central at {head}: it needs a snapshot."))
}

/// The sum of the digests `grants` may read.
pub fn root(tx: &dyn ReadTx, grants: &Grants) -> Result<Digest, StorageError> {
    let mut sum = Digest::default();
    for state in tx.scopes()?.iter().filter(|s| grants.reads(s.scope)) {
        sum.add(state.digest);
    }
    Ok(sum)
}
