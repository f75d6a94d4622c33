//! History, earlier times, undo and rollback: laptops as processes, a central in this one.

use crate::kit::{Laptop, Site, has_keys};
use serde_json::{Value as Json, json};

const HISTORY_KEYS: &[&str] = &["seq", "change", "at", "by", "device", "command", "kind", "rule", "fields", "group"];

/// A sector and a brand, known to both laptops.
async fn two_with_a_brand(site: &Site) -> (Laptop, Laptop) {
    let (a, b) = (site.laptop("ada").await, site.laptop("ben").await);
    a.json(&["create", "sector", "name=Agriculture", "--key", "agriculture"]).await.ok();
    a.json(&["create", "brand", "name=Verdant", "sector=agriculture", "kind=core", "--key", "verdant"]).await.ok();
    a.sync().await;
    b.sync().await;
    (a, b)
}

async fn value(laptop: &Laptop, field: &str) -> Json {
    laptop.json(&["get", "brand", "verdant"]).await.ok()["fields"][field].clone()
}

fn change(made: &Json) -> &str {
    made["change"].as_str().unwrap_or_else(|| panic!("{made}"))
}

async fn exchange(laptops: &[&Laptop]) {
    for _ in 0..2 {
        for laptop in laptops {
            laptop.sync().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_says_who_when_before_and_after() {
    let mut site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    let set = a.json(&["set", "brand", "verdant", "employees=12", "tags+=organic"]).await.ok();
    a.sync().await;
    b.sync().await;
    // Any command that reaches central may send the edit.
    site.stop_central().await;
    b.json(&["set", "brand", "verdant", "employees=20"]).await.ok();
    let here = b.json(&["history", "brand", "verdant"]).await.ok_lines();
    site.start_central().await;
    b.sync().await;
    let lines = b.json(&["history", "brand", "verdant"]).await.ok_lines();
    here.iter().chain(&lines).for_each(|l| has_keys(l, HISTORY_KEYS));
    assert_eq!((here.len(), lines.len()), (2, 3), "{here:?} {lines:?}");
    let field = |line: &Json, name: &str| {
        let all = line["fields"].as_array().unwrap();
        all.iter().find(|f| f["name"] == name).map(|f| (f["before"].clone(), f["after"].clone()))
    };
    // Own, not sent yet.
    assert_eq!((&here[0]["seq"], &here[0]["kind"]), (&Json::Null, &json!("pending")));
    assert_eq!(field(&here[0], "employees"), Some((json!(12), json!(20))));
    assert_eq!(here[1], lines[1], "what is held here needs nobody");
    // Own, sent.
    assert_eq!((&lines[0]["by"], &lines[0]["kind"]), (&json!("ben"), &json!("changed")));
    assert_eq!(field(&lines[0], "employees"), Some((json!(12), json!(20))));
    // Another's.
    assert_eq!((&lines[1]["by"], &lines[1]["device"]), (&json!("ada"), &json!("ada")));
    assert_eq!((&lines[1]["kind"], &lines[1]["command"]), (&json!("changed"), &json!("edit")));
    assert_eq!(lines[1]["change"], set["change"]);
    assert!(lines[1]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(field(&lines[1], "employees"), Some((Json::Null, json!(12))));
    assert_eq!(field(&lines[1], "tags"), Some((Json::Null, json!(["organic"]))));
    assert_eq!(lines[2]["kind"], "created");
    assert_eq!(field(&lines[2], "name"), Some((Json::Null, json!("Verdant"))));

    // A laptop that joins later asks central for what it does not hold.
    let c = site.laptop("cy").await;
    c.sync().await;
    let theirs = c.json(&["history", "brand", "verdant"]).await.ok_lines();
    assert_eq!(theirs, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_read_as_it_was() {
    let mut site = Site::start().await;
    let (a, _b) = two_with_a_brand(&site).await;
    let made = a.json(&["history", "brand", "verdant"]).await.ok_lines()[0]["seq"].as_u64().unwrap();
    a.json(&["set", "brand", "verdant", "employees=12", "name=Greener"]).await.ok();
    a.sync().await;
    a.json(&["delete", "brand", "verdant"]).await.ok();
    a.sync().await;
    let lines = a.json(&["history", "brand", "verdant"]).await.ok_lines();
    assert_eq!(lines.iter().map(|l| l["kind"].clone()).collect::<Vec<_>>(), ["deleted", "changed", "created"]);
    let late = site.laptop("cy").await;
    late.sync().await;

    for laptop in [&a, &late] {
        let at = async |at: &str| laptop.json(&["as-of", at, "get", "brand", "verdant"]).await.ok();
        let before = at(&made.to_string()).await;
        assert_eq!((&before["existed"], &before["seq"]), (&json!(true), &json!(made)), "{before}");
        assert_eq!((&before["fields"]["name"], &before["fields"]["employees"]), (&json!("Verdant"), &Json::Null));
        let edited = at(&lines[1]["seq"].to_string()).await;
        assert_eq!((&edited["fields"]["name"], &edited["fields"]["employees"]), (&json!("Greener"), &json!(12)));
        assert_eq!(at(&(made - 1).to_string()).await["existed"], false);
        assert_eq!(at(lines[1]["at"].as_str().unwrap()).await["fields"], edited["fields"]);
        assert_eq!(at("2001-01-01T00:00:00Z").await["existed"], false);
        let gone = at(&lines[0]["seq"].to_string()).await;
        assert_eq!(gone["existed"], false);
    }
    assert_eq!(a.json(&["as-of", "1000000", "get", "brand", "verdant"]).await.error(1), "invalid");
    assert_eq!(a.json(&["as-of", "yesterday", "get", "brand", "verdant"]).await.error(1), "invalid");
    // What this laptop holds needs nobody; what it does not hold needs central.
    site.stop_central().await;
    let here = a.json(&["as-of", &made.to_string(), "get", "brand", "verdant"]).await.ok();
    assert_eq!(here["fields"]["name"], "Verdant");
    assert_eq!(late.json(&["as-of", &made.to_string(), "get", "brand", "verdant"]).await.error(1), "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_and_redo_go_on_after_a_restart() {
    let site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    a.json(&["set", "brand", "verdant", "employees=12"]).await.ok();
    a.sync().await;
    a.json(&["set", "brand", "verdant", "employees=13"]).await.ok();
    // Each command is a process of its own. What was not sent leaves the queue, what was is taken back by a new change.
    let unsent = a.json(&["undo", "--last"]).await.ok();
    assert_eq!((&unsent["change"], value(&a, "employees").await), (&Json::Null, json!(12)));
    let undone = a.json(&["undo", "--last"]).await.ok();
    assert!(undone["change"].is_string(), "{undone}");
    assert_eq!(value(&a, "employees").await, Json::Null, "shown at once");
    exchange(&[&a, &b]).await;
    assert_eq!((value(&a, "employees").await, value(&b, "employees").await), (Json::Null, Json::Null));
    let last = a.json(&["history", "brand", "verdant"]).await.ok_lines().remove(0);
    assert_eq!((&last["command"], &last["change"]), (&json!("undo"), &undone["change"]));

    a.json(&["redo"]).await.ok();
    assert_eq!(value(&a, "employees").await, json!(12));
    exchange(&[&a, &b]).await;
    assert_eq!(value(&b, "employees").await, json!(12));
    a.json(&["redo"]).await.ok();
    assert_eq!(value(&a, "employees").await, json!(13));
    assert_eq!(a.json(&["redo"]).await.error(1), "nothing_to_redo");
    exchange(&[&a, &b]).await;
    assert_eq!(value(&b, "employees").await, json!(13));
    for laptop in [&a, &b] {
        assert_eq!(laptop.json(&["verify"]).await.ok()["equal"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_takes_back_creating_and_deleting_and_leaves_what_others_did() {
    let site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    let made = a.json(&["create", "brand", "name=Sown", "sector=agriculture", "kind=core", "--key", "sown"]).await.ok();
    let deleted = a.json(&["delete", "brand", "verdant"]).await.ok();
    exchange(&[&a, &b]).await;
    a.json(&["undo", change(&made)]).await.ok();
    a.json(&["undo", change(&deleted)]).await.ok();
    assert_eq!(a.json(&["get", "brand", "sown"]).await.error(1), "not_found");
    assert_eq!(value(&a, "name").await, "Verdant");
    exchange(&[&a, &b]).await;
    for laptop in [&a, &b] {
        assert_eq!(laptop.json(&["get", "brand", "sown"]).await.error(1), "not_found");
        let back = laptop.json(&["get", "brand", "verdant"]).await.ok();
        assert_eq!(
            (&back["fields"]["name"], &back["key"], &back["state"]),
            (&json!("Verdant"), &json!("verdant"), &json!("saved"))
        );
    }

    // Counters subtract; a field somebody wrote since stays.
    let mine = a.json(&["set", "brand", "verdant", "employees=12", "reviews+=5"]).await.ok();
    exchange(&[&a, &b]).await;
    b.json(&["set", "brand", "verdant", "employees=30", "reviews+=2"]).await.ok();
    exchange(&[&b, &a]).await;
    let lines = a.json(&["undo", change(&mine), "--preview"]).await.ok_lines();
    let of = |name: &str| lines.iter().find(|l| l["field"] == name).unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!((&of("employees")["later"], &of("employees")["later_by"]), (&json!(true), &json!("ben (ben)")));
    assert_eq!(
        (&of("reviews")["now"], &of("reviews")["then"], &of("reviews")["later"]),
        (&json!(7), &json!(2), &json!(false))
    );
    a.json(&["undo", change(&mine)]).await.ok();
    exchange(&[&a, &b]).await;
    for laptop in [&a, &b] {
        assert_eq!((value(laptop, "employees").await, value(laptop, "reviews").await), (json!(30), json!(2)));
        assert_eq!(laptop.json(&["verify"]).await.ok()["equal"], true);
    }
    // Nothing of this one can go back.
    let name = a.json(&["set", "brand", "verdant", "name=A"]).await.ok();
    exchange(&[&a, &b]).await;
    b.json(&["set", "brand", "verdant", "name=B"]).await.ok();
    exchange(&[&b, &a]).await;
    assert_eq!(a.json(&["undo", change(&name)]).await.error(1), "offered");
    assert_eq!(a.json(&["undo", "0192"]).await.error(1), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_back_to_a_commit() {
    let site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    a.json(&["set", "brand", "verdant", "employees=12", "tags=x,y", "vault_mesh_id=old", "notes=old text"]).await.ok();
    a.sync().await;
    let to = a.json(&["history", "brand", "verdant"]).await.ok_lines()[0]["seq"].to_string();
    a.json(&[
        "set",
        "brand",
        "verdant",
        "employees=13",
        "tags+=z",
        "vault_mesh_id=new",
        "notes=new text",
        "reviews+=3",
    ])
    .await
    .ok();
    exchange(&[&a, &b]).await;
    b.json(&["set", "brand", "verdant", "name=Bens"]).await.ok();
    exchange(&[&b, &a]).await;

    let lines = a.json(&["rollback", "brand", "verdant", "--to", &to, "--preview"]).await.ok_lines();
    let later: Vec<_> = lines.iter().filter(|l| l["later"] == true).collect();
    assert_eq!((lines.len(), later.len()), (6, 1), "{lines:?}");
    assert_eq!(
        (&later[0]["field"], &later[0]["now"], &later[0]["then"]),
        (&json!("name"), &json!("Bens"), &json!("Verdant"))
    );
    let done = a.json(&["rollback", "brand", "verdant", "--to", &to]).await.ok();
    assert_eq!(done["left"], 1, "{done}");
    exchange(&[&a, &b]).await;
    for laptop in [&a, &b] {
        let f = laptop.json(&["get", "brand", "verdant"]).await.ok()["fields"].clone();
        assert_eq!(
            (&f["employees"], &f["tags"], &f["vault_mesh_id"], &f["name"]),
            (&json!(12), &json!(["x", "y"]), &json!("old"), &json!("Bens"))
        );
        assert_eq!((&f["reviews"], &f["notes"]), (&json!(0), &json!("old text")));
    }
    let address = later[0]["address"].as_str().unwrap();
    a.json(&["rollback", "brand", "verdant", "--to", &to, "--also", address]).await.ok();
    exchange(&[&a, &b]).await;
    assert_eq!(value(&b, "name").await, "Verdant");
    // What was deleted comes back, what did not exist goes.
    a.json(&["delete", "brand", "verdant"]).await.ok();
    a.sync().await;
    a.json(&["rollback", "brand", "verdant", "--to", &to]).await.ok();
    exchange(&[&a, &b]).await;
    assert_eq!(value(&b, "employees").await, json!(12));
    assert_eq!(a.json(&["rollback", "brand", "verdant", "--to", "soon"]).await.error(2), "usage");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_did_in_a_window_goes_back() {
    let site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    a.json(&["set", "brand", "verdant", "employees=12"]).await.ok();
    a.sync().await;
    let before = a.json(&["history", "brand", "verdant"]).await.ok_lines()[0]["at"].as_str().unwrap().to_owned();
    b.sync().await;
    // Ben's bad hour: two edits of one field, another field, a new record.
    b.json(&["set", "brand", "verdant", "employees=13", "name=Wrong"]).await.ok();
    b.sync().await;
    b.json(&["set", "brand", "verdant", "employees=14", "origin=sample"]).await.ok();
    b.json(&["create", "brand", "name=Junk", "sector=agriculture", "kind=core", "--key", "junk"]).await.ok();
    exchange(&[&b, &a]).await;
    let upto = b.json(&["history", "brand", "junk"]).await.ok_lines()[0]["at"].as_str().unwrap().to_owned();
    // Ada worked on afterwards.
    a.json(&["set", "brand", "verdant", "name=Right"]).await.ok();
    exchange(&[&a, &b]).await;

    let window = ["rollback", "--device", "ben", "--from", &before, "--to", &upto];
    let lines = a.json(&[&window[..], &["--preview"]].concat()).await.ok_lines();
    let of = |field: &str| lines.iter().find(|l| l["field"] == field).unwrap_or_else(|| panic!("{field}: {lines:?}"));
    assert_eq!((&of("employees")["now"], &of("employees")["then"]), (&json!(14), &json!(12)));
    assert_eq!((&of("name")["later"], &of("name")["later_by"]), (&json!(true), &json!("ada (ada)")));
    assert_eq!((&of("*")["title"], &of("*")["then"]), (&json!("Junk"), &Json::Null));
    let done = a.json(&window).await.ok();
    assert_eq!((done["left"].clone(), done["changes"].as_array().unwrap().len()), (json!(1), 2), "{done}");
    assert!(done["group"].is_string(), "several are one act: {done}");
    exchange(&[&a, &b]).await;
    for laptop in [&a, &b] {
        assert_eq!((value(laptop, "employees").await, value(laptop, "name").await), (json!(12), json!("Right")));
        assert_eq!(laptop.json(&["get", "brand", "junk"]).await.error(1), "not_found");
        assert_eq!(laptop.json(&["verify"]).await.ok()["equal"], true);
    }
    // The whole act is one undo.
    a.json(&["undo", "--last"]).await.ok();
    exchange(&[&a, &b]).await;
    assert_eq!(value(&b, "employees").await, json!(14));
    assert_eq!(b.json(&["get", "brand", "junk"]).await.ok()["fields"]["name"], "Junk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_another_laptop_is_rolled_back_by_its_id() {
    let site = Site::start().await;
    let (a, b) = two_with_a_brand(&site).await;
    let junk = json!({"name": "Junk", "sector": "agriculture", "kind": "core"});
    let lines = [
        json!({"op": "set", "collection": "brand", "id": "verdant", "fields": {"employees": 13, "name": "Wrong"}}),
        json!({"op": "create", "collection": "brand", "key": "junk", "fields": junk}),
    ];
    let file = site.dir.path().join("group");
    std::fs::write(&file, lines.map(|l| l.to_string()).join("\n")).unwrap();
    assert_eq!(b.json(&["batch", file.to_str().unwrap(), "--group"]).await.ok_lines().len(), 2);
    exchange(&[&b, &a]).await;
    a.json(&["set", "brand", "verdant", "name=Right"]).await.ok();
    exchange(&[&a, &b]).await;

    // Every laptop sees which changes were one act, and takes them back as one.
    let history = |line: &Json| line["group"].as_str().map(str::to_owned);
    let of_brand = a.json(&["history", "brand", "verdant"]).await.ok_lines();
    let of_junk = a.json(&["history", "brand", "junk"]).await.ok_lines();
    let group = history(&of_junk[0]).unwrap_or_else(|| panic!("{of_junk:?}"));
    assert_eq!((history(&of_brand[0]), history(&of_brand[1])), (None, Some(group.clone())), "{of_brand:?}");
    let shown = a.json(&["rollback", "--group", &group, "--preview"]).await.ok_lines();
    let of = |field: &str| shown.iter().find(|l| l["field"] == field).unwrap_or_else(|| panic!("{field}: {shown:?}"));
    assert_eq!((&of("name")["later"], &of("employees")["later"]), (&json!(true), &json!(false)));
    let done = a.json(&["rollback", "--group", &group]).await.ok();
    assert_eq!(done["left"], 1, "{done}");
    exchange(&[&a, &b]).await;
    for laptop in [&a, &b] {
        assert_eq!((value(laptop, "employees").await, value(laptop, "name").await), (Json::Null, json!("Right")));
        assert_eq!(laptop.json(&["get", "brand", "junk"]).await.error(1), "not_found");
        assert_eq!(laptop.json(&["verify"]).await.ok()["equal"], true);
    }
    let nobodys = "00000000-0000-4000-8000-000000000000";
    assert_eq!(a.json(&["rollback", "--group", nobodys]).await.error(1), "not_found");
}
