//! Chores of the repository: `cargo xtask bindings [--check]`, `cargo xtask layers`, `cargo xtask cases FILE`.

mod bindings;
mod cases;
mod layers;

use anyhow::{Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bindings"] => bindings::run(false),
        ["bindings", "--check"] => bindings::run(true),
        ["layers"] => layers::run(),
        ["cases", file] => cases::run(Path::new(file)),
        _ => bail!("usage: cargo xtask bindings [--check] | layers | cases FILE"),
    }
}
