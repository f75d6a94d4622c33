//! Expected against found. `Absent`, null and the empty list are the same; lists of texts are sets.

use super::format::{Case, Decision, Expect, Item, MAIN};
use super::play::Played;
use super::result::Found;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// What differs, one line each; nothing = the case passed.
pub fn differences(case: &Case, played: &Played) -> Vec<String> {
    let found = Found::of(played, &record_names(case));
    let expect = &case.expect;
    let mut out = records(expect, &found);
    out.extend(outcomes(expect, &found));
    out.extend(open_items(expect, &found));
    out.extend(decisions(expect, &found));
    let offered: BTreeSet<String> = expect.offered.iter().cloned().collect();
    if offered != found.offered {
        out.push(format!("offered: expected {offered:?}, found {:?}", found.offered));
    }
    if let Some(order) = &expect.order
        && *order != found.order
    {
        out.push(format!("order: expected {order:?}, found {:?}", found.order));
    }
    out.extend(found.doubled.iter().cloned());
    out
}

fn record_names(case: &Case) -> BTreeSet<String> {
    let ops = case.commits.iter().chain(&case.incoming).flat_map(|c| &c.ops);
    let others = case.base.others.keys().chain(case.expect.others.keys()).cloned();
    ops.map(|op| op.rec().to_owned()).chain(others).chain([MAIN.to_owned()]).collect()
}

fn records(expect: &Expect, found: &Found) -> Vec<String> {
    let mains = std::iter::once((MAIN, &expect.record));
    let all = mains.chain(expect.others.iter().map(|(name, json)| (name.as_str(), json)));
    let absent = Json::from("absent");
    let mut out = Vec::new();
    for (name, wanted) in all {
        let got = found.records.get(name).unwrap_or(&absent);
        if !same(wanted, got) {
            out.push(format!("record {name}: expected {wanted}, found {got}"));
        }
    }
    out
}

fn outcomes(expect: &Expect, found: &Found) -> Vec<String> {
    if expect.outcomes.len() != found.outcomes.len() {
        return vec![format!("outcomes: expected {:?}, found {:?}", expect.outcomes, found.outcomes)];
    }
    let fits = |wanted: &str, got: &str| {
        wanted.split('|').any(|w| w == got || got.strip_prefix("held:").is_some() && w == "held")
    };
    let pairs = expect.outcomes.iter().zip(&found.outcomes).enumerate();
    let wrong = pairs.filter(|(_, (wanted, got))| !fits(wanted, got));
    wrong.map(|(at, (wanted, got))| format!("outcome {}: expected {wanted}, found {got}", at + 1)).collect()
}

fn open_items(expect: &Expect, found: &Found) -> Vec<String> {
    let mut left: Vec<&(Item, Vec<String>)> = found.open.iter().collect();
    let mut out = Vec::new();
    for wanted in expect.open.iter().filter(|i| !i.may) {
        match left.iter().position(|(got, _)| same_item(wanted, got)) {
            Some(at) => {
                left.remove(at);
            }
            None => out.push(format!("open item missing: {}", text(wanted))),
        }
    }
    for wanted in expect.open.iter().filter(|i| i.may) {
        let fits = |(got, changes): &&(Item, Vec<String>)| match &wanted.change {
            Some(change) => changes.contains(change),
            None => wanted.field == got.field && wanted.rec == got.rec,
        };
        if let Some(at) = left.iter().position(|item| fits(item)) {
            left.remove(at);
        }
    }
    out.extend(left.iter().map(|(got, _)| format!("open item not expected: {}", text(got))));
    out
}

fn decisions(expect: &Expect, found: &Found) -> Vec<String> {
    let mut left: Vec<&Decision> = found.decided.iter().collect();
    let mut out = Vec::new();
    let same_decision = |a: &Decision, b: &Decision| {
        (&a.field, &a.rec, &a.rule) == (&b.field, &b.rec, &b.rule)
            && same(&a.winner, &b.winner)
            && same(&a.loser, &b.loser)
    };
    for wanted in expect.decided.iter().filter(|d| !d.may) {
        match left.iter().position(|got| same_decision(wanted, got)) {
            Some(at) => {
                left.remove(at);
            }
            None => out.push(format!("decision missing: {}", text(wanted))),
        }
    }
    for wanted in expect.decided.iter().filter(|d| d.may) {
        if let Some(at) = left.iter().position(|got| wanted.field == got.field && wanted.rec == got.rec) {
            left.remove(at);
        }
    }
    out.extend(left.iter().map(|got| format!("decision not expected: {}", text(*got))));
    out
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|e| e.to_string())
}

fn same_item(wanted: &Item, got: &Item) -> bool {
    if wanted.change.is_some() || got.change.is_some() {
        return wanted.change == got.change;
    }
    (&wanted.field, &wanted.rec) == (&got.field, &got.rec)
        && same(&wanted.base, &got.base)
        && same(&wanted.mine, &got.mine)
        && same(&wanted.theirs, &got.theirs)
        && wanted.also.len() == got.also.len()
        && wanted.also.iter().zip(&got.also).all(|(a, b)| same(a, b))
}

fn is_nothing(json: &Json) -> bool {
    json.is_null() || json.as_array().is_some_and(Vec::is_empty)
}

/// Whether a found value is one that was expected.
pub fn same(wanted: &Json, got: &Json) -> bool {
    if let Some(any) = wanted.get("$any").and_then(Json::as_array) {
        return any.iter().any(|w| same(w, got));
    }
    match (wanted, got) {
        (a, b) if is_nothing(a) || is_nothing(b) => is_nothing(a) && is_nothing(b),
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => sorted(a) == sorted(b),
        (Json::Object(a), Json::Object(b)) => same_objects(a, b),
        (a, b) => a == b,
    }
}

fn sorted(list: &[Json]) -> Vec<String> {
    let mut texts: Vec<String> = list.iter().map(Json::to_string).collect();
    texts.sort();
    texts
}

fn same_objects(a: &Map<String, Json>, b: &Map<String, Json>) -> bool {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |map: &'_ Map<String, Json>, key: &str| map.get(key).cloned().unwrap_or_default();
    keys.into_iter().all(|key| same(&of(a, key), &of(b, key)))
}
