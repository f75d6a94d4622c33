//! Central restored from an older backup, or rolled back under it by its host: laptops bring back what it lost. Does what
//! the service does around `omni_sync::central::recovery`.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::{Event, Fetched};
use super::host::{CentralHost, Hosts};
use super::ledger::Ledger;
use super::net::ConnId;
use super::plan::Planted;
use omni_protocol::frame::Hello;
use omni_protocol::{ChangeId, DeviceId, Grants, OriginalGroup, Originals, Position, ReplicaId};
use omni_sync::StorageError;
use omni_sync::central::recovery::{
    BatchRecord, Lost, Readmitted, add_original, in_original_order, is_keeper, proven, readmit,
};
use omni_sync::central::{HelloFacts, Rights, SessionInput, is_proof_of_rollback};
use omni_sync::sign::hello_is_genuine;
use std::collections::{BTreeMap, BTreeSet};

/// Signatures over batches, by replica.
pub type Batches = BTreeMap<ReplicaId, Vec<BatchRecord>>;

/// What is offered is kept until the recovery ends.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Its number: an administrator ends the one that was meant.
    number: u64,
    offers: Vec<OriginalGroup>,
    reported: BTreeSet<DeviceId>,
    ended: bool,
}

/// A copy of central's database, and what the simulation knew when it was made.
#[derive(Clone, Debug)]
pub struct Backup<I> {
    image: I,
    length: usize,
    epoch: u32,
    batches: Batches,
    rights: Vec<(bool, Grants, bool)>,
    ledger: Ledger,
}

/// An administrator ends a recovery for which somebody is missing within this time, virtual milliseconds.
const PATIENCE_MS: u64 = 120_000;
/// A laptop is gone for good when central is lost, per mille.
const LAPTOP_GONE: u64 = 350;

/// Copies central's database, or puts an older copy in its place.
pub fn strike<H: Hosts>(sim: &mut Sim<H>) {
    if !sim.plan.central_goes_back || !sim.server.up || sim.server.recovery.is_some() || !sim.rng.chance(450) {
        return;
    }
    if sim.server.backup.is_none() || sim.rng.chance(200) {
        return sim.back_central_up();
    }
    let announced = sim.rng.chance(500);
    sim.plan.central_goes_back = false;
    sim.central_goes_back(announced);
}

impl<H: Hosts> Sim<H> {
    fn back_central_up(&mut self) {
        let image = self.server.host.image();
        let Some(image) = self.storage(image, "central's backup") else { return };
        let rights = self.devices.iter().map(|d| (d.may_write, d.grants.clone(), d.revoked)).collect();
        self.note("central backup", self.server.head(), 0, String::new);
        self.server.backup = Some(Backup {
            image,
            length: self.server.log.len(),
            epoch: self.server.epoch,
            batches: self.server.batches.clone(),
            rights,
            ledger: self.ledger.clone(),
        });
    }

    /// `announced`: an administrator restores a backup, else older files lie there when it starts again.
    fn central_goes_back(&mut self, announced: bool) {
        let Some(backup) = self.server.backup.clone() else { return };
        let (head, to) = (self.server.head(), backup.length as u64);
        self.note("central goes back", head, to, || format!("announced: {announced}"));
        self.coverage.hit(if announced { Reached::CentralRestored } else { Reached::CentralRolledBack });
        self.central_stops();
        let done = self.server.host.restore(&backup.image);
        self.storage(done, "central's older state");
        self.server.log.clone_from(&backup.ledger.histories[backup.ledger.present()].log);
        self.server.batches = backup.batches;
        self.server.epoch = backup.epoch;
        (self.server.began_at, self.server.unproven) = (to, !announced);
        self.ledger.go_back(&backup.ledger);
        // Revocations are kept outside the database.
        let forgets = self.plan.planted == Some(Planted::RevocationForgotten);
        for (device, (may_write, grants, revoked)) in self.devices.iter_mut().zip(backup.rights) {
            (device.may_write, device.grants) = (may_write, grants);
            device.revoked = if forgets { revoked } else { device.revoked };
        }
        if self.rng.chance(LAPTOP_GONE) {
            self.laptop_gone();
        }
        if announced {
            self.open_epoch(Position::default());
        }
        self.check_central_restart();
        let ms = 500 + self.rng.below(15_000);
        self.after(ms, Event::CentralUp);
    }

    /// A laptop is gone for good, with everything only it held.
    fn laptop_gone(&mut self) {
        let here: Vec<usize> = (0..self.laptops.len()).filter(|c| !self.is_out(*c)).collect();
        let Some(c) = self.rng.pick(&here).copied().filter(|_| here.len() > 1) else { return };
        self.note("laptop gone", c as u64, 0, String::new);
        self.coverage.hit(Reached::LaptopGone);
        self.laptops[c].gone = true;
        self.crash_laptop(c);
    }

    /// A new history begins, above every epoch central, its guard or a laptop knows, and only originals are taken.
    fn open_epoch(&mut self, at: Position) {
        let epoch = self.server.guard.max(self.server.epoch).max(at.epoch) + 1;
        if self.plan.planted != Some(Planted::EpochNotRaised) {
            self.server.guard = epoch;
            let (mut failure, common) = (None, self.server.began_at);
            let done = self.server.host.write(&mut |tx| {
                failure = tx.open_epoch(epoch, common).err();
                failure.is_none()
            });
            self.storage(done.and_then(|_| failure.map_or(Ok(()), Err)), "a new epoch");
            self.server.epoch = epoch;
        }
        self.server.unproven = false;
        self.check_epoch();
        let number = self.now;
        self.server.recovery = Some(Recovery { number, ..Recovery::default() });
        self.note("recovering", u64::from(epoch), self.server.head(), String::new);
        let patience = self.rng.below(PATIENCE_MS);
        self.after(10_000 + patience, Event::EndRecovery(number));
    }

    /// An approved device signs for a position that central acknowledged and does not hold.
    pub(super) fn proves_rollback(&self, conn: ConnId, hello: &Hello, facts: &HelloFacts) -> bool {
        let proof = is_proof_of_rollback(hello.position, facts.head.position, facts.hash_at);
        let Some(served) = self.server.served.get(&conn).filter(|_| proof && !facts.recovering) else { return false };
        let device = facts.device.as_ref().filter(|d| !d.revoked);
        device.is_some_and(|d| hello_is_genuine(hello, &served.nonce, &d.public_key))
    }

    /// Every session ends: its laptop finds out on a new one what of its own may be lost.
    pub(super) fn after_rollback(&mut self, conn: ConnId, at: Position) {
        self.note("rollback proven", conn, at.seq, || format!("epoch {}", at.epoch));
        self.coverage.hit(Reached::RollbackProven);
        self.open_epoch(at);
        for conn in self.server.served.keys().copied().collect::<Vec<_>>() {
            self.serve_input(conn, SessionInput::Refuse { code: "recovering", message: "", retryable: true });
        }
    }

    /// What a device is to keep of the commits after a seq: its own, and its share of the others'.
    pub(super) fn originals_after(&mut self, device: usize, after: u64) -> Originals {
        let me = self.devices[device].id;
        let everything = Grants::everything();
        let readers = self.devices.iter().filter(|d| !d.revoked && d.grants == everything).map(|d| d.id);
        let readers: Vec<DeviceId> = readers.collect();
        let limit = 1 + self.rng.below(80) as usize;
        let mut groups = Vec::new();
        let mut end = self.server.log.last().map(|c| c.position).unwrap_or_default();
        for commit in self.server.log.iter().skip(after as usize).take(limit) {
            end = commit.position;
            if commit.info.device == me || is_keeper(readers.iter().copied(), me, end.seq) {
                let find = |replica, _| Ok(self.server.batches.get(&replica).cloned().unwrap_or_default());
                let answer = self.ledger.answers.get(&(commit.info.replica, commit.info.counter));
                let parked = answer.is_some_and(|outcome| !outcome.took_effect());
                let added = add_original(&mut groups, commit, parked, find);
                debug_assert!(added.is_ok());
            }
        }
        let position = Position { epoch: self.server.epoch, ..end };
        Originals { groups: groups.into_iter().map(|(_, group)| group).collect(), position }
    }

    /// Takes what a device kept.
    pub(super) fn take_originals(&mut self, device: usize, groups: &[OriginalGroup]) -> Fetched {
        let id = self.devices[device].id;
        let Some(recovery) = &mut self.server.recovery else { return Fetched::NotOffered };
        recovery.offers.extend(groups.iter().cloned());
        recovery.reported.insert(id);
        self.note("originals taken", device as u64, groups.len() as u64, String::new);
        self.settle();
        Fetched::Offered
    }

    /// An administrator does not wait any longer.
    pub(super) fn end_recovery(&mut self, number: u64) {
        if let Some(recovery) = self.server.recovery.as_mut().filter(|r| r.number == number) {
            recovery.ended = true;
            self.coverage.hit(Reached::RecoveryEndedByHand);
            self.settle();
        }
    }

    /// Commits what was brought, if everybody has reported or an administrator ended it.
    pub(super) fn settle(&mut self) {
        let Some(recovery) = self.server.recovery.as_ref().filter(|_| self.server.up) else { return };
        let mut active = self.devices.iter().filter(|d| !d.revoked);
        if !recovery.ended && active.any(|d| !recovery.reported.contains(&d.id)) {
            return;
        }
        let Some(recovery) = self.server.recovery.take() else { return };
        let head = self.server.head();
        let mut lost = in_original_order(recovery.offers.clone(), |group| proven(group, &self.key_of(group.device)?));
        let offered: Vec<ChangeId> = lost.iter().map(|l| l.change).collect();
        if self.plan.planted == Some(Planted::RecoveryOutOfOrder) {
            lost.reverse();
        }
        if self.plan.planted == Some(Planted::RecoveryDropsCommit) {
            lost.retain(|l| l.commit.seq % 5 != 0);
        }
        let Some(displaced) = self.bring_back(&lost) else {
            // Central lost power over it: it goes on when it is up again.
            self.server.recovery = Some(recovery);
            return self.check_central_restart();
        };
        self.check_brought_back(offered.iter().filter(|id| !displaced.contains(id)));
        let to = self.server.head();
        self.note("recovered", to - head, lost.len() as u64, String::new);
        if to > head {
            self.coverage.hit(Reached::CommitsBroughtBack);
            self.announce(head + 1, to);
        }
    }

    fn key_of(&self, device: DeviceId) -> Option<[u8; 32]> {
        let enrolled = self.devices.iter().find(|d| d.id == device).map(|d| &d.key);
        let key = enrolled.or_else(|| self.importer.key_of(device));
        key.map(|key| key.verifying_key().to_bytes())
    }

    fn rights_of(&self, device: DeviceId) -> Rights {
        let known = self.devices.iter().find(|d| d.id == device);
        known.map_or_else(Rights::everything, |d| Rights { may_write: d.may_write, grants: d.grants.clone() })
    }

    /// Returns what has no place any more: a running copy of its laptop wrote there before the loss was noticed. Its own
    /// laptop sends it again. `None`: central lost power before it was through.
    fn bring_back(&mut self, lost: &[Lost]) -> Option<BTreeSet<ChangeId>> {
        let (mut last, mut displaced) = ((0, 0), BTreeSet::new());
        for one in lost {
            let rights = self.rights_of(one.batch.device);
            let mut result = None;
            let done = self.server.host.write(&mut |tx| {
                let readmitted = readmit(tx, one, rights.clone(), 0);
                let commit = matches!(readmitted, Ok(Readmitted::Done { .. } | Readmitted::Known));
                result = Some(readmitted);
                commit
            });
            let readmitted = match done {
                Err(e) if !self.central_fails("a lost commit", &e) => return None,
                _ => result.unwrap_or_else(|| Err(StorageError::corrupt("no result"))),
            };
            let Some(readmitted) = self.storage(readmitted, "a lost commit") else { break };
            match readmitted {
                Readmitted::Known => {}
                Readmitted::OutOfPlace => {
                    self.note("out of place", one.commit.seq, 0, || one.change.to_string());
                    displaced.insert(one.change);
                }
                Readmitted::Done { outcome, commit } => {
                    let batches = self.server.batches.entry(one.batch.replica).or_default();
                    batches.push((*one.batch).clone());
                    self.learn_outcome(one.batch.replica, &outcome);
                    if commit.is_none() {
                        self.coverage.hit(Reached::LostCommitRefused);
                        self.note("lost commit refused", one.commit.seq, 0, || format!("{outcome:?}"));
                    }
                    let commits: Vec<_> = commit.into_iter().map(|commit| *commit).collect();
                    self.learn_commits(&commits, usize::MAX);
                    self.check_original_order(&mut last, one);
                }
            }
            if !self.server.up {
                return None;
            }
        }
        Some(displaced)
    }
}
