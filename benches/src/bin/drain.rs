//! 10,000 edits queued without central, one of them an emergency made last; then central is back. How long until all are
//! answered and in the copy, does the laptop answer meanwhile, and does the emergency arrive first?
//!
//! Floor, in the same run: the same number of rows through one encrypted file (seal), one plain file (central) and one
//! encrypted file again, in batches of 1,000, with FULL commits.

use anyhow::{Result, anyhow};
use omni_benches::{Laptop, Place, Sample, bare_file, ratio, timed};
use omni_central::{Config, serve};
use serde_json::json;
use std::time::{Duration, Instant};

const EDITS: usize = 10_000;
const BATCH: usize = 1_000;
/// What is edited: a plain field, and a text that keeps its history, which costs more.
const FIELDS: [(&str, &str); 2] = [("name", "a plain field"), ("notes", "a text")];

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::new()?;
    let floor = floor(&place)?;
    println!("floor  : the same rows through three files: {:.2} s", floor.as_secs_f64());
    for (field, kind) in FIELDS {
        product(&place.within(field)?, field, kind, floor).await?;
    }
    Ok(())
}

async fn product(place: &Place, field: &str, kind: &str, floor: Duration) -> Result<()> {
    let central = omni_benches::central(place, true).await?;
    let address = central.address();
    let a = Laptop::enrol(place, &central, "a").await?;
    let b = Laptop::enrol(place, &central, "b").await?;
    a.idle().await?;
    b.idle().await?;
    central.shutdown().await?;

    let brands = a.call("list", json!({ "collection": "brand", "limit": 1_000 })).await?;
    let ids: Vec<String> = brands["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| r["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    let lines: Vec<_> = (0..EDITS - 1)
        .map(|n| json!({ "op": "set", "collection": "brand", "id": ids[n % ids.len()], "fields": { field: format!("edit {n}") } }))
        .collect();
    let started = Instant::now();
    for part in lines.chunks(BATCH) {
        a.call("batch", json!({ "lines": part })).await?;
    }
    let emergency =
        json!({ "collection": "sector", "id": first_sector(&a).await?, "fields": { "notes": "stop" }, "priority": 1 });
    let urgent =
        a.call("edit", emergency).await?["change"].as_str().map(str::to_owned).ok_or_else(|| anyhow!("no change"))?;
    println!("queued {EDITS} edits of {kind} in {:.2} s", started.elapsed().as_secs_f64());

    let mut arrivals = b.app.sync().await?.subscribe();
    let mut config = Config::local(place.path("central"));
    (config.listen, config.metrics) = (address, Some("127.0.0.1:0".parse()?));
    let central = serve(config).await?;
    // The state of the connection is an event too; what counts is the first change.
    let first = tokio::spawn(async move {
        loop {
            match arrivals.recv().await {
                Ok(event) if event.event == "system_health" => {}
                other => return other,
            }
        }
    });
    let started = Instant::now();
    a.call("sync.now", json!({})).await?;
    b.call("sync.now", json!({})).await?;
    let mut answers = Vec::new();
    let waiting = a.idle();
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            done = &mut waiting => {
                done?;
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                let asked = Instant::now();
                a.call("list", json!({ "collection": "brand", "limit": 100, "search": "co" })).await?;
                a.call("queue", json!({ "limit": 50 })).await?;
                answers.push(asked.elapsed());
            }
        }
    }
    let drained = started.elapsed();
    println!("product: drained in {:.2} s (goal ≤ 5)", drained.as_secs_f64());
    println!("ratio  : {:.2}", ratio(drained, floor));
    println!("list + queue read meanwhile: {}", Sample::new(answers).line());
    let first = tokio::time::timeout(Duration::from_secs(60), first).await???;
    let emergency = first.change.as_deref() == Some(&urgent);
    let verdict = if emergency { "the emergency, made last" } else { "NOT the emergency" };
    println!("first to arrive on the other laptop: {} ({verdict})", first.event);
    a.app.shutdown().await;
    b.app.shutdown().await;
    central.shutdown().await?;
    Ok(())
}

async fn first_sector(a: &Laptop) -> Result<String> {
    let page = a.call("list", json!({ "collection": "sector", "limit": 1 })).await?;
    page["rows"][0]["id"].as_str().map(str::to_owned).ok_or_else(|| anyhow!("no sector"))
}

fn floor(place: &Place) -> Result<Duration> {
    let files = [
        bare_file(&place.path("floor-seal.db"), "FULL")?,
        rusqlite::Connection::open(place.path("floor-central.db"))?,
        bare_file(&place.path("floor-copy.db"), "FULL")?,
    ];
    files[1].query_row("PRAGMA journal_mode = WAL", [], |r| r.get::<_, String>(0))?;
    for file in &files {
        file.execute_batch("CREATE TABLE edit (n INTEGER PRIMARY KEY, body BLOB) STRICT")?;
    }
    let (done, took) = timed(|| -> Result<()> {
        for from in (0..EDITS).step_by(BATCH) {
            for file in &files {
                file.execute_batch("BEGIN")?;
                let mut insert = file.prepare_cached("INSERT INTO edit (n, body) VALUES (?1, zeroblob(300))")?;
                for n in from..from + BATCH {
                    insert.execute([n as i64])?;
                }
                drop(insert);
                file.execute_batch("COMMIT")?;
            }
        }
        Ok(())
    });
    done?;
    Ok(took)
}
