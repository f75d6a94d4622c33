//! Who this laptop is: written once at enrolment, readable without unlocking anything.

use crate::error::{Result, internal};
use crate::folder::{Paths, read_optional, write_private};
use omni_protocol::{DeviceId, WireError};
use serde::{Deserialize, Serialize};

/// `identity.json`. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    version: u8,
    /// The device.
    pub device: DeviceId,
    /// Its name, for people.
    pub name: String,
    /// The operator it was enrolled for.
    pub operator: String,
    /// The operator's role.
    pub role: String,
    /// Address of central, `http://127.0.0.1:7420`.
    pub central: String,
    /// Central's Ed25519 key, hex.
    pub central_public_key: String,
    /// Central is a side process of this laptop, with its data in the data folder.
    #[serde(default)]
    pub local_central: bool,
}

impl Identity {
    /// A fresh one.
    pub fn new(enrolled: crate::client::Enrolled, name: String, central: String, local_central: bool) -> Identity {
        Identity {
            version: 1,
            device: enrolled.device,
            name,
            operator: enrolled.operator,
            role: enrolled.role,
            central,
            central_public_key: enrolled.central_public_key,
            local_central,
        }
    }

    /// Reads it; `None` before enrolment.
    pub fn load(paths: &Paths) -> Result<Option<Identity>> {
        let Some(bytes) = read_optional(&paths.identity())? else { return Ok(None) };
        let identity: Identity = serde_json::from_slice(&bytes).map_err(|e| internal("Reading identity.json", e))?;
        if identity.version != 1 {
            return Err(WireError::new("newer_version", "identity.json was written by a newer version of the app."));
        }
        Ok(Some(identity))
    }

    /// Central's Ed25519 key: what it signs its history with.
    pub fn central_key(&self) -> Result<[u8; 32]> {
        crate::ids::from_hex(&self.central_public_key)
            .ok_or_else(|| WireError::new("corrupt", "The key of central in identity.json cannot be read."))
    }

    /// Writes it durably. From here on the laptop is enrolled.
    pub fn save(&self, paths: &Paths) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| internal("Writing identity.json", e))?;
        write_private(&paths.identity(), &bytes)
    }
}
