//! The layering check: which of our crates may know which, what the pure ones must not reach, and where Tauri may appear.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The desktop app: the only package that knows Tauri.
const APP: &str = "omni-control-center";

/// Our packages and the ones of ours each may depend on, in any way but for tests.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("omni-model", &[]),
    ("omni-protocol", &["omni-model"]),
    ("omni-sync", &["omni-model", "omni-protocol"]),
    ("omni-store", &["omni-model", "omni-protocol", "omni-sync"]),
    ("omni-text", &["omni-model", "omni-protocol", "omni-sync"]),
    ("omni-central", &["omni-model", "omni-protocol", "omni-sync", "omni-text"]),
    ("omni-agent", &["omni-model", "omni-protocol", "omni-sync", "omni-store"]),
    ("omnictl", &["omni-model", "omni-protocol", "omni-agent"]),
    (APP, &["omni-agent"]),
    ("omni-disk", &[]),
    (
        "omni-testkit",
        &["omni-model", "omni-protocol", "omni-sync", "omni-store", "omni-central", "omni-text", "omni-disk"],
    ),
    ("xtask", &["omni-model", "omni-protocol", "omni-testkit"]),
    ("omni-tests", EVERY_LIBRARY),
    ("omni-benches", EVERY_LIBRARY),
];
const EVERY_LIBRARY: &[&str] = &[
    "omni-model",
    "omni-protocol",
    "omni-sync",
    "omni-store",
    "omni-agent",
    "omni-central",
    "omni-text",
    "omni-testkit",
];

/// The pure crates: no runtime, no database, no network, no randomness, no clock of a library, not even through others.
const PURE: &[&str] = &["omni-model", "omni-protocol", "omni-sync"];
const IMPURE: &[&str] = &[
    "tokio",
    "rusqlite",
    "libsqlite3-sys",
    "reqwest",
    "hyper",
    "rand",
    "rand_core",
    "fastrand",
    "getrandom",
    "jiff",
    "chrono",
    "time",
    "mio",
    "socket2",
    "tempfile",
    "notify",
];

/// The only folder of the UI that may import Tauri's packages.
const HOST_FOLDER: &str = "ui/src/lib/host";
/// Not shipped; may name what it forbids.
const TEST_FOLDER: &str = "ui/src/tests";
const TAURI_IMPORT: &str = "@tauri-apps/";
const UI_SOURCES: &[&str] = &["ts", "js", "mjs", "svelte"];

/// Runs every check. Errors: all breaches, one per line.
pub fn run() -> Result<()> {
    let metadata = cargo_metadata()?;
    let graph = Graph::read(&metadata)?;
    let mut breaches = own_directions(&graph);
    breaches.extend(pure_crates()?);
    breaches.extend(tauri_users(&graph));
    breaches.extend(ui_imports(&graph.root)?);
    if !breaches.is_empty() {
        bail!("the layers of ARCHITECTURE.md are broken:\n  {}", breaches.join("\n  "));
    }
    println!("layers: {} packages of ours, {} in all, no breach", graph.own.len(), graph.names.len());
    Ok(())
}

/// The workspace as cargo sees it.
pub fn cargo_metadata() -> Result<Value> {
    serde_json::from_slice(&cargo(&["metadata", "--format-version", "1", "--locked"])?)
        .context("reading cargo metadata")
}

fn cargo(arguments: &[&str]) -> Result<Vec<u8>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo).args(arguments).output().context("starting cargo")?;
    ensure!(
        output.status.success(),
        "cargo {} failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// The resolved dependency graph, without dependencies that only tests use.
struct Graph {
    root: PathBuf,
    own: BTreeSet<String>,
    names: BTreeMap<String, String>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Graph> {
        let text =
            |value: &Value| value.as_str().map(str::to_owned).context("cargo metadata has another shape than expected");
        let list = |value: &Value| value.as_array().cloned().context("cargo metadata has another shape than expected");
        let mut names = BTreeMap::new();
        for package in list(&metadata["packages"])? {
            names.insert(text(&package["id"])?, text(&package["name"])?);
        }
        let own = list(&metadata["workspace_members"])?.iter().map(text).collect::<Result<_>>()?;
        let mut needs = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"])? {
            let mut ids = BTreeSet::new();
            for dependency in list(&node["deps"])? {
                let kinds = list(&dependency["dep_kinds"])?;
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    ids.insert(text(&dependency["pkg"])?);
                }
            }
            needs.insert(text(&node["id"])?, ids);
        }
        Ok(Graph { root: PathBuf::from(text(&metadata["workspace_root"])?), own, names, needs })
    }

    fn name(&self, id: &str) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn direct(&self, id: &str) -> impl Iterator<Item = &String> {
        self.needs.get(id).into_iter().flatten()
    }
}

fn own_directions(graph: &Graph) -> Vec<String> {
    let mut breaches = Vec::new();
    for id in &graph.own {
        let name = graph.name(id);
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(package, _)| *package == name) else {
            breaches.push(format!("{name} is not in the list of layers (crates/xtask/src/layers.rs)"));
            continue;
        };
        for other in graph.direct(id).filter(|other| graph.own.contains(*other)) {
            let other = graph.name(other);
            if !allowed.contains(&other) {
                breaches.push(format!("{name} must not depend on {other}"));
            }
        }
    }
    breaches
}

fn pure_crates() -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for pure in PURE {
        breaches.extend(impure_ways(pure, &cargo_tree(pure)?));
    }
    Ok(breaches)
}

/// What one package alone compiles, as lines `DEPTH name version`. (`cargo metadata` shows the features of the whole workspace
/// together, so there a pure crate seems to reach what only others switched on.)
fn cargo_tree(package: &str) -> Result<String> {
    let arguments =
        ["tree", "-p", package, "-e", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}", "--locked"];
    String::from_utf8(cargo(&arguments)?).context("reading cargo tree")
}

/// The ways from a pure crate to what it must not reach, in the tree's lines.
fn impure_ways(pure: &str, tree: &str) -> Vec<String> {
    let mut way: Vec<&str> = Vec::new();
    let mut breaches = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(Ok(depth)), Some(name)) = (words.next().map(str::parse::<usize>), words.next()) else {
            continue;
        };
        way.truncate(depth);
        way.push(name);
        if IMPURE.contains(&name) {
            breaches.push(format!("{pure} is pure and must not reach {name}: {}", way.join(" → ")));
        }
    }
    breaches
}

fn tauri_users(graph: &Graph) -> Vec<String> {
    let mut breaches = Vec::new();
    for id in graph.own.iter().filter(|id| graph.name(id) != APP) {
        // Through our own packages it shows there already.
        for other in graph.direct(id) {
            let other = graph.name(other);
            if other == "tauri" || other.starts_with("tauri-") || other == "wry" || other == "tao" {
                breaches.push(format!("only {APP} may know Tauri, not {} ({other})", graph.name(id)));
            }
        }
    }
    breaches
}

fn ui_imports(root: &Path) -> Result<Vec<String>> {
    let (host, tests) = (root.join(HOST_FOLDER), root.join(TEST_FOLDER));
    let mut breaches = Vec::new();
    let mut folders = vec![root.join("ui/src")];
    while let Some(folder) = folders.pop() {
        if folder == host || folder == tests {
            continue;
        }
        let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_ui_source(&path) && imports_tauri(&fs::read_to_string(&path)?) {
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                breaches.push(format!("{shown} imports {TAURI_IMPORT}*, which only {HOST_FOLDER}/ may"));
            }
        }
    }
    breaches.sort();
    Ok(breaches)
}

fn is_ui_source(path: &Path) -> bool {
    path.extension().and_then(|end| end.to_str()).is_some_and(|end| UI_SOURCES.contains(&end))
}

fn imports_tauri(source: &str) -> bool {
    source.contains(&format!("\"{TAURI_IMPORT}")) || source.contains(&format!("'{TAURI_IMPORT}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A graph from `(package, [dependencies])`; those called `omni-*` are ours.
    fn graph(packages: &[(&str, &[&str])]) -> Graph {
        let ours = |name: &str| name.starts_with("omni") || name == "xtask";
        Graph {
            root: PathBuf::from("."),
            own: packages.iter().map(|(name, _)| (*name).to_owned()).filter(|name| ours(name)).collect(),
            names: packages.iter().map(|(name, _)| ((*name).to_owned(), (*name).to_owned())).collect(),
            needs: packages
                .iter()
                .map(|(name, to)| ((*name).to_owned(), to.iter().map(|t| (*t).to_owned()).collect()))
                .collect(),
        }
    }

    #[test]
    fn a_dependency_against_the_arrows_is_named() {
        let breaches = own_directions(&graph(&[
            ("omni-model", &["omni-sync"]),
            ("omni-sync", &["omni-model"]),
            ("omni-new", &[]),
        ]));
        assert_eq!(breaches.len(), 2, "{breaches:?}");
        assert!(breaches[0].contains("omni-model must not depend on omni-sync"));
        assert!(breaches[1].contains("omni-new is not in the list"));
    }

    #[test]
    fn impurity_is_found_through_others_and_the_way_is_told() {
        let tree = "0 omni-sync v0.1.0 (/x)\n1 ed25519-dalek v2.2.0\n2 sha2 v0.10.9\n1 uuid v1.0.0\n2 getrandom v0.3.1\n1 uuid v1.0.0 (*)";
        let ways = impure_ways("omni-sync", tree);
        assert_eq!(ways, ["omni-sync is pure and must not reach getrandom: omni-sync → uuid → getrandom"]);
    }

    #[test]
    fn only_the_app_may_know_tauri() {
        let breaches = tauri_users(&graph(&[
            (APP, &["tauri"]),
            ("omni-agent", &["tauri-plugin-dialog"]),
            ("tauri", &[]),
            ("tauri-plugin-dialog", &[]),
        ]));
        assert_eq!(breaches, ["only omni-control-center may know Tauri, not omni-agent (tauri-plugin-dialog)"]);
    }

    #[test]
    fn dependencies_of_tests_do_not_count() {
        let kinds = |kind: Value| json!([{ "kind": kind, "target": null }]);
        let metadata = json!({
            "workspace_root": ".", "workspace_members": ["a"],
            "packages": [{"id": "a", "name": "omni-sync"}, {"id": "b", "name": "rand"}, {"id": "c", "name": "blake3"}],
            "resolve": {"nodes": [{"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": kinds(json!("dev"))}, {"pkg": "c", "dep_kinds": kinds(Value::Null)},
            ]}]},
        });
        let graph = Graph::read(&metadata).expect("this shape");
        assert_eq!(graph.needs["a"], BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn imports_are_seen_in_either_quotes_and_words_are_not() {
        assert!(imports_tauri("import { invoke } from '@tauri-apps/api/core';"));
        assert!(imports_tauri("const api = await import(\"@tauri-apps/api\");"));
        assert!(!imports_tauri("// the host talks to @tauri-apps/api for us"));
    }
}
