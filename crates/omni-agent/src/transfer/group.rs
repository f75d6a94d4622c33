//! One larger act: its changes are saved in slices, all of them or none.

use super::slices::Slices;
use super::undo;
use super::writes::Failure;
use crate::error::Result;
use crate::ids;
use omni_protocol::{ChangeId, GroupId, GroupRef, WireError};
use omni_store::{Store, WriteTx};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The fact that names a group whose saving has begun and not ended.
pub(crate) const OPEN_GROUP: &str = "transfer.open_group";

static BUSY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// One group at a time is saved into a replica.
#[derive(Debug)]
pub(crate) struct Turn(PathBuf);

impl Turn {
    /// Errors: `busy`.
    pub fn take(store: &Store) -> Result<Turn> {
        let path = store.path().to_owned();
        match BUSY.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone()) {
            true => Ok(Turn(path)),
            false => Err(WireError::retryable("busy", "Another import is running. Wait for it to finish.")),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// A saved group.
#[derive(Debug)]
pub(crate) struct Saved {
    pub id: GroupId,
    pub changes: Vec<ChangeId>,
}

/// Saves every item as one change of one group. `work` saves one; `go_on` is asked between slices with what is done.
///
/// Errors: the first failure, after everything saved before was taken back.
pub(crate) fn save<I: Send + Sync + 'static>(
    store: &Store,
    items: Vec<I>,
    work: impl Fn(&mut WriteTx<'_>, &I, GroupRef) -> std::result::Result<ChangeId, Failure> + Send + Sync + 'static,
    go_on: &dyn Fn(u64) -> bool,
) -> Result<Saved> {
    let _turn = Turn::take(store)?;
    let id = ids::group_id();
    let last = items.len().saturating_sub(1);
    let count =
        u32::try_from(items.len()).map_err(|_| WireError::new("too_large", "Too many changes for one group."))?;
    let mut slices = Slices::new(store, items, move |tx: &mut WriteTx<'_>, at, item: &I| {
        if at == 0 {
            tx.set_fact(OPEN_GROUP, Some(id.as_bytes()))?;
        }
        let change = work(tx, item, GroupRef { id, index: at as u32, count })?;
        if at == last {
            tx.set_fact(OPEN_GROUP, None)?;
        }
        Ok(change)
    });
    let mut changes: Vec<ChangeId> = Vec::with_capacity(slices.len());
    while changes.len() < slices.len() {
        if !go_on(changes.len() as u64) {
            return Err(undo::after(store, super::import::cancelled(), &changes));
        }
        match slices.next(changes.len(), slices.len()) {
            Ok(done) => changes.extend(done),
            Err(stopped) => return Err(undo::after(store, stopped.failure.into(), &changes)),
        }
    }
    // Everything is saved: too late to stop.
    go_on(changes.len() as u64);
    Ok(Saved { id, changes })
}
