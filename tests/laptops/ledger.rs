//! A central that rewrites its past, signed with its own key and consistent in itself: the next contact finds it.

use super::kit::{Laptop, field_of};
use super::world_with_brand;
use omni_central::storage::StorageExt;
use omni_central::storage::sqlite::{SqliteOptions, SqliteStorage};
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_sync::ledger::{Frontier, Watch};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Changes the answer to the first commit and makes the whole tree anew over it. The next start signs its head.
fn rewrite(database: &Path) {
    let forger = rusqlite::Connection::open(database).unwrap();
    let first = "UPDATE entry SET outcome = CAST(outcome || x'00' AS BLOB) WHERE (replica, counter) IN
                 (SELECT replica, counter FROM entry ORDER BY counter LIMIT 1)";
    assert_eq!(forger.execute(first, []).unwrap(), 1);
    let options = SqliteOptions { readers: 0, ..SqliteOptions::default() };
    drop(forger);
    let storage = SqliteStorage::open_beside(database, options).unwrap();
    let mut frontier = Frontier::default();
    let nodes = storage.reading(|tx| {
        let mut nodes = Vec::new();
        for seq in 1..=tx.head()?.position.seq {
            nodes.extend(frontier.append(&tx.leaf(seq)?.expect("the commit is there").bytes()));
        }
        Ok(nodes)
    });
    storage.seal().unwrap();
    let forger = rusqlite::Connection::open(database).unwrap();
    let mut changed = 0;
    for (at, hash) in nodes.unwrap() {
        let sql = "UPDATE tree_node SET hash = ?2 WHERE at = ?1 AND hash <> ?2";
        changed += forger.execute(sql, (at as i64, &hash.0[..])).unwrap();
    }
    assert!(changed > 0, "the tree is another");
    forger.execute("UPDATE ledger SET frontier = ?1", [to_bytes(&frontier)]).unwrap();
}

/// Waits until the laptop trusts a head over so many commits.
async fn trusted(laptop: &Laptop, size: u64) {
    let engine = laptop.app.engine().await.unwrap();
    let known = || engine.store.read(|tx| tx.fact("ledger_watch")).unwrap();
    let reached = |fact: Option<Vec<u8>>| fact.is_some_and(|b| from_bytes::<Watch>(&b).unwrap().size() >= size);
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !reached(known()) {
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("a proof in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_past_stops_the_laptop_which_keeps_its_queue_and_the_evidence() {
    let (mut world, a, _b) = world_with_brand().await;
    a.set("brand", "greenfield", json!({ "name": "Greenfield Farms" })).await;
    a.idle().await;
    // The laptop asks for the proof of all of this within its session.
    a.rpc("sync.now", json!({})).await;
    trusted(&a, 3).await;
    world.stop_central().await;

    let database = world.central_folder().join("central.db");
    let honest = database.with_extension("honest");
    std::fs::copy(&database, &honest).unwrap();
    rewrite(&database);
    world.start_central().await;
    a.rpc("sync.now", json!({})).await;
    let status = a.until("stopped", |s| s["state"] == "history_rewritten").await;
    assert_eq!(status["last_error"]["code"], "history_rewritten", "{status}");
    assert_eq!(status["cursor"], 3, "what is here stays");
    // Work goes on and waits.
    a.set("brand", "greenfield", json!({ "name": "Greenfield and Sons" })).await;
    let status = a.until("queued", |s| s["queued"] == 1).await;
    assert_eq!(status["state"], "history_rewritten");
    let record = a.rpc("get", json!({ "collection": "brand", "id": "greenfield" })).await;
    assert_eq!(field_of(&record, "name")["state"], "pending");
    let engine = a.app.engine().await.unwrap();
    let evidence = engine.store.read(|tx| tx.fact("ledger_evidence")).unwrap();
    assert!(evidence.is_some_and(|bytes| bytes.len() > 200), "both heads and the proof are kept");

    // The true past is back: what was trusted is continued, and the queue drains.
    world.stop_central().await;
    std::fs::copy(&honest, &database).unwrap();
    world.start_central().await;
    a.rpc("sync.now", json!({})).await;
    a.until("drained", |s| s["state"] == "in_sync" && s["queued"] == 0).await;
}
