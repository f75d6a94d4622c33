//! Merge cases through the production merge: our own, and with `OMNI_CASES` a file beside the repository.

use omni_testkit::cases;

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
