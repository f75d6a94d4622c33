//! What a played case came to, in the words of the format.

use super::format::{Decision, Item, MAIN};
use super::play::Played;
use super::world::{KIND, World, record_id};
use omni_model::{FieldId, Policy, RecordId, Value};
use omni_protocol::feed::PARKED;
use omni_protocol::{ChangeId, ConflictItem, Decided, Outcome, OutcomeKind, Side};
use omni_sync::central::item_id;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Central's answer to one change.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A stored outcome.
    Outcome(Outcome),
    /// Another change of this place is known.
    Fork,
}

impl Answer {
    /// The outcome's word; a held one names its root.
    pub fn word(&self, names: &BTreeMap<ChangeId, String>) -> String {
        let Answer::Outcome(outcome) = self else { return "fork".to_owned() };
        match (outcome.kind, &outcome.root, outcome.code.as_deref()) {
            (_, _, Some("fork")) => "fork".to_owned(),
            (OutcomeKind::Held, Some(root), _) => match names.get(root) {
                Some(name) => format!("held:{name}"),
                None => format!("held:{root}"),
            },
            (kind, ..) => format!("{kind:?}").to_lowercase(),
        }
    }
}

/// A result in the words of the format.
#[derive(Clone, Debug)]
pub struct Found {
    /// Records by name: their values, or `deleted`.
    pub records: BTreeMap<String, Json>,
    /// Words of the outcomes.
    pub outcomes: Vec<String>,
    /// Open items, each with the changes whose values wait in it.
    pub open: Vec<(Item, Vec<String>)>,
    /// Automatic decisions.
    pub decided: Vec<Decision>,
    /// Fields of undos that were not done.
    pub offered: BTreeSet<String>,
    /// Live records by their `Order` field.
    pub order: Vec<String>,
    /// Two open items of one field: there may be one.
    pub doubled: Vec<String>,
}

impl Found {
    /// What a played case came to. `records` names the records it speaks of.
    pub fn of(played: &Played, records: &BTreeSet<String>) -> Found {
        let reader = Reader {
            world: &played.world,
            records: records.iter().map(|name| (record_id(name), name.clone())).collect(),
            changes: played.sent.iter().map(|(name, change)| (change.id, name.clone())).collect(),
            deleted: played.central.records.values().filter(|s| !s.is_live()).map(|s| s.row.id).collect(),
        };
        let undos: BTreeSet<ChangeId> = (played.sent.values())
            .filter(|c| c.ops.iter().any(|op| matches!(op, omni_model::Op::Undo { .. })))
            .map(|c| c.id)
            .collect();
        let items = || played.central.conflicts.values().map(|(_, item)| item);
        let offers = |item: &&ConflictItem| item.mine.first().is_some_and(|side| undos.contains(&side.change));
        let open = || items().filter(|item| item.decided == Decided::Open);
        let mut offered: BTreeSet<String> = open().filter(offers).flat_map(|i| reader.item_names(i)).collect();
        for answer in &played.answers {
            let Answer::Outcome(outcome) = answer else { continue };
            if undos.contains(&outcome.change) {
                offered.extend(outcome.waits.iter().map(|(_, field)| reader.unit_name(*field)));
            }
        }
        Found {
            records: reader.records(played),
            outcomes: played.answers.iter().map(|a| a.word(&reader.changes)).collect(),
            open: open().filter(|i| !offers(i)).map(|i| reader.open_item(i)).collect(),
            decided: items().filter(|i| i.decided == Decided::Auto).map(|i| reader.decision(i)).collect(),
            offered,
            order: reader.order(played),
            doubled: reader.doubled(open()),
        }
    }
}

struct Reader<'a> {
    world: &'a World,
    records: BTreeMap<RecordId, String>,
    changes: BTreeMap<ChangeId, String>,
    deleted: BTreeSet<RecordId>,
}

impl Reader<'_> {
    fn record_name(&self, id: RecordId) -> String {
        self.records.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn change_name(&self, id: ChangeId) -> String {
        self.changes.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The merge group of a field, or its own name; `*` for the record.
    fn unit_name(&self, id: FieldId) -> String {
        if id == FieldId::RECORD {
            return "*".to_owned();
        }
        let field = self.world.collection.field_by_id(id);
        field.and_then(|f| f.group).map_or_else(|| self.world.name(id), str::to_owned)
    }

    fn records(&self, played: &Played) -> BTreeMap<String, Json> {
        let of = |(id, name): (&RecordId, &String)| {
            let stored = played.central.records.get(&(KIND, *id))?;
            let json = if stored.is_live() { self.object(stored.row.fields.iter()) } else { json!("deleted") };
            Some((name.clone(), json))
        };
        self.records.iter().filter_map(of).collect()
    }

    fn order(&self, played: &Played) -> Vec<String> {
        let field = self.world.collection.fields.iter().find(|f| f.policy == Policy::Order);
        let Some(field) = field else { return Vec::new() };
        let live = played.central.records.values().filter(|s| s.is_live());
        let mut places: Vec<(Value, RecordId)> = live.map(|s| (s.row.get(field.id).clone(), s.row.id)).collect();
        places.sort();
        places.into_iter().map(|(_, id)| self.record_name(id)).collect()
    }

    fn object<'v>(&self, values: impl Iterator<Item = (&'v FieldId, &'v Value)>) -> Json {
        let entries = values.map(|(f, v)| (self.world.name(*f), self.world.json(v)));
        Json::Object(entries.collect::<Map<String, Json>>())
    }

    /// Whether the item is about the record: a delete takes part in it.
    fn is_of_record(&self, item: &ConflictItem) -> bool {
        let first = item.mine.first().map(|side| side.change);
        item.rule != PARKED
            && (item.mine.iter().any(|side| side.delete)
                || first.is_some_and(|change| item.id == item_id(item.record, FieldId::RECORD, change)))
    }

    fn item_names(&self, item: &ConflictItem) -> BTreeSet<String> {
        if self.is_of_record(item) {
            return BTreeSet::from(["*".to_owned()]);
        }
        item.fields.iter().map(|f| self.unit_name(*f)).collect()
    }

    /// The item's values as one side sees them: a plain value, or an object for a group.
    fn side(&self, item: &ConflictItem, values: &[Value]) -> Json {
        let group = item.fields.first().and_then(|f| self.world.collection.field_by_id(*f)).and_then(|f| f.group);
        match (group, values) {
            (None, [value]) => self.world.json(value),
            (None, []) => Json::Null,
            _ => self.object(item.fields.iter().zip(values)),
        }
    }

    /// Edited fields of a record-level item: deltas and additions as such.
    fn edits(&self, fields: &[FieldId], values: &[Value]) -> Json {
        let edit = |(field, value): (&FieldId, &Value)| {
            let policy = self.world.collection.field_by_id(*field).map(|f| f.policy);
            let json = self.world.json(value);
            let json = match policy {
                Some(Policy::Counter | Policy::Set) => json!({ "add": json }),
                _ => json,
            };
            (self.world.name(*field), json)
        };
        Json::Object(fields.iter().zip(values).map(edit).collect())
    }

    fn other(&self, id: RecordId) -> Option<String> {
        Some(self.record_name(id)).filter(|name| name != MAIN)
    }

    fn open_item(&self, item: &ConflictItem) -> (Item, Vec<String>) {
        let changes = item.mine.iter().map(|side| self.change_name(side.change)).collect();
        let rec = self.other(item.record);
        if item.rule == PARKED {
            let change = item.mine.first().map(|side| self.change_name(side.change));
            return (Item { change, ..Item::default() }, changes);
        }
        let of_record = self.is_of_record(item);
        let mine = |side: &Side| match (of_record, side.delete) {
            (_, true) => json!("delete"),
            (true, false) => self.edits(&item.fields, &side.values),
            (false, false) => self.side(item, &side.values),
        };
        let theirs = match of_record {
            true if self.deleted.contains(&item.record) => json!("delete"),
            true => self.edits(&item.fields, &item.theirs),
            false => self.side(item, &item.theirs),
        };
        let base = match of_record {
            true => self.object(item.fields.iter().zip(&item.base)),
            false => self.side(item, &item.base),
        };
        let mut sides = item.mine.iter().map(mine);
        let first = sides.next().unwrap_or_default();
        let field = Some(if of_record { "*".to_owned() } else { self.item_name(item) });
        (Item { field, rec, base, mine: first, theirs, also: sides.collect(), ..Item::default() }, changes)
    }

    fn item_name(&self, item: &ConflictItem) -> String {
        item.fields.first().map_or_else(|| "nothing".to_owned(), |f| self.unit_name(*f))
    }

    fn decision(&self, item: &ConflictItem) -> Decision {
        let rec = self.other(item.record);
        let lost = item.mine.first();
        let delete = lost.is_some_and(|side| side.delete);
        let values = lost.map(|side| side.values.as_slice()).unwrap_or_default();
        let policy = item.fields.first().and_then(|f| self.world.collection.field_by_id(*f)).map(|f| f.policy);
        let (field, winner, loser) = if delete {
            ("*".to_owned(), self.edits(&item.fields, &item.theirs), json!("delete"))
        } else if policy == Some(Policy::Set) {
            let winner = item.theirs.first().map(|v| self.world.json(v)).unwrap_or_default();
            let loser = values.first().filter(|v| !v.is_null()).map(|v| self.world.json(v));
            let loser = loser.unwrap_or_else(|| winner.clone());
            (self.item_name(item), json!({ "add": winner }), json!({ "remove": loser }))
        } else {
            (self.item_name(item), self.side(item, &item.theirs), self.side(item, values))
        };
        Decision { field, rec, rule: item.rule.clone(), winner, loser, may: false }
    }

    /// Fields with more than one open item.
    fn doubled<'i>(&self, open: impl Iterator<Item = &'i ConflictItem>) -> Vec<String> {
        let mut seen: BTreeMap<(RecordId, String), usize> = BTreeMap::new();
        for item in open.filter(|i| i.rule != PARKED) {
            for name in self.item_names(item) {
                *seen.entry((item.record, name)).or_default() += 1;
            }
        }
        let doubled = seen.into_iter().filter(|(_, n)| *n > 1);
        doubled.map(|((record, name), n)| format!("{n} open items of {}.{name}", self.record_name(record))).collect()
    }
}
