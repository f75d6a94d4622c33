//! Central's downloads and its power: notices, pages, heartbeats, fetches over HTTP, crashes, changed rights.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::{Event, Fetch, Fetched};
use super::host::{CentralHost, Hosts};
use super::net::ConnId;
use super::server::IDLE_MS;
use omni_protocol::Position;
use omni_protocol::limits::{FEED_PAGE_COMMITS_MAX, HEARTBEAT_MS};
use omni_sync::StorageError;
use omni_sync::central::{Commit, SessionInput, feed_page};
use std::sync::Arc;

impl<H: Hosts> Sim<H> {
    /// A session hears of commits.
    pub(super) fn notice(&mut self, conn: ConnId, from: u64, to: u64) {
        let commits: Vec<Arc<Commit>> =
            self.server.log.iter().skip(from as usize - 1).take((to + 1 - from) as usize).cloned().collect();
        self.serve_input(conn, SessionInput::Committed(&commits));
    }

    /// A session's log read comes back.
    pub(super) fn page_read(&mut self, conn: ConnId, after: u64) {
        let Some(served) = self.server.served.get(&conn) else { return };
        let Some((_, _, _, grants)) = served.session.peer() else { return };
        let grants = grants.clone();
        if self.rng.chance(self.plan.push_lost) {
            return self.note("page read lost", conn, after, String::new);
        }
        let limit = 1 + self.rng.below(60) as usize;
        let Some((commits, end, head)) = self.page_after(after, limit) else { return };
        let root = (end.seq == head).then(|| self.server.root_at(&grants, head));
        self.serve_input(conn, SessionInput::Page { commits, end, head, root });
    }

    fn page_after(&self, after: u64, limit: usize) -> Option<(Vec<Arc<Commit>>, Position, u64)> {
        let head = self.server.head();
        let limit = limit.min(FEED_PAGE_COMMITS_MAX);
        let commits: Vec<Arc<Commit>> = self.server.log.iter().skip(after as usize).take(limit).cloned().collect();
        let end = match (commits.last(), after) {
            (Some(last), _) => last.position,
            (None, 0) => Position::default(),
            (None, seq) => self.server.log.get(seq as usize - 1)?.position,
        };
        Some((commits, Position { epoch: self.server.epoch, ..end }, head))
    }

    /// Time for a heartbeat of one connection.
    pub(super) fn heartbeat(&mut self, conn: ConnId) {
        let (now, now_ms, head) = (self.now, self.central_ms(), self.server.head());
        let Some(served) = self.server.served.get_mut(&conn) else { return };
        if now - served.last_heard > IDLE_MS {
            self.coverage.hit(Reached::HalfOpen);
            return self.close_served(conn);
        }
        let n = served.next_probe;
        served.next_probe += 1;
        served.probes.insert(n, now);
        self.serve_input(conn, SessionInput::Heartbeat { n, now_ms, head });
        self.after(HEARTBEAT_MS, Event::Heartbeat(conn));
    }

    /// A fetch over HTTP reaches central.
    pub(super) fn fetch_at(&mut self, c: usize, conn: ConnId, fetch: &Fetch) {
        let answer = self.fetch(c, fetch);
        let ms = self.delay() + self.rng.below(50);
        self.after(ms, Event::FetchDone(c, conn, Box::new(answer)));
    }

    fn fetch(&mut self, c: usize, fetch: &Fetch) -> Fetched {
        if !self.server.up || self.rng.chance(self.plan.fetch_fails) {
            return Fetched::Failed;
        }
        let Some((device, grants)) = self.server.tokens.get(&self.laptops[c].token).cloned() else {
            return Fetched::Failed;
        };
        // A token lives as long as the device is approved and the grants it was given under stand.
        if self.devices[device].grants != grants || self.devices[device].revoked {
            return Fetched::Failed;
        }
        match fetch {
            Fetch::Page(after) => {
                let limit = 1 + self.rng.below(80) as usize;
                let Some((commits, end, head)) = self.page_after(*after, limit) else { return Fetched::Failed };
                Fetched::Page(feed_page(&grants, *after, commits.iter(), end, head, None))
            }
            Fetch::Originals(after) => Fetched::Originals(self.originals_after(device, *after)),
            Fetch::Offer(groups) => self.take_originals(device, groups),
            Fetch::Snapshot => {
                let snapshot = self.server.host.snapshot(&grants);
                match self.storage(snapshot, "snapshot") {
                    Some(snapshot) => Fetched::Snapshot(Box::new(snapshot), grants),
                    None => Fetched::Failed,
                }
            }
        }
    }

    /// Power loss of central.
    pub(super) fn crash_central(&mut self) {
        self.central_loses_power();
        self.check_central_restart();
    }

    /// Power loss of central in the middle of a write. Returns whether the write is on the disk all the same: what was
    /// written and not synced may stay.
    pub(super) fn central_fails(&mut self, what: &'static str, e: &StorageError) -> bool {
        self.medium_failed(what, e);
        self.central_loses_power();
        let log = self.server.host.log(0, usize::MAX);
        let there = self.storage(log, "log").map_or(0, |log| log.len() as u64);
        there > self.server.head()
    }

    fn central_loses_power(&mut self) {
        self.note("central crashes", 0, 0, String::new);
        self.central_stops();
        let mut rng = self.rng.clone();
        let done = self.server.host.crash(&mut rng);
        self.rng = rng;
        self.storage(done, "central's restart");
        let sound = self.server.host.integrity();
        self.storage(sound, "central's integrity after a crash");
        self.coverage.hit(Reached::CentralCrashed);
        let ms = 500 + self.rng.below(15_000);
        self.after(ms, Event::CentralUp);
    }

    /// Everything volatile of central is gone.
    pub(super) fn central_stops(&mut self) {
        self.server.up = false;
        self.server.pending.clear();
        self.server.flushing = false;
        self.server.tokens.clear();
        let conns: Vec<ConnId> = self.server.served.keys().copied().collect();
        self.server.served.clear();
        for conn in conns {
            let noticed = self.rng.chance(700);
            let Some(c) = self.conns.get_mut(&conn) else { continue };
            c.central_open = false;
            c.up.lost = true;
            let at = c.down.at.max(self.now) + 5;
            if noticed {
                self.at(at, Event::DownClosed(conn));
            }
        }
    }

    /// Central runs again.
    pub(super) fn central_up(&mut self) {
        self.note("central up", 0, 0, String::new);
        self.server.up = true;
        // A second start before the proof of a rollback is not played: central takes what was written before it for known.
        if !self.server.unproven {
            self.server.began_at = self.server.head();
        }
        // Of a recovery that was cut off, what is still to do.
        self.settle();
    }

    /// The sessions of a device hear of its new grants.
    pub(super) fn regrant(&mut self, device: usize) {
        let known = self.devices[device].clone();
        let conns: Vec<ConnId> = self.server.served.keys().copied().collect();
        for conn in conns {
            let of_device =
                self.server.served.get(&conn).and_then(|s| s.session.peer()).is_some_and(|p| p.0 == known.id);
            if of_device {
                self.coverage.hit(Reached::Regranted);
                let grants = Some(known.grants.clone()).filter(|_| !known.revoked);
                self.serve_input(conn, SessionInput::GrantsChanged { grants });
            }
        }
    }
}
