//! Long runs of the simulator: `cargo run -p omni-testkit --release --example soak -- FIRST COUNT`. Prints failing seeds
//! with the command that replays them, what was reached, and seeds per second. `-- SEED 1 print` prints a trace;
//! `-- FIRST COUNT planted` tells how many seeds each deliberate mistake needs to be found.

use omni_testkit::sim::{Coverage, Planted, Report, play, play_many, replay_command};
use std::time::Instant;

/// Failures printed in full.
const FAILURES_SHOWN: usize = 12;
/// Threads that play seeds.
const THREADS: usize = 2;

fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let (first, count) = (args.first().copied().unwrap_or(0), args.get(1).copied().unwrap_or(1_000));
    let is_asked = |word: &str| std::env::args().any(|a| a == word);
    if is_asked("planted") {
        return Planted::ALL.iter().for_each(|mistake| find(*mistake, first, count));
    }
    let started = Instant::now();
    let reports = match is_asked("print") {
        true => vec![play(first, true, &|_| {})],
        false => play_many(first, count, THREADS, &|_| {}),
    };
    let seconds = started.elapsed().as_secs_f64();
    let mut coverage = Coverage::default();
    reports.iter().for_each(|r| coverage.merge(&r.coverage));
    let failed: Vec<&Report> = reports.iter().filter(|r| r.failure.is_some()).collect();
    for report in failed.iter().take(FAILURES_SHOWN) {
        println!(
            "seed {}: {}\n  {}",
            report.seed,
            report.failure.as_deref().unwrap_or(""),
            replay_command(report.seed)
        );
    }
    println!("{coverage:?}");
    println!("never reached: {:?}", coverage.missing());
    let mut quiet: Vec<u64> = reports.iter().map(|r| r.quiet_ms).collect();
    quiet.sort_unstable();
    let at = |per_mille: usize| quiet.get(quiet.len() * per_mille / 1_000).copied().unwrap_or(0) as f64 / 1_000.0;
    println!("quiet after faults end: half within {} s, 99 % within {} s, all within {} s", at(500), at(990), at(999));
    let sum = |f: fn(&Report) -> u64| reports.iter().map(f).sum::<u64>() / count.max(1);
    println!(
        "{count} seeds in {seconds:.1} s: {:.0} seeds/s; a seed has {} events, {} changes, {} commits; {} failures: {:?}",
        count as f64 / seconds,
        sum(|r| r.events),
        sum(|r| r.saved as u64),
        sum(|r| r.commits),
        failed.len(),
        failed.iter().map(|r| r.seed).take(40).collect::<Vec<_>>()
    );
    std::process::exit(i32::from(!failed.is_empty()));
}

fn find(mistake: Planted, first: u64, count: u64) {
    let reports = play_many(first, count, THREADS, &|plan| plan.planted = Some(mistake));
    let found: Vec<&Report> = reports.iter().filter(|r| r.failure.is_some()).collect();
    let at = found.first().map(|r| r.seed);
    println!("{mistake:?}: found in {} of {count} seeds, first {at:?}", found.len());
    for report in found.iter().take(3) {
        let why = report.failure.as_deref().unwrap_or_default();
        println!("    {}", why.lines().next().unwrap_or_default());
    }
}
