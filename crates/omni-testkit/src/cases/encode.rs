//! A case's change as the change a laptop sends.

use super::format::{Change as ChangeText, OpText, Place, Pre, Times};
use super::play::Past;
use super::screen::Screen;
use super::world::{COMMAND, KIND, World, change_id, precondition_arg, record_id, values_of};
use omni_model::{ConflictId, Expected, FieldId, Op, RecordId, Resolution, TextEdit, Value};
use omni_protocol::{Base, BootId, Change, EditTime, NORMAL};
use omni_sync::central::{BootSample, item_id};
use omni_sync::text::fingerprint;
use serde_json::Value as Json;
use uuid::Uuid;

/// What a position of the case means.
pub fn seq_of(past: &Past, place: &Place) -> Result<u64, String> {
    match place {
        Place::Seq(seq) => Ok(*seq),
        Place::After(id) => past.after.get(id).copied().ok_or_else(|| format!("{id} did not come before")),
    }
}

/// The change with what its author had before each operation.
pub fn encode(world: &World, past: &Past, mut screen: Screen, text: &ChangeText) -> Result<Change, String> {
    let base = Base { epoch: text.epoch.unwrap_or(past.epoch), seq: seq_of(past, &text.base)? };
    let (mut ops, mut was) = (Vec::new(), Vec::new());
    for op in &text.ops {
        for op in encode_op(world, past, &screen, op)? {
            let before = match &op {
                Op::Set { record, field, .. } | Op::Text { record, field, .. } => screen.get(*record, *field),
                _ => Value::Null,
            };
            was.push(before);
            screen.show(world, &op);
            ops.push(op);
        }
    }
    Ok(Change {
        id: change_id(&text.id),
        base,
        command: if text.command.is_some() { COMMAND } else { 0 },
        version: u16::from(text.command.is_some()),
        schema: 1,
        args: preconditions(world, &text.pre)?,
        ops,
        after: text.after.iter().map(|id| change_id(id)).collect(),
        time: EditTime { boot: boot_of(text), mono_ms: 0, wall_ms: text.time[0].or(text.time[1]).unwrap_or(0) },
        priority: NORMAL,
        group: None,
        was,
    })
}

/// Every change is made in a boot of its own, so that its pings give its interval.
pub fn boot_of(text: &ChangeText) -> BootId {
    let name = format!("boot {} {} {:?}", text.id, text.replica, text.time);
    BootId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

/// The ping that makes central's interval of the change exactly that of the case; none where both sides are open: then
/// the interval is the whole cut. A ping widens by one millisecond, so it is given that much narrower.
pub fn ping(time: Times, earliest: i64, receipt: i64) -> Option<BootSample> {
    let [from, to] = time;
    from.or(to)?;
    Some(BootSample { mono_ms: 0, from_ms: from.unwrap_or(earliest) + 1, to_ms: to.unwrap_or(receipt) - 1 })
}

fn preconditions(world: &World, pre: &[Pre]) -> Result<Vec<(String, String)>, String> {
    let arg = |(at, pre): (usize, &Pre)| {
        let field = world.field(&pre.field)?;
        let record = record_id(pre.rec.as_deref().unwrap_or(super::format::MAIN));
        Ok(precondition_arg(at, record, field.id, &world.value(field, &pre.is)?))
    };
    pre.iter().enumerate().map(arg).collect()
}

fn encode_op(world: &World, past: &Past, screen: &Screen, op: &OpText) -> Result<Vec<Op>, String> {
    let (collection, record) = (KIND, record_id(op.rec()));
    let op = match op {
        OpText::Set { field, value, .. } | OpText::Move { field, value, .. } => {
            let field = world.field(field)?;
            Op::Set { collection, record, field: field.id, value: world.value(field, value)? }
        }
        OpText::Add { field, by, .. } => {
            let field = world.field(field)?;
            let by = world.value(field, by)?.as_int().ok_or("a delta is a number")?;
            Op::Add { collection, record, field: field.id, by }
        }
        OpText::Include { field, item, .. } => {
            Op::Include { collection, record, field: world.field(field)?.id, item: item.clone() }
        }
        OpText::Exclude { field, item, .. } => {
            Op::Exclude { collection, record, field: world.field(field)?.id, item: item.clone() }
        }
        OpText::Text { field, edits, .. } => {
            let field = world.field(field)?.id;
            let edit = |(at, delete, insert): &(u32, u32, String)| TextEdit {
                at: *at,
                delete: *delete,
                insert: insert.clone(),
            };
            let seen = fingerprint(&screen.text(record, field));
            Op::Text { collection, record, field, seen, edits: edits.iter().map(edit).collect() }
        }
        OpText::Insert { values, .. } => {
            Op::Insert { collection, record, key: None, values: values_of(world, values)? }
        }
        OpText::Delete { .. } => Op::Delete { collection, record },
        OpText::Resolve { field, first, saw, value, .. } => {
            let item = item_named(world, past, record, field, first)?;
            let saw = past.item_seq_at(item, seq_of(past, saw)?);
            Op::Resolve { collection, record, item, saw, choice: choice(world, field, value)? }
        }
        OpText::Undo { change } => return Ok(undo(past, change)),
    };
    Ok(vec![op])
}

/// One operation for each record the change touched.
fn undo(past: &Past, change: &str) -> Vec<Op> {
    let mut records: Vec<RecordId> = Vec::new();
    for op in past.sent.get(change).into_iter().flat_map(|c| &c.ops) {
        let (_, record) = op.record();
        if !records.contains(&record) {
            records.push(record);
        }
    }
    let expects = || Expected::Values(Vec::new());
    let op = |record| Op::Undo { collection: KIND, record, change: change_id(change), expects: expects() };
    records.into_iter().map(op).collect()
}

/// The item by its id: UUIDv5 of record, field and first losing change. A group's item bears one of its fields.
fn item_named(world: &World, past: &Past, record: RecordId, field: &str, first: &str) -> Result<ConflictId, String> {
    let first = change_id(first);
    if field == "*" {
        return Ok(item_id(record, FieldId::RECORD, first));
    }
    let ids = world.unit(field)?.into_iter().map(|f| item_id(record, f.id, first));
    let ids: Vec<ConflictId> = ids.collect();
    let known = ids.iter().copied().find(|id| past.knows_item(*id));
    known.or(ids.first().copied()).ok_or_else(|| format!("{field} has no fields"))
}

/// A case writes a value, for a group or a record an object; for a record also `delete` and `stand`.
fn choice(world: &World, field: &str, value: &Json) -> Result<Resolution, String> {
    match (field, value) {
        ("*", Json::String(word)) if word == "delete" => Ok(Resolution::Delete),
        ("*", Json::String(word)) if word == "stand" => Ok(Resolution::Stand),
        (_, Json::Object(values)) => Ok(Resolution::Values(values_of(world, values)?)),
        ("*", other) => Err(format!("a record is not resolved to {other}")),
        (field, value) => {
            let field = world.field(field)?;
            Ok(Resolution::Values(vec![(field.id, world.value(field, value)?)]))
        }
    }
}
