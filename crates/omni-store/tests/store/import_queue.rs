//! Taking a snapshot into a replica with a queue: it is kept, and lies over the new copy as the reference lays it.

use crate::central::{Cut, at, cut, lay};
use crate::kit::{Replica, brand, collection, field, outcome, seal, sector, set};
use omni_model::{Op, RecordId, Row, Value};
use omni_protocol::{
    ChangeId, CommitInfo, DeviceId, DirectoryEntry, Grants, Outcome, OutcomeKind, Part, ReplicaId, Scope,
};
use omni_store::Durability::Full;
use omni_store::{Lane, QueueState};
use omni_sync::replica::{
    HistoryEntry, OutboxEntry, OutboxState, ReplicaTx, apply_outcomes, discard, recompute, take_for_reissue,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Where the new copy stands.
const NEW: u64 = 20;

fn id(key: &str) -> RecordId {
    RecordId::from_key("brand", key)
}

fn edit(r: &Replica, key: &str, name: &str, text: &str) -> OutboxEntry {
    r.edit(vec![set("brand", key, name, Value::text(text))]).unwrap().unwrap()
}

fn insert(row: Row) -> Op {
    omni_model::sample::insert(row)
}

fn seal_all(r: &Replica, entries: Vec<OutboxEntry>) -> Vec<OutboxEntry> {
    r.write(move |tx| {
        let mut sealed = Vec::new();
        for entry in &entries {
            let mut meta = tx.meta()?;
            let entry = seal(&tx.outbox_get(entry.change.id)?.unwrap(), meta.next_counter);
            meta.next_counter += 1;
            tx.set_meta(&meta)?;
            tx.outbox_update(&entry)?;
            sealed.push(entry);
        }
        Ok(sealed)
    })
}

fn answer(r: &Replica, entry: &OutboxEntry, kind: OutcomeKind, seq: u64) {
    let seq_of = matches!(kind, OutcomeKind::Applied | OutcomeKind::Merged).then_some(seq);
    let answer = Outcome { kind, seq: seq_of, ..outcome(entry, seq) };
    r.write(move |tx| apply_outcomes(tx, &[answer]).map(|_| ()));
}

fn commit(seq: u64, key: &str) -> HistoryEntry {
    let part = Part {
        seq,
        scope: Scope { owner: RecordId::from_key("sector", "agri"), compartment: 0 },
        info: CommitInfo {
            change: ChangeId(Uuid::from_u128(u128::from(seq))),
            replica: ReplicaId(Uuid::from_u128(2)),
            counter: seq,
            device: DeviceId(Uuid::from_u128(6)),
            command: 0,
            at_ms: 1_000 * seq as i64,
            priority: 2,
            group: None,
        },
        effects: Vec::new(),
    };
    let records = vec![(collection("brand").id, id(key))];
    HistoryEntry { seq, parts: vec![part.to_bytes()], records, images: Vec::new() }
}

/// A replica with one change in every state a change can be in.
fn busy_replica() -> Replica {
    let r = Replica::new();
    let mut rows = vec![sector("agri", "Agriculture"), sector("tech", "Technology")];
    rows.extend(
        "abcdefghijk"
            .chars()
            .map(|key| brand(&key.to_string(), "agri", &[("name", "Old"), ("vault_mesh_id", "old"), ("notes", "old")])),
    );
    r.put(rows);
    r.write(|tx| {
        for (scope, digest) in recompute(tx)? {
            tx.set_digest(scope, digest)?;
        }
        let mut meta = tx.meta()?;
        meta.position.seq = 10;
        tx.set_meta(&meta)
    });
    edit(&r, "a", "name", "pending");
    let sealed = edit(&r, "b", "vault_mesh_id", "sealed");
    let [within, beyond] = [edit(&r, "c", "name", "within"), edit(&r, "d", "name", "beyond")];
    let [rejected, held] = [edit(&r, "e", "name", "rejected"), edit(&r, "f", "name", "held")];
    let gone = edit(&r, "g", "name", "discarded");
    r.edit(vec![insert(brand("new", "tech", &[("name", "New")]))]).unwrap().unwrap();
    r.edit(vec![Op::Delete { collection: collection("brand").id, record: id("h") }]).unwrap().unwrap();
    edit(&r, "i", "name", "blocked");
    r.edit(vec![set("brand", "j", "sector", Value::Id(RecordId::from_key("sector", "tech")))]).unwrap().unwrap();
    edit(&r, "c", "vault_mesh_id", "on top of within");
    edit(&r, "a", "vault_mesh_id", "second on a");
    edit(&r, "a", "notes", "old, and typed here");
    let sealed = seal_all(&r, vec![sealed, within, beyond, rejected, held]);
    answer(&r, &sealed[1], OutcomeKind::Applied, NEW - 3);
    answer(&r, &sealed[2], OutcomeKind::Merged, NEW + 5);
    answer(&r, &sealed[3], OutcomeKind::Rejected, 0);
    answer(&r, &sealed[4], OutcomeKind::Held, 0);
    r.write(move |tx| {
        discard(tx, gone.change.id).unwrap();
        [7, 10, NEW + 1].into_iter().try_for_each(|seq| tx.put_history(&commit(seq, "k")))?;
        tx.set_fact("cookie", Some(b"abc")).unwrap();
        tx.set_setting("theme", "\"dark\"").unwrap();
        let device = DeviceId(Uuid::from_u128(6));
        tx.put_directory(&[DirectoryEntry { device, name: "Far".into(), operator: "Bo".into() }])
    });
    r
}

/// The same records some commits later: another name for `a`, `c` as it was asked for, `i` gone, a new one.
fn new_copy() -> Cut {
    let mut rows = vec![sector("agri", "Agriculture & Food"), sector("tech", "Technology")];
    rows.extend("abcdefghjk".chars().map(|key| {
        let name = if key == 'c' { "within" } else { "Newer" };
        let texts = [("name", name), ("vault_mesh_id", "newer"), ("notes", "newer"), ("revenue", "7.25")];
        brand(&key.to_string(), "agri", &texts)
    }));
    rows.push(brand("other", "tech", &[("name", "Other")]));
    cut(&at(NEW, rows), &[], NEW, 4)
}

/// Everything a replica holds but the local times at which own changes were kept.
#[derive(Debug, PartialEq)]
struct Dump {
    rows: Vec<Row>,
    confirmed: String,
    digests: String,
    queue: Vec<OutboxEntry>,
    discarded: Vec<OutboxEntry>,
    meta: String,
    others: String,
}

fn dump(r: &Replica) -> Dump {
    let mut d = r.write(|tx| {
        let mut rows = Vec::new();
        tx.for_each_row(&mut |row| {
            rows.push(row);
            Ok(())
        })?;
        assert_eq!(tx.digests()?.into_iter().collect::<std::collections::BTreeMap<_, _>>(), recompute(tx)?);
        Ok(Dump {
            rows,
            confirmed: format!("{:?}", tx.all_confirmed()?),
            digests: format!("{:?}", tx.digests()?),
            queue: Vec::new(),
            discarded: Vec::new(),
            meta: format!("{:?}", tx.meta()?),
            others: format!("{:?} {:?}", tx.conflicts()?, tx.all_deferred()?),
        })
    });
    let lines = |state| r.read(|tx| tx.queue(state, 0, 100_000)).1.into_iter().map(|l| l.entry).collect();
    (d.queue, d.discarded) = (lines(None), lines(Some(QueueState::Discarded)));
    for entry in &d.queue {
        let touching = entry.change.ops[0].record();
        let id = entry.change.id;
        let found = r.write(move |tx| tx.outbox_touching(touching.0, touching.1));
        assert!(found.iter().any(|e| e.change.id == id), "found by its record");
    }
    assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new());
    d
}

fn laid(r: &Replica, cut: &Cut) {
    let cut = cut.clone();
    r.write(move |tx| lay(tx, &cut.rows, &cut.manifest));
}

#[test]
fn the_queue_lies_over_the_new_copy_as_the_reference_lays_it() {
    let (r, reference) = (busy_replica(), busy_replica());
    // Both replicas number their changes alike, so that they can be compared.
    let (cut, before) = (new_copy(), dump(&r));
    cut.import(&r.store).unwrap();
    laid(&reference, &cut);
    let (found, mut expected) = (dump(&r), dump(&reference));
    let ids = |entries: &[OutboxEntry]| entries.iter().map(|e| e.local_no).collect::<Vec<_>>();
    assert_eq!(ids(&found.queue), ids(&expected.queue));
    let same_ids = |entries: &mut Vec<OutboxEntry>, of: &[OutboxEntry]| {
        entries.iter_mut().zip(of).for_each(|(e, o)| {
            e.change.id = o.change.id;
            e.sealed.clone_from(&o.sealed);
            e.outcome.clone_from(&o.outcome);
        });
    };
    same_ids(&mut expected.queue, &found.queue);
    same_ids(&mut expected.discarded, &found.discarded);
    assert_eq!(found, expected);

    assert_eq!(before.queue.len(), found.queue.len() + 1, "only the change the copy holds left");
    let visible = |key: &str| r.read(|tx| tx.row(collection("brand").id, id(key))).map(|stored| stored.row);
    let text = |key: &str, name: &str| visible(key).unwrap().named(name).as_text().unwrap().to_owned();
    let both = |key: &str| (text(key, "name"), text(key, "vault_mesh_id"));
    assert_eq!(both("a"), ("pending".into(), "second on a".into()));
    assert_eq!(both("b"), ("Newer".into(), "sealed".into()));
    assert_eq!(both("c"), ("within".into(), "on top of within".into()));
    assert_eq!(text("a", "notes"), "newer, and typed here", "a text takes what was typed, not the whole it came to");
    assert_eq!([text("d", "name"), text("e", "name"), text("f", "name")], ["beyond", "Newer", "Newer"]);
    assert_eq!(text("g", "name"), "Newer");
    assert_eq!((visible("h"), visible("i")), (None, None));
    assert!(visible("new").is_some() && visible("other").is_some());
    let blocked = r.read(|tx| tx.queue_counts()).blocked;
    assert_eq!(blocked, 1, "the change to a record that is gone says so");
}

#[test]
fn what_is_the_laptops_own_is_kept() {
    let r = busy_replica();
    let acked = dump(&r).queue.into_iter().find(|e| e.state == OutboxState::Acked { seq: NEW - 3 }).unwrap();
    let counter = r.read(|tx| tx.meta()).unwrap().next_counter;
    new_copy().import(&r.store).unwrap();
    let r = r.reopen();
    assert_eq!(r.read(|tx| tx.fact("cookie")).as_deref(), Some(&b"abc"[..]));
    assert_eq!(r.read(|tx| tx.setting("theme")).as_deref(), Some("\"dark\""));
    assert_eq!(r.read(|tx| tx.device(DeviceId(Uuid::from_u128(6)))).unwrap().name, "Far");
    let seqs: Vec<u64> = r.read(|tx| tx.recent(0, 10)).iter().map(|l| l.seq).collect();
    assert_eq!(seqs, [10, 7], "commits up to the copy; later ones come again");
    assert_eq!(r.read(|tx| tx.record_history(collection("brand").id, id("k"), None, 10)).len(), 2);
    let meta = r.read(|tx| tx.meta()).unwrap();
    assert_eq!((meta.next_counter, meta.position.seq), (counter, NEW));
    let wanted = acked.change.id;
    let kept = r.write(move |tx| Ok(tx.own_change(wanted)?.unwrap()));
    assert_eq!(
        (Some(kept.sealed), kept.seq, kept.counter, kept.outcome),
        (acked.sealed, Some(NEW - 3), acked.counter, acked.outcome)
    );
    let last = dump(&r).queue.iter().map(|e| e.local_no).max().unwrap();
    assert_eq!(edit(&r, "k", "name", "next").local_no, last + 1);
}

#[test]
fn local_numbers_are_not_given_again_after_an_import() {
    let r = Replica::new();
    r.put(vec![sector("agri", "A"), brand("a", "agri", &[("name", "One")])]);
    let first = edit(&r, "a", "name", "Two");
    r.write(move |tx| tx.outbox_remove(first.change.id));
    cut(&at(2, vec![sector("agri", "A"), brand("a", "agri", &[("name", "One")])]), &[], 2, 9).import(&r.store).unwrap();
    assert_eq!(edit(&r, "a", "name", "Three").local_no, 2);
}

#[test]
fn edits_made_while_a_copy_is_staged_survive() {
    let (r, cut) = (busy_replica(), new_copy());
    let mut import = r.store.begin_import().unwrap();
    let half = cut.chunks.len() / 2;
    cut.chunks[..half].iter().for_each(|chunk| import.add(chunk).unwrap());
    let during = edit(&r, "k", "name", "during");
    cut.chunks[half..].iter().for_each(|chunk| import.add(chunk).unwrap());
    import.finish(&cut.manifest, &Grants::everything()).unwrap();
    let found = r.read(|tx| tx.record(collection("brand").id, id("k"))).unwrap();
    assert_eq!(found.stored.row.named("name"), &Value::text("during"));
    assert_eq!(found.confirmed.unwrap().unwrap().named("name"), &Value::text("Newer"));
    assert_eq!(found.changes[0].change.id, during.change.id);
    dump(&r);
}

/// What happens after everything was carried once, and before the swap: a read that goes on holds the swap up.
#[test]
fn what_happens_between_carrying_and_swapping_survives() {
    let (r, reference, cut) = (busy_replica(), busy_replica(), new_copy());
    let queue = dump(&r).queue;
    let find = |r: &Replica, local_no: u64| dump(r).queue.into_iter().find(|e| e.local_no == local_no).unwrap();
    let (reading, enough) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (store, reading, enough) = (r.store.clone(), reading.clone(), enough.clone());
        std::thread::spawn(move || {
            store.read(|tx| {
                reading.store(true, Ordering::Release);
                while !enough.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                tx.rows_total()
            })
        })
    };
    while !reading.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let importer = {
        let (store, cut) = (r.store.clone(), cut.clone());
        std::thread::spawn(move || cut.import(&store))
    };
    // One attempt was made on what was carried at first.
    let attempts = || r.store.stats().lanes[Lane::Sync as usize].held.count();
    while attempts() < 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let happen = |r: &Replica| {
        let entry = |key: &str, text: &str| {
            queue.iter().find(|e| {
            e.change.ops.iter().any(|op| matches!(op, Op::Set { value, record, .. } if value == &Value::text(text) && *record == id(key)))
        }).unwrap().local_no
        };
        edit(r, "k", "name", "late");
        let sealed = find(r, entry("b", "sealed"));
        answer(r, &sealed, OutcomeKind::Applied, NEW - 1);
        let (taken, dropped) = (find(r, entry("a", "pending")), find(r, entry("i", "blocked")));
        let (pending, refused) = (find(r, entry("a", "second on a")), find(r, entry("e", "rejected")));
        r.write(move |tx| {
            take_for_reissue(tx, taken.change.id).unwrap();
            discard(tx, dropped.change.id).unwrap();
            discard(tx, refused.change.id).unwrap();
            tx.set_fact("cookie", None).unwrap();
            tx.set_setting("theme", "\"light\"").unwrap();
            tx.put_history(&commit(12, "k"))?;
            tx.prune(8_000, 0, 100)?;
            Ok(())
        });
        seal_all(r, vec![pending]);
    };
    happen(&reference);
    happen(&r);
    assert_eq!(attempts(), 1, "a long read is waited for without holding the writer again and again");
    enough.store(true, Ordering::Release);
    assert_eq!(reader.join().unwrap().unwrap(), 13, "the long read saw the old copy to its end");
    importer.join().unwrap().unwrap();
    laid(&reference, &cut);

    let (found, expected) = (dump(&r), dump(&reference));
    assert_eq!(found.rows, expected.rows);
    assert_eq!(
        (&found.confirmed, &found.digests, &found.meta),
        (&expected.confirmed, &expected.digests, &expected.meta)
    );
    let states = |d: &Dump| {
        let all = d.queue.iter().chain(&d.discarded);
        all.map(|e| (e.local_no, e.state.clone(), e.counter, e.blocked)).collect::<Vec<_>>()
    };
    assert_eq!(states(&found), states(&expected));
    assert_eq!(r.read(|tx| tx.fact("cookie")), None);
    assert_eq!(r.read(|tx| tx.setting("theme")).as_deref(), Some("\"light\""));
    let seqs: Vec<u64> = r.read(|tx| tx.recent(0, 10)).iter().map(|l| l.seq).collect();
    assert_eq!(seqs, [12, 10]);
}

#[test]
fn edits_go_on_through_many_swaps() {
    let r = Replica::new();
    let mut rows = vec![sector("agri", "Agriculture")];
    rows.extend((0..200).map(|n| brand(&format!("b{n}"), "agri", &[("name", "Old")])));
    cut(&at(1, rows.clone()), &[], 1, 64).import(&r.store).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let editor = {
        let (store, stop) = (r.store.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut made = Vec::new();
            while !stop.load(Ordering::Acquire) {
                let n = made.len();
                let op = set("brand", &format!("b{}", n % 200), "name", Value::text(format!("edit {n}")));
                let saved = store.write(Lane::Interactive, Full, move |tx| {
                    omni_sync::replica::save(tx, crate::kit::intent(vec![op]))
                });
                made.push(saved.unwrap().unwrap().change.id);
            }
            made
        })
    };
    for seq in 1..=8 {
        cut(&at(seq, rows.clone()), &[], seq, 64).import(&r.store).unwrap();
    }
    stop.store(true, Ordering::Release);
    let made = editor.join().unwrap();
    assert!(made.len() > 8);
    let queue = dump(&r).queue;
    let mut found: Vec<_> = queue.iter().map(|e| (e.local_no, e.change.id)).collect();
    found.sort();
    assert_eq!(found.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), made, "each edit once, in order");
    for (n, _) in made.iter().enumerate().rev().take(200) {
        let key = id(&format!("b{}", n % 200));
        let row = r.read(|tx| tx.row(collection("brand").id, key)).unwrap().row;
        assert_eq!(row.get(field("brand", "name")), &Value::text(format!("edit {n}")));
    }
}
