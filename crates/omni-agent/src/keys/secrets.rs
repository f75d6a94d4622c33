//! The secrets of one laptop: one bundle, one keychain item, read once per start.

use crate::ids;
use ed25519_dalek::SigningKey;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// First byte of an encoded bundle.
const VERSION: u8 = 1;
/// Version, database key, device key, cookie.
const ENCODED_BYTES: usize = 1 + 32 + 32 + 16;

/// The database key, the device's Ed25519 key and the identity cookie. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secrets {
    /// Opens the replica.
    pub database_key: [u8; 32],
    /// Seed of the device key.
    pub device_seed: [u8; 32],
    /// Ties the database to this bundle: another value in the database means it was restored or cloned.
    pub cookie: [u8; 16],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Bytes that are no bundle of a known version.
#[derive(Debug, thiserror::Error)]
#[error("the stored secrets are not readable by this version")]
pub struct Unreadable;

impl Secrets {
    /// Fresh random secrets.
    pub fn generate() -> Secrets {
        Secrets { database_key: ids::random(), device_seed: ids::random(), cookie: ids::random() }
    }

    /// The device's signing key.
    pub fn device_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.device_seed)
    }

    /// The bundle as bytes. The caller wipes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENCODED_BYTES);
        out.push(VERSION);
        out.extend_from_slice(&self.database_key);
        out.extend_from_slice(&self.device_seed);
        out.extend_from_slice(&self.cookie);
        out
    }

    /// Reads a bundle.
    pub fn from_bytes(bytes: &[u8]) -> Result<Secrets, Unreadable> {
        if bytes.len() != ENCODED_BYTES || bytes[0] != VERSION {
            return Err(Unreadable);
        }
        let mut out = Secrets { database_key: [0; 32], device_seed: [0; 32], cookie: [0; 16] };
        out.database_key.copy_from_slice(&bytes[1..33]);
        out.device_seed.copy_from_slice(&bytes[33..65]);
        out.cookie.copy_from_slice(&bytes[65..]);
        Ok(out)
    }
}
