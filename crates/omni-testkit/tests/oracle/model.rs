//! The brute-force oracle: DESIGN §5, §6 and MERGE read as plainly as possible, over the text of a case. It never calls
//! the code under test. Times are closed intervals; who knows what follows from positions alone.

use omni_testkit::cases::{Case, Change, OpText, Place, Times};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who wrote, when, and with what authority.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Position: the index of the change; 0 = the base.
    at: usize,
    replica: String,
    time: Times,
    authority: u8,
}

/// One field.
#[derive(Clone, Debug, Default)]
struct Field {
    value: Json,
    last: Option<Write>,
    kept: Vec<Write>,
    adds: Vec<Write>,
    tags: BTreeMap<String, Vec<Write>>,
    waiting: Vec<Json>,
    asked_at: usize,
}

/// Everything central knows, and what it said.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    fields: BTreeMap<String, Field>,
    deleted: Option<Write>,
    restored: Option<Write>,
    /// Parked changes.
    pub parked: Vec<String>,
    /// (field, rule, winner, loser) of `Latest` and `Authority`; of *edit wins* only the field.
    pub decided: Vec<(String, String, Json, Json)>,
    /// Whether each change was refused or parked.
    pub refused: Vec<bool>,
}

struct Author {
    base: usize,
    write: Write,
}

impl Author {
    fn knows(&self, write: &Write) -> bool {
        write.at <= self.base || write.replica == self.write.replica
    }
}

enum Fate {
    Took,
    Lost,
    Waits,
    Refused,
}

/// Wholly later: they share no instant.
fn later(a: Times, b: Times) -> bool {
    matches!((a[0], b[1]), (Some(from), Some(to)) if from > to)
}

impl Oracle {
    /// Reads a case from its base to its end.
    pub fn read(case: &Case) -> Oracle {
        let mut oracle = Oracle::default();
        let first = Write { at: 0, replica: "R0".into(), time: [None, None], authority: 0 };
        for name in case.schema.fields.keys() {
            let value = case.base.record.as_ref().and_then(|r| r.get(name)).cloned().unwrap_or_default();
            let tags = value.as_array().into_iter().flatten().filter_map(Json::as_str);
            let tags = tags.map(|item| (item.to_owned(), vec![first.clone()])).collect();
            let last = (!value.is_null()).then(|| first.clone());
            let kept = last.iter().cloned().collect();
            oracle.fields.insert(name.clone(), Field { value, last, kept, tags, ..Field::default() });
        }
        for (index, change) in case.incoming.iter().enumerate() {
            oracle.step(case, change, index + 1);
        }
        oracle
    }

    fn step(&mut self, case: &Case, change: &Change, at: usize) {
        let base = match &change.base {
            Place::Seq(_) => 0,
            Place::After(id) => case.incoming.iter().position(|c| c.id == *id).map_or(0, |i| i + 1),
        };
        let write = Write { at, replica: change.replica.clone(), time: change.time, authority: change.authority };
        let author = Author { base, write };
        let before = self.clone();
        let mut whole = true;
        for op in &change.ops {
            match self.apply(case, &author, op) {
                Fate::Took => {}
                Fate::Refused => {
                    *self = before;
                    self.refused.push(true);
                    return;
                }
                Fate::Lost | Fate::Waits => whole = false,
            }
        }
        if change.command.is_some() && !whole {
            *self = before;
            self.parked.push(change.id.clone());
            self.refused.push(true);
            return;
        }
        self.refused.push(false);
    }

    fn apply(&mut self, case: &Case, author: &Author, op: &OpText) -> Fate {
        if let OpText::Delete { .. } = op {
            return self.delete(author);
        }
        if let Some(deleted) = self.deleted.take() {
            if !author.knows(&deleted) {
                self.decided.push(("*".into(), "edit wins".into(), Json::Null, Json::Null));
            }
            self.restored = Some(author.write.clone());
        }
        match op {
            OpText::Set { field, value, .. } | OpText::Move { field, value, .. } => {
                self.set(case, author, field, value)
            }
            OpText::Add { field, by, .. } => {
                let f = self.field(field);
                let sum = f.value.as_i64().unwrap_or(0) + by.as_i64().unwrap_or(0);
                f.value = json!(sum);
                f.adds.push(author.write.clone());
                Fate::Took
            }
            OpText::Include { field, item, .. } => {
                let f = self.field(field);
                let mut items = items_of(&f.value);
                if items.insert(item.clone()) {
                    f.adds.push(author.write.clone());
                }
                f.value = json!(items);
                f.tags.entry(item.clone()).or_default().push(author.write.clone());
                Fate::Took
            }
            OpText::Exclude { field, item, .. } => {
                let f = self.field(field);
                let mut items = items_of(&f.value);
                if !items.contains(item) {
                    return Fate::Took;
                }
                let tags = f.tags.entry(item.clone()).or_default();
                tags.retain(|tag| !author.knows(tag));
                if !tags.is_empty() {
                    return Fate::Lost;
                }
                items.remove(item);
                f.value = json!(items);
                f.adds.push(author.write.clone());
                Fate::Took
            }
            _ => Fate::Took,
        }
    }

    fn field(&mut self, name: &str) -> &mut Field {
        self.fields.get_mut(name).expect("the case has the field")
    }

    fn delete(&mut self, author: &Author) -> Fate {
        if self.deleted.is_some() {
            return Fate::Took;
        }
        let unknown = |w: &Write| !author.knows(w);
        let met = self
            .fields
            .values()
            .any(|f| !f.waiting.is_empty() || f.last.as_ref().is_some_and(unknown) || f.adds.iter().any(unknown));
        let restored = self.restored.as_ref().is_some_and(unknown);
        if met || restored {
            self.decided.push(("*".into(), "edit wins".into(), Json::Null, Json::Null));
            return Fate::Lost;
        }
        self.deleted = Some(author.write.clone());
        Fate::Took
    }

    fn set(&mut self, case: &Case, author: &Author, name: &str, value: &Json) -> Fate {
        let policy = case.schema.fields[name].as_str();
        let at = author.write.at;
        let f = self.fields.get_mut(name).expect("the case has the field");
        if f.value == *value {
            return Fate::Took;
        }
        if !f.waiting.is_empty() {
            if author.base < f.asked_at {
                if !f.waiting.contains(value) {
                    f.waiting.push(value.clone());
                    f.asked_at = at;
                }
                return Fate::Waits;
            }
            // Knows all that waits: an ordinary write closes the item.
            if policy == "Transition" && !legal(case, name, &f.value, value) {
                return Fate::Refused;
            }
            f.waiting.clear();
            f.kept.clear();
            return take(f, author, value);
        }
        let known = f.last.as_ref().is_none_or(|last| author.knows(last));
        match policy {
            "Max" | "Min" => {
                let (old, new) = (f.value.as_i64(), value.as_i64());
                let passes = old.is_none() || if policy == "Max" { new > old } else { new < old };
                if passes { take(f, author, value) } else { Fate::Took }
            }
            "Transition" => match (legal(case, name, &f.value, value), known) {
                (true, _) => take(f, author, value),
                (false, true) => Fate::Refused,
                (false, false) => wait(f, at, value),
            },
            _ if known => take(f, author, value),
            "Protected" => wait(f, at, value),
            _ => self.ranked(policy == "Authority", author, name, value),
        }
    }

    fn ranked(&mut self, by_authority: bool, author: &Author, name: &str, value: &Json) -> Fate {
        let f = self.fields.get_mut(name).expect("the case has the field");
        let mine = &author.write;
        let mut rivals: Vec<Write> = f.kept.iter().filter(|w| !author.knows(w)).cloned().collect();
        if rivals.len() >= 16 {
            return wait(f, mine.at, value);
        }
        let highest = rivals.iter().map(|w| w.authority).max().unwrap_or(0);
        let standing = f.value.clone();
        if by_authority && mine.authority < highest {
            self.decided.push((name.into(), "Authority".into(), standing, value.clone()));
            return Fate::Lost;
        }
        let outranks = by_authority && mine.authority > highest;
        rivals.retain(|w| !by_authority || w.authority == highest);
        if outranks || rivals.iter().all(|w| later(mine.time, w.time)) {
            let rule = if outranks { "Authority" } else { "Latest" };
            take(f, author, value);
            if by_authority {
                f.kept.retain(|w| w.authority >= mine.authority);
            }
            self.decided.push((name.into(), rule.into(), value.clone(), standing));
            return Fate::Took;
        }
        // Somebody else is the newest, disjoint from every other one?
        let newest = rivals
            .iter()
            .position(|n| later(n.time, mine.time) && rivals.iter().filter(|w| *w != n).all(|w| later(n.time, w.time)));
        if newest.is_none() {
            return wait(f, mine.at, value);
        }
        f.kept.push(mine.clone());
        self.decided.push((name.into(), "Latest".into(), standing, value.clone()));
        Fate::Lost
    }

    /// The record at the end.
    pub fn record(&self) -> Json {
        if self.deleted.is_some() {
            return json!("deleted");
        }
        let filled = self.fields.iter().filter(|(_, f)| !f.value.is_null());
        Json::Object(filled.map(|(name, f)| (name.clone(), f.value.clone())).collect())
    }

    /// Open fields: name, waiting values in order, the committed value.
    pub fn open(&self) -> Vec<(String, Vec<Json>, Json)> {
        let open = self.fields.iter().filter(|(_, f)| !f.waiting.is_empty());
        open.map(|(name, f)| (name.clone(), f.waiting.clone(), f.value.clone())).collect()
    }
}

fn take(f: &mut Field, author: &Author, value: &Json) -> Fate {
    f.kept.retain(|w| !author.knows(w));
    f.kept.push(author.write.clone());
    f.last = Some(author.write.clone());
    f.value = value.clone();
    Fate::Took
}

fn wait(f: &mut Field, at: usize, value: &Json) -> Fate {
    f.waiting.push(value.clone());
    f.asked_at = at;
    Fate::Waits
}

fn legal(case: &Case, name: &str, from: &Json, to: &Json) -> bool {
    let table = &case.schema.transitions[name];
    let next = from.as_str().and_then(|from| table.get(from));
    from.is_null() || next.is_some_and(|next| next.iter().any(|s| Some(s.as_str()) == to.as_str()))
}

fn items_of(value: &Json) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}
