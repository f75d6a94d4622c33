//! A record's history: own changes that wait, then commits, newest first.

use crate::clock::rfc3339;
use crate::edits;
use crate::engine::Engine;
use crate::error::Result;
use crate::handlers::read;
use crate::views;
use omni_model::{Collection, CollectionId, FieldId, Op, RecordId, Value, schema};
use omni_protocol::rpc::{HistoryArgs, HistoryEntry, HistoryField, HistoryPage};
use omni_protocol::{Change, ChangeId};
use omni_store::{CommitLine, ReadTx, StoreError};
use omni_sync::history::{RecordCommit, told};
use omni_sync::replica::{OutboxEntry, OutboxState};

/// Entries of one page at most.
const PAGE_MAX: u64 = 1_000;

type Stored<T> = std::result::Result<T, StoreError>;
type Key = (CollectionId, RecordId);

/// What of a page this laptop holds.
struct Local {
    waiting: Vec<HistoryEntry>,
    commits: Vec<RecordCommit>,
    since: u64,
}

/// A page of a record's history.
///
/// Errors: `unknown_collection`, those of the store and of the call to central.
pub async fn record_history(engine: &Engine, args: HistoryArgs) -> Result<HistoryPage> {
    let c = edits::collection(&args.collection)?;
    let key = (c.id, edits::record_id(c, &args.id));
    let limit = args.limit.min(PAGE_MAX);
    let wanted = limit.saturating_add(args.offset).saturating_add(1);
    let before = args.before;
    let local = read(&engine.store, move |tx| local(tx, c, key, before, wanted)).await?;
    let Local { waiting, mut commits, since } = local;
    let mut incomplete = false;
    let enough = |commits: &[RecordCommit]| (waiting.len() + commits.len()) as u64 >= wanted;
    if since > 0 && before.is_none_or(|b| b > 1) && (!enough(&commits) || commits.iter().any(|c| c.seq <= since)) {
        match engine.sync.central() {
            Some((client, token)) => {
                // What is here of that time may have gaps: central's word goes.
                commits.retain(|c| c.seq > since);
                let mut next = Some(before.unwrap_or(u64::MAX).min(since + 1));
                while let Some(at) = next.filter(|_| !enough(&commits)) {
                    let page = client.record_past(&token, key, at, wanted.min(500)).await?;
                    commits.extend(page.commits);
                    next = page.before;
                }
            }
            None => incomplete = true,
        }
    }
    let page = read(&engine.store, move |tx| {
        let mut entries = waiting;
        for commit in &commits {
            entries.push(committed(tx, c, commit)?);
        }
        Ok(entries)
    });
    let entries = page.await?;
    let more = entries.len() as u64 > limit.saturating_add(args.offset);
    let entries = entries.into_iter().skip(args.offset as usize).take(limit as usize).collect();
    Ok(HistoryPage { entries, local_since: (since > 0).then_some(since), incomplete, more })
}

fn local(tx: &ReadTx<'_>, c: &'static Collection, key: Key, before: Option<u64>, wanted: u64) -> Stored<Local> {
    let mut waiting = Vec::new();
    if before.is_none() {
        for entry in tx.changes_of(key.0, key.1)?.iter().rev() {
            if entry.state != OutboxState::Discarded {
                waiting.push(own(tx, c, key, entry)?);
            }
        }
    }
    let commit = |line: CommitLine| {
        let image = line.images.into_iter().next();
        told(line.seq, line.info, image, line.effects.iter().map(|(_, e)| e))
    };
    let lines = tx.record_history(key.0, key.1, before, wanted)?;
    Ok(Local { waiting, commits: lines.into_iter().map(commit).collect(), since: tx.history_since()? })
}

/// The word of what a change is: a command's name, `undo`, or `edit`.
fn word(command: u16, ops: &[Op]) -> &'static str {
    let undo = !ops.is_empty() && ops.iter().all(|op| matches!(op, Op::Undo { .. }));
    schema::command_by_id(command).map_or(if undo { "undo" } else { "edit" }, |c| c.name)
}

fn field_history(c: &Collection, field: FieldId, before: &Value, after: &Value) -> Option<HistoryField> {
    let f = c.field_by_id(field)?;
    Some(HistoryField {
        name: f.name.into(),
        label: f.label.into(),
        before: f.to_json(before),
        after: f.to_json(after),
    })
}

/// An own change that is not in the copy yet.
fn own(tx: &ReadTx<'_>, c: &Collection, key: Key, entry: &OutboxEntry) -> Stored<HistoryEntry> {
    let change = &entry.change;
    let state = omni_store::QueueState::of(entry);
    let (ops, was): (Vec<Op>, Vec<Value>) = change
        .ops
        .iter()
        .enumerate()
        .filter(|(_, op)| op.record() == key)
        .map(|(at, op)| (op.clone(), change.was.get(at).cloned().unwrap_or_default()))
        .unzip();
    let fields = views::queue_fields(tx, &ops, &was)?.into_iter().map(|f| HistoryField {
        label: c.field(&f.name).map_or_else(|| f.name.clone(), |f| f.label.to_owned()),
        name: f.name,
        before: f.before,
        after: f.after,
    });
    Ok(HistoryEntry {
        seq: None,
        change: change.id.to_string(),
        at: None,
        by: None,
        device: None,
        command: word(change.command, &change.ops).into(),
        kind: state.name().into(),
        rule: entry.outcome.as_ref().and_then(|o| o.code.clone()),
        fields: fields.collect(),
        can_undo: takes_back(entry),
        group: change.group.as_ref().map(|g| g.id.to_string()),
    })
}

/// Whether undo has something to do about a change in the queue.
fn takes_back(entry: &OutboxEntry) -> bool {
    match entry.state {
        OutboxState::Unsealed => entry.attempts == 0,
        OutboxState::Rejected | OutboxState::Held | OutboxState::Acked { .. } => true,
        OutboxState::Sealed | OutboxState::Discarded => false,
    }
}

fn committed(tx: &ReadTx<'_>, c: &Collection, commit: &RecordCommit) -> Stored<HistoryEntry> {
    let who = tx.device(commit.info.device)?;
    let image = commit.image.as_ref();
    let mut fields: Vec<HistoryField> = Vec::new();
    for f in c.fields {
        let began = commit.began.iter().find(|(id, _)| *id == f.id);
        let changed = image.and_then(|i| i.fields.iter().find(|x| x.field == f.id));
        fields.extend(match (began, changed) {
            (Some((_, value)), _) => field_history(c, f.id, &Value::Null, value),
            (None, Some(x)) => field_history(c, f.id, &x.before, &x.after),
            (None, None) => None,
        });
    }
    Ok(HistoryEntry {
        seq: Some(commit.seq),
        change: commit.info.change.to_string(),
        at: Some(rfc3339(commit.info.at_ms)),
        by: who.as_ref().map(|d| d.operator.clone()),
        device: who.map(|d| d.name),
        command: word(commit.info.command, &own_ops(tx, commit.info.change)?).into(),
        kind: kind(commit).into(),
        rule: commit.rule.clone(),
        fields,
        can_undo: image.is_some() && !commit.left,
        group: commit.info.group.map(|g| g.to_string()),
    })
}

/// The operations of an own change; none of others'.
fn own_ops(tx: &ReadTx<'_>, id: ChangeId) -> Stored<Vec<Op>> {
    let kept = tx.own_change(id)?.and_then(|kept| Change::from_bytes(&kept.sealed).ok());
    Ok(kept.map(|c| c.ops).unwrap_or_default())
}

fn kind(commit: &RecordCommit) -> &'static str {
    match &commit.image {
        None if commit.rule.is_some() => "decided",
        None => "changed",
        Some(_) if commit.left => "moved",
        Some(i) if i.owner_before.is_none() => "created",
        Some(i) if i.owner_after.is_none() => "deleted",
        Some(i) if i.owner_before != i.owner_after => "moved",
        Some(_) => "changed",
    }
}
