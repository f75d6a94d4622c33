//! A central that only cuts snapshots, as `omni-central` cuts them.

use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::feed::DigestBytes;
use omni_protocol::frame::to_bytes;
use omni_protocol::{
    ChunkRef, ConflictItem, DirectoryEntry, FeedPage, Grants, Hash, Manifest, Position, Scope, SnapshotChunk,
    SnapshotRow, Watermark,
};
use omni_store::{Import, Store, StoreError};
use omni_sync::StorageError;
use omni_sync::diff;
use omni_sync::digest::{self, Deltas, Digest};
use omni_sync::replica::{ReplicaTx, apply_page, overlay};
use std::collections::{BTreeMap, BTreeSet};

/// A snapshot.
#[derive(Clone)]
pub struct Cut {
    pub rows: Vec<(Row, u64)>,
    pub manifest: Manifest,
    pub chunks: Vec<SnapshotChunk>,
}

/// Rows, each with its last commit; ranges of at most `range` rows.
pub fn cut(rows: &[(Row, u64)], items: &[ConflictItem], seq: u64, range: usize) -> Cut {
    let mut sorted: Vec<&(Row, u64)> = rows.iter().collect();
    sorted.sort_by_key(|(r, _)| (r.owner, r.collection, r.id));
    let mut chunks = Vec::new();
    for of_kind in sorted.chunk_by(|(a, _), (b, _)| (a.owner, a.collection) == (b.owner, b.collection)) {
        of_kind.chunks(range).for_each(|rows| chunks.extend(cut_range(rows)));
    }
    let mut by_scope: BTreeMap<Scope, Vec<ConflictItem>> = BTreeMap::new();
    items.iter().for_each(|item| by_scope.entry(item.scope).or_default().push(item.clone()));
    chunks.extend(by_scope.into_iter().map(|(scope, conflicts)| SnapshotChunk {
        collection: CollectionId(0),
        scope,
        rows: Vec::new(),
        conflicts,
    }));
    let place = |c: &SnapshotChunk| schema::COLLECTIONS.iter().position(|k| k.id == c.collection).unwrap_or(usize::MAX);
    chunks.sort_by_key(place);
    let mut deltas = Deltas::default();
    rows.iter().for_each(|(row, _)| diff::add(row, &mut deltas));
    items.iter().for_each(|item| deltas.add(item.scope, digest::conflict(item)));
    deltas.0.retain(|_, d| *d != Digest::default());
    let manifest = Manifest {
        position: Position { epoch: 1, seq, hash: Hash([seq as u8; 32]) },
        scopes: deltas.0.into_iter().map(|(scope, d)| (scope, DigestBytes(d.0))).collect(),
        chunks: chunks.iter().map(reference).collect(),
        directory: Vec::new(),
    };
    Cut { rows: rows.to_vec(), manifest, chunks }
}

fn cut_range(rows: &[&(Row, u64)]) -> Vec<SnapshotChunk> {
    let mut parts: BTreeMap<u8, Vec<SnapshotRow>> = BTreeMap::new();
    for (row, seq) in rows {
        let mut fields: BTreeMap<u8, Vec<(FieldId, Value)>> = BTreeMap::from([(0, Vec::new())]);
        for (field, value) in &row.fields {
            let compartment = diff::compartment_of(row.collection, *field);
            fields.entry(compartment).or_default().push((*field, value.clone()));
        }
        for (compartment, fields) in fields {
            let key = row.key.clone().filter(|_| compartment == 0);
            parts.entry(compartment).or_default().push(SnapshotRow { record: row.id, key, seq: *seq, fields });
        }
    }
    let (collection, owner) = (rows[0].0.collection, rows[0].0.owner);
    let chunk = |(compartment, rows)| SnapshotChunk {
        collection,
        scope: Scope { owner, compartment },
        rows,
        conflicts: Vec::new(),
    };
    parts.into_iter().map(chunk).collect()
}

fn reference(chunk: &SnapshotChunk) -> ChunkRef {
    let bytes = to_bytes(chunk);
    ChunkRef {
        hash: Hash::of("omni-chunk", &[&bytes]),
        bytes: bytes.len() as u64,
        rows: chunk.rows.len() as u64,
        collection: chunk.collection,
        scope: chunk.scope,
    }
}

impl Cut {
    /// Also names these devices.
    pub fn naming(mut self, entry: DirectoryEntry) -> Cut {
        self.manifest.directory.push(entry);
        self
    }

    /// Adds every chunk.
    pub fn add_to(&self, import: &mut Import) -> Result<(), StoreError> {
        self.chunks.iter().try_for_each(|chunk| import.add(chunk))
    }

    /// Stages and swaps the whole of it.
    pub fn import(&self, store: &Store) -> Result<Position, StoreError> {
        let mut import = store.begin_import()?;
        self.add_to(&mut import)?;
        import.finish(&self.manifest, &Grants::everything())
    }
}

/// All rows as of one commit.
pub fn at(seq: u64, rows: Vec<Row>) -> Vec<(Row, u64)> {
    rows.into_iter().map(|row| (row, seq)).collect()
}

/// A record of a kind this version does not know.
pub fn from_the_future(n: u128, owner: RecordId) -> Row {
    let mut row = Row::new(CollectionId(900), RecordId(uuid::Uuid::from_u128(n)));
    (row.owner, row.key) = (owner, Some(format!("future-{n}")));
    row.set(FieldId(1), Value::text("what is this"));
    row
}

/// The reference: what a new copy does to a replica, said over the core's own trait, row by row (as the simulator's
/// `snapshot::install` says it).
pub fn lay(tx: &mut dyn ReplicaTx, rows: &[(Row, u64)], manifest: &Manifest) -> Result<(), StorageError> {
    let pending: BTreeSet<_> = tx.all_confirmed()?.into_iter().map(|(c, id, _)| (c, id)).collect();
    let mut old = Vec::new();
    tx.for_each_row(&mut |row| {
        old.push((row.collection, row.id));
        Ok(())
    })?;
    old.into_iter().try_for_each(|(c, id)| tx.remove_row(c, id))?;
    for (scope, _) in tx.digests()? {
        tx.set_digest(scope, Digest::default())?;
    }
    for key in &pending {
        tx.put_confirmed(key.0, key.1, None)?;
    }
    for (row, seq) in rows {
        match pending.contains(&(row.collection, row.id)) {
            true => tx.put_confirmed(row.collection, row.id, Some(row))?,
            false => tx.put_row(row, Some(*seq))?,
        }
    }
    for (scope, digest) in &manifest.scopes {
        tx.set_digest(*scope, Digest(digest.0))?;
    }
    let mut meta = tx.meta()?;
    (meta.position, meta.grants) = (manifest.position, Grants::everything());
    tx.set_meta(&meta)?;
    for (c, id) in pending {
        overlay::rebuild(tx, c, id, None)?;
    }
    // Own changes the copy holds leave the queue, as after a page that ends here.
    let (at, seq) = (manifest.position, manifest.position.seq);
    let watermark = Watermark { position: at, root: None, head: seq };
    apply_page(tx, &FeedPage { after: seq, commits: Vec::new(), watermark }).map_err(StorageError::new)?;
    Ok(())
}
