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
    /// What laptops are told instead, where the sentence names things of this machine.
    public: Option<&'static str>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

const DISK_FULL: &str = "Central's disk is full. Make room; nothing was lost.";

/// Shorthand.
pub type Result<T, E = CentralError> = std::result::Result<T, E>;

impl CentralError {
    /// A final error.
    pub fn new(code: &'static str, message: impl Into<String>) -> CentralError {
        CentralError { code, message: message.into(), retryable: false, public: None, source: None }
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
        let message = format!("{}: {error}", path.display());
        let public = match code {
            "disk_full" => DISK_FULL,
            _ => "Central cannot read or write one of its files. Its log says which.",
        };
        CentralError { public: Some(public), ..CentralError::new(code, message) }.because(error)
    }

    /// What laptops are told: without paths of this machine.
    pub fn told(&self) -> &str {
        self.public.unwrap_or(&self.message)
    }

    /// The error as it crosses the wire.
    pub fn wire(&self, trace_id: String) -> WireError {
        let message = self.told().to_owned();
        WireError { code: self.code.into(), message, retryable: self.retryable, trace_id }
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
            "disk_full" => DISK_FULL.to_owned(),
            _ => format!("Central's storage: {sentence}."),
        };
        CentralError { code, message, retryable, public: None, source: Some(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn laptops_are_not_told_paths_of_this_machine() {
        let gone = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = CentralError::file(Path::new("/var/lib/central/central.db"), gone);
        assert!(error.to_string().contains("/var/lib/central"), "the administrator is");
        let told = error.wire(String::new());
        assert_eq!(told.code, "forbidden");
        assert!(!told.message.contains('/'), "{told:?}");
    }
}
