//! A generated mix of operators' work over the product's own collections, at rates declared in a committed file.

use super::Class;
use super::judge::Trial;
use crate::cases::{OpText, Schema, Times};
use crate::sim::Rng;
use omni_model::{Collection, DeleteRule, Field, Policy, schema};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// Declared rates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Its name.
    pub name: String,
    /// How the rates came about.
    pub declared: String,
    /// Share of each class.
    pub percent: BTreeMap<String, u64>,
    /// Fewest and most units one side writes.
    pub fields_per_change: [u64; 2],
    /// Events whose two times are known and disjoint.
    pub known_times_percent: u64,
    /// Weight of each collection.
    pub collections: BTreeMap<String, u64>,
}

impl Rates {
    /// Reads a rates file.
    pub fn parse(text: &str) -> Result<Rates, String> {
        serde_json::from_str(text).map_err(|e| format!("the rates cannot be read: {e}"))
    }
}

/// One generated event: its class, whether it is of the protected class, and the merge of it.
pub fn generate(rates: &Rates, rng: &mut Rng) -> Result<(Class, bool, Trial), String> {
    let class = Class::ALL[pick(rng, Class::ALL.iter().map(|c| rates.percent.get(c.name()).copied().unwrap_or(0)))?];
    let names: Vec<&String> = rates.collections.keys().collect();
    let name = names[pick(rng, rates.collections.values().copied())?];
    let collection = schema::by_name(name).ok_or_else(|| format!("there is no collection {name}"))?;
    let mut maker = Maker { collection, rng, serial: 0 };
    let trial = maker.trial(class, rates);
    let guarded = collection.delete == DeleteRule::CommittedStands && class == Class::EditDelete;
    let protected = guarded || maker.meets_protected(&trial);
    Ok((class, protected, trial))
}

/// An index by weight.
fn pick(rng: &mut Rng, weights: impl Iterator<Item = u64>) -> Result<usize, String> {
    let weights: Vec<u64> = weights.collect();
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return Err("all weights are nought".to_owned());
    }
    let mut at = rng.below(total);
    for (index, weight) in weights.iter().enumerate() {
        if at < *weight {
            return Ok(index);
        }
        at -= weight;
    }
    Ok(weights.len() - 1)
}

struct Maker<'a> {
    collection: &'static Collection,
    rng: &'a mut Rng,
    serial: u64,
}

impl Maker<'_> {
    /// The name of the unit a field belongs to.
    fn unit(field: &Field) -> &'static str {
        field.group.unwrap_or(field.name)
    }

    fn units(&self) -> Vec<&'static str> {
        let all: BTreeSet<&str> = self.collection.fields.iter().map(Maker::unit).collect();
        all.into_iter().collect()
    }

    fn fields(&self, unit: &str) -> Vec<&'static Field> {
        self.collection.fields.iter().filter(|f| Maker::unit(f) == unit).collect()
    }

    fn trial(&mut self, class: Class, rates: &Rates) -> Trial {
        let base = self.record();
        let mut units = self.units();
        self.shuffle(&mut units);
        let [fewest, most] = rates.fields_per_change;
        let mut count = || (fewest + self.rng.below(most - fewest + 1)) as usize;
        let (a, b) = (count(), count());
        let ours: Vec<&str> = units.iter().copied().take(a).collect();
        let theirs: Vec<&str> = match class {
            // One unit in common, the rest apart.
            Class::SameField => ours[..1].iter().copied().chain(units.iter().copied().skip(a).take(b - 1)).collect(),
            _ => units.iter().copied().skip(a).take(b).collect(),
        };
        let (base, mut ours, mut theirs) = match class {
            Class::AddAdd => (None, vec![self.insert()], vec![self.insert()]),
            _ => {
                let (ours, theirs) = (self.edits(&ours, &base), self.edits(&theirs, &base));
                (Some(base), ours, theirs)
            }
        };
        if class == Class::EditDelete {
            theirs = vec![OpText::Delete { rec: None }];
        }
        if self.rng.below(2) == 0 {
            std::mem::swap(&mut ours, &mut theirs);
        }
        let times = self.times(rates.known_times_percent);
        Trial { schema: self.schema(), base, ours, theirs, times }
    }

    fn shuffle(&mut self, units: &mut [&'static str]) {
        for at in (1..units.len()).rev() {
            units.swap(at, self.rng.below(at as u64 + 1) as usize);
        }
    }

    /// Both known and disjoint, in either order; or both the whole cut.
    fn times(&mut self, known_percent: u64) -> [Times; 2] {
        if self.rng.below(100) >= known_percent {
            return [[None, None]; 2];
        }
        let (early, late) = ([Some(0), Some(40)], [Some(1_000), Some(1_040)]);
        if self.rng.below(2) == 0 { [early, late] } else { [late, early] }
    }

    fn schema(&self) -> Schema {
        let mut schema = Schema {
            delete: match self.collection.delete {
                DeleteRule::EditWins => "edit wins".into(),
                DeleteRule::CommittedStands => "committed stands".into(),
            },
            ..Schema::default()
        };
        for field in self.collection.fields {
            schema.fields.insert(field.name.into(), field.policy.name().into());
            if let Some(group) = field.group {
                schema.groups.entry(group.into()).or_default().push(field.name.into());
            }
            if let Policy::Transition(table) = field.policy {
                let rows = table.iter().map(|(from, to)| ((*from).into(), to.iter().map(|s| (*s).into()).collect()));
                schema.transitions.insert(field.name.into(), rows.collect());
            }
        }
        schema
    }

    fn record(&mut self) -> Map<String, Json> {
        self.collection.fields.iter().map(|f| (f.name.to_owned(), self.value(f))).collect()
    }

    fn insert(&mut self) -> OpText {
        let mut values = self.record();
        // Two people who create one record know its name; the rest they fill in as they see it.
        values.insert(self.collection.title.to_owned(), Json::from("the same"));
        let keep = 2 + self.rng.below(3) as usize;
        let title = self.collection.title;
        let values = values.into_iter().enumerate().filter(|(at, (name, _))| *at < keep || name == title);
        OpText::Insert { values: values.map(|(_, entry)| entry).collect(), rec: None }
    }

    /// A fresh value; a transition's first state.
    fn value(&mut self, field: &Field) -> Json {
        self.serial += 1;
        match field.policy {
            Policy::Counter | Policy::Max | Policy::Order => Json::from(self.serial),
            // Only a lower value changes a minimum, and both sides of an event changed something.
            Policy::Min => Json::from(-(self.serial as i64)),
            Policy::Set => Json::from(vec!["first", "second"]),
            Policy::Transition(table) => Json::from(table.first().map_or("", |(state, _)| *state)),
            Policy::Text => Json::from("Some words that stand here already."),
            _ => Json::from(format!("value {}", self.serial)),
        }
    }

    fn edits(&mut self, units: &[&str], base: &Map<String, Json>) -> Vec<OpText> {
        let mut ops = Vec::new();
        for unit in units {
            let fields = self.fields(unit);
            let field = fields[self.rng.below(fields.len() as u64) as usize];
            ops.push(self.edit(field, base));
        }
        ops
    }

    fn edit(&mut self, field: &Field, base: &Map<String, Json>) -> OpText {
        let (name, rec) = (field.name.to_owned(), None);
        match field.policy {
            Policy::Counter => OpText::Add { field: name, by: Json::from(1 + self.rng.below(5)), rec },
            Policy::Set if self.rng.below(3) == 0 => OpText::Exclude { field: name, item: "first".into(), rec },
            Policy::Set => OpText::Include { field: name, item: format!("item {}", self.rng.below(4)), rec },
            Policy::Order => OpText::Move { field: name, value: Json::from(self.rng.below(100)), rec },
            Policy::Text => {
                let at = [0, 5, 11, 35][self.rng.below(4) as usize];
                OpText::Text { field: name, edits: vec![(at, 0, "More. ".into())], rec }
            }
            Policy::Transition(table) => {
                let from = base.get(field.name).and_then(Json::as_str).unwrap_or_default();
                let next = table.iter().find(|(state, _)| *state == from).map_or(&[][..], |(_, next)| *next);
                let to = next.get(self.rng.below(next.len().max(1) as u64) as usize).copied().unwrap_or(from);
                OpText::Set { field: name, value: Json::from(to), rec }
            }
            _ => OpText::Set { field: name, value: self.value(field), rec },
        }
    }

    /// Whether both sides write one protected unit.
    fn meets_protected(&self, trial: &Trial) -> bool {
        let units = |ops: &[OpText]| -> BTreeSet<&'static str> {
            let names = ops.iter().flat_map(|op| match op {
                OpText::Set { field, .. } => vec![field.as_str()],
                OpText::Insert { values, .. } => values.keys().map(String::as_str).collect(),
                _ => Vec::new(),
            });
            let fields = names.filter_map(|n| self.collection.field(n)).filter(|f| f.policy == Policy::Protected);
            fields.map(Maker::unit).collect()
        };
        units(&trial.ours).intersection(&units(&trial.theirs)).next().is_some()
    }
}
