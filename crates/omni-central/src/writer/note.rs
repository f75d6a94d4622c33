//! What is being merged, in a file: if central dies in the middle, the file says on what.
//!
//! First death: the entries under the note become suspects; from then on each of them runs alone, one transaction and
//! one note per entry. Second death: the note names exactly one entry; it is set aside for good, without being run.
//!
//! The note is written without fsync: it has to outlive the process (a stack overflow, an abort, the OOM killer), and
//! the page cache does. A power cut says nothing about a batch. The quarantine itself is fsynced. Its size stays as it
//! is: a file that grows and shrinks with every group makes each sync of the log beside it wait for the file system's.

use crate::error::{CentralError, Result};
use crate::folder::{Folder, append_durably, private_file};
use omni_protocol::ReplicaId;
use omni_protocol::limits::BATCH_CHANGES_MAX;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// First line while nothing is merged: not longer than any other first line.
const NOTHING: &str = "none\n";
/// Last line of a note; what follows is of an earlier, longer one.
const END: &str = ".";

/// One counter of one replica.
pub type EntryId = (ReplicaId, u64);

/// A run of counters of one replica: first and how many.
pub type EntryRun = (ReplicaId, u64, u64);

/// The note and what is known from earlier ones.
#[derive(Debug)]
pub struct Notes {
    file: File,
    path: PathBuf,
    quarantine: PathBuf,
    suspects: BTreeSet<EntryId>,
    set_aside: BTreeSet<EntryId>,
}

fn parse(line: &str) -> Option<EntryId> {
    let (replica, counter) = line.trim().split_once(' ')?;
    Some((replica.parse().ok()?, counter.parse().ok()?))
}

/// The entries of one line of a note: `replica first count`.
fn parse_run(line: &str) -> Vec<EntryId> {
    let run = line.rsplit_once(' ').and_then(|(head, count)| Some((parse(head)?, count.parse::<u64>().ok()?)));
    let Some(((replica, first), count)) = run else { return Vec::new() };
    (first..first.saturating_add(count.min(BATCH_CHANGES_MAX as u64))).map(|c| (replica, c)).collect()
}

impl Notes {
    /// Reads what the process before left behind.
    pub fn open(folder: &Folder) -> Result<Notes> {
        let path = folder.note();
        let fail = |e| CentralError::file(&path, e);
        let mut file = private_file(&path)?;
        let mut text = String::new();
        // A note that is not text was torn with the machine: it accuses nobody.
        let _ = file.read_to_string(&mut text);
        let accused: BTreeSet<EntryId> = text.lines().skip(1).take_while(|l| *l != END).flat_map(parse_run).collect();
        let quarantine = folder.quarantine();
        let known = std::fs::read_to_string(&quarantine).unwrap_or_default();
        let mut set_aside: BTreeSet<EntryId> = known.lines().filter_map(parse).collect();
        let suspects = match (text.lines().next(), accused.first()) {
            (Some("alone"), Some(culprit)) => {
                append_durably(&quarantine, &format!("{} {}", culprit.0, culprit.1))?;
                set_aside.insert(*culprit);
                BTreeSet::new()
            }
            (Some("together"), _) => accused,
            _ => BTreeSet::new(),
        };
        if !suspects.is_empty() {
            tracing::warn!(entries = suspects.len(), "central died while merging; these entries now run alone");
        }
        file.set_len(0).map_err(fail)?;
        Ok(Notes { file, path, quarantine, suspects, set_aside })
    }

    /// Whether any of these entries was under a note when central died.
    pub fn is_suspect(&self, replica: ReplicaId, first: u64, count: u64) -> bool {
        let range = (replica, first)..(replica, first.saturating_add(count));
        self.suspects.range(range).next().is_some()
    }

    /// Entries that are never run again.
    pub fn set_aside(&self) -> &BTreeSet<EntryId> {
        &self.set_aside
    }

    /// Sets an entry aside for good.
    pub fn quarantine(&mut self, entry: EntryId) -> Result<()> {
        if self.set_aside.insert(entry) {
            append_durably(&self.quarantine, &format!("{} {}", entry.0, entry.1))?;
        }
        Ok(())
    }

    /// The entry ran through: it is no longer a suspect.
    pub fn clear_suspect(&mut self, entry: EntryId) {
        self.suspects.remove(&entry);
    }

    /// Notes that these entries are merged next, together or alone.
    pub fn begin(&mut self, alone: bool, runs: impl Iterator<Item = EntryRun>) -> Result<()> {
        let mut text = String::from(if alone { "alone\n" } else { "together\n" });
        for (replica, first, count) in runs {
            text.push_str(&format!("{replica} {first} {count}\n"));
        }
        text.push_str(END);
        text.push('\n');
        self.file.write_all_at(text.as_bytes(), 0).map_err(|e| CentralError::file(&self.path, e))
    }

    /// Nothing is being merged any more.
    pub fn end(&mut self) -> Result<()> {
        self.file.write_all_at(NOTHING.as_bytes(), 0).map_err(|e| CentralError::file(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica() -> ReplicaId {
        ReplicaId(uuid::Uuid::from_u128(9))
    }

    #[test]
    fn two_deaths_name_one_culprit() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let mut notes = Notes::open(&folder).unwrap();
        notes.begin(false, std::iter::once((replica(), 1, 3))).unwrap();
        // The process dies here.
        let mut notes = Notes::open(&folder).unwrap();
        assert!(notes.is_suspect(replica(), 3, 1) && !notes.is_suspect(replica(), 4, 10));
        assert!(notes.set_aside().is_empty());
        notes.begin(true, std::iter::once((replica(), 2, 1))).unwrap();
        // And here again.
        let notes = Notes::open(&folder).unwrap();
        assert_eq!(notes.set_aside().iter().collect::<Vec<_>>(), [&(replica(), 2)]);
        assert_eq!(Notes::open(&folder).unwrap().set_aside().len(), 1, "it stays set aside");
    }

    #[test]
    fn what_is_left_of_a_longer_note_accuses_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let mut notes = Notes::open(&folder).unwrap();
        notes.begin(false, [(replica(), 1, 3), (replica(), 9, 1)].into_iter()).unwrap();
        notes.end().unwrap();
        notes.begin(false, std::iter::once((replica(), 4, 1))).unwrap();
        let notes = Notes::open(&folder).unwrap();
        assert!(notes.is_suspect(replica(), 4, 1) && !notes.is_suspect(replica(), 9, 1));
    }

    #[test]
    fn a_clean_end_accuses_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let mut notes = Notes::open(&folder).unwrap();
        notes.begin(false, std::iter::once((replica(), 1, 1))).unwrap();
        notes.end().unwrap();
        assert!(!Notes::open(&folder).unwrap().is_suspect(replica(), 1, 1));
    }
}
