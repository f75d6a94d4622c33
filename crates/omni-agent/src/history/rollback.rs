//! Taking back more than one change, and to a point: always shown first.

use super::as_of;
use super::compensate::{self, Ask, Key, Saved, Wanted};
use super::older::{self, DEVICE_COMMITS_MAX, Older};
use crate::client::Instant;
use crate::edits;
use crate::engine::Engine;
use crate::error::{Result, internal, usage};
use crate::handlers::{change_id, read};
use omni_model::Row;
use omni_protocol::rpc::{DeviceTarget, RecordTarget, RollbackArgs, RollbackPreview, RolledBack};
use omni_protocol::{Change, ChangeId, GroupId, WireError};
use omni_store::{OwnLine, ReadTx, StoreError, WriteTx};
use omni_sync::history::PastCommit;
use omni_sync::replica::{EditError, OutboxState, discard};
use std::collections::{BTreeMap, BTreeSet};

type Stored<T> = std::result::Result<T, StoreError>;

/// Own changes looked through for the members of a group.
pub const OWN_MAX: usize = 50_000;

/// What an act of taking back consists of.
#[derive(Debug)]
pub struct Target {
    /// What is compensated by new changes.
    pub ask: Ask,
    /// Own changes that were not sent: they leave the queue instead, newest first.
    pub unsent: Vec<ChangeId>,
    /// Changes that cannot be reached.
    pub missing: u64,
}

/// The changes of one target, as they are found.
#[derive(Debug, Default)]
struct Found {
    unsent: Vec<ChangeId>,
    /// Those in the copy, or answered and on their way into it: what they touched, since which seq.
    back: BTreeMap<ChangeId, (u64, Vec<Key>)>,
    missing: u64,
    /// On its way; cannot be taken back now.
    sealed: Option<ChangeId>,
}

impl Found {
    fn commit(&mut self, commit: &PastCommit) {
        let keys = commit.images.iter().map(|i| (i.collection, i.record)).collect();
        self.back.insert(commit.info.change, (commit.seq, keys));
    }

    /// A change in the queue.
    fn queued(&mut self, line: &OwnLine, cursor: u64) {
        let Some(entry) = &line.queued else { return };
        let id = line.change.id;
        match entry.state {
            OutboxState::Unsealed if entry.attempts == 0 => self.unsent.push(id),
            OutboxState::Rejected | OutboxState::Held => self.unsent.push(id),
            OutboxState::Acked { .. } => {
                let keys = line.change.ops.iter().map(|op| op.record()).collect();
                self.back.insert(id, (cursor + 1, keys));
            }
            OutboxState::Sealed | OutboxState::Unsealed => self.sealed = Some(id),
            OutboxState::Discarded => self.missing += 1,
        }
    }
}

/// A single change: where it is now.
enum One {
    Found(Found),
    AskCentral,
}

/// The target of taking back some changes, wherever they are.
///
/// Errors: `sealed` for one on its way, `not_found`, `offline` where central is needed and cannot be asked.
pub async fn of_changes(engine: &Engine, ids: Vec<ChangeId>, also: BTreeSet<String>) -> Result<Target> {
    let found = found_of(engine, ids).await?;
    settle(engine, found, also).await
}

async fn found_of(engine: &Engine, ids: Vec<ChangeId>) -> Result<Found> {
    let mut found = Found::default();
    let wanted = ids.clone();
    let here =
        read(&engine.store, move |tx| wanted.iter().map(|id| one(tx, *id)).collect::<Stored<Vec<One>>>()).await?;
    for (id, one) in ids.into_iter().zip(here) {
        match one {
            One::Found(f) => {
                found.unsent.extend(f.unsent);
                found.back.extend(f.back);
                found.missing += f.missing;
                found.sealed = found.sealed.or(f.sealed);
            }
            One::AskCentral => match older::commit_of(engine, id).await? {
                Some(commit) => found.commit(&commit),
                None => found.missing += 1,
            },
        }
    }
    Ok(found)
}

fn one(tx: &ReadTx<'_>, id: ChangeId) -> Stored<One> {
    let mut found = Found::default();
    let since = tx.history_since()?;
    if let Some(entry) = tx.queued(id)? {
        let cursor = tx.meta()?.map_or(0, |m| m.position.seq);
        let line = OwnLine {
            local_no: entry.local_no,
            change: entry.change.clone(),
            queued: Some(entry),
            seq: None,
            outcome: None,
        };
        found.queued(&line, cursor);
        return Ok(One::Found(found));
    }
    match tx.commit_of(id)?.filter(|c| c.seq > since) {
        Some(commit) => {
            found.commit(&commit);
            Ok(One::Found(found))
        }
        // All of that time is here: it made no commit.
        None if since == 0 => {
            found.missing += 1;
            Ok(One::Found(found))
        }
        None => Ok(One::AskCentral),
    }
}

async fn settle(engine: &Engine, found: Found, also: BTreeSet<String>) -> Result<Target> {
    if let Some(id) = found.sealed {
        let message = omni_sync::replica::SEALED_MESSAGE;
        tracing::debug!(%id, "asked to take back a change that is on its way");
        return Err(WireError::new("sealed", message));
    }
    let mut records: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    for (seq, keys) in found.back.values() {
        for key in keys {
            let span = records.entry(*key).or_insert((*seq, *seq));
            *span = (span.0.min(*seq), span.1.max(*seq));
        }
    }
    let since = read(&engine.store, |tx| tx.history_since()).await?;
    let from = records.iter().map(|(key, (first, _))| (*key, *first)).collect();
    let older = older::fetch(engine, &from, since).await?;
    // What was touched last goes back first: what was built on a record goes before the record.
    let mut order: Vec<(Key, (u64, u64))> = records.into_iter().collect();
    order.sort_by_key(|(_, (_, last))| std::cmp::Reverse(*last));
    let ask = Ask {
        wanted: Wanted::Changes(found.back.into_keys().collect()),
        records: order.into_iter().map(|(key, (first, _))| (key, first)).collect(),
        also,
        older,
        own: engine.identity.device,
        points: BTreeMap::new(),
    };
    Ok(Target { ask, unsent: found.unsent, missing: found.missing })
}

/// The target an operator names.
///
/// Errors: `usage` if it is not exactly one.
async fn target(engine: &Engine, args: RollbackArgs) -> Result<Target> {
    let also = args.also.into_iter().collect();
    match (args.record, args.change, args.group, args.device) {
        (Some(record), None, None, None) => of_record(engine, record, also).await,
        (None, Some(change), None, None) => of_changes(engine, vec![change_id(&change)?], also).await,
        (None, None, Some(group), None) => of_group(engine, &group, also).await,
        (None, None, None, Some(device)) => of_device(engine, device, also).await,
        _ => Err(usage("Name one thing to roll back: a record, a change, a group, or a device.")),
    }
}

async fn of_record(engine: &Engine, target: RecordTarget, also: BTreeSet<String>) -> Result<Target> {
    let c = edits::collection(&target.collection)?;
    let key = (c.id, edits::record_id(c, &target.id));
    let to = target.to_seq;
    let (cursor, since) =
        read(&engine.store, |tx| Ok((tx.meta()?.map_or(0, |m| m.position.seq), tx.history_since()?))).await?;
    if to > cursor {
        let message = format!("This laptop's copy stands at commit {cursor}. Name an earlier one.");
        return Err(WireError::new("invalid", message));
    }
    let from = to + 1;
    let older = older::fetch(engine, &BTreeMap::from([(key, from)]), since).await?;
    let mut points: BTreeMap<Key, Option<Row>> = BTreeMap::new();
    if to < since {
        let (client, token) = older::central(engine)?;
        let found = client.record_at(&token, key, Instant::Seq(to)).await?;
        points.insert(key, found.row.map(|row| row.row(key.0, key.1)));
    }
    let ask =
        Ask { wanted: Wanted::Point, records: vec![(key, from)], also, older, own: engine.identity.device, points };
    Ok(Target { ask, unsent: Vec::new(), missing: 0 })
}

/// A group of this laptop, with what waits of it, or one of another laptop as far as its commits are here.
async fn of_group(engine: &Engine, group: &str, also: BTreeSet<String>) -> Result<Target> {
    let unknown = || WireError::new("not_found", format!("No group “{group}” is known here, or it is kept no more."));
    let id = GroupId(uuid::Uuid::parse_str(group).map_err(|_| unknown())?);
    let (own, commits) = read(&engine.store, move |tx| {
        let of_group = |c: &Change| c.group.is_some_and(|g| g.id == id);
        let lines = tx.own_changes(None, OWN_MAX)?;
        let own: Vec<ChangeId> = lines.into_iter().filter(|l| of_group(&l.change)).map(|l| l.change.id).collect();
        let since = tx.history_since()?;
        let mut commits = tx.commits_of_group(id)?;
        commits.retain(|c| c.seq > since);
        Ok((own, commits))
    })
    .await?;
    if own.is_empty() && commits.is_empty() {
        return Err(unknown());
    }
    let mut found = found_of(engine, own).await?;
    commits.iter().for_each(|c| found.commit(c));
    settle(engine, found, also).await
}

async fn of_device(engine: &Engine, target: DeviceTarget, also: BTreeSet<String>) -> Result<Target> {
    let name = target.device.clone();
    let device = read(&engine.store, move |tx| tx.devices_named(&name)).await?;
    let device = match device.as_slice() {
        [one] => *one,
        [] => return Err(WireError::new("not_found", format!("There is no device “{}”.", target.device))),
        _ => {
            let message = format!("Several devices are called “{}”. Name one by its id.", target.device);
            return Err(WireError::new("ambiguous", message));
        }
    };
    let time = |text: &str| match as_of::point(text)? {
        Instant::Time(ms) => Ok(ms),
        Instant::Seq(_) => Err(WireError::new("invalid", format!("“{text}” is not a time (RFC 3339)."))),
    };
    let span = (time(&target.from)?, time(&target.to)?);
    let (since, commits, covered) = read(&engine.store, move |tx| {
        let since = tx.history_since()?;
        let mut commits = tx.commits_of_device(device, span, DEVICE_COMMITS_MAX)?;
        commits.retain(|c| c.seq > since);
        let covered = since == 0 || tx.seq_at(span.0.saturating_sub(1))?.is_some_and(|seq| seq >= since);
        Ok((since, commits, covered))
    })
    .await?;
    let mut found = Found::default();
    commits.iter().for_each(|c| found.commit(c));
    if !covered {
        older::commits_of(engine, device, span, since).await?.iter().for_each(|c| found.commit(c));
    }
    settle(engine, found, also).await
}

/// What it would do, line by line.
pub async fn shown(engine: &Engine, target: Target) -> Result<RollbackPreview> {
    let Target { mut ask, unsent, missing } = target;
    read(&engine.store, move |tx| {
        let mut lines = Vec::new();
        for (key, from) in &ask.records {
            lines.extend(ask.plan(tx, *key, *from)?.lines(tx)?);
        }
        // What leaves the queue does so one change after another; shown is what all of it comes to.
        let mut keys: Vec<Key> = Vec::new();
        for id in &unsent {
            let ops = tx.queued(*id)?.filter(|e| e.state.in_overlay()).map(|e| e.change.ops).unwrap_or_default();
            keys.extend(ops.iter().map(|op| op.record()));
        }
        keys.dedup();
        ask.older = Older::default();
        ask.wanted = Wanted::Changes(unsent.iter().copied().collect());
        for key in keys {
            lines.extend(ask.plan(tx, key, u64::MAX)?.lines(tx)?);
        }
        Ok(RollbackPreview { lines, missing })
    })
    .await
}

/// Takes it back: what was not sent leaves the queue, what is in the copy is compensated.
///
/// Errors: `offered` if somebody changed all of it since, `not_found` if nothing of it is here.
pub async fn done(engine: &Engine, target: Target) -> Result<(Saved, u64)> {
    let Target { ask, unsent, missing } = target;
    let discarded = unsent.len() as u64;
    if ask.records.is_empty() && discarded == 0 {
        let message = match missing {
            0 => "There is nothing to take back.",
            _ => "This change is not here and not on central, or it did nothing.",
        };
        return Err(WireError::new("not_found", message));
    }
    if discarded > 0 {
        let leave = move |tx: &mut WriteTx<'_>| unsent.iter().try_for_each(|id| discard(tx, *id));
        edits::write(&engine.store, move |tx| leave(tx).map_err(|e: EditError| edits::NotSaved::from(e))).await?;
    }
    if ask.records.is_empty() {
        return Ok((Saved::default(), discarded));
    }
    let store = engine.store.clone();
    let work = tokio::task::spawn_blocking(move || compensate::save(&store, ask)).await;
    Ok((work.map_err(|e| internal("Taking back", e))??, discarded))
}

/// `rollback.preview`.
pub async fn preview(engine: &Engine, args: RollbackArgs) -> Result<RollbackPreview> {
    let target = target(engine, args).await?;
    shown(engine, target).await
}

/// `rollback`.
pub async fn rollback(engine: &Engine, args: RollbackArgs) -> Result<RolledBack> {
    let target = target(engine, args).await?;
    let (saved, discarded) = done(engine, target).await?;
    Ok(compensate::reply(saved, discarded))
}
