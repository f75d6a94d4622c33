//! Chores of the repository: `cargo xtask bindings [--check]`, `cargo xtask layers`, `cargo xtask cases FILE`,
//! `cargo xtask events FILE --json`, `cargo xtask events --generated N --json`, `cargo xtask planted [NAME…]`.

mod bindings;
mod cases;
mod events;
mod layers;
mod planted;

use anyhow::{Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bindings"] => bindings::run(false),
        ["bindings", "--check"] => bindings::run(true),
        ["layers"] => layers::run(),
        ["events", "--generated", count, "--json"] => events::generated(count.parse()?),
        ["events", file, "--json"] => events::recorded(Path::new(file)),
        ["cases", file] => cases::run(Path::new(file)),
        ["planted", names @ ..] => planted::run(names),
        _ => bail!(
            "usage: cargo xtask bindings [--check] | layers | cases FILE | events FILE --json | events --generated N --json \
             | planted [NAME…]"
        ),
    }
}
