//! What central answers when something cannot be done: a stable code, a sentence, whether trying again may help.

use crate::storage::medium;
use omni_protocol::WireError;
use omni_sync::StorageError;
use std::error::Error;

/// An error with the code that scripts and laptops branch on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CentralError {
    /// Stable snake-case word.
    pub code: &'static str,
    /// A sentence for the operator.
    pub message: String,
    /// Whether trying again later may help.
    pub retryable: bool,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Shorthand.
pub type Result<T, E = CentralError> = std::result::Result<T, E>;

impl CentralError {
    /// A final error.
    pub fn new(code: &'static str, message: impl Into<String>) -> CentralError {
        CentralError { code, message: message.into(), retryable: false, source: None }
    }

    /// An error that may pass by itself.
    pub fn retryable(code: &'static str, message: impl Into<String>) -> CentralError {
        CentralError { retryable: true, ..CentralError::new(code, message) }
    }

    /// Remembers what lies beneath.
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> CentralError {
        self.source = Some(source.into());
        self
    }

    /// A file could not be read or written.
    pub fn file(path: &std::path::Path, error: std::io::Error) -> CentralError {
        let code = match error.kind() {
            std::io::ErrorKind::StorageFull => "disk_full",
            std::io::ErrorKind::NotFound => "not_found",
            std::io::ErrorKind::PermissionDenied => "forbidden",
            _ => "io",
        };
        CentralError::new(code, format!("{}: {error}", path.display())).because(error)
    }

    /// The error as it crosses the wire.
    pub fn wire(&self, trace_id: String) -> WireError {
        WireError { code: self.code.into(), message: self.message.clone(), retryable: self.retryable, trace_id }
    }
}

impl From<StorageError> for CentralError {
    fn from(error: StorageError) -> CentralError {
        let (code, sentence) = match medium(&error) {
            Some(m) => (m.code(), m.to_string()),
            None => ("damaged", error.to_string()),
        };
        let retryable = matches!(code, "busy" | "disk_full" | "storage");
        let message = match code {
            "disk_full" => "Central's disk is full. Make room; nothing was lost.".to_owned(),
            _ => format!("Central's storage: {sentence}."),
        };
        CentralError { code, message, retryable, source: Some(Box::new(error)) }
    }
}
