//! The session of one connection on central, as a pure machine: inputs in, actions out. The driver (the server, or the
//! simulator) reads storage and sockets; this decides.

use super::tx::{CentralHead, Commit, ReplicaState};
use crate::digest::Digest;
use crate::sign;
use minicbor::bytes::ByteVec;
use omni_protocol::change::EMERGENCY;
use omni_protocol::feed::DigestBytes;
use omni_protocol::frame::{Challenge, ClientFrame, Hello, PROTOCOL_VERSION, ServerFrame, Start, Welcome};
use omni_protocol::limits::{LINEAGE_MAX, LIVE_LAG_MAX, SNAPSHOT_LAG};
use omni_protocol::{
    BootId, DeviceId, DirectoryEntry, FeedCommit, FeedPage, Grants, Hash, Outcome, Parent, Position, ReplicaId,
    Watermark,
};
use std::sync::Arc;

/// What the driver looked up for a hello.
#[derive(Clone, Debug)]
pub struct HelloFacts {
    /// The device, unless it is unknown.
    pub device: Option<DeviceFacts>,
    /// Central's head and forks.
    pub head: CentralHead,
    /// What is known of the replica.
    pub replica: Option<ReplicaState>,
    /// The hash of the commit at the hello's seq, if that commit exists.
    pub hash_at: Option<Hash>,
    /// A fresh bearer token, already registered for this device's HTTP calls.
    pub token: String,
    /// All devices, for provenance.
    pub directory: Vec<DirectoryEntry>,
    /// Central's clock, unix milliseconds.
    pub now_ms: i64,
    /// Only retained originals are taken.
    pub recovering: bool,
}

/// A known device.
#[derive(Clone, Debug)]
pub struct DeviceFacts {
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// Revoked: may not connect.
    pub revoked: bool,
    /// Its operator's name.
    pub operator: String,
    /// The operator's role word.
    pub role: String,
    /// What the operator may read.
    pub grants: Grants,
}

/// What happens to a session.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made, passed on and consumed at once; a box would cost more")]
pub enum SessionInput<'a> {
    /// A frame of the laptop. A hello needs its facts.
    Frame(ClientFrame, Option<HelloFacts>),
    /// A pushed batch was answered.
    Answered(Vec<Outcome>),
    /// A pushed batch does not continue its chain.
    Gap {
        /// Next counter expected.
        counter: u64,
        /// Chain head before it.
        chain: Hash,
    },
    /// The connection must end for this reason.
    Refuse {
        /// Stable word.
        code: &'a str,
        /// A sentence.
        message: &'a str,
        /// Whether trying again may help.
        retryable: bool,
    },
    /// Commits became durable, in seq order.
    Committed(&'a [Arc<Commit>]),
    /// The page asked for by `ReadFeed`. `root`: sum of the readable digests if the page ends at the head.
    Page {
        /// The commits read, all scopes.
        commits: Vec<Arc<Commit>>,
        /// Position after the last commit read.
        end: Position,
        /// Central's head when it was read.
        head: u64,
        /// Digest sum at `end`, if `end` is the head.
        root: Option<Digest>,
    },
    /// Time for a heartbeat.
    Heartbeat {
        /// Number of the probe.
        n: u64,
        /// Central's clock, unix milliseconds.
        now_ms: i64,
        /// Central's head.
        head: u64,
    },
    /// The operator's grants changed, or the device was revoked.
    GrantsChanged {
        /// The new grants; `None` = revoked.
        grants: Option<Grants>,
    },
    /// A device joined.
    Joined(DirectoryEntry),
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made, passed on and consumed at once; a box would cost more")]
pub enum SessionAction {
    /// Put a frame on the wire.
    Send(ServerFrame),
    /// Decode, verify and admit this batch; answer with `Answered`, `Gap` or `Refuse`.
    Admit(Vec<u8>),
    /// Read commits after this seq (at most one page) and give them as `Page`.
    ReadFeed {
        /// Continue after this seq.
        after: u64,
    },
    /// A probe came back.
    Probed {
        /// The probe.
        n: u64,
        /// The boot.
        boot: BootId,
        /// Its monotonic reading, milliseconds.
        mono_ms: u64,
        /// The laptop's wall clock, unix milliseconds.
        wall_ms: i64,
    },
    /// The laptop's copy is durable to here.
    Durable {
        /// Complete to this seq.
        seq: u64,
    },
    /// End the connection after what was sent.
    Close,
}

#[derive(Debug)]
enum State {
    AwaitHello,
    Ready(Box<Ready>),
    Closed,
}

#[derive(Debug)]
struct Ready {
    device: DeviceId,
    replica: ReplicaId,
    lineage: Vec<Parent>,
    grants: Grants,
    /// Last position sent; `None` until the laptop says `Follow` (or may follow at once).
    sent: Option<Position>,
    /// Reading pages from the log, not yet at the head.
    paging: bool,
    /// Newest commit announced while paging: the pages must reach it before the session is live.
    announced: u64,
    /// Digest sum at `sent`, known once at the head.
    root: Option<Digest>,
}

/// One connection on central.
#[derive(Debug)]
pub struct Session {
    nonce: Vec<u8>,
    state: State,
}

impl Session {
    /// A new connection. `nonce` is fresh randomness; the first action is the challenge.
    pub fn new(nonce: Vec<u8>, epoch: u32) -> (Session, Vec<SessionAction>) {
        let challenge = Challenge { nonce: ByteVec::from(nonce.clone()), version: PROTOCOL_VERSION, epoch };
        (Session { nonce, state: State::AwaitHello }, vec![SessionAction::Send(ServerFrame::Challenge(challenge))])
    }

    /// The device, replica, lineage and grants once the hello was accepted.
    pub fn peer(&self) -> Option<(DeviceId, ReplicaId, &[Parent], &Grants)> {
        match &self.state {
            State::Ready(r) => Some((r.device, r.replica, &r.lineage, &r.grants)),
            _ => None,
        }
    }

    /// One step.
    pub fn step(&mut self, input: SessionInput) -> Vec<SessionAction> {
        match (&mut self.state, input) {
            (State::Closed, _) => Vec::new(),
            (_, SessionInput::Refuse { code, message, retryable }) => self.refuse(code, message, retryable),
            (State::AwaitHello, SessionInput::Frame(ClientFrame::Hello(hello), Some(facts))) => {
                self.on_hello(hello, facts)
            }
            (State::AwaitHello, SessionInput::Frame(..)) => {
                self.refuse("protocol", "A hello is expected first.", false)
            }
            (State::AwaitHello, _) => Vec::new(),
            (State::Ready(_), SessionInput::GrantsChanged { grants: None }) => {
                self.refuse("device_revoked", "This device is no longer approved.", false)
            }
            (State::Ready(r), SessionInput::GrantsChanged { grants: Some(grants) }) => {
                if r.grants == grants {
                    return Vec::new();
                }
                self.state = State::Closed;
                vec![SessionAction::Send(ServerFrame::Regrant {}), SessionAction::Close]
            }
            (State::Ready(_), SessionInput::Frame(ClientFrame::Hello(_), _)) => {
                self.refuse("protocol", "A second hello.", false)
            }
            (State::Ready(r), SessionInput::Frame(frame, _)) => r.on_frame(frame),
            (State::Ready(r), input) => r.on_input(input),
        }
    }

    fn refuse(&mut self, code: &str, message: &str, retryable: bool) -> Vec<SessionAction> {
        self.state = State::Closed;
        let frame = ServerFrame::Refused { code: code.to_owned(), message: message.to_owned(), retryable };
        vec![SessionAction::Send(frame), SessionAction::Close]
    }

    fn on_hello(&mut self, hello: Hello, facts: HelloFacts) -> Vec<SessionAction> {
        let Some(device) = facts.device.clone() else {
            return self.refuse("device_unknown", "Central does not know this device. Enrol it again.", false);
        };
        if !sign::hello_is_genuine(&hello, &self.nonce, &device.public_key) {
            return self.refuse("bad_signature", "The device's signature does not fit its key.", false);
        }
        if device.revoked {
            return self.refuse("device_revoked", "This device is no longer approved.", false);
        }
        if hello.version != PROTOCOL_VERSION {
            return self.refuse("update_required", "This version can no longer synchronise. Update the app.", false);
        }
        if hello.lineage.len() > LINEAGE_MAX {
            return self.refuse("protocol", "The lineage is longer than allowed.", false);
        }
        if facts.replica.as_ref().is_some_and(|r| r.device != hello.device) {
            return self.refuse("wrong_device", "This copy belongs to another device. Enrol this laptop again.", false);
        }
        let start = start_of(&hello, &facts, &device.grants);
        let (expected, chain) = facts.replica.as_ref().map_or((1, Hash::default()), |r| (r.counter + 1, r.chain));
        let welcome = Welcome {
            head: facts.head.position,
            expected,
            chain,
            grants: device.grants.clone(),
            operator: device.operator,
            role: device.role,
            token: facts.token,
            start,
            directory: facts.directory,
            now_ms: facts.now_ms,
            recovering: facts.recovering,
            forks: facts.head.forks,
        };
        let mut ready = Ready {
            device: hello.device,
            replica: hello.replica,
            lineage: hello.lineage,
            grants: device.grants,
            sent: None,
            paging: false,
            announced: 0,
            root: None,
        };
        let mut actions = vec![SessionAction::Send(ServerFrame::Welcome(welcome))];
        if start == Start::Live && !facts.recovering {
            actions.extend(ready.follow(Position { epoch: facts.head.position.epoch, ..hello.position }));
        }
        self.state = State::Ready(Box::new(ready));
        actions
    }
}

/// How a copy goes on: live when it is close, by pages when it is not far, by snapshot when it is new, was made under
/// other grants, or stands on another history.
fn start_of(hello: &Hello, facts: &HelloFacts, grants: &Grants) -> Start {
    let (at, head) = (hello.position, facts.head.position);
    let same_epoch = at.epoch == head.epoch;
    let before_fork = facts.head.forks.iter().filter(|(epoch, _)| *epoch >= at.epoch).all(|(_, fork)| at.seq <= *fork);
    let continues = at.seq > 0
        && at.seq <= head.seq
        && (same_epoch || (before_fork && at.epoch < head.epoch))
        && facts.hash_at == Some(at.hash)
        && hello.grants == grants.hash();
    match (continues, head.seq.saturating_sub(at.seq)) {
        (false, _) => Start::Snapshot,
        (true, lag) if lag <= LIVE_LAG_MAX => Start::Live,
        (true, lag) if lag <= SNAPSHOT_LAG => Start::CatchUp,
        (true, _) => Start::Snapshot,
    }
}

/// Whether a copy's position proves that central's log is not what it was: central acknowledged a history of its present
/// epoch, or of a later one, that the log does not hold. Its host put older files in place.
pub fn is_proof_of_rollback(at: Position, head: Position, hash_at: Option<Hash>) -> bool {
    let lost = at.seq > head.seq || hash_at != Some(at.hash);
    at.seq > 0 && (at.epoch > head.epoch || (at.epoch == head.epoch && lost))
}

impl Ready {
    fn on_frame(&mut self, frame: ClientFrame) -> Vec<SessionAction> {
        match frame {
            ClientFrame::Hello(_) => Vec::new(),
            ClientFrame::Push(bytes) => vec![SessionAction::Admit(bytes.into())],
            ClientFrame::Follow { position } => self.follow(position),
            ClientFrame::ProbeReply { n, boot, mono_ms, wall_ms } => {
                vec![SessionAction::Probed { n, boot, mono_ms, wall_ms }]
            }
            ClientFrame::Ack { seq } => vec![SessionAction::Durable { seq }],
        }
    }

    fn on_input(&mut self, input: SessionInput) -> Vec<SessionAction> {
        match input {
            SessionInput::Answered(outcomes) => vec![SessionAction::Send(ServerFrame::Outcomes(outcomes))],
            SessionInput::Gap { counter, chain } => {
                vec![SessionAction::Send(ServerFrame::Expected { counter, chain })]
            }
            SessionInput::Committed(commits) => self.on_commits(commits),
            SessionInput::Page { commits, end, head, root } => self.on_page(&commits, end, head, root),
            SessionInput::Heartbeat { n, now_ms, head } => {
                if !self.paging && self.sent.is_some_and(|sent| sent.seq < head) {
                    return self.heartbeat_behind(n, now_ms, head);
                }
                let position = self.sent.unwrap_or_default();
                let watermark = Watermark { position, root: self.root.map(|d| DigestBytes(d.0)), head };
                vec![SessionAction::Send(ServerFrame::Probe { n, now_ms, watermark })]
            }
            SessionInput::Joined(entry) => vec![SessionAction::Send(ServerFrame::Directory(entry))],
            SessionInput::Frame(..) | SessionInput::Refuse { .. } | SessionInput::GrantsChanged { .. } => Vec::new(),
        }
    }

    /// Commits exist that were never announced here (the driver lost a notice): read them from the log.
    fn heartbeat_behind(&mut self, n: u64, now_ms: i64, head: u64) -> Vec<SessionAction> {
        let position = self.sent.unwrap_or_default();
        let watermark = Watermark { position, root: self.root.map(|d| DigestBytes(d.0)), head };
        let mut actions = vec![SessionAction::Send(ServerFrame::Probe { n, now_ms, watermark })];
        actions.extend(self.follow(position));
        actions
    }

    fn follow(&mut self, position: Position) -> Vec<SessionAction> {
        self.sent = Some(position);
        self.paging = true;
        self.root = None;
        vec![SessionAction::ReadFeed { after: position.seq }]
    }

    /// Live commits. A session that pages from the log gets them by its pages, but emergencies overtake.
    fn on_commits(&mut self, commits: &[Arc<Commit>]) -> Vec<SessionAction> {
        let Some(sent) = self.sent else { return Vec::new() };
        if self.paging {
            self.announced = commits.last().map_or(self.announced, |c| c.position.seq.max(self.announced));
            return commits.iter().filter(|c| c.info.priority == EMERGENCY).filter_map(|c| self.alert(c)).collect();
        }
        let fresh: Vec<&Arc<Commit>> = commits.iter().filter(|c| c.position.seq > sent.seq).collect();
        let Some(last) = fresh.last() else { return Vec::new() };
        if fresh[0].position.seq != sent.seq + 1 {
            return self.follow(sent);
        }
        let end = last.position;
        if let Some(root) = &mut self.root {
            let grants = &self.grants;
            let readable = fresh.iter().flat_map(|c| &c.deltas).filter(|(scope, _)| grants.reads(*scope));
            readable.for_each(|(_, delta)| root.add(*delta));
        }
        let page = self.page(sent.seq, fresh.into_iter(), end, end.seq);
        self.sent = Some(end);
        vec![SessionAction::Send(ServerFrame::Feed(page))]
    }

    fn on_page(
        &mut self,
        commits: &[Arc<Commit>],
        end: Position,
        head: u64,
        root: Option<Digest>,
    ) -> Vec<SessionAction> {
        let Some(sent) = self.sent.filter(|_| self.paging) else { return Vec::new() };
        // The laptop may have said anew where it stands while a read was under way: that one no longer continues what
        // was sent, and the read it asked for then is still to come.
        let after = commits.first().map_or(end.seq, |c| c.position.seq.saturating_sub(1));
        if after != sent.seq {
            return Vec::new();
        }
        self.root = root;
        let page = self.page(sent.seq, commits.iter(), end, head);
        self.sent = Some(end);
        let mut actions = vec![SessionAction::Send(ServerFrame::Feed(page))];
        if root.is_some() && self.announced <= end.seq {
            self.paging = false;
        } else {
            actions.push(SessionAction::ReadFeed { after: end.seq });
        }
        actions
    }

    fn page<'a>(
        &self,
        after: u64,
        commits: impl Iterator<Item = &'a Arc<Commit>>,
        end: Position,
        head: u64,
    ) -> FeedPage {
        feed_page(&self.grants, after, commits, end, head, self.root)
    }

    fn alert(&self, commit: &Arc<Commit>) -> Option<SessionAction> {
        let parts = visible_parts(&self.grants, commit);
        (!parts.is_empty()).then(|| SessionAction::Send(ServerFrame::Alert { seq: commit.position.seq, parts }))
    }
}

/// The readable parts of a commit, verbatim.
pub fn visible_parts(grants: &Grants, commit: &Commit) -> Vec<ByteVec> {
    let readable = commit.parts.iter().filter(|(scope, _)| grants.reads(*scope));
    readable.map(|(_, bytes)| ByteVec::from(bytes.clone())).collect()
}

/// A page of the feed as one reader sees it. `root` is the readable digest sum at `end`, if known.
pub fn feed_page<'a>(
    grants: &Grants,
    after: u64,
    commits: impl Iterator<Item = &'a Arc<Commit>>,
    end: Position,
    head: u64,
    root: Option<Digest>,
) -> FeedPage {
    let visible = commits.filter_map(|c| {
        let parts = visible_parts(grants, c);
        (!parts.is_empty()).then_some(FeedCommit { seq: c.position.seq, parts })
    });
    let commits: Vec<FeedCommit> = visible.collect();
    FeedPage { after, commits, watermark: Watermark { position: end, root: root.map(|d| DigestBytes(d.0)), head } }
}
