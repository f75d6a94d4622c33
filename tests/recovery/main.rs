//! Central loses its log, with the real programs: restored from a backup some 500 commits old, or rolled back under its
//! feet by its host. The laptops bring everything back, also what only a laptop that is gone for good had made.

#[path = "../kill/program.rs"]
#[allow(dead_code)]
mod program;
mod replica;

use program::{Central, Laptop, administer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Each laptop writes this often in turn, on the same records: everyone knows what the one before wrote.
const TURNS: usize = 6;
/// Edits in a turn.
const EDITS: usize = 30;
const BRANDS: usize = 10;

fn idle(laptop: &Laptop) -> Json {
    laptop.run(&["sync", "--until-idle", "--timeout", "60"]).expect("synchronised")
}

/// Central with three laptops and some brands.
fn start(folder: &Path) -> (Central, Vec<Laptop>) {
    let central = Central::start(&folder.join("central"), None);
    let laptops: Vec<Laptop> = ["ada", "ben", "cat"].map(|name| Laptop::new(&folder.join(name))).into();
    laptops.iter().for_each(|l| l.enrol(&central));
    laptops[0].run(&["create", "sector", "name=Water", "--key", "water"]).expect("saved");
    for n in 0..BRANDS {
        let (name, key) = (format!("name=Brand {n}"), format!("b{n}"));
        laptops[0].run(&["create", "brand", &name, "sector=water", "kind=core", "--key", &key]).expect("saved");
    }
    laptops.iter().for_each(|l| drop(idle(l)));
    (central, laptops)
}

/// The 540 commits that will be lost.
fn work(folder: &Path, laptops: &[Laptop]) {
    for turn in 0..TURNS {
        for (who, laptop) in laptops.iter().enumerate() {
            idle(laptop);
            let line = |n: usize| {
                let fields = json!({ "name": format!("turn {turn} of {who}, edit {n}") });
                json!({ "op": "set", "collection": "brand", "id": format!("b{}", n % BRANDS), "fields": fields })
                    .to_string()
            };
            let file = folder.join("edits.jsonl");
            std::fs::write(&file, (0..EDITS).map(line).collect::<Vec<_>>().join("\n")).unwrap();
            laptop.run(&["batch", &file.to_string_lossy()]).expect("saved");
            idle(laptop);
        }
    }
    laptops.iter().for_each(|l| drop(idle(l)));
}

fn seq(data: &Path) -> u64 {
    administer(data, &["status"])["seq"].as_u64().unwrap()
}

/// The laptops left hold what was there before, equal central's copy, and nothing is in the inbox.
fn all_back(folder: &Path, left: &[Laptop], before: &BTreeMap<String, String>, commits: u64) {
    left.iter().for_each(|l| drop(idle(l)));
    for laptop in left {
        assert_eq!(&laptop.records("brand"), before);
        let report = laptop.run(&["verify"]).expect("equal");
        assert_eq!(report["equal"], true, "{report}");
        let status = idle(laptop);
        assert_eq!((&status["conflicts"], &status["needs_attention"]), (&json!(0), &json!(0)), "{status}");
    }
    assert_eq!(seq(&folder.join("central")), commits, "nothing lost, nothing doubled");
    Central::verify(&folder.join("central"));
}

#[test]
fn a_backup_500_commits_old_and_a_laptop_gone_for_good_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("central"), folder.path().join("old.db"));
    let (central, mut laptops) = start(folder.path());
    administer(&data, &["backup", &backup.to_string_lossy()]);
    let old = seq(&data);
    work(folder.path(), &laptops);
    let (mut before, commits) = (laptops[0].records("brand"), seq(&data));
    assert!(commits - old >= 500, "{old} to {commits}");
    let url = central.url.clone();
    central.stop();
    drop(laptops.pop());
    std::fs::remove_dir_all(folder.path().join("cat")).unwrap();
    let restored = administer(&data, &["restore", &backup.to_string_lossy()]);
    assert_eq!(restored["seq"], old, "{restored}");
    let _central = Central::start(&data, Some(url.trim_start_matches("http://")));
    // Edits made meanwhile wait on their laptop, which says why.
    laptops[0].run(&["set", "brand", "b0", "name=made during the recovery"]).expect("saved");
    for laptop in &laptops {
        let status = laptop.run(&["sync", "--timeout", "3"]).expect("connected");
        assert!(status["sentence"].as_str().unwrap().contains("being recovered"), "{status}");
    }
    let state = administer(&data, &["status"])["recovering"].clone();
    assert_eq!((&state["reported"], &state["missing"]), (&json!(["ada", "ben"]), &json!(["cat"])), "{state}");
    assert_eq!(seq(&data), old, "it waits for the third");
    administer(&data, &["recover", "--end"]);
    before.insert("b0".into(), "made during the recovery".into());
    all_back(folder.path(), &laptops, &before, commits + 1);
}

#[test]
fn older_files_put_in_place_by_the_host_are_noticed_and_everything_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("central");
    let (central, laptops) = start(folder.path());
    let url = central.url.clone();
    central.stop();
    let old = std::fs::read(data.join("central.db")).unwrap();
    let central = Central::start(&data, Some(url.trim_start_matches("http://")));
    work(folder.path(), &laptops);
    let (before, commits) = (laptops[0].records("brand"), seq(&data));
    central.stop();
    for name in ["central.db-wal", "central.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    std::fs::write(data.join("central.db"), old).unwrap();
    let _central = Central::start(&data, Some(url.trim_start_matches("http://")));
    assert_eq!(administer(&data, &["status"])["epoch"], 1, "nobody has told it yet");
    for laptop in &laptops {
        laptop.run(&["sync", "--timeout", "4"]);
    }
    all_back(folder.path(), &laptops, &before, commits);
    assert_eq!(administer(&data, &["status"])["epoch"], 2);
}
