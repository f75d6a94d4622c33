//! Merge cases: expectations reasoned from DESIGN alone, played through the production merge.
//!
//! The format is that of the shared cases (one JSON object a line): a schema, a base state, commits, incoming changes
//! and what must come out. `play` sets a case up and feeds it to `admit_batch`; `compare` says where the result differs.
//! Nothing here decides anything about a merge.

mod base;
mod compare;
mod encode;
mod format;
mod play;
mod result;
mod screen;
mod world;

pub use compare::differences;
pub use format::{Base, Case, Change, Decision, Epochs, Expect, Item, OpText, Place, Pre, Schema, Times, Writer};
pub use play::{Played, play};
pub use result::{Answer, Found};
pub use world::World;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// What differs, one line each.
    pub differences: Vec<String>,
}

/// What a file of cases came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases whose result is as expected.
    pub passed: usize,
    /// The others.
    pub failures: Vec<Failure>,
}

/// Reads cases, one a line. Errors name the line.
pub fn parse(text: &str) -> Result<Vec<Case>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 1))).collect()
}

/// Plays one case; what differs, nothing if it passed. A panic of the code under test is a difference.
pub fn run(case: &Case) -> Vec<String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(case).map(|played| differences(case, &played))));
    match played {
        Ok(Ok(differences)) => differences,
        Ok(Err(e)) => vec![e],
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            vec![format!("panicked: {}", text.unwrap_or_default())]
        }
    }
}

/// Plays every case of a file.
pub fn run_all(text: &str) -> Result<Report, String> {
    let mut report = Report::default();
    for case in parse(text)? {
        let differences = run(&case);
        if differences.is_empty() {
            report.passed += 1;
        } else {
            report.failures.push(Failure { name: case.name, class: case.class, differences });
        }
    }
    Ok(report)
}
