//! Roles and rights, and the picture of them a running central holds in memory.

use crate::storage::{DeviceRecord, Directory};
use omni_protocol::{DeviceId, DirectoryEntry};
use omni_sync::StorageError;
use omni_sync::central::{DeviceFacts, Rights};
use std::collections::HashMap;
use std::str::FromStr;

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Writes, with the last word where a field asks for authority.
    Admin,
    /// Writes.
    Operator,
    /// Reads.
    Viewer,
}

impl Role {
    /// The role's word.
    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
        }
    }

    /// Authority under `Policy::Authority`; higher wins.
    pub fn authority(self) -> u8 {
        match self {
            Role::Admin => 2,
            Role::Operator => 1,
            Role::Viewer => 0,
        }
    }

    /// Whether the role may change records.
    pub fn may_write(self) -> bool {
        self != Role::Viewer
    }
}

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is not a role: admin, operator or viewer")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(s: &str) -> Result<Role, UnknownRole> {
        [Role::Admin, Role::Operator, Role::Viewer]
            .into_iter()
            .find(|r| r.name() == s)
            .ok_or_else(|| UnknownRole(s.to_owned()))
    }
}

/// Every device and its rights, as of one access generation.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The generation it was read at.
    pub generation: u64,
    order: Vec<DeviceId>,
    devices: HashMap<DeviceId, DeviceRecord>,
}

impl Access {
    /// Reads it.
    pub fn load(directory: &(impl Directory + ?Sized)) -> Result<Access, StorageError> {
        let devices = directory.devices()?;
        Ok(Access {
            generation: directory.access_generation()?,
            order: devices.iter().map(|d| d.device).collect(),
            devices: devices.into_iter().map(|d| (d.device, d)).collect(),
        })
    }

    /// The device, revoked or not.
    pub fn device(&self, id: DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(&id)
    }

    /// The device's rights, unless it is unknown or revoked.
    pub fn active(&self, id: DeviceId) -> Option<&DeviceRecord> {
        self.device(id).filter(|d| d.revoked_ms.is_none())
    }

    /// Names of all devices, for provenance, from the `from`th enrolled on.
    pub fn directory(&self, from: usize) -> Vec<DirectoryEntry> {
        let known = self.order.iter().skip(from).filter_map(|id| self.devices.get(id));
        known.map(|d| DirectoryEntry { device: d.device, name: d.name.clone(), operator: d.operator.clone() }).collect()
    }

    /// Every device, revoked ones included.
    pub fn all(&self) -> impl Iterator<Item = &DeviceRecord> {
        self.devices.values()
    }

    /// Devices known.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nobody enrolled yet.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// What the session machine needs to know of a device.
pub fn facts(device: &DeviceRecord) -> DeviceFacts {
    DeviceFacts {
        public_key: device.public_key,
        revoked: device.revoked_ms.is_some(),
        operator: device.operator.clone(),
        role: device.role.name().to_owned(),
        grants: device.grants.clone(),
    }
}

/// What the device's operator may write.
pub fn rights(device: &DeviceRecord) -> Rights {
    Rights { may_write: device.role.may_write(), grants: device.grants.clone() }
}
