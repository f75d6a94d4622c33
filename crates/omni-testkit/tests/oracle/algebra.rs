//! The algebra of a merge, on random changes.

use super::make::{Maker, case_of};
use omni_testkit::cases::{Case, Change, Found, OpText, Place, play, same};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Random pairs for each law.
const PAIRS: u64 = 8_000;

fn found(case: &Case) -> Found {
    Found::of(&play(case).expect("the case plays"), &BTreeSet::from(["r".to_owned()]))
}

fn record(case: &Case) -> Json {
    found(case).records.get("r").cloned().unwrap_or_default()
}

/// One random change of `replica` on the base, without a command.
fn change(seed: u64, id: &str, replica: &str) -> Change {
    let mut change = Maker::new(seed).case().incoming.remove(0);
    change.id = id.into();
    change.replica = replica.into();
    change.base = Place::Seq(10);
    change.command = None;
    change
}

/// A change of one law's kind: without the operations that are named.
fn without(mut change: Change, gone: impl Fn(&OpText) -> bool) -> Option<Change> {
    change.ops.retain(|op| !gone(op));
    (!change.ops.is_empty()).then_some(change)
}

fn adds(op: &OpText) -> bool {
    matches!(op, OpText::Add { .. } | OpText::Include { .. })
}

#[test]
fn equal_changes_of_two_are_no_conflict() {
    for seed in 0..PAIRS {
        // Deltas are no results: equal ones both count.
        let Some(a) = without(change(seed, "a", "RA"), |op| matches!(op, OpText::Add { .. })) else { continue };
        let once = record(&case_of(vec![a.clone()]));
        let b = Change { id: "b".into(), replica: "RB".into(), ..a.clone() };
        let twice = found(&case_of(vec![a, b]));
        let now = twice.records.get("r").cloned().unwrap_or_default();
        assert!(same(&once, &now), "seed {seed}: {once} became {now}");
        assert!(twice.open.is_empty() && twice.decided.is_empty(), "seed {seed}: {twice:?}");
    }
}

#[test]
fn a_change_nobody_met_is_its_own_result() {
    for seed in 0..PAIRS {
        let played = found(&case_of(vec![change(seed, "a", "RA")]));
        assert!(played.open.is_empty() && played.decided.is_empty(), "seed {seed}: {played:?}");
        assert_ne!(played.outcomes, ["merged"], "seed {seed}");
    }
}

#[test]
fn additions_come_to_the_same_in_every_order() {
    for seed in 0..PAIRS {
        let made: Vec<Change> = [("a", "RA"), ("b", "RB"), ("c", "RC")]
            .iter()
            .enumerate()
            .filter_map(|(n, (id, replica))| without(change(seed * 3 + n as u64, id, replica), |op| !adds(op)))
            .collect();
        let forth = record(&case_of(made.clone()));
        let back = record(&case_of(made.into_iter().rev().collect()));
        assert!(same(&forth, &back), "seed {seed}: {forth} and {back}");
    }
}

#[test]
fn disjoint_times_win_whoever_arrives_first() {
    for seed in 0..PAIRS {
        let ranked = |op: &OpText| {
            !matches!(op, OpText::Set { field, .. } if field == "name") && !matches!(op, OpText::Move { .. })
        };
        let (Some(mut a), Some(mut b)) =
            (without(change(seed, "a", "RA"), ranked), without(change(seed + PAIRS, "b", "RB"), ranked))
        else {
            continue;
        };
        (a.time, b.time) = ([Some(0), Some(10)], [Some(20), Some(30)]);
        let forth = found(&case_of(vec![a.clone(), b.clone()]));
        let back = found(&case_of(vec![b, a]));
        assert_eq!(forth.records, back.records, "seed {seed}");
        // Items are found in the order of their ids, which name the change that arrived second.
        let decided = |f: &Found| f.decided.iter().map(|d| format!("{d:?}")).collect::<BTreeSet<_>>();
        assert_eq!(decided(&forth), decided(&back), "seed {seed}");
        assert!(forth.open.is_empty() && back.open.is_empty(), "seed {seed}");
    }
}

#[test]
fn undo_brings_back_what_was_after_foreign_commits_too() {
    for seed in 0..PAIRS {
        let (Some(mut a), b) = (without(change(seed, "a", "RA"), |_| false), change(seed + PAIRS, "b", "RB")) else {
            continue;
        };
        // The foreign commit touches other fields, or adds to the same ones.
        let names = |c: &Change| -> BTreeSet<String> {
            c.ops
                .iter()
                .filter(|op| !matches!(op, OpText::Add { .. }))
                .map(|op| format!("{op:?}").split('"').nth(1).unwrap_or("*").to_owned())
                .collect()
        };
        let taken = names(&b);
        a.ops.retain(|op| !taken.contains(format!("{op:?}").split('"').nth(1).unwrap_or("*")));
        let deletes = |c: &Change| c.ops.iter().any(|op| matches!(op, OpText::Delete { .. }));
        if a.ops.is_empty()
            || deletes(&a)
            || deletes(&b)
            || !found(&case_of(vec![a.clone()])).outcomes.contains(&"applied".to_owned())
        {
            continue;
        }
        let alone = record(&case_of(vec![b.clone()]));
        let undo = Change {
            id: "undo".into(),
            base: Place::After("b".into()),
            ops: vec![OpText::Undo { change: "a".into() }],
            ..a.clone()
        };
        let all = found(&case_of(vec![a.clone(), b.clone(), undo]));
        let now = all.records.get("r").cloned().unwrap_or_default();
        assert!(same(&alone, &now), "seed {seed}: {alone} became {now}\n{a:?}\n{b:?}");
    }
}

#[test]
fn protected_is_never_automatic_and_no_value_is_lost() {
    for seed in 0..PAIRS {
        let case = Maker::new(seed + 1_000_000).case();
        let found = found(&case);
        assert!(found.decided.iter().all(|d| d.field != "fee"), "seed {seed}: {:?}", found.decided);
        assert!(found.doubled.is_empty(), "seed {seed}: {:?}", found.doubled);
    }
}
