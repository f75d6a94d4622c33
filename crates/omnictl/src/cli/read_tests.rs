use super::*;
use omni_protocol::rpc::FieldView;
use std::collections::BTreeMap;

fn view(name: &str, value: Json, state: &str) -> FieldView {
    FieldView {
        name: name.into(),
        confirmed: if state == "saved" { value.clone() } else { json!("before") },
        value,
        title: None,
        state: state.into(),
        saved_at: None,
    }
}

fn record() -> Record {
    Record {
        collection: "brand".into(),
        id: "0192".into(),
        key: Some("verdant".into()),
        title: "Verdant".into(),
        owner: None,
        seq: Some(7),
        state: "rejected".into(),
        fields: vec![
            view("name", json!("Verdant"), "saved"),
            view("status", json!("Growing"), "pending"),
            view("notes", json!("n"), "sending"),
            view("revenue", json!(12.5), "rejected"),
            view("website", json!(null), "saved"),
        ],
        recent: Vec::new(),
    }
}

#[test]
fn get_prints_the_keys_of_the_contract() {
    let out = one(&record());
    assert_eq!(out["id"], "0192");
    assert_eq!(out["fields"]["status"], "Growing");
    assert_eq!(out["fields"]["website"], Json::Null, "no value is a value to say");
    assert_eq!(out["state"], "rejected");
    assert_eq!(out["fields_pending"], json!(["status", "notes"]));
    assert_eq!(out["field_states"], json!({"status": "pending", "notes": "sending", "revenue": "rejected"}));
    assert_eq!(out["seq"], 7);
}

#[test]
fn people_read_what_waits_and_what_central_has() {
    let shown = record_text(&record());
    assert!(shown.starts_with("Verdant\nrecord  0192\n"), "{shown}");
    assert!(shown.contains("status   Growing  (pending; on central: before)"), "{shown}");
    assert!(shown.contains("website  –"), "{shown}");
    let mut fresh = record();
    fresh.seq = None;
    assert!(record_text(&fresh).contains("not on central yet"));
}

#[test]
fn a_list_shows_the_title_the_sorted_field_and_titles_of_links() {
    let row = RowView {
        id: "0192".into(),
        key: None,
        values: BTreeMap::from([
            ("name".into(), json!("Verdant")),
            ("sector".into(), json!("an-id")),
            ("employees".into(), json!(12)),
        ]),
        titles: BTreeMap::from([("sector".into(), "Agriculture".into())]),
        state: "pending".into(),
        pending: vec!["name".into()],
    };
    let shown = rows_text("brand", Some("-employees"), std::slice::from_ref(&row));
    let (header, line) = shown.split_once('\n').unwrap();
    assert!(header.starts_with("RECORD  NAME     EMPLOYEES") && header.ends_with("STATE"), "{header}");
    assert!(line.starts_with("0192    Verdant  12") && line.ends_with("pending"), "{line}");
    assert!(line.contains("Agriculture") && !line.contains("an-id"), "{line}");
    let out = listed(&row);
    assert_eq!((&out["fields"]["name"], &out["fields_pending"]), (&json!("Verdant"), &json!(["name"])));
}
