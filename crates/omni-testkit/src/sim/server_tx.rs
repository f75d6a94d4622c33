//! Planted mistakes of central's storage.

use super::plan::Planted;
use omni_model::{Catalog, CollectionId, FieldId, RecordId, Value};
use omni_protocol::{BootId, ChangeId, ConflictId, ConflictItem, DeviceId, Hash, Outcome, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::{
    BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState, TextEngine, TextInput, TextMerged, TextStop,
    TextWrite,
};
use omni_sync::digest::Digest;
use omni_sync::meta::{Image, Interval, Stored};
use std::collections::BTreeMap;

/// Passes everything through, except for the mistake.
pub struct Mistaken<'a> {
    /// The real transaction.
    pub tx: &'a mut dyn CentralTx,
    /// The mistake.
    pub mistake: Option<Planted>,
    /// The sender says it makes its edits later than they arrive, and is believed.
    pub lies: bool,
    /// Where what is taken back of a record was committed.
    pub undone: BTreeMap<RecordId, u64>,
    /// A replica's counter and chain as they are taken for.
    pub rewound: Option<(u64, Hash)>,
}

/// How much later.
const BELIEVED_MS: i64 = 3_600_000;

type Res<T> = Result<T, StorageError>;

impl CentralTx for Mistaken<'_> {
    fn head(&self) -> Res<CentralHead> {
        self.tx.head()
    }
    fn record(&self, c: CollectionId, id: RecordId) -> Res<Option<Stored>> {
        let mut stored = self.tx.record(c, id)?;
        if let Some(stored) = &mut stored {
            match self.mistake {
                Some(Planted::LastWriterWins) => forget_writers(stored),
                Some(Planted::ForgetsTombstones) => stored.meta.deleted = None,
                Some(Planted::UndoOverwrites) => {
                    if let Some(seq) = self.undone.get(&id) {
                        stored.meta.fields.values_mut().for_each(|meta| meta.last.seq = *seq);
                    }
                }
                _ => {}
            }
        }
        Ok(stored)
    }
    fn put_record(&mut self, stored: &Stored) -> Res<()> {
        if !self.lies {
            return self.tx.put_record(stored);
        }
        let (mut stored, seq) = (stored.clone(), self.tx.head()?.position.seq + 1);
        let kept = stored.meta.fields.values_mut().flat_map(|meta| &mut meta.kept);
        for edit in kept.filter(|edit| edit.stamp.seq == seq) {
            edit.interval = Interval { from: edit.interval.to + BELIEVED_MS, to: edit.interval.to + BELIEVED_MS };
        }
        self.tx.put_record(&stored)
    }
    fn linked(&self, c: CollectionId, f: FieldId, target: RecordId) -> Res<Vec<RecordId>> {
        self.tx.linked(c, f, target)
    }
    fn unique_holder(&self, c: CollectionId, f: FieldId, value: &Value) -> Res<Option<RecordId>> {
        self.tx.unique_holder(c, f, value)
    }
    fn replica(&self, id: ReplicaId) -> Res<Option<ReplicaState>> {
        let state = self.tx.replica(id)?;
        Ok(match (state, self.rewound) {
            (Some(state), Some((counter, chain))) => Some(ReplicaState { counter, chain, ..state }),
            (state, _) => state,
        })
    }
    fn put_replica(&mut self, id: ReplicaId, state: &ReplicaState) -> Res<()> {
        if self.rewound.is_some() { Ok(()) } else { self.tx.put_replica(id, state) }
    }
    fn known_change(&self, id: ChangeId) -> Res<Option<(Hash, Outcome)>> {
        match self.mistake {
            Some(Planted::ForgetsChangeIds) => Ok(None),
            _ if self.rewound.is_some() => Ok(None),
            _ => self.tx.known_change(id),
        }
    }
    fn put_outcome(&mut self, replica: ReplicaId, content: Hash, outcome: &Outcome) -> Res<()> {
        if self.rewound.is_some() { Ok(()) } else { self.tx.put_outcome(replica, content, outcome) }
    }
    fn outcome_at(&self, replica: ReplicaId, counter: u64) -> Res<Option<Outcome>> {
        let forgotten = self.mistake == Some(Planted::ForgetsOutcomes) && counter.is_multiple_of(3);
        if forgotten { Ok(None) } else { self.tx.outcome_at(replica, counter) }
    }
    fn append_commit(&mut self, commit: &Commit) -> Res<()> {
        self.tx.append_commit(commit)
    }
    fn commit_time(&self, seq: u64) -> Res<Option<i64>> {
        self.tx.commit_time(seq)
    }
    fn scope_digest(&self, scope: Scope) -> Res<Digest> {
        self.tx.scope_digest(scope)
    }
    fn conflict(&self, id: ConflictId) -> Res<Option<ConflictItem>> {
        self.tx.conflict(id)
    }
    fn put_conflict(&mut self, scope: Scope, item: &ConflictItem) -> Res<()> {
        self.tx.put_conflict(scope, item)
    }
    fn committed(&self, seq: u64) -> Res<Option<Committed>> {
        let mut committed = self.tx.committed(seq)?;
        if let (Some(Planted::UndoSetsCounter), Some(committed)) = (self.mistake, &mut committed) {
            for image in &mut committed.images {
                let Some(now) = self.tx.record(image.collection, image.record)? else { continue };
                let counted = image.fields.iter_mut().filter(|f| f.after.as_int().is_some());
                counted.for_each(|f| f.after = now.row.get(f.field).clone());
            }
        }
        Ok(committed)
    }
    fn images_after(&self, c: CollectionId, id: RecordId, seq: u64) -> Res<Vec<(u64, Image)>> {
        self.tx.images_after(c, id, seq)
    }
    fn text_history(&self, c: CollectionId, id: RecordId, f: FieldId) -> Res<Option<Vec<u8>>> {
        self.tx.text_history(c, id, f)
    }
    fn put_text_history(&mut self, c: CollectionId, id: RecordId, f: FieldId, b: &[u8]) -> Res<()> {
        self.tx.put_text_history(c, id, f, b)
    }
    fn text_engine(&self) -> &dyn TextEngine {
        match self.mistake {
            Some(Planted::TextWithoutMerge) => &NoMerge,
            Some(Planted::TextReplaced) => &LastText,
            _ => self.tx.text_engine(),
        }
    }
    fn catalog(&self) -> &'static Catalog {
        self.tx.catalog()
    }
    fn open_epoch(&mut self, epoch: u32, common: u64) -> Res<()> {
        self.tx.open_epoch(epoch, common)
    }
    fn raise_fork(&mut self, epoch: u32, seq: u64) -> Res<()> {
        self.tx.raise_fork(epoch, seq)
    }
    fn boot_samples(&self, device: DeviceId, boot: BootId) -> Res<Vec<BootSample>> {
        self.tx.boot_samples(device, boot)
    }
}

/// A text engine that knows no concurrency: edits are applied where they say, on the text that stands.
struct NoMerge;

impl TextEngine for NoMerge {
    fn merge(&self, input: &TextInput, write: &TextWrite) -> Result<TextMerged, TextStop> {
        let mut chars: Vec<char> = input.committed.chars().collect();
        match write {
            TextWrite::Edits { edits, .. } => {
                for edit in *edits {
                    let at = (edit.at as usize).min(chars.len());
                    let end = (at + edit.delete as usize).min(chars.len());
                    chars.splice(at..end, edit.insert.chars());
                }
            }
            TextWrite::Whole(text) | TextWrite::Old { wanted: text, .. } => chars = text.chars().collect(),
            TextWrite::Invert(_) => return Err(TextStop::Unknown),
        }
        Ok(TextMerged { text: chars.into_iter().collect(), history: Vec::new(), met: false })
    }
}

/// A text engine under which the last writer wins: what was typed replaces the text that stands.
struct LastText;

impl TextEngine for LastText {
    fn merge(&self, input: &TextInput, write: &TextWrite) -> Result<TextMerged, TextStop> {
        let text = match write {
            TextWrite::Edits { edits, .. } => edits.iter().map(|e| e.insert.as_str()).collect(),
            TextWrite::Whole(text) | TextWrite::Old { wanted: text, .. } => (*text).to_owned(),
            TextWrite::Invert(_) => input.committed.to_owned(),
        };
        Ok(TextMerged { text, history: Vec::new(), met: false })
    }
}

/// Nobody ever wrote anything: every author knows all there is.
fn forget_writers(stored: &mut Stored) {
    stored.meta.created.seq = 0;
    for meta in stored.meta.fields.values_mut() {
        meta.last.seq = 0;
        meta.kept.clear();
    }
}
