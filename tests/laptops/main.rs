//! Two laptops and a central: the whole path in one process, with real files and real sockets.

mod http_only;
mod kit;
mod ledger;
mod newer;

use kit::{Laptop, World, field_of, start_code};
use omni_central::Role;
use omni_model::RecordId;
use omni_protocol::Grants;
use serde_json::json;

async fn world_with_brand() -> (World, Laptop, Laptop) {
    let world = World::start().await;
    let (a, b) = (world.laptop("a").await, world.laptop("b").await);
    a.create("sector", "agriculture", json!({ "name": "Agriculture" })).await;
    a.create("brand", "greenfield", json!({ "name": "Greenfield", "sector": "agriculture", "kind": "core" })).await;
    a.idle().await;
    b.until("the brand arrives", |s| s["rows"] == 2).await;
    (world, a, b)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_made_offline_arrives_on_the_other_laptop_when_central_is_back() {
    let (mut world, a, b) = world_with_brand().await;
    world.stop_central().await;
    a.until("a notices", |s| s["state"] == "central_unreachable").await;
    b.until("b notices", |s| s["state"] == "central_unreachable").await;
    a.set("brand", "greenfield", json!({ "name": "Greenfield Farms" })).await;
    b.set("brand", "greenfield", json!({ "notes": "call in spring" })).await;
    b.create("brand", "meadow", json!({ "name": "Meadow", "sector": "agriculture", "kind": "core" })).await;
    let record = a.rpc("get", json!({ "collection": "brand", "id": "greenfield" })).await;
    assert_eq!(field_of(&record, "name")["state"], "pending");
    assert_eq!(field_of(&record, "name")["confirmed"], "Greenfield");
    assert_eq!(record["state"], "pending");
    world.start_central().await;
    for laptop in [&a, &b] {
        laptop.rpc("sync.now", json!({})).await;
        laptop.idle().await;
    }
    a.idle().await;
    for laptop in [&a, &b] {
        assert_eq!(laptop.value("brand", "greenfield", "name").await, "Greenfield Farms");
        assert_eq!(laptop.value("brand", "greenfield", "notes").await, "call in spring");
        assert_eq!(laptop.value("brand", "meadow", "name").await, "Meadow");
        let status = laptop.rpc("status", json!({})).await;
        assert_eq!((&status["queued"], &status["sending"]), (&json!(0), &json!(0)));
        laptop.verified().await;
    }
    let status = a.until("green", |s| s["state"] == "in_sync").await;
    assert_eq!(status["accuracy"], 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_laptop_gets_the_whole_copy_and_only_its_scopes() {
    let (world, a, _b) = world_with_brand().await;
    a.create("sector", "mining", json!({ "name": "Mining" })).await;
    a.create("brand", "deep", json!({ "name": "Deep", "sector": "mining", "kind": "core" })).await;
    a.idle().await;
    let mining = Grants::owners(vec![RecordId::from_key("sector", "mining")]);
    let c = world.laptop_with("c", Role::Operator, mining).await;
    assert_eq!(c.value("brand", "deep", "name").await, "Deep");
    assert_eq!(c.refused("get", json!({ "collection": "brand", "id": "greenfield" })).await, "not_found");
    c.verified().await;
    let d = world.laptop("d").await;
    assert_eq!(d.rpc("count", json!({ "collection": "brand" })).await["count"], 2);
    let hits = d.rpc("search", json!({ "text": "greenfeild", "limit": 5 })).await;
    assert_eq!(hits[0]["title"], "Greenfield", "typing errors are forgiven: {hits}");
    d.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_survives_a_restart_and_a_wrong_passphrase_opens_nothing() {
    let (mut world, a, _b) = world_with_brand().await;
    world.stop_central().await;
    a.set("brand", "greenfield", json!({ "name": "Kept" })).await;
    a.app.shutdown().await;
    let data = world.data("a");
    drop(a);
    assert_eq!(start_code(&data, "not the passphrase").await, "wrong_passphrase");
    let a = Laptop::open(&data, true).await;
    let queue = a.rpc("queue", json!({ "limit": 10 })).await;
    assert_eq!(queue["total"], 1);
    assert_eq!(queue["rows"][0]["summary"], "Change name");
    assert_eq!(queue["rows"][0]["fields"][0], json!({ "name": "name", "before": "Greenfield", "after": "Kept" }));
    world.start_central().await;
    a.idle().await;
    assert_eq!(a.value("brand", "greenfield", "name").await, "Kept");
    a.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_changes_can_be_edited_discarded_and_restored() {
    let (mut world, a, b) = world_with_brand().await;
    world.stop_central().await;
    let made = a.set("brand", "greenfield", json!({ "name": "First" })).await;
    let edited = a.rpc("queue.edit", json!({ "change": made["change"], "fields": { "name": "Second" } })).await;
    assert_ne!(made["change"], edited["change"], "an edited change has a new id");
    assert_eq!(a.value("brand", "greenfield", "name").await, "Second");
    a.rpc("queue.discard", json!({ "change": edited["change"] })).await;
    assert_eq!(a.value("brand", "greenfield", "name").await, "Greenfield");
    assert_eq!(a.rpc("queue", json!({ "limit": 10 })).await["total"], 0);
    assert_eq!(a.rpc("queue", json!({ "state": "discarded", "limit": 10 })).await["total"], 1);
    a.rpc("queue.restore", json!({ "change": edited["change"] })).await;
    assert_eq!(a.value("brand", "greenfield", "name").await, "Second");
    world.start_central().await;
    a.idle().await;
    b.idle().await;
    assert_eq!(b.value("brand", "greenfield", "name").await, "Second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_over_a_restart_and_ends_by_sync_now() {
    let (world, a, b) = world_with_brand().await;
    a.rpc("sync.pause", json!({})).await;
    a.until("paused", |s| s["state"] == "paused").await;
    a.set("brand", "greenfield", json!({ "name": "Later" })).await;
    a.app.shutdown().await;
    drop(a);
    let a = Laptop::open(&world.data("a"), true).await;
    let status = a.rpc("status", json!({})).await;
    assert_eq!((status["state"].as_str(), status["queued"].as_u64()), (Some("paused"), Some(1)));
    a.rpc("sync.now", json!({})).await;
    a.idle().await;
    b.idle().await;
    assert_eq!(b.value("brand", "greenfield", "name").await, "Later");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_owns_a_folder_and_others_hand_their_commands_over() {
    let (world, a, _b) = world_with_brand().await;
    let data = world.data("a");
    let second = Laptop::try_open(&data, false, "correct horse battery").await;
    assert_eq!(second.err().map(|e| e.code).as_deref(), Some("busy"));
    let args = json!({ "collection": "brand", "id": "greenfield", "texts": { "name": "From outside" } });
    let made = omni_agent::handover::call(&data, "edit", &args).await.unwrap().expect("somebody owns the folder");
    assert!(made["change"].is_string());
    assert_eq!(a.value("brand", "greenfield", "name").await, "From outside");
    let wrong = omni_agent::handover::call(&data, "edit", &json!({ "collection": "nonsense" })).await;
    assert_eq!(wrong.err().map(|e| e.code).as_deref(), Some("unknown_collection"));
    assert_eq!(omni_agent::handover::call(&world.data("nobody"), "status", &json!({})).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_told_and_keeps_its_work() {
    let (world, a, _b) = world_with_brand().await;
    let central = world.central.as_ref().unwrap();
    let device = central.core().access().directory(0)[0].device.to_string();
    // As an administrator beside the running central does.
    omni_central::admin::revoke(&central.core().folder, &*central.core().storage, &device).unwrap();
    a.until("removed", |s| s["state"] == "device_removed").await;
    a.set("brand", "greenfield", json!({ "name": "Still here" })).await;
    assert_eq!(a.value("brand", "greenfield", "name").await, "Still here");
}
