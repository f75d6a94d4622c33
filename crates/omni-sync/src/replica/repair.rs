//! Repairing a copy row by row: what central holds in some buckets of a scope is laid into the confirmed layer, under
//! pending edits, digests with it. Downloads and repairs share the way a confirmed row is written.

use super::feed::{Layer, deferred_existence};
use super::tx::ReplicaTx;
use crate::diff;
use crate::digest::{self, Digest};
use crate::storage::StorageError;
use omni_model::{Collection, CollectionId, Compartment, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{BucketRows, ConflictId, ConflictItem, Position, Scope, SnapshotRow};
use std::collections::{BTreeMap, BTreeSet};

type Key = (CollectionId, RecordId);

/// What the copy holds in the buckets, read at one position: nothing there may be overlooked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Where the copy stood.
    pub position: Position,
    /// Its records, those of unknown collections included.
    pub records: BTreeSet<Key>,
    /// Its conflict items.
    pub items: BTreeSet<ConflictId>,
}

/// What a repair found and wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Records that differed from central's.
    pub records: BTreeSet<Key>,
    /// Conflict items that did.
    pub items: BTreeSet<ConflictId>,
}

/// Why nothing was repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The medium failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The copy moved on meanwhile, or does not stand where central's answer holds: ask again.
    #[error("the copy moved while it was compared")]
    Moved,
}

/// Whether what central answered is also its state at the copy's position.
pub fn holds_at(answer: Position, touched: u64, copy: Position) -> bool {
    answer.epoch == copy.epoch && touched <= copy.seq && copy.seq <= answer.seq
}

/// Compares the records `keys` and the items of both sides with central's answer and writes what differs. One short
/// transaction: the caller cuts `keys` into slices; items are looked at with the first.
pub fn repair(
    tx: &mut dyn ReplicaTx,
    here: &Here,
    theirs: &BucketRows,
    keys: &[Key],
    with_items: bool,
) -> Result<Repaired, RepairError> {
    let position = tx.meta()?.position;
    if position != here.position || !holds_at(theirs.position, theirs.touched, position) {
        return Err(RepairError::Moved);
    }
    let rows: BTreeMap<Key, &SnapshotRow> = theirs.rows.iter().map(|(c, row)| ((*c, row.record), row)).collect();
    let mut found = Repaired::default();
    let mut mend = Mend { layer: Layer::over(tx), scope: theirs.scope };
    for key in keys {
        if mend.record(*key, rows.get(key).copied())? {
            found.records.insert(*key);
        }
    }
    if with_items {
        found.items = mend.items(here, &theirs.conflicts)?;
    }
    mend.layer.flush()?;
    Ok(found)
}

/// Sets kept digests to what was counted from the rows, if the copy still stands where it was counted.
pub fn settle_digests(
    tx: &mut dyn ReplicaTx,
    position: Position,
    counted: &BTreeMap<Scope, Digest>,
) -> Result<(), RepairError> {
    if tx.meta()?.position != position {
        return Err(RepairError::Moved);
    }
    for (scope, sum) in counted {
        tx.set_digest(*scope, *sum)?;
    }
    Ok(())
}

struct Mend<'a> {
    layer: Layer<'a>,
    scope: Scope,
}

impl Mend<'_> {
    fn is_open(&self) -> bool {
        self.scope.compartment == Compartment::Open as u8
    }

    /// `true` = the record differed in this scope and is as central's now.
    fn record(&mut self, key: Key, theirs: Option<&SnapshotRow>) -> Result<bool, StorageError> {
        let row = self.layer.load(key)?;
        let deferred = self.layer.tx.deferred(key.0, key.1)?;
        if self.ours(key, row.as_ref(), &deferred)? == self.theirs(key, theirs) {
            return Ok(false);
        }
        let known = schema::by_id(key.0);
        for (scope, field, wire) in deferred {
            let wanted = theirs.is_some_and(|t| match field {
                FieldId::RECORD => self.is_open(),
                _ => t.fields.iter().any(|(f, _)| *f == field),
            });
            if scope == self.scope && (!wanted || known.is_some_and(|c| c.field_by_id(field).is_some())) {
                self.drop_deferred(key, scope, field, &wire)?;
            }
        }
        if let Some(t) = theirs {
            for (field, value) in t.fields.iter().filter(|(f, _)| known.is_none_or(|c| c.field_by_id(*f).is_none())) {
                self.layer.defer(self.scope, key, *field, value)?;
            }
        }
        match known {
            Some(collection) => self.lay(collection, key, row, theirs),
            None => self.defer_existence(key, theirs)?,
        }
        Ok(true)
    }

    /// The cells of a record of this copy in the scope.
    fn ours(
        &self,
        key: Key,
        row: Option<&Row>,
        deferred: &[(Scope, FieldId, Vec<u8>)],
    ) -> Result<BTreeMap<FieldId, Digest>, StorageError> {
        let mut cells = BTreeMap::new();
        if let Some(row) = row.filter(|row| row.owner == self.scope.owner) {
            if self.is_open() {
                cells.insert(FieldId::RECORD, digest::existence(key.0, key.1, row.owner, row.key.as_deref()));
            }
            let inside = row.fields.iter().filter(|(f, _)| diff::scope_of(row.owner, key.0, **f) == self.scope);
            cells.extend(inside.map(|(f, v)| (*f, digest::cell(key.1, *f, &v.to_wire()))));
        }
        for (_, field, wire) in deferred.iter().filter(|(scope, ..)| *scope == self.scope) {
            let cell = match *field {
                FieldId::RECORD => deferred_existence(key, wire)?,
                field => digest::cell(key.1, field, wire),
            };
            cells.insert(*field, cell);
        }
        Ok(cells)
    }

    fn theirs(&self, key: Key, row: Option<&SnapshotRow>) -> BTreeMap<FieldId, Digest> {
        let Some(row) = row else { return BTreeMap::new() };
        let mut cells: BTreeMap<FieldId, Digest> =
            row.fields.iter().map(|(f, v)| (*f, digest::cell(key.1, *f, &v.to_wire()))).collect();
        if self.is_open() {
            cells.insert(FieldId::RECORD, digest::existence(key.0, key.1, self.scope.owner, row.key.as_deref()));
        }
        cells
    }

    /// Writes central's values of the scope into a record of a known collection. The open scope comes first and makes
    /// or takes away the record; the others fill it.
    fn lay(&mut self, collection: &Collection, key: Key, row: Option<Row>, theirs: Option<&SnapshotRow>) {
        let here = row.as_ref().filter(|row| row.owner == self.scope.owner).is_some();
        let now = match (theirs, &row) {
            (Some(t), _) if self.is_open() => {
                let mut new = row.clone().unwrap_or_else(|| Row::new(key.0, key.1));
                (new.key, new.owner) = (t.key.clone(), self.scope.owner);
                Some(self.filled(collection, new, Some(t)))
            }
            (None, _) if self.is_open() && here => None,
            (t, Some(row)) if here => Some(self.filled(collection, row.clone(), t)),
            // Held by another owner, or not there: the open scope of its owner has the word.
            _ => return,
        };
        if let Some(old) = &row {
            diff::subtract(old, &mut self.layer.deltas);
        }
        if let Some(new) = &now {
            diff::add(new, &mut self.layer.deltas);
        }
        self.layer.rows.insert(key, (now, theirs.map_or(0, |t| t.seq)));
    }

    fn filled(&self, collection: &Collection, mut row: Row, theirs: Option<&SnapshotRow>) -> Row {
        let inside = |f: FieldId| diff::compartment_of(collection.id, f) == self.scope.compartment;
        let old: Vec<FieldId> = row.fields.keys().copied().filter(|f| inside(*f)).collect();
        old.into_iter().for_each(|f| row.set(f, Value::Null));
        let known = |f: FieldId| collection.field_by_id(f).is_some();
        for (field, value) in theirs.into_iter().flat_map(|t| &t.fields).filter(|(f, _)| known(*f)) {
            row.set(*field, value.clone());
        }
        row
    }

    fn drop_deferred(&mut self, key: Key, scope: Scope, field: FieldId, wire: &[u8]) -> Result<(), StorageError> {
        let cell = match field {
            FieldId::RECORD => deferred_existence(key, wire)?,
            _ => digest::cell(key.1, field, wire),
        };
        self.layer.deltas.sub(scope, cell);
        self.layer.tx.put_deferred(scope, key.0, key.1, field, &[])
    }

    /// The existence of a record of an unknown collection.
    fn defer_existence(&mut self, key: Key, theirs: Option<&SnapshotRow>) -> Result<(), StorageError> {
        let Some(theirs) = theirs.filter(|_| self.is_open()) else { return Ok(()) };
        for (scope, field, wire) in self.layer.tx.deferred(key.0, key.1)? {
            if field == FieldId::RECORD {
                self.drop_deferred(key, scope, field, &wire)?;
            }
        }
        let cell = digest::existence(key.0, key.1, self.scope.owner, theirs.key.as_deref());
        self.layer.deltas.add(self.scope, cell);
        let wire = omni_protocol::frame::to_bytes(&(self.scope.owner, theirs.key.as_deref()));
        self.layer.tx.put_deferred(self.scope, key.0, key.1, FieldId::RECORD, &wire)
    }

    fn items(&mut self, here: &Here, theirs: &[ConflictItem]) -> Result<BTreeSet<ConflictId>, StorageError> {
        let wanted: BTreeMap<ConflictId, &ConflictItem> = theirs.iter().map(|item| (item.id, item)).collect();
        let all: BTreeSet<ConflictId> = wanted.keys().chain(&here.items).copied().collect();
        let mut different = BTreeSet::new();
        for id in all {
            let (old, new) = (self.layer.tx.conflict(id)?, wanted.get(&id).copied());
            let ours = old.as_ref().filter(|(scope, _)| *scope == self.scope).map(|(_, item)| item);
            if ours == new {
                continue;
            }
            different.insert(id);
            // An item of another scope is that scope's matter, unless central says that it is of this one.
            let Some((scope, item)) = old.filter(|(scope, _)| *scope == self.scope || new.is_some()) else {
                self.put_item(new)?;
                continue;
            };
            self.layer.deltas.sub(scope, digest::conflict(&item));
            self.layer.tx.remove_conflict(id)?;
            self.put_item(new)?;
        }
        Ok(different)
    }

    fn put_item(&mut self, item: Option<&ConflictItem>) -> Result<(), StorageError> {
        let Some(item) = item else { return Ok(()) };
        self.layer.deltas.add(self.scope, digest::conflict(item));
        self.layer.tx.put_conflict(self.scope, item)
    }
}
