//! A transaction of the store, whose body must run on the store's writer thread, driven from the simulator's thread:
//! each call of the trait travels there and its answer back.

use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Scope};
use omni_store::WriteTx;
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use omni_sync::replica::{HistoryEntry, OutboxEntry, ReplicaMeta, ReplicaTx};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

type Res<T> = Result<T, StorageError>;

/// What the writer thread is asked to do inside the transaction.
pub enum Step {
    /// A call.
    Call(Box<dyn FnOnce(&mut WriteTx<'_>) + Send>),
    /// The body ended: commit, or take everything back.
    End(bool),
}

/// The simulator's end.
pub struct RemoteTx {
    steps: Sender<Step>,
}

/// A transaction and the writer thread's end of it.
pub fn pair() -> (RemoteTx, Receiver<Step>) {
    let (steps, received) = channel();
    (RemoteTx { steps }, received)
}

/// Runs the calls inside the transaction; whether to commit.
pub fn serve(tx: &mut WriteTx<'_>, steps: &Receiver<Step>) -> bool {
    loop {
        match steps.recv() {
            Ok(Step::Call(call)) => call(tx),
            Ok(Step::End(commit)) => return commit,
            // The simulator's end is gone: its body panicked.
            Err(_) => return false,
        }
    }
}

impl RemoteTx {
    fn call<R: Send + 'static>(&self, f: impl FnOnce(&mut WriteTx<'_>) -> Res<R> + Send + 'static) -> Res<R> {
        let (tell, told) = sync_channel(1);
        let gone = || StorageError::corrupt("transaction: the store's writer is gone");
        let step = Step::Call(Box::new(move |tx| {
            // The asker waits for it.
            let _ = tell.send(f(tx));
        }));
        self.steps.send(step).map_err(|_| gone())?;
        told.recv().map_err(|_| gone())?
    }

    /// Ends the transaction.
    pub fn end(self, commit: bool) {
        // A writer that is gone has told so itself.
        let _ = self.steps.send(Step::End(commit));
    }
}

impl ReplicaTx for RemoteTx {
    fn meta(&self) -> Res<ReplicaMeta> {
        self.call(|tx| tx.meta())
    }
    fn set_meta(&mut self, meta: &ReplicaMeta) -> Res<()> {
        let meta = meta.clone();
        self.call(move |tx| tx.set_meta(&meta))
    }
    fn row(&self, c: CollectionId, id: RecordId) -> Res<Option<Row>> {
        self.call(move |tx| tx.row(c, id))
    }
    fn put_row(&mut self, row: &Row, seq: Option<u64>) -> Res<()> {
        let row = row.clone();
        self.call(move |tx| tx.put_row(&row, seq))
    }
    fn patch_row(&mut self, c: CollectionId, id: RecordId, fields: &[(FieldId, Value)], seq: Option<u64>) -> Res<()> {
        let fields = fields.to_vec();
        self.call(move |tx| tx.patch_row(c, id, &fields, seq))
    }
    fn remove_row(&mut self, c: CollectionId, id: RecordId) -> Res<()> {
        self.call(move |tx| tx.remove_row(c, id))
    }
    fn linked(&self, c: CollectionId, f: FieldId, target: RecordId) -> Res<Vec<RecordId>> {
        self.call(move |tx| tx.linked(c, f, target))
    }
    fn confirmed(&self, c: CollectionId, id: RecordId) -> Res<Option<Option<Row>>> {
        self.call(move |tx| tx.confirmed(c, id))
    }
    fn drop_confirmed(&mut self, c: CollectionId, id: RecordId) -> Res<()> {
        self.call(move |tx| tx.drop_confirmed(c, id))
    }
    fn all_confirmed(&self) -> Res<Vec<(CollectionId, RecordId, Option<Row>)>> {
        self.call(|tx| tx.all_confirmed())
    }
    fn deferred(&self, c: CollectionId, id: RecordId) -> Res<Vec<(Scope, FieldId, Vec<u8>)>> {
        self.call(move |tx| tx.deferred(c, id))
    }
    fn put_deferred(&mut self, scope: Scope, c: CollectionId, id: RecordId, f: FieldId, wire: &[u8]) -> Res<()> {
        let wire = wire.to_vec();
        self.call(move |tx| tx.put_deferred(scope, c, id, f, &wire))
    }
    fn all_deferred(&self) -> Res<Vec<(Scope, CollectionId, RecordId, FieldId, Vec<u8>)>> {
        self.call(|tx| tx.all_deferred())
    }
    fn outbox_insert(&mut self, entry: &OutboxEntry) -> Res<u64> {
        let entry = entry.clone();
        self.call(move |tx| tx.outbox_insert(&entry))
    }
    fn outbox_get(&self, change: ChangeId) -> Res<Option<OutboxEntry>> {
        self.call(move |tx| tx.outbox_get(change))
    }
    fn outbox_update(&mut self, entry: &OutboxEntry) -> Res<()> {
        let entry = entry.clone();
        self.call(move |tx| tx.outbox_update(&entry))
    }
    fn outbox_remove(&mut self, change: ChangeId) -> Res<()> {
        self.call(move |tx| tx.outbox_remove(change))
    }
    fn outbox_touching(&self, c: CollectionId, id: RecordId) -> Res<Vec<OutboxEntry>> {
        self.call(move |tx| tx.outbox_touching(c, id))
    }
    fn outbox_unsealed(&self, limit: usize) -> Res<Vec<OutboxEntry>> {
        self.call(move |tx| tx.outbox_unsealed(limit))
    }
    fn outbox_sealed(&self, from: u64, limit: usize) -> Res<Vec<OutboxEntry>> {
        self.call(move |tx| tx.outbox_sealed(from, limit))
    }
    fn outbox_by_counter(&self, counter: u64) -> Res<Option<OutboxEntry>> {
        self.call(move |tx| tx.outbox_by_counter(counter))
    }
    fn outbox_acked(&self, seq: u64) -> Res<Vec<OutboxEntry>> {
        self.call(move |tx| tx.outbox_acked(seq))
    }
    fn digest(&self, scope: Scope) -> Res<Digest> {
        self.call(move |tx| tx.digest(scope))
    }
    fn set_digest(&mut self, scope: Scope, digest: Digest) -> Res<()> {
        self.call(move |tx| tx.set_digest(scope, digest))
    }
    fn digests(&self) -> Res<Vec<(Scope, Digest)>> {
        self.call(|tx| tx.digests())
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Res<()> {
        let item = item.clone();
        self.call(move |tx| tx.put_conflict(scope, &item))
    }
    fn conflict(&self, id: ConflictId) -> Res<Option<(Scope, ConflictItem)>> {
        self.call(move |tx| tx.conflict(id))
    }
    fn remove_conflict(&mut self, id: ConflictId) -> Res<()> {
        self.call(move |tx| tx.remove_conflict(id))
    }
    fn conflicts(&self) -> Res<Vec<(Scope, ConflictItem)>> {
        self.call(|tx| tx.conflicts())
    }
    fn put_history(&mut self, entry: &HistoryEntry) -> Res<()> {
        let entry = entry.clone();
        self.call(move |tx| tx.put_history(&entry))
    }
    fn put_directory(&mut self, entries: &[DirectoryEntry]) -> Res<()> {
        let entries = entries.to_vec();
        self.call(move |tx| tx.put_directory(&entries))
    }
    fn directory(&self, device: DeviceId) -> Res<Option<DirectoryEntry>> {
        self.call(move |tx| tx.directory(device))
    }
    fn put_confirmed(&mut self, c: CollectionId, id: RecordId, row: Option<&Row>) -> Res<()> {
        let row = row.cloned();
        self.call(move |tx| tx.put_confirmed(c, id, row.as_ref()))
    }
    fn for_each_row(&self, f: &mut dyn FnMut(Row) -> Res<()>) -> Res<()> {
        let rows = self.call(|tx| {
            let mut rows = Vec::new();
            tx.for_each_row(&mut |row| {
                rows.push(row);
                Ok(())
            })?;
            Ok(rows)
        })?;
        rows.into_iter().try_for_each(f)
    }
}
