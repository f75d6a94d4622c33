//! Cutting one owner's records into chunks.

use crate::storage::ReadTx;
use omni_model::{Compartment, FieldId, RecordId, Row, Value};
use omni_protocol::frame::to_bytes;
use omni_protocol::{ChunkRef, ConflictItem, Hash, Scope, SnapshotChunk, SnapshotRow};
use omni_sync::StorageError;
use omni_sync::diff::compartment_of;
use omni_sync::meta::Stored;
use std::collections::BTreeMap;

/// Raw bytes after which a range is cut: far below the protocol's limit, so that chunks load in parallel.
const RANGE_BYTES: usize = 1024 * 1024;

/// A chunk and its uncompressed bytes.
pub struct RawChunk {
    /// How the manifest names it.
    pub reference: ChunkRef,
    /// CBOR of a `SnapshotChunk`.
    pub bytes: Vec<u8>,
}

/// Rows of one collection of one owner, by compartment.
struct Range {
    owner: RecordId,
    collection: omni_model::CollectionId,
    rows: BTreeMap<u8, Vec<SnapshotRow>>,
    bytes: usize,
}

/// Every chunk of an owner: by collection, range and compartment, conflict items last.
pub fn owner_chunks(tx: &dyn ReadTx, owner: RecordId) -> Result<Vec<RawChunk>, StorageError> {
    let (mut chunks, mut range): (Vec<RawChunk>, Option<Range>) = (Vec::new(), None);
    tx.each_live(Some(owner), &mut |stored| {
        let full = range.as_ref().is_some_and(|r| r.collection != stored.row.collection || r.bytes >= RANGE_BYTES);
        if full {
            chunks.extend(range.take().into_iter().flat_map(Range::finish));
        }
        let collection = stored.row.collection;
        let range = range.get_or_insert_with(|| Range { owner, collection, rows: BTreeMap::new(), bytes: 0 });
        range.add(stored);
        Ok(())
    })?;
    chunks.extend(range.into_iter().flat_map(Range::finish));
    let mut items: BTreeMap<Scope, Vec<ConflictItem>> = BTreeMap::new();
    for (scope, item) in tx.conflicts(Some(owner))? {
        items.entry(scope).or_default().push(item);
    }
    chunks.extend(items.into_iter().map(|(scope, items)| conflict_chunk(scope, items)));
    Ok(chunks)
}

impl Range {
    fn add(&mut self, stored: Stored) {
        self.bytes += size(&stored.row);
        for (compartment, row) in snapshot_rows(stored) {
            self.rows.entry(compartment).or_default().push(row);
        }
    }

    fn finish(self) -> Vec<RawChunk> {
        let (owner, collection) = (self.owner, self.collection);
        let chunk = |(compartment, rows): (u8, Vec<SnapshotRow>)| {
            let scope = Scope { owner, compartment };
            raw(SnapshotChunk { collection, scope, rows, conflicts: Vec::new() })
        };
        self.rows.into_iter().map(chunk).collect()
    }
}

/// A record as a snapshot has it: its values by compartment, always with the open one.
pub fn snapshot_rows(stored: Stored) -> Vec<(u8, SnapshotRow)> {
    let Stored { row, meta } = stored;
    let mut fields: BTreeMap<u8, Vec<(FieldId, Value)>> = BTreeMap::from([(Compartment::Open as u8, Vec::new())]);
    for (field, value) in row.fields {
        fields.entry(compartment_of(row.collection, field)).or_default().push((field, value));
    }
    let cut = |(compartment, fields): (u8, Vec<(FieldId, Value)>)| {
        let key = row.key.clone().filter(|_| compartment == Compartment::Open as u8);
        (compartment, SnapshotRow { record: row.id, key, seq: meta.seq, fields })
    };
    fields.into_iter().map(cut).collect()
}

/// Roughly what a row takes on the wire.
fn size(row: &Row) -> usize {
    let value = |v: &Value| match v {
        Value::Text(s) => s.len() + 4,
        Value::Set(items) => items.iter().map(|i| i.len() + 2).sum::<usize>() + 4,
        Value::Raw(bytes) => bytes.len(),
        _ => 18,
    };
    40 + row.key.as_ref().map_or(0, String::len) + row.fields.values().map(value).sum::<usize>()
}

fn conflict_chunk(scope: Scope, conflicts: Vec<ConflictItem>) -> RawChunk {
    raw(SnapshotChunk { collection: omni_model::CollectionId(0), scope, rows: Vec::new(), conflicts })
}

fn raw(chunk: SnapshotChunk) -> RawChunk {
    let bytes = to_bytes(&chunk);
    let reference = ChunkRef {
        hash: Hash(*blake3::hash(&bytes).as_bytes()),
        bytes: bytes.len() as u64,
        rows: chunk.rows.len() as u64,
        collection: chunk.collection,
        scope: chunk.scope,
    };
    RawChunk { reference, bytes }
}
