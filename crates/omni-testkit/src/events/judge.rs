//! One event through the production merge, and what became of it.

use crate::cases::Found;
use crate::cases::{Base, Case, Change, Expect, Item, OpText, Place, Played, Schema, play};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The merge of one event as a case: one side is committed, the other arrives.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Fields and rules.
    pub schema: Schema,
    /// The record before both.
    pub base: Option<Map<String, Json>>,
    /// The committed side's operations.
    pub ours: Vec<OpText>,
    /// The arriving side's.
    pub theirs: Vec<OpText>,
    /// When each was made.
    pub times: [crate::cases::Times; 2],
}

/// What became of one event.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// No open item was made.
    pub automatic: bool,
    /// Asked about something both sides did not change to different values.
    pub false_conflicts: usize,
    /// Values neither in the result, nor in an item, nor in a decision.
    pub lost: Vec<String>,
    /// Automatic decisions.
    pub decisions: usize,
    /// Those with the name of their rule.
    pub with_rule: usize,
    /// Those a person took back at once, successfully.
    pub undone: usize,
}

impl Trial {
    fn case(&self, more: Vec<Change>) -> Case {
        let change = |id: &str, replica: &str, ops: &[OpText], time| Change {
            id: id.into(),
            seq: None,
            replica: replica.into(),
            counter: None,
            base: Place::Seq(10),
            epoch: None,
            parent: None,
            time,
            authority: 0,
            command: None,
            pre: Vec::new(),
            after: Vec::new(),
            ops: ops.to_vec(),
        };
        let mut incoming =
            vec![change("ours", "RA", &self.ours, self.times[0]), change("theirs", "RB", &self.theirs, self.times[1])];
        incoming.extend(more);
        Case {
            name: "event".into(),
            class: "event".into(),
            why: String::new(),
            schema: self.schema.clone(),
            base: Base { record: self.base.clone(), seq: 10, ..Base::default() },
            commits: Vec::new(),
            incoming,
            expect: Expect::default(),
        }
    }

    /// Plays the event.
    pub fn verdict(&self) -> Result<Verdict, String> {
        let played = play(&self.case(Vec::new()))?;
        let names = BTreeSet::from(["r".to_owned()]);
        let found = Found::of(&played, &names);
        if let Some(word) = found.outcomes.iter().find(|w| !matches!(w.as_str(), "applied" | "merged")) {
            return Err(format!("a side was {word}: {:?}", played.answers));
        }
        let mut verdict = Verdict { automatic: found.open.is_empty(), ..Verdict::default() };
        verdict.false_conflicts = found.open.iter().filter(|(item, _)| !self.is_contested(item)).count();
        for side in [&self.ours, &self.theirs] {
            verdict.lost.extend(side.iter().filter(|op| !self.survives(op, &found)).map(|op| format!("{op:?}")));
        }
        verdict.decisions = found.decided.len();
        verdict.with_rule = found.decided.iter().filter(|d| !d.rule.is_empty()).count();
        for decision in &found.decided {
            verdict.undone += usize::from(self.is_undone(&played, &decision.field, &decision.loser)?);
        }
        Ok(verdict)
    }

    /// Sends a person's choice of the loser and looks whether it holds.
    fn is_undone(&self, _played: &Played, field: &str, loser: &Json) -> Result<bool, String> {
        let op = if let Some(gone) = loser.get("remove").and_then(Json::as_array) {
            let item = gone.first().and_then(Json::as_str).unwrap_or_default().to_owned();
            OpText::Exclude { field: field.into(), item, rec: None }
        } else {
            OpText::Resolve {
                field: field.into(),
                first: "theirs".into(),
                saw: Place::After("theirs".into()),
                value: loser.clone(),
                rec: None,
            }
        };
        let mut change = self.case(Vec::new()).incoming.remove(1);
        change.id = "undo".into();
        change.replica = "RC".into();
        change.base = Place::After("theirs".into());
        change.ops = vec![op.clone()];
        let played = play(&self.case(vec![change]))?;
        let found = Found::of(&played, &BTreeSet::from(["r".to_owned()]));
        let record = found.records.get("r").cloned().unwrap_or_default();
        Ok(match (&op, loser) {
            (OpText::Exclude { field, item, .. }, _) => !items(&record, field).contains(item),
            (_, Json::String(word)) if field == "*" => record == json!(if word == "delete" { "deleted" } else { "" }),
            (_, Json::Object(values)) => values.iter().all(|(f, v)| same(record.get(f), Some(v))),
            (_, value) => same(record.get(field), Some(value)),
        })
    }

    /// Whether both sides wrote what the item asks about: a field, a group, or the record.
    fn is_contested(&self, item: &Item) -> bool {
        let Some(field) = item.field.as_deref() else { return true };
        let fields: BTreeSet<&str> = match self.schema.groups.get(field) {
            Some(group) => group.iter().map(String::as_str).collect(),
            None => BTreeSet::from([field]),
        };
        let writes = |ops: &[OpText]| {
            ops.iter().any(|op| match op {
                OpText::Delete { .. } => field == "*",
                OpText::Insert { values, .. } => field == "*" || values.keys().any(|k| fields.contains(k.as_str())),
                op => field == "*" || field_of(op).is_some_and(|f| fields.contains(f)),
            })
        };
        writes(&self.ours) && writes(&self.theirs)
    }

    /// Whether a field holds what was written. A bound holds every value it has passed: a lower write says nothing more
    /// about a maximum.
    fn holds(&self, record: &Json, field: &str, value: &Json) -> bool {
        let bound = record.get(field).and_then(Json::as_f64).zip(value.as_f64());
        match (self.schema.fields.get(field).map(String::as_str), bound) {
            (Some("Max"), Some((now, wrote))) => now >= wrote,
            (Some("Min"), Some((now, wrote))) => now <= wrote,
            (Some("Counter"), Some(_)) => true,
            _ => same(record.get(field), Some(value)),
        }
    }

    /// Whether what an operation wrote is in the result, an item or a decision.
    fn survives(&self, op: &OpText, found: &Found) -> bool {
        let record = found.records.get("r").cloned().unwrap_or_default();
        let noted = |field: &str, value: &Json| {
            let group = self.schema.groups.iter().find(|(_, fields)| fields.iter().any(|f| f == field)).map(|(g, _)| g);
            let names = |name: &str| name == field || name == "*" || group.is_some_and(|g| g == name);
            let holds = |side: &Json| same(Some(side), Some(value)) || same(side.get(field), Some(value));
            let in_items = found.open.iter().map(|(item, _)| item).any(|item| {
                item.field.as_deref().is_some_and(names)
                    && [&item.mine, &item.theirs].into_iter().chain(&item.also).any(holds)
            });
            in_items || found.decided.iter().any(|d| names(&d.field) && (holds(&d.winner) || holds(&d.loser)))
        };
        match op {
            OpText::Set { field, value, .. } | OpText::Move { field, value, .. } => {
                self.holds(&record, field, value) || noted(field, value)
            }
            OpText::Insert { values, .. } => values.iter().all(|(field, value)| match value {
                Json::Array(list) if self.schema.fields.get(field).is_some_and(|p| p == "Set") => {
                    let now = items(&record, field);
                    list.iter().filter_map(Json::as_str).all(|i| now.contains(i))
                }
                value => self.holds(&record, field, value) || noted(field, value),
            }),
            OpText::Include { field, item, .. } => items(&record, field).contains(item),
            OpText::Exclude { field, item, .. } => {
                !items(&record, field).contains(item) || noted(field, &json!({ "remove": [item] }))
            }
            OpText::Delete { .. } => record == json!("deleted") || noted("*", &json!("delete")),
            OpText::Add { field, .. } => record.get(field).is_some(),
            OpText::Text { .. } | OpText::Resolve { .. } | OpText::Undo { .. } => true,
        }
    }
}

fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    let null = Json::Null;
    crate::cases::same(a.unwrap_or(&null), b.unwrap_or(&null))
}

fn items(record: &Json, field: &str) -> BTreeSet<String> {
    let list = record.get(field).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn field_of(op: &OpText) -> Option<&str> {
    match op {
        OpText::Set { field, .. }
        | OpText::Add { field, .. }
        | OpText::Include { field, .. }
        | OpText::Exclude { field, .. }
        | OpText::Move { field, .. }
        | OpText::Text { field, .. }
        | OpText::Resolve { field, .. } => Some(field),
        OpText::Insert { .. } | OpText::Delete { .. } | OpText::Undo { .. } => None,
    }
}

/// A recorded event as a trial: scalars as their JSON text, set items likewise.
pub fn trial(event: &super::Event, policies: &super::Policies) -> Trial {
    let paths = event.paths();
    let fields: BTreeMap<String, String> = paths.iter().map(|p| (p.clone(), policies.of(p).to_owned())).collect();
    let is_set = |path: &str| fields.get(path).is_some_and(|p| p == "Set");
    let encode = |path: &str, value: &Json| match value {
        Json::Null => Json::Null,
        Json::Array(list) if is_set(path) => list.iter().map(|i| Json::from(i.to_string())).collect(),
        other => Json::from(other.to_string()),
    };
    let record = |side: &super::Flat| -> Map<String, Json> {
        let filled = side.iter().filter(|(_, v)| !v.is_null());
        filled.map(|(p, v)| (p.clone(), encode(p, v))).collect()
    };
    let ops = |side: &Option<super::Flat>| -> Vec<OpText> {
        let Some(now) = side else { return vec![OpText::Delete { rec: None }] };
        if event.base.is_none() {
            return vec![OpText::Insert { values: record(now), rec: None }];
        }
        let mut ops = Vec::new();
        for path in &paths {
            let (before, after) = (super::value(&event.base, path), super::value(side, path));
            if before == after {
                continue;
            }
            let field = path.clone();
            if is_set(path) {
                let (was, is) = (listed(&encode(path, &before)), listed(&encode(path, &after)));
                ops.extend(was.difference(&is).map(|i| OpText::Exclude {
                    field: field.clone(),
                    item: i.clone(),
                    rec: None,
                }));
                ops.extend(is.difference(&was).map(|i| OpText::Include {
                    field: field.clone(),
                    item: i.clone(),
                    rec: None,
                }));
            } else {
                ops.push(OpText::Set { field, value: encode(path, &after), rec: None });
            }
        }
        ops
    };
    Trial {
        base: event.base.as_ref().map(record),
        ours: ops(&event.ours),
        theirs: ops(&event.theirs),
        times: [[None, None], [None, None]],
        schema: Schema { fields, delete: policies.delete.clone(), ..Schema::default() },
    }
}

fn listed(value: &Json) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}
