//! Putting a backup in the place of the replica. The restored copy goes on as a new incarnation; the one it replaces is
//! kept beside it.

use crate::engine::COOKIE;
use crate::error::{Result, internal, io_error, store_error};
use crate::folder::{DataFolder, make_private_dir};
use crate::ids;
use crate::keys::{KeyFile, KeysMode, Passphrase};
use omni_protocol::WireError;
use omni_store::{DbKey, Durability, Lane, Store, StoreError, StoreOptions};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Restores `file` into an enrolled data folder that no process uses.
///
/// Errors: `busy`, `first_run`, `not_found`, `wrong_key` (a backup of another laptop), `corrupt`, `newer_version`; nothing
/// was changed then.
pub async fn restore(data_dir: &Path, file: &Path, passphrase: Option<Passphrase>) -> Result<Json> {
    let folder = DataFolder::own(data_dir)?;
    let paths = folder.paths().clone();
    let first_run = || WireError::new("first_run", "This laptop has not joined a central yet. Enrol it first.");
    let keys = KeyFile::load(&paths)?.ok_or_else(first_run)?;
    let secrets = keys.open(&passphrase.map_or(KeysMode::Auto, KeysMode::Passphrase)).await?;
    let (file, key) = (file.to_owned(), DbKey::new(secrets.database_key));
    let work = move || {
        let staged = paths.staging().join("restore.db");
        make_private_dir(&paths.staging())?;
        copy_private(&file, &staged)?;
        let rows = prepare(&staged, &key)?;
        put_in_place(&staged, &paths.database(), &paths.root)?;
        Ok::<_, WireError>(json!({ "rows": rows }))
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Restoring", e))?
}

fn copy_private(from: &Path, to: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", ".mark", ".lock"] {
        crate::folder::remove_optional(&beside(to, suffix))?;
    }
    std::fs::copy(from, to).map_err(|e| io_error(from, &e))?;
    Ok(())
}

/// Opens the copy, which proves it whole, and takes the cookie out: it is not the database its keys were made with.
fn prepare(staged: &Path, key: &DbKey) -> Result<u64> {
    let store = Store::open(staged, key, StoreOptions::default()).map_err(store_error)?;
    let problems = store.check_integrity().map_err(store_error)?;
    if let Some(problem) = problems.first() {
        return Err(WireError::new("corrupt", format!("The backup is damaged: {problem}.")));
    }
    let strip = |tx: &mut omni_store::WriteTx<'_>| {
        tx.set_fact(COOKIE, None)?;
        tx.read()?.rows_total()
    };
    let rows = store.write(Lane::Interactive, Durability::Full, strip).map_err(|e: StoreError| store_error(e))?;
    store.close();
    Ok(rows)
}

fn put_in_place(staged: &Path, database: &Path, root: &Path) -> Result<()> {
    let fail = |e: std::io::Error| io_error(database, &e);
    let kept = root.join(format!("replica-before-restore-{}.db", ids::uuid_v7()));
    for suffix in ["", "-wal", "-shm", ".mark"] {
        let old = beside(database, suffix);
        if old.exists() {
            std::fs::rename(&old, beside(&kept, suffix)).map_err(fail)?;
        }
    }
    for suffix in ["", ".mark"] {
        let new = beside(staged, suffix);
        if new.exists() {
            std::fs::rename(&new, beside(database, suffix)).map_err(fail)?;
        }
    }
    std::fs::File::open(root).and_then(|d| d.sync_all()).map_err(fail)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
