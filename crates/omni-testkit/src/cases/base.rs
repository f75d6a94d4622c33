//! Central as a case finds it.

use super::format::{Case, MAIN, Times, Writer};
use super::world::{KIND, World, device_id, record_id, replica_id, values_of};
use crate::mem_central::MemCentral;
use omni_model::{Row, Value};
use omni_protocol::Position;
use omni_sync::meta::{FieldMeta, Interval, Kept, RecordMeta, Stamp, Stored};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The writer of everything a case names no writer for.
const FIRST_REPLICA: &str = "R0";
/// Its seq.
const FIRST_SEQ: u64 = 1;

/// Central before the commits of a case.
pub fn central_before(case: &Case, world: &World) -> Result<MemCentral, String> {
    let mut central = MemCentral::serving(world.catalog);
    let current = case.base.epochs.as_ref().map_or(1, |e| e.current);
    central.position = Position { epoch: current, seq: case.base.seq, ..Position::default() };
    for (epoch, seq) in case.base.epochs.iter().flat_map(|e| &e.forks) {
        let parent = epoch.checked_sub(1).ok_or("epoch 0 has no parent")?;
        central.forks.push((parent, *seq));
    }
    let none = BTreeMap::new();
    let mains = case.base.record.iter().map(|values| (MAIN, values, &case.base.writers));
    let others = case.base.others.iter().map(|(name, values)| (name.as_str(), values, &none));
    for (name, values, writers) in mains.chain(others) {
        let stored = stored(world, name, values, writers)?;
        central.records.insert((KIND, stored.row.id), stored);
    }
    Ok(central)
}

/// A record whose fields were each written by their writer.
fn stored(
    world: &World,
    name: &str,
    values: &Map<String, Json>,
    writers: &BTreeMap<String, Writer>,
) -> Result<Stored, String> {
    let mut row = Row::new(KIND, record_id(name));
    let created = Stamp { seq: FIRST_SEQ, replica: replica_id(FIRST_REPLICA), counter: 0 };
    let mut meta = RecordMeta {
        created,
        deleted: None,
        fields: BTreeMap::new(),
        device: device_id(FIRST_REPLICA),
        at_ms: 0,
        interval: Interval::UNBOUNDED,
        authority: 0,
        open: Vec::new(),
        seq: FIRST_SEQ,
    };
    for (id, value) in values_of(world, values)? {
        let tags = match &value {
            Value::Set(items)
                if world.collection.field_by_id(id).is_some_and(|f| f.policy == omni_model::Policy::Set) =>
            {
                items.clone()
            }
            _ => Default::default(),
        };
        row.set(id, value);
        let Some(writer) = writers.get(&world.name(id)) else { continue };
        let stamp = Stamp { seq: writer.seq, replica: replica_id(&writer.replica), counter: 0 };
        let kept = Kept {
            stamp,
            interval: interval(writer.time.unwrap_or_default()),
            authority: writer.authority.unwrap_or_default(),
        };
        let field = FieldMeta {
            last: stamp,
            kept: vec![kept],
            open: None,
            tags: tags.into_iter().map(|item| (item, vec![stamp])).collect(),
            device: device_id(&writer.replica),
            at_ms: 0,
        };
        meta.seq = meta.seq.max(writer.seq);
        meta.fields.insert(id, field);
    }
    Ok(Stored { row, meta })
}

fn interval([from, to]: Times) -> Interval {
    Interval { from: from.unwrap_or(i64::MIN), to: to.unwrap_or(i64::MAX) }
}
