//! Files kept in the form of before (SQLCipher's defaults): brought over once, when they are opened.

use crate::connect::{FORM, Purpose, Target, private_file, sync_folder, with_suffix};
use crate::error::{Result, StoreError};
use rusqlite::Connection;

/// SQLCipher's own settings.
const FORMER: &str = "";

/// Opens the file for writing; one in the former form is made anew in the present one first. The old file stays until
/// the new one is complete and on the disk.
pub fn connect(target: &Target) -> Result<Connection> {
    let refused = match target.connect(Purpose::Write) {
        Err(e @ (StoreError::WrongKey | StoreError::Corrupt(_))) => e,
        other => return other,
    };
    match target.connect_as(Purpose::Write, FORMER) {
        Ok(old) => {
            bring_over(old, target)?;
            target.connect(Purpose::Write)
        }
        // It is not that either: what was said first is true.
        Err(_) => Err(refused),
    }
}

fn bring_over(old: Connection, target: &Target) -> Result<()> {
    tracing::info!("the replica is brought into this version's form");
    let fresh = target.beside(with_suffix(&target.path, ".form"));
    match std::fs::remove_file(&fresh.path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    std::fs::File::create(&fresh.path)?;
    private_file(&fresh.path)?;
    let version: i64 = old.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    old.execute("ATTACH ?1 AS fresh KEY ?2", (fresh.path.to_string_lossy(), fresh.key.literal().as_str()))?;
    old.execute_batch(&FORM.replace("PRAGMA ", "PRAGMA fresh."))?;
    old.query_row("SELECT sqlcipher_export('fresh')", [], |_| Ok(()))?;
    old.pragma_update(Some("fresh"), "user_version", version)?;
    old.execute_batch("DETACH fresh")?;
    // Its log goes into it and away, so that the new file is not read with the old one's log.
    old.close().map_err(|(_, e)| StoreError::from(e))?;
    std::fs::File::open(&fresh.path)?.sync_all()?;
    std::fs::rename(&fresh.path, &target.path)?;
    sync_folder(&target.path)
}
