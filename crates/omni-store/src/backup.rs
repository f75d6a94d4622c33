//! A whole, consistent, encrypted copy in one file, taken beside the writer.

use crate::connect::{Purpose, private_file, private_folder, sync_folder, with_suffix};
use crate::error::{Result, StoreError};
use crate::store::Store;
use rusqlite::backup::Backup;
use std::path::Path;

impl Store {
    /// Copies the replica as it is now to `to`, with the same key. Errors: `invalid` if `to` exists, `disk_full`, `io`.
    pub fn back_up(&self, to: &Path) -> std::result::Result<(), StoreError> {
        if to.exists() {
            return Err(StoreError::invalid(format!(
                "“{}” exists already; a backup never replaces a file.",
                to.display()
            )));
        }
        if let Some(folder) = to.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
            private_folder(folder)?;
        }
        let partial = with_suffix(to, ".partial");
        let done = self.copy_to(&partial);
        if done.is_ok() {
            std::fs::rename(&partial, to)?;
            sync_folder(to)?;
            return self.shared.target.beside(to.to_owned()).leave_mark();
        }
        // The error says what went wrong; a leftover that cannot be removed adds nothing.
        let _ = std::fs::remove_file(&partial);
        done
    }

    fn copy_to(&self, partial: &Path) -> Result<()> {
        match std::fs::remove_file(partial) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        std::fs::File::create(partial)?;
        private_file(partial)?;
        let mut copy = self.shared.target.beside(partial.to_owned()).connect(Purpose::Stage)?;
        self.shared.readers.read(|conn| {
            let backup = Backup::new(conn, &mut copy)?;
            match backup.step(-1)? {
                rusqlite::backup::StepResult::Done => Ok(()),
                _ => Err(StoreError::Busy("the copy could not be finished".into())),
            }
        })?;
        copy.close().map_err(|(_, e)| StoreError::from(e))?;
        Ok(std::fs::File::open(partial)?.sync_all()?)
    }
}
