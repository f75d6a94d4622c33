//! What the author of a change had on screen: central at their base, with own later changes over it.
//!
//! It fills what a real laptop sends along: the value before an edit, and the text an edit was made on. It follows from
//! central's past states and the case alone; no merge takes part.

use omni_model::{FieldId, Op, Policy, RecordId, Resolution, Value};
use std::collections::{BTreeMap, BTreeSet};

use super::world::World;

/// Values by record and field, deleted records included.
#[derive(Clone, Debug, Default)]
pub struct Screen(pub BTreeMap<RecordId, BTreeMap<FieldId, Value>>);

impl Screen {
    /// A field's value.
    pub fn get(&self, record: RecordId, field: FieldId) -> Value {
        self.0.get(&record).and_then(|r| r.get(&field)).cloned().unwrap_or_default()
    }

    /// A text field's text.
    pub fn text(&self, record: RecordId, field: FieldId) -> String {
        self.get(record, field).as_text().unwrap_or_default().to_owned()
    }

    fn set(&mut self, record: RecordId, field: FieldId, value: Value) {
        self.0.entry(record).or_default().insert(field, value);
    }

    /// Shows one operation as its author's laptop does.
    pub fn show(&mut self, world: &World, op: &Op) {
        let (_, record) = op.record();
        match op {
            Op::Set { field, value, .. } => self.set(record, *field, value.clone()),
            Op::Add { field, by, .. } => {
                let sum = self.get(record, *field).as_int().unwrap_or(0).saturating_add(*by);
                self.set(record, *field, Value::Int(sum));
            }
            Op::Include { field, item, .. } => self.change_set(record, *field, |set| {
                set.insert(item.clone());
            }),
            Op::Exclude { field, item, .. } => self.change_set(record, *field, |set| {
                set.remove(item);
            }),
            Op::Text { field, edits, .. } => {
                let text: Vec<char> = self.text(record, *field).chars().collect();
                let text = edits.iter().fold(text, |mut text, edit| {
                    let at = (edit.at as usize).min(text.len());
                    let end = (at + edit.delete as usize).min(text.len());
                    text.splice(at..end, edit.insert.chars());
                    text
                });
                self.set(record, *field, Value::Text(text.into_iter().collect()));
            }
            Op::Insert { values, .. } => {
                for (field, value) in values {
                    let adds = world.collection.field_by_id(*field).is_some_and(|f| f.policy == Policy::Set);
                    match value {
                        Value::Set(items) if adds => {
                            self.change_set(record, *field, |set| set.extend(items.iter().cloned()));
                        }
                        _ => self.set(record, *field, value.clone()),
                    }
                }
            }
            Op::Resolve { choice: Resolution::Values(values), .. } => {
                values.iter().for_each(|(field, value)| self.set(record, *field, value.clone()));
            }
            Op::Resolve { .. } | Op::Undo { .. } | Op::Delete { .. } => {}
        }
    }

    fn change_set(&mut self, record: RecordId, field: FieldId, change: impl FnOnce(&mut BTreeSet<String>)) {
        let mut items = self.get(record, field).as_set().unwrap_or_default();
        change(&mut items);
        self.set(record, field, Value::Set(items));
    }
}
