//! Seeds on real files, and that they fail once syncing is switched off.

use omni_testkit::real::{Forced, play_real};
use omni_testkit::sim::{Fault, Plan, Report};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds played by `make test`.
const SEEDS: u64 = 120;
/// Seeds of each negative control.
const SEEDS_FORCED: u64 = 12;
/// Threads that play seeds.
const THREADS: usize = 2;
/// Actions of each operator: real files are slower than memory.
const EDITS_MAX: u64 = 25;

/// Small runs that lose power often.
fn small(plan: &mut Plan) {
    plan.edits = plan.edits.min(EDITS_MAX);
    plan.flood = false;
    plan.clients = plan.clients.min(3);
    plan.crash_at_tx = plan.crash_at_tx.max(15);
    plan.central_crash_at_tx = plan.central_crash_at_tx.max(30);
    for (fault, weight) in Fault::ALL.iter().zip(&mut plan.fault_weights) {
        if matches!(fault, Fault::LaptopCrash | Fault::CentralCrash) {
            *weight = (*weight).max(4);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

fn play_many(first: u64, count: u64, forced: Forced) -> Vec<Report> {
    let (next, reports) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let report = play_real(seed, forced, false, &small).expect("a temporary folder can be made");
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|r| r.seed);
    reports
}

fn failures(reports: &[Report]) -> Vec<(u64, &str)> {
    reports.iter().filter_map(|r| Some((r.seed, r.failure.as_deref()?))).collect()
}

#[test]
fn seeds_survive_power_losses() {
    let (first, count) = (number("OMNI_SIM_FIRST").unwrap_or(0), number("OMNI_SIM_SEEDS").unwrap_or(SEEDS));
    let started = Instant::now();
    let reports = play_many(first, count, Forced::Nothing);
    let (saved, commits) = reports.iter().fold((0, 0), |(s, c), r| (s + r.saved, c + r.commits));
    println!("{count} seeds, {saved} changes, {commits} commits in {:.1} s", started.elapsed().as_secs_f64());
    let failed = failures(&reports);
    for (seed, why) in failed.iter().take(8) {
        eprintln!("seed {seed} failed: {why}");
        eprintln!("  replay it: OMNI_SIM_SEED={seed} cargo test -p omni-tests --test disk -- replay --nocapture");
    }
    assert!(failed.is_empty(), "{} of {count} seeds failed: {:?}", failed.len(), failed.iter().map(|f| f.0));
    assert!(saved > 0 && commits > 0);
}

/// Without this a disk that forgets nothing would pass too.
#[test]
fn the_same_seeds_fail_once_syncing_is_off() {
    for forced in [Forced::EverythingOff, Forced::CentralOff, Forced::LaptopsNormal] {
        let reports = play_many(0, SEEDS_FORCED, forced);
        let failed = failures(&reports);
        println!("{forced:?}: {} of {SEEDS_FORCED} seeds fail", failed.len());
        failed.iter().for_each(|(seed, why)| println!("  {seed}: {}", why.lines().next().unwrap_or_default()));
        assert!(!failed.is_empty(), "{forced:?} went unnoticed");
    }
}

#[test]
fn replay() {
    let Some(seed) = number("OMNI_SIM_SEED") else { return };
    let report = play_real(seed, Forced::Nothing, true, &small).unwrap();
    println!("seed {seed}: {} events, {} changes, {} commits", report.events, report.saved, report.commits);
    assert_eq!(report.failure, None);
}
