//! A central and laptops without sessions between them: what is sent and when is up to the test.

use ed25519_dalek::SigningKey;
use omni_model::{CollectionId, FieldId, Op, RecordId, Value, schema};
use omni_protocol::change::NORMAL;
use omni_protocol::{
    Batch, BootId, ChangeId, ConflictItem, Decided, DeviceId, EditTime, Grants, Outcome, Position, ReplicaId,
};
use omni_sync::central::{Admitted, Commit, Rights, Sender, admit_batch, feed_page};
use omni_sync::meta::Stored;
use omni_sync::replica::{
    BatchLimits, EditError, Intent, OutboxEntry, ReplicaTx, apply_outcomes, apply_page, fresh_meta, next_batch, renew,
    save,
};
use omni_testkit::mem_central::MemCentral;
use omni_testkit::mem_replica::{Durability, MemReplica, State};
use omni_testkit::sim::Rng;
use std::sync::Arc;

/// A laptop: its store and its operator's device.
pub struct Laptop {
    pub store: MemReplica,
    pub device: DeviceId,
    pub rights: Rights,
}

/// Everything of one test.
pub struct Lab {
    pub central: MemCentral,
    pub rng: Rng,
    pub now_ms: i64,
    key: SigningKey,
}

/// A collection's number.
pub fn kind(name: &str) -> CollectionId {
    schema::by_name(name).unwrap_or_else(|| panic!("no collection {name}")).id
}

/// A field's number.
pub fn field(collection: &str, name: &str) -> FieldId {
    schema::by_name(collection).and_then(|c| c.field(name)).unwrap_or_else(|| panic!("no field {collection}.{name}")).id
}

/// Sets a field by name.
pub fn set(collection: &str, record: RecordId, name: &str, value: Value) -> Op {
    Op::Set { collection: kind(collection), record, field: field(collection, name), value }
}

/// Creates a record with values by name.
pub fn insert(collection: &str, record: RecordId, values: &[(&str, Value)]) -> Op {
    let values = values.iter().map(|(name, value)| (field(collection, name), value.clone())).collect();
    Op::Insert { collection: kind(collection), record, key: None, values }
}

/// Deletes a record.
pub fn delete(collection: &str, record: RecordId) -> Op {
    Op::Delete { collection: kind(collection), record }
}

impl Lab {
    /// An empty central.
    pub fn new() -> Lab {
        let key = SigningKey::from_bytes(&[7; 32]);
        Lab { central: MemCentral::new(), rng: Rng::new(1), now_ms: 1_750_000_000_000, key }
    }

    /// A fresh record id.
    pub fn record(&mut self) -> RecordId {
        RecordId(self.rng.uuid())
    }

    /// A fresh laptop with all rights.
    pub fn laptop(&mut self) -> Laptop {
        let store = MemReplica::new(fresh_meta(ReplicaId(self.rng.uuid())));
        let mut laptop = Laptop { store, device: DeviceId(self.rng.uuid()), rights: Rights::everything() };
        self.pull(&mut laptop);
        laptop
    }

    /// A laptop with one sector, which central knows.
    pub fn laptop_with_sector(&mut self) -> (Laptop, RecordId) {
        let mut laptop = self.laptop();
        let sector = self.record();
        self.saved(&mut laptop, vec![insert("sector", sector, &[("name", Value::text("Sector"))])]);
        self.push(&mut laptop);
        self.pull(&mut laptop);
        (laptop, sector)
    }

    /// A second database with the same contents and identity.
    pub fn twin(&self, laptop: &Laptop) -> Laptop {
        let state: State = laptop.store.state().clone();
        let mut store = MemReplica::new(state.meta.clone());
        store.swap(state);
        Laptop { store, device: laptop.device, rights: laptop.rights.clone() }
    }

    /// Saves a plain edit.
    pub fn save(&mut self, laptop: &mut Laptop, ops: Vec<Op>) -> Option<OutboxEntry> {
        self.save_as(laptop, 0, Vec::new(), NORMAL, ops)
    }

    /// Saves an edit and gives its change.
    pub fn saved(&mut self, laptop: &mut Laptop, ops: Vec<Op>) -> ChangeId {
        self.save(laptop, ops).expect("the edit changes something").change.id
    }

    /// Saves a change.
    pub fn save_as(
        &mut self,
        laptop: &mut Laptop,
        command: u16,
        args: Vec<(String, String)>,
        priority: u8,
        ops: Vec<Op>,
    ) -> Option<OutboxEntry> {
        let intent = Intent { command, args, priority, ..self.intent(ops) };
        write(laptop, |tx| save(tx, intent).map_err(|e: EditError| e.to_string()))
    }

    /// What a laptop says to an edit it does not save.
    pub fn refused(&mut self, laptop: &mut Laptop, ops: Vec<Op>) -> String {
        let (intent, mut told) = (self.intent(ops), None);
        laptop.store.write(Durability::Full, &mut |tx| {
            told = save(tx, intent.clone()).err().map(|e| e.to_string());
            false
        });
        told.expect("the edit is refused")
    }

    fn intent(&mut self, ops: Vec<Op>) -> Intent {
        let time = EditTime { boot: BootId(self.rng.uuid()), mono_ms: 0, wall_ms: self.now_ms };
        let id = ChangeId(self.rng.uuid());
        Intent { id, time, command: 0, args: Vec::new(), ops, priority: NORMAL, group: None }
    }

    /// Seals what waits; the batch to send, resent entries included.
    pub fn seal(&mut self, laptop: &mut Laptop) -> Option<Batch> {
        let key = self.key.clone();
        write(laptop, |tx| next_batch(tx, &key, 1, 0, BatchLimits::default()).map_err(|e| e.to_string()))
    }

    /// Central admits a batch.
    pub fn admit(&mut self, laptop: &Laptop, batch: &Batch) -> Admitted {
        self.now_ms += 1_000;
        let lineage = laptop.store.state().meta.lineage.clone();
        let sender = Sender {
            device: laptop.device,
            rights: laptop.rights.clone(),
            authority: 0,
            lineage,
            now_ms: self.now_ms,
            quarantine: Default::default(),
        };
        admit_batch(&mut self.central, &sender, batch).expect("memory does not fail")
    }

    /// Seals, sends, and stores the answers.
    pub fn push(&mut self, laptop: &mut Laptop) -> Vec<Outcome> {
        let Some(batch) = self.seal(laptop) else { return Vec::new() };
        match self.admit(laptop, &batch) {
            Admitted::Done { outcomes, .. } => {
                write(laptop, |tx| apply_outcomes(tx, &outcomes).map_err(|e| e.to_string()));
                outcomes
            }
            other => panic!("{other:?}"),
        }
    }

    /// Takes everything central has.
    pub fn pull(&mut self, laptop: &mut Laptop) {
        let after = laptop.store.state().meta.position.seq;
        let commits: Vec<Arc<Commit>> = self.central.log.iter().skip(after as usize).cloned().map(Arc::new).collect();
        let end: Position = self.central.position;
        let page = feed_page(&Grants::everything(), after, commits.iter(), end, end.seq, None);
        write(laptop, |tx| apply_page(tx, &page).map_err(|e| e.to_string()));
    }

    /// A record as central holds it.
    pub fn stored(&self, collection: &str, record: RecordId) -> Stored {
        self.central.records.get(&(kind(collection), record)).cloned().expect("central holds the record")
    }

    /// A value as central holds it.
    pub fn value(&self, collection: &str, record: RecordId, name: &str) -> Value {
        self.stored(collection, record).row.get(field(collection, name)).clone()
    }

    /// Items that wait for a person.
    pub fn open_items(&self) -> Vec<ConflictItem> {
        let items = self.central.conflicts.values().map(|(_, item)| item.clone());
        items.filter(|i| i.decided == Decided::Open).collect()
    }

    /// Gives a laptop a new incarnation.
    pub fn renew(&mut self, laptop: &mut Laptop) {
        let fresh = ReplicaId(self.rng.uuid());
        write(laptop, |tx| renew(tx, fresh).map_err(|e| e.to_string()));
    }
}

/// One transaction of a laptop, which must succeed.
pub fn write<T>(laptop: &mut Laptop, body: impl FnOnce(&mut dyn ReplicaTx) -> Result<T, String>) -> T {
    let (mut body, mut result) = (Some(body), None);
    laptop.store.write(Durability::Full, &mut |tx| {
        result = body.take().map(|b| b(tx));
        matches!(result, Some(Ok(_)))
    });
    result.expect("the body ran").unwrap_or_else(|e| panic!("{e}"))
}
