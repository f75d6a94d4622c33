//! What an exchange is about, in bytes: the minimal JSON of the changed fields. The rest of the traffic is overhead.

use omni_model::{CollectionId, FieldId, Op, Resolution, Value, schema};
use omni_protocol::{Effect, FeedPage, Part};

/// Of the operations of a change.
pub fn of_ops(ops: &[Op]) -> u64 {
    ops.iter().map(of_op).sum()
}

fn of_op(op: &Op) -> u64 {
    let (c, _) = op.record();
    match op {
        Op::Set { field, value, .. } => of_field(c, *field, value),
        Op::Insert { values, .. } => values.iter().map(|(f, v)| of_field(c, *f, v)).sum(),
        Op::Add { field, by, .. } => of_field(c, *field, &Value::Int(*by)),
        Op::Include { field, item, .. } | Op::Exclude { field, item, .. } => of_field(c, *field, &Value::text(item)),
        Op::Text { field, edits, .. } => edits.iter().map(|e| of_field(c, *field, &Value::text(&e.insert))).sum(),
        Op::Resolve { choice: Resolution::Values(values), .. } => values.iter().map(|(f, v)| of_field(c, *f, v)).sum(),
        Op::Resolve { .. } | Op::Undo { .. } | Op::Delete { .. } => 0,
    }
}

/// Of the commits of a page after `cursor`.
pub fn of_page(page: &FeedPage, cursor: u64) -> u64 {
    let parts = page.commits.iter().filter(|c| c.seq > cursor).flat_map(|c| c.parts.iter());
    let decoded = parts.filter_map(|b| minicbor::decode::<Part>(b).ok());
    decoded.flat_map(|p| p.effects).map(|e| of_effect(&e)).sum()
}

fn of_effect(effect: &Effect) -> u64 {
    let (c, _) = effect.record();
    match effect {
        Effect::Create { fields, .. } | Effect::Put { fields, .. } => {
            fields.iter().map(|(f, v)| of_field(c, *f, v)).sum()
        }
        _ => 0,
    }
}

/// `"name":value` and a comma or brace.
fn of_field(c: CollectionId, f: FieldId, value: &Value) -> u64 {
    let Some(field) = schema::by_id(c).and_then(|c| c.field_by_id(f)) else { return 0 };
    let json = field.to_json(value).to_string();
    (field.name.len() + json.len() + 4) as u64
}
