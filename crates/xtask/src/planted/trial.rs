//! Building and running the one test that must find a bug.

use super::bug::{Bug, Test};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A test with a bug in it may go on for ever; without one, the slowest takes a fraction of this.
const TEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two looks at a running test.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Built without optimisation here: each bug builds them anew, and its test runs for a moment.
const SLOW_TO_BUILD: [&str; 5] = ["omni-model", "omni-protocol", "omni-sync", "omni-text", "omni-testkit"];
/// Lines shown of what went wrong.
const LINES_SHOWN: usize = 30;

/// What became of a planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its test failed.
    Found,
    /// Its test passed, or failed with something else: what it said.
    NotFound(String),
    /// The edit is no Rust: the compiler's words.
    DoesNotCompile(String),
    /// Its text is not in the source: why.
    DoesNotApply(String),
}

impl Verdict {
    /// For the list.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Found => "found",
            Verdict::NotFound(_) => "NOT FOUND",
            Verdict::DoesNotCompile(_) => "does not compile",
            Verdict::DoesNotApply(_) => "does not apply",
        }
    }

    /// What there is to say to it.
    pub fn why(&self) -> Option<&str> {
        match self {
            Verdict::Found => None,
            Verdict::NotFound(why) | Verdict::DoesNotCompile(why) | Verdict::DoesNotApply(why) => Some(why),
        }
    }
}

/// Cargo in the copy, with a target folder of its own: programs with bugs in them must not lie where others look.
pub struct Cargo {
    tree: PathBuf,
    build: PathBuf,
}

/// What a build came to: the test's program, or the compiler's words.
type Built = std::result::Result<PathBuf, String>;

/// A test program that ended, or was ended.
#[derive(Debug)]
struct Ran {
    timed_out: bool,
    said: String,
}

impl Ran {
    fn line_of(&self, name: &str) -> Option<&str> {
        let begins = format!("test {name} ");
        self.said.lines().find(|line| line.starts_with(&begins))
    }

    fn passed(&self, name: &str) -> bool {
        self.line_of(name).is_some_and(|line| line.ends_with("... ok"))
    }

    fn failed(&self, name: &str) -> bool {
        let listed = format!("---- {name} stdout ----");
        self.line_of(name).is_some_and(|line| !line.ends_with("... ok")) && self.said.contains(&listed)
    }
}

impl Cargo {
    /// Builds `tree` into `build`.
    pub fn new(tree: &Path, build: &Path) -> Cargo {
        Cargo { tree: tree.to_owned(), build: build.to_owned() }
    }

    /// Runs tests of one target. Errors: what does not build or pass without any bug.
    pub fn all_pass(&self, tests: &[&Test]) -> Result<()> {
        let Some(first) = tests.first() else { return Ok(()) };
        let program = match self.build(first)? {
            Ok(program) => program,
            Err(why) => bail!("{} {} does not build:\n{why}", first.package, first.target),
        };
        let names: Vec<&str> = tests.iter().map(|t| t.name.as_str()).collect();
        let ran = self.run(&program, first, &names)?;
        for name in names {
            ensure!(ran.passed(name), "{name} does not pass without any bug:\n{}", last_lines(&ran.said));
        }
        Ok(())
    }

    /// Whether the bug that is in the tree now is found.
    pub fn try_bug(&self, bug: &Bug) -> Result<Verdict> {
        let name = bug.test.name.as_str();
        match self.build(&bug.test)? {
            Ok(program) => Ok(judge(&self.run(&program, &bug.test, &[name])?, name, bug.says.as_deref())),
            Err(why) => Ok(Verdict::DoesNotCompile(why)),
        }
    }

    fn build(&self, Test { package, target, .. }: &Test) -> Result<Built> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build).stderr(Stdio::piped());
        command.args(["test", "--no-run", "--quiet", "--locked", "--message-format", "json", "--package", package]);
        for package in SLOW_TO_BUILD {
            command.args(["--config", &format!("profile.dev.package.{package}.opt-level=0")]);
        }
        match target.as_str() {
            "lib" => command.arg("--lib"),
            name => command.args(["--test", name]),
        };
        let output = command.output().context("starting cargo")?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Json> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if !output.status.success() {
            let errors = messages.iter().filter(|m| m["message"]["level"] == "error");
            let told: Vec<&str> = errors.filter_map(|m| m["message"]["rendered"].as_str()).collect();
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Ok(Err(if told.is_empty() { last_lines(&stderr) } else { last_lines(&told.join("\n")) }));
        }
        let program = messages.iter().filter(|m| m["profile"]["test"] == true).find_map(|m| m["executable"].as_str());
        Ok(Ok(program.with_context(|| format!("{package} has no test target {target}"))?.into()))
    }

    /// Runs some tests of a program, where cargo would.
    fn run(&self, program: &Path, test: &Test, names: &[&str]) -> Result<Ran> {
        let said = self.build.join("said");
        let out = File::create(&said).with_context(|| said.display().to_string())?;
        let mut command = Command::new(program);
        command.current_dir(test.folder(&self.tree)).arg("--exact").args(names).stdin(Stdio::null());
        // Where it failed is not asked, and telling it takes long.
        command.env("RUST_BACKTRACE", "0").stderr(out.try_clone()?).stdout(out);
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let begun = Instant::now();
        let timed_out = loop {
            match child.try_wait()? {
                Some(_) => break false,
                None if begun.elapsed() > TEST_TIMEOUT => {
                    child.kill()?;
                    child.wait()?;
                    break true;
                }
                None => std::thread::sleep(LOOK_AGAIN),
            }
        };
        let said = std::fs::read(&said).with_context(|| said.display().to_string())?;
        Ok(Ran { timed_out, said: String::from_utf8_lossy(&said).into_owned() })
    }
}

/// A bug is found by a failure of the test of that name that says what it must; anything else is none.
fn judge(ran: &Ran, name: &str, says: Option<&str>) -> Verdict {
    let not = |what: &str| Verdict::NotFound(format!("{what}:\n{}", last_lines(&ran.said)));
    match says {
        _ if ran.timed_out => not("the test did not end"),
        _ if ran.passed(name) => Verdict::NotFound("the test passes".to_owned()),
        _ if !ran.failed(name) => not("the test neither passed nor failed"),
        Some(words) if !ran.said.contains(words) => not(&format!("the failure does not mention “{words}”")),
        _ => Verdict::Found,
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(said: &str) -> Ran {
        Ran { timed_out: false, said: said.to_owned() }
    }

    #[test]
    fn only_a_failure_of_the_named_test_that_says_it_finds_a_bug() {
        let failed = "test a::b ... FAILED\n\n---- a::b stdout ----\nthe third case differs\n";
        assert_eq!(judge(&ran(failed), "a::b", None), Verdict::Found);
        assert_eq!(judge(&ran(failed), "a::b", Some("third case")), Verdict::Found);
        let verdicts = [
            judge(&ran(failed), "a::b", Some("second case")),
            judge(&ran(failed), "a", None),
            judge(&ran("test a::b ... ok"), "a::b", None),
            judge(&ran("running 0 tests"), "a::b", None),
            judge(&ran("test a::b ... "), "a::b", None),
            judge(&Ran { timed_out: true, ..ran(failed) }, "a::b", None),
        ];
        assert!(verdicts.iter().all(|v| matches!(v, Verdict::NotFound(_))), "{verdicts:?}");
    }
}
