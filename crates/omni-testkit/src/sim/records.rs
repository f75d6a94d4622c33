//! Random values and records by schema alone: whatever field or collection is added takes part by itself.

use super::rng::Rng;
use omni_model::records::{Records, circle};
use omni_model::{Collection, CollectionId, Field, FieldId, FieldType, Op, RecordId, Row, Value, schema};
use std::collections::BTreeMap;

/// Tries to make a record that satisfies its collection's rules.
const RECORD_TRIES: u32 = 30;
/// Instants are drawn from this many distinct values, so that equal edits happen.
const INSTANTS: u64 = 400;

/// Gives a random live record of a collection, if there is one.
pub type Linker<'a> = dyn FnMut(&mut Rng, &str) -> Option<RecordId> + 'a;

/// A random value for a field, from a small domain so that equal and clashing edits happen. Null sometimes, unless the
/// field is required.
pub fn value(rng: &mut Rng, field: &Field, link: &mut Linker) -> Value {
    if !field.required && rng.chance(60) {
        return Value::Null;
    }
    match field.ty {
        FieldType::Text => Value::text(format!("{}-{}", field.name, rng.below(9))),
        FieldType::LongText => Value::text(format!("Notes {} ü\n{}", rng.below(9), "x".repeat(rng.below(90) as usize))),
        FieldType::Bool => Value::Bool(rng.chance(500)),
        FieldType::Int | FieldType::Decimal(_) => Value::Int(rng.below(40) as i64),
        FieldType::Money => Value::Int(rng.below(900) as i64 * 100),
        FieldType::Time => Value::Int(1_700_000_000_000 + rng.below(INSTANTS) as i64 * 60_000),
        FieldType::Enum(words) => rng.pick(words).map_or(Value::Null, |w| Value::text(*w)),
        FieldType::EnumSet(words) => {
            let chosen: Vec<&str> = words.iter().copied().filter(|_| rng.chance(400)).collect();
            Value::set(chosen)
        }
        FieldType::TextSet => {
            let n = rng.below(3);
            Value::set((0..n).map(|_| tag(rng)))
        }
        FieldType::Ref(target) => link(rng, target).map_or(Value::Null, Value::Id),
        FieldType::RefSet(target) => {
            let n = rng.below(3);
            Value::Set((0..n).filter_map(|_| link(rng, target)).map(|id| id.to_string()).collect())
        }
    }
}

/// A random item of a set field.
pub fn item(rng: &mut Rng, field: &Field, link: &mut Linker) -> Option<String> {
    match field.ty {
        FieldType::EnumSet(words) => rng.pick(words).map(|w| (*w).to_owned()),
        FieldType::RefSet(target) => link(rng, target).map(|id| id.to_string()),
        _ => Some(tag(rng)),
    }
}

fn tag(rng: &mut Rng) -> String {
    format!("tag{}", rng.below(7))
}

/// Values of a new record: required fields always, others often, until the collection's rules hold.
pub fn values(
    rng: &mut Rng,
    collection: &Collection,
    id: RecordId,
    link: &mut Linker,
) -> Option<Vec<(FieldId, Value)>> {
    for attempt in 0..RECORD_TRIES {
        let mut row = Row::new(collection.id, id);
        let fill = if attempt < RECORD_TRIES / 2 { 600 } else { 0 };
        for field in collection.fields {
            if field.required || rng.chance(fill) {
                row.set(field.id, value(rng, field, link));
            }
        }
        if collection.check(&row).is_empty() {
            return Some(row.fields.into_iter().collect());
        }
    }
    None
}

/// The rows of the first portfolio so far: its links close no circle either.
#[derive(Default)]
struct Made(Vec<Row>);

impl Records for Made {
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row> {
        self.0.iter().find(|row| row.collection == collection && row.id == id).cloned()
    }

    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId> {
        let linked = self.0.iter().filter(|row| row.collection == collection && row.get(field).as_id() == Some(target));
        linked.map(|row| row.id).collect()
    }
}

/// The first portfolio of a run, as insert operations in dependency order.
pub fn world(rng: &mut Rng, ids: &mut dyn FnMut(&mut Rng) -> RecordId) -> Vec<Op> {
    let (mut ops, mut made): (Vec<Op>, BTreeMap<&str, Vec<RecordId>>) = (Vec::new(), BTreeMap::new());
    let mut rows = Made::default();
    for collection in schema::COLLECTIONS {
        let count = if collection.name == "sector" { 3 } else { rng.range(2, 4) };
        for n in 0..count {
            let key = rng.chance(600).then(|| format!("{}-{n}", collection.name));
            let id = match &key {
                Some(key) => RecordId::from_key(collection.name, key),
                None => ids(rng),
            };
            let known = made.clone();
            let mut link = |rng: &mut Rng, target: &str| known.get(target).and_then(|all| rng.pick(all)).copied();
            let Some(mut values) = values(rng, collection, id, &mut link) else { continue };
            // Unique values must not clash in the first portfolio.
            for (field, value) in &mut values {
                if collection.field_by_id(*field).is_some_and(|f| f.unique) {
                    *value = Value::text(format!("{}-{n}", collection.name));
                }
            }
            let mut row = Row::new(collection.id, id);
            values.iter().for_each(|(field, value)| row.set(*field, value.clone()));
            if circle(collection, &row, &rows).is_some() {
                continue;
            }
            rows.0.push(row);
            made.entry(collection.name).or_default().push(id);
            ops.push(Op::Insert { collection: collection.id, record: id, key, values });
        }
    }
    ops
}
