//! Differences planted in a real encrypted replica, as a failing disk or a bug would leave them, with pending edits on the
//! same records: all are located, repaired row by row, counted exactly, and no pending edit is touched.

#[path = "../laptops/kit.rs"]
#[allow(dead_code)]
mod kit;

use kit::{Laptop, World};
use omni_agent::keys::{KeyFile, KeysMode, Passphrase};
use omni_central::writer::{Admit, Writer};
use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{ConflictId, ConflictItem, Decided, Scope};
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use omni_sync::digest::Digest;
use omni_sync::replica::ReplicaTx;
use serde_json::json;
use std::sync::Arc;

const BRANDS: usize = 40;

fn id(collection: &str, key: &str) -> (CollectionId, RecordId) {
    (schema::by_name(collection).unwrap().id, RecordId::from_key(collection, key))
}

fn field(collection: &str, name: &str) -> FieldId {
    schema::by_name(collection).unwrap().field(name).unwrap().id
}

/// Two sectors and some brands, on a laptop whose central is reachable.
async fn world() -> (World, Laptop) {
    let world = World::start().await;
    let a = world.laptop("a").await;
    for sector in ["water", "energy"] {
        a.create("sector", sector, json!({ "name": sector })).await;
    }
    for n in 0..BRANDS {
        let sector = if n % 2 == 0 { "water" } else { "energy" };
        let fields = json!({ "name": format!("Brand {n}"), "sector": sector, "kind": "core" });
        a.create("brand", &format!("b{n}"), fields).await;
    }
    a.idle().await;
    (world, a)
}

async fn store(laptop: &Laptop) -> Store {
    laptop.app.engine().await.unwrap().store.clone()
}

/// Writes past everything that keeps digests.
async fn plant(laptop: &Laptop, change: impl FnOnce(&mut WriteTx<'_>) -> Result<(), StoreError> + Send + 'static) {
    store(laptop).await.write(Lane::Maintenance, Durability::Full, change).unwrap();
}

async fn confirmed(laptop: &Laptop, key: (CollectionId, RecordId)) -> Option<Row> {
    let read = move |tx: &mut WriteTx<'_>| -> Result<Option<Row>, StoreError> {
        Ok(match tx.confirmed(key.0, key.1)? {
            Some(row) => row,
            None => tx.row(key.0, key.1)?,
        })
    };
    store(laptop).await.write(Lane::Maintenance, Durability::Normal, read).unwrap()
}

/// The file, opened beside the running app with the key of its keychain.
async fn file(world: &World, laptop: &Laptop) -> rusqlite::Connection {
    let paths = laptop.app.paths();
    let mode = KeysMode::Passphrase(Passphrase::new("correct horse battery".to_owned()));
    let secrets = KeyFile::load(paths).unwrap().unwrap().open(&mode).await.unwrap();
    let hex: String = secrets.database_key.iter().map(|b| format!("{b:02x}")).collect();
    let conn = rusqlite::Connection::open(world.data("a").join("replica.db")).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"; {}", omni_store::FORM)).unwrap();
    conn
}

fn foreign_item(key: (CollectionId, RecordId), owner: RecordId) -> ConflictItem {
    ConflictItem {
        id: ConflictId(uuid::Uuid::from_u128(77)),
        collection: key.0,
        record: key.1,
        fields: vec![field("brand", "name")],
        base: Vec::new(),
        mine: Vec::new(),
        theirs: Vec::new(),
        theirs_device: None,
        rule: "latest".into(),
        decided: Decided::Open,
        seq: 1,
        theirs_ms: 0,
        scope: Scope { owner, compartment: 0 },
        settled: None,
    }
}

/// Central answers no push until the sender of this is dropped: what laptops send stays pending.
fn held() -> (std::sync::mpsc::Sender<()>, Arc<Admit>) {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (held, real) = (std::sync::Mutex::new(held), Writer::real());
    let admit: Arc<Admit> = Arc::new(move |tx, sender, batch| {
        let _ = held.lock().unwrap().recv();
        real(tx, sender, batch)
    });
    (release, admit)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_difference_is_located_and_repaired_under_pending_edits() {
    let (mut world, a) = world().await;
    let water = RecordId::from_key("sector", "water");
    let (name, key) = (field("brand", "name"), |n: usize| id("brand", &format!("b{n}")));
    // Pending edits on some of the records that will be damaged.
    world.stop_central().await;
    a.until("offline", |s| s["state"] == "central_unreachable").await;
    a.set("brand", "b1", json!({ "notes": "mine, unsent" })).await;
    a.set("brand", "b3", json!({ "name": "Mine 3" })).await;
    let mut before = Vec::new();
    for n in 0..BRANDS {
        before.push(confirmed(&a, key(n)).await);
    }
    let (release, admit) = held();
    world.admit = Some(admit);
    world.start_central().await;
    a.rpc("sync.now", json!({})).await;
    a.until("sending", |s| s["sending"] == 2).await;
    let compared = a.rpc("monitor", json!({})).await["rows_compared"].as_u64().unwrap();
    plant(&a, move |tx| {
        // Row 4 with another owner, row 6 missing, an extra one, a conflict item nobody has, a wrong kept digest.
        let mut moved = tx.row(key(4).0, key(4).1)?.unwrap();
        moved.owner = RecordId::from_key("sector", "energy");
        tx.put_row(&moved, None)?;
        tx.remove_row(key(6).0, key(6).1)?;
        let mut extra = Row::new(key(0).0, RecordId::from_key("brand", "nobodys"));
        (extra.key, extra.owner) = (Some("nobodys".into()), water);
        extra.set(name, Value::text("Nobody's"));
        tx.put_row(&extra, None)?;
        tx.put_conflict(Scope { owner: water, compartment: 0 }, &foreign_item(key(8), water))?;
        tx.set_digest(Scope { owner: RecordId::GLOBAL, compartment: 0 }, Digest(5))?;
        // Under a pending edit: a wrong value, and a record that is gone.
        let mut wrong = tx.confirmed(key(1).0, key(1).1)?.unwrap().unwrap();
        wrong.set(name, Value::text("Rotten 1"));
        tx.put_confirmed(key(1).0, key(1).1, Some(&wrong))?;
        tx.put_confirmed(key(3).0, key(3).1, None)?;
        Ok(())
    })
    .await;
    // Changed values straight in the file: what the writer remembers of the row must not hide them.
    let sql = "UPDATE r_brand SET f_name = 'Rotten' WHERE key IN ('b0', 'b2')";
    assert_eq!(file(&world, &a).await.execute(sql, []).unwrap(), 2);
    let report = a.rpc("verify", json!({})).await;
    assert_eq!(report["equal_now"], true, "{report}");
    for (n, row) in before.iter().enumerate() {
        assert_eq!(confirmed(&a, key(n)).await, *row, "brand {n}");
    }
    assert_eq!(a.refused("get", json!({ "collection": "brand", "id": "nobodys" })).await, "not_found");
    // The pending edits stand, over the repaired records.
    assert_eq!(a.value("brand", "b1", "notes").await, "mine, unsent");
    assert_eq!(a.value("brand", "b1", "name").await, "Brand 1");
    assert_eq!(a.value("brand", "b3", "name").await, "Mine 3");
    assert_eq!(a.rpc("queue", json!({ "limit": 10 })).await["total"], 2);
    // Brands 0 to 4 and 6, the extra one, the item: eight rows differed, each counted once, whether this comparison found
    // them or one that a heartbeat caused a moment before. Then the figure follows exactly.
    let monitor = a.rpc("monitor", json!({})).await;
    assert_eq!(monitor["rows_different"], 8, "{report}");
    assert!(monitor["rows_compared"].as_u64().unwrap() >= compared + 42, "{monitor}");
    let accuracy = 1.0 - 8.0 / monitor["rows_compared"].as_f64().unwrap();
    assert_eq!(a.rpc("status", json!({})).await["accuracy"].as_f64(), Some(accuracy));
    a.verified().await;
    drop(release);
    a.idle().await;
    a.verified().await;
    // Accuracy outlives the app.
    a.app.shutdown().await;
    drop(a);
    let a = Laptop::open(&world.data("a"), false).await;
    let status = a.rpc("status", json!({})).await;
    let accuracy = status["accuracy"].as_f64().unwrap();
    assert!(accuracy < 1.0 && accuracy > 0.5, "{status}");
    assert_eq!(a.rpc("monitor", json!({})).await["rows_different"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_noticed_in_the_live_feed_is_repaired_without_a_new_copy() {
    let (world, a) = world().await;
    let b = world.laptop("b").await;
    let key = id("brand", "b5");
    plant(&a, move |tx| {
        let mut row = tx.row(key.0, key.1)?.unwrap();
        row.set(field("brand", "name"), Value::text("Rotten"));
        tx.put_row(&row, None)?;
        // As if the wrong value had come through the feed: the kept digest says so too.
        let scope = Scope { owner: row.owner, compartment: 0 };
        let sum = tx.read()?.recompute()?[&scope];
        tx.set_digest(scope, sum)?;
        Ok(())
    })
    .await;
    let copied = a.app.engine().await.unwrap().measures.traffic.copied.load(std::sync::atomic::Ordering::Relaxed);
    b.set("brand", "b7", json!({ "notes": "something new, so that the roots are compared" })).await;
    a.until("repaired", |s| s["accuracy"].as_f64().is_some_and(|n| n < 1.0)).await;
    assert_eq!(a.value("brand", "b5", "name").await, "Brand 5");
    a.verified().await;
    let traffic = a.app.engine().await.unwrap().measures.traffic.clone();
    assert_eq!(traffic.copied.load(std::sync::atomic::Ordering::Relaxed), copied, "no whole copy was fetched");
    assert_eq!(a.rpc("monitor", json!({})).await["rows_different"], 1);
}
