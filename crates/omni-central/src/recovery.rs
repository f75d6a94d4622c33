//! Central restored, or rolled back by its host: laptops bring back what it lost.
//!
//! While the folder `recovery` stands beside the database, central takes nothing but signed originals, and keeps them
//! there as they come. Once every active device has reported, or an administrator ends it, they are committed in their
//! original order: what knew what is as it was. Whatever arrives later goes the normal way and merges as concurrent.

use crate::access::{Access, rights};
use crate::core::Core;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, make_private_dir, sync_parent, write_durably};
use crate::guard::{self, Guarded};
use crate::ledger;
use crate::originals::{chain_before, proven};
use crate::sample::BUILT_IN_DEVICE;
use crate::storage::{BatchRecord, Directory, Storage, StorageExt, WriteTx};
use omni_protocol::frame::from_bytes;
use omni_protocol::{
    Batch, Change, ChangeId, DeviceId, Entry, Hash, OriginalCommit, OriginalGroup, Originals, Outcome, OutcomeKind,
    Position,
};
use omni_sync::StorageError;
use omni_sync::central::{Admitted, CentralTx, ReplicaState, Sender, admit_batch};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// Commits brought back in one transaction.
const PER_WRITE: usize = 200;

fn ended(folder: &Folder) -> PathBuf {
    folder.recovery().join("end")
}

/// Whether only originals are taken.
pub fn is_on(folder: &Folder) -> bool {
    folder.recovery().is_dir()
}

/// From here on only originals are taken, also after a restart.
pub fn begin(folder: &Folder) -> Result<()> {
    make_private_dir(&folder.recovery())?;
    sync_parent(&folder.recovery())
}

/// Keeps originals a device brings. `last`: it has no more.
pub fn take(folder: &Folder, device: DeviceId, bytes: &[u8], last: bool) -> Result<()> {
    from_bytes::<Originals>(bytes)
        .map_err(|e| CentralError::new("bad_request", format!("The originals cannot be read: {e}.")))?;
    let name = Hash::of("omni-offer", &[bytes]).to_hex();
    write_durably(&folder.recovery().join(format!("{name}.offer")), bytes)?;
    match last {
        true => write_durably(&folder.recovery().join(format!("{device}.reported")), b""),
        false => Ok(()),
    }
}

/// An administrator ends it: what was brought is committed, whoever is missing.
pub fn end(folder: &Folder) -> Result<()> {
    if !is_on(folder) {
        return Err(CentralError::new("not_recovering", "This central is not being recovered."));
    }
    write_durably(&ended(folder), b"")
}

/// Active devices by whether they have reported.
fn devices(
    folder: &Folder,
    directory: &(impl Directory + ?Sized),
) -> std::result::Result<[Vec<String>; 2], StorageError> {
    let built_in = directory.setting(BUILT_IN_DEVICE)?;
    let (mut reported, mut missing) = (Vec::new(), Vec::new());
    for d in directory.devices()?.iter().filter(|d| d.revoked_ms.is_none()) {
        if Some(&d.device.as_bytes()[..]) == built_in.as_deref() {
            continue;
        }
        match folder.recovery().join(format!("{}.reported", d.device)).exists() {
            true => reported.push(d.name.clone()),
            false => missing.push(d.name.clone()),
        }
    }
    Ok([reported, missing])
}

/// How far the recovery is; null without one.
pub fn describe(folder: &Folder, storage: &dyn Storage) -> Result<Json> {
    if !is_on(folder) {
        return Ok(Json::Null);
    }
    let [reported, missing] = storage.reading(|tx| devices(folder, tx))?;
    let offered = offers(folder)?.iter().flat_map(|g| &g.commits).map(|c| (c.epoch, c.seq)).collect::<BTreeSet<_>>();
    Ok(json!({ "reported": reported, "missing": missing, "offered": offered.len(), "ended": ended(folder).exists() }))
}

/// A laptop proved that the log is not what it was: a new epoch, above every one it or this folder knows.
pub fn after_rollback(core: &Core, at: Position) -> Result<()> {
    let head = core.storage.reading(|tx| tx.head())?.position;
    let epoch = guard::highest_epoch(&guard::read(&core.folder)?).max(head.epoch).max(at.epoch) + 1;
    tracing::error!(
        ?at,
        ?head,
        epoch,
        "the log was rolled back under this central; a new epoch begins and it is recovered"
    );
    guard::append(&core.folder, &Guarded::Epoch { epoch })?;
    begin(&core.folder)?;
    core.storage.writing(|tx| {
        if tx.head()?.position.epoch < epoch {
            tx.open_epoch(epoch)?;
        }
        ledger::sign(tx, &core.key, core.clock.now_ms())
    })?;
    Ok(())
}

/// Commits what was brought, if everybody has reported or an administrator ended it.
pub fn settle(core: &Core) -> Result<()> {
    let folder = &core.folder;
    if !is_on(folder) {
        return Ok(());
    }
    let [_, missing] = core.storage.reading(|tx| devices(folder, tx))?;
    if !missing.is_empty() && !ended(folder).exists() {
        return Ok(());
    }
    let brought = bring_back(core)?;
    tracing::warn!(commits = brought, ?missing, "recovered from laptops");
    let done = folder.root().join(format!("recovered-{}", crate::clock::system_ms()));
    std::fs::rename(folder.recovery(), &done).map_err(|e| CentralError::file(&done, e))?;
    sync_parent(&done)?;
    let head = core.storage.reading(|tx| tx.head())?.position;
    core.ring.clear();
    core.hints.announce(head.seq, &[]);
    Ok(())
}

fn offers(folder: &Folder) -> Result<Vec<OriginalGroup>> {
    let fail = |e| CentralError::file(&folder.recovery(), e);
    let mut groups = Vec::new();
    for entry in std::fs::read_dir(folder.recovery()).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|e| e == "offer") {
            let bytes = std::fs::read(&path).map_err(|e| CentralError::file(&path, e))?;
            // Torn by a power cut: its device was not told that it is kept, and offers again.
            groups.extend(from_bytes::<Originals>(&bytes).map(|o| o.groups).unwrap_or_default());
        }
    }
    Ok(groups)
}

/// One commit to bring back, with its proof.
struct Lost {
    commit: OriginalCommit,
    batch: std::sync::Arc<BatchRecord>,
}

/// Everything lost, in original order: proven by its device's signature, and not in the log.
fn bring_back(core: &Core) -> Result<usize> {
    let access = core.storage.reading(|tx| core.refresh_access(tx))?;
    let mut lost: BTreeMap<(u32, u64, ChangeId), Lost> = BTreeMap::new();
    for group in offers(&core.folder)? {
        let proof = access.device(group.device).and_then(|d| proven(&group, &d.public_key));
        let Some(batch) = proof.map(std::sync::Arc::new) else {
            tracing::error!(device = %group.device, replica = %group.replica, "originals without a good signature are left out");
            continue;
        };
        for commit in group.commits {
            let Ok(change) = Change::from_bytes(&commit.change) else { continue };
            lost.insert((commit.epoch, commit.seq, change.id), Lost { commit, batch: batch.clone() });
        }
    }
    let lost: Vec<(ChangeId, Lost)> = lost.into_iter().map(|((_, _, id), lost)| (id, lost)).collect();
    let mut brought = 0;
    for slice in lost.chunks(PER_WRITE) {
        brought += core.storage.writing(|tx| {
            let mut brought = 0;
            for (id, lost) in slice {
                brought += usize::from(tx.known_change(*id)?.is_none() && readmit(tx, &access, lost)?);
            }
            ledger::sign(tx, &core.key, core.clock.now_ms())?;
            Ok(brought)
        })?;
    }
    Ok(brought)
}

/// What made no commit between two counters was refused then, and its laptop has the answer. Its place is answered
/// again, so that answers are kept without gaps: whoever sends it once more is told that it is not known as it was.
fn keep_places(
    tx: &mut dyn WriteTx,
    batch: &BatchRecord,
    after: u64,
    before: u64,
) -> std::result::Result<(), StorageError> {
    for counter in after + 1..before {
        let link = counter.checked_sub(batch.first).and_then(|at| batch.links.get(at as usize)).copied();
        let place = || Hash::of("omni-lost-answer", &[batch.replica.as_bytes(), &counter.to_le_bytes()]);
        let content = link.unwrap_or_else(place);
        let outcome = Outcome {
            counter,
            change: uuid::Uuid::from_slice(&content.0[..16]).map(ChangeId).map_err(StorageError::new)?,
            kind: OutcomeKind::Skipped,
            seq: None,
            code: Some("not_recovered".to_owned()),
            message: Some("It had no effect before central was recovered.".to_owned()),
            root: None,
            waits: Vec::new(),
        };
        tx.put_outcome(batch.replica, content, &outcome)?;
    }
    Ok(())
}

/// `true` = it is in the log again.
fn readmit(tx: &mut dyn WriteTx, access: &Access, lost: &Lost) -> std::result::Result<bool, StorageError> {
    let Lost { commit, batch } = lost;
    let Some(device) = access.device(batch.device) else { return Ok(false) };
    let known = tx.replica(batch.replica)?;
    if known.as_ref().is_some_and(|state| state.counter >= commit.counter) {
        tracing::error!(replica = %batch.replica, counter = commit.counter, "another change has the place of a lost one");
        return Ok(false);
    }
    let lineage = match (&known, batch.parent) {
        (Some(state), _) => state.lineage.clone(),
        (None, Some(parent)) => {
            let further = tx.replica(parent.replica)?.map(|state| state.lineage).unwrap_or_default();
            [parent].into_iter().chain(further).take(omni_protocol::limits::LINEAGE_MAX).collect()
        }
        (None, None) => Vec::new(),
    };
    keep_places(tx, batch, known.as_ref().map_or(0, |state| state.counter), commit.counter)?;
    let prev_hash = chain_before(batch, commit.counter);
    let state =
        ReplicaState { device: batch.device, lineage: lineage.clone(), counter: commit.counter - 1, chain: prev_hash };
    tx.put_replica(batch.replica, &state)?;
    let head = tx.head()?;
    let in_place = commit.seq == head.position.seq + 1
        && head.forks.iter().any(|(epoch, fork)| *epoch == commit.epoch && *fork == head.position.seq);
    let sender = Sender {
        device: batch.device,
        rights: rights(device),
        authority: device.role.authority(),
        lineage,
        now_ms: commit.at_ms,
        quarantine: BTreeSet::new(),
    };
    let single = Batch {
        replica: batch.replica,
        parent: batch.parent,
        epoch: batch.epoch,
        first: commit.counter,
        prev_hash,
        entries: vec![Entry::Change(commit.change.clone())],
        signature: batch.signature.clone().into(),
    };
    tx.mark()?;
    let admitted = catch_unwind(AssertUnwindSafe(|| admit_batch(&mut *tx as &mut dyn CentralTx, &sender, &single)));
    let admitted = match admitted {
        Ok(result) => result?,
        Err(_) => {
            tracing::error!(replica = %batch.replica, counter = commit.counter, "a lost change broke the merge");
            tx.undo_to_mark()?;
            return Ok(false);
        }
    };
    let Admitted::Done { outcomes, commits } = admitted else {
        tx.undo_to_mark()?;
        return Ok(false);
    };
    tx.put_batch(batch)?;
    if commits.is_empty() {
        tracing::error!(?outcomes, "a lost change was not committed again");
        return Ok(false);
    }
    if in_place {
        tx.raise_fork(commit.epoch, commit.seq)?;
    }
    Ok(true)
}
