//! The writer: transactions, lanes, panics, listeners, readers beside it.

use crate::kit::{Replica, brand, collection, sector, set};
use omni_model::{RecordId, Value};
use omni_store::{Committed, Durability, Lane, ListQuery, StoreError, TOUCHED_MAX};
use omni_sync::replica::ReplicaTx;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn an_error_or_a_panic_rolls_back_and_the_writer_lives_on() {
    let r = Replica::new();
    let failed: Result<(), StoreError> = r.store.write(Lane::Interactive, Durability::Full, |tx| {
        tx.put_row(&sector("agri", "A"), None)?;
        Err(StoreError::Invalid("no".into()))
    });
    assert_eq!(failed.unwrap_err().code(), "invalid");
    let panicked: Result<(), StoreError> = r.store.write(Lane::Interactive, Durability::Full, |tx| {
        tx.put_row(&sector("agri", "A"), None)?;
        panic!("on purpose")
    });
    assert_eq!(panicked.unwrap_err().code(), "panicked");
    assert_eq!(r.read(|tx| tx.rows_total()), 0);
    let seen = r.write(|tx| tx.row(collection("sector").id, RecordId::from_key("sector", "agri")));
    assert_eq!(seen, None, "nothing of it is remembered either");
    r.put(vec![sector("agri", "A")]);
    assert_eq!(r.read(|tx| tx.rows_total()), 1);
    assert_eq!(r.store.stats().panics, 1);
}

#[test]
fn lanes_are_served_by_priority() {
    let r = Replica::new();
    let (order, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Barrier::new(2)));
    let held = gate.clone();
    let submit = |lane, name: &'static str, gate: Option<Arc<Barrier>>| {
        let order = order.clone();
        r.store
            .submit::<(), StoreError, _, _>(
                lane,
                Durability::Normal,
                move |_| {
                    if let Some(gate) = gate {
                        gate.wait();
                        gate.wait();
                    }
                    Ok(())
                },
                move |done| {
                    done.unwrap();
                    order.lock().unwrap().push(name);
                },
            )
            .unwrap();
    };
    submit(Lane::Sync, "first", Some(held));
    gate.wait();
    submit(Lane::Maintenance, "prune", None);
    submit(Lane::Sync, "feed", None);
    submit(Lane::Interactive, "edit", None);
    assert_eq!(r.store.stats().waiting, [1, 1, 1]);
    gate.wait();
    r.write(|_| Ok(()));
    r.store.write::<(), StoreError, _>(Lane::Maintenance, Durability::Normal, |_| Ok(())).unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "edit", "feed", "prune"]);
    assert_eq!(r.store.stats().lanes[1].held.count(), 2);
}

#[test]
fn a_listener_hears_of_each_commit_after_it() {
    let r = Replica::new();
    r.put(vec![sector("agri", "A"), brand("b", "agri", &[("name", "One")])]);
    let (tell, told) = mpsc::channel::<(Committed, u64)>();
    let (tell, store) = (Mutex::new(tell), r.store.clone());
    r.store.on_commit(move |c| {
        let rows = store.read(|tx| tx.rows_total()).unwrap();
        tell.lock().unwrap().send((c.clone(), rows)).unwrap();
    });
    r.edit(vec![set("brand", "b", "name", Value::text("Two"))]).unwrap();
    let (c, _) = told.recv_timeout(LONG).unwrap();
    assert!(c.local && c.queue && c.cursor.is_none());
    let ids = &c.collections[&collection("brand").id].ids;
    assert_eq!(ids.iter().copied().collect::<Vec<_>>(), [RecordId::from_key("brand", "b")]);

    let many: Vec<_> = (0..TOUCHED_MAX as u32 + 1).map(|n| brand(&format!("m{n}"), "agri", &[])).collect();
    let done: Result<(), StoreError> = r.store.write(Lane::Sync, Durability::Normal, move |tx| {
        many.iter().try_for_each(|row| tx.put_row(row, Some(2)))?;
        let mut meta = tx.meta()?;
        meta.position.seq = 2;
        Ok(tx.set_meta(&meta)?)
    });
    done.unwrap();
    let (c, rows) = told.recv_timeout(LONG).unwrap();
    assert!(!c.local && !c.queue && c.collections[&collection("brand").id].all);
    assert_eq!((c.cursor.unwrap().seq, rows), (2, 503), "readers see the commit already");
    r.write(|_| Ok(()));
    assert!(told.try_recv().is_err(), "nothing changed, nothing said");
    r.store.on_commit(|_| panic!("a listener's own fault"));
    r.edit(vec![set("brand", "b", "name", Value::text("Three"))]).unwrap();
    r.edit(vec![set("brand", "b", "name", Value::text("Four"))]).unwrap();
}

#[test]
fn readers_see_one_state_while_the_writer_writes() {
    let r = Replica::new();
    r.put((0..200).map(|n| brand(&format!("b{n}"), "agri", &[("name", "x")])).collect());
    let store = r.store.clone();
    let writer = std::thread::spawn(move || {
        for round in 0..40 {
            let done: Result<(), StoreError> = store.write(Lane::Sync, Durability::Normal, move |tx| {
                for n in 0..200 {
                    let row = brand(&format!("b{n}"), "agri", &[("name", &format!("name{round}"))]);
                    tx.put_row(&row, Some(round))?;
                }
                Ok(())
            });
            done.unwrap();
        }
    });
    let mut reads = 0;
    while !writer.is_finished() || reads == 0 {
        let page = r.read(|tx| tx.list(&ListQuery::all(collection("brand"))));
        let names: std::collections::BTreeSet<_> =
            page.rows.iter().map(|row| row.row.named("name").as_text().unwrap().to_owned()).collect();
        assert_eq!((page.total, page.rows.len(), names.len()), (200, 200, 1), "one moment, not a mix");
        reads += 1;
    }
    writer.join().unwrap();
}

#[test]
fn closing_finishes_waiting_work_and_later_calls_are_refused() {
    let r = Replica::new();
    for n in 0..50 {
        r.store
            .submit::<(), StoreError, _, _>(
                Lane::Maintenance,
                Durability::Normal,
                move |tx| Ok(tx.put_row(&sector(&format!("s{n}"), "S"), None)?),
                |done| done.unwrap(),
            )
            .unwrap();
    }
    r.store.close();
    let late: Result<(), StoreError> = r.store.write(Lane::Interactive, Durability::Full, |_| Ok(()));
    assert_eq!(late.unwrap_err().code(), "closed");
    assert_eq!(r.store.read(|tx| tx.rows_total()).unwrap_err().code(), "closed");
    let r = r.reopen();
    assert_eq!(r.read(|tx| tx.rows_total()), 50);
}

#[test]
fn facts_settings_and_pruning() {
    let r = Replica::new();
    r.write(|tx| {
        tx.set_fact("cookie", Some(b"abc")).unwrap();
        tx.set_fact("gone", Some(b"x")).unwrap();
        tx.set_fact("gone", None).unwrap();
        tx.set_setting("theme", "\"dark\"").unwrap();
        Ok(())
    });
    let r = r.reopen();
    assert_eq!(r.read(|tx| tx.fact("cookie")).as_deref(), Some(&b"abc"[..]));
    assert_eq!(r.read(|tx| tx.fact("gone")), None);
    assert_eq!(r.read(|tx| tx.setting("theme")).as_deref(), Some("\"dark\""));
}
