//! What an operator does next on one laptop: random edits over what is visible there, built from the schema alone.

use super::records::{self, Linker};
use super::rng::Rng;
use omni_model::{
    Args, Collection, CollectionId, Field, FieldType, Offline, Op, OwnerRule, Policy, RecordId, Resolution, Value,
    schema,
};
use omni_protocol::change::{BULK, EMERGENCY, NORMAL};
use omni_protocol::feed::PARKED;
use omni_protocol::{ConflictItem, Decided};
use omni_sync::replica::ReplicaTx;
use omni_sync::replica::overlay::Visible;
use std::collections::BTreeMap;

/// Every record id anybody ever made, by collection: where edits and links aim.
pub type Known = BTreeMap<CollectionId, Vec<RecordId>>;

/// Tries to find a visible record.
const AIM_TRIES: u32 = 8;
/// Records of a collection most edits aim at, so that laptops meet.
const HOT_RECORDS: u64 = 3;
/// How often an operator stays with the record just worked on, per mille.
const FOCUS: u64 = 250;
/// How often a text is written anew instead of typed into, per mille.
const WHOLE_TEXT: u64 = 300;
/// Longest text, characters.
const TEXT_MAX: usize = 400;
/// Distinct keys laptops may create in one collection.
const SHARED_KEYS: u64 = 4;

/// One change to be saved.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Command number, 0 = plain.
    pub command: u16,
    /// Its arguments.
    pub args: Vec<(String, String)>,
    /// Operations.
    pub ops: Vec<Op>,
    /// Priority.
    pub priority: u8,
    /// The record it is about: what its operator looks at next.
    pub about: Option<(CollectionId, RecordId)>,
}

impl Draft {
    fn plain(ops: Vec<Op>, priority: u8) -> Draft {
        let about = ops.first().map(Op::record);
        Draft { command: 0, args: Vec::new(), ops, priority, about }
    }
}

/// An operator in front of one laptop.
pub struct Desk<'a> {
    /// Randomness.
    pub rng: &'a mut Rng,
    /// Where to aim.
    pub known: &'a Known,
    /// What is visible.
    pub tx: &'a dyn ReplicaTx,
    /// The record the operator worked on last.
    pub focus: Option<(CollectionId, RecordId)>,
    /// Gives a fresh record id.
    pub fresh: &'a mut dyn FnMut(&mut Rng) -> RecordId,
}

fn aim(rng: &mut Rng, known: &Known, tx: &dyn ReplicaTx, collection: CollectionId) -> Option<RecordId> {
    let all = known.get(&collection)?;
    for _ in 0..AIM_TRIES {
        let id = match rng.chance(500) {
            true => all.get(rng.below(HOT_RECORDS) as usize).copied(),
            false => rng.pick(all).copied(),
        };
        let visible = id.filter(|id| tx.row(collection, *id).is_ok_and(|row| row.is_some()));
        if visible.is_some() {
            return visible;
        }
    }
    None
}

impl Desk<'_> {
    /// The next action: one draft, or several for a group. Empty if nothing fits.
    pub fn next(&mut self) -> Vec<Draft> {
        let priority = match self.rng.below(20) {
            0 => EMERGENCY,
            1..=3 => BULK,
            _ => NORMAL,
        };
        let ops = match self.rng.below(100) {
            0..=29 => self.set(1),
            30..=38 => self.set(3),
            39..=41 => self.decide(),
            42..=52 => self.add(),
            53..=64 => self.member(),
            65..=69 => self.insert(false),
            70..=75 => self.insert(true),
            76..=80 => self.delete(),
            81..=86 => self.move_owner(),
            87..=89 => return self.group(),
            90..=91 => self.two_records(),
            92..=94 => return self.command(Offline::Queued, priority).into_iter().collect(),
            _ => return self.command(Offline::Yes, priority).into_iter().collect(),
        };
        match ops.is_empty() {
            true => Vec::new(),
            false => vec![Draft::plain(ops, priority)],
        }
    }

    /// A visible record: often the one just worked on, else any.
    fn aim(&mut self, collection: CollectionId) -> Option<RecordId> {
        let focus = self.focus.filter(|(c, _)| *c == collection && self.rng.chance(FOCUS)).map(|(_, id)| id);
        let again = focus.filter(|id| self.tx.row(collection, *id).is_ok_and(|row| row.is_some()));
        again.or_else(|| aim(self.rng, self.known, self.tx, collection))
    }

    fn collection(&mut self) -> &'static Collection {
        let focus = self.focus.filter(|_| self.rng.chance(FOCUS)).and_then(|(c, _)| schema::by_id(c));
        if let Some(collection) = focus {
            return collection;
        }
        self.rng.pick(schema::COLLECTIONS).copied().unwrap_or(&schema::admin_portal::SECTOR)
    }

    fn link<R>(&mut self, f: impl FnOnce(&mut Rng, &mut Linker) -> R) -> R {
        let (known, tx) = (self.known, self.tx);
        let mut link = |rng: &mut Rng, target: &str| schema::by_name(target).and_then(|c| aim(rng, known, tx, c.id));
        f(self.rng, &mut link)
    }

    fn set(&mut self, most: u64) -> Vec<Op> {
        let c = self.collection();
        let Some(record) = self.aim(c.id) else { return Vec::new() };
        let plain: Vec<_> = c.fields.iter().filter(|f| !matches!(f.policy, Policy::Counter | Policy::Set)).collect();
        let n = self.rng.range(1, most);
        let mut ops = Vec::new();
        for _ in 0..n {
            let Some(field) = self.rng.pick(&plain).copied() else { continue };
            let value = match self.typed(c.id, record, field) {
                Some(text) => Value::text(text),
                None => self.link(|rng, link| records::value(rng, field, link)),
            };
            ops.push(Op::Set { collection: c.id, record, field: field.id, value });
        }
        ops
    }

    /// A decision about an open conflict that shows here: one of the sides, or what stands.
    fn decide(&mut self) -> Vec<Op> {
        let (Ok(items), Ok(meta)) = (self.tx.conflicts(), self.tx.meta()) else { return Vec::new() };
        let merges = |i: &ConflictItem| {
            let policy = |f| schema::by_id(i.collection).and_then(|c| c.field_by_id(f)).map(|f| f.policy);
            i.fields.iter().any(|f| matches!(policy(*f), Some(Policy::Counter | Policy::Set | Policy::Text)))
        };
        let fits = |i: &ConflictItem| i.decided == Decided::Open && i.rule != PARKED && !merges(i);
        let open: Vec<ConflictItem> = items.into_iter().map(|(_, i)| i).filter(fits).collect();
        let Some(item) = self.rng.pick(&open) else { return Vec::new() };
        let choice = match self.rng.pick(&item.mine).filter(|_| self.rng.chance(700)) {
            Some(side) if side.delete => Resolution::Delete,
            Some(side) => Resolution::Values(item.fields.iter().copied().zip(side.values.iter().cloned()).collect()),
            None => Resolution::Stand,
        };
        let (collection, record) = (item.collection, item.record);
        vec![Op::Resolve { collection, record, item: item.id, saw: meta.position.seq, choice }]
    }

    /// The text that shows with a word typed into it or a few characters gone, so that laptops meet inside one text.
    fn typed(&mut self, collection: CollectionId, record: RecordId, field: &Field) -> Option<String> {
        if field.policy != Policy::Text || self.rng.chance(WHOLE_TEXT) {
            return None;
        }
        let row = self.tx.row(collection, record).ok()??;
        let mut text: Vec<char> = row.get(field.id).as_text()?.chars().collect();
        let at = self.rng.below(text.len() as u64 + 1) as usize;
        let word = format!("w{} ", self.rng.below(1_000));
        let gone = self.rng.below(8) as usize * usize::from(self.rng.chance(400));
        text.splice(at..(at + gone).min(text.len()), word.chars());
        text.truncate(TEXT_MAX);
        Some(text.into_iter().collect())
    }

    fn add(&mut self) -> Vec<Op> {
        let counters: Vec<_> = schema::COLLECTIONS
            .iter()
            .flat_map(|c| c.fields.iter().filter(|f| f.policy == Policy::Counter).map(move |f| (c.id, f.id)))
            .collect();
        let Some((collection, field)) = self.rng.pick(&counters).copied() else { return Vec::new() };
        let Some(record) = self.aim(collection) else { return Vec::new() };
        let by = self.rng.range(1, 9) as i64 - 3;
        vec![Op::Add { collection, record, field, by }]
    }

    fn member(&mut self) -> Vec<Op> {
        let sets: Vec<_> = schema::COLLECTIONS
            .iter()
            .flat_map(|c| c.fields.iter().filter(|f| f.policy == Policy::Set).map(move |f| (c.id, f)))
            .collect();
        let Some((collection, field)) = self.rng.pick(&sets).copied() else { return Vec::new() };
        let Some(record) = self.aim(collection) else { return Vec::new() };
        let Some(item) = self.link(|rng, link| records::item(rng, field, link)) else { return Vec::new() };
        let field = field.id;
        match self.rng.chance(600) {
            true => vec![Op::Include { collection, record, field, item }],
            false => vec![Op::Exclude { collection, record, field, item }],
        }
    }

    fn insert(&mut self, keyed: bool) -> Vec<Op> {
        let c = self.collection();
        let key = keyed.then(|| format!("shared-{}", self.rng.below(SHARED_KEYS)));
        let record = match &key {
            Some(key) => RecordId::from_key(c.name, key),
            None => (self.fresh)(self.rng),
        };
        let Some(values) = self.link(|rng, link| records::values(rng, c, record, link)) else { return Vec::new() };
        let mut ops = vec![Op::Insert { collection: c.id, record, key, values }];
        // A form that creates and corrects in one go: the change writes a record it makes itself.
        let plain: Vec<_> = c.fields.iter().filter(|f| !matches!(f.policy, Policy::Counter | Policy::Set)).collect();
        if self.rng.chance(200)
            && let Some(field) = self.rng.pick(&plain).copied()
        {
            let value = self.link(|rng, link| records::value(rng, field, link));
            ops.push(Op::Set { collection: c.id, record, field: field.id, value });
        }
        ops
    }

    fn delete(&mut self) -> Vec<Op> {
        let c = self.collection();
        let record = self.aim(c.id);
        record.map(|record| Op::Delete { collection: c.id, record }).into_iter().collect()
    }

    fn move_owner(&mut self) -> Vec<Op> {
        let inheriting: Vec<_> =
            schema::COLLECTIONS.iter().filter(|c| matches!(c.owner, OwnerRule::Inherit(_))).copied().collect();
        let Some(c) = self.rng.pick(&inheriting).copied() else { return Vec::new() };
        let OwnerRule::Inherit(name) = c.owner else { return Vec::new() };
        let Some(field) = c.field(name) else { return Vec::new() };
        let Some(record) = self.aim(c.id) else { return Vec::new() };
        let value = self.link(|rng, link| records::value(rng, field, link));
        vec![Op::Set { collection: c.id, record, field: field.id, value }]
    }

    /// Two records in one change: a new one and another that links to it, or two edits.
    fn two_records(&mut self) -> Vec<Op> {
        let mut ops = self.insert(false);
        let parent = ops.first().map(Op::record);
        if let Some((collection, id)) = parent {
            let links =
                |f: &omni_model::Field| f.ty == FieldType::Ref(schema::by_id(collection).map_or("", |c| c.name));
            let children: Vec<_> = schema::COLLECTIONS.iter().filter(|c| c.fields.iter().any(links)).copied().collect();
            if let Some(child) = self.rng.pick(&children).copied() {
                let field = child.fields.iter().find(|f| links(f)).map(|f| f.id);
                let record = self.aim(child.id);
                if let (Some(record), Some(field)) = (record, field) {
                    ops.push(Op::Set { collection: child.id, record, field, value: Value::Id(id) });
                }
            }
        }
        ops.extend(self.set(2));
        ops
    }

    fn group(&mut self) -> Vec<Draft> {
        let n = self.rng.range(2, 5);
        let drafts = (0..n).map(|_| Draft::plain(self.set(2), BULK));
        drafts.filter(|d| !d.ops.is_empty()).collect()
    }

    fn command(&mut self, kind: Offline, priority: u8) -> Option<Draft> {
        let fitting: Vec<_> = schema::COMMANDS.iter().filter(|c| c.offline == kind).collect();
        let command = self.rng.pick(&fitting).copied()?;
        let mut args = BTreeMap::new();
        for arg in command.args {
            args.insert(arg.name.to_owned(), self.argument(command.name, arg.name)?);
        }
        let args = Args(args);
        let planned = (command.plan)(&Visible::new(self.tx), &args);
        let about = planned.as_ref().ok().and_then(|ops| ops.first().map(Op::record));
        // A queued command is sent whatever is seen here: central makes its operations.
        let ops = if kind == Offline::Yes { planned.ok()? } else { Vec::new() };
        Some(Draft { command: command.id, args: args.0.into_iter().collect(), ops, priority, about })
    }

    fn argument(&mut self, command: &str, name: &str) -> Option<String> {
        let kind = if name == "page" { "payroll_page" } else { name };
        if let Some(collection) = schema::by_name(kind) {
            return self.aim(collection.id).map(|id| id.to_string());
        }
        let collection = schema::by_name(command.split('.').next()?)?;
        let field = match name {
            "region" => schema::by_name("deployment")?.field("region")?,
            other => collection.field(other)?,
        };
        match field.ty {
            FieldType::Enum(words) => self.rng.pick(words).map(|w| (*w).to_owned()),
            _ => None,
        }
    }
}
