//! Keeping histories small. Beyond the limits a history begins anew with its text; what was written before is remembered by
//! its newest stamps, so that an author who does not know all of it is told apart.

use crate::history::History;
use omni_protocol::limits::LINEAGE_MAX;
use omni_sync::central::TextStop;
use omni_sync::meta::Stamp;
use std::collections::BTreeMap;

/// Writes kept one by one at most: several people's keystrokes of a long day offline, each sent as a write of its own.
pub const HISTORY_ENTRIES_MAX: usize = 8_000;
/// Bytes of a stored history at most; a history begun anew takes about twice its text.
pub const HISTORY_BYTES_MAX: usize = 512 * 1024;
/// Replicas remembered of what is not kept one by one. An author knows other replicas' writes by position only, save those of
/// at most `LINEAGE_MAX` incarnations of their own: who knows the newest of so many knows all older ones.
const BELOW_MAX: usize = 4 * LINEAGE_MAX;

/// Begins the history anew if it grew beyond `entries` or `HISTORY_BYTES_MAX`. Returns its bytes.
pub fn limited(history: History, entries: usize) -> Result<Vec<u8>, TextStop> {
    let bytes = history.to_bytes()?;
    if history.entries.len() <= entries && bytes.len() <= HISTORY_BYTES_MAX {
        return Ok(bytes);
    }
    let stamps = history.entries.iter().filter_map(|e| e.stamp).chain(history.below.iter().copied());
    History::begin(&history.document.text(), None, newest(stamps))?.to_bytes()
}

/// The newest write of each replica, newest first.
fn newest(stamps: impl Iterator<Item = Stamp>) -> Vec<Stamp> {
    let mut of_replica: BTreeMap<_, Stamp> = BTreeMap::new();
    for stamp in stamps {
        let kept = of_replica.entry(stamp.replica).or_insert(stamp);
        if (stamp.seq, stamp.counter) > (kept.seq, kept.counter) {
            *kept = stamp;
        }
    }
    let mut out: Vec<Stamp> = of_replica.into_values().collect();
    out.sort_by_key(|s| (std::cmp::Reverse(s.seq), s.replica));
    out.truncate(BELOW_MAX);
    out
}
