//! Errors on the wire. A code exists only where somebody branches on it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `{code, message, retryable, trace_id}`: what crosses every boundary of the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message} [{code}]")]
pub struct WireError {
    /// Stable snake-case word.
    pub code: String,
    /// A sentence for the operator.
    pub message: String,
    /// Whether trying again later may help.
    pub retryable: bool,
    /// Where to find the internal text in the log; empty if there is none.
    #[serde(default)]
    pub trace_id: String,
}

impl WireError {
    /// A final error.
    pub fn new(code: &str, message: impl Into<String>) -> WireError {
        WireError { code: code.into(), message: message.into(), retryable: false, trace_id: String::new() }
    }

    /// An error that may pass by itself.
    pub fn retryable(code: &str, message: impl Into<String>) -> WireError {
        WireError { retryable: true, ..WireError::new(code, message) }
    }
}
