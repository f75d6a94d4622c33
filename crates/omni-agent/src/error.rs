//! Errors of the agent: everything crosses its boundary as a `WireError` with a stable code.

use omni_protocol::WireError;
use std::fmt::Display;
use std::io;
use std::path::Path;

/// Result with the error every caller of the agent sees.
pub type Result<T, E = WireError> = std::result::Result<T, E>;

/// An error nobody branches on: its text goes to the log under a trace id, the operator gets a sentence.
pub fn internal(what: &str, error: impl Display) -> WireError {
    let trace_id = crate::ids::trace_id();
    tracing::error!(trace_id, "{what}: {error}");
    let message = format!("{what} did not work. The log holds the details under {trace_id}.");
    WireError { code: "internal".into(), message, retryable: false, trace_id }
}

/// A failure of the file system, with the code that fits.
pub fn io_error(path: &Path, error: &io::Error) -> WireError {
    let code = match error.kind() {
        io::ErrorKind::NotFound => "not_found",
        io::ErrorKind::PermissionDenied => "forbidden",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
        _ => "io",
    };
    WireError::new(code, format!("{}: {error}", path.display()))
}

/// What the operator asked for is not part of this version.
pub fn not_available(what: &str) -> WireError {
    WireError::new("not_available", format!("“{what}” is not available in this version."))
}

/// Wrong use of a command: the sentence says what is right.
pub fn usage(message: impl Into<String>) -> WireError {
    WireError::new("usage", message)
}

/// An error of the replica file.
pub fn store_error(error: omni_store::StoreError) -> WireError {
    WireError { retryable: error.retryable(), ..WireError::new(error.code(), error.to_string()) }
}

/// An edit that was not saved. Field problems are named in the message.
pub fn edit_error(error: omni_sync::replica::EditError) -> WireError {
    match error {
        omni_sync::replica::EditError::Storage(e) => store_error(e.into()),
        omni_sync::replica::EditError::Refused { code, message, fields } => {
            let all: Vec<String> = fields.iter().map(ToString::to_string).collect();
            WireError::new(code, if all.len() > 1 { all.join(" ") } else { message })
        }
    }
}
