//! The error both storage traits return: the medium failed, not the data.

/// Reading or writing the medium failed. The transaction must be abandoned; nothing of it happened.
#[derive(Debug, thiserror::Error)]
#[error("storage: {0}")]
pub struct StorageError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StorageError {
    /// Wraps an error of the medium.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
        StorageError(Box::new(error))
    }

    /// Stored bytes that cannot be read back: corruption.
    pub fn corrupt(what: &str) -> StorageError {
        StorageError(format!("corrupt {what}").into())
    }
}
