//! Operators at work: saving, discarding, sending again.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Event;
use super::host::{Hosts, transact, view};
use super::laptop::{again, is_discardable};
use super::ledger::Place;
use super::operator::{Desk, Draft};
use super::plan::Planted;
use crate::mem_replica::Durability;
use omni_model::{Op, RecordId};
use omni_protocol::{ChangeId, GroupId, GroupRef};
use omni_sync::StorageError;
use omni_sync::replica::{EditError, Intent, OutboxState, ReplicaTx, discard, save, take_for_reissue};
use std::collections::BTreeMap;

impl<H: Hosts> Sim<H> {
    /// An operator acts, and will act again.
    pub(super) fn operate(&mut self, c: usize) {
        if self.healing {
            return;
        }
        let gap = self.rng.below(self.plan.edit_gap_ms * 2) + 1;
        self.after(gap, Event::Operate(c));
        if !self.laptops[c].up {
            return;
        }
        match self.rng.below(100) {
            0..=3 => self.discard_one(c),
            4..=6 => self.reissue_one(c),
            7..=11 => self.undo_one(c),
            _ => self.edit(c),
        }
        if self.laptops[c].up {
            let (life, ms) = (self.laptops[c].life, self.rng.below(1_500));
            self.after(ms, Event::Kick(c, life));
        }
    }

    fn edit(&mut self, c: usize) {
        let mut rng = self.rng.clone();
        let (known, focus) = (&self.known, self.laptops[c].focus);
        let drafts = view(&mut self.laptops[c].host, |tx| {
            let mut fresh = |rng: &mut super::rng::Rng| RecordId(rng.uuid());
            Ok(Desk { rng: &mut rng, known, tx, focus, fresh: &mut fresh }.next())
        });
        self.rng = rng;
        let Some(drafts) = self.storage(drafts, "desk") else { return };
        let count = drafts.len() as u32;
        let group = (count > 1).then(|| GroupId(self.rng.uuid()));
        if group.is_some() {
            self.coverage.hit(Reached::Group);
        }
        for (index, draft) in drafts.into_iter().enumerate() {
            let group = group.map(|id| GroupRef { id, index: index as u32, count });
            if !self.save_draft(c, draft, group) {
                return;
            }
        }
    }

    /// Saves one change; `false` = the laptop crashed.
    pub(super) fn save_draft(&mut self, c: usize, draft: Draft, group: Option<GroupRef>) -> bool {
        let id = ChangeId(self.rng.uuid());
        let time = self.edit_time(c);
        let ops = draft.ops.clone();
        self.laptops[c].focus = draft.about;
        let intent = Intent {
            id,
            time,
            command: draft.command,
            args: draft.args,
            ops: draft.ops,
            priority: draft.priority,
            group,
        };
        let soft = self.plan.planted == Some(Planted::SaveNotDurable);
        let durability = if soft { Durability::Normal } else { Durability::Full };
        let Some(result) = self.laptop_tx_or_crash(c, durability, |tx| save(tx, intent)) else {
            self.crashed_while_saving(c, id);
            return false;
        };
        if result.is_ok() {
            self.check_shown(c, &ops);
        }
        match result {
            Ok(Some(entry)) => {
                self.note("saved", c as u64, entry.local_no, || {
                    format!("{id} base {} {:?}", entry.change.base.seq, entry.change.ops)
                });
                self.note_known(c, &ops);
                let seen = self.seen(c);
                self.ledger.save(c, self.now, &entry.change, None, seen);
            }
            Ok(None) => {}
            Err(EditError::Refused { code, .. }) => self.note("refused here", c as u64, 0, || code.to_owned()),
            Err(EditError::Storage(e)) => self.fail(format!("saving: {e}")),
        }
        true
    }

    /// What was typed last is what shows.
    fn check_shown(&mut self, c: usize, ops: &[Op]) {
        let mut typed = BTreeMap::new();
        for op in ops {
            match op {
                Op::Set { collection, record, field, value } => {
                    typed.insert((*collection, *record, *field), value.clone());
                }
                // A deleted record shows nothing.
                Op::Delete { record, .. } => typed.retain(|(_, r, _), _| r != record),
                _ => {}
            }
        }
        let wrong = view(&mut self.laptops[c].host, |tx| {
            for ((collection, record, field), value) in &typed {
                let shown = tx.row(*collection, *record)?.map(|row| row.get(*field).clone()).unwrap_or_default();
                if shown != *value && !(shown.is_null() && value.is_null()) {
                    return Ok(Some(format!("field {} of {record} shows {shown:?}, {value:?} was typed", field.0)));
                }
            }
            Ok(None)
        });
        if let Some(why) = self.storage(wrong, "visible row").flatten() {
            self.fail(format!("laptop {c}: {why}"));
        }
    }

    /// The laptop crashed around a save: the operator saw nothing, but what is in the database counts from now on.
    fn crashed_while_saving(&mut self, c: usize, id: ChangeId) {
        let entry = view(&mut self.laptops[c].host, |tx| tx.outbox_get(id));
        if let Some(entry) = self.storage(entry, "outbox").flatten() {
            self.note_known(c, &entry.change.ops);
            let seen = self.seen(c);
            self.ledger.save(c, self.now, &entry.change, None, seen);
        }
    }

    /// What the copy of a laptop shows, as a place in central's histories.
    fn seen(&mut self, c: usize) -> Option<Place> {
        let position = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position));
        let position = self.storage(position, "meta")?;
        self.ledger.place(position)
    }

    fn note_known(&mut self, c: usize, ops: &[Op]) {
        for op in ops.iter().filter(|op| op.creates()) {
            let (collection, id) = op.record();
            if *self.ledger.creators.entry(id).or_insert(c) != c {
                self.coverage.hit(Reached::SameKeyTwice);
            }
            let all = self.known.entry(collection).or_default();
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }

    fn pick_entry(&mut self, c: usize, fits: impl Fn(&OutboxState) -> bool) -> Option<(ChangeId, OutboxState)> {
        let mine: Vec<ChangeId> = self.ledger.saved.iter().filter(|(_, s)| s.client == c).map(|(id, _)| *id).collect();
        let found = view(&mut self.laptops[c].host, |tx| {
            let mut found = Vec::new();
            for id in &mine {
                found.extend(tx.outbox_get(*id)?.filter(|e| fits(&e.state)).map(|e| (e.change.id, e.state)));
            }
            Ok(found)
        });
        let found = self.storage(found, "outbox")?;
        self.rng.pick(&found).cloned()
    }

    fn discard_one(&mut self, c: usize) {
        let Some((id, state)) = self.pick_entry(c, is_discardable) else { return };
        match self.laptop_tx_or_crash(c, Durability::Full, |tx| discard(tx, id)) {
            Some(Ok(())) => {
                let refused = state != OutboxState::Unsealed;
                self.coverage.hit(if refused { Reached::DiscardedRefused } else { Reached::DiscardedUnsealed });
                self.note("discarded", c as u64, 0, || format!("{id} {state:?}"));
                if let Some(saved) = self.ledger.saved.get_mut(&id) {
                    saved.discarded = true;
                }
            }
            Some(Err(EditError::Storage(e))) => self.fail(format!("discarding: {e}")),
            Some(Err(EditError::Refused { .. })) => {}
            None => self.crashed_while_discarding(c, id),
        }
    }

    /// The laptop crashed around a discard: only its database knows whether it happened.
    fn crashed_while_discarding(&mut self, c: usize, id: ChangeId) {
        let entry = view(&mut self.laptops[c].host, |tx| tx.outbox_get(id));
        let Some(entry) = self.storage(entry, "outbox") else { return };
        if let (Some(entry), Some(saved)) = (entry, self.ledger.saved.get_mut(&id)) {
            saved.discarded |= entry.state == OutboxState::Discarded;
        }
    }

    fn reissue_one(&mut self, c: usize) {
        let fits = |s: &OutboxState| is_discardable(s) || *s == OutboxState::Discarded;
        if let Some((id, _)) = self.pick_entry(c, fits) {
            self.reissue(c, id);
        }
    }

    /// Sends a refused, discarded or waiting change again under a new id, in one transaction. Gives the id if it happened.
    pub(super) fn reissue(&mut self, c: usize, old: ChangeId) -> Option<ChangeId> {
        let id = ChangeId(self.rng.uuid());
        let time = self.edit_time(c);
        let mut saved = None;
        let body = |tx: &mut dyn ReplicaTx| -> Result<(), EditError> {
            let change = take_for_reissue(tx, old)?;
            let entry = save(tx, again(change, id, time))?;
            // Nothing left to do: the change stays where it was.
            let Some(entry) = entry else {
                return Err(EditError::Refused { code: "nothing", message: String::new(), fields: Vec::new() });
            };
            saved = Some(entry.change);
            Ok(())
        };
        let result = self.laptop_tx_or_crash(c, Durability::Full, body);
        if let Some(Err(EditError::Storage(e))) = &result {
            self.fail(format!("sending again: {e}"));
        }
        let there = view(&mut self.laptops[c].host, |tx| Ok(tx.outbox_get(id)?.is_some()));
        let Some(true) = self.storage(there, "outbox") else { return None };
        let change = saved?;
        self.coverage.hit(Reached::Reissued);
        self.note("sent again", c as u64, 0, || format!("{old} as {id}"));
        let before = self.ledger.saved.get_mut(&old)?;
        before.reissued = true;
        let (root, exempt, shared) = (before.root, before.exempt, before.shared);
        let seen = self.seen(c);
        self.ledger.save(c, self.now, &change, Some(root), seen);
        if let Some(new) = self.ledger.saved.get_mut(&id) {
            (new.exempt, new.shared) = (exempt, shared);
        }
        Some(id)
    }

    fn laptop_tx_or_crash<T, E>(
        &mut self,
        c: usize,
        durability: Durability,
        body: impl FnOnce(&mut dyn ReplicaTx) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let crash = self.rng.chance(self.plan.crash_at_tx);
        if crash && self.rng.chance(500) {
            self.crash_laptop(c);
            return None;
        }
        let result: Result<Result<T, E>, StorageError> = transact(&mut self.laptops[c].host, durability, body);
        match result {
            Ok(result) if crash => {
                // The operator saw nothing: whether it was saved is open, so it is not in the ledger.
                drop(result);
                self.crash_laptop(c);
                None
            }
            Ok(result) => Some(result),
            Err(e) => {
                self.medium_failed("an operator's transaction", &e);
                self.crash_laptop(c);
                None
            }
        }
    }
}
