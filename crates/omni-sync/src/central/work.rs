//! The working copy of the records one change touches: loaded once, changed in memory, stored only if the change is
//! accepted. Parking a change is dropping its working copy.

use super::tx::CentralTx;
use crate::meta::Stored;
use crate::storage::StorageError;
use omni_model::{Catalog, CollectionId, FieldId, RecordId, Records, Row};
use omni_protocol::{ConflictId, ConflictItem};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

type Key = (CollectionId, RecordId);

/// A text field of a record.
pub type TextKey = (CollectionId, RecordId, FieldId);

/// One record before and now.
#[derive(Clone, Debug)]
pub struct Working {
    /// As committed; `None` = never existed.
    pub before: Option<Stored>,
    /// As the change leaves it.
    pub now: Option<Stored>,
}

/// Records and items one change touches.
pub struct Work<'a> {
    tx: &'a dyn CentralTx,
    records: RefCell<BTreeMap<Key, Working>>,
    items: BTreeMap<ConflictId, ConflictItem>,
    texts: BTreeMap<TextKey, Vec<u8>>,
    failed: Cell<Option<StorageError>>,
}

impl<'a> Work<'a> {
    /// An empty working copy over committed state.
    pub fn new(tx: &'a dyn CentralTx) -> Work<'a> {
        Work {
            tx,
            records: RefCell::default(),
            items: BTreeMap::new(),
            texts: BTreeMap::new(),
            failed: Cell::new(None),
        }
    }

    /// The storage beneath.
    pub fn tx(&self) -> &'a dyn CentralTx {
        self.tx
    }

    /// The collections and commands central serves.
    pub fn catalog(&self) -> &'static Catalog {
        self.tx.catalog()
    }

    /// The history of a text field as the change has left it so far.
    pub fn text_history(&self, key: TextKey) -> Result<Option<Vec<u8>>, StorageError> {
        match self.texts.get(&key) {
            Some(history) => Ok(Some(history.clone())),
            None => self.tx.text_history(key.0, key.1, key.2),
        }
    }

    /// Changes the history of a text field in the working copy.
    pub fn put_text_history(&mut self, key: TextKey, history: Vec<u8>) {
        self.texts.insert(key, history);
    }

    /// Histories of text fields the change has written.
    pub fn texts(&self) -> impl Iterator<Item = (&TextKey, &Vec<u8>)> {
        self.texts.iter()
    }

    /// The record as the change has left it so far, deleted ones included.
    pub fn load(&self, collection: CollectionId, id: RecordId) -> Result<Option<Stored>, StorageError> {
        if let Some(w) = self.records.borrow().get(&(collection, id)) {
            return Ok(w.now.clone());
        }
        let before = self.tx.record(collection, id)?;
        let working = Working { now: before.clone(), before };
        let now = working.now.clone();
        self.records.borrow_mut().insert((collection, id), working);
        Ok(now)
    }

    /// Changes the record in the working copy.
    pub fn store(&mut self, stored: Stored) -> Result<(), StorageError> {
        let key = (stored.row.collection, stored.row.id);
        self.load(key.0, key.1)?;
        if let Some(w) = self.records.borrow_mut().get_mut(&key) {
            w.now = Some(stored);
        }
        Ok(())
    }

    /// An item as the change has left it so far.
    pub fn item(&self, id: ConflictId) -> Result<Option<ConflictItem>, StorageError> {
        match self.items.get(&id) {
            Some(item) => Ok(Some(item.clone())),
            None => self.tx.conflict(id),
        }
    }

    /// Opens, joins or decides an item.
    pub fn put_item(&mut self, item: ConflictItem) {
        self.items.insert(item.id, item);
    }

    /// Items opened, joined or decided by the change.
    pub fn items(&self) -> impl Iterator<Item = &ConflictItem> {
        self.items.values()
    }

    /// Records loaded, before and now, in key order.
    pub fn touched(&self) -> Vec<Working> {
        self.records.borrow().values().cloned().collect()
    }

    /// Live records whose link field points to `target`, as the change has left them.
    pub fn links_to(&self, c: CollectionId, f: FieldId, target: RecordId) -> Result<Vec<RecordId>, StorageError> {
        let mut ids = self.tx.linked(c, f, target)?;
        let points = |s: &Stored| s.is_live() && s.row.get(f).as_id() == Some(target);
        for ((collection, id), w) in self.records.borrow().iter() {
            if *collection != c {
                continue;
            }
            let now = w.now.as_ref().is_some_and(points);
            match ids.binary_search(id) {
                Ok(at) if !now => {
                    ids.remove(at);
                }
                Err(at) if now => ids.insert(at, *id),
                _ => {}
            }
        }
        Ok(ids)
    }

    /// The storage error a rule or command met, if any. `Records` cannot return errors, so they surface here.
    pub fn take_failure(&self) -> Result<(), StorageError> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Records for Work<'_> {
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row> {
        match self.load(collection, id) {
            Ok(stored) => stored.filter(Stored::is_live).map(|s| s.row),
            Err(e) => {
                self.failed.set(Some(e));
                None
            }
        }
    }

    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId> {
        self.links_to(collection, field, target).unwrap_or_else(|e| {
            self.failed.set(Some(e));
            Vec::new()
        })
    }
}
