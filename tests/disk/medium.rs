//! The disk itself, under a plain SQLite connection: what is synced stays, what is not may go, and a torn write shows.

use omni_testkit::disk::{Disk, Fate, Lost, VFS};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use tempfile::TempDir;

fn open(folder: &TempDir, synchronous: &str) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let conn = Connection::open_with_flags_and_vfs(folder.path().join("t.db"), flags, VFS).unwrap();
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    conn.pragma_update(None, "synchronous", synchronous).unwrap();
    conn.execute_batch("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, x BLOB)").unwrap();
    conn
}

fn add(conn: &Connection, n: i64) {
    conn.execute("INSERT INTO t VALUES (?1, randomblob(20000))", [n]).unwrap();
}

fn numbers(conn: &Connection) -> Vec<i64> {
    let mut all = conn.prepare("SELECT n FROM t ORDER BY n").unwrap();
    all.query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn power_loss(disk: &Disk, conn: Connection, fate: &mut dyn FnMut(&Path) -> Fate) -> Lost {
    disk.lose_power();
    conn.execute_batch("INSERT INTO t VALUES (99, '')").unwrap_err();
    drop(conn);
    disk.restart(fate).unwrap()
}

#[test]
fn what_is_synced_stays_and_what_is_not_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::at(folder.path());
    let conn = open(&folder, "FULL");
    add(&conn, 1);
    assert_eq!(disk.unsynced(), 0);
    conn.pragma_update(None, "synchronous", "OFF").unwrap();
    add(&conn, 2);
    assert_eq!(numbers(&conn), [1, 2]);
    let lost = power_loss(&disk, conn, &mut |_| Fate::Dropped);
    assert!(lost.dropped > 0, "{lost:?}");
    let conn = open(&folder, "OFF");
    assert_eq!(numbers(&conn), [1], "the unsynced commit is gone, the synced one is there");
    add(&conn, 3);
    power_loss(&disk, conn, &mut |_| Fate::Kept);
    assert_eq!(numbers(&open(&folder, "FULL")), [1, 3], "an unsynced commit may also stay");
}

#[test]
fn a_torn_write_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::at(folder.path());
    let conn = open(&folder, "FULL");
    add(&conn, 1);
    conn.pragma_update(None, "synchronous", "OFF").unwrap();
    add(&conn, 2);
    let before = std::fs::read(folder.path().join("t.db-wal")).unwrap();
    let lost = power_loss(&disk, conn, &mut |_| Fate::Torn(3));
    assert!(lost.torn > 0, "{lost:?}");
    assert_ne!(std::fs::read(folder.path().join("t.db-wal")).unwrap(), before);
    // The log's checksums find it.
    assert_eq!(numbers(&open(&folder, "FULL")), [1]);
}

#[test]
fn power_goes_in_the_middle_of_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::at(folder.path());
    let conn = open(&folder, "FULL");
    add(&conn, 1);
    disk.lose_power_after(Some(4));
    conn.execute("INSERT INTO t VALUES (2, randomblob(20000))", []).unwrap_err();
    assert!(disk.is_off());
    drop(conn);
    let lost = disk.restart(&mut |_| Fate::Kept).unwrap();
    assert_eq!((lost.dropped, lost.kept > 0), (0, true), "{lost:?}");
    assert_eq!(numbers(&open(&folder, "FULL")), [1]);
}

#[test]
fn a_disk_that_ignores_syncs_forgets_what_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::at(folder.path());
    let conn = open(&folder, "FULL");
    add(&conn, 1);
    disk.ignore_syncs();
    add(&conn, 2);
    power_loss(&disk, conn, &mut |_| Fate::Dropped);
    assert_eq!(numbers(&open(&folder, "FULL")), [1]);
}
