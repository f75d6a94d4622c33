//! The state the log leads to: parts are applied from the first on, what each commit did is held against its images, and
//! the outcome against records and conflict items.

use super::{PAGE, Report, Result};
use crate::storage::ReadTx;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{ConflictId, ConflictItem, Effect, Part};
use omni_sync::StorageError;
use omni_sync::meta::Image;
use std::collections::BTreeMap;

type Key = (CollectionId, RecordId);

/// Live records and conflict items, as the log leaves them.
#[derive(Default)]
struct State {
    rows: BTreeMap<Key, Row>,
    items: BTreeMap<ConflictId, ConflictItem>,
}

/// Makes the state anew and compares.
pub fn check(tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
    let (mut state, mut at) = (State::default(), 0);
    loop {
        let page = tx.commits_after(at, PAGE, None)?;
        if page.is_empty() {
            break;
        }
        for commit in page {
            at = commit.position.seq;
            let made = state.commit(&commit.parts.iter().map(|(_, b)| b.as_slice()).collect::<Vec<_>>())?;
            let images = tx.committed(at)?.map(|c| c.images).unwrap_or_default();
            // Commits from before images were kept have none.
            if !images.is_empty() && images != made {
                report.differ("image", format!("commit {at} did something else than its images say"));
            }
        }
    }
    state.compare(tx, report)
}

impl State {
    /// Applies a commit: what leaves goes first, so that a record moved between scopes is kept. Returns what it did.
    fn commit(&mut self, parts: &[&[u8]]) -> Result<Vec<Image>> {
        let parts: std::result::Result<Vec<Part>, _> = parts.iter().map(|b| minicbor::decode::<Part>(b)).collect();
        let parts = parts.map_err(|_| StorageError::corrupt("part"))?;
        let effects: Vec<Effect> = parts.into_iter().flat_map(|p| p.effects).collect();
        let keys: std::collections::BTreeSet<Key> = effects.iter().map(Effect::record).collect();
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

    fn compare(mut self, tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
        tx.each_record(&mut |stored| {
            let made = self.rows.remove(&(stored.row.collection, stored.row.id));
            if made.as_ref() != Some(&stored.row).filter(|_| stored.is_live()) {
                report.differ("record", format!("record {} is not what the log leads to", stored.row.id));
            }
            Ok(())
        })?;
        for (_, id) in self.rows.keys() {
            report.differ("record", format!("record {id} is missing"));
        }
        for (_, item) in tx.conflicts(None)? {
            if self.items.remove(&item.id).as_ref() != Some(&item) {
                report.differ("conflict", format!("conflict item {} is not what the log leads to", item.id));
            }
        }
        for id in self.items.keys() {
            report.differ("conflict", format!("conflict item {id} is missing"));
        }
        Ok(())
    }
}

fn set(row: &mut Row, fields: &[(FieldId, Value)]) {
    fields.iter().for_each(|(field, value)| row.set(*field, value.clone()));
}
