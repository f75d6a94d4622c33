//! Random concurrent work of three replicas on one record.

use omni_testkit::cases::{Base, Case, Change, Expect, OpText, Place, Schema};
use omni_testkit::sim::Rng;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Field, policy, base value.
const FIELDS: &[(&str, &str)] = &[
    ("fee", "Protected"),
    ("floor", "Min"),
    ("hits", "Counter"),
    ("name", "Latest"),
    ("peak", "Max"),
    ("pos", "Order"),
    ("regions", "Set"),
    ("status", "Transition"),
    ("tier", "Authority"),
];
const STATES: &[(&str, &[&str])] = &[("a", &["b", "c"]), ("b", &["c", "d"]), ("c", &["a"]), ("d", &["a", "b"])];

/// Makes one case from one seed.
pub struct Maker {
    rng: Rng,
}

impl Maker {
    /// Equal seeds make equal cases.
    pub fn new(seed: u64) -> Maker {
        Maker { rng: Rng::new(seed) }
    }

    /// The schema all cases share.
    pub fn schema() -> Schema {
        let transitions = STATES.iter().map(|(from, to)| ((*from).into(), to.iter().map(|s| (*s).into()).collect()));
        Schema {
            fields: FIELDS.iter().map(|(f, p)| ((*f).into(), (*p).into())).collect(),
            delete: "edit wins".into(),
            transitions: BTreeMap::from([("status".to_owned(), transitions.collect())]),
            ..Schema::default()
        }
    }

    /// The record all cases start from.
    pub fn record() -> Map<String, Json> {
        let record = json!({"fee": 100, "floor": 50, "hits": 10, "name": "old", "peak": 50, "pos": 10,
            "regions": ["eu", "us"], "status": "a", "tier": "old"});
        record.as_object().cloned().unwrap_or_default()
    }

    /// A case of two to seven changes.
    pub fn case(&mut self) -> Case {
        let count = self.rng.range(2, 8);
        let mut incoming: Vec<Change> = Vec::new();
        for at in 0..count {
            let change = self.change(at, &incoming);
            incoming.push(change);
        }
        case_of(incoming)
    }

    fn change(&mut self, at: u64, before: &[Change]) -> Change {
        let replica = ["RA", "RB", "RC"][self.rng.below(3) as usize];
        // A replica's base never goes back.
        let own = before.iter().rev().find(|c| c.replica == replica).map(|c| c.base.clone());
        let lowest = match own {
            Some(Place::After(id)) => before.iter().position(|c| c.id == id).map_or(0, |i| i + 1),
            _ => 0,
        };
        let base = if self.rng.below(2) == 0 {
            lowest
        } else {
            lowest + self.rng.below((before.len() - lowest + 1) as u64) as usize
        };
        let from = self.rng.below(60) as i64 * 10;
        let time = match self.rng.below(8) {
            0 => [None, None],
            1 => [Some(from), None],
            _ => [Some(from), Some(from + self.rng.below(40) as i64)],
        };
        let command = (self.rng.below(6) == 0).then(|| "do".to_owned());
        Change {
            id: format!("x{}", at + 1),
            seq: None,
            replica: replica.into(),
            counter: None,
            base: if base == 0 { Place::Seq(10) } else { Place::After(before[base - 1].id.clone()) },
            epoch: None,
            parent: None,
            time,
            authority: self.rng.below(3) as u8,
            ops: self.ops(command.is_some()),
            command,
            pre: Vec::new(),
            after: Vec::new(),
        }
    }

    fn ops(&mut self, command: bool) -> Vec<OpText> {
        if self.rng.below(9) == 0 {
            return vec![OpText::Delete { rec: None }];
        }
        let mut fields: Vec<(&str, &str)> = FIELDS.to_vec();
        let mut ops = Vec::new();
        for _ in 0..self.rng.range(1, 4) {
            let (field, policy) = fields.remove(self.rng.below(fields.len() as u64) as usize);
            // Whether a bound that is not reached parks a command is not said anywhere.
            if !(command && matches!(policy, "Max" | "Min")) {
                ops.push(self.op(field, policy));
            }
        }
        if ops.is_empty() { vec![OpText::Add { field: "hits".into(), by: json!(1), rec: None }] } else { ops }
    }

    fn op(&mut self, field: &str, policy: &str) -> OpText {
        let (field, rec) = (field.to_owned(), None);
        let few = self.rng.below(5);
        match policy {
            "Counter" => OpText::Add { field, by: json!(few as i64 - 2), rec },
            "Set" => {
                let item = ["eu", "us", "asia"][(few % 3) as usize].to_owned();
                if self.rng.below(2) == 0 {
                    OpText::Include { field, item, rec }
                } else {
                    OpText::Exclude { field, item, rec }
                }
            }
            "Order" => OpText::Move { field, value: json!(few), rec },
            "Max" | "Min" => OpText::Set { field, value: json!(48 + few), rec },
            "Protected" => OpText::Set { field, value: json!(100 + few), rec },
            "Transition" => OpText::Set { field, value: json!(["a", "b", "c", "d"][(few % 4) as usize]), rec },
            _ => OpText::Set { field, value: json!(format!("v{few}")), rec },
        }
    }
}

/// A case of these changes over the common record.
pub fn case_of(incoming: Vec<Change>) -> Case {
    Case {
        name: "random".into(),
        class: "random".into(),
        why: String::new(),
        schema: Maker::schema(),
        base: Base { record: Some(Maker::record()), seq: 10, ..Base::default() },
        commits: Vec::new(),
        incoming,
        expect: Expect::default(),
    }
}
