//! The production merge against an independent reading of the design, on random concurrent work; and the algebra of
//! RELIABILITY §6.

mod algebra;
mod make;
mod model;
mod retries;

use make::Maker;
use model::Oracle;
use omni_testkit::cases::{Case, Found, play, same};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Random cases of the differential test.
const CASES: u64 = 100_000;

/// What differs between the oracle and the production merge.
fn difference(case: &Case) -> Option<String> {
    let oracle = Oracle::read(case);
    let played = match play(case) {
        Ok(played) => played,
        Err(e) => return Some(e),
    };
    let found = Found::of(&played, &BTreeSet::from(["r".to_owned()]));
    let record = found.records.get("r").cloned().unwrap_or_default();
    if !same(&oracle.record(), &record) {
        return Some(format!("record: oracle {}, found {record}", oracle.record()));
    }
    let refused: Vec<bool> = found.outcomes.iter().map(|w| w == "rejected").collect();
    if refused != oracle.refused {
        return Some(format!("refused: oracle {:?}, found {:?}", oracle.refused, found.outcomes));
    }
    let text = |parts: &[&Json]| parts.iter().map(|p| p.to_string()).collect::<Vec<_>>().join(" ");
    let mut wanted: Vec<String> =
        oracle.open().iter().map(|(f, w, t)| format!("{f} {} {t}", text(&w.iter().collect::<Vec<_>>()))).collect();
    wanted.extend(oracle.parked.iter().map(|id| format!("parked {id}")));
    let mut got: Vec<String> = Vec::new();
    for (item, _) in &found.open {
        got.push(match (&item.change, &item.field) {
            (Some(id), _) => format!("parked {id}"),
            (None, field) => {
                let waiting: Vec<&Json> = std::iter::once(&item.mine).chain(&item.also).collect();
                format!("{} {} {}", field.as_deref().unwrap_or_default(), text(&waiting), item.theirs)
            }
        });
    }
    wanted.sort();
    got.sort();
    if wanted != got {
        return Some(format!("open: oracle {wanted:?}, found {got:?}"));
    }
    let mut wanted: Vec<String> = oracle.decided.iter().map(|(f, r, w, l)| format!("{f} {r} {w} {l}")).collect();
    let ours = found.decided.iter().filter(|d| ["Latest", "Authority", "edit wins"].contains(&d.rule.as_str()));
    let mut got: Vec<String> = ours
        .map(|d| match d.rule.as_str() {
            "edit wins" => "* edit wins null null".to_owned(),
            rule => format!("{} {rule} {} {}", d.field, d.winner, d.loser),
        })
        .collect();
    wanted.sort();
    got.sort();
    (wanted != got).then(|| format!("decided: oracle {wanted:?}, found {got:?}"))
}

/// The smallest case that still differs: changes, then operations, taken away one by one.
fn shrink(mut case: Case) -> Case {
    loop {
        let mut smaller = Vec::new();
        for at in 0..case.incoming.len() {
            let mut fewer = case.clone();
            let gone = fewer.incoming.remove(at).id;
            let named = |c: &omni_testkit::cases::Change| c.base == omni_testkit::cases::Place::After(gone.clone());
            if !fewer.incoming.iter().any(named) {
                smaller.push(fewer);
            }
            for op in 0..case.incoming[at].ops.len() {
                if case.incoming[at].ops.len() > 1 {
                    let mut fewer = case.clone();
                    fewer.incoming[at].ops.remove(op);
                    smaller.push(fewer);
                }
            }
        }
        match smaller.into_iter().find(|c| difference(c).is_some()) {
            Some(fewer) => case = fewer,
            None => return case,
        }
    }
}

#[test]
fn the_merge_is_what_the_oracle_reads() {
    let mut failures = Vec::new();
    for seed in 0..CASES {
        let case = Maker::new(seed).case();
        if difference(&case).is_some() {
            let case = shrink(case);
            let why = difference(&case).unwrap_or_default();
            failures.push(format!("seed {seed}: {why}\n{}", serde_json::to_string(&case).unwrap_or_default()));
            if failures.len() == 8 {
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// An edit restores a deleted record without changing a value; a delete that knew neither must meet it (*edit wins*).
#[test]
fn a_bare_restoration_is_an_edit() {
    let case = omni_testkit::cases::parse(include_str!("bare_restoration.jsonl")).expect("a case").remove(0);
    assert_eq!(difference(&case), None);
}
