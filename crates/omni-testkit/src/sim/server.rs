//! Central's driver: the sessions of its connections. Does what the real service does around `omni_sync::central`.

use super::coverage::Reached;
use super::driver::{EPOCH_MS, Sim};
use super::event::Event;
use super::host::{CentralHost, Hosts, central_view};
use super::net::{ConnId, Parcel};
use super::plan::Planted;
use super::recovery::{Backup, Batches, Recovery};
use omni_protocol::frame::{self, ClientFrame, ServerFrame};
use omni_protocol::limits::HEARTBEAT_MS;
use omni_protocol::{Batch, BootId, FeedPage, Grants, ReplicaId};
use omni_sync::StorageError;
use omni_sync::central::{
    BootSample, Commit, DeviceFacts, HelloFacts, Rights, Session, SessionAction, SessionInput, feed_page,
};
use omni_sync::digest::Digest;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Central drops a connection it has heard nothing of for this long.
pub(super) const IDLE_MS: u64 = 32_000;

/// One connection on central.
pub struct Served {
    pub session: Session,
    /// What its laptop has to sign.
    pub nonce: Vec<u8>,
    pub last_heard: u64,
    pub probes: BTreeMap<u64, u64>,
    pub next_probe: u64,
    pub notice_at: u64,
    /// Rights when the session began: only a planted mistake uses them.
    pub rights: Rights,
}

/// Central with everything around its storage.
pub struct Server<C: CentralHost> {
    pub host: C,
    pub up: bool,
    pub served: BTreeMap<ConnId, Served>,
    pub pending: VecDeque<(ConnId, Batch)>,
    pub flushing: bool,
    pub tokens: BTreeMap<String, (usize, Grants)>,
    /// How often central died on an entry, as its notes on disk say.
    pub deaths: BTreeMap<(ReplicaId, u64), u32>,
    /// The log as everybody shares it.
    pub log: Vec<Arc<Commit>>,
    /// Signatures over batches, by replica: part of the database.
    pub batches: Batches,
    /// Its epoch, as the database says.
    pub epoch: u32,
    /// The head it found when it started.
    pub began_at: u64,
    /// It was rolled back and nobody has proven it yet.
    pub unproven: bool,
    /// The highest epoch ever opened: kept outside the database.
    pub guard: u32,
    /// While only originals are taken: kept outside the database.
    pub recovery: Option<Recovery>,
    /// A copy of the database.
    pub backup: Option<Backup<C::Image>>,
}

impl<C: CentralHost> Server<C> {
    /// A running central.
    pub fn new(host: C) -> Server<C> {
        Server {
            host,
            up: true,
            served: BTreeMap::new(),
            pending: VecDeque::new(),
            flushing: false,
            tokens: BTreeMap::new(),
            deaths: BTreeMap::new(),
            log: Vec::new(),
            batches: Batches::new(),
            epoch: 1,
            began_at: 0,
            unproven: false,
            guard: 1,
            recovery: None,
            backup: None,
        }
    }

    /// Seq of the last commit.
    pub fn head(&self) -> u64 {
        self.log.len() as u64
    }

    /// Sum of the readable scope digests after `seq`.
    pub fn root_at(&self, grants: &Grants, seq: u64) -> Digest {
        let mut root = Digest::default();
        let commits = self.log.iter().take(seq as usize);
        let deltas = commits.flat_map(|c| &c.deltas).filter(|(scope, _)| grants.reads(*scope));
        deltas.for_each(|(_, delta)| root.add(*delta));
        root
    }
}

impl<H: Hosts> Sim<H> {
    /// Central's wall clock.
    pub(super) fn central_ms(&self) -> i64 {
        EPOCH_MS + self.now as i64
    }

    /// A connection reaches central.
    pub(super) fn accept(&mut self, conn: ConnId) {
        let nonce = self.rng.uuid().as_bytes().to_vec();
        let (session, actions) = Session::new(nonce.clone(), self.server.epoch);
        let rights = Rights { may_write: false, grants: Grants::default() };
        let served = Served {
            session,
            nonce,
            last_heard: self.now,
            probes: BTreeMap::new(),
            next_probe: 1,
            notice_at: 0,
            rights,
        };
        self.server.served.insert(conn, served);
        self.after(HEARTBEAT_MS, Event::Heartbeat(conn));
        self.serve(conn, actions);
    }

    pub(super) fn serve_input(&mut self, conn: ConnId, input: SessionInput) {
        let Some(served) = self.server.served.get_mut(&conn) else { return };
        let actions = served.session.step(input);
        self.serve(conn, actions);
    }

    fn serve(&mut self, conn: ConnId, actions: Vec<SessionAction>) {
        for action in actions {
            match action {
                SessionAction::Send(frame) => self.send_down(conn, frame),
                SessionAction::Admit(bytes) => self.receive_batch(conn, &bytes),
                SessionAction::ReadFeed { after } => {
                    let ms = self.rng.below(8);
                    self.after(ms, Event::PageRead(conn, after));
                }
                SessionAction::Probed { n, boot, mono_ms, wall_ms } => self.probed(conn, n, boot, mono_ms, wall_ms),
                SessionAction::Durable { .. } => {}
                SessionAction::Close => self.close_served(conn),
            }
        }
    }

    fn probed(&mut self, conn: ConnId, n: u64, boot: BootId, mono_ms: u64, wall_ms: i64) {
        let to_ms = self.central_ms();
        let Some(served) = self.server.served.get_mut(&conn) else { return };
        let Some((device, ..)) = served.session.peer() else { return };
        let Some(sent) = served.probes.remove(&n) else { return };
        let sample = match self.plan.planted {
            Some(Planted::TrustsWallClocks) => BootSample { mono_ms, from_ms: wall_ms, to_ms: wall_ms },
            _ => BootSample { mono_ms, from_ms: EPOCH_MS + sent as i64, to_ms },
        };
        let done = self.server.host.add_boot_sample(device, boot, sample);
        self.storage(done, "boot sample");
    }

    fn send_down(&mut self, conn: ConnId, mut frame: ServerFrame) {
        if let (Some(Planted::LeaksScopes), ServerFrame::Feed(page)) = (self.plan.planted, &mut frame) {
            *page = self.leaked(page);
        }
        let bound = matches!(frame, ServerFrame::Challenge(_) | ServerFrame::Welcome(_));
        self.transmit(conn, false, frame::to_bytes(&frame), bound);
    }

    /// The planted mistake: the same page with every part.
    fn leaked(&self, page: &FeedPage) -> FeedPage {
        let mark = &page.watermark;
        let count = mark.position.seq.saturating_sub(page.after) as usize;
        let commits = self.server.log.iter().skip(page.after as usize).take(count);
        let root = mark.root.map(|d| Digest(d.0));
        feed_page(&Grants::everything(), page.after, commits, mark.position, mark.head, root)
    }

    pub(super) fn close_served(&mut self, conn: ConnId) {
        self.server.served.remove(&conn);
        let Some(c) = self.conns.get_mut(&conn) else { return };
        c.central_open = false;
        let at = c.down.at.max(self.now) + 1;
        self.at(at, Event::DownClosed(conn));
    }

    /// The connection is gone, as central sees it.
    pub(super) fn central_loses(&mut self, conn: ConnId) {
        if self.server.served.remove(&conn).is_some()
            && let Some(c) = self.conns.get_mut(&conn)
        {
            c.central_open = false;
        }
    }

    /// A frame of a laptop arrives.
    pub(super) fn up_arrives(&mut self, parcel: &Parcel) {
        let (now, conn, bytes) = (self.now, parcel.conn, &parcel.bytes);
        if !self.arrives(parcel, true) {
            return;
        }
        let Some(client) = self.conns.get(&conn).map(|c| c.client) else { return };
        let Some(served) = self.server.served.get_mut(&conn) else { return };
        served.last_heard = now;
        if self.laptops[client].conn.is_some_and(|newer| newer > conn) {
            self.coverage.hit(Reached::ReorderedAcrossConnections);
        }
        let decoded: ClientFrame = match frame::from_bytes(bytes) {
            Ok(frame) => frame,
            Err(e) => return self.fail(format!("central cannot read a frame: {e}")),
        };
        self.note("up", conn, bytes.len() as u64, || short(&decoded));
        let facts = match &decoded {
            ClientFrame::Hello(hello) => {
                let facts = self.facts(conn, client, hello);
                let Some(facts) = self.storage(facts, "facts of a hello") else { return };
                Some(facts)
            }
            _ => None,
        };
        let is_hello = facts.is_some();
        if let (ClientFrame::Hello(hello), Some(facts)) = (&decoded, &facts)
            && self.proves_rollback(conn, hello, facts)
        {
            return self.after_rollback(conn, hello.position);
        }
        self.serve_input(conn, SessionInput::Frame(decoded, facts));
        let let_in = self.server.served.get(&conn).is_some_and(|served| served.session.peer().is_some());
        if is_hello && let_in && self.devices[self.laptops[client].device].barred {
            self.fail(format!("laptop {client} of a revoked device was let in"));
        }
    }

    fn facts(&mut self, conn: ConnId, client: usize, hello: &frame::Hello) -> Result<HelloFacts, StorageError> {
        let number = self.laptops[client].device;
        let device = self.devices[number].clone();
        let (head, replica) = central_view(&mut self.server.host, |tx| Ok((tx.head()?, tx.replica(hello.replica)?)))?;
        let at = (hello.position.seq as usize).checked_sub(1).and_then(|n| self.server.log.get(n));
        let hash_at = at.map(|c| c.position.hash);
        let token = self.rng.uuid().to_string();
        self.server.tokens.insert(token.clone(), (number, device.grants.clone()));
        if let Some(served) = self.server.served.get_mut(&conn) {
            served.rights = Rights { may_write: device.may_write, grants: device.grants.clone() };
        }
        Ok(HelloFacts {
            device: (device.id == hello.device).then(|| DeviceFacts {
                public_key: device.key.verifying_key().to_bytes(),
                revoked: device.revoked,
                operator: format!("operator-{number}"),
                role: if device.may_write { "operator".into() } else { "viewer".into() },
                grants: device.grants.clone(),
            }),
            head,
            replica,
            hash_at,
            token,
            directory: Vec::new(),
            now_ms: self.central_ms(),
            recovering: self.server.recovery.is_some(),
        })
    }
}

fn short(frame: &ClientFrame) -> String {
    match frame {
        ClientFrame::Hello(h) => format!("Hello at {} next? lineage {}", h.position.seq, h.lineage.len()),
        ClientFrame::Push(bytes) => match frame::from_bytes::<Batch>(bytes) {
            Ok(b) => format!("Push {} from {} n {}", b.replica, b.first, b.entries.len()),
            Err(_) => "Push ?".to_owned(),
        },
        other => format!("{other:?}"),
    }
}
