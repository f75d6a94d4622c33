//! Files in and out.

use crate::kit::{Site, has_keys, program};
use serde_json::json;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_beforehand_what_it_will_do() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let file = site.dir.path().join("sectors.csv");
    std::fs::write(&file, "key,Title,position\nwater,Water,1\nwood,Wood,two\n").unwrap();
    let import = |more: &'static [&str]| {
        let file = file.to_str().unwrap().to_owned();
        let a = &a;
        async move { a.json(&[&["import", "sector", &file, "--map", "name=Title"], more].concat()).await }
    };
    let dry = import(&["--dry-run"]).await;
    assert_eq!(dry.code, 1, "a row is bad: {dry:?}");
    let report = dry.lines().remove(0);
    has_keys(&report, &["rows", "created", "updated", "unchanged", "errors"]);
    assert_eq!((&report["errors"][0]["row"], &report["errors"][0]["field"]), (&json!(2), &json!("position")));
    let real = import(&[]).await;
    assert_eq!((real.code, &real.lines().remove(0)["errors"]), (1, &report["errors"]), "the same verdict");
    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 0}), "nothing was applied");

    let good = import(&["--skip-bad"]).await.ok();
    assert_eq!((&good["rows"], &good["created"]), (&json!(2), &json!(1)), "{good}");
    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 1}));
    assert_eq!(a.json(&["import", "sector", "/nowhere.csv"]).await.error(1), "not_found");

    let out = site.dir.path().join("out.json");
    assert_eq!(a.json(&["export", "sector", "--out", out.to_str().unwrap()]).await.ok(), json!({"rows": 1}));
    assert!(std::fs::read_to_string(out).unwrap().contains("Water"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_goes_on_with_its_queue() {
    let site = Site::start().await;
    let (a, b) = (site.laptop("ada").await, site.laptop("ben").await);
    a.json(&["create", "sector", "name=Water", "--key", "water"]).await.ok();

    // Names of files are the caller's: the command runs in another folder than the one it was given in.
    let mut command = program(&a.data, &["--json", "backup", "copy.db"]);
    command.current_dir(site.dir.path());
    crate::kit::finish(command).await.ok();
    let copy = site.dir.path().join("copy.db");
    assert!(!contains(&copy, b"Water"), "a copy is encrypted");
    a.json(&["delete", "sector", "water"]).await.ok();
    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 0}));

    let restored = a.json(&["restore", copy.to_str().unwrap()]).await.ok();
    assert_eq!(restored["rows"], 1, "{restored}");
    assert_eq!(a.json(&["get", "sector", "water"]).await.ok()["state"], "pending");
    a.sync().await;
    b.sync().await;
    assert_eq!(b.json(&["get", "sector", "water"]).await.ok()["fields"]["name"], "Water");
    assert_eq!(a.json(&["verify"]).await.ok()["equal"], true);

    assert_eq!(b.json(&["restore", copy.to_str().unwrap()]).await.error(1), "wrong_key", "another laptop's");
    assert_eq!(b.json(&["restore", "/nowhere.db"]).await.error(1), "not_found");
    assert_eq!(b.json(&["count", "sector"]).await.ok(), json!({"count": 1}), "and nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics_hold_no_record_and_no_name() {
    let site = Site::start().await;
    let a = site.laptop("ada-lovelace").await;
    a.json(&["create", "sector", "name=Quicksilver", "--key", "quicksilver"]).await.ok();
    let file = site.dir.path().join("bundle.json");
    a.json(&["diagnostics", file.to_str().unwrap()]).await.ok();
    for word in ["uicksilver", "lovelace", crate::kit::PASSPHRASE] {
        assert!(!contains(&file, word.as_bytes()), "“{word}” is in the bundle");
    }
    assert!(contains(&file, b"queued"));
}

fn contains(file: &Path, word: &[u8]) -> bool {
    let bytes = std::fs::read(file).unwrap();
    assert!(!bytes.is_empty());
    bytes.windows(word.len()).any(|w| w == word)
}
