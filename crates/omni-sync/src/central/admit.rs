//! Admission: a signed batch in, stored outcomes and commits out. Every entry advances its replica's counter.

use super::apply::{self, Stop, Summary};
use super::author::{Author, effective_base};
use super::integrity::{self, Rights};
use super::items;
use super::tx::{CentralTx, Commit, ReplicaState};
use super::work::{TextKey, Work};
use crate::diff::{self, ScopedEffects};
use crate::digest::{self, Deltas};
use crate::interval::interval_of;
use crate::meta::{Image, Stored};
use crate::storage::StorageError;
use omni_model::{Args, Op, Refusal};
use omni_model::{FieldId, RecordId};
use omni_protocol::change::chain;
use omni_protocol::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX};
use omni_protocol::{
    Batch, Change, ChangeId, CommitInfo, DeviceId, Effect, Entry, Hash, Outcome, OutcomeKind, Parent, Part, Position,
    ReplicaId, Scope,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What central knows of whoever sends a batch. Its signature was verified before.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The device.
    pub device: DeviceId,
    /// What its operator may write, as of now: rights are judged here, not when the edit was made.
    pub rights: Rights,
    /// Authority granted to role or app key.
    pub authority: u8,
    /// The replica's ancestors as its hello named them, nearest first.
    pub lineage: Vec<Parent>,
    /// Central's time of receipt, unix milliseconds.
    pub now_ms: i64,
    /// Entries central died on before: set aside, not run again.
    pub quarantine: BTreeSet<(ReplicaId, u64)>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Outcomes in counter order, resent ones included, and the new commits in seq order.
    Done {
        /// The answers.
        outcomes: Vec<Outcome>,
        /// To fan out after COMMIT.
        commits: Vec<Commit>,
    },
    /// The batch starts behind a gap.
    Expected {
        /// Next counter central expects.
        counter: u64,
        /// Chain head before it.
        chain: Hash,
    },
    /// The replica's past differs from what it sent before: two databases share one identity.
    Fork,
    /// The replica belongs to another device.
    WrongDevice,
}

/// How a change comes to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Its author sends it.
    Sent,
    /// Central committed it before and lost it: what it relies on was in effect then.
    Again {
        /// It was refused then, and stays refused.
        parked: bool,
    },
}

/// Admits a batch inside the caller's transaction.
pub fn admit_batch(tx: &mut dyn CentralTx, sender: &Sender, batch: &Batch) -> Result<Admitted, StorageError> {
    admit_run(tx, sender, batch, Admission::Sent)
}

pub(super) fn admit_run(
    tx: &mut dyn CentralTx,
    sender: &Sender,
    batch: &Batch,
    admission: Admission,
) -> Result<Admitted, StorageError> {
    let mut state = match tx.replica(batch.replica)? {
        Some(state) if state.device != sender.device => return Ok(Admitted::WrongDevice),
        Some(state) => state,
        None => {
            ReplicaState { device: sender.device, lineage: sender.lineage.clone(), counter: 0, chain: Hash::default() }
        }
    };
    if batch.first == 0 || batch.first > state.counter + 1 {
        return Ok(Admitted::Expected { counter: state.counter + 1, chain: state.chain });
    }
    let mut head = batch.prev_hash;
    if batch.first == state.counter + 1 && head != state.chain {
        return Ok(Admitted::Fork);
    }
    let (mut outcomes, mut commits) = (Vec::new(), Vec::new());
    for (at, entry) in batch.entries.iter().enumerate() {
        let counter = batch.first + at as u64;
        head = chain(head, entry.link());
        if counter <= state.counter {
            if counter == state.counter && head != state.chain {
                return Ok(Admitted::Fork);
            }
            // Left empty by a recovery of an earlier version: the answer is lost, and no other can be given in its place.
            let Some(stored) = tx.outcome_at(batch.replica, counter)? else { return Ok(Admitted::Fork) };
            if is_another(entry, &stored) {
                return Ok(Admitted::Fork);
            }
            outcomes.push(stored);
            continue;
        }
        let at = Place { state: &state, replica: batch.replica, counter };
        let (content, outcome, commit) = admit_entry(tx, sender, at, entry, admission)?;
        debug_assert_eq!(outcome.counter, counter);
        tx.put_outcome(batch.replica, content, &outcome)?;
        commits.extend(commit);
        outcomes.push(outcome);
        state.counter = counter;
        state.chain = head;
        tx.put_replica(batch.replica, &state)?;
    }
    Ok(Admitted::Done { outcomes, commits })
}

/// The code of an undo that restored nothing, or not all: something wrote the fields since.
pub const OFFERED: &str = "offered";
const OFFERED_MESSAGE: &str = "Something changed it since, so it was left as it is. Choose the value you want.";

type Answer = (Hash, Outcome, Option<Commit>);

/// Whether a resent entry is another than the one answered under its counter: then two databases gave one counter, and
/// the answer of the one must not be taken for the other's. A skip counts too: its database never delivered anything
/// under this counter, so an answered change there is its twin's.
fn is_another(entry: &Entry, answered: &Outcome) -> bool {
    match entry {
        Entry::Change(bytes) => {
            Change::from_bytes(bytes).is_ok_and(|change| change.id != answered.change && readable(&change, bytes))
        }
        Entry::Skip { hash, .. } => id_of(hash) != answered.change,
    }
}

/// The id that stands in the outcome of an entry without a readable change.
fn id_of(hash: &Hash) -> ChangeId {
    Uuid::from_slice(&hash.0[..16]).map(ChangeId).unwrap_or(ChangeId(Uuid::nil()))
}

/// Within the limits of a change; what is not was answered under an id made from its bytes.
fn readable(change: &Change, bytes: &[u8]) -> bool {
    bytes.len() <= CHANGE_BYTES_MAX && change.ops.len() <= CHANGE_OPS_MAX
}

/// Where a change stands in its replica's order.
#[derive(Clone, Copy)]
struct Place<'a> {
    state: &'a ReplicaState,
    replica: ReplicaId,
    counter: u64,
}

fn admit_entry(
    tx: &mut dyn CentralTx,
    sender: &Sender,
    at: Place,
    entry: &Entry,
    admission: Admission,
) -> Result<Answer, StorageError> {
    let counter = at.counter;
    let bytes = match entry {
        Entry::Change(bytes) => bytes,
        Entry::Skip { hash, reason } => {
            return Ok((*hash, refused(id_of(hash), counter, OutcomeKind::Skipped, "skipped", reason), None));
        }
    };
    let unreadable = |why: &str| {
        let hash = Hash::of("omni-unreadable", &[bytes]);
        Ok((hash, refused(id_of(&hash), counter, OutcomeKind::Quarantined, "unreadable", why), None))
    };
    if bytes.len() > CHANGE_BYTES_MAX {
        return unreadable("The change is larger than a change may be.");
    }
    let change = match Change::from_bytes(bytes) {
        Ok(change) if change.ops.len() <= CHANGE_OPS_MAX => change,
        Ok(_) => return unreadable("The change has more operations than a change may have."),
        Err(e) => return unreadable(&format!("The change cannot be read: {e}.")),
    };
    let content = change.content_hash();
    if sender.quarantine.contains(&(at.replica, counter)) {
        let why = "Central could not process this change and set it aside.";
        return Ok((content, refused(change.id, counter, OutcomeKind::Quarantined, "quarantined", why), None));
    }
    if let Some((known, stored)) = tx.known_change(change.id)? {
        if known == content {
            return Ok((content, Outcome { counter, ..stored }, None));
        }
        let why = "Another change with this id is known; this one is sent again under a new id.";
        return Ok((content, refused(change.id, counter, OutcomeKind::Rejected, "fork", why), None));
    }
    let held = match admission {
        Admission::Sent => held_root(tx, &change)?,
        Admission::Again { .. } => None,
    };
    if let Some(root) = held {
        let why = "A change this one relies on was not applied.";
        let held = refused(change.id, counter, OutcomeKind::Held, "held", why);
        return Ok((content, Outcome { root: Some(root), ..held }, None));
    }
    let (outcome, commit) = admit_change(tx, sender, at, &change, bytes, admission)?;
    Ok((content, outcome, commit))
}

fn refused(change: ChangeId, counter: u64, kind: OutcomeKind, code: &str, message: &str) -> Outcome {
    Outcome {
        counter,
        change,
        kind,
        seq: None,
        code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        root: None,
        waits: Vec::new(),
    }
}

fn admit_change(
    tx: &mut dyn CentralTx,
    sender: &Sender,
    at: Place,
    change: &Change,
    bytes: &[u8],
    admission: Admission,
) -> Result<(Outcome, Option<Commit>), StorageError> {
    let counter = at.counter;
    let author = author_of(tx, sender, at, change)?;
    match merge_change(&*tx, sender, &author, change, admission) {
        Ok(Merged::Done(prepared, summary)) => {
            if !summary.offered.is_empty() && prepared.changes_nothing() {
                let offered = refused(change.id, counter, OutcomeKind::Rejected, OFFERED, OFFERED_MESSAGE);
                return Ok((Outcome { waits: summary.offered, ..offered }, None));
            }
            let kind = match summary.met || !summary.offered.is_empty() {
                true => OutcomeKind::Merged,
                false => OutcomeKind::Applied,
            };
            let mut outcome = Outcome { waits: summary.waits, ..accepted(change.id, counter, kind) };
            if !summary.offered.is_empty() {
                outcome.code = Some(OFFERED.to_owned());
                outcome.message = Some(OFFERED_MESSAGE.to_owned());
                outcome.waits.extend(summary.offered);
            }
            commit_prepared(tx, &author, change, bytes, prepared, outcome)
        }
        Ok(Merged::Parked(prepared, summary)) => {
            let why = "Something it changes was changed by somebody else; the whole command waits in the inbox.";
            let parked = refused(change.id, counter, OutcomeKind::Rejected, "parked", why);
            commit_prepared(tx, &author, change, bytes, prepared, Outcome { waits: summary.waits, ..parked })
        }
        Err(Stop::Refused(r)) => Ok((refused(change.id, counter, OutcomeKind::Rejected, r.code, &r.message), None)),
        Err(Stop::Storage(e)) => Err(e),
    }
}

fn accepted(change: ChangeId, counter: u64, kind: OutcomeKind) -> Outcome {
    Outcome { counter, change, kind, seq: None, code: None, message: None, root: None, waits: Vec::new() }
}

/// The first change this one relies on whose relevant part did not take effect.
fn held_root(tx: &dyn CentralTx, change: &Change) -> Result<Option<ChangeId>, StorageError> {
    let touched = touched_fields(tx, change);
    for id in &change.after {
        let Some((_, outcome)) = tx.known_change(*id)? else { return Ok(Some(*id)) };
        match outcome.kind {
            OutcomeKind::Applied => {}
            OutcomeKind::Merged if !outcome.waits.iter().any(|w| touched.contains(w)) => {}
            OutcomeKind::Held => return Ok(Some(outcome.root.unwrap_or(*id))),
            _ => return Ok(Some(*id)),
        }
    }
    Ok(None)
}

/// The fields a change writes, those of a merge group with all its members.
fn touched_fields(tx: &dyn CentralTx, change: &Change) -> BTreeSet<(RecordId, FieldId)> {
    let mut touched = BTreeSet::new();
    for op in &change.ops {
        let (c, record) = op.record();
        let collection = tx.catalog().by_id(c);
        for field in op.fields() {
            touched.insert((record, field));
            let group = collection.and_then(|c| c.field_by_id(field)).and_then(|f| f.group);
            let members = collection.zip(group).into_iter().flat_map(|(c, g)| c.group(g));
            touched.extend(members.map(|f| (record, f.id)));
        }
    }
    touched
}

fn author_of(tx: &dyn CentralTx, sender: &Sender, at: Place, change: &Change) -> Result<Author, StorageError> {
    let head = tx.head()?;
    let base = effective_base(change.base, head.position.epoch, &head.forks).min(head.position.seq);
    let lower = tx.commit_time(base)?.unwrap_or(i64::MIN);
    let samples = tx.boot_samples(sender.device, change.time.boot)?;
    let mut author = Author {
        change: change.id,
        replica: at.replica,
        counter: at.counter,
        device: sender.device,
        lineage: at.state.lineage.clone(),
        relied: BTreeSet::new(),
        base,
        epoch: change.base.epoch,
        interval: interval_of(&change.time, &samples, lower, sender.now_ms),
        authority: sender.authority,
        typed_ms: change.time.wall_ms,
        arrived_ms: sender.now_ms,
        seq: head.position.seq + 1,
    };
    author.relied = relied_writes(tx, &author, change)?;
    Ok(author)
}

/// Writes on the records of a change that its author made, but that were committed under another identity: those of the
/// changes it names as relied on. Renewed or doubled databases have such writes; everybody else knows them by counter.
fn relied_writes(
    tx: &dyn CentralTx,
    author: &Author,
    change: &Change,
) -> Result<BTreeSet<(ReplicaId, u64)>, StorageError> {
    let mut relied = BTreeSet::new();
    if change.after.is_empty() {
        return Ok(relied);
    }
    let records: BTreeSet<_> = change.ops.iter().map(Op::record).collect();
    for (collection, id) in records {
        let Some(stored) = tx.record(collection, id)? else { continue };
        for stamp in stored.meta.stamps().filter(|stamp| !author.knows(stamp)) {
            let wrote = tx.outcome_at(stamp.replica, stamp.counter)?;
            if wrote.is_some_and(|outcome| change.after.contains(&outcome.change)) {
                relied.insert((stamp.replica, stamp.counter));
            }
        }
    }
    Ok(relied)
}

/// Everything a commit writes, worked out before the first write.
struct Prepared {
    records: Vec<Stored>,
    effects: ScopedEffects,
    deltas: Deltas,
    images: Vec<Image>,
    items: Vec<(Scope, omni_protocol::ConflictItem)>,
    texts: Vec<(TextKey, Vec<u8>)>,
}

impl Prepared {
    fn changes_nothing(&self) -> bool {
        self.effects.is_empty()
    }

    fn leaves_no_trace(&self) -> bool {
        self.effects.is_empty() && self.records.is_empty() && self.texts.is_empty()
    }
}

enum Merged {
    Done(Prepared, Summary),
    Parked(Prepared, Summary),
}

fn merge_change(
    tx: &dyn CentralTx,
    sender: &Sender,
    author: &Author,
    change: &Change,
    admission: Admission,
) -> Result<Merged, Stop> {
    let mut work = Work::new(tx);
    let ops = planned_ops(&work, change)?;
    work.take_failure()?;
    integrity::check_attempt(&work, &ops, &sender.rights)?;
    let summary = apply::apply_ops(&mut work, author, &ops, &change.was)?;
    let partly = !summary.waits.is_empty();
    let parked = admission == Admission::Again { parked: true };
    if parked || (change.is_command() && partly) {
        return Ok(Merged::Parked(park(tx, author, &ops)?, summary));
    }
    integrity::settle(&mut work, &sender.rights)?;
    items::follow_owners(&mut work)?;
    Ok(Merged::Done(prepare(&work, author)?, summary))
}

/// The operations of a change. A command's preconditions run again over merged state; a queued command's operations
/// are made here.
fn planned_ops(work: &Work, change: &Change) -> Result<Vec<Op>, Stop> {
    if !change.is_command() {
        return Ok(change.ops.clone());
    }
    let Some(command) = work.catalog().command_by_id(change.command).filter(|c| c.version == change.version) else {
        let text = format!("Central does not know command {} in version {}.", change.command, change.version);
        return Err(Stop::Refused(Refusal::new("unknown_command", text)));
    };
    let planned = (command.plan)(work, &Args(change.args.iter().cloned().collect()))?;
    Ok(if change.ops.is_empty() { planned } else { change.ops.clone() })
}

fn park(tx: &dyn CentralTx, author: &Author, ops: &[Op]) -> Result<Prepared, Stop> {
    let mut work = Work::new(tx);
    let Some(target) = ops.first().map(Op::record) else {
        return Err(Stop::Refused(Refusal::new("empty", "The command changes nothing.")));
    };
    let anchor = work.load(target.0, target.1)?;
    items::park(&mut work, author, anchor.as_ref(), target);
    Ok(prepare(&work, author)?)
}

/// Effects, digest changes and records to store.
fn prepare(work: &Work, author: &Author) -> Result<Prepared, StorageError> {
    let (mut effects, mut deltas) = (ScopedEffects::new(), Deltas::default());
    let (mut records, mut images) = (Vec::new(), Vec::new());
    for w in work.touched() {
        if w.before == w.now {
            continue;
        }
        let live = |s: &Option<Stored>| s.as_ref().filter(|s| s.is_live()).map(|s| s.row.clone());
        let (before, now) = (live(&w.before), live(&w.now));
        diff::diff(before.as_ref(), now.as_ref(), &mut effects, &mut deltas);
        images.extend(Image::between(before.as_ref(), now.as_ref()));
        if let Some(mut stored) = w.now {
            if before != now {
                stored.meta.seq = author.seq;
            }
            records.push(stored);
        }
    }
    let mut items = Vec::new();
    for item in work.items() {
        if let Some(old) = work.tx().conflict(item.id)? {
            deltas.sub(old.scope, digest::conflict(&old));
        }
        deltas.add(item.scope, digest::conflict(item));
        effects.entry(item.scope).or_default().push(Effect::Conflict(item.clone()));
        items.push((item.scope, item.clone()));
    }
    let texts = work.texts().map(|(key, history)| (*key, history.clone())).collect();
    Ok(Prepared { records, effects, deltas, images, items, texts })
}

/// Stores what was prepared and appends the commit. A change that changed nothing makes no commit: its outcome names
/// the head, which holds its values already. What only central remembers (an addition repeated, a text already as its
/// author wants it) makes one without parts: its stamp must be a seq that somebody can know.
fn commit_prepared(
    tx: &mut dyn CentralTx,
    author: &Author,
    change: &Change,
    bytes: &[u8],
    prepared: Prepared,
    mut outcome: Outcome,
) -> Result<(Outcome, Option<Commit>), StorageError> {
    for stored in &prepared.records {
        tx.put_record(stored)?;
    }
    for ((c, id, field), history) in &prepared.texts {
        tx.put_text_history(*c, *id, *field, history)?;
    }
    let head = tx.head()?.position;
    if prepared.leaves_no_trace() {
        outcome.seq = Some(head.seq);
        return Ok((outcome, None));
    }
    for (scope, item) in &prepared.items {
        tx.put_conflict(*scope, item)?;
    }
    let info = CommitInfo {
        change: change.id,
        replica: author.replica,
        counter: author.counter,
        device: author.device,
        command: change.command,
        at_ms: author.arrived_ms,
        priority: change.priority,
        group: change.group.as_ref().map(|g| g.id),
    };
    let commit =
        Commit { images: prepared.images, ..seal_commit(head, info, bytes, prepared.effects, prepared.deltas) };
    tx.append_commit(&commit)?;
    outcome.seq = Some(commit.position.seq);
    Ok((outcome, Some(commit)))
}

fn seal_commit(head: Position, info: CommitInfo, bytes: &[u8], effects: ScopedEffects, deltas: Deltas) -> Commit {
    let seq = head.seq + 1;
    let parts: Vec<(Scope, Vec<u8>)> = effects
        .into_iter()
        .map(|(scope, effects)| (scope, Part { seq, scope, info: info.clone(), effects }.to_bytes()))
        .collect();
    let hash = commit_hash(head.hash, seq, bytes, &parts);
    Commit {
        position: Position { epoch: head.epoch, seq, hash },
        prev: head.hash,
        info,
        change: bytes.to_vec(),
        parts,
        deltas: deltas.0.into_iter().collect(),
        images: Vec::new(),
    }
}

/// The hash that chains commits: over the one before, the seq, the signed bytes and every part.
pub fn commit_hash(prev: Hash, seq: u64, change: &[u8], parts: &[(Scope, Vec<u8>)]) -> Hash {
    let seq_bytes = seq.to_le_bytes();
    let mut pieces: Vec<&[u8]> = vec![&prev.0, &seq_bytes, change];
    pieces.extend(parts.iter().map(|(_, bytes)| bytes.as_slice()));
    Hash::of("omni-commit", &pieces)
}
