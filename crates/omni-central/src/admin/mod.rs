//! Administration of a data folder, beside a running central or without one.

pub mod backup;
pub mod enrol;
pub mod restore;
pub mod status;

use crate::error::{CentralError, Result};
use crate::folder::Folder;
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{DeviceRecord, Storage, StorageExt};
use crate::{clock, guard};
use omni_protocol::DeviceId;

/// Opens the folder's database beside a running central.
pub fn open_beside(folder: &Folder) -> Result<SqliteStorage> {
    folder.require_database()?;
    Ok(SqliteStorage::open_beside(&folder.database(), SqliteOptions::default())?)
}

/// The one device whose id or name is `wanted`.
pub fn find_device(storage: &dyn Storage, wanted: &str) -> Result<DeviceRecord> {
    let devices = storage.reading(|tx| tx.devices())?;
    let id: Option<DeviceId> = wanted.parse().ok();
    let mut found: Vec<DeviceRecord> =
        devices.into_iter().filter(|d| id == Some(d.device) || (id.is_none() && d.name == wanted)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(device), true) => Ok(device),
        (Some(_), false) => {
            Err(CentralError::new("ambiguous", format!("Several devices are named “{wanted}”. Give the id.")))
        }
        (None, _) => Err(CentralError::new("device_unknown", format!("No device “{wanted}” is enrolled."))),
    }
}

/// Revokes a device: noted outside the database first, so that no restored backup brings it back. A running central
/// ends its sessions within a second. Revoking twice is the same as once.
pub fn revoke(folder: &Folder, storage: &dyn Storage, wanted: &str) -> Result<DeviceRecord> {
    let mut device = find_device(storage, wanted)?;
    if device.revoked_ms.is_none() {
        guard::revoked(folder, device.device)?;
        device.revoked_ms = Some(clock::system_ms());
        storage.writing(|tx| tx.put_device(&device))?;
    }
    Ok(device)
}
