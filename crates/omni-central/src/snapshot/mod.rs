//! Snapshots at one exact seq: a manifest per request, chunks by content in a folder that may be lost at any time.
//!
//! An owner's chunks are cut anew only if a commit touched the owner since: the state of its scopes says so.

mod build;

use crate::error::{CentralError, Result};
use crate::folder::make_private_dir;
use crate::storage::{Directory, ReadTx, ScopeState, Storage, StorageExt};
pub use build::snapshot_rows;
use build::{RawChunk, owner_chunks};
use omni_model::{RecordId, schema};
use omni_protocol::feed::DigestBytes;
use omni_protocol::limits::ZSTD_LEVEL;
use omni_protocol::{ChunkRef, DirectoryEntry, Grants, Hash, Manifest, Scope};
use omni_sync::StorageError;
use omni_sync::digest::Digest;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// A chunk no manifest names any more stays this long, for whoever still loads an older snapshot.
const RETIRED_LIFE: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
struct Built {
    /// Per owner: the last seq that touched it when its chunks were cut, and the chunks.
    owners: HashMap<RecordId, (u64, Vec<ChunkRef>)>,
    retired: Vec<(Instant, Hash)>,
}

/// A chunk's file.
#[derive(Clone, Debug)]
pub struct ChunkFile {
    /// Who may read it.
    pub scope: Scope,
    /// Its zstd bytes.
    pub path: PathBuf,
}

/// Builds and keeps snapshots.
pub struct Snapshots {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    built: Mutex<Built>,
    files: RwLock<HashMap<Hash, ChunkFile>>,
}

impl Snapshots {
    /// Starts with an empty folder: chunks of the process before may be torn.
    pub fn open(storage: Arc<dyn Storage>, dir: PathBuf) -> Result<Snapshots> {
        match std::fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(CentralError::file(&dir, e)),
            _ => make_private_dir(&dir)?,
        }
        Ok(Snapshots { storage, dir, built: Mutex::default(), files: RwLock::default() })
    }

    /// The snapshot of everything `grants` may read, at the head.
    pub fn manifest(&self, grants: &Grants) -> Result<Manifest> {
        // One at a time: whoever waits finds the chunks made.
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let mut io = Ok(());
        let manifest = self.storage.reading(|tx| {
            let states = tx.scopes()?;
            for (owner, seq) in owners(&states, grants) {
                if built.owners.get(&owner).is_some_and(|(at, _)| *at == seq) {
                    continue;
                }
                io = self.keep(&mut built, owner, seq, owner_chunks(tx, owner)?);
                if io.is_err() {
                    break;
                }
            }
            assemble(tx, &states, grants, &built)
        });
        io?;
        self.drop_retired(&mut built);
        Ok(manifest?)
    }

    /// The file of a chunk, if `grants` may read it. Unknown and unreadable look the same.
    pub fn chunk(&self, hash: Hash, grants: &Grants) -> Result<ChunkFile> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(&hash).filter(|f| grants.reads(f.scope)).cloned().ok_or_else(|| {
            CentralError::new("not_found", "No such chunk. The snapshot may be too old: fetch its manifest again.")
        })
    }

    fn keep(&self, built: &mut Built, owner: RecordId, seq: u64, chunks: Vec<RawChunk>) -> Result<()> {
        let mut references = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            self.store(&chunk)?;
            references.push(chunk.reference);
        }
        if let Some((_, old)) = built.owners.insert(owner, (seq, references)) {
            let now = Instant::now();
            built.retired.extend(old.iter().map(|c| (now, c.hash)));
        }
        Ok(())
    }

    fn store(&self, chunk: &RawChunk) -> Result<()> {
        let hash = chunk.reference.hash;
        if self.files.read().unwrap_or_else(PoisonError::into_inner).contains_key(&hash) {
            return Ok(());
        }
        let path = self.dir.join(hash.to_hex());
        let fail = |e| CentralError::file(&path, e);
        let packed = zstd::bulk::compress(&chunk.bytes, ZSTD_LEVEL).map_err(fail)?;
        std::fs::write(&path, packed).map_err(fail)?;
        let file = ChunkFile { scope: chunk.reference.scope, path };
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(hash, file);
        Ok(())
    }

    fn drop_retired(&self, built: &mut Built) {
        let (old, young) =
            std::mem::take(&mut built.retired).into_iter().partition(|(at, _)| at.elapsed() > RETIRED_LIFE);
        built.retired = young;
        let old: Vec<(Instant, Hash)> = old;
        if old.is_empty() {
            return;
        }
        let in_use = |hash: &Hash| built.owners.values().any(|(_, chunks)| chunks.iter().any(|c| c.hash == *hash));
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        for (_, hash) in old.iter().filter(|(_, hash)| !in_use(hash)) {
            if let Some(file) = files.remove(hash) {
                let _ = std::fs::remove_file(file.path);
            }
        }
    }
}

/// Readable owners, each with the last seq that touched any of its scopes.
fn owners(states: &[ScopeState], grants: &Grants) -> BTreeMap<RecordId, u64> {
    let mut out: BTreeMap<RecordId, u64> = BTreeMap::new();
    let readable: std::collections::BTreeSet<RecordId> =
        states.iter().filter(|s| grants.reads(s.scope)).map(|s| s.scope.owner).collect();
    for state in states.iter().filter(|s| readable.contains(&s.scope.owner)) {
        let seq = out.entry(state.scope.owner).or_default();
        *seq = state.seq.max(*seq);
    }
    out
}

fn assemble(
    tx: &dyn ReadTx,
    states: &[ScopeState],
    grants: &Grants,
    built: &Built,
) -> std::result::Result<Manifest, StorageError> {
    let mut chunks: Vec<ChunkRef> = owners(states, grants)
        .keys()
        .filter_map(|owner| built.owners.get(owner))
        .flat_map(|(_, chunks)| chunks.iter().filter(|c| grants.reads(c.scope)).cloned())
        .collect();
    let place = |c: &ChunkRef| schema::COLLECTIONS.iter().position(|k| k.id == c.collection).unwrap_or(usize::MAX);
    // Stable: owners are in order, and an owner's chunks are in order of range and compartment.
    chunks.sort_by_key(place);
    Ok(Manifest { position: tx.head()?.position, scopes: digests(states, grants), chunks, directory: directory(tx)? })
}

/// Readable scopes that hold anything, with their digests.
pub fn digests(states: &[ScopeState], grants: &Grants) -> Vec<(Scope, DigestBytes)> {
    let holds = |s: &&ScopeState| grants.reads(s.scope) && s.digest != Digest::default();
    states.iter().filter(holds).map(|s| (s.scope, DigestBytes(s.digest.0))).collect()
}

fn directory(tx: &(impl Directory + ?Sized)) -> std::result::Result<Vec<DirectoryEntry>, StorageError> {
    Ok(crate::access::Access::load(tx)?.directory(0))
}
