//! Central's answers: stored with the page that brings their commits where one is on its way, else at once.

use super::actions::SyncError;
use super::driver::Driver;
use crate::error::Result;
use crate::{clock, ids};
use omni_protocol::{Change, ChangeId, Outcome, OutcomeKind};
use omni_store::{Durability, StoreError, WriteTx};
use omni_sync::replica::{Answered, EditError, Intent, Phase, apply_outcomes, count_attempts, save, take_for_reissue};

impl Driver {
    /// Answers came. Those that only name commits this copy follows right behind wait for their page: one transaction
    /// instead of two. They may be lost with the process: what is not known as answered is sent again, and central knows
    /// its answer.
    pub(super) async fn answered(&mut self, outcomes: Vec<Outcome>) -> Result<()> {
        let cursor = self.session.cursor();
        let comes = |o: &Outcome| {
            matches!(o.kind, OutcomeKind::Applied | OutcomeKind::Merged) && o.seq.is_some_and(|seq| seq > cursor)
        };
        let wait = self.session.phase() == Phase::Live && outcomes.iter().all(comes);
        self.held.extend(outcomes);
        if wait {
            self.progress();
            return Ok(());
        }
        self.store_held().await
    }

    /// Stores the answers that wait for a page.
    pub(super) async fn store_held(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let outcomes = std::sync::Arc::new(std::mem::take(&mut self.held));
        let storing = {
            let outcomes = outcomes.clone();
            move |tx: &mut WriteTx<'_>| Ok::<_, StoreError>(apply_outcomes(tx, &outcomes)?)
        };
        let answered = self.write(Durability::Normal, storing).await?;
        self.progress();
        self.noted(&outcomes, &answered);
        for id in answered.forks {
            self.reissue(id).await?;
        }
        Ok(())
    }

    /// Answers are stored.
    pub(super) fn noted(&mut self, outcomes: &[Outcome], answered: &Answered) {
        let top = outcomes.iter().map(|o| o.counter).max().unwrap_or(0);
        self.unnoted.retain(|counter| *counter > top);
        let now = clock::mono_us();
        answered.answered.iter().for_each(|(id, _)| self.measures.edit_answered(*id.as_bytes(), now));
    }

    /// Central knows another change by this id: the edit is saved again under a new one.
    async fn reissue(&self, id: ChangeId) -> Result<()> {
        tracing::error!(%id, "central knows another change by this id; the edit is sent again under a new one");
        let again = move |tx: &mut WriteTx<'_>| {
            let change = take_for_reissue(tx, id)?;
            let Change { command, args, ops, priority, .. } = change;
            let (id, time) = (ids::change_id(), clock::edit_time());
            save(tx, Intent { id, time, command, args, ops, priority, group: None }).map(drop)
        };
        match self.try_write(Durability::Full, again).await? {
            Err(EditError::Storage(e)) => Err(self.failed(SyncError::from(StoreError::from(e)))),
            // It no longer fits what is here: it stays refused in the queue, with its text.
            Err(EditError::Refused { .. }) => Ok(()),
            Ok(()) => {
                self.queue.tell(None);
                Ok(())
            }
        }
    }

    /// Notes that what went out without being noted was sent; answered since, it is no longer in the queue.
    pub(super) async fn note_attempts(&mut self) {
        let counters = std::mem::take(&mut self.unnoted);
        if counters.is_empty() {
            return;
        }
        let noting = move |tx: &mut WriteTx<'_>| Ok::<_, StoreError>(count_attempts(tx, &counters)?);
        if let Err(e) = self.write(Durability::Normal, noting).await {
            tracing::warn!("how often waiting changes were sent could not be noted: {e}");
        }
    }
}
