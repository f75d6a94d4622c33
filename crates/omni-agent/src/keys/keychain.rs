//! The operating system's keychain: one item per data folder. On Linux the Secret Service over D-Bus, through a store
//! this process builds itself and keeps, so that a service that starts late is found at the next try.

use super::secrets::Secrets;
use keyring_core::{CredentialStore, Entry, Error as KeyringError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Service name of the items.
const SERVICE: &str = "omni-control-center";
/// Longest wait for the keychain, a person's unlock prompt included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for the service itself to appear.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Tries when the service fails in a way that may pass (it is just starting).
const TRIES: u32 = 3;
/// Pause between tries.
const TRY_PAUSE: Duration = Duration::from_millis(200);

/// Why the keychain did not answer. Decided by the type of its error, never by its text.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// No bus, no service, or it failed.
    #[error("no keychain answers on this machine: {0}")]
    Absent(String),
    /// It is there and locked, or the prompt was dismissed.
    #[error("the keychain is locked: {0}")]
    Locked(String),
    /// It did not answer in time.
    #[error("the keychain did not answer in time")]
    Slow,
    /// It works, but holds nothing for this data folder.
    #[error("the keychain holds no secrets for this data folder")]
    Nothing,
    /// It holds something this version cannot read.
    #[error("the keychain's item is not readable by this version")]
    Unreadable,
}

/// The process-wide store, once it could be built.
static STORE: Mutex<Option<Arc<CredentialStore>>> = Mutex::new(None);

/// The item of one data folder.
#[derive(Clone, Debug)]
pub struct Keychain {
    item: String,
}

impl Keychain {
    /// The item of this name.
    pub fn new(item: &str) -> Keychain {
        Keychain { item: item.to_owned() }
    }

    /// Reads the secrets.
    pub async fn read(&self) -> Result<Secrets, KeychainError> {
        let item = self.item.clone();
        blocking(move || {
            let bytes = Zeroizing::new(entry(&item)?.get_secret().map_err(KeychainError::from)?);
            Secrets::from_bytes(&bytes).map_err(|_| KeychainError::Unreadable)
        })
        .await
    }

    /// Stores the secrets and reads them back: a keychain that forgets at once is found out now.
    pub async fn write(&self, secrets: &Secrets) -> Result<(), KeychainError> {
        let (item, secrets) = (self.item.clone(), secrets.clone());
        blocking(move || {
            let entry = entry(&item)?;
            let bytes = Zeroizing::new(secrets.to_bytes());
            entry.set_secret(&bytes).map_err(KeychainError::from)?;
            let back = Zeroizing::new(entry.get_secret().map_err(KeychainError::from)?);
            if back == bytes { Ok(()) } else { Err(KeychainError::Absent("it did not keep the item".into())) }
        })
        .await
    }

    /// Removes the item; no error if there is none.
    pub async fn remove(&self) -> Result<(), KeychainError> {
        let item = self.item.clone();
        blocking(move || match entry(&item)?.delete_credential() {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(e) => Err(e.into()),
        })
        .await
    }
}

impl From<KeyringError> for KeychainError {
    fn from(error: KeyringError) -> KeychainError {
        match error {
            KeyringError::NoEntry => KeychainError::Nothing,
            KeyringError::NoStorageAccess(e) => KeychainError::Locked(e.to_string()),
            KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => KeychainError::Unreadable,
            other => KeychainError::Absent(other.to_string()),
        }
    }
}

/// Runs a keychain call off the runtime's threads, trying again while the service may still be starting.
async fn blocking<T: Send + 'static>(
    call: impl Fn() -> Result<T, KeychainError> + Send + Sync + 'static,
) -> Result<T, KeychainError> {
    let call = Arc::new(call);
    for attempt in 1..=TRIES {
        let (now, limit) = (call.clone(), if attempt == 1 { ANSWER_TIMEOUT } else { CONNECT_TIMEOUT });
        let answer = tokio::time::timeout(limit, tokio::task::spawn_blocking(move || now())).await;
        match answer {
            Err(_) => return Err(KeychainError::Slow),
            Ok(Err(join)) => return Err(KeychainError::Absent(join.to_string())),
            Ok(Ok(Err(KeychainError::Absent(why)))) if attempt < TRIES => {
                tracing::debug!(attempt, "keychain: {why}");
                forget_store();
                tokio::time::sleep(TRY_PAUSE).await;
            }
            Ok(Ok(result)) => return result,
        }
    }
    Err(KeychainError::Slow)
}

fn entry(item: &str) -> Result<Entry, KeychainError> {
    let mut kept = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    let store = match &*kept {
        Some(store) => store.clone(),
        None => kept.insert(build_store()?).clone(),
    };
    drop(kept);
    Entry::new_in_store(&store, SERVICE, item).map_err(KeychainError::from)
}

/// A broken bus connection stays broken: the next try builds a new one.
fn forget_store() {
    *STORE.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[cfg(target_os = "linux")]
fn build_store() -> Result<Arc<CredentialStore>, KeychainError> {
    let store = zbus_secret_service_keyring_store::Store::new();
    store.map(|s| s as Arc<CredentialStore>).map_err(|e| KeychainError::Absent(e.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn build_store() -> Result<Arc<CredentialStore>, KeychainError> {
    Err(KeychainError::Absent("this build knows no keychain for this system".into()))
}
