//! Fresh identifiers, from the operating system's randomness and this laptop's clock.

use crate::clock;
use omni_model::RecordId;
use omni_protocol::{ChangeId, GroupId, ReplicaId};
use uuid::{Builder, Uuid};

/// `N` random bytes. The operating system always has some; a machine without is broken beyond repair.
pub fn random<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    getrandom::fill(&mut out).expect("the operating system gives random bytes");
    out
}

/// A UUIDv7: sorts by time of making, as far as this laptop's clock can be trusted. Nothing depends on that order.
pub fn uuid_v7() -> Uuid {
    let ms = u64::try_from(clock::wall_ms()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(ms, &random::<10>()).into_uuid()
}

/// A random UUIDv4.
pub fn uuid_v4() -> Uuid {
    Builder::from_random_bytes(random::<16>()).into_uuid()
}

/// The permanent id of a new change.
pub fn change_id() -> ChangeId {
    ChangeId(uuid_v7())
}

/// The id of a new group of changes.
pub fn group_id() -> GroupId {
    GroupId(uuid_v7())
}

/// The id of a new record without a key.
pub fn record_id() -> RecordId {
    RecordId(uuid_v7())
}

/// The id of a new incarnation.
pub fn replica_id() -> ReplicaId {
    ReplicaId(uuid_v4())
}

/// A short word to find a line in the log by.
pub fn trace_id() -> String {
    to_hex(&random::<6>())
}

/// Lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads exactly `N` bytes of hex.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex_vec(text)?.try_into().ok()
}

/// Reads hex of any length.
pub fn from_hex_vec(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back() {
        let bytes = random::<16>();
        assert_eq!(from_hex::<16>(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex::<16>("00"), None);
        assert_eq!(from_hex_vec("0é"), None);
    }

    #[test]
    fn v7_ids_carry_their_version_and_differ() {
        let (a, b) = (uuid_v7(), uuid_v7());
        assert_ne!(a, b);
        assert_eq!(a.get_version_num(), 7);
    }
}
