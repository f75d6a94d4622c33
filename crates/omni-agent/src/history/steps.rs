//! The writes on a record, newest first: own changes that wait, commits this laptop holds, commits central told of.

use super::older::Older;
use omni_model::{CollectionId, RecordId, Row};
use omni_protocol::{ChangeId, DeviceId};
use omni_store::{ReadTx, StoreError};
use omni_sync::meta::Image;
use omni_sync::replica::overlay::{apply_op, ops_on};
use omni_sync::undo::Step;
use std::collections::BTreeSet;

type Stored<T> = Result<T, StoreError>;
type Key = (CollectionId, RecordId);

/// A write on a record and the change that made it.
#[derive(Clone, Debug)]
pub struct Write {
    /// The change.
    pub change: ChangeId,
    /// The write.
    pub step: Step,
    /// Its commit; `None` = an own change that waits.
    pub seq: Option<u64>,
}

/// The record as it is shown now, and its writes since `from` (included), newest first. Those by `back` are to be taken
/// back.
pub fn writes(
    tx: &ReadTx<'_>,
    key: Key,
    from: u64,
    back: &BTreeSet<ChangeId>,
    own: DeviceId,
    older: &Older,
) -> Stored<(Option<Row>, Vec<Write>)> {
    let since = tx.history_since()?;
    let mut out = pending(tx, key, back, own)?;
    for (seq, info, image) in tx.images_after(key.0, key.1, from.saturating_sub(1).max(since))? {
        let step = Step { image, device: info.device, back: back.contains(&info.change) };
        out.push(Write { change: info.change, step, seq: Some(seq) });
    }
    for commit in older.of(key, from, since) {
        let Some(image) = commit.image.clone() else { continue };
        let step = Step { image, device: commit.info.device, back: back.contains(&commit.info.change) };
        out.push(Write { change: commit.info.change, step, seq: Some(commit.seq) });
    }
    Ok((tx.row(key.0, key.1)?.map(|stored| stored.row), out))
}

/// What own changes that wait do to the record, newest first.
fn pending(tx: &ReadTx<'_>, key: Key, back: &BTreeSet<ChangeId>, own: DeviceId) -> Stored<Vec<Write>> {
    let mut row = tx.confirmed_row(key.0, key.1)?;
    let mut out = Vec::new();
    for entry in tx.changes_of(key.0, key.1)?.iter().filter(|e| e.state.in_overlay()) {
        let before = row.clone();
        for (op, was) in ops_on(entry, key.0, key.1) {
            // What does not fit is skipped, as in the overlay.
            apply_op(&mut row, &op, &was);
        }
        let change = entry.change.id;
        out.extend(Image::between(before.as_ref(), row.as_ref()).map(|image| Write {
            change,
            step: Step { image, device: own, back: back.contains(&change) },
            seq: None,
        }));
    }
    out.reverse();
    Ok(out)
}
