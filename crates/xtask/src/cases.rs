//! Plays a file of merge cases through the production merge and names each one that fails.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Runs every case of the file; ends the process with 1 if one fails.
pub fn run(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    // A panic of the merge is reported as a difference of its case, not as noise between the lines.
    std::panic::set_hook(Box::new(|_| {}));
    let report = omni_testkit::cases::run_all(&text).map_err(anyhow::Error::msg)?;
    let _ = std::panic::take_hook();
    for failure in &report.failures {
        println!("FAILED {} ({})", failure.name, failure.class);
        for difference in &failure.differences {
            println!("  {difference}");
        }
    }
    println!("{} passed, {} failed", report.passed, report.failures.len());
    if !report.failures.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}
