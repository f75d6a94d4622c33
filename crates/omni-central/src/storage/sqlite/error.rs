//! SQLite's errors in the words of the storage trait.

use crate::storage::MediumError;
use omni_sync::StorageError;
use rusqlite::ErrorCode;

/// A medium error as a storage error.
pub fn storage(error: MediumError) -> StorageError {
    StorageError::new(error)
}

/// Maps an error of the library.
pub fn map(error: rusqlite::Error) -> StorageError {
    let medium = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => MediumError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => MediumError::Locked,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => MediumError::Damaged(error.to_string()),
        _ => MediumError::Other(Box::new(error)),
    };
    storage(medium)
}
