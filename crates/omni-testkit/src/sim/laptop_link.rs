//! A laptop's connections and its power: connecting, losing the link, crashing, starting again.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Event;
use super::host::{Hosts, ReplicaHost, view};
use super::laptop::wall_offset;
use super::net::{ConnId, Parcel};
use super::plan::Planted;
use omni_protocol::frame::{self, ServerFrame};
use omni_protocol::{BootId, Outcome};
use omni_sync::replica::{Input, Session};

/// A revoked device asks again this seldom.
const REVOKED_RETRY_MS: u64 = 10_000;

impl<H: Hosts> Sim<H> {
    /// A frame of central arrives.
    pub(super) fn down_arrives(&mut self, parcel: &Parcel) {
        let arrives = self.arrives(parcel, false);
        let Some(conn) = self.conns.get(&parcel.conn).filter(|conn| arrives && conn.client_open) else { return };
        let (c, life) = (conn.client, conn.life);
        if self.laptops[c].conn != Some(parcel.conn) || self.laptops[c].life != life {
            return;
        }
        match frame::from_bytes::<ServerFrame>(&parcel.bytes) {
            Ok(frame) => {
                self.note("down", c as u64, parcel.bytes.len() as u64, || short(&frame));
                self.drive(c, Input::Frame(frame));
            }
            Err(e) => self.fail(format!("laptop {c} cannot read a frame: {e}")),
        }
    }

    /// The laptop's timers.
    pub(super) fn tick(&mut self, c: usize) {
        if self.laptops[c].up && self.plan.planted != Some(Planted::NoTimers) {
            self.drive(c, Input::Tick);
            self.keep_originals_soon(c);
        }
    }

    /// The session hears that the queue may hold something.
    pub(super) fn kick(&mut self, c: usize, life: u64) {
        if self.laptops[c].life == life && self.laptops[c].up {
            self.drive(c, Input::QueueChanged);
        }
    }

    /// A laptop tries to connect.
    pub(super) fn connect(&mut self, c: usize, life: u64) {
        let laptop = &self.laptops[c];
        if laptop.life != life || !laptop.up || laptop.conn.is_some() {
            return;
        }
        let wait = laptop.offline_until.saturating_sub(self.now);
        if wait > 0 || !self.server.up {
            return self.connect_later(c, wait);
        }
        let conn = self.open_conn(c, life);
        self.laptops[c].keeping = false;
        self.laptops[c].conn = Some(conn);
        self.note("connected", c as u64, conn, String::new);
        self.drive(c, Input::Connected);
        self.accept(conn);
    }

    fn connect_later(&mut self, c: usize, wait: u64) {
        let laptop = &mut self.laptops[c];
        laptop.failures += 1;
        let life = laptop.life;
        let most = if self.healing { 2_000 } else { 500u64 << laptop.failures.min(6) };
        let ms = wait + self.rng.below(most);
        self.after(ms, Event::Connect(c, life));
    }

    /// The laptop closes its connection and will connect again.
    pub(super) fn hang_up(&mut self, c: usize) {
        if let Some(id) = self.laptops[c].conn.take() {
            self.close_from_laptop(id);
            self.drive(c, Input::Disconnected);
        }
        let revoked = self.devices[self.laptops[c].device].revoked;
        self.connect_later(c, if revoked { REVOKED_RETRY_MS } else { 0 });
    }

    fn close_from_laptop(&mut self, id: ConnId) {
        let noticed = self.rng.chance(800);
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.client_open = false;
        let at = conn.up.at.max(self.now) + 5;
        if noticed {
            self.at(at, Event::UpClosed(id));
        }
    }

    /// The laptop learns that its connection is gone.
    pub(super) fn laptop_loses(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.client_open = false;
        let c = conn.client;
        if self.laptops[c].conn == Some(id) {
            self.laptops[c].conn = None;
            self.drive(c, Input::Disconnected);
            self.connect_later(c, 0);
        }
    }

    /// Power loss of a laptop.
    pub(super) fn crash_laptop(&mut self, c: usize) {
        let before = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position.seq)).unwrap_or_default();
        let laptop = &mut self.laptops[c];
        laptop.life += 1;
        laptop.up = false;
        laptop.session = Session::default();
        laptop.offered = None;
        if let Some(id) = laptop.conn.take() {
            // What stood in its buffers is gone with it.
            let unsent = self.rng.chance(400);
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.up.lost |= unsent;
            }
            self.close_from_laptop(id);
        }
        let mut rng = self.rng.clone();
        let done = self.laptops[c].host.crash(&mut rng);
        self.rng = rng;
        if self.storage(done, "reopening after a crash").is_none() {
            return;
        }
        let after = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position.seq)).unwrap_or_default();
        self.note("laptop crashes", c as u64, after, || format!("was at {before}"));
        self.coverage.hit(Reached::LaptopCrashed);
        if after < before {
            self.coverage.hit(Reached::FeedLostAtCrash);
        }
        let sound = self.laptops[c].host.integrity();
        self.storage(sound, "integrity after a crash");
        self.check_copy(c);
        if !self.laptops[c].gone {
            let ms = 200 + self.rng.below(20_000);
            self.after(ms, Event::LaptopUp(c));
        }
    }

    /// A laptop starts again: a new process, perhaps a new boot.
    pub(super) fn laptop_up(&mut self, c: usize) {
        if self.laptops[c].up || self.laptops[c].gone {
            return;
        }
        let reboot = self.rng.chance(600);
        let (boot, offset) = (BootId(self.rng.uuid()), wall_offset(&mut self.rng));
        let now = self.now;
        let laptop = &mut self.laptops[c];
        laptop.up = true;
        if reboot {
            (laptop.boot, laptop.boot_at) = (boot, now);
            laptop.wall_offset = offset;
        }
        let life = laptop.life;
        self.note("laptop up", c as u64, life, String::new);
        if self.plan.planted == Some(Planted::DropsQueueRow) {
            self.drop_queue(c, 1);
        }
        if self.rng.chance(self.plan.cookie_lost) {
            self.coverage.hit(Reached::CookieLost);
            self.laptops[c].may_renew = true;
            self.renew(c);
            if self.laptops[c].life != life {
                return;
            }
        }
        self.connect(c, life);
    }
}

fn short(frame: &ServerFrame) -> String {
    match frame {
        ServerFrame::Feed(p) => {
            format!("Feed after {} to {} ({} commits)", p.after, p.watermark.position.seq, p.commits.len())
        }
        ServerFrame::Outcomes(all) => {
            let one = |o: &Outcome| format!("{}:{:?}{}", o.counter, o.kind, o.code.as_deref().unwrap_or(""));
            format!("Outcomes {}", all.iter().map(one).collect::<Vec<_>>().join(" "))
        }
        ServerFrame::Welcome(w) => format!("Welcome {:?} head {} expects {}", w.start, w.head.seq, w.expected),
        ServerFrame::Probe { n, watermark, .. } => format!("Probe {n} at {}", watermark.position.seq),
        other => format!("{other:?}").chars().take(80).collect(),
    }
}
