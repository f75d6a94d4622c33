//! Operators take back what they did: own committed changes, decisions among them.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::Hosts;
use super::operator::Draft;
use omni_model::{Expected, Op, schema};
use omni_protocol::ChangeId;
use omni_protocol::change::NORMAL;
use omni_sync::meta::Image;

/// Records of one change taken back at once.
const RECORDS_MAX: usize = 3;
/// The own changes an operator looks at, newest first.
const RECENT: usize = 12;

impl<H: Hosts> Sim<H> {
    /// An operator takes one of the last own changes back.
    pub(super) fn undo_one(&mut self, c: usize) {
        let Some(history) = self.ledger.histories.last() else { return };
        let own = |id: &ChangeId| self.ledger.saved.get(id).is_some_and(|s| s.client == c);
        let told = |id: &ChangeId| self.ledger.acknowledged.contains(id) && !self.ledger.undone.contains(id);
        let recent = history.log.iter().rev().filter(|commit| own(&commit.info.change) && told(&commit.info.change));
        let recent: Vec<_> = recent.take(RECENT).cloned().collect();
        let Some(commit) = self.rng.pick(&recent).cloned() else { return };
        let target = commit.info.change;
        let known = commit.images.iter().filter(|i| schema::by_id(i.collection).is_some());
        let ops: Vec<Op> = known.take(RECORDS_MAX).map(|image| taking_back(target, image)).collect();
        if ops.is_empty() {
            return;
        }
        let before = self.ledger.next_order();
        let draft = Draft { command: 0, args: Vec::new(), ops, priority: NORMAL, about: None };
        self.save_draft(c, draft, None);
        if self.ledger.next_order() > before {
            self.coverage.hit(Reached::Undone);
            self.ledger.undone.insert(target);
        }
    }
}

/// The operation that takes back what a change did to a record, with what its author expects of it.
fn taking_back(change: ChangeId, image: &Image) -> Op {
    let expects = match image.owner_before {
        None => Expected::Gone,
        Some(_) => Expected::Values(image.fields.iter().map(|f| (f.field, f.before.clone())).collect()),
    };
    Op::Undo { collection: image.collection, record: image.record, change, expects }
}
