//! Schema skew: somebody with a newer version writes fields and collections these laptops do not know. Central stores
//! them; laptops keep them as deferred cells and count them in their digests.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::{CentralHost, Hosts};
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::change::NORMAL;
use omni_protocol::{ChangeId, CommitInfo, DeviceId, Part, Position, ReplicaId};
use omni_sync::StorageError;
use omni_sync::central::{CentralTx, Commit, commit_hash};
use omni_sync::diff::{self, ScopedEffects};
use omni_sync::digest::Deltas;
use omni_sync::meta::{FieldMeta, Interval, RecordMeta, Stamp, Stored};

/// A collection no version knows yet.
pub const FUTURE_COLLECTION: CollectionId = CollectionId(900);
/// A field no version knows yet.
pub const FUTURE_FIELD: FieldId = FieldId(700);

/// Who writes with the newer version.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    /// The change.
    pub change: ChangeId,
    /// The newer laptop's replica.
    pub replica: ReplicaId,
    /// The newer laptop.
    pub device: DeviceId,
    /// When it is committed, unix milliseconds.
    pub at_ms: i64,
}

/// Commits a write of a newer version to a record, or to a new one of the future collection; `None` = nothing changes.
pub fn write_newer(
    tx: &mut dyn CentralTx,
    key: (CollectionId, RecordId),
    value: &Value,
    author: &Author,
) -> Result<Option<Commit>, StorageError> {
    let before = tx.record(key.0, key.1)?;
    let seq = tx.head()?.position.seq + 1;
    match written(before.as_ref(), key, value, author, seq) {
        Some(now) => commit(tx, before.as_ref(), &now, author),
        None => Ok(None),
    }
}

impl<H: Hosts> Sim<H> {
    /// One commit of a newer version.
    pub(super) fn newer_version_writes(&mut self) {
        if !self.server.up {
            return;
        }
        let author = Author {
            change: ChangeId(self.rng.uuid()),
            replica: ReplicaId(self.rng.uuid()),
            device: DeviceId(self.rng.uuid()),
            at_ms: self.central_ms(),
        };
        let ids: Vec<(CollectionId, RecordId)> =
            self.known.iter().flat_map(|(c, all)| all.iter().map(|id| (*c, *id))).collect();
        let target = self.rng.pick(&ids).copied();
        let own = (FUTURE_COLLECTION, RecordId::from_key("future", &format!("f{}", self.rng.below(3))));
        let (on_known, value) = (self.rng.chance(600), Value::Int(self.rng.below(5) as i64));
        let Some(key) = (if on_known { target } else { Some(own) }) else { return };
        let mut made: Option<Result<Option<Commit>, StorageError>> = None;
        let done = self.server.host.write(&mut |tx| {
            let result = write_newer(tx, key, &value, &author);
            let ok = matches!(result, Ok(Some(_)));
            made = Some(result);
            ok
        });
        let there = done.map_or_else(|e| self.central_fails("newer version", &e), |_| true);
        if let Some(Ok(Some(commit))) = made
            && there
        {
            self.coverage.hit(Reached::Deferred);
            self.note("newer version", commit.position.seq, 0, || format!("{key:?} {value:?}"));
            let seq = commit.position.seq;
            self.learn_commits(&[commit], usize::MAX);
            if self.server.up {
                self.announce(seq, seq);
            }
        }
        if !self.server.up {
            self.check_central_restart();
        }
    }
}

/// The record after the write; `None` if there is nothing to write to.
fn written(
    before: Option<&Stored>,
    key: (CollectionId, RecordId),
    value: &Value,
    author: &Author,
    seq: u64,
) -> Option<Stored> {
    let stamp = Stamp { seq, replica: author.replica, counter: 1 };
    match before {
        Some(stored) if stored.is_live() => {
            let mut stored = stored.clone();
            stored.row.set(FUTURE_FIELD, value.clone());
            let (device, at_ms) = (author.device, author.at_ms);
            let (kept, open, tags) = (Vec::new(), None, Default::default());
            stored.meta.fields.insert(FUTURE_FIELD, FieldMeta { last: stamp, kept, open, tags, device, at_ms });
            stored.meta.seq = seq;
            Some(stored)
        }
        None if key.0 == FUTURE_COLLECTION => {
            let mut row = Row::new(key.0, key.1);
            row.set(FUTURE_FIELD, value.clone());
            row.key = Some("future".to_owned());
            let meta = RecordMeta {
                created: stamp,
                deleted: None,
                fields: Default::default(),
                device: author.device,
                at_ms: author.at_ms,
                interval: Interval { from: author.at_ms, to: author.at_ms },
                authority: 0,
                open: Vec::new(),
                seq,
                restored: None,
            };
            Some(Stored { row, meta })
        }
        _ => None,
    }
}

fn commit(
    tx: &mut dyn CentralTx,
    before: Option<&Stored>,
    now: &Stored,
    author: &Author,
) -> Result<Option<Commit>, StorageError> {
    let (mut effects, mut deltas) = (ScopedEffects::new(), Deltas::default());
    diff::diff(before.map(|s| &s.row), Some(&now.row), &mut effects, &mut deltas);
    if effects.is_empty() {
        return Ok(None);
    }
    let head = tx.head()?.position;
    let seq = head.seq + 1;
    let info = CommitInfo {
        change: author.change,
        replica: author.replica,
        counter: 1,
        device: author.device,
        command: 0,
        at_ms: author.at_ms,
        priority: NORMAL,
        group: None,
    };
    let part = |(scope, effects)| (scope, Part { seq, scope, info: info.clone(), effects }.to_bytes());
    let parts: Vec<_> = effects.into_iter().map(part).collect();
    let change = author.change.as_bytes().to_vec();
    let hash = commit_hash(head.hash, seq, &change, &parts);
    let position = Position { epoch: head.epoch, seq, hash };
    let deltas = deltas.0.into_iter().collect();
    let made = Commit { position, prev: head.hash, info, change, parts, deltas, images: Vec::new() };
    tx.put_record(now)?;
    tx.append_commit(&made)?;
    Ok(Some(made))
}
