//! Merge cases through the production merge: our own, and with `OMNI_CASES` a file beside the repository.

use omni_testkit::cases;
use omni_testkit::events::{Rates, Report, generate};
use omni_testkit::sim::Rng;

fn assert_all_pass(text: &str) -> usize {
    let report = cases::run_all(text).expect("the file is readable");
    let failures: Vec<String> = report
        .failures
        .iter()
        .map(|f| format!("{} ({}):\n  {}", f.name, f.class, f.differences.join("\n  ")))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases failed\n{}",
        failures.len(),
        failures.len() + report.passed,
        failures.join("\n")
    );
    report.passed
}

#[test]
fn our_own_cases() {
    let passed = assert_all_pass(include_str!("own.jsonl"));
    assert!(passed >= 60, "only {passed} cases");
}

#[test]
fn the_cases_named_by_the_environment() {
    let Ok(file) = std::env::var("OMNI_CASES") else { return };
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert!(assert_all_pass(&text) > 0, "{file} holds no case");
}

#[test]
fn operators_work_is_merged_without_loss() {
    let rates = Rates::parse(include_str!("../../policies/operators.json")).expect("the rates are readable");
    let (mut rng, mut report) = (Rng::new(2), Report::default());
    for _ in 0..2_000 {
        let (class, protected, trial) = generate(&rates, &mut rng).expect("an event");
        report.take(class, protected, &trial).expect("the event plays");
    }
    report.finish(&Default::default());
    assert!(report.percent >= 95.0, "{report:?}");
    assert_eq!((report.in_all.silent_loss, report.in_all.false_conflicts), (0, 0), "{report:?}");
    assert_eq!((report.protected.automatic, report.protected.silent_loss), (0, 0), "{report:?}");
    assert!(report.protected.events > 20, "{report:?}");
    assert_eq!(report.in_all.decisions, report.in_all.decisions_with_rule, "{report:?}");
    assert_eq!(report.in_all.decisions, report.in_all.decisions_undone, "{report:?}");
}
