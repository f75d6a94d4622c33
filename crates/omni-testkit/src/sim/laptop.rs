//! A laptop's driver: does what the agent does around `omni_sync::replica`. Each action of the session is one
//! transaction; the laptop may crash before or after each.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Fetch;
use super::host::{Hosts, ReplicaHost, transact, view};
use super::net::ConnId;
use super::plan::Planted;
use super::rng::Rng;
use crate::mem_replica::Durability;
use omni_model::{CollectionId, RecordId};
use omni_protocol::change::{Batch, NORMAL};
use omni_protocol::frame::{self, ClientFrame, Welcome};
use omni_protocol::{BootId, Change, EditTime, Grants, Outcome, OutcomeKind, ReplicaId};
use omni_sync::StorageError;
use omni_sync::replica::seal::wire_entry;
use omni_sync::replica::{
    Action, BatchLimits, Input, OutboxState, OutgoingBatch, Phase, ReplicaTx, Session, apply_outcomes, hello,
    next_batch, renew, skip,
};
use std::collections::VecDeque;

/// A laptop's wall clock is wrong by up to one of these, either way.
const WALL_ERRORS_MS: [u64; 3] = [30_000, 3_600_000, 5 * 365 * 86_400_000];
/// Largest drift of a laptop's monotonic clock, parts per million.
const DRIFT_PPM: u64 = 150;

/// A laptop with everything volatile around its store.
pub struct Laptop<H: Hosts> {
    pub host: H::Replica,
    pub session: Session,
    pub device: usize,
    /// Counts processes: what an earlier one had in the air does not reach a later one.
    pub life: u64,
    pub up: bool,
    pub conn: Option<ConnId>,
    pub token: String,
    pub grants: Grants,
    pub offline_until: u64,
    pub boot: BootId,
    pub boot_at: u64,
    pub drift_ppm: i64,
    pub wall_offset: i64,
    pub failures: u64,
    /// It lies about its clocks.
    pub lies: bool,
    /// It is gone for good.
    pub gone: bool,
    /// Originals are being fetched.
    pub keeping: bool,
    /// Everything kept was offered for the recovery that began this epoch.
    pub offered: Option<u32>,
    /// The record its operator worked on last.
    pub focus: Option<(CollectionId, RecordId)>,
    /// A new incarnation is legitimate: the disk was restored or cloned, or its cookie was lost.
    pub may_renew: bool,
    pub image: Option<(u64, <H::Replica as ReplicaHost>::Image)>,
}

/// What became of a transaction.
pub(super) enum Tx<T> {
    /// The body's result.
    Done(T),
    /// The laptop crashed: before the commit or after it.
    Crashed,
}

impl<H: Hosts> Laptop<H> {
    /// A laptop that is switched on.
    pub fn new(host: H::Replica, device: usize, rng: &mut Rng) -> Laptop<H> {
        Laptop {
            host,
            session: Session::default(),
            device,
            life: 1,
            up: true,
            conn: None,
            token: String::new(),
            grants: Grants::default(),
            offline_until: 0,
            boot: BootId(rng.uuid()),
            boot_at: 0,
            drift_ppm: rng.below(2 * DRIFT_PPM) as i64 - DRIFT_PPM as i64,
            wall_offset: wall_offset(rng),
            failures: 0,
            lies: false,
            gone: false,
            keeping: false,
            offered: None,
            focus: None,
            may_renew: false,
            image: None,
        }
    }

    /// The boot's monotonic reading at a virtual time.
    pub fn mono_ms(&self, now: u64) -> u64 {
        let elapsed = (now - self.boot_at) as i64;
        (elapsed + elapsed * self.drift_ppm / 1_000_000) as u64
    }
}

impl<H: Hosts> Sim<H> {
    /// Runs a transaction of a laptop, which may crash before or after its commit.
    pub(super) fn laptop_tx<T, E>(
        &mut self,
        c: usize,
        durability: Durability,
        body: impl FnOnce(&mut dyn ReplicaTx) -> Result<T, E>,
    ) -> Tx<Result<T, E>> {
        let crash = self.rng.chance(self.plan.crash_at_tx);
        if crash && self.rng.chance(500) {
            self.crash_laptop(c);
            return Tx::Crashed;
        }
        match transact(&mut self.laptops[c].host, durability, body) {
            Ok(_) if crash => {
                self.crash_laptop(c);
                Tx::Crashed
            }
            Ok(result) => Tx::Done(result),
            Err(e) => {
                self.medium_failed("a laptop's transaction", &e);
                self.crash_laptop(c);
                Tx::Crashed
            }
        }
    }

    /// Gives the session an input and does all it asks for.
    pub(super) fn drive(&mut self, c: usize, input: Input) {
        let life = self.laptops[c].life;
        let mut queue: VecDeque<Action> = self.laptops[c].session.step(input, self.now).into();
        while let Some(action) = queue.pop_front() {
            if self.laptops[c].life != life || self.failure.is_some() {
                return;
            }
            if let Some(input) = self.perform(c, action)
                && self.laptops[c].life == life
            {
                let more = self.laptops[c].session.step(input, self.now);
                queue.extend(more);
            }
        }
    }

    fn perform(&mut self, c: usize, action: Action) -> Option<Input> {
        match action {
            Action::Hello { nonce } => self.say_hello(c, &nonce),
            Action::Send(frame) => {
                self.send_up(c, &frame);
                None
            }
            Action::Welcomed(welcome) => self.welcomed(c, *welcome),
            Action::NextBatch { from, epoch, limits } => self.take_batch(c, from, epoch, limits),
            Action::StoreOutcomes(outcomes) => self.store_outcomes(c, &outcomes),
            Action::ApplyPage(page) => self.apply(c, &page),
            Action::FetchPage { after } => self.start_fetch(c, Fetch::Page(after)),
            Action::FetchSnapshot => self.start_fetch(c, Fetch::Snapshot),
            Action::Offer => self.offer(c),
            // Row by row needs central's HTTP side: here a difference costs a whole copy, as when a repair fails.
            Action::Repair => Some(Input::Repaired { done: false }),
            Action::Probe { n, watermark, .. } => self.probe(c, n, &watermark),
            Action::Alert { seq, .. } => {
                self.coverage.hit(Reached::AlertOvertook);
                self.note("alert", c as u64, seq, String::new);
                None
            }
            Action::Directory(_) => None,
            Action::Renew => self.renew(c),
            Action::Skip { counter } => {
                self.note("skip", c as u64, counter, String::new);
                self.laptop_tx(c, Durability::Full, |tx| skip(tx, counter, "central refused it"));
                None
            }
            Action::Recycle { cause } => {
                self.note("recycle", c as u64, 0, || cause.to_owned());
                if cause == "no_progress" {
                    self.coverage.hit(Reached::WatchdogRecycled);
                }
                if cause == "silent" {
                    self.coverage.hit(Reached::HalfOpen);
                }
                self.hang_up(c);
                None
            }
            Action::Refused { code, .. } => {
                self.refused(c, &code);
                None
            }
        }
    }

    /// Central ends the session: legitimate for a device it no longer approves. (A batch it will not take is bisected.)
    fn refused(&mut self, c: usize, code: &str) {
        self.note("refused", c as u64, 0, || code.to_owned());
        match code {
            "device_revoked" => self.coverage.hit(Reached::RevokedTurnedAway),
            "bad_batch" | "recovering" => {}
            _ => self.fail(format!("laptop {c} was refused: {code}")),
        }
        self.hang_up(c);
    }

    fn say_hello(&mut self, c: usize, nonce: &[u8]) -> Option<Input> {
        let meta = view(&mut self.laptops[c].host, |tx| tx.meta());
        let meta = self.storage(meta, "meta")?;
        let device = &self.devices[self.laptops[c].device];
        let frame = ClientFrame::Hello(hello(&meta, device.id, nonce, &device.key));
        self.send_up(c, &frame);
        Some(Input::HelloSent { next_counter: meta.next_counter })
    }

    pub(super) fn send_up(&mut self, c: usize, frame: &ClientFrame) {
        let Some(id) = self.laptops[c].conn else { return };
        let bound = matches!(frame, ClientFrame::Hello(_));
        self.transmit(id, true, frame::to_bytes(frame), bound);
    }

    fn welcomed(&mut self, c: usize, welcome: Welcome) -> Option<Input> {
        self.note("welcomed", c as u64, welcome.head.seq, || {
            format!("{:?}, expected counter {}", welcome.start, welcome.expected)
        });
        let input = self.follow_history(c, &welcome);
        let laptop = &mut self.laptops[c];
        // Nothing goes on while central recovers: asked again ever more seldom.
        laptop.failures = if welcome.recovering { laptop.failures } else { 0 };
        laptop.token = welcome.token;
        laptop.grants = welcome.grants;
        input
    }

    fn take_batch(&mut self, c: usize, from: u64, epoch: u32, limits: BatchLimits) -> Option<Input> {
        let key = self.devices[self.laptops[c].device].key.clone();
        let soft = self.plan.planted == Some(Planted::SealNotDurable);
        let durability = if soft { Durability::Normal } else { Durability::Full };
        let before = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.next_counter));
        let before = self.storage(before, "meta")?;
        let mut peek: Option<Batch> = None;
        let done = self.laptop_tx(c, durability, |tx| {
            let batch = next_batch(tx, &key, epoch, from, limits)?;
            peek.clone_from(&batch);
            Ok::<_, StorageError>(batch)
        });
        let Tx::Done(result) = done else {
            if peek.is_some() {
                self.coverage.hit(Reached::CrashBetweenSealAndSend);
            }
            return None;
        };
        let batch = self.storage(result, "next batch")?;
        let Some(batch) = batch else { return Some(Input::Batch(None)) };
        self.watch_priorities(c, &batch, before);
        let last = batch.first + batch.entries.len() as u64 - 1;
        self.note("sealed", c as u64, last, || format!("from {}", batch.first));
        if self.laptops[c].session.in_flight() > 0 {
            self.coverage.hit(Reached::TwoInFlight);
        }
        Some(Input::Batch(Some(OutgoingBatch { bytes: frame::to_bytes(&batch), first: batch.first, last, more: true })))
    }

    /// Notes whether an emergency overtook, or took its dependency along.
    fn watch_priorities(&mut self, c: usize, batch: &Batch, fresh_from: u64) {
        let entries = view(&mut self.laptops[c].host, |tx| tx.outbox_sealed(fresh_from, usize::MAX));
        let Some(entries) = self.storage(entries, "sealed entries") else { return };
        let last = batch.first + batch.entries.len() as u64;
        let fresh: Vec<_> = entries.iter().filter(|e| e.counter.is_some_and(|n| n < last)).collect();
        for (at, entry) in fresh.iter().enumerate() {
            debug_assert!(batch.entries.len() > at && !matches!(wire_entry(entry), omni_protocol::Entry::Skip { .. }));
            let urgent = entry.change.priority < NORMAL;
            if urgent && fresh[at + 1..].iter().any(|e| e.local_no < entry.local_no) {
                self.coverage.hit(Reached::EmergencyOvertook);
            }
            let slow_first = |e: &&omni_sync::replica::OutboxEntry| e.change.priority > entry.change.priority;
            if urgent && fresh[..at].iter().any(slow_first) {
                self.coverage.hit(Reached::InversionAvoided);
            }
        }
    }

    fn store_outcomes(&mut self, c: usize, outcomes: &[Outcome]) -> Option<Input> {
        let silent = self.plan.planted == Some(Planted::SilentReject);
        let done = self.laptop_tx(c, Durability::Normal, |tx| {
            let answered = apply_outcomes(tx, outcomes)?;
            for (id, kind) in answered.answered.iter().filter(|_| silent) {
                if *kind == OutcomeKind::Rejected {
                    tx.outbox_remove(*id)?;
                }
            }
            Ok::<_, StorageError>(answered)
        });
        let Tx::Done(result) = done else {
            self.coverage.hit(Reached::CrashBeforeOutcomeStored);
            return None;
        };
        let answered = self.storage(result, "outcomes")?;
        for (id, kind) in &answered.answered {
            self.note("answered", c as u64, *kind as u64, || format!("{id} {kind:?}"));
            if matches!(kind, OutcomeKind::Applied | OutcomeKind::Merged) {
                self.ledger.acknowledged.insert(*id);
            }
        }
        for id in answered.forks {
            if let Some(new) = self.reissue(c, id) {
                self.ledger.forked.push((id, new));
            }
        }
        None
    }

    /// Gives a laptop a new incarnation.
    pub(super) fn renew(&mut self, c: usize) -> Option<Input> {
        self.note("renew", c as u64, 0, String::new);
        self.coverage.hit(Reached::Renewed);
        // The reaction to the planted mistake is right; what the mistake lost is to be found by what is missing.
        let lost = self.ledger.histories.len() > 1;
        let expected = self.laptops[c].may_renew || lost || self.plan.planted == Some(Planted::AckBeforeCommit);
        if !expected {
            self.fail(format!("laptop {c} needs a new identity though its disk was never restored or cloned"));
        }
        let fresh = ReplicaId(self.rng.uuid());
        let reuses = self.plan.planted == Some(Planted::ReusesIdentity);
        let done = self.laptop_tx(c, Durability::Full, |tx| {
            let old = tx.meta()?.replica;
            renew(tx, if reuses { old } else { fresh })
        });
        let Tx::Done(result) = done else { return None };
        self.storage(result, "renew")?;
        Some(Input::Renewed)
    }

    /// Whether a laptop has nothing left to do.
    pub(super) fn laptop_is_quiet(&mut self, c: usize) -> bool {
        let head = self.server.log.last().map(|c| c.position.hash).unwrap_or_default();
        let laptop = &mut self.laptops[c];
        if !laptop.up || laptop.session.phase() != Phase::Live || !laptop.session.is_quiet() {
            return false;
        }
        let idle = view(&mut laptop.host, |tx| {
            let at_head = tx.meta()?.position.hash == head;
            let waiting =
                tx.outbox_unsealed(1)?.len() + tx.outbox_sealed(0, 1)?.len() + tx.outbox_acked(u64::MAX)?.len();
            Ok(at_head && waiting == 0)
        });
        idle.unwrap_or(false)
    }
}

/// Whether the operator may still take the change out: not sent, or refused.
pub fn is_discardable(state: &OutboxState) -> bool {
    matches!(state, OutboxState::Unsealed | OutboxState::Rejected | OutboxState::Held)
}

/// How far a wall clock is off.
pub(super) fn wall_offset(rng: &mut Rng) -> i64 {
    let most = rng.pick(&WALL_ERRORS_MS).copied().unwrap_or_default();
    rng.below(2 * most) as i64 - most as i64
}

/// The intent that saves a change again under a new id.
pub fn again(change: Change, id: omni_protocol::ChangeId, time: EditTime) -> omni_sync::replica::Intent {
    omni_sync::replica::Intent {
        id,
        time,
        command: change.command,
        args: change.args,
        ops: change.ops,
        priority: change.priority,
        group: None,
    }
}
