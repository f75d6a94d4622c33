//! Undo and redo. What can be undone last is read from the own changes themselves, so it survives a restart: an undo is
//! a change that names what it takes back, and a change that was not sent waits, discarded, where it was.

use super::rollback::{self, OWN_MAX, Target};
use crate::edits;
use crate::engine::Engine;
use crate::error::Result;
use crate::handlers::{change_id, read};
use omni_model::{Op, RecordId};
use omni_protocol::rpc::{ChangeArgs, ChangeMade, RollbackPreview};
use omni_protocol::{ChangeId, GroupId, WireError};
use omni_store::{OwnLine, WriteTx};
use omni_sync::replica::{OutboxState, restore};
use std::collections::{BTreeSet, HashMap};

/// What `undo` of a change would do.
pub async fn preview(engine: &Engine, args: ChangeArgs) -> Result<RollbackPreview> {
    let target = rollback::of_changes(engine, vec![change_id(&args.change)?], BTreeSet::new()).await?;
    rollback::shown(engine, target).await
}

/// Takes one change back.
///
/// Errors: `sealed` while it is on its way, `offered` if somebody changed all of it since, `not_found`, `offline`.
pub async fn undo(engine: &Engine, args: ChangeArgs) -> Result<ChangeMade> {
    take_back(engine, vec![change_id(&args.change)?]).await
}

async fn take_back(engine: &Engine, ids: Vec<ChangeId>) -> Result<ChangeMade> {
    let target = rollback::of_changes(engine, ids, BTreeSet::new()).await?;
    let id = first_record(engine, &target).await?;
    let (saved, _) = rollback::done(engine, target).await?;
    Ok(ChangeMade { change: saved.changes.first().map(ToString::to_string), id: id.to_string() })
}

async fn first_record(engine: &Engine, target: &Target) -> Result<RecordId> {
    if let Some(((_, id), _)) = target.ask.records.first() {
        return Ok(*id);
    }
    let Some(change) = target.unsent.first().copied() else { return Ok(RecordId::GLOBAL) };
    let entry = read(&engine.store, move |tx| tx.queued(change)).await?;
    Ok(entry.and_then(|e| e.change.ops.first().map(|op| op.record().1)).unwrap_or(RecordId::GLOBAL))
}

/// What an own change is to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Something was done.
    Do,
    /// Something done was taken back.
    Undo,
    /// Something taken back was done again.
    Redo,
}

#[derive(Clone, Debug)]
struct Own {
    id: ChangeId,
    group: Option<GroupId>,
    /// The changes it takes back.
    targets: Vec<ChangeId>,
    /// It shows in the copy.
    in_effect: bool,
    /// It left the queue before it was ever sent.
    unsent: bool,
    local_no: u64,
}

impl Own {
    fn of(line: OwnLine) -> Own {
        let (in_effect, unsent) = match (&line.queued, &line.outcome) {
            (Some(e), _) => {
                (e.state.in_overlay(), e.state == OutboxState::Discarded && e.counter.is_none() && e.attempts == 0)
            }
            (None, outcome) => (outcome.as_ref().is_some_and(omni_protocol::Outcome::took_effect), false),
        };
        let target = |op: &Op| match op {
            Op::Undo { change, .. } => Some(*change),
            _ => None,
        };
        let targets: Option<BTreeSet<ChangeId>> = line.change.ops.iter().map(target).collect();
        Own {
            id: line.change.id,
            group: line.change.group.map(|g| g.id),
            targets: targets.unwrap_or_default().into_iter().collect(),
            in_effect,
            unsent,
            local_no: line.local_no,
        }
    }
}

/// Own changes, newest first, with what they are to each other.
struct Stack {
    all: Vec<Own>,
    place: HashMap<ChangeId, usize>,
    taken_back: BTreeSet<ChangeId>,
}

impl Stack {
    fn new(all: Vec<Own>) -> Stack {
        let place = all.iter().enumerate().map(|(at, own)| (own.id, at)).collect();
        let mut taken_back = BTreeSet::new();
        // Newest first: whatever was taken back itself takes nothing back.
        for own in all.iter().filter(|o| o.in_effect) {
            if !taken_back.contains(&own.id) {
                taken_back.extend(own.targets.iter().copied());
            }
        }
        Stack { all, place, taken_back }
    }

    fn target(&self, own: &Own) -> Option<&Own> {
        own.targets.first().and_then(|id| self.place.get(id)).map(|at| &self.all[*at])
    }

    /// Undo of an undo is redo, and so on; each names an older one, so this ends.
    fn kind(&self, own: &Own) -> Kind {
        match (own.targets.is_empty(), self.target(own)) {
            (true, _) => Kind::Do,
            (false, Some(target)) if target.local_no < own.local_no => match self.kind(target) {
                Kind::Undo => Kind::Redo,
                Kind::Do | Kind::Redo => Kind::Undo,
            },
            (false, _) => Kind::Undo,
        }
    }

    /// Where what it does, undoes or redoes was done first.
    fn origin(&self, own: &Own) -> u64 {
        match self.target(own) {
            Some(target) if target.local_no < own.local_no => self.origin(target),
            _ => own.local_no,
        }
    }

    fn stands(&self, own: &Own) -> bool {
        own.in_effect && !self.taken_back.contains(&own.id)
    }

    /// What undo takes back next: of what was done last, its latest doing.
    fn undo_next(&self) -> Option<Vec<ChangeId>> {
        let done = self.all.iter().filter(|o| self.stands(o) && self.kind(o) != Kind::Undo);
        done.max_by_key(|o| (self.origin(o), o.local_no)).map(|own| self.unit(own))
    }

    /// What redo does again next: of what was taken back since the last thing done, the oldest.
    fn redo_next(&self) -> Option<&Own> {
        let mut found: Option<(u64, &Own)> = None;
        for own in &self.all {
            match self.kind(own) {
                Kind::Do if self.stands(own) => break,
                Kind::Undo if self.stands(own) => {}
                Kind::Do if own.unsent => {}
                _ => continue,
            }
            let origin = self.origin(own);
            if found.is_none_or(|(oldest, _)| origin < oldest) {
                found = Some((origin, own));
            }
        }
        found.map(|(_, own)| own)
    }

    /// All that was done in one act, as far as it stands or waits to be done again.
    fn unit(&self, own: &Own) -> Vec<ChangeId> {
        match own.group {
            None => vec![own.id],
            Some(group) => {
                let alike = |o: &&Own| o.group == Some(group) && o.in_effect == own.in_effect && o.unsent == own.unsent;
                let stands = |o: &&Own| !self.taken_back.contains(&o.id);
                self.all.iter().filter(alike).filter(stands).map(|o| o.id).collect()
            }
        }
    }
}

async fn stack(engine: &Engine) -> Result<Stack> {
    let lines = read(&engine.store, |tx| tx.own_changes(None, OWN_MAX)).await?;
    Ok(Stack::new(lines.into_iter().map(Own::of).collect()))
}

/// Takes the newest own act back that still stands.
///
/// Errors: `nothing_to_undo`, those of `undo`.
pub async fn undo_last(engine: &Engine) -> Result<ChangeMade> {
    let next = stack(engine).await?.undo_next();
    let nothing = || WireError::new("nothing_to_undo", "There is nothing to undo on this laptop.");
    take_back(engine, next.ok_or_else(nothing)?).await
}

/// Does again what was taken back last, if nothing was done since.
///
/// Errors: `nothing_to_redo`, those of `undo`.
pub async fn redo_last(engine: &Engine) -> Result<ChangeMade> {
    let stack = stack(engine).await?;
    let nothing = || WireError::new("nothing_to_redo", "There is nothing to redo on this laptop.");
    let next = stack.redo_next().ok_or_else(nothing)?;
    let mut unit = stack.unit(next);
    if !next.unsent {
        return take_back(engine, unit).await;
    }
    // Oldest first: what a record is made by comes before what changes it.
    unit.reverse();
    let first = next.id;
    let back = move |tx: &mut WriteTx<'_>| {
        unit.iter().try_for_each(|id| restore(tx, *id))?;
        let entry = omni_sync::replica::ReplicaTx::outbox_get(tx, first).map_err(omni_store::StoreError::from)?;
        let record = entry.and_then(|e| e.change.ops.first().map(|op| op.record().1));
        Ok::<_, edits::NotSaved>(record.unwrap_or(RecordId::GLOBAL))
    };
    let record = edits::write(&engine.store, back).await?;
    Ok(ChangeMade { change: Some(first.to_string()), id: record.to_string() })
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
