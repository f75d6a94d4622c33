//! Versions of a history: sets of entries that hold with each entry all it was made on.

use crate::history::Entry;
use loro::{ID, VersionVector};

/// Which entries of a history belong to a version, by their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Vec<bool>);

impl Version {
    /// The smallest version that holds the entries `wanted` names.
    pub fn closing(entries: &[Entry], wanted: impl Fn(usize, &Entry) -> bool) -> Version {
        let mut holds: Vec<bool> = entries.iter().enumerate().map(|(i, e)| wanted(i, e)).collect();
        // An entry stands behind all it was made on: one pass from the end closes the set.
        for i in (0..entries.len()).rev() {
            if holds[i] {
                entries[i].parents.iter().for_each(|p| holds[*p as usize] = true);
            }
        }
        Version(holds)
    }

    /// All entries.
    pub fn head(entries: &[Entry]) -> Version {
        Version(vec![true; entries.len()])
    }

    /// Whether it holds an entry.
    pub fn holds(&self, entry: usize) -> bool {
        self.0.get(entry).copied().unwrap_or(false)
    }

    /// Whether it holds every entry.
    pub fn is_head(&self) -> bool {
        self.0.iter().all(|holds| *holds)
    }

    /// Its entries that no other of its entries was made on.
    pub fn tips(&self, entries: &[Entry]) -> Vec<u32> {
        let mut tip = self.0.clone();
        for (_, entry) in self.0.iter().zip(entries).filter(|(holds, _)| **holds) {
            entry.parents.iter().for_each(|p| tip[*p as usize] = false);
        }
        (0u32..).zip(tip).filter(|(_, tip)| *tip).map(|(i, _)| i).collect()
    }

    /// As the document counts: for each peer, how many of its operations it holds.
    pub fn vector(&self, entries: &[Entry]) -> VersionVector {
        let mut vector = VersionVector::new();
        for (_, entry) in self.0.iter().zip(entries).filter(|(holds, e)| **holds && e.end > 0) {
            vector.extend_to_include_end_id(ID::new(entry.peer, entry.end));
        }
        vector
    }
}
