//! An import that is not finished leaves nothing behind.

use crate::kit::{Replica, brands_csv};
use omni_agent::transfer::{import, recover};
use omni_model::Op;
use omni_store::{Durability, Lane, StoreError, WriteTx};
use omni_sync::replica::{BatchLimits, EditError, Intent, OutboxState, next_batch, save};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

const CORES: usize = 700;

fn wait_for_part(replica: &Replica, mut act: impl FnMut(u64) -> bool + Send) -> Result<u64, String> {
    let file = replica.file("b.csv", brands_csv(CORES));
    let calls = AtomicU64::new(0);
    let act = std::sync::Mutex::new(&mut act);
    let done = import(&replica.store, "brand", &file, &Default::default(), &|done, total| {
        calls.fetch_add(1, Ordering::Relaxed);
        let saved = total > 0 && done > 0 && done < total;
        !saved || (act.lock().unwrap())(done)
    });
    match done {
        Ok(report) => Ok(report.created),
        Err(e) => Err(format!("{}: {}", e.code, e.message)),
    }
}

#[test]
fn a_cancelled_import_takes_back_what_it_saved() {
    let replica = Replica::with_sectors();
    let (queue, mut seen) = (replica.queue(), 0);
    let told = wait_for_part(&replica, |done| {
        seen = done;
        false
    });
    assert_eq!(told.unwrap_err(), "cancelled: Cancelled. Nothing was saved.");
    assert!(seen > 0);
    assert_eq!(replica.rows("brand"), []);
    assert_eq!(replica.queue(), queue);
    assert_eq!(recover(&replica.store).unwrap(), None);
    assert_eq!(wait_for_part(&replica, |_| true), Ok(CORES as u64 * 3));
}

#[test]
fn a_record_that_changes_meanwhile_stops_the_import_and_everything_is_taken_back() {
    let replica = Replica::with_sectors();
    let before = replica.rows("sector");
    let mut first = true;
    let told = wait_for_part(&replica, |_| {
        if std::mem::take(&mut first) {
            let key = format!("south-b{}", CORES - 1);
            let ops = vec![Op::Insert {
                collection: crate::kit::collection("brand").id,
                record: omni_model::RecordId::from_key("brand", &key),
                key: Some(key),
                values: replica_values(&replica),
            }];
            edit(&replica, ops);
        }
        true
    });
    let told = told.unwrap_err();
    assert!(told.starts_with("changed: The record of row 2100 changed while the import ran"), "{told}");
    assert!(told.ends_with("Nothing was saved."), "{told}");
    assert_eq!(replica.rows("brand").len(), 1, "only the one made meanwhile");
    assert_eq!(replica.rows("sector"), before);
    assert_eq!(replica.queue().len(), 3);
}

fn replica_values(replica: &Replica) -> Vec<(omni_model::FieldId, omni_model::Value)> {
    let c = crate::kit::collection("brand");
    let sector = replica.get("sector", "south").id.to_string();
    let values = [("name", "Mine"), ("sector", sector.as_str()), ("kind", "core")];
    values.iter().map(|(f, v)| (c.field(f).unwrap().id, c.field(f).unwrap().parse(v).unwrap())).collect()
}

fn edit(replica: &Replica, ops: Vec<Op>) {
    let intent = Intent {
        id: omni_agent::ids::change_id(),
        time: omni_agent::clock::edit_time(),
        command: 0,
        args: Vec::new(),
        ops,
        priority: 2,
        group: None,
    };
    let done: Result<_, EditError> =
        replica.store.write(Lane::Interactive, Durability::Full, move |tx| save(tx, intent));
    done.unwrap().unwrap();
}

#[test]
fn what_was_sent_already_is_reversed_by_new_changes() {
    let replica = Replica::with_sectors();
    let mut sealed = 0;
    let told = wait_for_part(&replica, |_| {
        let seal = |tx: &mut WriteTx<'_>| -> Result<usize, StoreError> {
            let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
            let limits = BatchLimits { changes: 12, ..BatchLimits::default() };
            Ok(next_batch(tx, &key, 1, 1, limits)?.map_or(0, |b| b.entries.len()))
        };
        sealed = replica.store.write(Lane::Sync, Durability::Full, seal).unwrap();
        false
    });
    assert_eq!(sealed, 12, "the two sectors and ten brands");
    let told = told.unwrap_err();
    assert!(told.contains("10 changes had been sent and are reversed by new ones"), "{told}");
    assert_eq!(replica.rows("brand"), []);
    let queue = replica.queue();
    assert_eq!(queue.len(), 2 + 10 + 10);
    assert_eq!(queue.iter().filter(|e| e.state == OutboxState::Sealed).count(), 12);
    assert!(queue.iter().rev().take(10).all(|e| matches!(e.change.ops[..], [Op::Delete { .. }])));
}

#[test]
fn an_import_cut_short_by_a_crash_is_taken_back_at_the_next_start() {
    let replica = Replica::with_sectors();
    let crash = catch_unwind(AssertUnwindSafe(|| wait_for_part(&replica, |_| panic!("the process dies here"))));
    assert!(crash.is_err());
    let saved = replica.rows("brand").len();
    assert!(saved > 0 && saved < CORES * 3);
    let done = recover(&replica.store).unwrap().unwrap();
    assert_eq!((done.taken_back, done.left), (saved as u64, 0));
    assert_eq!(replica.rows("brand"), []);
    assert_eq!(replica.queue().len(), 2);
    assert_eq!(recover(&replica.store).unwrap(), None);
}

#[test]
fn what_cannot_be_taken_back_now_is_taken_back_at_the_next_start() {
    let replica = Replica::with_sectors();
    let told = wait_for_part(&replica, |_| {
        replica.store.close();
        true
    });
    let told = told.unwrap_err();
    assert!(told.starts_with("closed: ") && told.ends_with("the next start does it."), "{told}");
    let replica = replica.reopen();
    let saved = replica.rows("brand").len() as u64;
    assert!(saved > 0);
    assert_eq!(recover(&replica.store).unwrap().map(|r| (r.taken_back, r.left)), Some((saved, 0)));
    assert_eq!((replica.rows("brand"), replica.queue().len()), (vec![], 2));
}

#[test]
fn one_import_at_a_time() {
    let replica = Replica::with_sectors();
    let mut told = None;
    let done = wait_for_part(&replica, |_| {
        let other = replica.import("sector", "other.csv", "key,name\nwest,West\n");
        told.get_or_insert_with(|| other.unwrap_err().code);
        true
    });
    assert_eq!((done, told.as_deref()), (Ok(CORES as u64 * 3), Some("busy")));
}
