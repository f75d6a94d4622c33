//! Tables that do not follow from the model.

/// The first migration: everything but the collections' tables.
pub const BASE: &str = "
CREATE TABLE replica (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    replica BLOB NOT NULL, lineage BLOB NOT NULL,
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
    next_counter INTEGER NOT NULL, chain BLOB NOT NULL, grants BLOB NOT NULL
) STRICT;
CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE row_count (
    collection INTEGER NOT NULL, owner BLOB NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (collection, owner)
) STRICT, WITHOUT ROWID;
CREATE TABLE confirmed (
    collection INTEGER NOT NULL, id BLOB NOT NULL, owner BLOB, body BLOB, PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE deferred (
    collection INTEGER NOT NULL, id BLOB NOT NULL, field INTEGER NOT NULL,
    owner BLOB NOT NULL, compartment INTEGER NOT NULL, wire BLOB NOT NULL, PRIMARY KEY (collection, id, field)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    local_no INTEGER PRIMARY KEY AUTOINCREMENT,
    change_id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, priority INTEGER NOT NULL,
    counter INTEGER, acked_seq INTEGER, body BLOB, sealed BLOB, prev_chain BLOB, skip TEXT, outcome BLOB,
    attempts INTEGER NOT NULL, blocked INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_state ON outbox (state, priority, local_no);
CREATE INDEX outbox_shown ON outbox (state, blocked);
CREATE INDEX outbox_counter ON outbox (counter) WHERE state = 1;
CREATE INDEX outbox_acked ON outbox (acked_seq) WHERE state = 2;
CREATE TABLE outbox_touch (
    collection INTEGER NOT NULL, record BLOB NOT NULL, local_no INTEGER NOT NULL,
    direct INTEGER NOT NULL, fields BLOB NOT NULL, PRIMARY KEY (collection, record, local_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_touch_entry ON outbox_touch (local_no);
CREATE TABLE own_change (
    change_id BLOB PRIMARY KEY, seq INTEGER, counter INTEGER, sealed BLOB NOT NULL, outcome BLOB, kept_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE digest (
    owner BLOB NOT NULL, compartment INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (owner, compartment)
) STRICT, WITHOUT ROWID;
CREATE TABLE conflict (
    id BLOB PRIMARY KEY, owner BLOB NOT NULL, compartment INTEGER NOT NULL,
    collection INTEGER NOT NULL, record BLOB NOT NULL, open INTEGER NOT NULL, seq INTEGER NOT NULL, item BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_open ON conflict (open, seq);
CREATE INDEX conflict_record ON conflict (collection, record);
CREATE TABLE history (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, parts BLOB NOT NULL) STRICT;
CREATE INDEX history_at ON history (at_ms);
CREATE TABLE history_touch (
    collection INTEGER NOT NULL, record BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (collection, record, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_touch_seq ON history_touch (seq);
CREATE TABLE directory (
    device BLOB PRIMARY KEY, name TEXT NOT NULL, operator TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE model_field (
    collection INTEGER NOT NULL, field INTEGER NOT NULL, name TEXT NOT NULL, storage TEXT NOT NULL,
    indexed INTEGER NOT NULL, searched INTEGER NOT NULL, PRIMARY KEY (collection, field)
) STRICT, WITHOUT ROWID;
";

/// The second migration: what each commit did to each record, which change it was, and since when all of it is here.
pub const PAST: &str = "
ALTER TABLE history ADD COLUMN images BLOB NOT NULL DEFAULT x'80';
ALTER TABLE history ADD COLUMN change_id BLOB;
CREATE INDEX history_change ON history (change_id);
ALTER TABLE own_change ADD COLUMN local_no INTEGER;
CREATE INDEX own_change_order ON own_change (local_no);
CREATE INDEX own_change_kept ON own_change (kept_ms);
ALTER TABLE replica ADD COLUMN history_since INTEGER NOT NULL DEFAULT 0;
UPDATE replica SET history_since = seq;
";

/// The third migration: signed originals of commits, kept for a central that may lose its log. `seq` is the last commit's.
pub const ORIGINALS: &str = "
CREATE TABLE original (
    name BLOB PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX original_at ON original (at_ms);
";

/// The fourth migration: each step of a change writes a page less. One index says what two said; which records a commit
/// touched is found through the commit.
pub const LESS: &str = "
DROP INDEX history_touch_seq;
DROP INDEX outbox_shown;
DROP INDEX outbox_state;
CREATE INDEX outbox_state ON outbox (state, priority, local_no, blocked);
";

/// Bookkeeping of migrations, made before anything else.
pub const MIGRATION_TABLE: &str = "
CREATE TABLE IF NOT EXISTS migration (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL
) STRICT;
";
