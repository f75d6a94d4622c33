//! kill -9 of laptops and central in the middle of synchronising, with the real programs. Nothing that was printed may be
//! lost: a change printed by `omnictl` was durable on its laptop, one that was answered was durable on central.

mod program;

use program::{Central, Laptop};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rounds of a kill each; every third hits central, every third a laptop, every third both.
const ROUNDS: usize = 24;
/// Edits tried in a round; the kill falls among them.
const EDITS: usize = 6;

/// Spreads the kills over a round. No clock or chance: the same rounds every time, at different moments all the same,
/// since the programs run as they like.
fn pause(round: usize) -> Duration {
    Duration::from_millis((round as u64 * 37) % 160)
}

#[test]
fn what_was_printed_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut central = Central::start(&folder.path().join("central"), None);
    let mut laptops = ["ada", "ben"].map(|name| Laptop::new(&folder.path().join(name)));
    for laptop in &laptops {
        laptop.enrol(&central);
    }
    laptops[0].run(&["create", "sector", "name=Water", "--key", "water"]).expect("saved");
    laptops[0].run(&["create", "brand", "name=Brook", "sector=water", "kind=core", "--key", "brook"]).expect("saved");
    laptops[0].run(&["sync", "--until-idle", "--timeout", "60"]).expect("synchronised");
    laptops[1].run(&["sync", "--until-idle", "--timeout", "60"]).expect("synchronised");

    // What each record must hold in the end, as far as it was printed. Each laptop writes records of its own, so that no
    // merge rule decides about them.
    let mut printed: BTreeMap<String, String> = BTreeMap::new();
    for round in 0..ROUNDS {
        laptops.iter_mut().for_each(Laptop::start_run);
        for n in 0..EDITS {
            for (which, laptop) in laptops.iter().enumerate() {
                let key = format!("r{round}-{which}-{n}");
                let name = format!("name={key}");
                if laptop.run(&["create", "brand", &name, "sector=water", "kind=core", "--key", &key]).is_some() {
                    printed.insert(key.clone(), key);
                }
            }
            if n == EDITS / 2 {
                std::thread::sleep(pause(round));
                if round % 3 != 1 {
                    central.kill();
                }
                if round % 3 != 0 {
                    laptops[round % 2].kill_run();
                }
            }
        }
        laptops.iter_mut().for_each(Laptop::kill_run);
        if round % 3 != 1 {
            central = central.again();
        }
    }
    for laptop in laptops.iter().chain(&laptops) {
        laptop.run(&["sync", "--until-idle", "--timeout", "120"]).expect("everything drains");
    }
    assert!(printed.len() > ROUNDS * EDITS, "most edits were saved: {}", printed.len());
    for laptop in &laptops {
        let held = laptop.records("brand");
        let lost: Vec<_> = printed.iter().filter(|(key, name)| held.get(*key) != Some(*name)).collect();
        assert!(lost.is_empty(), "printed and lost: {lost:?}");
        let report = laptop.run(&["verify"]).expect("equal to central");
        assert_eq!(report["equal"], true, "{report}");
        let status = laptop.run(&["status"]).expect("a status");
        assert_eq!((status["queued"].as_u64(), status["sending"].as_u64()), (Some(0), Some(0)), "{status}");
        assert_eq!(status["needs_attention"].as_u64(), Some(0), "nothing was applied twice or refused: {status}");
    }
    central.stop();
    Central::verify(&folder.path().join("central"));
    println!("{ROUNDS} rounds, {} edits printed, none lost", printed.len());
}

#[test]
fn a_laptop_killed_in_its_first_copy_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let central = Central::start_sample(&folder.path().join("central"));
    let mut laptop = Laptop::new(&folder.path().join("ada"));
    laptop.enrol(&central);
    let started = Instant::now();
    for round in 0..6u64 {
        laptop.start_run();
        std::thread::sleep(Duration::from_millis(120 * round));
        laptop.kill_run();
    }
    laptop.run(&["sync", "--until-idle", "--timeout", "120"]).expect("the copy arrives");
    let count = laptop.run(&["count", "brand"]).expect("a count");
    assert_eq!(count["count"], 7_038, "after {:?}", started.elapsed());
    assert_eq!(laptop.run(&["verify"]).expect("equal")["equal"], true);
    central.stop();
}
