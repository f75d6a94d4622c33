//! Undo: a field goes back only where the change taken back is still its last writer, a record only where nobody worked on
//! it since, and what does not go back is offered.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::Hosts;
use super::ledger::{Changed, Ledger};
use omni_model::{FieldId, Op, Policy, RecordId, Value, schema};
use omni_protocol::{ChangeId, Effect, Outcome};
use omni_sync::central::Commit;
use omni_sync::meta::{FieldImage, Image};
use std::collections::BTreeSet;

/// One taking back in a commit.
struct Back<'a> {
    by: ChangeId,
    target: ChangeId,
    record: RecordId,
    image: &'a Image,
}

impl Ledger {
    /// What a change did to a record, as the present history has it.
    pub fn image(&self, change: ChangeId, record: RecordId) -> Option<&Image> {
        self.commit_of(change)?.images.iter().find(|i| i.record == record)
    }

    /// The fields of a record that live on through what a change did to it, for an undo of it to work on.
    pub fn undone_fields(&self, change: ChangeId, record: RecordId) -> &[FieldImage] {
        let lived = |i: &&Image| i.owner_before.is_some() && i.owner_after.is_some();
        self.image(change, record).filter(lived).map_or(&[], |image| &image.fields)
    }
}

fn policy(image: &Image, field: FieldId) -> Option<Policy> {
    schema::by_id(image.collection).and_then(|c| c.field_by_id(field)).map(|f| f.policy)
}

impl<H: Hosts> Sim<H> {
    /// Each taking back in a commit, against who wrote what. Called before the commit's own writes are noted.
    pub(super) fn check_undos(&mut self, commit: &Commit, changed: &Changed, effects: &[Effect]) {
        let Some(saved) = self.ledger.saved.get(&commit.info.change) else { return };
        let answer = self.ledger.answers.get(&(commit.info.replica, commit.info.counter)).cloned();
        // What else the change does to a record is not the undo's.
        let undoes = saved.ops.iter().filter_map(|op| match op {
            Op::Undo { record, change, .. } => Some((*record, *change)),
            _ => None,
        });
        let undoes: Vec<(RecordId, ChangeId)> = undoes.collect();
        for (record, target) in undoes {
            let Some(image) = self.ledger.image(target, record).cloned() else { continue };
            let back = Back { by: commit.info.change, target, record, image: &image };
            let removed = effects.iter().any(|e| matches!(e, Effect::Remove { record: r, .. } if *r == record));
            let why = self
                .wrong_removal(&back, removed)
                .or_else(|| self.over_later_writes(&back, changed))
                .or_else(|| answer.as_ref().and_then(|answer| self.silent(&back, answer)));
            if let Some(why) = why {
                return self.fail(format!("{} took back {target}: {why}", back.by));
            }
            let state = if answer.as_ref().is_some_and(|a| a.code.is_some()) {
                Reached::UndoOffered
            } else {
                Reached::UndoDone
            };
            self.coverage.hit(state);
        }
    }

    /// A record made by the change goes only if nobody worked on it since.
    fn wrong_removal(&self, back: &Back, removed: bool) -> Option<String> {
        if !removed {
            return None;
        }
        let range = (back.record, FieldId(0))..=(back.record, FieldId(u16::MAX));
        let mut writers = self.ledger.writers.range(range).map(|(_, (writer, ..))| *writer);
        let other = writers.find(|writer| *writer != back.target);
        match (back.image.owner_before, other) {
            (Some(_), _) => Some(format!("it did not make {}, which is deleted", back.record)),
            (None, Some(other)) => Some(format!("{} is deleted over the later work of {other}", back.record)),
            (None, None) => None,
        }
    }

    /// A field that goes back was written last by the change, and gets the value it had before.
    fn over_later_writes(&self, back: &Back, changed: &Changed) -> Option<String> {
        for part in &back.image.fields {
            let key = (back.record, part.field);
            let merges = matches!(policy(back.image, part.field), Some(Policy::Counter | Policy::Set | Policy::Text));
            let (Some((_, now)), Some((writer, ..))) = (changed.get(&key), self.ledger.writers.get(&key)) else {
                continue;
            };
            if merges || back.image.owner_after.is_none() || back.image.owner_before.is_none() {
                continue;
            }
            if *writer != back.target {
                return Some(format!("field {} of {} over the later write of {writer}", part.field.0, back.record));
            }
            if *now != part.before && !(now.is_null() && part.before.is_null()) {
                return Some(format!("field {} became {now:?}, it was {:?} before", part.field.0, part.before));
            }
        }
        self.torn_text(back)
    }

    /// A text nobody typed into since is what it was; what somebody typed since stays.
    fn torn_text(&self, back: &Back) -> Option<String> {
        let row = self.ledger.rows.get(&back.record)?;
        let text = |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or_default().to_owned();
        for part in &back.image.fields {
            if policy(back.image, part.field) != Some(Policy::Text) || back.image.owner_after.is_none() {
                continue;
            }
            let key = (back.record, part.field);
            let Some((writer, _, standing)) = self.ledger.writers.get(&key) else { continue };
            let (before, now) = (text(Some(standing)), text(row.get(&part.field)));
            let is_last = *writer == back.target && back.image.owner_before.is_some();
            if is_last && now != before && now != text(Some(&part.before)) {
                return Some(format!("text {:?} became {now:?}, not {:?}", before, part.before));
            }
            let theirs = self.typed_last(key).filter(|theirs| before.contains(theirs.as_str()));
            if let Some(torn) = theirs.filter(|theirs| *writer != back.target && !now.contains(theirs.as_str())) {
                return Some(format!("tore {torn:?} of {writer} apart"));
            }
        }
        None
    }

    /// What does not go back is said.
    fn silent(&self, back: &Back, answer: &Outcome) -> Option<String> {
        let row = self.ledger.rows.get(&back.record)?;
        let offered: BTreeSet<(RecordId, FieldId)> = answer.waits.iter().copied().collect();
        for part in self.ledger.undone_fields(back.target, back.record) {
            let merges = matches!(policy(back.image, part.field), Some(Policy::Counter | Policy::Set | Policy::Text));
            let now = row.get(&part.field).cloned().unwrap_or_default();
            let known = policy(back.image, part.field).is_some();
            if known && !merges && now != part.before && !offered.contains(&(back.record, part.field)) {
                return Some(format!("field {} stayed {now:?} and nobody is told", part.field.0));
            }
        }
        None
    }
}
