//! Laptops of this version with a central that serves newer ones too: what they do not know is kept aside and counted,
//! their queue drains, their copies stay equal to central's.

use super::kit::{Laptop, World};
use omni_central::writer::Admit;
use omni_model::{RecordId, Value, schema};
use omni_protocol::{Batch, ChangeId, DeviceId, Entry, ReplicaId};
use omni_sync::central::{Admitted, CentralTx, Sender, admit_batch};
use omni_testkit::sim::newer::{Author, FUTURE_COLLECTION, write_newer};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// The real merge. After each change a newer laptop writes what these do not know, to the same brand and to a record of
/// its own.
fn with_newer_laptop() -> Arc<Admit> {
    Arc::new(|tx: &mut dyn CentralTx, sender: &Sender, batch: &Batch| {
        let mut admitted = admit_batch(tx, sender, batch)?;
        let Admitted::Done { commits, .. } = &mut admitted else { return Ok(admitted) };
        let changes = batch.entries.iter().filter(|e| matches!(e, Entry::Change(_))).count() as u64;
        let brand = (schema::by_name("brand").unwrap().id, RecordId::from_key("brand", "greenfield"));
        let future = (FUTURE_COLLECTION, RecordId::from_key("future", "f"));
        for (n, key) in [brand, future].into_iter().enumerate() {
            let turn = u128::from(batch.first) * 2 + n as u128;
            let author = Author {
                change: ChangeId(Uuid::from_u128(0xf00d_0000 + turn)),
                replica: ReplicaId(Uuid::from_u128(0xbeef_0000 + turn)),
                device: DeviceId(Uuid::from_u128(0xcafe)),
                at_ms: sender.now_ms,
            };
            let value = Value::Int(i64::try_from(batch.first + changes).unwrap_or(0));
            commits.extend(write_newer(tx, key, &value, &author)?);
        }
        Ok(admitted)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_app_keeps_what_it_does_not_know_and_its_queue_drains() {
    let mut world = World::start().await;
    let (a, b) = (world.laptop("a").await, world.laptop("b").await);
    a.create("sector", "agriculture", json!({ "name": "Agriculture" })).await;
    a.create("brand", "greenfield", json!({ "name": "Greenfield", "sector": "agriculture", "kind": "core" })).await;
    a.idle().await;
    b.until("the brand arrives", |s| s["rows"] == 2).await;
    world.stop_central().await;
    a.set("brand", "greenfield", json!({ "name": "From a" })).await;
    b.set("brand", "greenfield", json!({ "notes": "from b" })).await;

    world.admit = Some(with_newer_laptop());
    world.start_central().await;
    for laptop in [&a, &b] {
        laptop.rpc("sync.now", json!({})).await;
        laptop.idle().await;
    }
    let head = *world.central.as_ref().unwrap().core().hints.head().borrow();
    assert!(head >= 8, "the newer laptop wrote too: {head}");
    for laptop in [&a, &b] {
        laptop.until("at the head", |s| s["cursor"] == head && s["queued"] == 0 && s["sending"] == 0).await;
        assert_eq!(laptop.value("brand", "greenfield", "name").await, "From a");
        assert_eq!(laptop.value("brand", "greenfield", "notes").await, "from b");
        laptop.verified().await;
    }

    // A first copy brings it too, a restart keeps it, and the record stays editable.
    let c = world.laptop("c").await;
    c.verified().await;
    a.app.shutdown().await;
    drop(a);
    let a = Laptop::open(&world.data("a"), true).await;
    a.set("brand", "greenfield", json!({ "name": "Edited over it" })).await;
    a.idle().await;
    c.idle().await;
    for laptop in [&a, &c] {
        laptop.until("the edit is here", |s| s["state"] == "in_sync").await;
        laptop.verified().await;
    }
    assert_eq!(a.value("brand", "greenfield", "name").await, "Edited over it");
}
