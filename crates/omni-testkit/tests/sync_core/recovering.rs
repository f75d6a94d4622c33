//! Commits central lost come back as they were: also without what they relied on, and never better than they were.

use crate::lab::{Lab, Laptop, insert, set};
use omni_model::{RecordId, Value};
use omni_protocol::{Batch, Change, Entry, OriginalCommit, Outcome, OutcomeKind};
use omni_sync::central::recovery::{Lost, Readmitted, readmit};
use omni_sync::central::{Admitted, BatchRecord, CentralTx, Rights};
use omni_sync::replica::CentralHistory;
use omni_testkit::mem_central::MemCentral;
use std::sync::Arc;

/// A commit of a batch as a laptop keeps it.
fn original(laptop: &Laptop, batch: &Batch, at: usize, seq: u64) -> Lost {
    let Entry::Change(bytes) = &batch.entries[at] else { panic!("a change") };
    let commit = OriginalCommit {
        epoch: 1,
        seq,
        at_ms: 1_750_000_000_000,
        counter: batch.first + at as u64,
        change: bytes.clone(),
        parked: false,
    };
    let change = Change::from_bytes(bytes).unwrap().id;
    Lost { change, commit, batch: Arc::new(BatchRecord::of(batch, laptop.device)) }
}

fn outcome_of(readmitted: Readmitted) -> Outcome {
    match readmitted {
        Readmitted::Done { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}

/// A central with a sector, a laptop that knows it, and a copy of that central.
fn start() -> (Lab, Laptop, RecordId, MemCentral) {
    let mut lab = Lab::new();
    let mut laptop = lab.laptop();
    let sector = lab.record();
    lab.saved(&mut laptop, vec![insert("sector", sector, &[("name", Value::text("Water"))])]);
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    let backup = lab.central.clone();
    (lab, laptop, sector, backup)
}

#[test]
fn what_relied_on_a_lost_change_comes_back_without_it() {
    let (mut lab, mut laptop, sector, backup) = start();
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("First"))]);
    lab.push(&mut laptop);
    let second = lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("Second"))]);
    let batch = lab.seal(&mut laptop).unwrap();
    let Entry::Change(bytes) = &batch.entries[0] else { panic!("a change") };
    assert!(!Change::from_bytes(bytes).unwrap().after.is_empty(), "it names the first, which is not seen yet");
    lab.admit(&laptop, &batch);
    let lost = original(&laptop, &batch, 0, lab.central.position.seq);
    lab.central = backup;
    lab.central.open_epoch(2, lab.central.position.seq).unwrap();
    let done = readmit(&mut lab.central, &lost, Rights::everything(), 0).unwrap();
    assert_eq!(outcome_of(done).change, second);
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Second"));
    assert_eq!(readmit(&mut lab.central, &lost, Rights::everything(), 0).unwrap(), Readmitted::Known);
}

#[test]
fn a_refused_change_stays_refused() {
    let (mut lab, mut laptop, sector, backup) = start();
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("First"))]);
    let batch = lab.seal(&mut laptop).unwrap();
    lab.central = backup;
    lab.central.open_epoch(2, lab.central.position.seq).unwrap();
    let mut lost = original(&laptop, &batch, 0, lab.central.position.seq + 1);
    lost.commit.parked = true;
    let outcome = outcome_of(readmit(&mut lab.central, &lost, Rights::everything(), 0).unwrap());
    assert_eq!((outcome.kind, outcome.code.as_deref()), (OutcomeKind::Rejected, Some("parked")));
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Water"));
    assert_eq!(lab.open_items().len(), 1, "it waits in the inbox as before");
}

#[test]
fn a_place_a_recovery_left_empty_is_not_passed_over_in_silence() {
    let (mut lab, mut laptop, sector, backup) = start();
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("First"))]);
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("Second"))]);
    let batch = lab.seal(&mut laptop).unwrap();
    assert_eq!(batch.entries.len(), 2);
    lab.central = backup;
    lab.central.open_epoch(2, lab.central.position.seq).unwrap();
    // Only the second was a commit that somebody kept.
    let lost = original(&laptop, &batch, 1, lab.central.position.seq + 2);
    readmit(&mut lab.central, &lost, Rights::everything(), 0).unwrap();
    assert_eq!(lab.admit(&laptop, &batch), Admitted::Fork, "its laptop goes on under a new identity");
}

#[test]
fn another_device_does_not_take_a_replica_over() {
    let (mut lab, mut laptop, sector, _) = start();
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("Forged"))]);
    let batch = lab.seal(&mut laptop).unwrap();
    let thief = lab.laptop();
    let lost = original(&thief, &batch, 0, lab.central.position.seq + 1);
    assert_eq!(readmit(&mut lab.central, &lost, Rights::everything(), 0).unwrap(), Readmitted::OutOfPlace);
}

#[test]
fn own_changes_of_a_lost_history_are_queued_again_once_and_in_their_places() {
    let (mut lab, mut laptop, sector, backup) = start();
    let first = lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("First"))]);
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    let second = lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("Second"))]);
    lab.central = backup;
    let fork = lab.central.position.seq;
    lab.central.open_epoch(2, fork).unwrap();
    let history = CentralHistory { epoch: 2, forks: vec![(1, fork)], expected: 1 };
    let fresh = omni_protocol::ReplicaId(lab.rng.uuid());
    assert_eq!(laptop.store.follow_history(&history, fresh).unwrap(), 1);
    assert_eq!(laptop.store.follow_history(&history, fresh).unwrap(), 0, "nothing is lost twice");
    let batch = lab.seal(&mut laptop).unwrap();
    let id = |e: &Entry| match e {
        Entry::Change(bytes) => Change::from_bytes(bytes).unwrap().id,
        Entry::Skip { .. } => panic!("a skip"),
    };
    let ids: Vec<_> = batch.entries.iter().map(id).collect();
    assert_eq!(ids, [first, second], "what was made first goes first");
    lab.admit(&laptop, &batch);
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Second"));
    assert!(lab.open_items().is_empty());
}

#[test]
fn an_answer_central_forgot_is_asked_for_again() {
    let (mut lab, mut laptop, sector, backup) = start();
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("First"))]);
    lab.push(&mut laptop);
    // Rolled back without anybody's knowledge: the copy has not seen what is gone, only the answer tells.
    lab.central = backup;
    let replica = laptop.store.state().meta.replica;
    let expected = lab.central.replica(replica).unwrap().map_or(1, |r| r.counter + 1);
    let history = CentralHistory { epoch: 1, forks: Vec::new(), expected };
    let fresh = omni_protocol::ReplicaId(lab.rng.uuid());
    assert_eq!(laptop.store.follow_history(&history, fresh).unwrap(), 1);
    lab.push(&mut laptop);
    assert_eq!(lab.value("sector", sector, "name"), Value::text("First"));
}
