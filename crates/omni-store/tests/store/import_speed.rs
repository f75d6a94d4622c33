//! How fast the sample comes into a fresh replica, beside a bare bulk insert of the same rows into the same kind of
//! file. Meant for `--release`; `OMNI_STORE_SAMPLE=full` takes the whole sample.

use crate::central::{Cut, at, cut};
use crate::kit::{Replica, collection, plain};
use omni_model::{Row, Value, sample, schema};
use omni_protocol::Grants;
use rusqlite::types::Value as Sql;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of a range of about 1 MiB, as central cuts them.
const RANGE: usize = 3_000;

/// The statements that make the tables and indexes of a replica, without its bookkeeping.
fn layout(of: &Path) -> (Vec<String>, Vec<String>) {
    let conn = plain(of);
    let mut stmt =
        conn.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").unwrap();
    let all: Vec<(String, String, String)> =
        stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap().map(Result::unwrap).collect();
    let shadow = |n: &str| ["_data", "_idx", "_config", "_content", "_docsize"].iter().any(|s| n.ends_with(s));
    let tables =
        all.iter().filter(|(k, n, _)| k == "table" && !n.starts_with("v_") && !(n.starts_with("s_") && shadow(n)));
    let tables = tables.filter(|(_, n, _)| n.starts_with("r_") || n.starts_with("s_")).map(|(_, _, sql)| sql.clone());
    let indexes = all.iter().filter(|(k, n, _)| k == "index" && (n.starts_with("i_") || n.starts_with("u_")));
    (tables.collect(), indexes.map(|(_, _, sql)| sql.clone()).collect())
}

fn as_sql(value: &Value) -> Sql {
    match value {
        Value::Null | Value::Raw(_) => Sql::Null,
        Value::Bool(b) => Sql::Integer((*b).into()),
        Value::Int(n) => Sql::Integer(*n),
        Value::Text(s) => Sql::Text(s.clone()),
        Value::Id(id) => Sql::Blob(id.as_bytes().to_vec()),
        Value::Set(items) => Sql::Text(format!("[\"{}\"]", items.iter().cloned().collect::<Vec<_>>().join("\",\""))),
    }
}

/// Rows as values to bind, and their search texts, prepared outside the measurement.
fn prepare(rows: &[Row]) -> Vec<(usize, Vec<Sql>, String)> {
    let place = |row: &Row| schema::COLLECTIONS.iter().position(|c| c.id == row.collection).unwrap();
    let mut out: Vec<_> = rows
        .iter()
        .map(|row| {
            let at = place(row);
            let key = row.key.clone().map_or(Sql::Null, Sql::Text);
            let mut values = vec![Sql::Blob(row.id.as_bytes().to_vec()), key, Sql::Blob(row.owner.as_bytes().to_vec())];
            values.extend([Sql::Integer(1), Sql::Null]);
            values.extend(schema::COLLECTIONS[at].fields.iter().map(|f| as_sql(row.get(f.id))));
            let mut text = String::new();
            for f in schema::COLLECTIONS[at].fields.iter().filter(|f| f.search) {
                if let Some(word) = row.get(f.id).as_text() {
                    text.push_str(&word.to_lowercase());
                    text.push(' ');
                }
            }
            text.push_str(row.key.as_deref().unwrap_or(""));
            (at, values, text)
        })
        .collect();
    out.sort_by_key(|(at, _, _)| *at);
    out
}

/// The best bare insert: no journal, one transaction, rows, then search, then indexes, one sync at the end.
fn bare(tables: &[String], indexes: &[String], rows: &[(usize, Vec<Sql>, String)]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bare.db");
    let started = Instant::now();
    let conn = plain(&file);
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN")
        .unwrap();
    tables.iter().for_each(|sql| conn.execute_batch(sql).unwrap());
    for of_kind in rows.chunk_by(|a, b| a.0 == b.0) {
        let name = schema::COLLECTIONS[of_kind[0].0].name;
        conn.execute(&format!("INSERT INTO s_{name} (s_{name}, rank) VALUES ('hashsize', 16777216)"), []).unwrap();
        let marks = vec!["?"; of_kind[0].1.len()].join(", ");
        let mut insert = conn.prepare(&format!("INSERT INTO r_{name} VALUES (NULL, {marks})")).unwrap();
        let mut search = conn.prepare(&format!("INSERT INTO s_{name} (rowid, t) VALUES (?1, ?2)")).unwrap();
        for (n, (_, values, text)) in of_kind.iter().enumerate() {
            insert.execute(rusqlite::params_from_iter(values)).unwrap();
            search.execute((n as i64 + 1, text)).unwrap();
        }
    }
    indexes.iter().for_each(|sql| conn.execute_batch(sql).unwrap());
    conn.execute_batch("COMMIT").unwrap();
    conn.close().unwrap();
    std::fs::File::open(&file).unwrap().sync_all().unwrap();
    let took = started.elapsed();
    println!("bare file: {} KiB", std::fs::metadata(&file).unwrap().len() / 1024);
    took
}

/// Processor time of this process so far, all threads; nothing where it cannot be read.
fn busy() -> Duration {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * TICK_MS)
}

/// Staged and swapped: the whole, and how much of it was the end.
fn import(cut: &Cut, r: &Replica) -> (Duration, Duration) {
    let chunks = cut.chunks.clone();
    let started = Instant::now();
    let mut import = r.store.begin_import().unwrap();
    chunks.into_iter().for_each(|chunk| import.add_owned(chunk).unwrap());
    let added = Instant::now();
    import.finish(&cut.manifest, &Grants::everything()).unwrap();
    (started.elapsed(), added.elapsed())
}

#[test]
fn bootstrap_beside_a_bare_insert() {
    let full = std::env::var("OMNI_STORE_SAMPLE").is_ok_and(|v| v == "full");
    let rows = if full { sample::portfolio(7) } else { sample::small(7) };
    let n = rows.len();
    let empty = Replica::new();
    let path = empty.path();
    empty.store.close();
    let (tables, indexes) = layout(&path);
    let bound = prepare(&rows);
    let cut = cut(&at(5, rows), &[], 5, RANGE);
    println!("{n} rows in {} chunks, {} tables, {} indexes", cut.chunks.len(), tables.len(), indexes.len());
    for round in 0..if full { 4 } else { 1 } {
        let start = busy();
        let bare = bare(&tables, &indexes, &bound);
        let bare_busy = busy() - start;
        let r = Replica::new();
        let start = busy();
        let (took, end) = import(&cut, &r);
        let ratio = took.as_secs_f64() / bare.as_secs_f64();
        println!(
            "round {round}: bare {bare:?} (busy {bare_busy:?}), import {took:?} (busy {:?}, end {end:?}), {ratio:.2} times",
            busy() - start
        );
        assert_eq!(r.read(|tx| tx.rows_total()), n as u64);
        assert!(r.read(|tx| tx.count(collection("brand"), &[], Some("a"))) > 0);
        let (took, end) = import(&cut, &r);
        println!("  again over it: {took:?} (end {end:?}), {} KiB", std::fs::metadata(r.path()).unwrap().len() / 1024);
    }
}
