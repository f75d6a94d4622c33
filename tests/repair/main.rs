//! Differences planted in a real encrypted replica, as a failing disk or a bug would leave them, with pending edits on the
//! same records: all are located, repaired row by row, counted exactly, and no pending edit is touched.

#[path = "../laptops/kit.rs"]
#[allow(dead_code)]
mod kit;

use kit::{Laptop, World};
use omni_agent::keys::{KeyFile, KeysMode, Passphrase};
use omni_model::{CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{ConflictId, ConflictItem, Decided, Scope};
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use omni_sync::digest::Digest;
use omni_sync::replica::ReplicaTx;
use serde_json::{Value as Json, json};

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
    conn.execute_batch(&format!("PRAGMA key = \"x'{hex}'\";")).unwrap();
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

/// `verify` finds `different` rows among `compared`, repairs them all, and finds nothing the second time.
async fn finds(a: &Laptop, different: u64, scopes: usize) -> Json {
    let report = a.rpc("verify", json!({})).await;
    assert_eq!((&report["equal"], &report["equal_now"]), (&json!(false), &json!(true)), "{report}");
    assert_eq!((&report["different"], &report["repaired"]), (&json!(different), &json!(different)), "{report}");
    assert_eq!(report["differing"].as_array().unwrap().len(), scopes, "{report}");
    a.verified().await;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_difference_is_located_and_repaired_under_pending_edits() {
    let (world, a) = world().await;
    let water = RecordId::from_key("sector", "water");
    let name = field("brand", "name");
    // Pending edits on two of the records that will be damaged: sync is paused, so they stay pending.
    a.rpc("sync.pause", json!({})).await;
    a.set("brand", "b0", json!({ "notes": "mine, unsent" })).await;
    a.set("brand", "b3", json!({ "name": "Mine 3" })).await;
    a.rpc("sync.resume", json!({})).await;
    a.idle().await;
    let before: Vec<Option<Row>> = {
        let mut all = Vec::new();
        for n in 0..BRANDS {
            all.push(confirmed(&a, id("brand", &format!("b{n}"))).await);
        }
        all
    };
    let key = |n: usize| id("brand", &format!("b{n}"));
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
        Ok(())
    })
    .await;
    // Changed values straight in the file: what the writer remembers of the row must not hide them.
    let changed = file(&world, &a).await.execute("UPDATE brand SET name = 'Rotten' WHERE key IN ('b0', 'b2')", []).unwrap();
    assert_eq!(changed, 2);
    finds(&a, 6, 3).await;
    for (n, row) in before.iter().enumerate() {
        assert_eq!(confirmed(&a, key(n)).await, *row, "brand {n}");
    }
    assert_eq!(a.refused("get", json!({ "collection": "brand", "id": "nobodys" })).await, "not_found");
    let hits = a.rpc("search", json!({ "text": "Rotten", "limit": 5 })).await;
    assert_eq!(hits, json!([]), "the search index was repaired too");
    // 2 sectors, 40 brands, the extra row, the item, and the missing one: 45 rows, 6 of them different.
    let monitor = a.rpc("monitor", json!({})).await;
    assert_eq!(monitor["rows_different"], 6);
}
