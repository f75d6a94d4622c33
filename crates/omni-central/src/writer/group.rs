//! One group of batches through one transaction, and the ways out when a change breaks the merge.

use super::note::{EntryId, Notes};
use super::{Admit, Answer, Push};
use crate::access::{Access, rights};
use crate::core::Core;
use crate::error::CentralError;
use crate::ledger;
use crate::storage::{BatchRecord, MediumError, StorageExt, WriteTx, medium};
use omni_protocol::change::chain;
use omni_protocol::{Batch, Outcome, Scope};
use omni_sync::StorageError;
use omni_sync::central::{Admitted, CentralTx, Commit, Sender};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What one batch led to, not yet durable.
enum Verdict {
    Admitted(Admitted),
    Revoked,
}

/// The state of the writer's thread.
pub struct GroupWriter {
    pub core: Arc<Core>,
    pub admit: Arc<Admit>,
    pub notes: Notes,
}

type Result<T> = std::result::Result<T, StorageError>;

impl GroupWriter {
    /// Admits a group and answers every push of it.
    pub fn admit(&mut self, group: Vec<Push>) {
        let (suspects, group): (Vec<Push>, Vec<Push>) = group
            .into_iter()
            .partition(|p| self.notes.is_suspect(p.batch.replica, p.batch.first, p.batch.entries.len() as u64));
        if !group.is_empty() {
            self.together(group);
        }
        for push in suspects {
            self.alone(push);
        }
    }

    fn together(&mut self, group: Vec<Push>) {
        let runs = group.iter().map(|p| (p.batch.replica, p.batch.first, p.batch.entries.len() as u64));
        if let Err(e) = self.notes.begin(false, runs) {
            tracing::warn!(error = %e, "the note of a group could not be written");
        }
        let mut culprits = BTreeSet::new();
        let (core, admit, known) = (self.core.clone(), self.admit.clone(), self.notes.set_aside().clone());
        let result = core.storage.writing(|tx| {
            let access = prepare(&core, tx)?;
            let mut verdicts = Vec::with_capacity(group.len());
            for push in &group {
                let Some(sender) = sender(push, &access, &known) else {
                    verdicts.push(Verdict::Revoked);
                    continue;
                };
                let known = tx.replica(push.batch.replica)?.map_or(0, |r| r.counter);
                let admitted = admit_guarded(tx, &*admit, sender, &push.batch, &mut culprits)?;
                keep_signature(tx, push, known, &admitted)?;
                verdicts.push(Verdict::Admitted(admitted));
            }
            ledger::sign(tx, &core.key, core.clock.now_ms())?;
            Ok(verdicts)
        });
        let _ = self.notes.end();
        for culprit in culprits {
            tracing::error!(replica = %culprit.0, counter = culprit.1, "a change broke the merge and was set aside");
            if let Err(e) = self.notes.quarantine(culprit) {
                tracing::error!(error = %e, "the quarantine could not be written");
            }
        }
        match result {
            Ok(verdicts) => self.publish(group, verdicts),
            Err(e) => self.failed(group, &e),
        }
    }

    /// A batch central died on: each entry in its own transaction under its own note, so that a second death names one.
    fn alone(&mut self, push: Push) {
        let (mut outcomes, mut head) = (Vec::new(), push.batch.prev_hash);
        for (i, entry) in push.batch.entries.iter().enumerate() {
            let counter = push.batch.first + i as u64;
            let single = Batch { first: counter, prev_hash: head, entries: vec![entry.clone()], ..push.batch.clone() };
            head = chain(head, entry.link());
            match self.one(&push, &single, i == 0) {
                Ok(Verdict::Admitted(Admitted::Done { outcomes: done, .. })) => outcomes.extend(done),
                Ok(other) => return answer(push, other),
                Err(e) => return self.failed(vec![push], &e),
            }
            self.notes.clear_suspect((push.batch.replica, counter));
        }
        answer(push, Verdict::Admitted(Admitted::Done { outcomes, commits: Vec::new() }));
    }

    fn one(&mut self, push: &Push, single: &Batch, first: bool) -> Result<Verdict> {
        let entry = (single.replica, single.first);
        if let Err(e) = self.notes.begin(true, std::iter::once((entry.0, entry.1, 1))) {
            tracing::warn!(error = %e, "the note of an entry could not be written");
        }
        let mut culprits = BTreeSet::new();
        let (core, admit, known) = (self.core.clone(), self.admit.clone(), self.notes.set_aside().clone());
        let verdict = core.storage.writing(|tx| {
            let access = prepare(&core, tx)?;
            let Some(sender) = sender(push, &access, &known) else { return Ok(Verdict::Revoked) };
            let admitted = admit_guarded(tx, &*admit, sender, single, &mut culprits)?;
            if first && matches!(admitted, Admitted::Done { .. }) {
                tx.put_batch(&BatchRecord::of(&push.batch, push.device))?;
            }
            ledger::sign(tx, &core.key, core.clock.now_ms())?;
            Ok(Verdict::Admitted(admitted))
        });
        let _ = self.notes.end();
        for culprit in culprits {
            if let Err(e) = self.notes.quarantine(culprit) {
                tracing::error!(error = %e, "the quarantine could not be written");
            }
        }
        if let Ok(Verdict::Admitted(Admitted::Done { outcomes, commits })) = &verdict {
            self.announce(commits.iter().cloned().map(Arc::new).collect(), outcomes);
        }
        verdict
    }

    fn publish(&self, group: Vec<Push>, mut verdicts: Vec<Verdict>) {
        let mut fresh = Vec::new();
        for verdict in &mut verdicts {
            if let Verdict::Admitted(Admitted::Done { outcomes, commits }) = verdict {
                self.core.metrics.answered(outcomes);
                fresh.extend(std::mem::take(commits).into_iter().map(Arc::new));
            }
        }
        self.announce(fresh, &[]);
        for (push, verdict) in group.into_iter().zip(verdicts) {
            answer(push, verdict);
        }
    }

    fn announce(&self, commits: Vec<Arc<Commit>>, outcomes: &[Outcome]) {
        self.core.metrics.answered(outcomes);
        let Some(last) = commits.last().map(|c| c.position.seq) else { return };
        let mut scopes: BTreeMap<Scope, u64> = BTreeMap::new();
        for commit in &commits {
            scopes.extend(commit.parts.iter().map(|(scope, _)| (*scope, commit.position.seq)));
        }
        self.core.metrics.commits.increment(commits.len() as u64);
        self.core.metrics.head.set(last as f64);
        self.core.ring.extend(commits);
        self.core.hints.announce(last, &scopes.into_iter().collect::<Vec<_>>());
    }

    /// Nothing of the group is promised. What the log holds now is found out from the log.
    fn failed(&self, group: Vec<Push>, error: &StorageError) {
        tracing::error!(%error, batches = group.len(), "a write transaction failed");
        self.core.metrics.write_failures.increment(1);
        self.core.ring.clear();
        if matches!(medium(error), Some(MediumError::Fenced)) {
            self.core.fail("Another central has taken over this data.".to_owned());
        } else if let Ok(head) = self.core.storage.reading(|tx| tx.head()) {
            self.core.hints.announce(head.position.seq, &[]);
        }
        for push in group {
            (push.reply)(Answer::Refused(refusal(error)));
        }
    }
}

fn refusal(error: &StorageError) -> CentralError {
    let code = medium(error).map_or("damaged", MediumError::code);
    let message = match code {
        "disk_full" => "Central's disk is full; the changes stay queued on the laptop.",
        _ => "Central could not store the changes; they stay queued on the laptop.",
    };
    CentralError::retryable(code, message)
}

/// What every transaction does first: rights as of now, and the pings that came in meanwhile.
fn prepare(core: &Core, tx: &mut dyn WriteTx) -> Result<Arc<Access>> {
    let access = core.refresh_access(&*tx)?;
    for (device, boot, sample) in core.take_samples() {
        tx.put_boot_sample(device, boot, sample)?;
    }
    Ok(access)
}

fn sender(push: &Push, access: &Access, quarantine: &BTreeSet<EntryId>) -> Option<Sender> {
    let device = access.active(push.device)?;
    Some(Sender {
        device: push.device,
        rights: rights(device),
        authority: device.role.authority(),
        lineage: push.lineage.clone(),
        now_ms: push.received_ms,
        quarantine: quarantine.clone(),
    })
}

/// The merge with its panics caught: the savepoint is rolled back, the batch runs entry by entry, and the one that
/// panics alone is set aside.
fn admit_guarded(
    tx: &mut dyn WriteTx,
    admit: &Admit,
    mut sender: Sender,
    batch: &Batch,
    culprits: &mut BTreeSet<EntryId>,
) -> Result<Admitted> {
    tx.mark()?;
    if let Some(admitted) = unwound(tx, admit, &sender, batch)? {
        if !matches!(admitted, Admitted::Done { .. }) {
            tx.undo_to_mark()?;
        }
        return Ok(admitted);
    }
    let (mut outcomes, mut commits, mut head) = (Vec::new(), Vec::new(), batch.prev_hash);
    for (i, entry) in batch.entries.iter().enumerate() {
        let counter = batch.first + i as u64;
        let single = Batch { first: counter, prev_hash: head, entries: vec![entry.clone()], ..batch.clone() };
        head = chain(head, entry.link());
        tx.mark()?;
        let admitted = match unwound(tx, admit, &sender, &single)? {
            Some(admitted) => admitted,
            None => {
                culprits.insert((batch.replica, counter));
                sender.quarantine.insert((batch.replica, counter));
                admit(tx, &sender, &single)?
            }
        };
        match admitted {
            Admitted::Done { outcomes: o, commits: c } => {
                outcomes.extend(o);
                commits.extend(c);
            }
            other => return Ok(other),
        }
    }
    Ok(Admitted::Done { outcomes, commits })
}

/// `None`: it panicked, and everything since the savepoint is undone.
fn unwound(tx: &mut dyn WriteTx, admit: &Admit, sender: &Sender, batch: &Batch) -> Result<Option<Admitted>> {
    match catch_unwind(AssertUnwindSafe(|| admit(&mut *tx as &mut dyn CentralTx, sender, batch))) {
        Ok(result) => result.map(Some),
        Err(_) => {
            tx.undo_to_mark()?;
            Ok(None)
        }
    }
}

/// A batch with anything new keeps its signature; a mere resend has one already.
fn keep_signature(tx: &mut dyn WriteTx, push: &Push, known: u64, admitted: &Admitted) -> Result<()> {
    let last = push.batch.first + push.batch.entries.len() as u64 - 1;
    match admitted {
        Admitted::Done { .. } if last > known => tx.put_batch(&BatchRecord::of(&push.batch, push.device)),
        _ => Ok(()),
    }
}

fn answer(push: Push, verdict: Verdict) {
    let answer = match verdict {
        Verdict::Admitted(Admitted::Done { outcomes, .. }) => Answer::Outcomes(outcomes),
        Verdict::Admitted(Admitted::Expected { counter, chain }) => Answer::Expected { counter, chain },
        Verdict::Admitted(Admitted::Fork) => Answer::Refused(CentralError::new(
            "fork",
            "This copy's past differs from what it sent before: it goes on under a new identity.",
        )),
        Verdict::Admitted(Admitted::WrongDevice) => {
            Answer::Refused(CentralError::new("wrong_device", "This copy belongs to another device."))
        }
        Verdict::Revoked => Answer::Refused(CentralError::new("device_revoked", "This device is no longer approved.")),
    };
    (push.reply)(answer);
}
