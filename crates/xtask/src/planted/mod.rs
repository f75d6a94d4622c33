//! `cargo xtask planted [NAME…]`: whether the tests find mistakes. Each file in `tests/planted/` holds mistakes as small
//! edits of the sources; one at a time is made in a copy of the repository, and the test that is named for it must fail.
//! The sources themselves are never touched.

mod bug;
mod scratch;
mod trial;

use anyhow::{Result, bail, ensure};
use bug::{Bug, Test};
use scratch::Scratch;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;
use trial::{Cargo, Verdict};

/// Tries the named bugs, or all. Errors: a bug that was not found, or a switch that is none.
pub fn run(names: &[&str]) -> Result<()> {
    let begun = Instant::now();
    let (root, target) = places()?;
    let bugs = chosen(bug::read_all(&root)?, names)?;
    let scratch = Scratch::prepare(&root, &target.join("planted").join("tree"))?;
    let cargo = Cargo::new(scratch.folder(), &target.join("planted").join("build"));
    sound(&cargo, &bugs)?;
    let mut missed = Vec::new();
    for bug in &bugs {
        let begun = Instant::now();
        let verdict = planted(&scratch, &cargo, bug)?;
        let seconds = begun.elapsed().as_secs();
        println!("{:<16} {:<50} {seconds:>4} s  {}", verdict.word(), bug.name, bug.test.name);
        if let Some(why) = verdict.why() {
            println!("{}", indented(why));
        }
        if verdict != Verdict::Found {
            missed.push(bug.name.as_str());
        }
    }
    println!("planted: {} of {} found in {} s", bugs.len() - missed.len(), bugs.len(), begun.elapsed().as_secs());
    ensure!(missed.is_empty(), "not found: {}", missed.join(", "));
    Ok(())
}

/// The repository and the folder builds go to.
fn places() -> Result<(PathBuf, PathBuf)> {
    let metadata = crate::layers::cargo_metadata()?;
    let path = |name: &str| match &metadata[name] {
        Json::String(path) => Ok(PathBuf::from(path)),
        _ => bail!("cargo metadata names no {name}"),
    };
    Ok((path("workspace_root")?, path("target_directory")?))
}

fn chosen(bugs: Vec<Bug>, names: &[&str]) -> Result<Vec<Bug>> {
    let known: BTreeSet<&str> = bugs.iter().map(|b| b.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(**name)) {
        bail!("there is no planted bug “{name}”; there are:\n  {}", Vec::from_iter(known).join("\n  "));
    }
    Ok(bugs.into_iter().filter(|b| names.is_empty() || names.contains(&b.name.as_str())).collect())
}

/// Every named test passes as things are: a test that fails anyway finds nothing.
fn sound(cargo: &Cargo, bugs: &[Bug]) -> Result<()> {
    let mut of_target: BTreeMap<(&str, &str), BTreeMap<&str, &Test>> = BTreeMap::new();
    for test in bugs.iter().map(|b| &b.test) {
        of_target.entry((&test.package, &test.target)).or_default().insert(&test.name, test);
    }
    for ((package, target), tests) in of_target {
        let begun = Instant::now();
        cargo.all_pass(&Vec::from_iter(tests.values().copied()))?;
        println!("without a bug: {} of {package}, {target}, pass, {} s", tests.len(), begun.elapsed().as_secs());
    }
    Ok(())
}

/// One bug in the copy, for as long as its test takes.
fn planted(scratch: &Scratch, cargo: &Cargo, bug: &Bug) -> Result<Verdict> {
    let source = scratch.source(&bug.file)?;
    let altered = match bug.plant(&source) {
        Ok(altered) => altered,
        Err(why) => return Ok(Verdict::DoesNotApply(why)),
    };
    scratch.write(&bug.file, &altered)?;
    let verdict = cargo.try_bug(bug);
    scratch.write(&bug.file, &source)?;
    verdict
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::path::Path;

    /// What is wrong with the set: a switch that does not apply, a test that is not there.
    fn faults(root: &Path, bugs: &[Bug]) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for bug in bugs {
            if !names.insert(&bug.name) {
                faults.push(format!("{}: there are two of this name", bug.name));
            }
            let source = std::fs::read_to_string(root.join(&bug.file)).with_context(|| bug.file.clone())?;
            if let Err(why) = bug.plant(&source) {
                faults.push(format!("{}: {why}", bug.name));
            }
            if !bug.test.stands_in(root)? {
                faults.push(format!("{}: {} has no test {}", bug.name, bug.test.package, bug.test.name));
            }
        }
        Ok(faults)
    }

    #[test]
    fn every_bug_can_be_planted_and_names_a_test() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let bugs = bug::read_all(&root).expect("the files can be read");
        assert_eq!(faults(&root, &bugs).expect("the sources can be read"), Vec::<String>::new());
        assert!(bugs.len() >= 26, "only {} bugs", bugs.len());
    }
}
