//! Spent codes, enrolments, revocations and epochs, kept outside the database too: a database restored from a backup must
//! not bring a stolen laptop back or an epoch number into use twice, and must know the laptops that bring back what it
//! lost. One JSON object per line, append only, fsynced.

use crate::clock::system_ms;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, append_durably};
use crate::random;
use crate::storage::{DeviceRecord, Storage, StorageExt};
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{DeviceId, Hash, ReplicaId};
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
    /// A device was enrolled.
    Enrolled(Enrolment),
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

/// What central must know of a device to take its signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enrolment {
    device: DeviceId,
    name: String,
    operator: String,
    role: String,
    /// CBOR, hex.
    grants: String,
    /// Ed25519, hex.
    public_key: String,
    replica: Option<ReplicaId>,
    /// Unix milliseconds.
    at_ms: i64,
}

impl Enrolment {
    /// Of a device just enrolled.
    pub fn of(d: &DeviceRecord) -> Enrolment {
        Enrolment {
            device: d.device,
            name: d.name.clone(),
            operator: d.operator.clone(),
            role: d.role.name().to_owned(),
            grants: random::to_hex(&to_bytes(&d.grants)),
            public_key: random::to_hex(&d.public_key),
            replica: d.replica,
            at_ms: d.enrolled_ms,
        }
    }

    /// The device as it was enrolled; `None` if the line cannot be read.
    fn record(&self) -> Option<DeviceRecord> {
        Some(DeviceRecord {
            device: self.device,
            name: self.name.clone(),
            operator: self.operator.clone(),
            role: self.role.parse().ok()?,
            grants: from_bytes(&random::hex_bytes(&self.grants)?).ok()?,
            public_key: random::from_hex(&self.public_key)?,
            replica: self.replica,
            enrolled_ms: self.at_ms,
            revoked_ms: None,
            last_seen_ms: None,
            durable_seq: 0,
        })
    }
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
        let mut devices = tx.devices()?;
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
                Guarded::Enrolled(enrolment) => {
                    let Some(record) = enrolment.record() else { continue };
                    if devices.iter().all(|d| d.device != record.device) {
                        tx.put_device(&record)?;
                        devices.push(record);
                        applied += 1;
                    }
                }
                Guarded::Revoked { device, at_ms } => {
                    let known = devices.iter_mut().find(|d| d.device == *device && d.revoked_ms.is_none());
                    if let Some(known) = known {
                        known.revoked_ms = Some(*at_ms);
                        tx.put_device(known)?;
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
