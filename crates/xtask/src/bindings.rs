//! Writes the TypeScript side of the UI command list: one file with every type a command or an event names.

use anyhow::{Context, Result, bail};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use ts_rs::{Config, TS, TypeVisitor};

/// Where the bindings live, below the repository root.
const TARGET: &str = "ui/src/lib/generated/rpc.ts";
/// What ts-rs writes for a struct without fields; our own type `Record` would shadow TypeScript's.
const EMPTY: &str = "Record<symbol, never>";
const EMPTY_HERE: &str = "{ [name: string]: never }";
const HEADER: &str = "// Made from crates/omni-protocol/src/rpc.rs by `cargo xtask bindings`. Do not edit.\n\n";

/// Collects the declaration of every type it is shown, and of all they name.
struct Collector<'a> {
    config: &'a Config,
    seen: BTreeSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl TypeVisitor for Collector<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only types of ours have a file of their own; numbers, texts and lists do not.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let text = format!("{docs}export {}\n", T::decl(self.config).replace(EMPTY, EMPTY_HERE));
            self.declarations.insert(T::ident(self.config), text);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// The text of the bindings: same types, same bytes.
fn render() -> String {
    // Ids are texts; the remaining whole numbers are counts and sequence numbers far below 2^53.
    let config = Config::new().with_large_int("number");
    let mut types = Collector { config: &config, seen: BTreeSet::new(), declarations: BTreeMap::new() };
    omni_protocol::rpc::visit_types(&mut types);
    let mut out = String::from(HEADER);
    for text in types.declarations.values() {
        out.push_str(text);
        out.push('\n');
    }
    out.push_str("/** Every command with its arguments and its reply. */\n");
    out.push_str(&omni_protocol::rpc::typescript_commands(&config));
    tidy(&out)
}

/// An empty struct comes as `Record<symbol, never>`, which would name our own type `Record`; and lines end in blanks.
fn tidy(text: &str) -> String {
    let text = text.replace("Record<symbol, never>", "{ [key: symbol]: never }");
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn target() -> Result<PathBuf> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("xtask lies two folders below the root")?;
    Ok(root.join(TARGET))
}

/// Writes the bindings, or with `check` fails when the file on disk differs.
pub fn run(check: bool) -> Result<()> {
    let path = target()?;
    let text = render();
    if check {
        let found = fs::read_to_string(&path).with_context(|| format!("{TARGET} cannot be read"))?;
        if found != text {
            bail!("{TARGET} is not what the Rust types say. Run `cargo xtask bindings`.");
        }
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("{TARGET} cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn every_command_has_its_types() {
        let text = render();
        for name in omni_protocol::rpc::COMMAND_NAMES {
            assert!(text.contains(&format!("\"{name}\": {{ args: ")), "{name} is missing");
        }
        for ty in ["UiEvent", "WireError", "ChangedIds", "Latency", "QueueField", "FieldInfo"] {
            assert!(text.contains(&format!("export type {ty} =")), "{ty} is missing");
        }
        assert!(!text.contains("bigint"), "JSON has no big integers");
    }

    #[test]
    fn the_same_types_make_the_same_bytes() {
        assert_eq!(render(), render());
    }
}
