//! From an edit on one laptop to the edit visible on another, over loopback.
//!
//! Floor, in the same run: the same number of durable commits and hops with nothing in between. Three commits (an
//! encrypted file, a plain one, an encrypted one) and two messages over TCP.

use anyhow::{Result, anyhow};
use omni_benches::{Laptop, Place, Sample, bare_file, central, ratio};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::Receiver;

const EDITS: usize = 1_000;
const WARM: usize = 50;
/// What is edited: a plain field, and a text that keeps its history, which costs more.
const FIELDS: [(&str, &str); 2] = [("name", "a plain field"), ("notes", "a text")];
/// Bytes of a message: about what an edit of one field takes.
const MESSAGE: usize = 300;

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::new()?;
    let floor = floor(&place).await?;
    println!("floor    (3 commits + 2 hops): {}", floor.line());
    for (field, kind) in FIELDS {
        let product = product(&place, field).await?;
        println!("product  (edit → visible)    : {}, {kind}", product.line());
        println!("ratio p50: {:.2} (goal ≤ 3)", ratio(product.percentile(50), floor.percentile(50)));
        println!("p99: {:.2} ms (goal ≤ 25)", product.percentile(99).as_secs_f64() * 1_000.0);
    }
    Ok(())
}

async fn product(place: &Place, field: &str) -> Result<Sample> {
    let place = &place.within(field)?;
    let central = central(place, false).await?;
    let a = Laptop::enrol(place, &central, "a").await?;
    let b = Laptop::enrol(place, &central, "b").await?;
    a.call("new", json!({ "collection": "sector", "key": "s", "fields": { "name": "S" } })).await?;
    a.call(
        "new",
        json!({ "collection": "brand", "key": "k", "fields": { "name": "K", "sector": "s", "kind": "core" } }),
    )
    .await?;
    a.idle().await?;
    b.idle().await?;
    let mut events = b.app.subscribe();
    let mut took = Vec::with_capacity(EDITS);
    for n in 0..EDITS + WARM {
        let text = format!("edit {n}");
        let started = Instant::now();
        let args = json!({ "collection": "brand", "id": "k", "fields": { field: text } });
        a.call("set", args).await?;
        visible(&b, &mut events, field, &text).await?;
        if n >= WARM {
            took.push(started.elapsed());
        }
    }
    a.app.shutdown().await;
    b.app.shutdown().await;
    central.shutdown().await?;
    Ok(Sample::new(took))
}

/// Waits for the change event and reads the record, as the page does.
async fn visible(b: &Laptop, events: &mut Receiver<Json>, field: &str, text: &str) -> Result<()> {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await??;
        if event["event"] != "changed" || event["collections"].get("brand").is_none() {
            continue;
        }
        let record = b.call("get", json!({ "collection": "brand", "id": "k" })).await?;
        let fields = record["fields"].as_array().ok_or_else(|| anyhow!("no fields"))?;
        if fields.iter().any(|f| f["name"] == field && f["value"] == text) {
            return Ok(());
        }
    }
}

async fn floor(place: &Place) -> Result<Sample> {
    let first = open(place, "floor-a.db", true)?;
    let middle = open(place, "floor-central.db", false)?;
    let last = open(place, "floor-b.db", true)?;
    let (mut to_middle, mut at_middle) = pipe().await?;
    let (mut to_last, mut at_last) = pipe().await?;
    let mut took = Vec::with_capacity(EDITS);
    let mut message = [7u8; MESSAGE];
    for n in 0..EDITS + WARM {
        let started = Instant::now();
        commit(&first, n)?;
        to_middle.write_all(&message).await?;
        at_middle.read_exact(&mut message).await?;
        commit(&middle, n)?;
        to_last.write_all(&message).await?;
        at_last.read_exact(&mut message).await?;
        commit(&last, n)?;
        if n >= WARM {
            took.push(started.elapsed());
        }
    }
    Ok(Sample::new(took))
}

fn open(place: &Place, name: &str, encrypted: bool) -> Result<rusqlite::Connection> {
    let conn = match encrypted {
        true => bare_file(&place.path(name), "FULL")?,
        false => {
            let conn = rusqlite::Connection::open(place.path(name))?;
            conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get::<_, String>(0))?;
            conn.execute_batch("PRAGMA synchronous = FULL")?;
            conn
        }
    };
    conn.execute_batch("CREATE TABLE edit (n INTEGER PRIMARY KEY, body BLOB) STRICT")?;
    Ok(conn)
}

fn commit(conn: &rusqlite::Connection, n: usize) -> Result<()> {
    conn.prepare_cached("INSERT INTO edit (n, body) VALUES (?1, zeroblob(300))")?.execute([n as i64])?;
    Ok(())
}

async fn pipe() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let out = TcpStream::connect(listener.local_addr()?).await?;
    let (inward, _) = listener.accept().await?;
    out.set_nodelay(true)?;
    Ok((out, inward))
}
