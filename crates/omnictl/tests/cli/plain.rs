//! Usage, errors, and commands that are not there yet: no central needed for most.

use crate::kit::{Laptop, Site, finish, keys, program};
use serde_json::json;

fn fresh() -> (tempfile::TempDir, Laptop) {
    let dir = tempfile::tempdir().unwrap();
    let laptop = Laptop { data: dir.path().join("laptop") };
    (dir, laptop)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_later_versions_say_so() {
    let (_dir, laptop) = fresh();
    for args in [&["node", "--id", "x"][..]] {
        assert_eq!(laptop.json(args).await.error(1), "not_available", "{args:?}");
    }
    let out = finish(program(&laptop.data, &["--json", "bench", "sync"])).await;
    assert_eq!(out.error(1), "not_available");
    assert!(!laptop.data.exists(), "and nothing was opened for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_usage_exits_2_and_failure_1() {
    let (_dir, laptop) = fresh();
    for args in [
        &["nothing"][..],
        &["set", "brand", "x"],
        &["list"],
        &["create", "brand", "tags+=x"],
        &["set", "brand", "x", "a=1", "a=2"],
        &["count", "brand", "--where", "a=1", "a=2"],
        &["sync", "--timeout", "-1"],
        &["ui", "--listen", "0.0.0.0:0"],
        &["ui", "--listen", "192.0.2.1:80"],
    ] {
        assert_eq!(laptop.json(args).await.error(2), "usage", "{args:?}");
    }
    assert_eq!(laptop.json(&["status"]).await.error(1), "first_run");
    assert_eq!(laptop.json(&["run"]).await.error(1), "first_run");
    let words = laptop.words(&["status"]).await;
    assert!(words.code == 1 && words.text.is_empty() && words.log.contains("[first_run]"), "{words:?}");
    let help = laptop.words(&["--help"]).await;
    assert!(help.code == 0 && help.text.contains("enrol"), "{help:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passphrase_mode_needs_the_passphrase() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let with = async |passphrase: Option<&str>, args: &[&str]| {
        let mut command = program(&a.data, args);
        match passphrase {
            Some(text) => command.env("OMNI_PASSPHRASE", text),
            None => command.env_remove("OMNI_PASSPHRASE"),
        };
        finish(command).await
    };
    let copy = site.dir.path().join("copy");
    std::fs::write(&copy, "x").unwrap();
    let restore = ["--json", "restore", copy.to_str().unwrap()];
    for missing in [None, Some("")] {
        assert_eq!(with(missing, &["--json", "status"]).await.error(2), "usage");
        assert_eq!(with(missing, &["--json", "run"]).await.error(2), "usage");
        assert_eq!(with(missing, &restore).await.error(2), "usage");
    }
    assert_eq!(with(Some("wrong horse battery"), &["--json", "status"]).await.error(1), "wrong_passphrase");
    assert_eq!(with(Some("wrong horse battery"), &restore).await.error(1), "wrong_passphrase");
    assert_eq!(with(None, &["--json", "--keys", "os", "status"]).await.code, 2, "--keys is given twice");
    a.json(&["status"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_is_once_and_its_errors_have_codes() {
    let site = Site::start().await;
    let (_dir, laptop) = fresh();
    let enrol = async |central: &str, code: &str| {
        laptop.json(&["enrol", "--central", central, "--code", code, "--name", "laptop"]).await
    };
    assert_eq!(enrol(&site.url(), "NOT-A-CODE").await.error(1), "code_unknown");
    assert_eq!(enrol("http://127.0.0.1:9", &site.code("ada")).await.error(1), "central_unreachable");
    assert_eq!(laptop.json(&["status"]).await.error(1), "first_run", "a failure leaves nothing behind");
    let code = site.code("ada");
    enrol(&site.url(), &code).await.ok();
    assert_eq!(enrol(&site.url(), &code).await.error(1), "enrolled");
    let (_dir, other) = fresh();
    let words = other.words(&["enrol", "--central", &site.url(), "--code", &site.code("ben")]).await;
    assert!(words.code == 0 && words.text.contains("Recovery code, shown once: "), "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_described_and_its_refusals_have_codes() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let all = a.json(&["collections"]).await.ok();
    let brand = all["collections"].as_array().unwrap().iter().find(|c| c["name"] == "brand").unwrap();
    let field = brand["fields"].as_array().unwrap().iter().find(|f| f["name"] == "revenue").unwrap();
    assert_eq!((&field["type"], &field["policy"]), (&json!("money"), &json!("protected")));
    let all = a.json(&["commands"]).await.ok();
    let names: Vec<&str> = all["commands"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"brand.move"), "{names:?}");
    assert!(keys(&all["commands"][0]).is_superset(&["name", "args", "offline"].into()));
    assert!(a.words(&["collections"]).await.text.contains("brand — Brands"));
    assert!(a.words(&["commands"]).await.text.starts_with("COMMAND"));

    a.json(&["create", "sector", "name=Water", "--key", "water"]).await.ok();
    for (args, code) in [
        (&["count", "nothing"][..], "unknown_collection"),
        (&["get", "sector", "nobody"], "not_found"),
        (&["set", "sector", "nobody", "name=x"], "not_found"),
        (&["set", "sector", "water", "nothing=x"], "unknown_field"),
        (&["set", "sector", "water", "position=high"], "invalid"),
        (&["set", "sector", "water", "name+=x"], "bad_operation"),
        (&["do", "sector.nothing"], "unknown_command"),
        (&["queue", "--state", "nothing"], "invalid"),
    ] {
        assert_eq!(a.json(args).await.error(1), code, "{args:?}");
    }
    let words = a.words(&["list", "sector"]).await;
    assert!(words.text.starts_with("RECORD") && words.text.contains("water   Water"), "{words:?}");
    assert!(a.words(&["get", "sector", "water"]).await.text.starts_with("Water\n"));
    assert_eq!(a.words(&["count", "sector"]).await.text, "1\n");
}
