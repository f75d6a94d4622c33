//! `status` and `devices`: measured, with the age of what is old.

use crate::clock::{rfc3339, system_ms};
use crate::error::Result;
use crate::folder::Folder;
use crate::random::to_hex;
use crate::sample::BUILT_IN_DEVICE;
use crate::storage::{DeviceRecord, ReadTx, Storage, StorageExt};
use omni_sync::StorageError;
use serde_json::{Value as Json, json};

/// The state of a data folder.
pub fn status(folder: &Folder, storage: &dyn Storage) -> Result<Json> {
    let (head, counts, devices, tree) =
        storage.reading(|tx| Ok((tx.head()?, tx.counts()?, laptops(tx)?, tx.tree_head()?)))?;
    let key = folder.signing_key()?.verifying_key();
    let tree = tree.map(|signed| {
        let genuine = signed.is_genuine(key.as_bytes());
        let head = signed.head;
        let root = head.root.to_hex();
        json!({"epoch": head.epoch, "size": head.size, "root": root, "at": rfc3339(head.at_ms), "genuine": genuine})
    });
    let active = devices.iter().filter(|d| d.revoked_ms.is_none()).count();
    Ok(json!({
        "running": folder.is_running()?,
        "epoch": head.position.epoch,
        "seq": head.position.seq,
        "hash": head.position.hash.to_hex(),
        "forks": head.forks.iter().map(|(epoch, seq)| json!({"epoch": epoch, "seq": seq})).collect::<Vec<_>>(),
        "records": counts.records,
        "commits": counts.commits,
        "replicas": counts.replicas,
        "open_conflicts": counts.open_conflicts,
        "devices": active,
        "revoked": devices.len() - active,
        "database_bytes": counts.bytes,
        "ledger_key": to_hex(key.as_bytes()),
        "ledger_head": tree,
        "recovering": crate::recovery::describe(folder, storage)?,
        "backup": super::backup::last(folder)?.map(|b| b.describe()),
    }))
}

/// One device as a line of `devices`.
pub fn device_line(d: &DeviceRecord, head: u64) -> Json {
    let age = d.last_seen_ms.map(|seen| (system_ms() - seen).max(0) as f64 / 1_000.0);
    json!({
        "device": d.device.to_string(),
        "name": d.name,
        "operator": d.operator,
        "role": d.role.name(),
        "scopes": scopes(d),
        "enrolled": rfc3339(d.enrolled_ms),
        "revoked": d.revoked_ms.map(rfc3339),
        "last_seen": d.last_seen_ms.map(rfc3339),
        "last_seen_s": age,
        "durable_seq": d.durable_seq,
        "behind": head.saturating_sub(d.durable_seq),
    })
}

fn scopes(d: &DeviceRecord) -> Json {
    if d.grants.all {
        return json!("all");
    }
    json!(d.grants.owners.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Every enrolled device; not the built-in one that made the sample.
fn laptops(tx: &dyn ReadTx) -> std::result::Result<Vec<DeviceRecord>, StorageError> {
    let built_in = tx.setting(BUILT_IN_DEVICE)?;
    let mut devices = tx.devices()?;
    devices.retain(|d| Some(&d.device.as_bytes()[..]) != built_in.as_deref());
    Ok(devices)
}

/// Every device with the head they are compared to.
pub fn devices(storage: &dyn Storage) -> Result<Vec<Json>> {
    let (head, devices) = storage.reading(|tx| Ok((tx.head()?, laptops(tx)?)))?;
    Ok(devices.iter().map(|d| device_line(d, head.position.seq)).collect())
}
