//! Restored and cloned databases: what a renewed replica knew, and whose answers are whose.

use super::lab::{Lab, set, write};
use omni_model::{RecordId, Value};
use omni_protocol::OutcomeKind;
use omni_sync::central::Admitted;

fn rename(sector: RecordId, name: &str) -> Vec<omni_model::Op> {
    vec![set("sector", sector, "name", Value::text(name))]
}

#[test]
fn a_renewed_replica_does_not_know_what_its_twin_wrote_under_its_counters() {
    let mut lab = Lab::new();
    let (mut first, sector) = lab.laptop_with_sector();
    let mut twin = lab.twin(&first);
    // Both give the same counter; the twin's change is the one central gets.
    lab.saved(&mut twin, rename(sector, "Twin"));
    lab.push(&mut twin);
    lab.saved(&mut first, rename(sector, "First"));
    lab.seal(&mut first);
    lab.renew(&mut first);
    lab.push(&mut first);
    assert_eq!(lab.open_items().len(), 1, "the twin's name was replaced silently");
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Twin"));
}

#[test]
fn a_renewed_replica_knows_what_it_sent_itself() {
    let mut lab = Lab::new();
    let (mut laptop, sector) = lab.laptop_with_sector();
    // Committed, but the answer is lost.
    lab.saved(&mut laptop, rename(sector, "Once"));
    let batch = lab.seal(&mut laptop).expect("a batch");
    lab.admit(&laptop, &batch);
    lab.renew(&mut laptop);
    lab.saved(&mut laptop, rename(sector, "Twice"));
    let outcomes = lab.push(&mut laptop);
    assert_eq!(outcomes.iter().map(|o| o.kind).collect::<Vec<_>>(), vec![OutcomeKind::Applied; 2]);
    // Accepted before this copy reached it: the same.
    lab.saved(&mut laptop, rename(sector, "Thrice"));
    lab.push(&mut laptop);
    assert_eq!(lab.open_items(), Vec::new());
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Thrice"));
}

#[test]
fn the_answer_of_one_database_is_never_given_to_its_twin() {
    let mut lab = Lab::new();
    let (mut first, sector) = lab.laptop_with_sector();
    let mut twin = lab.twin(&first);
    lab.saved(&mut first, rename(sector, "First"));
    let batch = lab.seal(&mut first).expect("a batch");
    for name in ["Twin", "Twin again"] {
        lab.saved(&mut twin, rename(sector, name));
        lab.push(&mut twin);
    }
    // Central has answered more counters than the batch holds, so the chain's end proves nothing.
    assert_eq!(lab.admit(&first, &batch), Admitted::Fork);
    // Nor for one it gave up on: central has an answer, but it is the twin's.
    let counter = batch.first;
    write(&mut first, |tx| omni_sync::replica::skip(tx, counter, "undeliverable").map_err(|e| e.to_string()));
    let batch = lab.seal(&mut first).expect("a batch");
    assert_eq!(lab.admit(&first, &batch), Admitted::Fork);
}
