//! The whole sample portfolio into a fresh laptop over loopback: fetched, checked, persisted, indexed, searchable.
//!
//! Floor, in the same run: a bare bulk insert of the same rows into the same tables, with the same indexes and the same
//! search index, in one encrypted file, in one transaction, indexes and search made after the rows.

use anyhow::{Result, anyhow};
use omni_benches::{BARE_KEY, Laptop, Place, bare_file, central, ratio, timed};
use omni_model::sample;
use omni_store::{DbKey, Durability, Lane, Store, StoreError, StoreOptions};
use omni_sync::replica::ReplicaTx;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
/// The sample central is filled with is of this size whatever the seed.
const SEED: u64 = 1;

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::new()?;
    let central = central(&place, true).await?;
    // Not measured: central cuts its chunks for the first laptop of its life.
    let warm = Laptop::enrol(&place, &central, "warm").await?;
    warm.idle().await?;
    warm.app.shutdown().await;
    let bulk = Bulk::read(&place.path("source.db"))?;
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        let laptop = Laptop::enrol(&place, &central, &format!("laptop-{round}")).await?;
        let enrolled = Instant::now();
        let status = laptop.idle().await?;
        let product = enrolled.elapsed();
        let rows = status["rows"].as_u64().ok_or_else(|| anyhow!("no rows"))?;
        let hits = laptop.call("search", json!({ "text": "agriculture", "limit": 5 })).await?;
        anyhow::ensure!(hits.as_array().is_some_and(|h| !h.is_empty()), "the copy is not searchable");
        laptop.app.shutdown().await;
        let floor = bulk.insert(&place.path(&format!("floor-{round}.db")))?;
        anyhow::ensure!(rows == bulk.rows(), "{rows} rows in the copy, {} in the floor", bulk.rows());
        let ratio = ratio(product, floor);
        println!(
            "round {round}: {rows} rows; product {:.2} s (and {:.2} s for keys and enrolment), floor {:.2} s, ratio {ratio:.2}",
            product.as_secs_f64(),
            (enrolled - started).as_secs_f64(),
            floor.as_secs_f64()
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio (median of {ROUNDS}): {:.2} (goal ≤ 2)", ratios[ROUNDS / 2]);
    central.shutdown().await?;
    Ok(())
}

/// One table with its rows, indexes and search text.
struct Table {
    name: String,
    create: String,
    search: String,
    create_search: String,
    indexes: Vec<String>,
    rows: Vec<Vec<Value>>,
    texts: Vec<String>,
}

/// The rows of the sample as they stand in the product's own file.
struct Bulk(Vec<Table>);

impl Bulk {
    fn read(path: &Path) -> Result<Bulk> {
        let store = Store::open(path, &DbKey::new(BARE_KEY), StoreOptions::default())?;
        for part in sample::portfolio(SEED).chunks(5_000) {
            let part = part.to_vec();
            store.write(Lane::Maintenance, Durability::Normal, move |tx| {
                part.iter().try_for_each(|row| tx.put_row(row, Some(1))).map_err(StoreError::from)
            })?;
        }
        store.close();
        let conn = bare_file(path, "NORMAL")?;
        let names =
            strings(&conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'r\\_%' ESCAPE '\\'")?;
        Ok(Bulk(names.into_iter().map(|name| Table::read(&conn, name)).collect::<Result<_>>()?))
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|t| t.rows.len() as u64).sum()
    }

    fn insert(&self, path: &Path) -> Result<Duration> {
        let conn = bare_file(path, "FULL")?;
        let (done, took) = timed(|| -> Result<()> {
            conn.execute_batch("BEGIN")?;
            self.0.iter().try_for_each(|t| t.insert(&conn))?;
            conn.execute_batch("COMMIT")?;
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        });
        done?;
        Ok(took)
    }
}

impl Table {
    fn read(conn: &Connection, name: String) -> Result<Table> {
        let one = |sql: &str, name: &str| conn.query_row(sql, [name], |r| r.get::<_, String>(0));
        let create = one("SELECT sql FROM sqlite_schema WHERE name = ?1", &name)?;
        let collection = name.trim_start_matches("r_").to_owned();
        let search = format!("s_{collection}");
        let create_search = one("SELECT sql FROM sqlite_schema WHERE name = ?1", &search)?;
        let mut stmt =
            conn.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")?;
        let indexes = stmt.query_map([&name], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut stmt = conn.prepare("SELECT name FROM model_field WHERE searched = 1 AND name LIKE ?1 || '.%'")?;
        let searched: Vec<String> = stmt.query_map([&collection], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut stmt = conn.prepare(&format!("SELECT * FROM {name} ORDER BY rid"))?;
        let columns: Vec<String> = stmt.column_names().iter().map(|c| (*c).to_owned()).collect();
        let count = columns.len();
        let read =
            stmt.query_map([], |r| (0..count).map(|n| r.get::<_, Value>(n)).collect::<rusqlite::Result<Vec<_>>>())?;
        let rows: Vec<Vec<Value>> = read.collect::<rusqlite::Result<_>>()?;
        let places: Vec<usize> = searched
            .iter()
            .filter_map(|f| {
                columns.iter().position(|c| *c == format!("f_{}", f.split_once('.').map_or("", |(_, n)| n)))
            })
            .collect();
        let texts = rows.iter().map(|row| text(row, &places)).collect();
        Ok(Table { name, create, search, create_search, indexes, rows, texts })
    }

    fn insert(&self, conn: &Connection) -> Result<()> {
        conn.execute_batch(&self.create)?;
        conn.execute_batch(&self.create_search)?;
        let marks = vec!["?"; self.rows.first().map_or(1, Vec::len)].join(", ");
        let mut insert = conn.prepare(&format!("INSERT INTO {} VALUES ({marks})", self.name))?;
        for row in &self.rows {
            insert.execute(params_from_iter(row))?;
        }
        let mut index = conn.prepare(&format!("INSERT INTO {} (rowid, t) VALUES (?1, ?2)", self.search))?;
        for (place, text) in self.texts.iter().enumerate() {
            index.execute((place as i64 + 1, text))?;
        }
        self.indexes.iter().try_for_each(|sql| conn.execute_batch(sql))?;
        Ok(())
    }
}

fn strings(conn: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut stmt = conn.prepare(sql)?;
    let found = stmt.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

fn text(row: &[Value], places: &[usize]) -> String {
    let word = |p: &usize| match row.get(*p) {
        Some(Value::Text(t)) => Some(t.as_str()),
        _ => None,
    };
    places.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}
