//! Own changes when central begins another history.

use crate::kit::*;
use omni_model::Value;
use omni_protocol::{FeedPage, Hash, Position, ReplicaId, Watermark};
use omni_sync::replica::{CentralHistory, OutboxEntry, OutboxState, ReplicaTx, apply_outcomes, apply_page};
use uuid::Uuid;

/// An own change that is confirmed at `seq` and has left the queue.
fn confirmed(r: &Replica, name: &str, counter: u64, seq: u64) -> OutboxEntry {
    let entry = r.edit(vec![set("brand", "a", "name", Value::text(name))]).unwrap().unwrap();
    let sealed = seal(&entry, counter);
    let answer = outcome(&sealed, seq);
    r.write(move |tx| {
        tx.outbox_update(&sealed)?;
        let mut meta = tx.meta()?;
        meta.next_counter = counter + 1;
        tx.set_meta(&meta)?;
        apply_outcomes(tx, &[answer])?;
        let position = Position { epoch: 1, seq, hash: Hash([seq as u8; 32]) };
        let watermark = Watermark { position, root: None, head: seq };
        let page = FeedPage { after: seq - 1, commits: Vec::new(), watermark };
        apply_page(tx, &page).unwrap();
        Ok(())
    });
    entry
}

fn follow(r: &Replica, fork: u64, fresh: u128) -> usize {
    let history = CentralHistory { epoch: 2, forks: vec![(1, fork)], expected: 1 };
    r.write(move |tx| Ok(tx.follow_history(&history, ReplicaId(Uuid::from_u128(fresh))).unwrap()))
}

fn waiting(r: &Replica) -> Vec<(u64, String)> {
    let told = |e: OutboxEntry| {
        assert_eq!(e.state, OutboxState::Unsealed);
        (e.local_no, e.change.id.to_string())
    };
    r.write(move |tx| Ok(tx.outbox_unsealed(9)?.into_iter().map(told).collect()))
}

#[test]
fn what_a_new_history_may_not_hold_is_queued_again_once_and_before_what_was_made_after_it() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture"), brand("a", "agri", &[("name", "Old")])]);
    let (safe, lost) = (confirmed(&r, "Safe", 1, 1), confirmed(&r, "Lost", 2, 2));
    let later = r.edit(vec![set("brand", "a", "name", Value::text("Later"))]).unwrap().unwrap();
    assert!(safe.local_no < lost.local_no && lost.local_no < later.local_no);
    assert_eq!(follow(&r, 1, 7), 1);
    let r = r.reopen();
    let expected: Vec<_> = [&lost, &later].map(|e| (e.local_no, e.change.id.to_string())).into();
    assert_eq!(waiting(&r), expected);
    assert_eq!(follow(&r, 1, 8), 0, "asked again, the laptop goes on instead of beginning anew for ever");
    let meta = r.write(|tx| tx.meta());
    assert_eq!(meta.replica, ReplicaId(Uuid::from_u128(7)));
    // What was made after the lost one may be on central already: it is not known by descent.
    assert_eq!((meta.lineage[0].replica, meta.lineage[0].counter), (ReplicaId(Uuid::from_u128(1)), 1));
}
