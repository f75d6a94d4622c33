//! Two laptops and a central.

use crate::kit::{Site, has_keys};
use serde_json::{Value as Json, json};

const STATUS_KEYS: &[&str] = &[
    "state",
    "since",
    "cursor",
    "head",
    "lag_s",
    "queued",
    "sending",
    "needs_attention",
    "conflicts",
    "rows",
    "accuracy",
    "latency_ms",
    "bytes",
];
const QUEUE_KEYS: &[&str] = &["change", "state", "record", "summary", "attempts", "next_attempt", "error"];

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_offline_reach_the_other_laptop() {
    let site = Site::start().await;
    let (a, b) = (site.laptop("ada").await, site.laptop("ben").await);

    let made = a.json(&["create", "sector", "name=Agriculture", "--key", "agriculture", "tags=EU"]).await.ok();
    assert!(made["change"].is_string() && made["id"].is_string(), "{made}");
    let brand = ["create", "brand", "name=Verdant", "sector=agriculture", "kind=core", "--key", "verdant"];
    let id = a.json(&brand).await.ok()["id"].clone();
    a.json(&["set", "brand", "verdant", "employees:=12", "tags+=organic", "reviews+=2", "notes=a = b"]).await.ok();
    let time = "2025-01-06T00:00:00.000Z";
    a.json(&["set", "brand", "verdant", "last_review=2025-01-06T01:00:00+01:00"]).await.ok();
    assert_eq!(
        a.json(&["list", "brand", "--where", "last_review=2025-01-06T00:00:00Z"]).await.ok()["fields"]["last_review"],
        time
    );
    let unchanged = a.json(&["set", "brand", "verdant", "employees=12"]).await.ok();
    assert_eq!(unchanged, json!({"change": null, "id": id}), "nothing changed, so there is no change");

    let got = a.json(&["get", "brand", "verdant"]).await.ok();
    has_keys(&got, &["id", "fields", "state", "fields_pending", "seq"]);
    assert_eq!((&got["id"], &got["state"], &got["seq"]), (&id, &json!("pending"), &Json::Null));
    assert!(got["fields_pending"].as_array().unwrap().contains(&json!("employees")), "{got}");
    assert_eq!(a.json(&["count", "brand", "--where", "employees=12"]).await.ok(), json!({"count": 1}));
    assert_eq!(a.json(&["count", "brand", "--where", "employees=13"]).await.ok(), json!({"count": 0}));

    let queue = a.json(&["queue"]).await.ok_lines();
    assert_eq!(queue.len(), 4, "{queue:?}");
    for row in &queue {
        has_keys(row, QUEUE_KEYS);
        assert_eq!((&row["state"], &row["attempts"]), (&json!("pending"), &json!(0)));
    }
    let status = a.json(&["status"]).await.ok();
    has_keys(&status, STATUS_KEYS);
    has_keys(&status["latency_ms"], &["p50", "p99"]);
    has_keys(&status["bytes"], &["sent", "received", "payload"]);
    assert_eq!((&status["queued"], &status["rows"], &status["head"]), (&json!(4), &json!(2), &Json::Null), "{status}");

    assert_eq!(a.sync().await["state"], "in_sync");
    b.sync().await;
    let there = b.json(&["get", "brand", id.as_str().unwrap()]).await.ok();
    assert_eq!((&there["state"], &there["fields_pending"]), (&json!("saved"), &json!([])));
    assert!(there["seq"].is_u64(), "{there}");
    let fields = &there["fields"];
    assert_eq!((&fields["employees"], &fields["reviews"]), (&json!(12), &json!(2)));
    assert_eq!(fields["last_review"], time);
    assert_eq!((&fields["tags"], &fields["notes"]), (&json!(["organic"]), &json!("a = b")));

    for laptop in [&a, &b] {
        let report = laptop.json(&["verify"]).await.ok();
        has_keys(&report, &["equal", "scopes", "differing", "accuracy"]);
        assert_eq!((&report["equal"], &report["differing"]), (&json!(true), &json!([])), "{report}");
    }
    // Of the commits before its first copy a laptop keeps none.
    let history = a.json(&["history", "brand", "verdant"]).await.ok_lines();
    assert_eq!(history.len(), 3, "{history:?}");
    assert!(history[0]["seq"].as_u64() > history[1]["seq"].as_u64(), "newest first");
    assert_eq!((&history[0]["by"], &history[0]["command"]), (&json!("ada"), &json!("edit")));
    assert_eq!(a.json(&["history", "brand", "verdant", "--limit", "1"]).await.ok_lines(), history[..1]);
    let before = history[0]["seq"].to_string();
    let older = a.json(&["history", "brand", "verdant", "--before", &before]).await.ok_lines();
    assert_eq!(older, history[1..]);
    assert!(a.words(&["history", "brand", "verdant"]).await.text.starts_with("COMMIT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_without_central_and_nothing_of_it_is_lost() {
    let mut site = Site::start().await;
    let (a, b) = (site.laptop("ada").await, site.laptop("ben").await);
    site.stop_central().await;

    a.json(&["create", "sector", "name=Water", "--key", "water"]).await.ok();
    assert_eq!(a.json(&["sync", "--until-idle", "--timeout", "1"]).await.error(1), "timeout");
    assert_eq!(a.json(&["sync", "--timeout", "1"]).await.error(1), "timeout");
    assert_eq!(a.json(&["verify", "--timeout", "1"]).await.error(1), "offline");
    assert_eq!(a.json(&["do", "treaty.bind_clause", "clause=x"]).await.error(1), "offline");
    let words = a.words(&["status"]).await;
    assert!(words.code == 0 && words.text.contains("edits           1 waiting"), "{words:?}");
    let deferred = a.json(&["do", "sector.set_status", "sector=water", "status=Active"]).await.ok();
    assert!(deferred["change"].is_string(), "{deferred}");

    site.start_central().await;
    a.sync().await;
    b.sync().await;
    assert_eq!(b.json(&["get", "sector", "water"]).await.ok()["fields"]["status"], "Active");
    b.json(&["delete", "sector", "water"]).await.ok();
    b.sync().await;
    a.sync().await;
    assert_eq!(a.json(&["get", "sector", "water"]).await.error(1), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_can_be_seen_changed_and_taken_back() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    a.json(&["create", "sector", "name=Water", "--key", "water"]).await.ok();
    let set = a.json(&["set", "sector", "water", "position=1"]).await.ok();
    let change = set["change"].as_str().unwrap();

    let edited = a.json(&["queue", "edit", change, "position=2"]).await.ok();
    assert_ne!(edited["change"], set["change"], "another content, another id");
    let position = async || a.json(&["get", "sector", "water"]).await.ok()["fields"]["position"].clone();
    assert_eq!(position().await, 2);
    let change = edited["change"].as_str().unwrap();
    a.json(&["queue", "retry", change]).await.ok();
    a.json(&["queue", "discard", change]).await.ok();
    assert_eq!(position().await, Json::Null);
    let discarded = a.json(&["queue", "--state", "discarded"]).await.ok_lines();
    assert!(discarded.iter().any(|row| row["change"] == change), "{discarded:?}");
    a.json(&["queue", "restore", change]).await.ok();
    assert_eq!(position().await, 2);

    let nobody = "00000000-0000-0000-0000-000000000000";
    assert_eq!(a.json(&["queue", "discard", nobody]).await.error(1), "not_found");
    assert_eq!(a.json(&["queue", "edit", nobody, "position=3"]).await.error(1), "not_found");
    assert!(a.json(&["conflicts"]).await.ok_lines().is_empty());
    assert_eq!(a.json(&["conflicts", "show", nobody]).await.error(1), "not_found");
    let words = a.words(&["queue"]).await;
    assert!(words.text.starts_with("CHANGE") && words.text.contains("Create sector"), "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_answers_line_by_line() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let file = site.dir.path().join("lines");
    let lines = [
        json!({"op": "create", "collection": "sector", "key": "water", "fields": {"name": "Water"}}),
        json!({"op": "set", "collection": "sector", "id": "water", "fields": {"position": 4, "tags": ["EU"]}}),
        json!({"op": "set", "collection": "sector", "id": "nobody", "fields": {"position": 4}}),
        json!({"op": "do", "command": "sector.set_status", "args": {"sector": "water", "status": "Active"}}),
    ];
    let text: Vec<String> = lines.iter().map(Json::to_string).collect();
    std::fs::write(&file, text.join("\n")).unwrap();
    let file = file.to_str().unwrap();

    let done = a.json(&["batch", file]).await;
    assert_eq!(done.code, 1, "one line is bad: {done:?}");
    let done = done.lines();
    assert_eq!(done.len(), 4);
    assert!([0, 1, 3].iter().all(|n| done[*n]["change"].is_string()), "{done:?}");
    assert_eq!(done[2]["error"]["code"], "not_found");
    let water = a.json(&["get", "sector", "water"]).await.ok();
    assert_eq!((&water["fields"]["position"], &water["fields"]["status"]), (&json!(4), &json!("Active")));

    std::fs::write(file, "{\"op\": \"delete\", \"collection\": \"sector\", \"id\": \"water\"}\nnonsense\n").unwrap();
    assert_eq!(a.json(&["batch", file]).await.error(1), "bad_arguments");
    std::fs::write(file, "{\"op\": \"delete\", \"collection\": \"sector\", \"id\": \"water\"}\n").unwrap();
    assert!(a.json(&["batch", file, "--group"]).await.ok()["change"].is_string());
    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_they_ended() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let file = site.dir.path().join("lines");
    let line = |n: u32| {
        let fields = json!({"name": format!("Sector {n:04}"), "position": n});
        json!({"op": "create", "collection": "sector", "key": format!("s{n:04}"), "fields": fields}).to_string()
    };
    std::fs::write(&file, (0..1_203).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let done = a.json(&["batch", file.to_str().unwrap()]).await;
    assert_eq!((done.code, done.lines().len()), (0, 1_203));

    let keys = |lines: &[Json]| lines.iter().map(|l| l["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = a.json(&["list", "sector"]).await.ok_lines();
    let wanted: Vec<String> = (0..1_203).map(|n| format!("s{n:04}")).collect();
    assert_eq!(keys(&all), wanted, "every record once, by title");
    has_keys(&all[0], &["id", "key", "fields", "state", "fields_pending"]);
    let back = a.json(&["list", "sector", "--sort", "-position", "--limit", "2"]).await.ok_lines();
    assert_eq!(keys(&back), ["s1202", "s1201"]);
    let next = back[1]["id"].as_str().unwrap();
    let back = a.json(&["list", "sector", "--sort", "-position", "--limit", "2", "--after", next]).await.ok_lines();
    assert_eq!(keys(&back), ["s1200", "s1199"]);
    let found = a.json(&["list", "sector", "--search", "1201"]).await.ok_lines();
    assert_eq!(keys(&found), ["s1201"]);
    assert!(a.json(&["list", "sector", "--limit", "0"]).await.ok_lines().is_empty());
    assert_eq!(a.json(&["queue"]).await.ok_lines().len(), 1_203, "the queue is shown whole");
}
