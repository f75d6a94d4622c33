//! Wrapping the secrets under a passphrase (Argon2id) or the recovery code, with XChaCha20-Poly1305.

use super::secrets::Secrets;
use crate::ids;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Memory of Argon2id, KiB: 64 MiB is the least this product accepts.
pub const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// Passes of Argon2id.
pub const ARGON2_PASSES: u32 = 3;
/// Lanes of Argon2id.
const ARGON2_LANES: u32 = 1;
/// Most memory a file may ask for, KiB: a tampered file must not take the machine down.
const ARGON2_MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// Most passes a file may ask for.
const ARGON2_PASSES_MAX: u32 = 32;
/// Bound into every wrap, so that a wrap of another purpose does not open here.
const PURPOSE: &[u8] = b"omni-secrets-1";

/// How the wrapping key is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kdf", rename_all = "snake_case")]
pub enum Kdf {
    /// From a passphrase.
    Argon2id {
        /// KiB.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// From a code with 160 bits of its own: hashing it once is enough.
    Blake3,
}

/// Secrets under a key made from something a person keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// How the key is made.
    #[serde(flatten)]
    pub kdf: Kdf,
    /// Hex, 16 bytes, fresh for every wrap.
    pub salt: String,
    /// Hex, 24 bytes, fresh for every wrap.
    pub nonce: String,
    /// Hex.
    pub ciphertext: String,
}

/// Why a wrap did not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WrapError {
    /// The passphrase or code is wrong, or the file was changed.
    #[error("wrong passphrase or code")]
    Wrong,
    /// The file is damaged, weaker than this version accepts, or asks for absurd resources.
    #[error("the wrap is not readable: {0}")]
    Damaged(&'static str),
}

impl Wrapped {
    /// Wraps under a passphrase.
    pub fn by_passphrase(secrets: &Secrets, passphrase: &str) -> Result<Wrapped, WrapError> {
        let kdf = Kdf::Argon2id { memory_kib: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, lanes: ARGON2_LANES };
        seal(secrets, passphrase.as_bytes(), kdf)
    }

    /// Wraps under the 20 bytes of a recovery code.
    pub fn by_code(secrets: &Secrets, code: &[u8]) -> Result<Wrapped, WrapError> {
        seal(secrets, code, Kdf::Blake3)
    }

    /// Opens it.
    pub fn open(&self, secret: &[u8]) -> Result<Secrets, WrapError> {
        let salt: [u8; 16] = ids::from_hex(&self.salt).ok_or(WrapError::Damaged("salt"))?;
        let nonce: [u8; 24] = ids::from_hex(&self.nonce).ok_or(WrapError::Damaged("nonce"))?;
        let ciphertext = ids::from_hex_vec(&self.ciphertext).ok_or(WrapError::Damaged("ciphertext"))?;
        let cipher = cipher(&self.kdf, secret, &salt)?;
        let plain = cipher
            .decrypt(XNonce::from_slice(&nonce), Payload { msg: &ciphertext, aad: PURPOSE })
            .map_err(|_| WrapError::Wrong)?;
        let plain = Zeroizing::new(plain);
        Secrets::from_bytes(&plain).map_err(|_| WrapError::Damaged("version"))
    }
}

fn seal(secrets: &Secrets, secret: &[u8], kdf: Kdf) -> Result<Wrapped, WrapError> {
    let (salt, nonce) = (ids::random::<16>(), ids::random::<24>());
    let cipher = cipher(&kdf, secret, &salt)?;
    let plain = Zeroizing::new(secrets.to_bytes());
    let ciphertext = cipher
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &plain, aad: PURPOSE })
        .map_err(|_| WrapError::Damaged("cipher"))?;
    let hex = ids::to_hex;
    Ok(Wrapped { kdf, salt: hex(&salt), nonce: hex(&nonce), ciphertext: hex(&ciphertext) })
}

fn cipher(kdf: &Kdf, secret: &[u8], salt: &[u8; 16]) -> Result<XChaCha20Poly1305, WrapError> {
    let mut key = [0u8; 32];
    match kdf {
        Kdf::Argon2id { memory_kib, passes, lanes } => {
            let weak = *memory_kib < ARGON2_MEMORY_KIB || *passes < ARGON2_PASSES;
            if weak || *memory_kib > ARGON2_MEMORY_KIB_MAX || *passes > ARGON2_PASSES_MAX {
                return Err(WrapError::Damaged("parameters"));
            }
            let params = Params::new(*memory_kib, *passes, *lanes, Some(32));
            let params = params.map_err(|_| WrapError::Damaged("parameters"))?;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(secret, salt, &mut key)
                .map_err(|_| WrapError::Damaged("parameters"))?;
        }
        Kdf::Blake3 => {
            let mut hasher = blake3::Hasher::new_derive_key("omni recovery code wrapping key 1");
            hasher.update(salt);
            hasher.update(secret);
            key = *hasher.finalize().as_bytes();
        }
    }
    let cipher = XChaCha20Poly1305::new(Key::from_slice(&key));
    key.zeroize();
    Ok(cipher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_passphrase_opens_and_nonces_advance() {
        let secrets = Secrets::generate();
        let a = Wrapped::by_passphrase(&secrets, "correct horse").unwrap();
        let b = Wrapped::by_passphrase(&secrets, "correct horse").unwrap();
        assert_eq!(a.open(b"correct horse").unwrap(), secrets);
        assert_eq!(a.open(b"wrong horse").unwrap_err(), WrapError::Wrong);
        assert!(a.nonce != b.nonce && a.salt != b.salt && a.ciphertext != b.ciphertext);
    }

    #[test]
    fn a_weakened_or_changed_file_does_not_open() {
        let secrets = Secrets::generate();
        let good = Wrapped::by_passphrase(&secrets, "p").unwrap();
        let weak = Wrapped { kdf: Kdf::Argon2id { memory_kib: 8, passes: 1, lanes: 1 }, ..good.clone() };
        assert_eq!(weak.open(b"p").unwrap_err(), WrapError::Damaged("parameters"));
        let flip = if good.ciphertext.starts_with('0') { '1' } else { '0' };
        let changed = Wrapped { ciphertext: format!("{flip}{}", &good.ciphertext[1..]), ..good };
        assert_eq!(changed.open(b"p").unwrap_err(), WrapError::Wrong);
    }

    #[test]
    fn no_secret_stands_in_the_file() {
        let secrets = Secrets::generate();
        let text = serde_json::to_string(&Wrapped::by_code(&secrets, b"code").unwrap()).unwrap();
        for part in [&secrets.database_key[..], &secrets.device_seed[..], &secrets.cookie[..]] {
            assert!(!text.contains(&ids::to_hex(part)));
        }
    }
}
