//! Somebody with a script: the first portfolio of a run, and later a flood of small changes that leaves a laptop far
//! behind.

use super::coverage::Reached;
use super::driver::{EPOCH_MS, Sim};
use super::event::Event;
use super::host::{CentralHost, Hosts, central_view};
use super::ledger::Place;
use super::records;
use super::rng::Rng;
use ed25519_dalek::SigningKey;
use omni_model::{CollectionId, FieldId, Op, Policy, RecordId, schema};
use omni_protocol::change::NORMAL;
use omni_protocol::limits::LIVE_LAG_MAX;
use omni_protocol::{Base, Batch, BootId, Change, ChangeId, DeviceId, EditTime, Entry, Hash, ReplicaId};
use omni_sync::StorageError;
use omni_sync::central::{Admitted, BatchRecord, Rights, Sender, admit_batch};
use omni_sync::sign::sign_batch;

/// Operations in one change of the first portfolio.
const SEED_OPS: usize = 7;

/// A field of a record.
type Cell = (CollectionId, RecordId, FieldId);

/// The importer's identity and where its chain stands.
#[derive(Clone, Debug)]
pub struct Importer {
    device: DeviceId,
    key: SigningKey,
    replica: ReplicaId,
    boot: BootId,
    counter: u64,
    chain: Hash,
}

impl Importer {
    /// A fresh one.
    pub fn new(rng: &mut Rng) -> Importer {
        Importer {
            device: DeviceId(rng.uuid()),
            key: SigningKey::from_bytes(&[7; 32]),
            replica: ReplicaId(rng.uuid()),
            boot: BootId(rng.uuid()),
            counter: 0,
            chain: Hash::default(),
        }
    }

    /// Its key, if it is this device.
    pub fn key_of(&self, device: DeviceId) -> Option<&SigningKey> {
        (self.device == device).then_some(&self.key)
    }
}

impl<H: Hosts> Sim<H> {
    /// The first portfolio.
    pub(super) fn seed_world(&mut self) -> Result<(), StorageError> {
        let ops = records::world(&mut self.rng, &mut |rng| RecordId(rng.uuid()));
        for op in &ops {
            let (c, id) = op.record();
            self.known.entry(c).or_default().push(id);
        }
        self.import(ops.chunks(SEED_OPS).map(<[Op]>::to_vec).collect())
    }

    /// More commits than a laptop may miss and go on live.
    pub(super) fn flood(&mut self) {
        self.plan.flood = false;
        let Some(targets) = self.counters_alive() else { return };
        let count = LIVE_LAG_MAX + 20 + self.rng.below(200);
        let mut changes = Vec::new();
        for _ in 0..count {
            let Some((collection, record, field)) = self.rng.pick(&targets).copied() else { return };
            changes.push(vec![Op::Add { collection, record, field, by: 1 }]);
        }
        self.coverage.hit(Reached::Flooded);
        let head = self.server.head();
        let done = self.import(changes);
        if self.storage(done, "import").is_some() {
            self.announce(head + 1, self.server.head());
        }
    }

    fn counters_alive(&mut self) -> Option<Vec<Cell>> {
        let mut targets = Vec::new();
        for collection in schema::COLLECTIONS {
            let Some(field) = collection.fields.iter().find(|f| f.policy == Policy::Counter) else { continue };
            for id in self.known.get(&collection.id).cloned().unwrap_or_default() {
                let stored = central_view(&mut self.server.host, |tx| tx.record(collection.id, id));
                if self.storage(stored, "record")?.is_some_and(|s| s.is_live()) {
                    targets.push((collection.id, id, field.id));
                }
            }
        }
        Some(targets)
    }

    fn import(&mut self, changes: Vec<Vec<Op>>) -> Result<(), StorageError> {
        let base = Base { epoch: self.server.epoch, seq: self.server.head() };
        let mut importer = self.importer.clone();
        let mut entries = Vec::new();
        for ops in changes {
            let change = Change {
                id: ChangeId(self.rng.uuid()),
                base,
                command: 0,
                version: 0,
                schema: schema::SCHEMA_VERSION,
                args: Vec::new(),
                ops,
                after: Vec::new(),
                time: EditTime { boot: importer.boot, mono_ms: self.now, wall_ms: EPOCH_MS + self.now as i64 },
                priority: NORMAL,
                group: None,
                was: Vec::new(),
            };
            let seen = Place { history: self.ledger.present(), seq: base.seq };
            self.ledger.save(usize::MAX, self.now, &change, None, Some(seen));
            entries.push(Entry::Change(change.to_bytes().into()));
        }
        let mut batch = Batch {
            replica: importer.replica,
            parent: None,
            epoch: self.server.epoch,
            first: importer.counter + 1,
            prev_hash: importer.chain,
            entries,
            signature: Vec::new().into(),
        };
        sign_batch(&mut batch, &importer.key);
        importer.counter += batch.entries.len() as u64;
        importer.chain = batch.head_hash();
        let sender = Sender {
            device: importer.device,
            rights: Rights::everything(),
            authority: 0,
            lineage: Vec::new(),
            now_ms: self.central_ms(),
            quarantine: Default::default(),
        };
        let mut result = None;
        self.server.host.write(&mut |tx| {
            result = Some(admit_batch(tx, &sender, &batch));
            matches!(result, Some(Ok(Admitted::Done { .. })))
        })?;
        self.importer = importer;
        let signed = BatchRecord::of(&batch, self.importer.device);
        self.server.batches.entry(batch.replica).or_default().push(signed);
        match result {
            Some(Ok(Admitted::Done { outcomes, commits })) => {
                if let Some(bad) = outcomes.iter().find(|o| !o.took_effect()) {
                    self.fail(format!("an import was refused: {bad:?}"));
                }
                outcomes.iter().for_each(|outcome| self.learn_outcome(batch.replica, outcome));
                self.learn_commits(&commits, usize::MAX);
                Ok(())
            }
            Some(Err(e)) => Err(e),
            other => Err(StorageError::corrupt(&format!("import: {other:?}"))),
        }
    }

    /// Sessions hear of commits, each after a while, or not at all.
    pub(super) fn announce(&mut self, from: u64, to: u64) {
        let served: Vec<_> = self.server.served.keys().copied().collect();
        for conn in served {
            if self.rng.chance(self.plan.notice_lost) {
                self.coverage.hit(Reached::NoticeMissed);
                continue;
            }
            let late = self.rng.below(30);
            let Some(served) = self.server.served.get_mut(&conn) else { continue };
            served.notice_at = served.notice_at.max(self.now + late);
            let at = served.notice_at;
            self.at(at, Event::Notice(conn, from, to));
        }
    }
}
