use super::*;
use omni_protocol::rpc::{Bytes, Latency};

fn status() -> Status {
    Status {
        state: "offline".into(),
        sentence: "This laptop has no network. Keep working; 2 edits wait.".into(),
        action: String::new(),
        since: Some("2026-01-02T03:04:05Z".into()),
        evidence_at: None,
        cursor: Some(12),
        head: None,
        epoch: Some(1),
        lag_s: None,
        queued: 2,
        sending: 0,
        needs_attention: 1,
        conflicts: 0,
        rows: 75_112,
        accuracy: None,
        latency_ms: Latency { p50: None, p99: None },
        bytes: Bytes { sent: 1, received: 0, payload: 0 },
        next_try_s: None,
        progress: None,
        last_error: None,
        clock_offset_ms: None,
        by_http: false,
        central: None,
        verified_at: None,
        oldest_unsent_s: None,
    }
}

#[test]
fn a_status_says_unknown_where_it_is_unknown() {
    let shown = status_text(&status());
    assert!(shown.starts_with("This laptop has no network. Keep working; 2 edits wait.\n\nstate "), "{shown}");
    for line in ["last answer     unknown", "accuracy        unknown", "copy at         12, central's head is unknown"]
    {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains("edits           2 waiting, 0 on their way"), "{shown}");
    assert!(shown.contains("need you        1 edit, 0 conflicts"), "{shown}");
    let known = Status {
        head: Some(14),
        accuracy: Some(0.99995),
        latency_ms: Latency { p50: Some(6.42), p99: Some(18.0) },
        ..status()
    };
    let shown = status_text(&known);
    assert!(
        shown.contains("12 of 14") && shown.contains("99.9950 %") && shown.contains("p50 6.4 ms, p99 18.0 ms"),
        "{shown}"
    );
}

#[test]
fn differing_scopes_are_named() {
    let report = VerifyReport {
        equal: false,
        scopes: 3,
        differing: vec!["a/open".into()],
        accuracy: Some(0.5),
        seq: 9,
        compared: 10,
        different: 1,
        repaired: 0,
        equal_now: false,
    };
    let shown = verify_text(&report);
    assert!(shown.contains("1 of 3 scopes") && shown.ends_with("a/open"), "{shown}");
    assert!(verify_text(&VerifyReport { equal: true, ..report }).contains("equals central's at commit 9"));
}

#[test]
fn a_timeout_is_a_number_of_seconds() {
    assert_eq!(seconds(0.5).unwrap(), 0.5);
    for bad in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
        assert_eq!(seconds(bad).unwrap_err().code, "usage");
    }
}
