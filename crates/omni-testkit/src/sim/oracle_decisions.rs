//! Decisions about conflicts: one holds only if its author had seen everything it is about.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::Hosts;
use omni_model::{FieldId, Op};
use omni_protocol::{ChangeId, ConflictItem, Decided};

impl<H: Hosts> Sim<H> {
    /// Each decision in a commit, against who wrote what. Called before the commit's own writes are noted.
    pub(super) fn check_decisions(&mut self, change: ChangeId, items: &[&ConflictItem]) {
        let Some(saved) = self.ledger.saved.get(&change).cloned() else { return };
        for op in &saved.ops {
            let Op::Resolve { record, item, .. } = op else { continue };
            let Some(settled) = items.iter().find(|i| i.id == *item && i.decided == Decided::Person) else {
                self.coverage.hit(Reached::DecisionStale);
                continue;
            };
            self.coverage.hit(Reached::Settled);
            let unseen = |field: &&FieldId| {
                let Some((other, seq, _)) = self.ledger.writers.get(&(*record, **field)) else { return false };
                let theirs = self.ledger.saved.get(other);
                theirs.is_some_and(|theirs| self.ledger.knew(&saved, (*other, theirs), *seq) == Some(false))
            };
            // Later sides of the item count like writes.
            let before = self.ledger.items.get(item).map(|i| i.seq).unwrap_or_default();
            let unseen_side = !saved.exempt && !self.ledger.saw_lost(&saved) && before > saved.base;
            if unseen_side || settled.fields.iter().any(|f| unseen(&f)) {
                return self.fail(format!("{change} settled what its author had not seen: {settled:?}"));
            }
        }
    }
}
