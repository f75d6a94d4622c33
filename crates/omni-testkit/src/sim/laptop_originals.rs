//! A laptop keeps signed originals, offers them to a central that lost its log, and finds out what of its own work a new
//! history of central may not hold.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Fetch;
use super::host::{Hosts, ReplicaHost, view};
use omni_protocol::frame::Welcome;
use omni_protocol::{Originals, ReplicaId};
use omni_sync::replica::{CentralHistory, Input};

impl<H: Hosts> Sim<H> {
    /// Once the exchange is quiet, originals are fetched up to the copy's cursor.
    pub(super) fn keep_originals_soon(&mut self, c: usize) {
        let laptop = &mut self.laptops[c];
        if !self.plan.keeps_originals || !laptop.up || laptop.keeping || !laptop.session.is_quiet() {
            return;
        }
        let kept = laptop.host.originals_to();
        let cursor = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position));
        let (Some((epoch, seq)), Some(cursor)) = (self.storage(kept, "originals"), self.storage(cursor, "meta")) else {
            return;
        };
        // Another epoch numbers its commits anew from the fork on: what is kept twice is the same bytes.
        let after = if epoch == cursor.epoch { seq } else { 0 };
        if after < cursor.seq {
            self.laptops[c].keeping = true;
            self.start_fetch(c, Fetch::Originals(after));
        }
    }

    /// A page of originals is here.
    pub(super) fn keep_originals(&mut self, c: usize, page: &Originals) {
        self.laptops[c].keeping = false;
        self.note("originals kept", c as u64, page.position.seq, || format!("{} groups", page.groups.len()));
        if self.rng.chance(self.plan.crash_at_tx) {
            return self.crash_laptop(c);
        }
        if let Err(e) = self.laptops[c].host.keep_originals(&page.groups, page.position) {
            self.medium_failed("keeping originals", &e);
            self.crash_laptop(c);
        }
    }

    /// Everything kept is offered, once for each recovery a process meets.
    pub(super) fn offer(&mut self, c: usize) -> Option<Input> {
        if self.laptops[c].offered == Some(self.laptops[c].session.epoch()) {
            return Some(Input::Offered);
        }
        let kept = self.laptops[c].host.originals();
        let kept = self.storage(kept, "originals")?;
        self.start_fetch(c, Fetch::Offer(kept))
    }

    /// Central took what was offered, or could not be reached.
    pub(super) fn offered(&mut self, c: usize, taken: bool) {
        if taken {
            self.coverage.hit(Reached::OriginalsOffered);
            self.laptops[c].offered = Some(self.laptops[c].session.epoch());
        }
        self.drive(c, Input::Offered);
    }

    /// Own changes a new history may not hold are queued again; then the laptop connects anew.
    pub(super) fn follow_history(&mut self, c: usize, welcome: &Welcome) -> Option<Input> {
        // What a recovery brings back is known when it has ended.
        if welcome.recovering {
            return None;
        }
        let fresh = ReplicaId(self.rng.uuid());
        let (epoch, life) = (welcome.head.epoch, self.laptops[c].life);
        let before = self.rng.chance(500);
        let crash = self.rng.chance(self.plan.crash_at_tx);
        if crash && before {
            self.crash_laptop(c);
            return None;
        }
        let history = CentralHistory { epoch, forks: welcome.forks.clone(), expected: welcome.expected };
        let done = self.laptops[c].host.follow_history(&history, fresh);
        let reopened = match done {
            Ok(reopened) => reopened,
            Err(e) => {
                self.medium_failed("following an epoch", &e);
                self.crash_laptop(c);
                return None;
            }
        };
        if crash {
            self.crash_laptop(c);
        }
        if reopened == 0 || self.laptops[c].life != life {
            return None;
        }
        self.coverage.hit(Reached::OwnChangesReopened);
        self.note("reopened", c as u64, reopened as u64, || format!("epoch {epoch}"));
        Some(Input::Renewed)
    }
}
