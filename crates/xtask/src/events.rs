//! The automatic-resolution rate over recorded or generated events, beside simple ways to merge.

use anyhow::{Context, Error, Result};
use omni_testkit::events::{Policies, Rates, Report, generate, parse, report};
use omni_testkit::sim::Rng;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the tables lie, below the repository root.
const TABLES: &str = "crates/omni-testkit/policies";
/// The seed of the generated mix: the same command gives the same report.
const SEED: u64 = 1;

fn table(name: &str) -> Result<String> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("xtask lies two folders below the root")?;
    let path: PathBuf = root.join(TABLES).join(name);
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Reports a file of recorded events.
pub fn recorded(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let policies = Policies::parse(&table("legislators.json")?).map_err(Error::msg)?;
    let events = parse(&text).map_err(Error::msg)?;
    print(&report(&events, &policies).map_err(Error::msg)?)
}

/// Reports a generated mix of operators' work.
pub fn generated(count: u64) -> Result<()> {
    let rates = Rates::parse(&table("operators.json")?).map_err(Error::msg)?;
    let mut rng = Rng::new(SEED);
    let mut out = Report { table: rates.name.clone(), declared: rates.declared.clone(), ..Report::default() };
    for _ in 0..count {
        let (class, protected, trial) = generate(&rates, &mut rng).map_err(Error::msg)?;
        out.take(class, protected, &trial).map_err(Error::msg)?;
    }
    out.finish(&Default::default());
    print(&out)
}

fn print(report: &Report) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(report)?);
    Ok(())
}
