//! What was written and not synced, and what a power loss makes of it.

use super::Lost;

/// What a medium writes whole.
const SECTOR: u64 = 512;

/// One unsynced change.
#[derive(Clone, Debug)]
pub enum Unsynced {
    /// Bytes were written.
    Write { offset: u64, new: Vec<u8>, old: Vec<u8>, size: u64 },
    /// The length was set.
    Resize { to: u64, size: u64, tail: Vec<u8> },
}

/// What became of an unsynced change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the medium.
    Kept,
    /// It is not.
    Dropped,
    /// The sectors before one are, the rest is not; the number picks that sector.
    Torn(u64),
}

impl Unsynced {
    fn undo(&self, bytes: &mut Vec<u8>) {
        match self {
            Unsynced::Write { offset, new: _, old, size } => {
                bytes.resize(*size as usize, 0);
                put(bytes, *offset, old);
            }
            Unsynced::Resize { to, size, tail } => {
                bytes.resize(*size as usize, 0);
                put(bytes, (*to).min(*size), tail);
            }
        }
    }

    fn redo(&self, bytes: &mut Vec<u8>, keep: u64) {
        match self {
            Unsynced::Write { offset, new, .. } => put(bytes, *offset, &new[..(keep as usize).min(new.len())]),
            Unsynced::Resize { to, .. } => bytes.resize(*to as usize, 0),
        }
    }

    /// Bytes of a write that make it if `n` picks the first lost sector; `None` if it cannot be torn.
    fn torn_at(&self, n: u64) -> Option<u64> {
        let Unsynced::Write { offset, new, .. } = self else { return None };
        let first = SECTOR - offset % SECTOR;
        let cuts = (new.len() as u64).checked_sub(first + 1)? / SECTOR + 1;
        Some(first + n % cuts * SECTOR)
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, part: &[u8]) {
    let (from, to) = (offset as usize, offset as usize + part.len());
    if bytes.len() < to && !part.is_empty() {
        bytes.resize(to, 0);
    }
    if !part.is_empty() {
        bytes[from..to].copy_from_slice(part);
    }
}

/// Takes every change back, then does again what made it, in order.
pub fn crash(bytes: &mut Vec<u8>, changes: &[Unsynced], fate: &mut dyn FnMut() -> Fate, lost: &mut Lost) {
    changes.iter().rev().for_each(|change| change.undo(bytes));
    for change in changes {
        match (fate(), change) {
            (Fate::Kept, _) => {
                lost.kept += 1;
                change.redo(bytes, u64::MAX);
            }
            (Fate::Torn(n), _) if change.torn_at(n).is_some() => {
                lost.torn += 1;
                change.redo(bytes, change.torn_at(n).unwrap_or_default());
            }
            _ => lost.dropped += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: &mut Vec<u8>, offset: u64, new: &[u8]) -> Unsynced {
        let size = bytes.len() as u64;
        let old = bytes.iter().skip(offset as usize).take(new.len()).copied().collect();
        put(bytes, offset, new);
        Unsynced::Write { offset, new: new.to_vec(), old, size }
    }

    #[test]
    fn each_change_is_kept_lost_or_torn() {
        let before = vec![1u8; 700];
        let mut bytes = before.clone();
        let changes = [write(&mut bytes, 600, &[2; 1000]), write(&mut bytes, 0, &[3; 10])];
        let play = |fates: [Fate; 2]| {
            let (mut after, mut lost, mut fates) = (bytes.clone(), Lost::default(), fates.into_iter());
            crash(&mut after, &changes, &mut || fates.next().unwrap(), &mut lost);
            (after, lost)
        };
        assert_eq!(play([Fate::Dropped; 2]).0, before);
        assert_eq!(play([Fate::Kept; 2]).0, bytes);
        let (torn, lost) = play([Fate::Torn(0), Fate::Torn(0)]);
        // The second lies within one sector and cannot be torn.
        assert_eq!(lost, Lost { kept: 0, dropped: 1, torn: 1 });
        assert_eq!((torn.len(), torn[600], torn[1023], torn[0]), (1024, 2, 2, 1));
    }
}
