//! Taking a snapshot that is bad, given up, killed, or read through.

use crate::central::{Cut, at, cut, from_the_future};
use crate::kit::{Replica, brand, collection, field, intent, key, open, path, sector, set};
use omni_model::{RecordId, Row, Value};
use omni_protocol::feed::DigestBytes;
use omni_protocol::{Grants, Scope, SnapshotRow};
use omni_store::{DbKey, Durability, Lane, ListQuery, Store, StoreOptions};
use omni_sync::digest;
use omni_sync::replica::{ReplicaTx, fresh_meta, save};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn staged(r: &Replica) -> Vec<String> {
    let names =
        fs::read_dir(r.path().parent().unwrap()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".staging")).collect()
}

fn brands(n: u32, name: &str) -> Vec<Row> {
    let mut rows = vec![sector("agri", "Agriculture")];
    rows.extend((0..n).map(|k| brand(&format!("b{k}"), "agri", &[("name", name), ("revenue", "3.50")])));
    rows
}

fn old_copy() -> Replica {
    let r = Replica::new();
    r.put(brands(20, "Old"));
    r.edit(vec![set("brand", "b0", "name", Value::text("Mine"))]).unwrap().unwrap();
    r
}

fn assert_old(r: &Replica) {
    assert_eq!(r.read(|tx| tx.rows_total()), 21);
    assert_eq!(r.read(|tx| tx.count(collection("brand"), &[], Some("old"))), 19);
    let mine = r.read(|tx| tx.row(collection("brand").id, RecordId::from_key("brand", "b0"))).unwrap();
    assert_eq!(mine.row.named("name"), &Value::text("Mine"));
    assert_eq!(r.read(|tx| tx.meta()).unwrap().position.seq, 0);
    assert_eq!(staged(r), Vec::<String>::new());
    assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new());
}

fn good() -> Cut {
    let mut rows = at(9, brands(300, "New"));
    rows.extend(at(9, (0..5).map(|n| from_the_future(n, RecordId::GLOBAL)).collect()));
    cut(&rows, &[], 9, 100)
}

#[test]
fn a_copy_that_is_not_what_its_manifest_says_is_refused() {
    type Spoil = fn(&mut Cut);
    let spoils: [(&str, Spoil); 10] = [
        ("another digest", |c| c.manifest.scopes[0].1.0 ^= 1),
        ("a scope too many", |c| {
            let owner = RecordId::from_key("sector", "none");
            c.manifest.scopes.push((Scope { owner, compartment: 0 }, DigestBytes(5)));
        }),
        ("a scope too few", |c| c.manifest.scopes.truncate(c.manifest.scopes.len() - 1)),
        ("another value", |c| {
            let row = c.chunks.iter_mut().flat_map(|chunk| &mut chunk.rows).find(|row| !row.fields.is_empty()).unwrap();
            row.fields[0].1 = Value::text("not this");
        }),
        ("another key", |c| c.chunks[0].rows[0].key = Some("other".into())),
        ("an unknown record less", |c| drop(c.chunks.last_mut().unwrap().rows.pop())),
        ("a chunk less", |c| drop(c.chunks.pop())),
        ("a row more", |c| c.manifest.chunks[0].rows += 1),
        ("fields without records", |c| {
            let stray = c.chunks.iter().position(|chunk| chunk.scope.compartment == 1).unwrap();
            c.chunks[stray].rows[0].record = RecordId::GLOBAL;
        }),
        ("fields before records", |c| {
            let stray = c.chunks.iter().position(|chunk| chunk.scope.compartment == 1).unwrap();
            c.chunks.swap(0, stray);
        }),
    ];
    let r = old_copy();
    for (what, spoil) in spoils {
        let mut cut = good();
        spoil(&mut cut);
        assert_eq!(cut.import(&r.store).unwrap_err().code(), "bad_snapshot", "{what}");
        assert_old(&r);
    }
    good().import(&r.store).unwrap();
    assert_eq!(r.read(|tx| tx.rows_total()), 301);
}

#[test]
fn a_chunk_that_failed_cannot_be_passed_over() {
    let (r, mut cut) = (old_copy(), good());
    let stray = cut.chunks.iter().position(|chunk| chunk.scope.compartment == 1).unwrap();
    let scope = cut.chunks[stray].scope;
    let row = &mut cut.chunks[stray].rows[0];
    let digest = |id: RecordId, row: &SnapshotRow| {
        row.fields
            .iter()
            .fold(0u128, |sum, (field, value)| sum.wrapping_add(digest::cell(id, *field, &value.to_wire()).0))
    };
    let (was, is) = (digest(row.record, row), digest(RecordId::GLOBAL, row));
    row.record = RecordId::GLOBAL;
    let listed = cut.manifest.scopes.iter_mut().find(|(s, _)| *s == scope).unwrap();
    listed.1.0 = listed.1.0.wrapping_sub(was).wrapping_add(is);
    let mut import = r.store.begin_import().unwrap();
    let failed = cut.chunks.iter().filter(|chunk| import.add(chunk).is_err()).count();
    assert!(failed > 0);
    assert_eq!(import.finish(&cut.manifest, &Grants::everything()).unwrap_err().code(), "bad_snapshot");
    assert_old(&r);
}

#[test]
fn a_record_in_two_places_is_refused() {
    let mut rows = at(9, brands(3, "New"));
    let mut double = rows[1].clone();
    double.0.owner = RecordId::GLOBAL;
    rows.push(double);
    let r = old_copy();
    let failed = cut(&rows, &[], 9, 100).import(&r.store).unwrap_err();
    assert_eq!((failed.code(), failed.to_string().contains("twice")), ("bad_snapshot", true));
    assert_old(&r);
}

#[test]
fn a_dropped_copy_leaves_nothing_and_one_is_staged_at_a_time() {
    let (r, cut) = (old_copy(), good());
    let mut import = r.store.begin_import().unwrap();
    import.add(&cut.chunks[0]).unwrap();
    assert_eq!(r.store.begin_import().unwrap_err().code(), "busy");
    assert!(!staged(&r).is_empty());
    drop(import);
    assert_old(&r);
    drop(r.store.begin_import().unwrap());
    r.store.close();
    assert_eq!(r.store.begin_import().unwrap_err().code(), "closed");
}

#[test]
fn a_store_closed_meanwhile_refuses_the_swap() {
    let (r, cut) = (old_copy(), good());
    let mut import = r.store.begin_import().unwrap();
    cut.add_to(&mut import).unwrap();
    r.store.close();
    assert_eq!(import.finish(&cut.manifest, &Grants::everything()).unwrap_err().code(), "closed");
    assert_old(&r.reopen());
}

#[cfg(unix)]
#[test]
fn the_staged_file_is_private_and_encrypted() {
    use std::os::unix::fs::PermissionsExt as _;
    const CANARY: &str = "kanarienvogel-8841";
    let r = Replica::new();
    let cut = cut(&at(3, vec![sector("agri", CANARY), brand("b", "agri", &[("name", CANARY)])]), &[], 3, 9);
    let mut import = r.store.begin_import().unwrap();
    cut.add_to(&mut import).unwrap();
    for name in staged(&r) {
        let file = r.path().parent().unwrap().join(&name);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    import.finish(&cut.manifest, &Grants::everything()).unwrap();
    for entry in fs::read_dir(r.path().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let (name, bytes) = (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        assert!(!bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()), "{name}");
        if !name.ends_with(".lock") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    r.store.close();
    drop(r.store);
    let other = Store::open(&path(&r.folder), &DbKey::new([8; 32]), StoreOptions::default());
    assert_eq!(other.unwrap_err().code(), "wrong_key");
}

#[test]
fn what_a_killed_import_left_is_removed_at_open() {
    let r = old_copy();
    let file = r.path();
    let Replica { folder, store } = r;
    drop(store);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        fs::write(format!("{}.staging{suffix}", file.display()), b"half of a file").unwrap();
    }
    let store = open(&folder).unwrap();
    assert_old(&Replica { folder, store });
}

/// Says where the child of the next test works.
const CHILD: &str = "OMNI_STORE_IMPORT_CHILD";

/// The child: edits and takes copies until it is killed. It prints each edit once it is durable.
#[test]
fn child_that_is_killed() {
    let Some(file) = std::env::var_os(CHILD) else { return };
    let store = Store::open(Path::new(&file), &key(), StoreOptions::default()).unwrap();
    let editor = store.clone();
    std::thread::spawn(move || {
        let mut out = std::io::stdout();
        for n in 0u64.. {
            let unique = uuid::Uuid::from_u128(unlike_any(n));
            let op = set("brand", &format!("b{}", n % 300), "notes", Value::text(unique.to_string()));
            let mut intent = intent(vec![op]);
            intent.id = omni_protocol::ChangeId(unique);
            let saved = editor.write(Lane::Interactive, Durability::Full, move |tx| save(tx, intent)).unwrap();
            writeln!(out, "saved {}", saved.unwrap().change.id.0).unwrap();
        }
    });
    let mut seq = store.read(|tx| tx.meta()).unwrap().unwrap().position.seq;
    loop {
        seq += 1;
        cut(&at(seq, brands(300, &format!("Copy{seq}"))), &[], seq, 100).import(&store).unwrap();
        writeln!(std::io::stdout(), "copied {seq}").unwrap();
    }
}

/// A number no other process makes.
fn unlike_any(n: u64) -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (since.as_nanos() << 24) ^ u128::from(n) ^ (u128::from(std::process::id()) << 100)
}

/// Rounds of the test; more by `OMNI_STORE_KILLS`.
fn kills() -> u64 {
    std::env::var("OMNI_STORE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

#[test]
fn a_kill_at_any_moment_leaves_one_whole_copy_and_every_saved_edit() {
    let r = Replica::new();
    r.put(brands(300, "Copy0"));
    let file = r.path();
    let Replica { folder, store } = r;
    drop(store);
    let (mut edits, mut copies) = (BTreeSet::new(), 0);
    for round in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["import_safety::child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let killer = std::thread::spawn(move || {
            // The moment wanders over a whole import.
            std::thread::sleep(Duration::from_millis(250 + round * 37 % 400));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in lines.map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("saved", id)) => drop(edits.insert(uuid::Uuid::parse_str(id.trim()).unwrap())),
                Some(("copied", _)) => copies += 1,
                _ => {}
            }
        }
        killer.join().unwrap();
        let r = Replica { store: open(&folder).unwrap(), folder: tempfile::tempdir().unwrap() };
        let seq = r.read(|tx| tx.meta()).unwrap().position.seq;
        let named = r.read(|tx| tx.count(collection("brand"), &[], Some(&format!("copy{seq}"))));
        assert_eq!(named, 300, "all of one copy, and of the one it stands at");
        let queue = r.read(|tx| tx.queue(None, 0, u64::MAX >> 1)).1;
        let queued: BTreeSet<_> = queue.iter().map(|l| l.entry.change.id.0).collect();
        assert!(edits.is_subset(&queued), "{} saved, {} queued", edits.len(), queued.len());
        assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new());
        let left = fs::read_dir(file.parent().unwrap()).unwrap();
        assert!(left.map(|e| e.unwrap().file_name()).all(|n| !n.to_string_lossy().contains("staging")));
    }
    println!("{} kills, {copies} copies taken, {} edits saved", kills(), edits.len());
    assert!(copies > 0 && !edits.is_empty());
}

#[test]
fn readers_see_one_copy_or_the_other() {
    let r = Replica::new();
    r.put(brands(200, "Copy0"));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, stop) = (r.store.clone(), stop.clone());
            std::thread::spawn(move || {
                let (mut reads, mut copies, mut last) = (0u64, BTreeSet::new(), 0);
                while !stop.load(Ordering::Acquire) {
                    let q = ListQuery { search: Some("copy".into()), ..ListQuery::all(collection("brand")) };
                    let (page, seq) = store.read(|tx| Ok((tx.list(&q)?, tx.meta()?.unwrap().position.seq))).unwrap();
                    let names: BTreeSet<_> = page
                        .rows
                        .iter()
                        .map(|w| w.row.get(field("brand", "name")).as_text().unwrap().to_owned())
                        .collect();
                    assert_eq!(names, BTreeSet::from([format!("Copy{seq}")]), "one copy, and the one it stands at");
                    assert_eq!(page.total, 200 + seq);
                    assert!(seq >= last, "never back");
                    last = seq;
                    copies.extend(names);
                    reads += 1;
                }
                (reads, copies.len())
            })
        })
        .collect();
    for seq in 1..=6 {
        let rows = brands(200 + seq as u32, &format!("Copy{seq}"));
        cut(&at(seq, rows), &[], seq, 64).import(&r.store).unwrap();
    }
    stop.store(true, Ordering::Release);
    let done: Vec<_> = readers.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(done.iter().all(|(reads, copies)| *reads > 0 && *copies > 1), "{done:?}");
}

#[test]
fn a_listener_may_read_the_new_copy() {
    let r = old_copy();
    let (tell, told) = std::sync::mpsc::channel();
    let (tell, store) = (std::sync::Mutex::new(tell), r.store.clone());
    r.store.on_commit(move |c| {
        let rows = store.read(|tx| tx.rows_total()).unwrap();
        tell.lock().unwrap().send((c.replaced, rows)).unwrap();
    });
    good().import(&r.store).unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), (true, 301));
}

/// The writer is held while the last changes are carried and the files change places: measured at an editor beside it.
#[test]
fn the_writer_is_held_shortly() {
    let r = Replica::new();
    let rows = brands(7_000, "Copy");
    r.put(rows.clone());
    let queued = std::env::var("OMNI_STORE_QUEUED").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    r.write(move |tx| {
        for n in 0..queued {
            let op = set("brand", &format!("b{}", n % 7_000), "notes", Value::text(format!("queued {n}")));
            save(tx, intent(vec![op])).unwrap();
        }
        tx.set_meta(&fresh_meta(omni_protocol::ReplicaId(uuid::Uuid::from_u128(1))))
    });
    let stop = Arc::new(AtomicBool::new(false));
    let editor = {
        let (store, stop) = (r.store.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut n = 0;
            while !stop.load(Ordering::Acquire) {
                n += 1;
                let op = set("brand", &format!("b{}", n % 7_000), "notes", Value::text(format!("note {n}")));
                let started = Instant::now();
                let intent = intent(vec![op]);
                store.write(Lane::Interactive, Durability::Full, move |tx| save(tx, intent)).unwrap();
                longest = longest.max(started.elapsed());
                std::thread::sleep(Duration::from_millis(1));
            }
            (longest, n)
        })
    };
    let started = Instant::now();
    cut(&at(9, rows), &[], 9, 2_000).import(&r.store).unwrap();
    let took = started.elapsed();
    stop.store(true, Ordering::Release);
    let (longest, n) = editor.join().unwrap();
    let held = r.store.stats().lanes[Lane::Sync as usize].held.quantile_us(1.0).unwrap();
    println!(
        "import of 7,001 rows beside {n} edits: {took:?}; swap held the writer less than {} ms, longest edit {longest:?}, \
         with {queued} changes queued",
        held.div_ceil(1_000)
    );
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(r.read(|tx| tx.queue_counts()).pending >= queued);
}
