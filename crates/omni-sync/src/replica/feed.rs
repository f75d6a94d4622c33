//! Downloads are applied *under* pending edits in one transaction: confirmed values move, digests with them, the
//! cursor with both, then the overlay is made anew for every touched record.

use super::overlay;
use super::tx::{HistoryEntry, OutboxEntry, OutboxState, ReplicaTx};
use crate::diff;
use crate::digest::{self, Deltas, Digest};
use crate::meta::Image;
use crate::storage::StorageError;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{ChangeId, Decided, Effect, FeedPage, Outcome, OutcomeKind, Part, Scope};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What applying a page did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Records that changed.
    pub changed: BTreeSet<(CollectionId, RecordId)>,
    /// Own changes now confirmed: they left the queue.
    pub confirmed: Vec<ChangeId>,
    /// Commits applied.
    pub commits: u64,
    /// The digest sums were compared: `Some(false)` = this copy differs from central's.
    pub root_matches: Option<bool>,
}

/// Why a page was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The medium failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The page does not continue the cursor: fetch from the cursor.
    #[error("the feed continues {after}, this copy stands at {cursor}")]
    Gap {
        /// What the page continues.
        after: u64,
        /// Where the copy stands.
        cursor: u64,
    },
    /// A part cannot be read, or effects do not fit the copy: take a snapshot.
    #[error("the feed cannot be applied: {0}")]
    Broken(String),
}

type Key = (CollectionId, RecordId);

/// Confirmed rows under change in this transaction.
pub(super) struct Layer<'a> {
    pub(super) tx: &'a mut dyn ReplicaTx,
    pub(super) rows: BTreeMap<Key, (Option<Row>, u64)>,
    pub(super) deltas: Deltas,
}

/// Applies a page. Commits at or below the cursor are skipped: a page may arrive twice.
pub fn apply_page(tx: &mut dyn ReplicaTx, page: &FeedPage) -> Result<Applied, FeedError> {
    let mut meta = tx.meta()?;
    let cursor = meta.position.seq;
    if page.after > cursor {
        return Err(FeedError::Gap { after: page.after, cursor });
    }
    let mut applied = Applied::default();
    if page.watermark.position.seq < cursor {
        return Ok(applied);
    }
    let mut layer = Layer::over(tx);
    for commit in page.commits.iter().filter(|c| c.seq > cursor) {
        let mut parts = Vec::with_capacity(commit.parts.len());
        for bytes in &commit.parts {
            let part: Part = minicbor::decode(bytes).map_err(|e| FeedError::Broken(e.to_string()))?;
            parts.push(part);
        }
        let images = layer.commit(&parts)?;
        let records = parts.iter().flat_map(|p| p.effects.iter().map(Effect::record)).collect::<BTreeSet<_>>();
        layer.tx.put_history(&HistoryEntry {
            seq: commit.seq,
            parts: commit.parts.iter().map(|p| p.to_vec()).collect(),
            records: records.into_iter().collect(),
            images,
        })?;
        applied.commits += 1;
    }
    applied.changed = layer.flush()?;
    meta.position = page.watermark.position;
    tx.set_meta(&meta)?;
    confirm(tx, meta.position.seq, &mut applied)?;
    if let Some(root) = page.watermark.root {
        applied.root_matches = Some(root_of(tx)?.0 == root.0);
    }
    Ok(applied)
}

/// The sum of all scope digests of this copy.
pub fn root_of(tx: &dyn ReplicaTx) -> Result<Digest, StorageError> {
    let mut root = Digest::default();
    tx.digests()?.into_iter().for_each(|(_, d)| root.add(d));
    Ok(root)
}

impl<'a> Layer<'a> {
    /// Nothing changed yet.
    pub(super) fn over(tx: &'a mut dyn ReplicaTx) -> Layer<'a> {
        Layer { tx, rows: BTreeMap::new(), deltas: Deltas::default() }
    }
}

impl Layer<'_> {
    /// One commit, and what it did to each confirmed record.
    fn commit(&mut self, parts: &[Part]) -> Result<Vec<Image>, FeedError> {
        let mut before: BTreeMap<Key, Option<Row>> = BTreeMap::new();
        for effect in parts.iter().flat_map(|p| &p.effects).filter(|e| !matches!(e, Effect::Conflict(_))) {
            let key = effect.record();
            if let Entry::Vacant(slot) = before.entry(key) {
                slot.insert(self.load(key)?);
            }
        }
        self.effects(parts)?;
        // What a record became is still in `rows`; what left no trace there did not change.
        let image = |(key, before): (Key, Option<Row>)| {
            self.rows.get(&key).and_then(|(after, _)| Image::between(before.as_ref(), after.as_ref()))
        };
        Ok(before.into_iter().filter_map(image).collect())
    }

    /// The effects of one commit: what leaves goes first, so that a move between two scopes held here keeps the record.
    fn effects(&mut self, parts: &[Part]) -> Result<(), FeedError> {
        let effects = || parts.iter().flat_map(|p| p.effects.iter().map(move |e| (p, e)));
        for (part, effect) in effects().filter(|(_, e)| matches!(e, Effect::Leave { .. } | Effect::Remove { .. })) {
            self.effect(part, effect)?;
        }
        let left = effects().filter(|(_, e)| matches!(e, Effect::Leave { .. }));
        self.drop_items(&left.map(|(p, e)| (p.scope.owner, e.record())).collect())?;
        for (part, effect) in effects().filter(|(_, e)| matches!(e, Effect::Create { .. })) {
            self.effect(part, effect)?;
        }
        let rest = |e: &Effect| matches!(e, Effect::Put { .. } | Effect::Conflict(_));
        for (part, effect) in effects().filter(|(_, e)| rest(e)) {
            self.effect(part, effect)?;
        }
        Ok(())
    }

    pub(super) fn load(&mut self, key: Key) -> Result<Option<Row>, StorageError> {
        if let Some((row, _)) = self.rows.get(&key) {
            return Ok(row.clone());
        }
        overlay::confirmed_row(self.tx, key.0, key.1)
    }

    fn effect(&mut self, part: &Part, effect: &Effect) -> Result<(), FeedError> {
        match effect {
            Effect::Create { collection, record, key, owner, fields } => {
                let mut row = Row::new(*collection, *record);
                row.key = key.clone();
                row.owner = *owner;
                if let Some(old) = self.load((*collection, *record))? {
                    diff::subtract(&old, &mut self.deltas);
                }
                if schema::by_id(*collection).is_none() {
                    self.defer_existence(part, &row)?;
                    return self.put_fields(part, (*collection, *record), fields);
                }
                diff::add(&row, &mut self.deltas);
                self.rows.insert((*collection, *record), (Some(row), part.seq));
                self.put_fields(part, (*collection, *record), fields)
            }
            Effect::Put { collection, record, fields } => self.put_fields(part, (*collection, *record), fields),
            Effect::Remove { collection, record } | Effect::Leave { collection, record } => {
                self.remove(part, (*collection, *record))
            }
            Effect::Conflict(item) => {
                if let Some((scope, old)) = self.tx.conflict(item.id)? {
                    self.deltas.sub(scope, digest::conflict(&old));
                }
                self.deltas.add(part.scope, digest::conflict(item));
                self.tx.put_conflict(part.scope, item)?;
                Ok(())
            }
        }
    }

    /// A record of a collection this version does not know: its existence is a deferred cell too.
    fn defer_existence(&mut self, part: &Part, row: &Row) -> Result<(), FeedError> {
        let cell = digest::existence(row.collection, row.id, row.owner, row.key.as_deref());
        self.deltas.add(part.scope, cell);
        let wire = omni_protocol::frame::to_bytes(&(row.owner, row.key.as_deref()));
        self.tx.put_deferred(part.scope, row.collection, row.id, FieldId::RECORD, &wire)?;
        Ok(())
    }

    fn put_fields(&mut self, part: &Part, key: Key, fields: &[(FieldId, Value)]) -> Result<(), FeedError> {
        let collection = schema::by_id(key.0);
        let mut row = self.load(key)?;
        for (field, value) in fields {
            let known = collection.is_some_and(|c| c.field_by_id(*field).is_some());
            match row.as_mut().filter(|_| known) {
                Some(row) => {
                    self.deltas.replace(part.scope, key.1, *field, row.get(*field), value);
                    row.set(*field, value.clone());
                }
                None if known => {
                    return Err(FeedError::Broken(format!("a field of record {} arrived before the record", key.1)));
                }
                None => self.defer(part.scope, key, *field, value)?,
            }
        }
        if let Some(row) = row {
            self.rows.insert(key, (Some(row), part.seq));
        }
        Ok(())
    }

    pub(super) fn defer(&mut self, scope: Scope, key: Key, field: FieldId, value: &Value) -> Result<(), StorageError> {
        for (old_scope, f, wire) in self.tx.deferred(key.0, key.1)? {
            if f == field {
                self.deltas.sub(old_scope, digest::cell(key.1, field, &wire));
            }
        }
        let wire = if value.is_null() { Vec::new() } else { value.to_wire() };
        if !wire.is_empty() {
            self.deltas.add(scope, digest::cell(key.1, field, &wire));
        }
        self.tx.put_deferred(scope, key.0, key.1, field, &wire)?;
        Ok(())
    }

    fn remove(&mut self, part: &Part, key: Key) -> Result<(), FeedError> {
        if let Some(row) = self.load(key)? {
            diff::subtract(&row, &mut self.deltas);
            self.rows.insert(key, (None, part.seq));
        }
        for (scope, field, wire) in self.tx.deferred(key.0, key.1)? {
            let cell = match field {
                FieldId::RECORD => deferred_existence(key, &wire)?,
                _ => digest::cell(key.1, field, &wire),
            };
            self.deltas.sub(scope, cell);
            self.tx.put_deferred(scope, key.0, key.1, field, &[])?;
        }
        Ok(())
    }

    /// Records that left took their open items along; where the new scope is held too, they come back with it.
    fn drop_items(&mut self, left: &BTreeSet<(RecordId, Key)>) -> Result<(), StorageError> {
        if left.is_empty() {
            return Ok(());
        }
        for (scope, item) in self.tx.conflicts()? {
            if item.moves_with_record() && left.contains(&(scope.owner, (item.collection, item.record))) {
                self.deltas.sub(scope, digest::conflict(&item));
                self.tx.remove_conflict(item.id)?;
            }
        }
        Ok(())
    }

    /// Writes the confirmed rows: into the confirmed layer where pending edits lie on top, else as the visible rows.
    pub(super) fn flush(self) -> Result<BTreeSet<Key>, StorageError> {
        let Layer { tx, rows, deltas } = self;
        let mut changed = BTreeSet::new();
        for ((c, id), (row, seq)) in rows {
            changed.insert((c, id));
            if tx.confirmed(c, id)?.is_some() {
                tx.put_confirmed(c, id, row.as_ref())?;
                overlay::rebuild(tx, c, id, Some(seq))?;
            } else {
                match &row {
                    Some(row) => tx.put_row(row, Some(seq))?,
                    None => tx.remove_row(c, id)?,
                }
            }
        }
        for (scope, delta) in deltas.0 {
            let mut digest = tx.digest(scope)?;
            digest.add(delta);
            tx.set_digest(scope, digest)?;
        }
        Ok(changed)
    }
}

/// The existence cell behind a deferred record.
pub fn deferred_existence(key: Key, wire: &[u8]) -> Result<Digest, StorageError> {
    let (owner, name): (RecordId, Option<String>) =
        minicbor::decode(wire).map_err(|_| StorageError::corrupt("deferred record"))?;
    Ok(digest::existence(key.0, key.1, owner, name.as_deref()))
}

/// Own changes whose outcome the copy now contains leave the overlay and the queue.
fn confirm(tx: &mut dyn ReplicaTx, cursor: u64, applied: &mut Applied) -> Result<(), StorageError> {
    let done = tx.outbox_acked(cursor)?;
    let mut touched = BTreeSet::new();
    for entry in done {
        touched.extend(entry.change.ops.iter().map(|op| op.record()));
        applied.confirmed.push(entry.change.id);
        tx.outbox_remove(entry.change.id)?;
    }
    for (c, id) in touched {
        overlay::rebuild(tx, c, id, None)?;
        applied.changed.insert((c, id));
    }
    Ok(())
}

/// What storing outcomes did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Changes answered now, with what became of them. A repeated answer is not listed.
    pub answered: Vec<(ChangeId, OutcomeKind)>,
    /// Changes to save again under a new id: central knows another change by theirs.
    pub forks: Vec<ChangeId>,
    /// Records whose visible row changed.
    pub changed: BTreeSet<Key>,
}

/// Stores central's answers. Each change leaves the sealed state once; what was refused leaves the overlay at once,
/// what was accepted stays in it until the cursor reaches its commit.
pub fn apply_outcomes(tx: &mut dyn ReplicaTx, outcomes: &[Outcome]) -> Result<Answered, StorageError> {
    let mut done = Answered::default();
    let cursor = tx.meta()?.position.seq;
    let mut touched: BTreeSet<Key> = BTreeSet::new();
    for outcome in outcomes {
        let Some(entry) = tx.outbox_by_counter(outcome.counter)? else { continue };
        if entry.state != OutboxState::Sealed {
            continue;
        }
        let id = entry.change.id;
        done.answered.push((id, outcome.kind));
        if outcome.code.as_deref() == Some("fork") {
            done.forks.push(id);
        }
        let state = match (outcome.kind, outcome.seq) {
            (OutcomeKind::Applied | OutcomeKind::Merged, seq) => OutboxState::Acked { seq: seq.unwrap_or(0) },
            (OutcomeKind::Held, _) => OutboxState::Held,
            _ => OutboxState::Rejected,
        };
        let reached = matches!(state, OutboxState::Acked { seq } if seq <= cursor);
        let leaves = reached || !state.in_overlay();
        let records: Vec<Key> = entry.change.ops.iter().map(|op| op.record()).collect();
        tx.outbox_update(&OutboxEntry { state, outcome: Some(outcome.clone()), ..entry })?;
        if reached {
            tx.outbox_remove(id)?;
        }
        if leaves {
            touched.extend(records);
        }
    }
    for (c, id) in touched {
        overlay::rebuild(tx, c, id, None)?;
        done.changed.insert((c, id));
    }
    Ok(done)
}

/// Open items on this copy.
pub fn open_conflicts(tx: &dyn ReplicaTx) -> Result<u64, StorageError> {
    Ok(tx.conflicts()?.iter().filter(|(_, item)| item.decided == Decided::Open).count() as u64)
}

/// Digests of the confirmed layer recomputed from rows: what *verify my copy* compares with central's.
pub fn recompute(tx: &dyn ReplicaTx) -> Result<BTreeMap<Scope, Digest>, StorageError> {
    let mut deltas = Deltas::default();
    let confirmed: BTreeMap<Key, Option<Row>> =
        tx.all_confirmed()?.into_iter().map(|(c, id, row)| ((c, id), row)).collect();
    tx.for_each_row(&mut |row| {
        if !confirmed.contains_key(&(row.collection, row.id)) {
            diff::add(&row, &mut deltas);
        }
        Ok(())
    })?;
    confirmed.values().flatten().for_each(|row| diff::add(row, &mut deltas));
    for (scope, c, id, field, wire) in tx.all_deferred()? {
        let cell = match field {
            FieldId::RECORD => deferred_existence((c, id), &wire)?,
            _ => digest::cell(id, field, &wire),
        };
        deltas.add(scope, cell);
    }
    for (scope, item) in tx.conflicts()? {
        deltas.add(scope, digest::conflict(&item));
    }
    deltas.0.retain(|_, d| *d != Digest::default());
    Ok(deltas.0)
}
