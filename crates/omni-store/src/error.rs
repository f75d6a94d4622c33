//! What can go wrong with the file, each with a stable code.

use omni_sync::StorageError;
use omni_sync::replica::{EditError, FeedError};
use rusqlite::ErrorCode;

/// An error of the replica file. `code` is stable; the text is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The key does not open the file.
    #[error("The key does not open this database.")]
    WrongKey,
    /// The file is damaged.
    #[error(
        "The database is damaged: {0}. Restore a backup, or take a fresh copy from central; the queue can be exported."
    )]
    Corrupt(String),
    /// A newer version of the app wrote the file.
    #[error(
        "A newer version of Omni Control Center wrote this database ({0}). Update this app to open it; nothing was changed."
    )]
    NewerVersion(String),
    /// A migration in the file is not the one this app knows by that number.
    #[error(
        "Migration {0} of this database is not the one this app knows. It was made by another build; nothing was changed."
    )]
    MigrationChanged(i64),
    /// No space left.
    #[error("The disk is full. Free some space; everything saved is safe.")]
    DiskFull,
    /// Somebody else holds the file, or a queue is full.
    #[error("The database is busy: {0}.")]
    Busy(String),
    /// Reading or writing failed.
    #[error("Reading or writing the database failed: {0}.")]
    Io(String),
    /// The work panicked; its transaction was rolled back.
    #[error("An internal fault stopped a write; nothing of it was saved: {0}.")]
    Panicked(String),
    /// The store was closed.
    #[error("The database is closed.")]
    Closed,
    /// Something asked for does not exist, or does not fit.
    #[error("{0}")]
    Invalid(String),
    /// SQL that should have worked did not: a fault of this program.
    #[error("Internal database error: {0}.")]
    Internal(String),
    /// A snapshot does not hold what its manifest says.
    #[error("The copy from central is not what its list says: {0}.")]
    BadSnapshot(String),
}

impl StoreError {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::WrongKey => "wrong_key",
            StoreError::Corrupt(_) => "corrupt",
            StoreError::NewerVersion(_) => "newer_version",
            StoreError::MigrationChanged(_) => "migration_changed",
            StoreError::DiskFull => "disk_full",
            StoreError::Busy(_) => "busy",
            StoreError::Io(_) => "io",
            StoreError::Panicked(_) => "panicked",
            StoreError::Closed => "closed",
            StoreError::Invalid(_) => "invalid",
            StoreError::Internal(_) => "internal",
            StoreError::BadSnapshot(_) => "bad_snapshot",
        }
    }

    /// Whether trying again later may help.
    pub fn retryable(&self) -> bool {
        matches!(self, StoreError::Busy(_) | StoreError::DiskFull | StoreError::Io(_))
    }

    /// Whether the connection must not be trusted any more: what reached the disk is unknown.
    pub(crate) fn is_suspect(&self) -> bool {
        matches!(self, StoreError::Io(_) | StoreError::Corrupt(_))
    }

    /// An invalid request.
    pub(crate) fn invalid(message: impl Into<String>) -> StoreError {
        StoreError::Invalid(message.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(text),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed,
            ) => StoreError::Io(text),
            _ => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..) => StoreError::Corrupt(text),
                _ => StoreError::Internal(text),
            },
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
            std::io::ErrorKind::WouldBlock => StoreError::Busy(error.to_string()),
            _ => StoreError::Io(error.to_string()),
        }
    }
}

impl From<StoreError> for StorageError {
    fn from(error: StoreError) -> StorageError {
        StorageError::new(error)
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> StoreError {
        match error.0.downcast::<StoreError>() {
            Ok(own) => *own,
            Err(other) => StoreError::Corrupt(other.to_string()),
        }
    }
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> EditError {
        EditError::Storage(error.into())
    }
}

impl From<StoreError> for FeedError {
    fn from(error: StoreError) -> FeedError {
        FeedError::Storage(error.into())
    }
}

/// Shorthand of this crate.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A snapshot that is not what its manifest says.
pub(crate) fn bad_snapshot(what: &str) -> StoreError {
    StoreError::BadSnapshot(what.into())
}

/// Stored bytes that cannot be read back.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("unreadable {what}"))
}
