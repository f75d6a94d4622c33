//! Filling an empty central with the sample portfolio, through the same merge every change takes.

use crate::access::Role;
use crate::clock::system_ms;
use crate::error::{CentralError, Result};
use crate::random;
use crate::storage::{BatchRecord, DeviceRecord, Storage, StorageExt, WriteTx};
use ed25519_dalek::SigningKey;
use omni_model::Op;
use omni_protocol::change::{BULK, chain};
use omni_protocol::limits::CHANGE_BYTES_MAX;
use omni_protocol::{
    Base, Batch, BootId, Change, ChangeId, DeviceId, EditTime, Entry, Grants, Hash, OutcomeKind, ReplicaId,
};
use omni_sync::central::{Admitted, Rights, Sender, admit_batch};
use omni_sync::sign::sign_batch;
use std::collections::BTreeSet;

/// Records in one change at most.
const CHANGE_RECORDS_MAX: usize = 500;
/// Bytes of operations in one change at most: room for the rest of the change below the protocol's limit.
const CHANGE_OPS_BYTES_MAX: usize = CHANGE_BYTES_MAX - 2 * 1024;
/// The device that made them, as history shows it.
const DEVICE_NAME: &str = "Omni Central";

/// The name under which the built-in device's id is kept, so that lists of laptops leave it out.
pub const BUILT_IN_DEVICE: &str = "built_in_device";

/// Inserts `ops` in one transaction: all of them are there, or central is still empty. Returns how many records.
pub fn fill(storage: &dyn Storage, ops: impl Iterator<Item = Op>) -> Result<u64> {
    let key = SigningKey::from_bytes(&random::bytes()?);
    let device = DeviceId(random::uuid()?);
    let replica = ReplicaId(random::uuid()?);
    let boot = BootId(random::uuid()?);
    let now_ms = system_ms();
    let mut packer = Packer { replica, boot, now_ms, head: Hash::default(), counter: 0 };
    storage.writing(|tx| {
        tx.put_device(&built_in(device, replica, &key, now_ms))?;
        tx.put_setting(BUILT_IN_DEVICE, device.as_bytes())?;
        let (mut records, mut pending, mut bytes) = (0, Vec::new(), 0);
        for op in ops {
            let size = omni_protocol::frame::to_bytes(&op).len();
            if pending.len() >= CHANGE_RECORDS_MAX || bytes + size > CHANGE_OPS_BYTES_MAX {
                let ready = std::mem::take(&mut pending);
                if let Err(e) = admit(tx, &mut packer, device, &key, ready)? {
                    return Ok(Err(e));
                }
                bytes = 0;
            }
            bytes += size;
            records += 1;
            pending.push(op);
        }
        Ok(admit(tx, &mut packer, device, &key, pending)?.map(|()| records))
    })?
}

fn built_in(device: DeviceId, replica: ReplicaId, key: &SigningKey, now_ms: i64) -> DeviceRecord {
    DeviceRecord {
        device,
        name: DEVICE_NAME.to_owned(),
        operator: "sample".to_owned(),
        role: Role::Admin,
        grants: Grants::everything(),
        public_key: key.verifying_key().to_bytes(),
        replica: Some(replica),
        enrolled_ms: now_ms,
        // It never connects: its key is forgotten when this function returns.
        revoked_ms: Some(now_ms),
        last_seen_ms: None,
        durable_seq: 0,
    }
}

struct Packer {
    replica: ReplicaId,
    boot: BootId,
    now_ms: i64,
    head: Hash,
    counter: u64,
}

impl Packer {
    fn batch(&mut self, ops: Vec<Op>, key: &SigningKey, base: Base) -> Batch {
        self.counter += 1;
        let change = Change {
            id: self.change_id(),
            base,
            command: omni_model::command::PLAIN_EDIT,
            version: 0,
            schema: omni_model::schema::SCHEMA_VERSION,
            args: Vec::new(),
            ops,
            after: Vec::new(),
            time: EditTime { boot: self.boot, mono_ms: self.counter, wall_ms: self.now_ms },
            priority: BULK,
            group: None,
            was: Vec::new(),
        };
        let entry = Entry::Change(change.to_bytes().into());
        let prev_hash = std::mem::take(&mut self.head);
        self.head = chain(prev_hash, entry.link());
        let mut batch = Batch {
            replica: self.replica,
            parent: None,
            epoch: base.epoch,
            first: self.counter,
            prev_hash,
            entries: vec![entry],
            signature: Vec::new().into(),
        };
        sign_batch(&mut batch, key);
        batch
    }

    /// Unique as the replica is random: no further randomness is needed.
    fn change_id(&self) -> ChangeId {
        let seed = Hash::of("omni-sample-change", &[self.replica.as_bytes(), &self.counter.to_le_bytes()]);
        let mut random = [0; 10];
        random.copy_from_slice(&seed.0[..10]);
        ChangeId(uuid::Builder::from_unix_timestamp_millis(self.now_ms.unsigned_abs(), &random).into_uuid())
    }
}

/// Every local central has the same sample.
const SEED: u64 = 2_026;

/// The sample portfolio as inserts, in dependency order.
pub fn portfolio() -> impl Iterator<Item = Op> {
    omni_model::sample::portfolio(SEED).into_iter().map(omni_model::sample::insert)
}

type Admission = std::result::Result<Result<()>, omni_sync::StorageError>;

fn admit(tx: &mut dyn WriteTx, packer: &mut Packer, device: DeviceId, key: &SigningKey, ops: Vec<Op>) -> Admission {
    if ops.is_empty() {
        return Ok(Ok(()));
    }
    let position = tx.head()?.position;
    let batch = packer.batch(ops, key, Base { epoch: position.epoch, seq: position.seq });
    let sender = Sender {
        device,
        rights: Rights::everything(),
        authority: Role::Admin.authority(),
        lineage: Vec::new(),
        now_ms: packer.now_ms,
        quarantine: BTreeSet::new(),
    };
    let admitted = admit_batch(&mut *tx, &sender, &batch)?;
    tx.put_batch(&BatchRecord::of(&batch, device))?;
    let refused = match admitted {
        Admitted::Done { outcomes, .. } => outcomes.into_iter().find(|o| o.kind != OutcomeKind::Applied),
        other => return Ok(Err(CentralError::new("sample", format!("The sample was not admitted: {other:?}.")))),
    };
    Ok(match refused {
        None => Ok(()),
        Some(o) => Err(CentralError::new("sample", format!("A sample change was not applied: {o:?}."))),
    })
}
