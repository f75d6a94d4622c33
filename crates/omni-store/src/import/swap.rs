//! Putting the staged file in the place of the live one, on the writer thread.
//!
//! At every instant one complete file has the live name: the staged one is synced before it gets it, and the live one's
//! log is in its file, and durably gone, before that, so that no file ever meets the other's log.

use super::carry::Carry;
use crate::connect::{Target, sync_folder, with_suffix};
use crate::error::{Result, StoreError};
use crate::notice::Committed;
use crate::store::Shared;
use crate::writer::Bench;
use omni_protocol::{Grants, Manifest};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the writer is held for running reads to end before it is let go again.
const READS_MAY_TAKE: Duration = Duration::from_millis(100);

/// A staged file ready to be swapped in.
pub struct Swap {
    /// The staged file.
    pub path: PathBuf,
    /// Its connection, until it is complete.
    pub conn: Option<Connection>,
    /// What was carried so far.
    pub carry: Carry,
    /// What the copy is.
    pub manifest: Manifest,
    /// The grants it was made under.
    pub grants: Grants,
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The new copy is live.
    Done,
    /// A read still runs: try again.
    ReadsRun,
}

impl Swap {
    /// Brings over what changed since and swaps. Nobody writes meanwhile.
    pub fn attempt(&mut self, bench: &mut Bench, shared: &Shared) -> Result<Attempt> {
        let started = Instant::now();
        self.catch_up(bench.connection()?)?;
        let caught_up = started.elapsed();
        let drained = match shared.readers.drain(READS_MAY_TAKE) {
            Err(StoreError::Busy(_)) => return Ok(Attempt::ReadsRun),
            other => other?,
        };
        self.complete()?;
        let completed = started.elapsed();
        let staged = &self.path;
        bench.replace(|target| take_place(target, staged))?;
        shared.board.generation.fetch_add(1, Ordering::Release);
        drop(drained);
        let (caught_up, completed, held) =
            (caught_up.as_millis(), completed.as_millis(), started.elapsed().as_millis());
        tracing::info!(caught_up, completed, held, seq = self.manifest.position.seq, "a new copy is in place (ms)");
        bench.board.tell(&Committed {
            cursor: Some(self.manifest.position),
            queue: true,
            conflicts: true,
            replaced: true,
            ..Committed::default()
        });
        Ok(Attempt::Done)
    }

    fn staged(&self) -> Result<&Connection> {
        self.conn.as_ref().ok_or(StoreError::Closed)
    }

    /// What changed since it was carried last, and identity. Also run once before the writer is held.
    pub fn catch_up(&mut self, live: &Connection) -> Result<()> {
        let Swap { conn: Some(staged), carry, manifest, grants, .. } = self else { return Err(StoreError::Closed) };
        let (from, to) = (live.unchecked_transaction()?, staged.unchecked_transaction()?);
        carry.bring(&from, &to)?;
        carry.finish(&from, &to, grants, &manifest.directory)?;
        to.commit()?;
        Ok(from.commit()?)
    }

    /// Makes the staged file a complete, durable replica.
    fn complete(&mut self) -> Result<()> {
        let mode: String = self.staged()?.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
        if mode != "wal" {
            return Err(StoreError::Io(format!("write-ahead logging is not possible here (mode {mode})")));
        }
        if let Some(conn) = self.conn.take() {
            conn.close().map_err(|(_, e)| StoreError::from(e))?;
        }
        Ok(File::open(&self.path)?.sync_all()?)
    }
}

/// Gives the staged file the live name. No connection to either is open.
fn take_place(target: &Target, staged: &Path) -> Result<()> {
    let no_log = |path: &Path| {
        let log = with_suffix(path, "-wal");
        match std::fs::metadata(&log) {
            Ok(m) if m.len() > 0 => Err(StoreError::Busy("a write-ahead log could not be moved into its file".into())),
            Ok(_) => Ok(std::fs::remove_file(&log)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e.into()),
        }
    };
    no_log(&target.path)?;
    no_log(staged)?;
    sync_folder(&target.path)?;
    std::fs::rename(staged, &target.path)?;
    sync_folder(&target.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DbKey;

    #[test]
    fn a_file_never_meets_the_others_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.db");
        let (log, staged) = (with_suffix(&path, "-wal"), with_suffix(&path, ".staging"));
        let target = Target { path: path.clone(), key: DbKey::new([1; 32]), vfs: None };
        std::fs::write(&path, b"old").unwrap();
        std::fs::write(&staged, b"new").unwrap();
        std::fs::write(&log, b"edits").unwrap();
        assert_eq!(take_place(&target, &staged).unwrap_err().code(), "busy");
        assert_eq!((std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap()), (b"old".into(), b"edits".into()));
        std::fs::write(&log, b"").unwrap();
        take_place(&target, &staged).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(!log.exists() && !staged.exists());
    }
}
