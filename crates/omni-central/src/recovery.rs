//! Central restored, or rolled back by its host: laptops bring back what it lost.
//!
//! While the folder `recovery` stands beside the database, central takes nothing but signed originals, and keeps them
//! there as they come. Once every active device has reported, or an administrator ends it, they are committed in their
//! original order: what knew what is as it was. Whatever arrives later goes the normal way and merges as concurrent.

use crate::access::{Access, rights};
use crate::core::Core;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, append_durably, make_private_dir, sync_parent, write_durably};
use crate::guard::{self, Guarded};
use crate::ledger;
use crate::sample::BUILT_IN_DEVICE;
use crate::storage::{Directory, Storage, StorageExt, WriteTx};
use omni_protocol::frame::from_bytes;
use omni_protocol::{DeviceId, OriginalGroup, Originals, Position};
use omni_sync::StorageError;
use omni_sync::central::CentralTx;
use omni_sync::central::recovery::{Lost, Readmitted, in_original_order, proven, readmit};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::PoisonError;

/// A laptop may have seen this many epochs of which central and its guard know nothing any more: their number is no
/// laptop's to use up.
const EPOCHS_AHEAD_MAX: u32 = 1_000;
/// Commits brought back in one transaction.
const PER_WRITE: usize = 200;

fn ended(folder: &Folder) -> PathBuf {
    folder.recovery().join("end")
}

/// Devices whose word began a recovery that has brought nothing back, one to a line. Only the signature of a device says
/// where its copy stands: a word that came to nothing is not taken twice, so that none keeps central from its work for ever.
fn claims(folder: &Folder) -> PathBuf {
    folder.root().join("recovery.claims")
}

fn has_claimed(folder: &Folder, device: DeviceId) -> Result<bool> {
    match std::fs::read_to_string(claims(folder)) {
        Ok(text) => Ok(text.lines().any(|line| line == device.to_string())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(CentralError::file(&claims(folder), e)),
    }
}

/// The word of every device counts again.
pub fn forget_claims(folder: &Folder) -> Result<()> {
    match std::fs::remove_file(claims(folder)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CentralError::file(&claims(folder), e)),
        _ => sync_parent(&claims(folder)),
    }
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

/// What a session hears that began before.
pub fn begins() -> CentralError {
    CentralError::retryable("recovering", "Central begins to recover what it lost. Connect again.")
}

/// Takes originals of a device; once everybody has reported, commits them. `last`: it has no more.
///
/// Errors: `not_recovering`.
pub fn receive(core: &Core, device: DeviceId, bytes: &[u8], last: bool) -> Result<()> {
    let _one = core.recovery.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_on(&core.folder) {
        return Err(not_recovering());
    }
    take(&core.folder, device, bytes, last)?;
    if last { settle_now(core) } else { Ok(()) }
}

/// Originals are not asked for.
pub fn not_recovering() -> CentralError {
    CentralError::retryable("not_recovering", "This central is not being recovered any more.")
}

/// Keeps originals a device brings. `last`: it has no more.
fn take(folder: &Folder, device: DeviceId, bytes: &[u8], last: bool) -> Result<()> {
    from_bytes::<Originals>(bytes)
        .map_err(|e| CentralError::new("bad_request", format!("The originals cannot be read: {e}.")))?;
    let name = omni_protocol::Hash::of("omni-offer", &[bytes]).to_hex();
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

/// The epoch above one.
///
/// Errors: `epochs_used_up`.
pub fn next_epoch(highest: u32) -> Result<u32> {
    highest.checked_add(1).ok_or_else(|| CentralError::new("epochs_used_up", "Central's number of epochs is used up."))
}

/// A laptop says that the log is not what it was: a new epoch, above every one it or this folder knows.
///
/// Errors: `ahead` if its word came to nothing before; `bad_position`, `epochs_used_up`.
pub fn after_rollback(core: &Core, device: DeviceId, at: Position) -> Result<()> {
    let _one = core.recovery.lock().unwrap_or_else(PoisonError::into_inner);
    if is_on(&core.folder) {
        return Ok(());
    }
    if has_claimed(&core.folder, device)? {
        tracing::error!(%device, ?at, "a device says again that the log was longer; last time nothing came of it");
        let message = "This copy is ahead of central, and nobody brought back what it knew. Its edits stay on this laptop. \
                       Ask the administrator, who can begin a recovery.";
        return Err(CentralError::new("ahead", message));
    }
    let head = core.storage.reading(|tx| tx.head())?.position;
    let known = guard::highest_epoch(&guard::read(&core.folder)?).max(head.epoch);
    if at.epoch > known.saturating_add(EPOCHS_AHEAD_MAX) {
        return Err(CentralError::new("bad_position", "Central was never where this laptop says it stands."));
    }
    let epoch = next_epoch(known.max(at.epoch))?;
    tracing::error!(
        ?at,
        ?head,
        epoch,
        "the log was rolled back under this central; a new epoch begins and it is recovered"
    );
    append_durably(&claims(&core.folder), &device.to_string())?;
    guard::append(&core.folder, &Guarded::Epoch { epoch })?;
    begin(&core.folder)?;
    core.storage.writing(|tx| {
        if tx.head()?.position.epoch < epoch {
            // Whoever wrote since this process began may have written over what was lost.
            tx.open_epoch(epoch, core.began_at)?;
        }
        ledger::sign(tx, &core.key, core.clock.now_ms())
    })?;
    // Sessions of before end: their laptops find out on a new one what of theirs may be lost.
    core.wake_sessions();
    Ok(())
}

/// Commits what was brought, if everybody has reported or an administrator ended it.
pub fn settle(core: &Core) -> Result<()> {
    let _one = core.recovery.lock().unwrap_or_else(PoisonError::into_inner);
    settle_now(core)
}

fn settle_now(core: &Core) -> Result<()> {
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
    if brought > 0 {
        forget_claims(folder)?;
    }
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

/// Everything lost, in original order: proven by its device's signature, and not in the log.
fn bring_back(core: &Core) -> Result<usize> {
    let access = core.storage.reading(|tx| core.refresh_access(tx))?;
    let lost = in_original_order(offers(&core.folder)?, |group| {
        let batch = access.device(group.device).and_then(|d| proven(group, &d.public_key));
        if batch.is_none() {
            tracing::error!(device = %group.device, replica = %group.replica, "originals without a good signature are left out");
        }
        batch
    });
    let mut brought = 0;
    for slice in lost.chunks(PER_WRITE) {
        brought += core.storage.writing(|tx| {
            let mut brought = 0;
            for lost in slice {
                brought += usize::from(bring_one(tx, &access, lost)?);
            }
            ledger::sign(tx, &core.key, core.clock.now_ms())?;
            Ok(brought)
        })?;
    }
    Ok(brought)
}

/// `true` = it is in the log again.
fn bring_one(tx: &mut dyn WriteTx, access: &Access, lost: &Lost) -> std::result::Result<bool, StorageError> {
    let (replica, counter) = (lost.batch.replica, lost.commit.counter);
    let Some(device) = access.device(lost.batch.device) else { return Ok(false) };
    tx.mark()?;
    let (rights, authority) = (rights(device), device.role.authority());
    let done = catch_unwind(AssertUnwindSafe(|| readmit(&mut *tx as &mut dyn CentralTx, lost, rights, authority)));
    let Ok(done) = done else {
        tracing::error!(%replica, counter, "a lost change broke the merge");
        tx.undo_to_mark()?;
        return Ok(false);
    };
    match done? {
        Readmitted::Known => Ok(false),
        Readmitted::OutOfPlace => {
            tracing::error!(%replica, counter, "another change has the place of a lost one");
            tx.undo_to_mark()?;
            Ok(false)
        }
        Readmitted::Done { outcome, commit } => {
            tx.put_batch(&lost.batch)?;
            if commit.is_none() {
                tracing::error!(?outcome, "a lost change was not committed again");
            }
            Ok(commit.is_some())
        }
    }
}
