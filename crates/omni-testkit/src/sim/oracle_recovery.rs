//! What a recovery owes: what was offered is back, once and in its order; a new history has a number of its own; what
//! nobody brought back is missed by nobody who is still there.

use super::driver::Sim;
use super::host::{Hosts, central_view};
use super::ledger::Saved;
use omni_protocol::ChangeId;
use omni_sync::central::recovery::Lost;

impl<H: Hosts> Sim<H> {
    /// A new history has a number no commit was ever given before.
    pub(super) fn check_epoch(&mut self) {
        let commits = self.ledger.histories.iter().flat_map(|h| &h.log);
        let highest = commits.map(|c| c.position.epoch).max().unwrap_or_default();
        if self.server.epoch <= highest {
            self.fail(format!("epoch {} names two histories", self.server.epoch));
        }
    }

    /// Lost commits come back in the order in which they were committed.
    pub(super) fn check_original_order(&mut self, last: &mut (u32, u64), lost: &Lost) {
        let place = (lost.commit.epoch, lost.commit.seq);
        if place < *last {
            self.fail(format!("{} of {place:?} was brought back after one of {last:?}", lost.change));
        }
        *last = place;
    }

    /// Central knows what was offered to it: committed again, or refused with an answer its author gets to see.
    pub(super) fn check_brought_back<'a>(&mut self, offered: impl Iterator<Item = &'a ChangeId>) {
        for id in offered {
            let known = central_view(&mut self.server.host, |tx| tx.known_change(*id));
            let Some(known) = self.storage(known, "known change") else { return };
            if known.is_none() {
                return self.fail(format!("change {id} was offered to a recovering central and is not back"));
            }
            self.ledger.offered.insert(*id);
        }
    }

    /// Whether a change that was acknowledged and is not in effect was lost as it may be, or was refused when it was brought
    /// back.
    pub(super) fn lost_fairly(&mut self, id: ChangeId) -> bool {
        let Some(saved) = self.ledger.saved.get(&id).filter(|_| self.ledger.lost.contains_key(&id)) else {
            return false;
        };
        let missing = self.may_be_missing(id, saved);
        let known = central_view(&mut self.server.host, |tx| tx.known_change(id));
        missing || self.storage(known, "known change").flatten().is_some()
    }

    /// Whether a change central once accepted may be missing there: nobody who is still there had it to bring it back, it
    /// changed nothing, or its laptop too was put back to before it was accepted and sent it again under another id.
    pub(super) fn may_be_missing(&self, id: ChangeId, saved: &Saved) -> bool {
        let Some(place) = self.ledger.lost.get(&id) else { return false };
        let gone = saved.client == usize::MAX || saved.exempt || self.is_out(saved.client);
        place.is_none() || ((gone || saved.reissued) && !self.ledger.offered.contains(&id))
    }
}
