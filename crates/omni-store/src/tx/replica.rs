//! The core's view of the transaction.

use super::WriteTx;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Scope};
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use omni_sync::replica::{HistoryEntry, OutboxEntry, ReplicaMeta, ReplicaTx};

type Res<T> = Result<T, StorageError>;

impl ReplicaTx for WriteTx<'_> {
    fn meta(&self) -> Res<ReplicaMeta> {
        Ok(self.load_meta()?)
    }
    fn set_meta(&mut self, meta: &ReplicaMeta) -> Res<()> {
        self.store_meta(meta);
        Ok(())
    }
    fn row(&self, collection: CollectionId, id: RecordId) -> Res<Option<Row>> {
        Ok(self.kept(collection, id)?.map(|k| k.row))
    }
    fn put_row(&mut self, row: &Row, seq: Option<u64>) -> Res<()> {
        Ok(self.write_row(row, seq)?)
    }
    fn patch_row(&mut self, c: CollectionId, id: RecordId, fields: &[(FieldId, Value)], seq: Option<u64>) -> Res<()> {
        Ok(self.patch(c, id, fields, seq)?)
    }
    fn remove_row(&mut self, collection: CollectionId, id: RecordId) -> Res<()> {
        Ok(self.remove(collection, id)?)
    }
    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Res<Vec<RecordId>> {
        Ok(self.linked_to(collection, field, target)?)
    }
    fn for_each_row(&self, f: &mut dyn FnMut(Row) -> Res<()>) -> Res<()> {
        Ok(self.each_row(&mut |row| Ok(f(row)?))?)
    }
    fn confirmed(&self, collection: CollectionId, id: RecordId) -> Res<Option<Option<Row>>> {
        Ok(self.load_confirmed(collection, id)?)
    }
    fn put_confirmed(&mut self, collection: CollectionId, id: RecordId, row: Option<&Row>) -> Res<()> {
        Ok(self.store_confirmed(collection, id, row)?)
    }
    fn drop_confirmed(&mut self, collection: CollectionId, id: RecordId) -> Res<()> {
        Ok(self.forget_confirmed(collection, id)?)
    }
    fn all_confirmed(&self) -> Res<Vec<(CollectionId, RecordId, Option<Row>)>> {
        Ok(self.every_confirmed()?)
    }
    fn deferred(&self, collection: CollectionId, id: RecordId) -> Res<Vec<(Scope, FieldId, Vec<u8>)>> {
        Ok(self.deferred_of(collection, id)?)
    }
    fn put_deferred(&mut self, scope: Scope, c: CollectionId, id: RecordId, field: FieldId, wire: &[u8]) -> Res<()> {
        Ok(self.store_deferred(scope, c, id, field, wire)?)
    }
    fn all_deferred(&self) -> Res<Vec<(Scope, CollectionId, RecordId, FieldId, Vec<u8>)>> {
        Ok(self.every_deferred()?)
    }
    fn outbox_insert(&mut self, entry: &OutboxEntry) -> Res<u64> {
        Ok(self.add_entry(entry)?)
    }
    fn outbox_get(&self, change: ChangeId) -> Res<Option<OutboxEntry>> {
        Ok(self.entry_of(change)?)
    }
    fn outbox_update(&mut self, entry: &OutboxEntry) -> Res<()> {
        Ok(self.change_entry(entry)?)
    }
    fn outbox_remove(&mut self, change: ChangeId) -> Res<()> {
        Ok(self.take_entry(change)?)
    }
    fn outbox_touching(&self, collection: CollectionId, id: RecordId) -> Res<Vec<OutboxEntry>> {
        Ok(self.entries_touching(collection, id)?)
    }
    fn outbox_unsealed(&self, limit: usize) -> Res<Vec<OutboxEntry>> {
        Ok(self.unsealed(limit)?)
    }
    fn outbox_sealed(&self, from: u64, limit: usize) -> Res<Vec<OutboxEntry>> {
        Ok(self.sealed(from, limit)?)
    }
    fn outbox_by_counter(&self, counter: u64) -> Res<Option<OutboxEntry>> {
        Ok(self.sealed_at(counter)?)
    }
    fn outbox_acked(&self, seq: u64) -> Res<Vec<OutboxEntry>> {
        Ok(self.acked(seq)?)
    }
    fn digest(&self, scope: Scope) -> Res<Digest> {
        Ok(self.with_digests(|all| all.get(&scope).copied().unwrap_or_default())?)
    }
    fn set_digest(&mut self, scope: Scope, digest: Digest) -> Res<()> {
        Ok(self.store_digest(scope, digest)?)
    }
    fn digests(&self) -> Res<Vec<(Scope, Digest)>> {
        Ok(self.all_digests()?.into_iter().collect())
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Res<()> {
        Ok(self.store_conflict(scope, item)?)
    }
    fn conflict(&self, id: ConflictId) -> Res<Option<(Scope, ConflictItem)>> {
        Ok(self.load_conflict(id)?)
    }
    fn remove_conflict(&mut self, id: ConflictId) -> Res<()> {
        Ok(self.drop_conflict(id)?)
    }
    fn conflicts(&self) -> Res<Vec<(Scope, ConflictItem)>> {
        Ok(self.all_conflicts()?)
    }
    fn put_history(&mut self, entry: &HistoryEntry) -> Res<()> {
        Ok(self.store_history(entry)?)
    }
    fn put_directory(&mut self, entries: &[DirectoryEntry]) -> Res<()> {
        Ok(self.store_directory(entries)?)
    }
    fn directory(&self, device: DeviceId) -> Res<Option<DirectoryEntry>> {
        Ok(super::facts::load_device(self.conn, device)?)
    }
}
