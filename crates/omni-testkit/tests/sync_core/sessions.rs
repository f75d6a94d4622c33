//! The two sessions, when messages overtake each other.

use super::lab::{Lab, insert};
use ed25519_dalek::SigningKey;
use omni_model::Value;
use omni_protocol::frame::{Challenge, ClientFrame, PROTOCOL_VERSION, ServerFrame, Start, Welcome};
use omni_protocol::{DeviceId, FeedPage, Grants, Hash, Outcome, OutcomeKind, Position, ReplicaId};
use omni_sync::central::{self, CentralHead, DeviceFacts, HelloFacts, SessionAction, SessionInput};
use omni_sync::replica::{self, Action, Input, OutgoingBatch, Session};
use std::sync::Arc;

/// A live session of a laptop that has sent the counters 1 to 3.
fn sending() -> Session {
    let mut session = Session::default();
    session.step(Input::Connected, 0);
    let challenge = Challenge { nonce: vec![0; 32].into(), version: PROTOCOL_VERSION, epoch: 1 };
    session.step(Input::Frame(ServerFrame::Challenge(challenge)), 0);
    session.step(Input::HelloSent { next_counter: 4 }, 0);
    let welcome = Welcome {
        head: Position::default(),
        expected: 1,
        chain: Hash::default(),
        grants: Grants::everything(),
        operator: String::new(),
        role: String::new(),
        token: String::new(),
        start: Start::Live,
        directory: Vec::new(),
        now_ms: 0,
        recovering: false,
        forks: Vec::new(),
    };
    session.step(Input::Frame(ServerFrame::Welcome(welcome)), 0);
    session.step(Input::Batch(Some(OutgoingBatch { bytes: Vec::new(), first: 1, last: 3, more: true })), 0);
    session
}

fn answer(counter: u64) -> Outcome {
    Outcome {
        counter,
        change: omni_protocol::ChangeId(uuid::Uuid::nil()),
        kind: OutcomeKind::Applied,
        seq: Some(counter),
        code: None,
        message: None,
        root: None,
        waits: Vec::new(),
    }
}

#[test]
fn an_old_notice_of_a_gap_is_no_reason_for_a_new_identity() {
    let mut session = sending();
    session.step(Input::Batch(None), 0);
    session.step(Input::Frame(ServerFrame::Outcomes((1..=3).map(answer).collect())), 0);
    session.step(Input::Batch(None), 0);
    // Sent by central before the answers, arrives after them: nothing is missing any more.
    let old = ServerFrame::Expected { counter: 1, chain: Hash::default() };
    let mut actions = session.step(Input::Frame(old), 0);
    actions.extend(session.step(Input::Batch(None), 0));
    assert!(!actions.contains(&Action::Renew), "{actions:?}");
}

#[test]
fn a_gap_this_database_cannot_fill_is() {
    let mut session = sending();
    session.step(Input::Batch(None), 0);
    let missing = ServerFrame::Expected { counter: 1, chain: Hash::default() };
    session.step(Input::Frame(missing), 0);
    let batch = OutgoingBatch { bytes: Vec::new(), first: 4, last: 4, more: true };
    assert!(session.step(Input::Batch(Some(batch)), 0).contains(&Action::Renew));
}

/// A session of central with a laptop that stands at the start, and the log it reads.
fn following() -> (central::Session, Vec<Arc<central::Commit>>) {
    let mut lab = Lab::new();
    let mut laptop = lab.laptop();
    for n in 0..4 {
        let sector = lab.record();
        lab.saved(&mut laptop, vec![insert("sector", sector, &[("name", Value::text(format!("Sector {n}")))])]);
    }
    lab.push(&mut laptop);
    let key = SigningKey::from_bytes(&[3; 32]);
    let (device, nonce) = (DeviceId(uuid::Uuid::nil()), vec![5; 32]);
    let (mut session, _) = central::Session::new(nonce.clone(), 1);
    let hello = replica::hello(&replica::fresh_meta(ReplicaId(uuid::Uuid::nil())), device, &nonce, &key);
    let facts = HelloFacts {
        device: Some(DeviceFacts {
            public_key: key.verifying_key().to_bytes(),
            revoked: false,
            operator: String::new(),
            role: String::new(),
            grants: Grants::everything(),
        }),
        head: CentralHead { position: lab.central.position, forks: Vec::new() },
        replica: None,
        hash_at: None,
        token: String::new(),
        directory: Vec::new(),
        now_ms: 0,
        recovering: false,
    };
    session.step(SessionInput::Frame(ClientFrame::Hello(hello), Some(facts)));
    (session, lab.central.log.iter().cloned().map(Arc::new).collect())
}

fn pages(actions: &[SessionAction]) -> Vec<&FeedPage> {
    let page = |action| match action {
        &SessionAction::Send(ServerFrame::Feed(ref page)) => Some(page),
        _ => None,
    };
    actions.iter().filter_map(page).collect()
}

#[test]
fn a_read_that_no_longer_continues_what_was_sent_is_dropped() {
    let (mut session, log) = following();
    let at = |seq: usize| log[seq - 1].position;
    let read = |from: usize, to: usize| SessionInput::Page {
        commits: log[from..to].to_vec(),
        end: at(to),
        head: log.len() as u64,
        root: None,
    };
    // Two positions in a row, as after two pages that did not fit: two reads are under way.
    session.step(SessionInput::Frame(ClientFrame::Follow { position: at(3) }, None));
    session.step(SessionInput::Frame(ClientFrame::Follow { position: at(1) }, None));
    // The answer of the first one, taken for the second, would tell the laptop that commits 2 and 3 are in it.
    assert_eq!(pages(&session.step(read(3, 4))), Vec::<&FeedPage>::new());
    let actions = session.step(read(1, 4));
    let page = pages(&actions)[0];
    assert_eq!((page.after, page.commits.len(), page.watermark.position), (1, 3, at(4)));
}
