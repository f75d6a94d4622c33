//! Randomness from the operating system.

use crate::error::{CentralError, Result};
use uuid::Uuid;

/// Fresh random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut out = [0; N];
    getrandom::fill(&mut out)
        .map_err(|e| CentralError::new("randomness", format!("The system gives no randomness: {e}.")))?;
    Ok(out)
}

/// A random UUID.
pub fn uuid() -> Result<Uuid> {
    Ok(uuid::Builder::from_random_bytes(bytes()?).into_uuid())
}

/// Lower-case hex of fresh random bytes.
pub fn hex<const N: usize>() -> Result<String> {
    Ok(to_hex(&bytes::<N>()?))
}

/// Lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads exactly `N` bytes of hex.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    hex_bytes(text)?.try_into().ok()
}

/// Reads any number of bytes of hex.
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}
