//! Chores of the repository: `cargo xtask bindings [--check]` and `cargo xtask layers`.

mod bindings;
mod layers;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bindings"] => bindings::run(false),
        ["bindings", "--check"] => bindings::run(true),
        ["layers"] => layers::run(),
        _ => bail!("usage: cargo xtask bindings [--check] | layers"),
    }
}
