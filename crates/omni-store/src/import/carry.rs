//! What belongs to the laptop and not to central's copy goes over from the live file: once at leisure, and once more,
//! only what changed since, while the writer is held.

use crate::error::Result;
use crate::tx::{Caches, WriteTx};
use omni_model::{CollectionId, RecordId};
use omni_protocol::{DirectoryEntry, Grants, Position};
use omni_sync::replica::{ReplicaTx, overlay};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use std::collections::{BTreeSet, HashMap};
use std::time::{SystemTime, UNIX_EPOCH};

type Record = (CollectionId, RecordId);

/// A table carried row by row; its first column is its key.
struct Part {
    table: &'static str,
    columns: &'static [&'static str],
    /// Columns that show whether a row changed.
    telling: usize,
}

const FACT: usize = 0;
const OUTBOX: usize = 4;

/// Parts, in the order they are carried.
const PARTS: [Part; 6] = [
    Part { table: "fact", columns: &["name", "value"], telling: 2 },
    Part { table: "setting", columns: &["name", "json"], telling: 2 },
    Part { table: "directory", columns: &["device", "name", "operator"], telling: 3 },
    // Changes only when central brought it back in another place.
    Part {
        table: "own_change",
        columns: &["change_id", "seq", "counter", "sealed", "outcome", "kept_ms", "local_no"],
        telling: 2,
    },
    Part {
        table: "outbox",
        columns: &[
            "local_no",
            "change_id",
            "state",
            "priority",
            "counter",
            "acked_seq",
            "body",
            "sealed",
            "prev_chain",
            "skip",
            "outcome",
            "attempts",
            "blocked",
        ],
        telling: 13,
    },
    // Never changes once it is there.
    Part { table: "original", columns: &["name", "epoch", "seq", "at_ms", "body"], telling: 1 },
];

/// A row's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Key {
    fn of(value: &Sql) -> Key {
        match value {
            Sql::Integer(n) => Key::Int(*n),
            Sql::Text(s) => Key::Text(s.clone()),
            Sql::Blob(b) => Key::Bytes(b.clone()),
            Sql::Null | Sql::Real(_) => Key::Bytes(Vec::new()),
        }
    }

    fn sql(&self) -> Sql {
        match self {
            Key::Int(n) => Sql::Integer(*n),
            Key::Text(s) => Sql::Text(s.clone()),
            Key::Bytes(b) => Sql::Blob(b.clone()),
        }
    }
}

/// The telling columns of a row, hashed.
type Mark = [u8; 32];

/// What was carried so far.
#[derive(Debug)]
pub struct Carry {
    position: Position,
    now_ms: i64,
    /// By part: what the live rows were.
    seen: [HashMap<Key, Mark>; PARTS.len()],
    /// Highest commit carried into the history.
    history: i64,
    started: bool,
}

impl Carry {
    /// Nothing yet, for a copy that stands at `position`.
    pub fn new(position: Position) -> Carry {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        Carry { position, now_ms, seen: Default::default(), history: 0, started: false }
    }

    /// Brings the staged file to the state of the live one: everything at first, later what changed. Then makes the
    /// pending edits on top of the new confirmed records anew. Both sides must be inside a transaction of their own.
    pub fn bring(&mut self, live: &Connection, staged: &Connection) -> Result<()> {
        let mut touched = BTreeSet::new();
        for at in FACT..PARTS.len() {
            let changed = self.bring_part(at, live, staged)?;
            if at == OUTBOX {
                changed.into_iter().try_for_each(|no| bring_touches(&no, live, staged, &mut touched))?;
            }
        }
        self.bring_numbers(live, staged)?;
        self.bring_history(live, staged)?;
        self.started = true;
        rebuild(staged, touched)
    }

    /// Where a part's rows come from. Own changes the new copy holds leave the queue on the way.
    fn source(&self, part: &Part) -> String {
        let held = format!("state = 2 AND acked_seq <= {}", self.position.seq.min(i64::MAX as u64));
        match part.table {
            "outbox" => format!("(SELECT * FROM outbox WHERE NOT coalesce({held}, 0))"),
            "own_change" => format!(
                "(SELECT change_id, seq, counter, sealed, outcome, kept_ms, local_no FROM own_change UNION ALL \
                  SELECT change_id, nullif(acked_seq, 0), counter, sealed, outcome, {}, local_no FROM outbox \
                  WHERE {held} AND sealed IS NOT NULL)",
                self.now_ms
            ),
            table => table.to_owned(),
        }
    }

    /// Returns the keys of rows that came, changed or went.
    fn bring_part(&mut self, at: usize, live: &Connection, staged: &Connection) -> Result<Vec<Key>> {
        let part = &PARTS[at];
        let source = self.source(part);
        let told = if self.started { part.telling } else { part.columns.len() };
        let mut scan = live.prepare(&format!("SELECT {} FROM {source}", part.columns[..told].join(", ")))?;
        let key = part.columns[0];
        let mut fetch = live.prepare(&format!("SELECT {} FROM {source} WHERE {key} = ?1", part.columns.join(", ")))?;
        let marks = vec!["?"; part.columns.len()].join(", ");
        let (table, columns) = (part.table, part.columns.join(", "));
        let mut put = staged.prepare(&format!("INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"))?;
        let mut gone = std::mem::take(&mut self.seen[at]);
        let (mut seen, mut changed) = (HashMap::with_capacity(gone.len()), Vec::new());
        let mut rows = scan.query([])?;
        while let Some(row) = rows.next()? {
            let mut values = values_of(row, told)?;
            let (key, mark) = (Key::of(&values[0]), mark_of(&values[..part.telling]));
            let known = gone.remove(&key) == Some(mark);
            if !known {
                if told < part.columns.len() {
                    values = fetch.query_row([key.sql()], |r| values_of(r, part.columns.len()))?;
                }
                put.execute(params_from_iter(values))?;
                changed.push(key.clone());
            }
            seen.insert(key, mark);
        }
        let mut drop = staged.prepare(&format!("DELETE FROM {table} WHERE {key} = ?1"))?;
        for key in gone.into_keys() {
            drop.execute([key.sql()])?;
            changed.push(key);
        }
        self.seen[at] = seen;
        Ok(changed)
    }

    /// Local numbers are never given again.
    fn bring_numbers(&self, live: &Connection, staged: &Connection) -> Result<()> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
        let last: Option<i64> = live.query_row(sql, [], |r| r.get(0)).optional()?;
        staged.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'", [])?;
        if let Some(last) = last {
            staged.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?1)", [last])?;
        }
        Ok(())
    }

    /// Commits up to the new position: those not carried yet come, pruned ones go.
    fn bring_history(&mut self, live: &Connection, staged: &Connection) -> Result<()> {
        let upto = self.position.seq.min(i64::MAX as u64) as i64;
        let span = (self.history, upto);
        copy(live, staged, "history", &["seq", "at_ms", "parts", "images", "change_id"], span, "seq")?;
        let touches = ["collection", "record", "seq"];
        copy(live, staged, "history_touch", &touches, span, "collection, record, seq")?;
        let oldest: Option<i64> = live.query_row("SELECT min(seq) FROM history", [], |r| r.get(0))?;
        let oldest = oldest.unwrap_or(i64::MAX);
        staged.execute("DELETE FROM history WHERE seq < ?1", [oldest])?;
        staged.execute("DELETE FROM history_touch WHERE seq < ?1", [oldest])?;
        let last: Option<i64> = staged.query_row("SELECT max(seq) FROM history", [], |r| r.get(0))?;
        self.history = self.history.max(last.unwrap_or(0));
        Ok(())
    }

    /// Identity as it is now, with the new position and grants; the manifest's device names over those known.
    pub fn finish(
        &self,
        live: &Connection,
        staged: &Connection,
        grants: &Grants,
        directory: &[DirectoryEntry],
    ) -> Result<()> {
        let meta = crate::tx::load_meta(live)?;
        let mut meta = meta.ok_or_else(|| crate::StoreError::invalid("This database has no identity yet."))?;
        let live_position = std::mem::replace(&mut meta.position, self.position);
        meta.grants = grants.clone();
        let mut caches = Caches::default();
        let mut tx = WriteTx::new(staged, &mut caches);
        tx.set_meta(&meta)?;
        tx.put_directory(directory)?;
        tx.finish()?;
        // What happened between the old cursor and the new copy is not here.
        let since = match live_position == self.position {
            true => crate::tx::history_since(live)?,
            false => self.position.seq,
        };
        let sql = "UPDATE replica SET history_since = ?1";
        staged.execute(sql, [since.min(i64::MAX as u64) as i64])?;
        Ok(())
    }
}

fn values_of(row: &rusqlite::Row<'_>, n: usize) -> rusqlite::Result<Vec<Sql>> {
    (0..n).map(|at| row.get(at)).collect()
}

fn mark_of(values: &[Sql]) -> Mark {
    let mut hash = blake3::Hasher::new();
    for value in values {
        let (kind, bytes): (u8, &[u8]) = match value {
            Sql::Null => (0, &[]),
            Sql::Integer(n) => (1, &n.to_le_bytes()),
            Sql::Real(x) => (2, &x.to_le_bytes()),
            Sql::Text(s) => (3, s.as_bytes()),
            Sql::Blob(b) => (4, b),
        };
        hash.update(&[kind]);
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    *hash.finalize().as_bytes()
}

/// Replaces what the staged file knows of the records a queued change touches by what the live one knows, and notes
/// them all.
fn bring_touches(no: &Key, live: &Connection, staged: &Connection, touched: &mut BTreeSet<Record>) -> Result<()> {
    const ALL: &str = "SELECT collection, record, local_no, direct, fields FROM outbox_touch WHERE local_no = ?1";
    let no = no.sql();
    let mut note = |values: &[Sql]| {
        if let (Sql::Integer(c), Sql::Blob(id), Sql::Integer(1)) = (&values[0], &values[1], &values[3])
            && let (Ok(c), Some(id)) = (u16::try_from(*c), RecordId::from_slice(id))
        {
            touched.insert((CollectionId(c), id));
        }
    };
    let mut old = staged.prepare_cached(ALL)?;
    let mut rows = old.query([&no])?;
    while let Some(row) = rows.next()? {
        note(&values_of(row, 5)?);
    }
    staged.prepare_cached("DELETE FROM outbox_touch WHERE local_no = ?1")?.execute([&no])?;
    let queued = staged.prepare_cached("SELECT 1 FROM outbox WHERE local_no = ?1")?.exists([&no])?;
    if !queued {
        return Ok(());
    }
    let sql = "INSERT INTO outbox_touch (collection, record, local_no, direct, fields) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut put = staged.prepare_cached(sql)?;
    let mut new = live.prepare_cached(ALL)?;
    let mut rows = new.query([&no])?;
    while let Some(row) = rows.next()? {
        let values = values_of(row, 5)?;
        note(&values);
        put.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// Copies rows with `span.0 < seq <= span.1`.
fn copy(
    live: &Connection,
    staged: &Connection,
    table: &str,
    columns: &[&str],
    span: (i64, i64),
    order: &str,
) -> Result<()> {
    let list = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let mut put = staged.prepare(&format!("INSERT OR REPLACE INTO {table} ({list}) VALUES ({marks})"))?;
    let sql = format!("SELECT {list} FROM {table} WHERE seq > ?1 AND seq <= ?2 ORDER BY {order}");
    let mut all = live.prepare(&sql)?;
    let mut rows = all.query(span)?;
    while let Some(row) = rows.next()? {
        put.execute(params_from_iter(values_of(row, columns.len())?))?;
    }
    Ok(())
}

/// Makes records anew from their confirmed state in the new copy and the pending changes that came over.
fn rebuild(staged: &Connection, touched: BTreeSet<Record>) -> Result<()> {
    let mut caches = Caches::default();
    let mut tx = WriteTx::new(staged, &mut caches);
    for (c, id) in touched {
        if tx.confirmed(c, id)?.is_none() {
            let row = tx.row(c, id)?;
            tx.put_confirmed(c, id, row.as_ref())?;
        }
        overlay::rebuild(&mut tx, c, id, None)?;
    }
    tx.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::fixed;

    /// Tables of central's copy, or carried in their own way.
    const OTHERS: &[&str] = &[
        "replica",
        "row_count",
        "confirmed",
        "deferred",
        "outbox_touch",
        "digest",
        "conflict",
        "history",
        "history_touch",
        "model_field",
    ];

    #[test]
    fn every_fixed_table_is_thought_of() {
        let mut known: BTreeSet<&str> = PARTS.iter().map(|p| p.table).chain(OTHERS.iter().copied()).collect();
        for line in fixed::BASE.lines().chain(fixed::ORIGINALS.lines()) {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(known.remove(name), "{name}: does it go over when a new copy is taken?");
            }
        }
        assert!(known.is_empty(), "{known:?}");
    }

    #[test]
    fn parts_carry_every_column() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(fixed::BASE).unwrap();
        conn.execute_batch(fixed::PAST).unwrap();
        conn.execute_batch(fixed::ORIGINALS).unwrap();
        for part in &PARTS {
            let stmt = conn.prepare(&format!("SELECT * FROM {}", part.table)).unwrap();
            assert_eq!(stmt.column_names(), part.columns, "{}", part.table);
        }
    }
}
