//! Commands whose names are taken and that this version cannot do.

use crate::laptop::Result;
use clap::Args;
use omni_protocol::WireError;

/// Flags of `node`.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// The enrolled node.
    #[arg(long)]
    id: String,
}

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Names of benchmarks.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    names: Vec<String>,
}

/// The answer of such a command.
pub fn not_available(what: &str) -> Result<u8> {
    Err(WireError::new("not_available", format!("“{what}” is not available in this version.")))
}

/// `bench`.
pub fn bench() -> Result<u8> {
    Err(WireError::new(
        "not_available",
        "The benchmarks are programs of their own: run `make bench` in the source tree.",
    ))
}
