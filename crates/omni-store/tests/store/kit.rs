//! What every test needs: a replica in a temporary folder, records, edits.

use omni_model::{Collection, FieldId, Op, RecordId, Row, Value, schema};
use omni_protocol::{BootId, ChangeId, EditTime, Hash, Outcome, OutcomeKind, ReplicaId};
use omni_store::{DbKey, Durability, Lane, Store, StoreError, StoreOptions};
use omni_sync::replica::{EditError, Intent, OutboxEntry, OutboxState, ReplicaTx, fresh_meta, save};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use uuid::Uuid;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The file as SQLCipher alone sees it, with the key of `key`.
pub fn plain(path: &Path) -> Connection {
    let conn = in_form(path, omni_store::FORM);
    conn.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -49152;").unwrap();
    conn
}

/// The file as SQLCipher sees it that takes it to be in this form.
pub fn in_form(path: &Path, form: &str) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\"; {form}", "07".repeat(32))).unwrap();
    conn
}

/// A replica in its own folder.
pub struct Replica {
    pub folder: TempDir,
    pub store: Store,
}

pub fn key() -> DbKey {
    DbKey::new([7; 32])
}

pub fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("data").join("replica.db")
}

pub fn open(folder: &TempDir) -> Result<Store, StoreError> {
    Store::open(&path(folder), &key(), StoreOptions::default())
}

impl Replica {
    pub fn new() -> Replica {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        let replica = Replica { folder, store };
        replica.write(|tx| tx.set_meta(&fresh_meta(ReplicaId(Uuid::from_u128(1)))));
        replica
    }

    pub fn reopen(self) -> Replica {
        let Replica { folder, store } = self;
        drop(store);
        let store = open(&folder).unwrap();
        Replica { folder, store }
    }

    pub fn path(&self) -> PathBuf {
        path(&self.folder)
    }

    pub fn write<R: Send + 'static>(
        &self,
        body: impl FnOnce(&mut omni_store::WriteTx<'_>) -> Result<R, omni_sync::StorageError> + Send + 'static,
    ) -> R {
        let done: Result<R, StoreError> =
            self.store.write(Lane::Interactive, Durability::Full, |tx| body(tx).map_err(StoreError::from));
        done.unwrap()
    }

    pub fn read<R>(&self, body: impl FnOnce(&omni_store::ReadTx<'_>) -> Result<R, StoreError>) -> R {
        self.store.read(body).unwrap()
    }

    pub fn edit(&self, ops: Vec<Op>) -> Result<Option<OutboxEntry>, EditError> {
        self.store.write(Lane::Interactive, Durability::Full, move |tx| save(tx, intent(ops)))
    }

    pub fn put(&self, rows: Vec<Row>) {
        self.write(move |tx| rows.iter().try_for_each(|r| tx.put_row(r, Some(1))));
    }
}

pub fn fresh_uuid() -> Uuid {
    Uuid::from_u128(0xfeed_0000_0000 + u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub fn intent(ops: Vec<Op>) -> Intent {
    Intent {
        id: ChangeId(fresh_uuid()),
        time: EditTime { boot: BootId(Uuid::from_u128(9)), mono_ms: 5, wall_ms: 1_700_000_000_000 },
        command: 0,
        args: Vec::new(),
        ops,
        priority: 2,
        group: None,
    }
}

pub fn collection(name: &str) -> &'static Collection {
    schema::by_name(name).unwrap()
}

pub fn field(c: &str, name: &str) -> FieldId {
    collection(c).field(name).unwrap().id
}

/// A record with a key and these values, as texts the model parses.
pub fn record(c: &str, key: &str, owner: RecordId, values: &[(&str, &str)]) -> Row {
    let collection = collection(c);
    let mut row = Row::new(collection.id, RecordId::from_key(c, key));
    row.key = Some(key.into());
    row.owner = owner;
    for (name, text) in values {
        let field = collection.field(name).unwrap();
        row.set(field.id, field.parse(text).unwrap());
    }
    row
}

pub fn sector(key: &str, name: &str) -> Row {
    record("sector", key, RecordId::from_key("sector", key), &[("name", name), ("status", "Active")])
}

pub fn brand(key: &str, sector: &str, values: &[(&str, &str)]) -> Row {
    let owner = RecordId::from_key("sector", sector);
    let mut row = record("brand", key, owner, &[("sector", sector), ("kind", "core")]);
    for (name, text) in values {
        let f = collection("brand").field(name).unwrap();
        row.set(f.id, f.parse(text).unwrap());
    }
    row
}

pub fn set(c: &str, key: &str, name: &str, value: Value) -> Op {
    Op::Set { collection: collection(c).id, record: RecordId::from_key(c, key), field: field(c, name), value }
}

/// An answer: applied at `seq`.
pub fn outcome(entry: &OutboxEntry, seq: u64) -> Outcome {
    Outcome {
        counter: entry.counter.unwrap(),
        change: entry.change.id,
        kind: OutcomeKind::Applied,
        seq: Some(seq),
        code: None,
        message: None,
        root: None,
        waits: Vec::new(),
    }
}

/// The entry as sealed with a counter.
pub fn seal(entry: &OutboxEntry, counter: u64) -> OutboxEntry {
    OutboxEntry {
        state: OutboxState::Sealed,
        counter: Some(counter),
        sealed: Some(entry.change.to_bytes()),
        prev_chain: Some(Hash([3; 32])),
        attempts: 1,
        ..entry.clone()
    }
}
