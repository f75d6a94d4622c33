//! The database key: random, raw, wiped from memory when dropped.

use std::fmt::Write as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// The raw 256-bit key of one replica file.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DbKey([u8; KEY_BYTES]);

impl DbKey {
    /// Takes over the bytes. The caller wipes its own copy.
    pub fn new(bytes: [u8; KEY_BYTES]) -> DbKey {
        DbKey(bytes)
    }

    /// The pragma that gives the key to a connection; a raw key skips the passphrase derivation.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(96));
        text.push_str("PRAGMA key = \"");
        text.push_str(&self.literal());
        text.push('"');
        text
    }

    /// The key as SQLCipher takes a raw one.
    pub(crate) fn literal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 3));
        text.push_str("x'");
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\'');
        text
    }

    /// Says whether two keys are the same one, and nothing else about them: a one-way mark kept beside the file, so that
    /// a wrong key can be told from a damaged file.
    pub(crate) fn mark(&self) -> [u8; 16] {
        let hash = blake3::keyed_hash(&self.0, b"omni-store key mark 1");
        let mut out = [0u8; 16];
        out.copy_from_slice(&hash.as_bytes()[..16]);
        out
    }
}

impl std::fmt::Debug for DbKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DbKey(…)")
    }
}
