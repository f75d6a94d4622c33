//! The log played from its first commit on, in memory.

use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{ConflictId, ConflictItem, Effect, Part};
use omni_sync::StorageError;
use omni_sync::meta::Image;
use std::collections::{BTreeMap, BTreeSet};

type Key = (CollectionId, RecordId);

/// Live records and conflict items, as the commits so far leave them.
#[derive(Default)]
pub struct Replay {
    /// Live records.
    pub rows: BTreeMap<Key, Row>,
    /// Conflict items.
    pub items: BTreeMap<ConflictId, ConflictItem>,
}

impl Replay {
    /// Applies a commit: what leaves goes first, so that a record moved between scopes is kept. Returns what it did.
    pub fn commit<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Image>, StorageError> {
        let parts: Result<Vec<Part>, _> = parts.into_iter().map(minicbor::decode::<Part>).collect();
        let parts = parts.map_err(|_| StorageError::corrupt("part"))?;
        let effects: Vec<Effect> = parts.into_iter().flat_map(|p| p.effects).collect();
        let keys: BTreeSet<Key> = effects.iter().map(Effect::record).collect();
        let before: BTreeMap<Key, Option<Row>> = keys.into_iter().map(|k| (k, self.rows.get(&k).cloned())).collect();
        let order = |e: &Effect| match e {
            Effect::Leave { .. } | Effect::Remove { .. } => 0,
            Effect::Create { .. } => 1,
            Effect::Put { .. } | Effect::Conflict(_) => 2,
        };
        (0..3).for_each(|turn| effects.iter().filter(|e| order(e) == turn).for_each(|e| self.effect(e)));
        let made = before.iter().filter_map(|(key, old)| Image::between(old.as_ref(), self.rows.get(key)));
        Ok(made.collect())
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Leave { .. } | Effect::Remove { .. } => drop(self.rows.remove(&effect.record())),
            Effect::Create { collection, record, key, owner, fields } => {
                let mut row = Row { key: key.clone(), owner: *owner, ..Row::new(*collection, *record) };
                set(&mut row, fields);
                self.rows.insert((*collection, *record), row);
            }
            Effect::Put { fields, .. } => {
                if let Some(row) = self.rows.get_mut(&effect.record()) {
                    set(row, fields);
                }
            }
            Effect::Conflict(item) => drop(self.items.insert(item.id, item.clone())),
        }
    }
}

fn set(row: &mut Row, fields: &[(FieldId, Value)]) {
    fields.iter().for_each(|(field, value)| row.set(*field, value.clone()));
}
