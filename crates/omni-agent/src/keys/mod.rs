//! Where the secrets live: the OS keychain, or a file wrapped by a passphrase; and always a second wrap by the recovery
//! code. Never anywhere in clear: without a keychain there is an error, not a fallback.

mod keychain;
mod recovery_code;
mod secrets;
mod wrap;

pub use keychain::{Keychain, KeychainError};
pub use recovery_code::RecoveryCode;
pub use secrets::Secrets;
pub use wrap::{WrapError, Wrapped};

use crate::error::{Result, internal};
use crate::folder::{Paths, read_optional, remove_optional, write_private};
use crate::ids;
use omni_protocol::WireError;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Shortest passphrase, characters.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

/// A passphrase on its way through the process; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes it over.
    pub fn new(text: String) -> Passphrase {
        Passphrase(Zeroizing::new(text))
    }
}

impl std::ops::Deref for Passphrase {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Where to look for the secrets.
#[derive(Clone, Default)]
pub enum KeysMode {
    /// As the data folder says; a first run uses the OS keychain.
    #[default]
    Auto,
    /// The OS keychain.
    Os,
    /// A file wrapped by this passphrase.
    Passphrase(Passphrase),
}

impl std::fmt::Debug for KeysMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            KeysMode::Auto => "Auto",
            KeysMode::Os => "Os",
            KeysMode::Passphrase(_) => "Passphrase(…)",
        })
    }
}

/// `keys.json`: how this folder's secrets are kept. Holds nothing readable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyFile {
    version: u8,
    /// `os` or `passphrase`.
    pub mode: String,
    /// Name of the keychain item.
    item: String,
    /// The wrap, in passphrase mode.
    wrapped: Option<Wrapped>,
}

/// `recovery.json`.
#[derive(Serialize, Deserialize)]
struct RecoveryFile {
    version: u8,
    wrapped: Wrapped,
}

impl KeyFile {
    /// Reads the folder's key file; `None` before the first run.
    pub fn load(paths: &Paths) -> Result<Option<KeyFile>> {
        let Some(bytes) = read_optional(&paths.keys())? else { return Ok(None) };
        let file: KeyFile = serde_json::from_slice(&bytes).map_err(|e| internal("Reading keys.json", e))?;
        if file.version != 1 {
            return Err(WireError::new("newer_version", "The key file was written by a newer version of the app."));
        }
        Ok(Some(file))
    }

    /// Opens the secrets as the folder keeps them.
    ///
    /// Errors: `keychain_unavailable`, `keychain_empty`, `passphrase_needed`, `wrong_passphrase`.
    pub async fn open(&self, mode: &KeysMode) -> Result<Secrets> {
        match (&self.wrapped, mode) {
            (None, KeysMode::Passphrase(_)) => Err(WireError::new(
                "wrong_keys_mode",
                "This data folder keeps its secrets in the keychain of the system, not behind a passphrase.",
            )),
            (None, _) => Keychain::new(&self.item).read().await.map_err(keychain_error),
            (Some(wrapped), KeysMode::Passphrase(passphrase)) => {
                let (wrapped, passphrase) = (wrapped.clone(), passphrase.clone());
                let opened = tokio::task::spawn_blocking(move || wrapped.open(passphrase.as_bytes())).await;
                opened.map_err(|e| internal("Opening the key file", e))?.map_err(wrap_error)
            }
            (Some(_), _) => {
                Err(WireError::new("passphrase_needed", "This copy is protected by a passphrase. Enter it to unlock."))
            }
        }
    }

    /// Stores secrets under the folder's mode again, after an unlock by recovery code. In passphrase mode the new
    /// passphrase is needed.
    pub async fn store_again(&self, paths: &Paths, secrets: &Secrets, passphrase: Option<Passphrase>) -> Result<()> {
        match passphrase {
            Some(passphrase) => store(paths, secrets, &KeysMode::Passphrase(passphrase), &self.item).await.map(drop),
            None if self.wrapped.is_none() => Keychain::new(&self.item).write(secrets).await.map_err(keychain_error),
            None => Ok(()),
        }
    }

    /// Takes the secrets out of the keychain; the files are the caller's to remove.
    pub async fn forget(&self) -> Result<()> {
        match self.wrapped {
            None => Keychain::new(&self.item).remove().await.map_err(keychain_error),
            Some(_) => Ok(()),
        }
    }
}

/// Whether secrets can be kept this way at all, before anything is begun for them.
///
/// Errors: `keychain_unavailable`.
pub async fn check(mode: &KeysMode) -> Result<()> {
    if matches!(mode, KeysMode::Passphrase(_)) {
        return Ok(());
    }
    match Keychain::new("availability").read().await {
        Ok(_) | Err(KeychainError::Nothing | KeychainError::Unreadable) => Ok(()),
        Err(e) => Err(keychain_error(e)),
    }
}

/// Keeps fresh secrets for a folder, and wraps them once more by a recovery code, which is returned to be shown once.
///
/// Errors: `keychain_unavailable`, `weak_passphrase`.
pub async fn keep(paths: &Paths, secrets: &Secrets, mode: &KeysMode) -> Result<(KeyFile, RecoveryCode)> {
    let file = store(paths, secrets, mode, &ids::uuid_v4().to_string()).await?;
    let code = RecoveryCode::generate();
    let wrapped = Wrapped::by_code(secrets, code.as_bytes()).map_err(wrap_error)?;
    write_json(&paths.recovery(), &RecoveryFile { version: 1, wrapped })?;
    Ok((file, code))
}

async fn store(paths: &Paths, secrets: &Secrets, mode: &KeysMode, item: &str) -> Result<KeyFile> {
    let wrapped = match mode {
        KeysMode::Passphrase(passphrase) => {
            if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
                let message = format!("The passphrase needs at least {PASSPHRASE_CHARS_MIN} characters.");
                return Err(WireError::new("weak_passphrase", message));
            }
            let (secrets, passphrase) = (secrets.clone(), passphrase.clone());
            let made = tokio::task::spawn_blocking(move || Wrapped::by_passphrase(&secrets, &passphrase)).await;
            Some(made.map_err(|e| internal("Wrapping the secrets", e))?.map_err(wrap_error)?)
        }
        KeysMode::Os | KeysMode::Auto => {
            Keychain::new(item).write(secrets).await.map_err(keychain_error)?;
            None
        }
    };
    let mode = if wrapped.is_some() { "passphrase" } else { "os" };
    let file = KeyFile { version: 1, mode: mode.into(), item: item.to_owned(), wrapped };
    write_json(&paths.keys(), &file)?;
    Ok(file)
}

/// Opens the secrets with the recovery code.
///
/// Errors: `wrong_recovery_code`, `no_recovery`.
pub fn open_by_code(paths: &Paths, typed: &str) -> Result<Secrets> {
    let wrong = || WireError::new("wrong_recovery_code", "This is not the recovery code of this copy.");
    let code = RecoveryCode::parse(typed).ok_or_else(wrong)?;
    let bytes = read_optional(&paths.recovery())?.ok_or_else(|| {
        WireError::new("no_recovery", "The file with the recovery wrap is missing in the data folder.")
    })?;
    let file: RecoveryFile = serde_json::from_slice(&bytes).map_err(|e| internal("Reading recovery.json", e))?;
    file.wrapped.open(code.as_bytes()).map_err(|e| match e {
        WrapError::Wrong => wrong(),
        other => wrap_error(other),
    })
}

/// Wraps changed secrets under a fresh recovery code.
pub fn renew_code(paths: &Paths, secrets: &Secrets) -> Result<RecoveryCode> {
    let code = RecoveryCode::generate();
    let wrapped = Wrapped::by_code(secrets, code.as_bytes()).map_err(wrap_error)?;
    write_json(&paths.recovery(), &RecoveryFile { version: 1, wrapped })?;
    Ok(code)
}

/// Removes every trace of an enrolment that did not come to be.
pub async fn abandon(paths: &Paths) -> Result<()> {
    if let Some(file) = KeyFile::load(paths)? {
        file.forget().await?;
    }
    remove_optional(&paths.keys())?;
    remove_optional(&paths.recovery())
}

fn write_json(path: &std::path::Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|e| internal("Writing a key file", e))?;
    write_private(path, &bytes)
}

fn keychain_error(error: KeychainError) -> WireError {
    let (code, retryable, message) = match &error {
        KeychainError::Nothing => (
            "keychain_empty",
            false,
            "The keychain holds no secrets for this copy. Unlock with the recovery code shown at enrolment.",
        ),
        KeychainError::Unreadable => {
            ("keychain_unreadable", false, "The keychain's item is not readable by this version.")
        }
        KeychainError::Locked(_) => {
            ("keychain_unavailable", true, "The keychain of this system is locked. Unlock it, or use a passphrase.")
        }
        KeychainError::Absent(_) | KeychainError::Slow => (
            "keychain_unavailable",
            true,
            "No keychain answers on this system. Use a passphrase instead (--keys passphrase).",
        ),
    };
    tracing::warn!("keychain: {error}");
    WireError { retryable, ..WireError::new(code, message) }
}

fn wrap_error(error: WrapError) -> WireError {
    match error {
        WrapError::Wrong => WireError::new("wrong_passphrase", "The passphrase is wrong."),
        WrapError::Damaged(what) => {
            WireError::new("keys_damaged", format!("The key file is damaged ({what}). Unlock with the recovery code."))
        }
    }
}
