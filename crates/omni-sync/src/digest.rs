//! Additive set hash per scope over (record, field id, wire bytes), kept incrementally on both sides.
//!
//! Addition modulo 2^128 of per-cell BLAKE3 values: order independent, and a cell can be taken out again. It finds
//! differences by accident, not by an adversary; tampering is the ledger's matter.

use omni_model::{CollectionId, FieldId, RecordId, Value};
use omni_protocol::{ConflictItem, Scope};
use std::collections::BTreeMap;

/// The digest of a set of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Digest(pub u128);

impl Digest {
    /// Puts a cell in.
    pub fn add(&mut self, cell: Digest) {
        self.0 = self.0.wrapping_add(cell.0);
    }
    /// Takes a cell out.
    pub fn sub(&mut self, cell: Digest) {
        self.0 = self.0.wrapping_sub(cell.0);
    }
}

/// One field of one record. Null values have no cell.
pub fn cell(record: RecordId, field: FieldId, wire: &[u8]) -> Digest {
    let mut h = blake3::Hasher::new();
    h.update(record.as_bytes());
    h.update(&field.0.to_le_bytes());
    h.update(wire);
    first16(&h)
}

/// The record's existence: its kind, key and owner. Stands in the owner's open scope.
pub fn existence(collection: CollectionId, record: RecordId, owner: RecordId, key: Option<&str>) -> Digest {
    let mut h = blake3::Hasher::new();
    h.update(record.as_bytes());
    h.update(&FieldId::RECORD.0.to_le_bytes());
    h.update(&collection.0.to_le_bytes());
    h.update(owner.as_bytes());
    h.update(key.unwrap_or("").as_bytes());
    first16(&h)
}

/// One open conflict item.
pub fn conflict(item: &ConflictItem) -> Digest {
    let mut h = blake3::Hasher::new();
    h.update(b"conflict");
    h.update(&omni_protocol::frame::to_bytes(item));
    first16(&h)
}

fn first16(h: &blake3::Hasher) -> Digest {
    let mut out = [0u8; 16];
    out.copy_from_slice(&h.finalize().as_bytes()[..16]);
    Digest(u128::from_le_bytes(out))
}

/// Changes of scope digests collected while effects are applied, written once per transaction.
#[derive(Clone, Debug, Default)]
pub struct Deltas(pub BTreeMap<Scope, Digest>);

impl Deltas {
    /// Puts a cell into a scope.
    pub fn add(&mut self, scope: Scope, cell: Digest) {
        self.0.entry(scope).or_default().add(cell);
    }
    /// Takes a cell out of a scope.
    pub fn sub(&mut self, scope: Scope, cell: Digest) {
        self.0.entry(scope).or_default().sub(cell);
    }
    /// Replaces one field's cell.
    pub fn replace(&mut self, scope: Scope, record: RecordId, field: FieldId, old: &Value, new: &Value) {
        if !old.is_null() {
            self.sub(scope, cell(record, field, &old.to_wire()));
        }
        if !new.is_null() {
            self.add(scope, cell(record, field, &new.to_wire()));
        }
    }
}
