//! Building and installing snapshots over the two storage traits: central's rows into chunks per collection and scope,
//! chunks into a laptop's confirmed layer under its pending edits.

use super::host::Snapshot;
use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::feed::DigestBytes;
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{
    ChunkRef, ConflictItem, FeedPage, Grants, Hash, Manifest, Position, Scope, SnapshotChunk, SnapshotRow, Watermark,
};
use omni_sync::StorageError;
use omni_sync::diff;
use omni_sync::digest::Digest;
use omni_sync::meta::Stored;
use omni_sync::replica::{ReplicaTx, apply_page, overlay};
use std::collections::{BTreeMap, BTreeSet};

type Key = (CollectionId, RecordId);

/// The chunk that carries conflict items.
const ITEMS: CollectionId = CollectionId(0);

/// Cuts everything readable into chunks, one per collection and scope.
pub fn build<'a>(
    position: Position,
    grants: &Grants,
    records: impl Iterator<Item = &'a Stored>,
    conflicts: impl Iterator<Item = &'a (Scope, ConflictItem)>,
    digests: Vec<(Scope, Digest)>,
) -> Snapshot {
    let mut chunks: BTreeMap<(CollectionId, Scope), SnapshotChunk> = BTreeMap::new();
    let empty = |collection, scope| SnapshotChunk { collection, scope, rows: Vec::new(), conflicts: Vec::new() };
    for stored in records.filter(|s| s.is_live()) {
        for (scope, row) in cut(stored, grants) {
            let collection = stored.row.collection;
            chunks.entry((collection, scope)).or_insert_with(|| empty(collection, scope)).rows.push(row);
        }
    }
    for (scope, item) in conflicts.filter(|(scope, _)| grants.reads(*scope)) {
        chunks.entry((ITEMS, *scope)).or_insert_with(|| empty(ITEMS, *scope)).conflicts.push(item.clone());
    }
    let (mut refs, mut encoded) = (Vec::new(), Vec::new());
    for ((collection, scope), chunk) in chunks {
        let bytes = to_bytes(&chunk);
        refs.push(ChunkRef {
            hash: Hash::of("omni-chunk", &[&bytes]),
            bytes: bytes.len() as u64,
            rows: chunk.rows.len() as u64,
            collection,
            scope,
        });
        encoded.push(bytes);
    }
    let scopes = digests.into_iter().filter(|(s, d)| grants.reads(*s) && *d != Digest::default());
    let scopes = scopes.map(|(s, d)| (s, DigestBytes(d.0))).collect();
    Snapshot { manifest: Manifest { position, scopes, chunks: refs, directory: Vec::new() }, chunks: encoded }
}

/// A record's readable values by scope; the open part is there even without values.
fn cut(stored: &Stored, grants: &Grants) -> Vec<(Scope, SnapshotRow)> {
    let row = &stored.row;
    let mut parts: BTreeMap<Scope, Vec<(FieldId, Value)>> = BTreeMap::new();
    parts.entry(diff::open(row.owner)).or_default();
    for (field, value) in &row.fields {
        parts.entry(diff::scope_of(row.owner, row.collection, *field)).or_default().push((*field, value.clone()));
    }
    let open = diff::open(row.owner);
    let readable = parts.into_iter().filter(|(scope, _)| grants.reads(*scope));
    readable
        .map(|(scope, fields)| {
            let key = row.key.clone().filter(|_| scope == open);
            (scope, SnapshotRow { record: row.id, key, seq: stored.meta.seq, fields })
        })
        .collect()
}

/// What the chunks hold, joined into rows.
struct Staged {
    rows: BTreeMap<Key, (Row, u64)>,
    deferred: Vec<(Scope, Key, FieldId, Vec<u8>)>,
    conflicts: Vec<(Scope, ConflictItem)>,
}

fn stage(snapshot: &Snapshot) -> Result<Staged, StorageError> {
    let mut staged = Staged { rows: BTreeMap::new(), deferred: Vec::new(), conflicts: Vec::new() };
    for bytes in &snapshot.chunks {
        let chunk: SnapshotChunk = from_bytes(bytes).map_err(StorageError::new)?;
        let known = schema::by_id(chunk.collection);
        for row in chunk.rows {
            let key = (chunk.collection, row.record);
            let open = chunk.scope == diff::open(chunk.scope.owner);
            if known.is_none() && open {
                let wire = to_bytes(&(chunk.scope.owner, row.key.as_deref()));
                staged.deferred.push((chunk.scope, key, FieldId::RECORD, wire));
            }
            if known.is_some() && open {
                let mut fresh = Row::new(key.0, key.1);
                (fresh.key, fresh.owner) = (row.key.clone(), chunk.scope.owner);
                staged.rows.insert(key, (fresh, row.seq));
            }
            for (field, value) in row.fields {
                let fits = known.is_some_and(|c| c.field_by_id(field).is_some());
                match staged.rows.get_mut(&key).filter(|_| fits) {
                    Some((row, _)) => row.set(field, value),
                    None => staged.deferred.push((chunk.scope, key, field, value.to_wire())),
                }
            }
        }
        staged.conflicts.extend(chunk.conflicts.into_iter().map(|item| (chunk.scope, item)));
    }
    Ok(staged)
}

/// Replaces the confirmed layer by the snapshot's, keeps the queue, makes the overlay anew.
pub fn install(tx: &mut dyn ReplicaTx, snapshot: &Snapshot, grants: &Grants) -> Result<(), StorageError> {
    let staged = stage(snapshot)?;
    let pending: BTreeSet<Key> = tx.all_confirmed()?.into_iter().map(|(c, id, _)| (c, id)).collect();
    clear(tx)?;
    for (key, (row, seq)) in &staged.rows {
        match pending.contains(key) {
            true => tx.put_confirmed(key.0, key.1, Some(row))?,
            false => tx.put_row(row, Some(*seq))?,
        }
    }
    for key in pending.iter().filter(|k| !staged.rows.contains_key(*k)) {
        tx.put_confirmed(key.0, key.1, None)?;
    }
    for (scope, key, field, wire) in &staged.deferred {
        tx.put_deferred(*scope, key.0, key.1, *field, wire)?;
    }
    for (scope, item) in &staged.conflicts {
        tx.put_conflict(*scope, item)?;
    }
    for (scope, digest) in &snapshot.manifest.scopes {
        tx.set_digest(*scope, Digest(digest.0))?;
    }
    let mut meta = tx.meta()?;
    meta.position = snapshot.manifest.position;
    meta.grants = grants.clone();
    tx.set_meta(&meta)?;
    for key in &pending {
        overlay::rebuild(tx, key.0, key.1, None)?;
    }
    // Own changes the snapshot holds already leave the queue, as after a page that ends here.
    let at = meta.position;
    let watermark = Watermark { position: at, root: None, head: at.seq };
    let nothing = FeedPage { after: at.seq, commits: Vec::new(), watermark };
    apply_page(tx, &nothing).map(|_| ()).map_err(StorageError::new)
}

/// Empties both layers, items, deferred cells and digests.
fn clear(tx: &mut dyn ReplicaTx) -> Result<(), StorageError> {
    let mut rows = Vec::new();
    tx.for_each_row(&mut |row| {
        rows.push((row.collection, row.id));
        Ok(())
    })?;
    rows.into_iter().try_for_each(|(c, id)| tx.remove_row(c, id))?;
    for (scope, c, id, field, _) in tx.all_deferred()? {
        tx.put_deferred(scope, c, id, field, &[])?;
    }
    for (_, item) in tx.conflicts()? {
        tx.remove_conflict(item.id)?;
    }
    for (scope, _) in tx.digests()? {
        tx.set_digest(scope, Digest::default())?;
    }
    Ok(())
}
