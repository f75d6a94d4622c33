//! The event loop: one queue of events in virtual time, one seed.

use super::coverage::Coverage;
use super::event::{Agenda, Event};
use super::faults;
use super::host::{CentralHost, Hosts, transact};
use super::importer::Importer;
use super::laptop::Laptop;
use super::ledger::Ledger;
use super::net::{Conn, ConnId};
use super::operator::Known;
use super::plan::Plan;
use super::rng::Rng;
use super::server::Server;
use super::trace::Trace;
use crate::mem_replica::Durability;
use ed25519_dalek::SigningKey;
use omni_protocol::{DeviceId, Grants, ReplicaId};
use omni_sync::StorageError;
use std::collections::BTreeMap;

/// Central's wall clock at virtual time 0, unix milliseconds.
pub const EPOCH_MS: i64 = 1_750_000_000_000;
/// Everything must be quiet this long after faults end, virtual milliseconds.
const QUIET_WITHIN_MS: u64 = 10 * 60_000;
/// More events than this in one run mean it does not end.
const EVENTS_MAX: u64 = 600_000;
/// Laptops' timers fire this often.
const TICK_MS: u64 = 2_000;

/// An enrolled device as central's administration knows it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its key.
    pub key: SigningKey,
    /// What its operator may read.
    pub grants: Grants,
    /// Whether its operator may write.
    pub may_write: bool,
    /// Whether grants change in this run.
    pub restricted: bool,
    /// The device may not connect, as central knows.
    pub revoked: bool,
    /// The device may not connect, as its administrator ordered.
    pub barred: bool,
}

/// One run.
pub struct Sim<H: Hosts> {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    pub(super) now: u64,
    pub(super) healing: bool,
    healed_at: u64,
    pub(super) laptops: Vec<Laptop<H>>,
    pub(super) devices: Vec<Device>,
    pub(super) server: Server<H::Central>,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    pub(super) known: Known,
    pub(super) importer: Importer,
    pub(super) ledger: Ledger,
    pub(super) coverage: Coverage,
    pub(super) trace: Trace,
    pub(super) failure: Option<String>,
    pub(super) hosts: H,
    next_conn: ConnId,
    agenda: Agenda,
    events: u64,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What went wrong, if anything did.
    pub failure: Option<String>,
    /// Hash of the trace.
    pub trace: u64,
    /// States reached.
    pub coverage: Coverage,
    /// Changes saved.
    pub saved: usize,
    /// Commits on central.
    pub commits: u64,
    /// Events processed.
    pub events: u64,
    /// From the end of faults until all was quiet, virtual milliseconds.
    pub quiet_ms: u64,
}

/// The command that plays a seed again with its trace.
pub fn replay_command(seed: u64) -> String {
    format!("OMNI_SIM_SEED={seed} cargo test -p omni-tests --test sim -- replay --nocapture")
}

/// Plays one seed with its own plan.
pub fn run<H: Hosts>(seed: u64, hosts: H, print: bool) -> Report {
    run_with(seed, hosts, print, |_| {})
}

/// Plays one seed with its plan changed by `adjust`.
pub fn run_with<H: Hosts>(seed: u64, hosts: H, print: bool, adjust: impl FnOnce(&mut Plan)) -> Report {
    let mut rng = Rng::new(seed);
    let mut plan = Plan::of(&mut rng);
    adjust(&mut plan);
    match Sim::new(seed, plan, rng, hosts, print) {
        Ok(mut sim) => {
            sim.play();
            sim.report()
        }
        Err(e) => Report {
            seed,
            failure: Some(format!("setting up: {e}")),
            trace: 0,
            coverage: Coverage::default(),
            saved: 0,
            commits: 0,
            events: 0,
            quiet_ms: 0,
        },
    }
}

impl<H: Hosts> Sim<H> {
    fn new(seed: u64, plan: Plan, mut rng: Rng, mut hosts: H, print: bool) -> Result<Sim<H>, StorageError> {
        let central = hosts.central()?;
        let mut rng = Rng::new(rng.bits());
        let importer = Importer::new(&mut rng);
        let mut sim = Sim {
            seed,
            server: Server::new(central),
            rng,
            plan,
            now: 0,
            healing: false,
            healed_at: 0,
            laptops: Vec::new(),
            devices: Vec::new(),
            conns: BTreeMap::new(),
            known: Known::new(),
            importer,
            ledger: Ledger::new(),
            coverage: Coverage::default(),
            trace: Trace::new(print),
            failure: None,
            hosts,
            next_conn: 1,
            agenda: Agenda::default(),
            events: 0,
        };
        sim.seed_world()?;
        for index in 0..sim.plan.clients {
            sim.enrol(index)?;
        }
        sim.hosts.break_disks(true);
        sim.schedule_start();
        Ok(sim)
    }

    fn schedule_start(&mut self) {
        for c in 0..self.laptops.len() {
            let life = self.laptops[c].life;
            let at = self.rng.below(3_000);
            self.at(at, Event::Connect(c, life));
            let gap = self.rng.below(self.plan.edit_gap_ms * 2);
            self.at(at + 5_000 + gap, Event::Operate(c));
        }
        self.at(TICK_MS, Event::Tick);
        let first = self.rng.below(self.plan.fault_gap_ms);
        self.at(10_000 + first, Event::Fault);
        let end = 10_000 + self.plan.edits * self.plan.edit_gap_ms * 5 / 4;
        self.at(end, Event::Heal);
    }

    fn enrol(&mut self, index: usize) -> Result<(), StorageError> {
        let mut secret = [0u8; 32];
        secret.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.rng.bits().to_le_bytes()));
        let restricted = self.plan.restricted && index > 0;
        let grants = if restricted { self.random_grants() } else { Grants::everything() };
        let may_write = !(self.plan.viewer && index + 1 == self.plan.clients);
        let key = SigningKey::from_bytes(&secret);
        self.devices.push(Device {
            id: DeviceId(self.rng.uuid()),
            key,
            grants,
            may_write,
            restricted,
            revoked: false,
            barred: false,
        });
        let replica = ReplicaId(self.rng.uuid());
        let host = self.hosts.replica(index, replica)?;
        let mut laptop = Laptop::new(host, index, &mut self.rng);
        laptop.lies = self.plan.liar && index + 1 == self.plan.clients;
        self.laptops.push(laptop);
        // Identity is durable before anything else happens.
        let laptop = &mut self.laptops[index];
        transact(&mut laptop.host, Durability::Full, |tx| {
            let meta = tx.meta()?;
            tx.set_meta(&meta)
        })??;
        Ok(())
    }

    /// Schedules an event.
    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.agenda.add(at.max(self.now), event);
    }

    /// Schedules an event after a delay.
    pub(super) fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now + ms, event);
    }

    pub(super) fn open_conn(&mut self, client: usize, life: u64) -> ConnId {
        let id = self.next_conn;
        self.next_conn += 1;
        self.conns.insert(id, Conn::new(client, life));
        id
    }

    pub(super) fn note(&mut self, what: &'static str, a: u64, b: u64, detail: impl FnOnce() -> String) {
        self.trace.note(self.now, what, a, b, detail);
    }

    /// The run failed: the first reason counts.
    pub(super) fn fail(&mut self, why: String) {
        if self.failure.is_none() {
            self.trace.note(self.now, "FAILURE", 0, 0, || why.clone());
            self.failure = Some(why);
        }
    }

    /// A medium failed: legitimate where the disks of this run may break, else a defect of the host.
    pub(super) fn medium_failed(&mut self, what: &'static str, e: &StorageError) {
        self.note("medium failed", 0, 0, || format!("{what}: {e}"));
        if !H::FAULTY || self.healing {
            self.fail(format!("{what}: {e}"));
        }
    }

    pub(super) fn storage<T>(&mut self, result: Result<T, StorageError>, what: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(e) => {
                self.fail(format!("{what}: {e}"));
                None
            }
        }
    }

    fn play(&mut self) {
        let mut deadline = u64::MAX;
        while self.failure.is_none() {
            let Some((at, event)) = self.agenda.next() else {
                return self.fail("no event is left before all is quiet".to_owned());
            };
            self.now = at;
            self.events += 1;
            if self.events > EVENTS_MAX {
                return self.fail(format!("{EVENTS_MAX} events and no end"));
            }
            let (tick, heal) = (matches!(event, Event::Tick), matches!(event, Event::Heal));
            self.happen(event);
            if heal {
                deadline = self.now + QUIET_WITHIN_MS;
            }
            if tick && self.healing && self.is_quiet() {
                return self.final_checks();
            }
            if self.now > deadline {
                let stuck = self.stuck();
                return self.fail(format!("not quiet {} s after all healed: {stuck}", QUIET_WITHIN_MS / 1_000));
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Operate(c) => self.operate(c),
            Event::Kick(c, life) => self.kick(c, life),
            Event::Up(parcel) => self.up_arrives(&parcel),
            Event::Down(parcel) => self.down_arrives(&parcel),
            Event::UpClosed(conn) => self.central_loses(conn),
            Event::DownClosed(conn) => self.laptop_loses(conn),
            Event::Connect(c, life) => self.connect(c, life),
            Event::Tick => {
                (0..self.laptops.len()).for_each(|c| self.tick(c));
                self.settle();
                self.after(TICK_MS, Event::Tick);
            }
            Event::Heartbeat(conn) => self.heartbeat(conn),
            Event::Flush => self.flush(),
            Event::Notice(conn, from, to) => self.notice(conn, from, to),
            Event::PageRead(conn, after) => self.page_read(conn, after),
            Event::FetchAt(c, conn, fetch) => self.fetch_at(c, conn, &fetch),
            Event::FetchDone(c, conn, fetched) => self.fetch_done(c, conn, *fetched),
            Event::Fault => faults::strike(self),
            Event::LaptopUp(c) => self.laptop_up(c),
            Event::CentralUp => self.central_up(),
            Event::Regrant(device) => self.regrant(device),
            Event::EndRecovery(number) => self.end_recovery(number),
            Event::Heal => self.heal(),
        }
    }

    fn heal(&mut self) {
        self.note("heal", 0, 0, String::new);
        self.healing = true;
        self.healed_at = self.now;
        self.plan.calm();
        self.hosts.break_disks(false);
        for laptop in &mut self.laptops {
            laptop.offline_until = self.now;
        }
        self.settle_devices();
    }

    fn report(mut self) -> Report {
        let commits = self.server.host.log(0, usize::MAX).map_or(0, |log| log.len() as u64);
        Report {
            seed: self.seed,
            failure: self.failure.take(),
            trace: self.trace.hash(),
            coverage: self.coverage.clone(),
            saved: self.ledger.saved.len(),
            commits,
            events: self.events,
            quiet_ms: self.now.saturating_sub(self.healed_at),
        }
    }
}
