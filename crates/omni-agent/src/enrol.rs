//! Joining a central: keys first, then the one-time code, then the identity that says it is done. A failure on the way
//! leaves a folder as before.

use crate::client::{Client, EnrolRequest};
use crate::engine::open_store;
use crate::error::{Result, io_error, store_error};
use crate::folder::{Paths, make_private_dir, remove_optional};
use crate::identity::Identity;
use crate::ids;
use crate::keys::{self, KeysMode, Secrets};
use crate::local_central::LocalCentral;
use crate::sync::measure::Traffic;
use omni_protocol::WireError;
use omni_protocol::rpc::Enrolled;
use std::path::PathBuf;
use std::sync::Arc;

/// Longest name of a device, bytes.
const NAME_BYTES_MAX: usize = 200;

/// What an enrolment made.
pub struct Joined {
    /// For whoever asked; holds the recovery code, shown once.
    pub enrolled: Enrolled,
    /// Who the laptop is now.
    pub identity: Identity,
    /// What opens it.
    pub secrets: Secrets,
}

/// Joins the central at `address`.
///
/// Errors: `bad_address`, `central_unreachable`, `code_unknown`, `code_used`, `code_expired`, `keychain_unavailable`,
/// `weak_passphrase`, `invalid`.
pub async fn join(
    paths: &Paths,
    address: &str,
    code: &str,
    name: &str,
    mode: &KeysMode,
    local: bool,
) -> Result<Joined> {
    let client = Client::new(address, Arc::new(Traffic::default()))?;
    let name = checked_name(name)?;
    let code = code.trim();
    if code.is_empty() || code.len() > 128 {
        return Err(WireError::new("code_unknown", "Enter the one-time code an administrator gave you."));
    }
    set_aside(paths)?;
    let secrets = Secrets::generate();
    let (_, recovery) = keys::keep(paths, &secrets, mode).await?;
    match spend(paths, &client, code, &name, &secrets, local).await {
        Ok((identity, replica)) => {
            let enrolled = Enrolled {
                device: identity.device.to_string(),
                replica,
                operator: identity.operator.clone(),
                recovery_code: recovery.to_words(),
            };
            Ok(Joined { enrolled, identity, secrets })
        }
        Err(e) => {
            if let Err(left) = clear_remains(paths).await {
                tracing::warn!("after a failed enrolment: {left}");
            }
            Err(e)
        }
    }
}

/// Starts a central on this machine with the sample portfolio, and joins it.
pub async fn local(paths: &Paths, name: &str, mode: &KeysMode) -> Result<(Joined, LocalCentral)> {
    // Filling the sample takes seconds: what would stop the enrolment is told before.
    keys::check(mode).await?;
    let central = LocalCentral::first(paths).await?;
    let code = central.enrol_code(paths, &operator_name()).await?;
    let joined = join(paths, central.address(), &code, name, mode, true).await?;
    Ok((joined, central))
}

/// The name of the person at this machine, as the system knows it.
fn operator_name() -> String {
    let known = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    let usable = !known.trim().is_empty() && known.len() <= NAME_BYTES_MAX && !known.chars().any(char::is_control);
    if usable { known.trim().to_owned() } else { "Operator".to_owned() }
}

async fn spend(
    paths: &Paths,
    client: &Client,
    code: &str,
    name: &str,
    secrets: &Secrets,
    local: bool,
) -> Result<(Identity, String)> {
    // The database exists before the code is spent: a full disk must not cost a code.
    let store = open_store(paths, secrets).await?;
    let meta = store.read(|tx| tx.meta()).map_err(store_error)?;
    store.close();
    let replica = meta.map(|m| m.replica).ok_or_else(|| WireError::new("corrupt", "The new database is empty."))?;
    let request = EnrolRequest {
        code,
        name,
        device_public_key: ids::to_hex(secrets.device_key().verifying_key().as_bytes()),
        replica,
    };
    let answer = client.enrol(&request).await?;
    let identity = Identity::new(answer, name.to_owned(), client.address().to_owned(), local);
    identity.save(paths)?;
    Ok((identity, replica.to_string()))
}

/// The files of an enrolment.
fn files(paths: &Paths) -> Vec<PathBuf> {
    let database = paths.database();
    let of_database = ["", "-wal", "-shm", ".mark", ".lock"].map(|suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    of_database.into_iter().chain([paths.keys(), paths.recovery()]).collect()
}

/// A database without an identity may hold somebody's work: it is put aside, never removed.
fn set_aside(paths: &Paths) -> Result<()> {
    let found: Vec<PathBuf> = files(paths).into_iter().filter(|f| f.exists()).collect();
    if found.is_empty() {
        return Ok(());
    }
    let aside = paths.root.join(format!("aside-{}", ids::uuid_v7()));
    make_private_dir(&aside)?;
    for file in found {
        let name = file.file_name().unwrap_or_default();
        std::fs::rename(&file, aside.join(name)).map_err(|e| io_error(&file, &e))?;
    }
    tracing::warn!("files of an earlier enrolment were put aside in {}", aside.display());
    Ok(())
}

/// Removes what this enrolment made before it failed: nothing in it was ever shown to anybody.
async fn clear_remains(paths: &Paths) -> Result<()> {
    keys::abandon(paths).await?;
    files(paths).iter().try_for_each(|f| remove_optional(f))
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    match !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control) {
        true => Ok(name.to_owned()),
        false => {
            Err(WireError::new("invalid", format!("The device's name needs 1 to {NAME_BYTES_MAX} bytes of text.")))
        }
    }
}
