//! One process owns a data folder; commands given meanwhile reach it.

use crate::kit::{Site, finish, has_keys, program};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_the_process_that_runs_and_a_second_one_is_refused() {
    let site = Site::start().await;
    let (a, b) = (site.laptop("ada").await, site.laptop("ben").await);
    let mut running = a.stay(&["run"]);
    let ready = running.line().await;
    assert_eq!(ready["ready"], true, "{ready}");
    let mut events = b.stay(&["run", "--events"]);
    let first = events.line().await;
    assert_eq!((&first["event"], &first["ready"]), (&json!("system_health"), &json!(true)), "{first}");

    assert_eq!(a.json(&["run"]).await.error(1), "busy");
    assert_eq!(a.json(&["run", "--events"]).await.error(1), "busy");
    let page = site.dir.path().join("page");
    std::fs::create_dir(&page).unwrap();
    std::fs::write(page.join("index.html"), "page").unwrap();
    assert_eq!(a.json(&["ui", "--assets", page.to_str().unwrap()]).await.error(1), "busy");
    let file = site.dir.path().join("copy");
    let file = file.to_str().unwrap();
    a.json(&["backup", file]).await.ok();
    assert_eq!(a.json(&["restore", file]).await.error(1), "busy");

    // Passed on: no passphrase is needed, the owner has it.
    let mut command = program(&a.data, &["--json", "create", "sector", "name=Water", "--key", "water"]);
    command.env_remove("OMNI_PASSPHRASE");
    let made = finish(command).await.ok();
    let event = events.until(|e| e["event"] == "sector_update").await;
    has_keys(&event, &["event", "priority", "collection", "record", "change", "seq", "source", "at"]);
    assert_eq!((&event["change"], &event["record"]), (&made["change"], &made["id"]), "{event}");
    assert_eq!((&event["collection"], &event["priority"]), (&json!("sector"), &json!(2)));
    let there = b.json(&["get", "sector", "water"]).await.ok();
    assert_eq!((&there["state"], &there["seq"]), (&json!("saved"), &event["seq"]), "the event follows the commit");

    let status = a.json(&["sync", "--until-idle", "--timeout", "60"]).await.ok();
    assert_eq!(status["state"], "in_sync", "{status}");
    assert_eq!(a.json(&["verify"]).await.ok()["equal"], true);
    assert_eq!((running.stop().await, events.stop().await), (0, 0));

    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 1}), "the folder is free again");
    assert_eq!(a.json(&["verify"]).await.ok()["equal"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_connection_is_told_as_system_health() {
    let mut site = Site::start().await;
    let a = site.laptop("ada").await;
    let mut events = a.stay(&["run", "--events"]);
    let is = |state: &'static str| move |e: &serde_json::Value| e["event"] == "system_health" && e["state"] == state;
    events.until(is("in_sync")).await;
    site.stop_central().await;
    let gone = events.until(is("central_unreachable")).await;
    has_keys(&gone, &["event", "priority", "source", "at"]);
    site.start_central().await;
    a.json(&["sync", "--timeout", "60"]).await.ok();
    events.until(is("in_sync")).await;
    assert_eq!(events.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_reader_has_gone_ends() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let mut command = program(&a.data, &["run", "--events"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let ended = crate::kit::in_time("the end", child.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}
