//! A copy of the replica to try edits on: reads the real one, keeps what is written in memory. `local::save` runs on it
//! unchanged, so a trial's verdict is the real one.

use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Scope};
use omni_store::{Filter, ListQuery, Place, ReadTx, Sort, SortBy, StoreError};
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use omni_sync::replica::{HistoryEntry, OutboxEntry, ReplicaMeta, ReplicaTx};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

type Res<T> = Result<T, StorageError>;
type Id = (CollectionId, RecordId);
/// A record written in the trial, as CBOR (a large import keeps each of them); `None` = removed.
type Packed = Option<Box<[u8]>>;

/// Real records kept decoded.
const SEEN_MAX: usize = 4_096;

/// The trial copy.
#[derive(Debug)]
pub(super) struct Trial<'t, 'c> {
    real: &'t ReadTx<'c>,
    meta: ReplicaMeta,
    written: HashMap<Id, Packed>,
    /// What stood in `written` before the attempt.
    before: Vec<(Id, Option<Packed>)>,
    seen: RefCell<HashMap<Id, Option<Row>>>,
}

impl<'t, 'c> Trial<'t, 'c> {
    /// Over one unchanging view.
    pub fn new(real: &'t ReadTx<'c>) -> Result<Trial<'t, 'c>, StoreError> {
        let none = || StoreError::Invalid("This database has no identity yet.".into());
        let meta = real.meta()?.ok_or_else(none)?;
        let (written, before, seen) = (HashMap::new(), Vec::new(), RefCell::default());
        Ok(Trial { real, meta, written, before, seen })
    }

    /// Runs one edit; its error leaves no trace, like a transaction's.
    pub fn attempt<R, E>(&mut self, edit: impl FnOnce(&mut Self) -> Result<R, E>) -> Result<R, E> {
        self.before.clear();
        let done = edit(self);
        if done.is_err() {
            for (id, packed) in std::mem::take(&mut self.before).into_iter().rev() {
                match packed {
                    Some(packed) => self.written.insert(id, packed),
                    None => self.written.remove(&id),
                };
            }
        }
        done
    }

    fn write(&mut self, id: Id, packed: Packed) {
        let old = self.written.insert(id, packed);
        self.before.push((id, old));
    }

    fn real_row(&self, id: Id) -> Res<Option<Row>> {
        if let Some(row) = self.seen.borrow().get(&id) {
            return Ok(row.clone());
        }
        let row = self.real.row(id.0, id.1)?.map(|stored| stored.row);
        let mut seen = self.seen.borrow_mut();
        if seen.len() >= SEEN_MAX {
            seen.clear();
        }
        seen.insert(id, row.clone());
        Ok(row)
    }
}

fn pack(row: &Row) -> Packed {
    let fields: Vec<(FieldId, &Value)> = row.fields.iter().map(|(f, v)| (*f, v)).collect();
    Some(minicbor::to_vec((row.key.as_deref(), row.owner, fields)).expect("writing to a Vec cannot fail").into())
}

fn unpack((c, id): Id, bytes: &[u8]) -> Res<Row> {
    type Packed = (Option<String>, RecordId, Vec<(FieldId, Value)>);
    let (key, owner, fields): Packed = minicbor::decode(bytes).map_err(|_| StorageError::corrupt("trial record"))?;
    Ok(Row { collection: c, id, key, owner, fields: fields.into_iter().collect() })
}

/// `local::save` and the commands ask for nothing of the kind.
fn not_tried<T>() -> Res<T> {
    Err(StoreError::Internal("a trial was asked for what only the replica has".into()).into())
}

impl ReplicaTx for Trial<'_, '_> {
    fn meta(&self) -> Res<ReplicaMeta> {
        Ok(self.meta.clone())
    }
    fn row(&self, collection: CollectionId, id: RecordId) -> Res<Option<Row>> {
        match self.written.get(&(collection, id)) {
            Some(Some(bytes)) => unpack((collection, id), bytes).map(Some),
            Some(None) => Ok(None),
            None => self.real_row((collection, id)),
        }
    }
    fn put_row(&mut self, row: &Row, _: Option<u64>) -> Res<()> {
        self.write((row.collection, row.id), pack(row));
        Ok(())
    }
    fn remove_row(&mut self, collection: CollectionId, id: RecordId) -> Res<()> {
        self.write((collection, id), None);
        Ok(())
    }
    fn linked(&self, c: CollectionId, field: FieldId, target: RecordId) -> Res<Vec<RecordId>> {
        let Some(collection) = schema::by_id(c) else { return Ok(Vec::new()) };
        let query = ListQuery {
            collection,
            filter: vec![Filter::Field(field, Value::Id(target))],
            search: None,
            sort: Sort { by: SortBy::Id, descending: false },
            start: Place::Offset(0),
            limit: u64::MAX,
        };
        let mut found = BTreeSet::new();
        self.real.for_each(&query, &mut |row| {
            found.insert(row.id);
            Ok(())
        })?;
        for (id, packed) in self.written.iter().filter(|((of, _), _)| *of == c) {
            let row = packed.as_ref().map(|bytes| unpack(*id, bytes)).transpose()?;
            match row.is_some_and(|row| row.get(field).as_id() == Some(target)) {
                true => found.insert(id.1),
                false => found.remove(&id.1),
            };
        }
        Ok(found.into_iter().collect())
    }
    fn confirmed(&self, _: CollectionId, _: RecordId) -> Res<Option<Option<Row>>> {
        Ok(None)
    }
    fn put_confirmed(&mut self, _: CollectionId, _: RecordId, _: Option<&Row>) -> Res<()> {
        Ok(())
    }
    fn outbox_insert(&mut self, _: &OutboxEntry) -> Res<u64> {
        Ok(0)
    }
    /// Those that wait in the replica. Edits of the trial are not among them: they are made at the position of the view,
    /// and `local::save` asks for what was made at another, which it tells a text that may have moved by.
    fn outbox_touching(&self, collection: CollectionId, id: RecordId) -> Res<Vec<OutboxEntry>> {
        Ok(self.real.changes_of(collection, id)?)
    }

    fn set_meta(&mut self, _: &ReplicaMeta) -> Res<()> {
        not_tried()
    }
    fn patch_row(&mut self, _: CollectionId, _: RecordId, _: &[(FieldId, Value)], _: Option<u64>) -> Res<()> {
        not_tried()
    }
    fn for_each_row(&self, _: &mut dyn FnMut(Row) -> Res<()>) -> Res<()> {
        not_tried()
    }
    fn drop_confirmed(&mut self, _: CollectionId, _: RecordId) -> Res<()> {
        not_tried()
    }
    fn all_confirmed(&self) -> Res<Vec<(CollectionId, RecordId, Option<Row>)>> {
        not_tried()
    }
    fn deferred(&self, _: CollectionId, _: RecordId) -> Res<Vec<(Scope, FieldId, Vec<u8>)>> {
        not_tried()
    }
    fn put_deferred(&mut self, _: Scope, _: CollectionId, _: RecordId, _: FieldId, _: &[u8]) -> Res<()> {
        not_tried()
    }
    fn all_deferred(&self) -> Res<Vec<(Scope, CollectionId, RecordId, FieldId, Vec<u8>)>> {
        not_tried()
    }
    fn outbox_get(&self, _: ChangeId) -> Res<Option<OutboxEntry>> {
        not_tried()
    }
    fn outbox_update(&mut self, _: &OutboxEntry) -> Res<()> {
        not_tried()
    }
    fn outbox_remove(&mut self, _: ChangeId) -> Res<()> {
        not_tried()
    }
    fn outbox_unsealed(&self, _: usize) -> Res<Vec<OutboxEntry>> {
        not_tried()
    }
    fn outbox_sealed(&self, _: u64, _: usize) -> Res<Vec<OutboxEntry>> {
        not_tried()
    }
    fn outbox_by_counter(&self, _: u64) -> Res<Option<OutboxEntry>> {
        not_tried()
    }
    fn outbox_acked(&self, _: u64) -> Res<Vec<OutboxEntry>> {
        not_tried()
    }
    fn digest(&self, _: Scope) -> Res<Digest> {
        not_tried()
    }
    fn set_digest(&mut self, _: Scope, _: Digest) -> Res<()> {
        not_tried()
    }
    fn digests(&self) -> Res<Vec<(Scope, Digest)>> {
        not_tried()
    }
    fn put_conflict(&mut self, _: Scope, _: &ConflictItem) -> Res<()> {
        not_tried()
    }
    fn conflict(&self, _: ConflictId) -> Res<Option<(Scope, ConflictItem)>> {
        not_tried()
    }
    fn remove_conflict(&mut self, _: ConflictId) -> Res<()> {
        not_tried()
    }
    fn conflicts(&self) -> Res<Vec<(Scope, ConflictItem)>> {
        not_tried()
    }
    fn put_history(&mut self, _: &HistoryEntry) -> Res<()> {
        not_tried()
    }
    fn put_directory(&mut self, _: &[DirectoryEntry]) -> Res<()> {
        not_tried()
    }
    fn directory(&self, _: DeviceId) -> Res<Option<DirectoryEntry>> {
        not_tried()
    }
}
