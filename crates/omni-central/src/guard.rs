//! Spent codes, revocations and epochs, kept outside the database too: a database restored from a backup must not
//! bring a stolen laptop back or an epoch number into use twice. One JSON object per line, append only, fsynced.

use crate::clock::system_ms;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, append_durably};
use crate::random;
use crate::storage::{Storage, StorageExt};
use omni_protocol::{DeviceId, Hash};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;

/// One line of the guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Guarded {
    /// A code was used.
    Spent {
        /// Hash of the code, hex.
        code: String,
        /// Unix milliseconds.
        at_ms: i64,
    },
    /// A device was revoked.
    Revoked {
        /// The device.
        device: DeviceId,
        /// Unix milliseconds.
        at_ms: i64,
    },
    /// An epoch was opened.
    Epoch {
        /// Its number.
        epoch: u32,
    },
}

/// Appends a line durably.
pub fn append(folder: &Folder, line: &Guarded) -> Result<()> {
    let text = serde_json::to_string(line)
        .map_err(|e| CentralError::new("io", "A guard line could not be written.").because(e))?;
    append_durably(&folder.guard(), &text)
}

/// Every readable line. A torn last line (a power cut while appending) is what it is: nothing was promised on it.
pub fn read(folder: &Folder) -> Result<Vec<Guarded>> {
    let path = folder.guard();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(CentralError::file(&path, e)),
    };
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The highest epoch ever opened here.
pub fn highest_epoch(lines: &[Guarded]) -> u32 {
    lines.iter().filter_map(|l| if let Guarded::Epoch { epoch } = l { Some(*epoch) } else { None }).max().unwrap_or(0)
}

/// Applies every line to the database, before anybody may connect. Returns how many had to be applied again.
pub fn reapply(folder: &Folder, storage: &dyn Storage) -> Result<usize> {
    let lines = read(folder)?;
    if lines.is_empty() {
        return Ok(0);
    }
    let applied = storage.writing(|tx| {
        let mut applied = 0;
        let devices = tx.devices()?;
        for line in &lines {
            match line {
                Guarded::Spent { code, at_ms } => {
                    let Some(hash) = random::from_hex(code).map(Hash) else { continue };
                    if let Some(mut known) = tx.code(hash)?.filter(|c| c.used_ms.is_none()) {
                        known.used_ms = Some(*at_ms);
                        tx.put_code(&known)?;
                        applied += 1;
                    }
                }
                Guarded::Revoked { device, at_ms } => {
                    let known = devices.iter().find(|d| d.device == *device && d.revoked_ms.is_none());
                    if let Some(mut known) = known.cloned() {
                        known.revoked_ms = Some(*at_ms);
                        tx.put_device(&known)?;
                        applied += 1;
                    }
                }
                Guarded::Epoch { .. } => {}
            }
        }
        Ok(applied)
    })?;
    Ok(applied)
}

/// Notes that a device was revoked, before the database says so.
pub fn revoked(folder: &Folder, device: DeviceId) -> Result<()> {
    append(folder, &Guarded::Revoked { device, at_ms: system_ms() })
}
