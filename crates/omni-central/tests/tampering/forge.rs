//! One random act behind central's back.

use crate::kit::Rng;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::path::Path;

/// Every table that holds past or state, with the columns that count. The first `keys` of them name the row.
const TABLES: &[(&str, &[&str], usize)] = &[
    ("commit_log", &["seq", "epoch", "hash", "at_ms", "info", "change", "images"], 1),
    ("part", &["seq", "owner", "compartment", "bytes", "prev"], 3),
    ("record", &["collection", "id", "owner", "key", "fields", "meta", "live"], 2),
    ("link", &["target", "collection", "field", "record"], 4),
    ("unique_value", &["collection", "field", "value", "record"], 4),
    ("touched", &["collection", "record", "seq"], 3),
    ("conflict", &["id", "owner", "compartment", "open", "item"], 1),
    ("change_outcome", &["change", "content", "outcome"], 1),
    ("entry", &["replica", "counter", "outcome"], 2),
    ("replica", &["id", "device", "lineage", "counter", "chain"], 1),
    ("batch", &["replica", "device", "parent", "epoch", "first", "prev", "links", "signature"], 1),
    ("scope_digest", &["owner", "compartment", "digest", "seq", "part"], 2),
    ("text_history", &["collection", "record", "field", "history"], 3),
    ("tree_node", &["at", "hash"], 1),
    ("tree_head", &["size", "epoch", "signed"], 2),
    ("ledger", &["frontier", "sums"], 1),
    ("fork", &["epoch", "seq"], 1),
    ("log_head", &["epoch", "seq", "hash"], 1),
];

type Cells = Vec<Value>;

pub struct Forger(Connection);

impl Forger {
    pub fn open(file: &Path) -> Forger {
        let conn = Connection::open(file).unwrap();
        conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY").unwrap();
        Forger(conn)
    }

    /// Draws until an act is possible and changes something; says which table and what was done.
    pub fn tamper(self, rng: &mut Rng) -> (&'static str, String) {
        loop {
            let (table, columns, keys) = TABLES[rng.below(TABLES.len())];
            let rows = self.rows(table, columns);
            if rows.is_empty() {
                continue;
            }
            let row = rng.below(rows.len());
            let act = match rng.below(10) {
                0 => self.delete(table, columns, &rows[row]).then(|| "a row deleted".to_owned()),
                1 => self.insert(table, columns, keys, &rows[row], rng).then(|| "a row inserted".to_owned()),
                2 => self.swap(table, columns, keys, &rows, rng),
                3 if table == "commit_log" => self.truncate(rng),
                _ => self.change(table, columns, &rows[row], rng),
            };
            if let Some(act) = act {
                return (table, format!("{table}: {act}"));
            }
        }
    }

    fn rows(&self, table: &str, columns: &[&str]) -> Vec<Cells> {
        let mut statement = self.0.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))).unwrap();
        let row = |r: &rusqlite::Row| (0..columns.len()).map(|i| r.get(i)).collect::<rusqlite::Result<Cells>>();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn run(&self, sql: &str, cells: impl IntoIterator<Item = Value>) -> bool {
        self.0.execute(sql, params_from_iter(cells)).is_ok_and(|n| n > 0)
    }

    fn whole_row(columns: &[&str]) -> String {
        columns.iter().map(|c| format!("{c} IS ?")).collect::<Vec<_>>().join(" AND ")
    }

    fn delete(&self, table: &str, columns: &[&str], row: &Cells) -> bool {
        self.run(&format!("DELETE FROM {table} WHERE {}", Self::whole_row(columns)), row.clone())
    }

    /// A copy of a row under another key.
    fn insert(&self, table: &str, columns: &[&str], keys: usize, row: &Cells, rng: &mut Rng) -> bool {
        let mut row = row.clone();
        let key = rng.below(keys);
        row[key] = altered(&row[key], rng);
        let marks = vec!["?"; columns.len()].join(", ");
        self.run(&format!("INSERT INTO {table}({}) VALUES ({marks})", columns.join(", ")), row)
    }

    fn change(&self, table: &str, columns: &[&str], row: &Cells, rng: &mut Rng) -> Option<String> {
        let column = rng.below(columns.len());
        let new = altered(&row[column], rng);
        let sql = format!("UPDATE {table} SET {} = ? WHERE {}", columns[column], Self::whole_row(columns));
        self.run(&sql, std::iter::once(new).chain(row.clone())).then(|| format!("{} changed", columns[column]))
    }

    /// Two rows trade everything but their keys, or one column of it.
    fn swap(&self, table: &str, columns: &[&str], keys: usize, rows: &[Cells], rng: &mut Rng) -> Option<String> {
        if keys == columns.len() {
            return None;
        }
        let (a, b) = (&rows[rng.below(rows.len())], &rows[rng.below(rows.len())]);
        let only = rng.below(columns.len() - keys) + keys;
        let traded: Vec<usize> = if rng.below(2) == 0 { vec![only] } else { (keys..columns.len()).collect() };
        if traded.iter().all(|i| a[*i] == b[*i]) || a[..keys] == b[..keys] {
            return None;
        }
        let sets = traded.iter().map(|i| format!("{} = ?", columns[*i])).collect::<Vec<_>>().join(", ");
        let sql = format!("UPDATE {table} SET {sets} WHERE {}", Self::whole_row(columns));
        let take = |from: &Cells, of: &Cells| {
            self.run(&sql, traded.iter().map(|i| from[*i].clone()).chain(of.clone()).collect::<Vec<_>>())
        };
        (take(b, a) && take(a, b)).then(|| format!("two rows traded {} columns", traded.len()))
    }

    /// The newest commits are gone with everything of theirs that a careful forger knows of.
    fn truncate(&self, rng: &mut Rng) -> Option<String> {
        let last: i64 = self.0.query_row("SELECT max(seq) FROM commit_log", [], |r| r.get(0)).ok()?;
        let to = last - 1 - rng.below(5) as i64;
        let sql = format!(
            "DELETE FROM commit_log WHERE seq > {to}; DELETE FROM part WHERE seq > {to};
             DELETE FROM touched WHERE seq > {to}; DELETE FROM tree_node WHERE at >= {};
             DELETE FROM tree_head WHERE size > {to};
             UPDATE log_head SET seq = {to}, hash = (SELECT hash FROM commit_log WHERE seq = {to});",
            2 * to
        );
        self.0.execute_batch(&sql).ok().map(|()| format!("the log cut off after {to}"))
    }
}

/// Another value of the same type: one bit of the bytes, or another number.
fn altered(value: &Value, rng: &mut Rng) -> Value {
    match value {
        Value::Null => Value::Text("forged".to_owned()),
        Value::Integer(n) => Value::Integer(n ^ (1 << rng.below(4))),
        Value::Real(x) => Value::Real(x + 1.0),
        Value::Text(s) => Value::Text(format!("{s}x")),
        Value::Blob(b) if b.is_empty() => Value::Blob(vec![0]),
        Value::Blob(b) => {
            let mut bytes = b.clone();
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
            Value::Blob(bytes)
        }
    }
}
