//! Deliberate mistakes: each must be found, by an oracle that watches for it, within a few seeds. A simulator that passes
//! with a mistake in it proves nothing.

use omni_testkit::sim::{Planted, Report, play, play_many};

/// A mistake must show within this many seeds.
const SEEDS: u64 = 400;
/// Seeds tried at once.
const STEP: u64 = 10;
/// Threads that play seeds.
const THREADS: usize = 2;

/// Words of the findings that are about the mistake; a finding about something else would be an accident.
fn telling(mistake: Planted) -> &'static [&'static str] {
    match mistake {
        Planted::AckBeforeCommit => &["was acknowledged and is gone", "saved, and lost", "needs a new identity"],
        Planted::ForgetsChangeIds => {
            &["its deltas add up to", "took effect twice", "was committed twice", "acknowledged and is gone"]
        }
        Planted::ForgetsOutcomes => &["not quiet", "needs a new identity"],
        Planted::AppliesTwice => &["its deltas add up to", "was committed twice", "was answered"],
        Planted::StaleRights => &["without the right to", "a viewer's change", "of a revoked device"],
        Planted::LeaksScopes => &["arrived before the record", "differs from central", "differs"],
        Planted::TrustsWallClocks | Planted::IntervalNotCut => &["Latest preferred", "Latest did not prefer"],
        Planted::LastWriterWins => {
            &["unknowingly and silently", "over an unknown edit", "additions and removals come to"]
        }
        Planted::ForgetsTombstones => &["arrived before the record", "differs from central", "digest of scope"],
        Planted::CursorBeforeData => &["the data differs from central there", "differs from central", "arrived before"],
        Planted::PageShort => &["differs from central", "arrived before the record"],
        Planted::SaveNotDurable => &["saved, and lost", "is lost", "in effect and still in the queue"],
        Planted::SealNotDurable => &["needs a new identity"],
        Planted::DropsQueueRow => &["saved, and lost", "its layers come to", "is lost"],
        Planted::SnapshotDropsQueue => &["saved, and lost", "its layers come to", "is lost"],
        Planted::SilentReject => &["refused and nowhere to be seen", "its layers come to"],
        Planted::ReusesIdentity => &["not quiet", "saved, and lost", "was refused"],
        Planted::NoTimers => &["not quiet"],
        Planted::TextWithoutMerge | Planted::TextReplaced => &["tore", "left "],
        Planted::RecoveryOutOfOrder => &["was brought back after one of"],
        Planted::RecoveryDropsCommit => &["was offered to a recovering central and is not back"],
        Planted::EpochNotRaised => &["names two histories"],
        Planted::UndoOverwrites => &["over the later write of", "over the later work of"],
        Planted::UndoSetsCounter => &["its deltas add up to"],
        Planted::RevocationForgotten => &["of a revoked device was let in"],
    }
}

#[test]
fn every_deliberate_mistake_is_found() {
    for mistake in Planted::ALL {
        let found = find(*mistake);
        let why = found.failure.as_deref().unwrap_or_default();
        println!("{mistake:?} is found by seed {}: {}", found.seed, why.lines().next().unwrap_or_default());
    }
}

/// The first seed that finds a mistake.
fn find(mistake: Planted) -> Report {
    let plant = move |plan: &mut omni_testkit::sim::Plan| plan.planted = Some(mistake);
    let rounds = (0..SEEDS).step_by(STEP as usize).map(|first| play_many(first, STEP, THREADS, &plant));
    // The oracle that watches for the mistake must see it itself; a seed where another is faster does not count.
    let tells = |r: &Report| r.failure.as_deref().is_some_and(|why| telling(mistake).iter().any(|w| why.contains(w)));
    let first = rounds.flatten().find(tells);
    let report = first.unwrap_or_else(|| panic!("{SEEDS} seeds did not find {mistake:?}"));
    // The mistake itself is what is found: without it the seed passes.
    assert_eq!(play(report.seed, false, &|_| {}).failure, None, "seed {} fails without {mistake:?}", report.seed);
    report
}
