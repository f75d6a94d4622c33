//! From a record's state before and after a commit to effects per scope and digest changes. Central makes parts from
//! it; the same digest arithmetic runs on laptops when they apply the effects.

use crate::digest::{self, Deltas};
use omni_model::{Compartment, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{Effect, Scope};
use std::collections::BTreeMap;

/// Effects by scope, in the order they must be applied inside each scope.
pub type ScopedEffects = BTreeMap<Scope, Vec<Effect>>;

/// The compartment wire number of a field; unknown fields count as open.
pub fn compartment_of(row_collection: omni_model::CollectionId, field: FieldId) -> u8 {
    schema::by_id(row_collection)
        .and_then(|c| c.field_by_id(field))
        .map_or(Compartment::Open as u8, |f| f.compartment as u8)
}

/// The scope of a field of an owner's record.
pub fn scope_of(owner: RecordId, collection: omni_model::CollectionId, field: FieldId) -> Scope {
    Scope { owner, compartment: compartment_of(collection, field) }
}

/// Adds what turns `before` into `after` (`None` = not live) to `effects` and `deltas`.
pub fn diff(before: Option<&Row>, after: Option<&Row>, effects: &mut ScopedEffects, deltas: &mut Deltas) {
    match (before, after) {
        (None, None) => {}
        (None, Some(row)) => create(row, effects, deltas),
        (Some(row), None) => {
            let gone = Effect::Remove { collection: row.collection, record: row.id };
            effects.entry(open(row.owner)).or_default().push(gone);
            subtract(row, deltas);
        }
        (Some(old), Some(new)) if old.owner != new.owner => {
            let left = Effect::Leave { collection: old.collection, record: old.id };
            effects.entry(open(old.owner)).or_default().push(left);
            subtract(old, deltas);
            create(new, effects, deltas);
        }
        (Some(old), Some(new)) => patch(old, new, effects, deltas),
    }
}

/// The open scope of an owner.
pub fn open(owner: RecordId) -> Scope {
    Scope { owner, compartment: Compartment::Open as u8 }
}

/// Takes all cells of a row out.
pub fn subtract(row: &Row, deltas: &mut Deltas) {
    deltas.sub(open(row.owner), digest::existence(row.collection, row.id, row.owner, row.key.as_deref()));
    for (field, value) in &row.fields {
        deltas.replace(scope_of(row.owner, row.collection, *field), row.id, *field, value, &Value::Null);
    }
}

/// Puts all cells of a row in.
pub fn add(row: &Row, deltas: &mut Deltas) {
    deltas.add(open(row.owner), digest::existence(row.collection, row.id, row.owner, row.key.as_deref()));
    for (field, value) in &row.fields {
        deltas.replace(scope_of(row.owner, row.collection, *field), row.id, *field, &Value::Null, value);
    }
}

fn create(row: &Row, effects: &mut ScopedEffects, deltas: &mut Deltas) {
    add(row, deltas);
    let mut by_compartment: BTreeMap<u8, Vec<(FieldId, Value)>> = BTreeMap::new();
    for (field, value) in &row.fields {
        by_compartment.entry(compartment_of(row.collection, *field)).or_default().push((*field, value.clone()));
    }
    let fields = by_compartment.remove(&(Compartment::Open as u8)).unwrap_or_default();
    effects.entry(open(row.owner)).or_default().push(Effect::Create {
        collection: row.collection,
        record: row.id,
        key: row.key.clone(),
        owner: row.owner,
        fields,
    });
    for (compartment, fields) in by_compartment {
        effects.entry(Scope { owner: row.owner, compartment }).or_default().push(Effect::Put {
            collection: row.collection,
            record: row.id,
            fields,
        });
    }
}

fn patch(old: &Row, new: &Row, effects: &mut ScopedEffects, deltas: &mut Deltas) {
    let mut changed: BTreeMap<Scope, Vec<(FieldId, Value)>> = BTreeMap::new();
    let ids: std::collections::BTreeSet<FieldId> = old.fields.keys().chain(new.fields.keys()).copied().collect();
    for field in ids {
        let (was, is) = (old.get(field), new.get(field));
        if was != is {
            let scope = scope_of(new.owner, new.collection, field);
            deltas.replace(scope, new.id, field, was, is);
            changed.entry(scope).or_default().push((field, is.clone()));
        }
    }
    for (scope, fields) in changed {
        let put = Effect::Put { collection: new.collection, record: new.id, fields };
        effects.entry(scope).or_default().push(put);
    }
}
