//! A laptop's folder put back from an old copy, or running twice: it goes on under a new identity, what was never sent is sent
//! once, nothing is ignored and nothing doubled.

use super::program::Laptop;
use super::{idle, seq, start};
use serde_json::json;
use std::path::Path;

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy_folder(&entry.path(), &target),
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), target).unwrap()),
            // The socket of a process that is gone.
            _ => {}
        }
    }
}

fn write(laptop: &Laptop, brand: &str, name: &str) {
    laptop.run(&["set", "brand", brand, &format!("name={name}")]).expect("saved");
}

/// Everybody shows the same, equals central, and nobody is asked anything.
fn all_equal(laptops: &[&Laptop], wanted: &[(&str, &str)]) {
    // Twice: what the last one sends, the first one hears on its second turn.
    laptops.iter().chain(laptops).for_each(|l| drop(idle(l)));
    let first = laptops[0].records("brand");
    for (brand, name) in wanted {
        assert_eq!(first[*brand], *name, "{brand}");
    }
    for laptop in laptops {
        let status = idle(laptop);
        assert_eq!((&status["conflicts"], &status["needs_attention"]), (&json!(0), &json!(0)), "{status}");
        assert_eq!(laptop.records("brand"), first);
        let report = laptop.run(&["verify"]).expect("equal");
        assert_eq!(report["equal"], true, "{report}");
    }
}

#[test]
fn an_old_copy_put_back_sends_its_unsent_work_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_central, laptops) = start(folder.path());
    let (ada, kept) = (folder.path().join("ada"), folder.path().join("kept"));
    let begun = seq(&folder.path().join("central"));
    write(&laptops[0], "b1", "not sent when it was copied");
    copy_folder(&ada, &kept);
    for (brand, name) in [("b2", "after the copy"), ("b3", "after the copy too")] {
        write(&laptops[0], brand, name);
    }
    idle(&laptops[0]);
    write(&laptops[0], "b4", "lost with the folder");

    std::fs::remove_dir_all(&ada).unwrap();
    std::fs::rename(&kept, &ada).unwrap();
    write(&laptops[0], "b5", "on the old copy");
    let wanted = [
        ("b1", "not sent when it was copied"),
        ("b2", "after the copy"),
        ("b3", "after the copy too"),
        ("b4", "Brand 4"),
        ("b5", "on the old copy"),
    ];
    all_equal(&[&laptops[0], &laptops[1], &laptops[2]], &wanted);
    assert_eq!(seq(&folder.path().join("central")), begun + 4, "each once");
}

#[test]
fn a_folder_that_runs_twice_sends_what_both_had_once_and_goes_on_as_two() {
    let folder = tempfile::tempdir().unwrap();
    let (_central, laptops) = start(folder.path());
    let begun = seq(&folder.path().join("central"));
    write(&laptops[0], "b1", "had by both");
    copy_folder(&folder.path().join("ada"), &folder.path().join("twin"));
    let twin = Laptop::new(&folder.path().join("twin"));
    write(&laptops[0], "b2", "by the first");
    write(&twin, "b3", "by the twin");
    let all = [&laptops[0], &twin, &laptops[1]];
    all_equal(&all, &[("b1", "had by both"), ("b2", "by the first"), ("b3", "by the twin")]);
    assert_eq!(seq(&folder.path().join("central")), begun + 3, "each once");
    // Both go on, in turn.
    for round in 0..3 {
        write(&laptops[0], "b4", &format!("first, round {round}"));
        idle(&laptops[0]);
        idle(&twin);
        write(&twin, "b4", &format!("twin, round {round}"));
        idle(&twin);
        idle(&laptops[0]);
    }
    all_equal(&all, &[("b4", "twin, round 2")]);
    assert_eq!(seq(&folder.path().join("central")), begun + 9, "each once");
}
