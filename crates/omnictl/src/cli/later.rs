//! Commands whose names are taken and that this version cannot do.

use crate::laptop::Result;
use clap::{ArgGroup, Args};
use omni_protocol::WireError;
use std::path::PathBuf;

/// Flags of `text`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("edit").required(true))]
pub struct TextArgs {
    /// The collection.
    collection: String,
    /// The record's id or key.
    id: String,
    /// The text field.
    field: String,
    /// Puts text in at a place.
    #[arg(long, group = "edit", num_args = 2, value_names = ["POS", "TEXT"], allow_hyphen_values = true)]
    insert: Option<Vec<String>>,
    /// Takes text out at a place.
    #[arg(long, group = "edit", num_args = 2, value_names = ["POS", "LEN"])]
    delete: Option<Vec<u64>>,
    /// Replaces the text by a file's.
    #[arg(long, group = "edit", value_name = "FILE")]
    replace_file: Option<PathBuf>,
}

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
