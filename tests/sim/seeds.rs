//! Seeds: the range of every run, one to replay, those that failed once.

use omni_testkit::sim::{Coverage, Reached, Report, play, play_many, replay_command};

/// Seeds played by `make test`.
const SEEDS: u64 = 5_000;
/// Below this many a run need not reach every state.
const SEEDS_FOR_COVERAGE: u64 = 2_000;
/// Seeds played twice.
const SEEDS_TWICE: u64 = 25;
/// Threads that play seeds.
const THREADS: usize = 2;
/// Failures printed in full.
const FAILURES_SHOWN: usize = 5;
/// Seeds that failed once.
const FAILED_ONCE: &str = include_str!("seeds.txt");

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

/// Panics with every failing seed and the command that replays it.
fn expect_no_failure(reports: &[Report]) {
    let failed: Vec<&Report> = reports.iter().filter(|r| r.failure.is_some()).collect();
    for report in failed.iter().take(FAILURES_SHOWN) {
        let why = report.failure.as_deref().unwrap_or_default();
        eprintln!("seed {} failed: {why}\n  replay it: {}", report.seed, replay_command(report.seed));
    }
    let seeds: Vec<u64> = failed.iter().map(|r| r.seed).collect();
    assert!(seeds.is_empty(), "{} of {} seeds failed: {seeds:?}", seeds.len(), reports.len());
}

#[test]
fn seeds_converge_and_reach_every_state() {
    let (first, count) = (number("OMNI_SIM_FIRST").unwrap_or(0), number("OMNI_SIM_SEEDS").unwrap_or(SEEDS));
    let reports = play_many(first, count, THREADS, &|_| {});
    assert_eq!(reports.len() as u64, count);
    expect_no_failure(&reports);
    let mut reached = Coverage::default();
    reports.iter().for_each(|r| reached.merge(&r.coverage));
    let (saved, commits) = reports.iter().fold((0, 0), |(s, c), r| (s + r.saved, c + r.commits));
    println!("{count} seeds, {saved} changes, {commits} commits\n{}", table(&reached));
    if count >= SEEDS_FOR_COVERAGE {
        // A state the seeds never reach is one nobody tests: the faults or the operators must be made to reach it.
        assert_eq!(reached.missing(), Vec::<Reached>::new(), "the seeds never reached these states");
    }
}

fn table(reached: &Coverage) -> String {
    let line = |(state, times): (&Reached, &u64)| format!("{times:>9}  {state:?}\n");
    reached.0.iter().map(line).collect()
}

#[test]
fn replay() {
    let Some(seed) = number("OMNI_SIM_SEED") else {
        return println!("Say which: {}", replay_command(123));
    };
    let report = play(seed, true, &|_| {});
    println!(
        "seed {seed}: {} events, {} changes, {} commits, trace {:016x}, quiet after {:.1} s",
        report.events,
        report.saved,
        report.commits,
        report.trace,
        report.quiet_ms as f64 / 1_000.0
    );
    expect_no_failure(&[report]);
}

#[test]
fn seeds_that_failed_once_pass() {
    let mut reports = Vec::new();
    for line in FAILED_ONCE.lines() {
        let text = line.split('#').next().unwrap_or_default().trim();
        if !text.is_empty() {
            let seed = text.parse().unwrap_or_else(|_| panic!("seeds.txt holds no seed in the line “{line}”"));
            reports.push(play(seed, false, &|_| {}));
        }
    }
    assert!(!reports.is_empty(), "seeds.txt is empty");
    expect_no_failure(&reports);
}

#[test]
fn one_seed_is_one_run() {
    let (once, again) = (play_many(0, SEEDS_TWICE, 1, &|_| {}), play_many(0, SEEDS_TWICE, THREADS, &|_| {}));
    for (a, b) in once.iter().zip(&again) {
        assert_eq!((a.seed, a.trace, a.events), (b.seed, b.trace, b.events), "the same seed took another course");
    }
}
