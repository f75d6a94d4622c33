//! Sealing: an unsealed change gets the next gap-free counter and enters a signed batch. The durable step before its
//! first byte is sent. Priority decides the order, but a change never passes an unsealed one it depends on.

use super::overlay::Visible;
use super::texts;
use super::tx::{OutboxEntry, OutboxState, ReplicaMeta, ReplicaTx};
use crate::sign::sign_batch;
use crate::storage::StorageError;
use ed25519_dalek::SigningKey;
use omni_model::{Args, CollectionId, FieldId, Op, RecordId, Value, schema};
use omni_protocol::change::chain;
use omni_protocol::limits::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX};
use omni_protocol::{Batch, Change, ChangeId, Entry, Hash};
use std::collections::{BTreeMap, BTreeSet};

/// Limits of one batch; smaller while an undeliverable change is being located.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most changes.
    pub changes: usize,
    /// Most bytes of changes.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> BatchLimits {
        BatchLimits { changes: BATCH_CHANGES_MAX, bytes: BATCH_BYTES_MAX }
    }
}

/// The next batch to send: sealed and unanswered entries from counter `from` on (a resend gives the same bytes for the
/// same range), filled up by sealing waiting changes. `None` = nothing to send.
pub fn next_batch(
    tx: &mut dyn ReplicaTx,
    key: &SigningKey,
    epoch: u32,
    from: u64,
    limits: BatchLimits,
) -> Result<Option<Batch>, StorageError> {
    let (mut entries, may_fill) = sealed_run(tx, from, limits)?;
    if may_fill {
        let used = entries.iter().map(size).sum();
        entries.extend(seal_waiting(tx, limits.changes - entries.len(), limits.bytes, used)?);
    }
    signed(tx, key, epoch, entries)
}

/// As `next_batch`, of what is sealed already: nothing it writes must be durable before it is sent.
pub fn sealed_batch(
    tx: &mut dyn ReplicaTx,
    key: &SigningKey,
    epoch: u32,
    from: u64,
    limits: BatchLimits,
) -> Result<Option<Batch>, StorageError> {
    let (entries, _) = sealed_run(tx, from, limits)?;
    signed(tx, key, epoch, entries)
}

/// Seals the one change that waits and gives the batch it makes, to be addressed (`address`) and sent once this
/// transaction is durable. Where several wait, which goes first is decided when a batch is made.
pub fn seal_lone(tx: &mut dyn ReplicaTx) -> Result<Option<Batch>, StorageError> {
    let limits = BatchLimits::default();
    if tx.outbox_unsealed(2)?.len() != 1 {
        return Ok(None);
    }
    let entries = seal_waiting(tx, 1, limits.bytes, 0)?;
    Ok(unsigned(&tx.meta()?, &entries))
}

/// Makes a batch one of this epoch, and signs it.
pub fn address(batch: &mut Batch, epoch: u32, key: &SigningKey) {
    batch.epoch = epoch;
    sign_batch(batch, key);
}

/// Notes that a batch which `seal_lone` gave was put on the wire and its changes are not answered.
pub fn count_attempts(tx: &mut dyn ReplicaTx, counters: &[u64]) -> Result<(), StorageError> {
    for counter in counters {
        if let Some(entry) = tx.outbox_by_counter(*counter)? {
            tx.outbox_update(&OutboxEntry { attempts: entry.attempts + 1, ..entry })?;
        }
    }
    Ok(())
}

/// The sealed entries of one batch, and whether newly sealed ones may follow them.
fn sealed_run(tx: &dyn ReplicaTx, from: u64, limits: BatchLimits) -> Result<(Vec<OutboxEntry>, bool), StorageError> {
    let mut entries = tx.outbox_sealed(from, limits.changes)?;
    // A batch is one unbroken run: stop before a counter that was answered already.
    let first = entries.first().and_then(|e| e.counter);
    let run = entries.iter().zip(first.unwrap_or(0)..).take_while(|(e, n)| e.counter == Some(*n)).count();
    let broken = run < entries.len();
    entries.truncate(run);
    truncate_to_bytes(&mut entries, limits.bytes);
    let next_counter = tx.meta()?.next_counter;
    let reaches_end = entries.last().and_then(|e| e.counter).is_none_or(|c| c + 1 == next_counter);
    let may_fill = !broken && reaches_end && entries.len() < limits.changes;
    Ok((entries, may_fill))
}

fn signed(
    tx: &mut dyn ReplicaTx,
    key: &SigningKey,
    epoch: u32,
    mut entries: Vec<OutboxEntry>,
) -> Result<Option<Batch>, StorageError> {
    for entry in &mut entries {
        entry.attempts += 1;
        tx.outbox_update(entry)?;
    }
    let mut batch = unsigned(&tx.meta()?, &entries);
    batch.iter_mut().for_each(|batch| address(batch, epoch, key));
    Ok(batch)
}

/// The batch of sealed entries, addressed to no epoch; `None` without any.
fn unsigned(meta: &ReplicaMeta, entries: &[OutboxEntry]) -> Option<Batch> {
    let first = entries.first()?;
    Some(Batch {
        replica: meta.replica,
        parent: meta.lineage.first().copied(),
        epoch: 0,
        first: first.counter.unwrap_or_default(),
        prev_hash: first.prev_chain.unwrap_or_default(),
        entries: entries.iter().map(wire_entry).collect(),
        signature: Vec::new().into(),
    })
}

fn size(entry: &OutboxEntry) -> usize {
    entry.sealed.as_ref().map_or(64, Vec::len)
}

fn truncate_to_bytes(entries: &mut Vec<OutboxEntry>, bytes: usize) {
    let mut used = 0;
    let fits = entries.iter().take_while(|e| {
        used += size(e);
        used <= bytes
    });
    let count = fits.count().max(1);
    entries.truncate(count);
}

/// The wire form of a sealed entry.
pub fn wire_entry(entry: &OutboxEntry) -> Entry {
    match (&entry.skip, &entry.sealed) {
        (None, Some(bytes)) => Entry::Change(bytes.clone().into()),
        (reason, bytes) => Entry::Skip {
            hash: Hash::of("omni-skipped", &[bytes.as_deref().unwrap_or_default()]),
            reason: reason.clone().unwrap_or_default(),
        },
    }
}

/// Seals waiting changes in order until a limit is reached.
fn seal_waiting(
    tx: &mut dyn ReplicaTx,
    count: usize,
    bytes: usize,
    mut used: usize,
) -> Result<Vec<OutboxEntry>, StorageError> {
    let mut sealed = Vec::new();
    let mut done: BTreeSet<ChangeId> = BTreeSet::new();
    let mut meta = tx.meta()?;
    let (c, id) = QUEUED_COMMANDS;
    let commands: Vec<OutboxEntry> =
        tx.outbox_touching(c, id)?.into_iter().filter(|e| e.state == OutboxState::Unsealed).collect();
    for candidate in tx.outbox_unsealed(count)? {
        for mut entry in with_dependencies(tx, candidate, &commands, &done)? {
            if sealed.len() >= count {
                break;
            }
            entry.change.after = relies_on(tx, &entry.change, entry.local_no)?;
            let wire = texts::wire_bytes(&entry.change);
            if used + wire.len() > bytes && used > 0 {
                tx.set_meta(&meta)?;
                return Ok(sealed);
            }
            used += wire.len();
            done.insert(entry.change.id);
            entry.state = OutboxState::Sealed;
            entry.counter = Some(meta.next_counter);
            entry.prev_chain = Some(meta.chain);
            entry.sealed = Some(wire);
            meta.chain = chain(meta.chain, wire_entry(&entry).link());
            meta.next_counter += 1;
            tx.outbox_update(&entry)?;
            sealed.push(entry);
        }
        if sealed.len() >= count {
            break;
        }
    }
    tx.set_meta(&meta)?;
    Ok(sealed)
}

/// The candidate behind every unsealed change it depends on, in local order: changes that touch the same record, or
/// created a record it links to, and what those depend on. `commands` are the waiting queued commands.
fn with_dependencies(
    tx: &dyn ReplicaTx,
    candidate: OutboxEntry,
    commands: &[OutboxEntry],
    done: &BTreeSet<ChangeId>,
) -> Result<Vec<OutboxEntry>, StorageError> {
    let mut found: BTreeMap<u64, OutboxEntry> = BTreeMap::new();
    if done.contains(&candidate.change.id) {
        return Ok(Vec::new());
    }
    let mut open = vec![candidate];
    while let Some(entry) = open.pop() {
        if found.contains_key(&entry.local_no) {
            continue;
        }
        let mut others = commands.to_vec();
        for (c, id) in reach(tx, &entry.change)? {
            others.extend(tx.outbox_touching(c, id)?);
        }
        for other in others {
            let earlier = other.local_no < entry.local_no && other.state == OutboxState::Unsealed;
            if earlier && !done.contains(&other.change.id) && depends(tx, &entry.change, &other.change)? {
                open.push(other);
            }
        }
        found.insert(entry.local_no, entry);
    }
    Ok(found.into_values().collect())
}

/// What a queued command stands under in the index of touched records: its operations are made on central, so the
/// records it touches are not written in it.
pub const QUEUED_COMMANDS: (CollectionId, RecordId) = (CollectionId(0), RecordId::GLOBAL);

/// Records operations touch or link to; without any, the place of queued commands.
pub fn mentioned(ops: &[Op]) -> BTreeSet<(CollectionId, RecordId)> {
    let mut out = BTreeSet::new();
    if ops.is_empty() {
        out.insert(QUEUED_COMMANDS);
    }
    for op in ops {
        let (c, id) = op.record();
        out.insert((c, id));
        let values: Vec<(FieldId, &Value)> = match op {
            Op::Set { field, value, .. } => vec![(*field, value)],
            Op::Insert { values, .. } => values.iter().map(|(f, v)| (*f, v)).collect(),
            _ => Vec::new(),
        };
        for (field, value) in values {
            let target = schema::by_id(c).and_then(|c| c.field_by_id(field)).and_then(|f| f.target());
            let Some(target) = target.and_then(schema::by_name) else { continue };
            match value {
                Value::Id(link) => {
                    out.insert((target.id, *link));
                }
                Value::Set(items) => {
                    let links = items.iter().filter_map(|i| uuid::Uuid::parse_str(i).ok());
                    out.extend(links.map(|u| (target.id, RecordId(u))));
                }
                _ => {}
            }
        }
    }
    out
}

/// Records a change touches or links to. For a queued command: those its plan would touch now, and all its arguments
/// may name; too many only cost a change its overtaking.
fn reach(tx: &dyn ReplicaTx, change: &Change) -> Result<BTreeSet<(CollectionId, RecordId)>, StorageError> {
    if !change.ops.is_empty() {
        return Ok(mentioned(&change.ops));
    }
    let mut out = BTreeSet::new();
    if let Some(command) = schema::command_by_id(change.command) {
        let visible = Visible::new(tx);
        let planned = (command.plan)(&visible, &Args(change.args.iter().cloned().collect()));
        visible.take_failure()?;
        planned.iter().for_each(|ops| out.extend(mentioned(ops)));
    }
    for (_, value) in &change.args {
        let id = uuid::Uuid::parse_str(value).map(RecordId).ok();
        out.extend(schema::COLLECTIONS.iter().map(|c| (c.id, id.unwrap_or_else(|| RecordId::from_key(c.name, value)))));
    }
    out.remove(&QUEUED_COMMANDS);
    Ok(out)
}

/// Whether `later` must not pass `earlier`: same record, or `earlier` created a record `later` links to.
fn depends(tx: &dyn ReplicaTx, later: &Change, earlier: &Change) -> Result<bool, StorageError> {
    let linked = reach(tx, later)?;
    let touched = match later.ops.is_empty() {
        true => linked.clone(),
        false => later.ops.iter().map(Op::record).collect::<BTreeSet<_>>(),
    };
    if earlier.ops.is_empty() {
        return Ok(!reach(tx, earlier)?.is_disjoint(&touched));
    }
    Ok(earlier.ops.iter().any(|op| touched.contains(&op.record()) || (op.creates() && linked.contains(&op.record()))))
}

/// Own unconfirmed changes this one relies on: same field, same merge group, or a record created. Those central accepted
/// count until this copy holds their commit: until then what its author saw rests on them, and a renewed replica has no
/// other way to say that it knew them.
fn relies_on(tx: &dyn ReplicaTx, change: &Change, local_no: u64) -> Result<Vec<ChangeId>, StorageError> {
    let mut found: BTreeMap<u64, ChangeId> = BTreeMap::new();
    let linked = mentioned(&change.ops);
    for (c, id) in &linked {
        for other in tx.outbox_touching(*c, *id)? {
            let open = !matches!(other.state, OutboxState::Unsealed | OutboxState::Discarded);
            if other.local_no < local_no && open && shares(change, &other.change, &linked) {
                found.insert(other.local_no, other.change.id);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn shares(change: &Change, earlier: &Change, linked: &BTreeSet<(CollectionId, RecordId)>) -> bool {
    earlier.ops.iter().any(|e| {
        if e.creates() {
            return linked.contains(&e.record());
        }
        change.ops.iter().any(|op| op.record() == e.record() && units(op).intersection(&units(e)).next().is_some())
    })
}

/// What an operation writes, by merge group where there is one; a delete or insert writes the record.
fn units(op: &Op) -> BTreeSet<String> {
    let (c, _) = op.record();
    if matches!(op, Op::Delete { .. }) {
        return BTreeSet::from(["*".to_owned()]);
    }
    let unit = |f: FieldId| {
        let group = schema::by_id(c).and_then(|c| c.field_by_id(f)).and_then(|f| f.group);
        group.map_or_else(|| f.0.to_string(), str::to_owned)
    };
    op.fields().into_iter().map(unit).collect()
}

/// Gives up on delivering a change: its counter is sent as a skip, its payload stays here. Everything sealed after it
/// is chained anew.
pub fn skip(tx: &mut dyn ReplicaTx, counter: u64, reason: &str) -> Result<(), StorageError> {
    let mut prev: Option<Hash> = None;
    for mut entry in tx.outbox_sealed(counter, usize::MAX)? {
        if entry.counter == Some(counter) {
            entry.skip = Some(reason.to_owned());
        }
        if let Some(prev) = prev {
            entry.prev_chain = Some(prev);
        }
        prev = Some(chain(entry.prev_chain.unwrap_or_default(), wire_entry(&entry).link()));
        tx.outbox_update(&entry)?;
    }
    if let Some(head) = prev {
        let mut meta = tx.meta()?;
        meta.chain = head;
        tx.set_meta(&meta)?;
    }
    Ok(())
}
