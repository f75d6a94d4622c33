//! Tables of the embedded database, and opening one safely.

use super::error::{map, storage};
use super::{ledger, upgrade};
use crate::storage::MediumError;
use omni_sync::StorageError;
use rusqlite::Connection;

/// Format of the tables. A database with a higher one is refused.
pub const FORMAT: i64 = 7;
/// The oldest SQLite without the write-ahead-log reset bug.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Marks the file as ours: "OMNC".
const APPLICATION_ID: i64 = 0x4f4d_4e43;

/// Every table. `log_head` has one row; whoever updates it holds the order.
const TABLES: &str = "
CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log_head(
  one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
  fence INTEGER NOT NULL, access INTEGER NOT NULL) STRICT;
CREATE TABLE fork(epoch INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE commit_log(
  seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, hash BLOB NOT NULL, at_ms INTEGER NOT NULL, info BLOB NOT NULL,
  change BLOB NOT NULL) STRICT;
CREATE TABLE part(
  seq INTEGER NOT NULL, owner BLOB NOT NULL, compartment INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(seq, owner, compartment)) STRICT, WITHOUT ROWID;
CREATE TABLE record(
  collection INTEGER NOT NULL, id BLOB NOT NULL, owner BLOB NOT NULL, key TEXT, fields BLOB NOT NULL,
  meta BLOB NOT NULL, live INTEGER NOT NULL, PRIMARY KEY(collection, id)) STRICT, WITHOUT ROWID;
CREATE INDEX record_owner ON record(owner, collection, id) WHERE live = 1;
CREATE TABLE link(
  target BLOB NOT NULL, collection INTEGER NOT NULL, field INTEGER NOT NULL, record BLOB NOT NULL,
  PRIMARY KEY(target, collection, field, record)) STRICT, WITHOUT ROWID;
CREATE TABLE unique_value(
  collection INTEGER NOT NULL, field INTEGER NOT NULL, value BLOB NOT NULL, record BLOB NOT NULL,
  PRIMARY KEY(collection, field, value, record)) STRICT, WITHOUT ROWID;
CREATE TABLE replica(
  id BLOB PRIMARY KEY, device BLOB NOT NULL, lineage BLOB NOT NULL, counter INTEGER NOT NULL,
  chain BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE change_outcome(
  change BLOB PRIMARY KEY, content BLOB NOT NULL, outcome BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry(
  replica BLOB NOT NULL, counter INTEGER NOT NULL, outcome BLOB NOT NULL,
  PRIMARY KEY(replica, counter)) STRICT, WITHOUT ROWID;
CREATE TABLE batch(n INTEGER PRIMARY KEY, replica BLOB NOT NULL, device BLOB NOT NULL, parent BLOB NOT NULL,
  epoch INTEGER NOT NULL, first INTEGER NOT NULL, prev BLOB NOT NULL, links BLOB NOT NULL,
  signature BLOB NOT NULL) STRICT;
CREATE TABLE scope_digest(
  owner BLOB NOT NULL, compartment INTEGER NOT NULL, digest BLOB NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(owner, compartment)) STRICT, WITHOUT ROWID;
CREATE TABLE conflict(
  id BLOB PRIMARY KEY, owner BLOB NOT NULL, compartment INTEGER NOT NULL, open INTEGER NOT NULL,
  item BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_owner ON conflict(owner, compartment, id);
CREATE TABLE boot_sample(
  device BLOB NOT NULL, boot BLOB NOT NULL, mono_ms INTEGER NOT NULL, from_ms INTEGER NOT NULL,
  to_ms INTEGER NOT NULL, PRIMARY KEY(device, boot, mono_ms)) STRICT, WITHOUT ROWID;
CREATE TABLE device(
  n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, operator TEXT NOT NULL, role TEXT NOT NULL,
  grants BLOB NOT NULL, public_key BLOB NOT NULL, replica BLOB, enrolled_ms INTEGER NOT NULL, revoked_ms INTEGER,
  last_seen_ms INTEGER, durable_seq INTEGER NOT NULL) STRICT;
CREATE TABLE enrol_code(
  hash BLOB PRIMARY KEY, operator TEXT NOT NULL, role TEXT NOT NULL, grants BLOB NOT NULL, created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, used_ms INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO log_head VALUES (1, 1, 0, zeroblob(32), 0, 1);
";

/// What brings the tables of format n + 1 to format n + 2. Append only.
const STEPS: &[&str] = &[
    "
ALTER TABLE commit_log ADD COLUMN images BLOB NOT NULL DEFAULT x'80';
CREATE TABLE touched(
  collection INTEGER NOT NULL, record BLOB NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(collection, record, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE text_history(
  collection INTEGER NOT NULL, record BLOB NOT NULL, field INTEGER NOT NULL, history BLOB NOT NULL,
  PRIMARY KEY(collection, record, field)) STRICT;
",
    "
ALTER TABLE part ADD COLUMN prev BLOB NOT NULL DEFAULT x'';
ALTER TABLE scope_digest ADD COLUMN part BLOB NOT NULL DEFAULT x'';
CREATE TABLE tree_node(at INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE tree_head(
  size INTEGER NOT NULL, epoch INTEGER NOT NULL, signed BLOB NOT NULL, PRIMARY KEY(size, epoch)) STRICT, WITHOUT ROWID;
CREATE TABLE ledger(one INTEGER PRIMARY KEY CHECK(one = 1), frontier BLOB NOT NULL, sums BLOB NOT NULL) STRICT;
",
    "
CREATE INDEX batch_replica ON batch(replica, first);
ALTER TABLE fork ADD COLUMN raised INTEGER NOT NULL DEFAULT 0;
",
    // Content hashes and images, made from the log.
    "",
    // What an old base counts as known may be less than where the epoch ended, too.
    "
ALTER TABLE fork RENAME COLUMN raised TO known;
UPDATE fork SET known = max(seq, known);
",
    // The newest head is read with every group: it is the last of this key.
    "
DROP TABLE tree_head;
CREATE TABLE tree_head(
  size INTEGER NOT NULL, epoch INTEGER NOT NULL, signed BLOB NOT NULL, PRIMARY KEY(epoch, size)) STRICT, WITHOUT ROWID;
",
];

/// Makes the tables if the file is new; refuses what this version cannot read.
pub fn prepare(conn: &mut Connection) -> Result<(), StorageError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StorageError::new(MediumError::OldLibrary(rusqlite::version().to_owned())));
    }
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(map)?;
    let format: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(map)?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(map)?;
    match format {
        FORMAT => Ok(()),
        0 if tables == 0 => {
            tx.execute_batch(&format!("{TABLES} PRAGMA application_id = {APPLICATION_ID};")).map_err(map)?;
            migrate(&tx, 1)?;
            tx.commit().map_err(map)
        }
        older @ 1..FORMAT => {
            migrate(&tx, older)?;
            tx.commit().map_err(map)
        }
        0 => Err(storage(MediumError::Damaged("it holds tables that are not central's".to_owned()))),
        found => Err(storage(MediumError::Newer { found, known: FORMAT })),
    }
}

/// Runs the steps that a file of format `from` lacks. What follows from the log is made from it, for versions differ in
/// what they kept of it.
fn migrate(conn: &Connection, from: i64) -> Result<(), StorageError> {
    for step in STEPS.iter().skip(usize::try_from(from - 1).unwrap_or_default()) {
        conn.execute_batch(step).map_err(map)?;
    }
    upgrade::hash_contents(conn)?;
    upgrade::fill_images(conn)?;
    ledger::build(conn)?;
    conn.pragma_update(None, "user_version", FORMAT).map_err(map)
}
