//! Batches.

use crate::kit::Replica;
use omni_agent::transfer::{BatchDone, BatchLine, batch};
use serde_json::{Value as Json, json};

fn lines(lines: &[Json]) -> Vec<BatchLine> {
    lines.iter().map(|l| serde_json::from_value(l.clone()).unwrap()).collect()
}

fn codes(done: &[BatchDone]) -> Vec<&str> {
    done.iter().map(|d| d.error.as_ref().map_or("", |e| e.code.as_str())).collect()
}

fn mixed() -> Vec<BatchLine> {
    lines(&[
        json!({"op": "create", "collection": "brand", "key": "a",
            "fields": {"name": "A", "sector": "north", "kind": "core", "tags": ["x"], "reviews": 2}}),
        json!({"op": "set", "collection": "brand", "id": "a", "fields": {"name": "A2", "tags": ["y"], "reviews": 5}}),
        json!({"op": "set", "collection": "brand", "id": "nobody", "fields": {"name": "N"}}),
        json!({"op": "set", "collection": "brand", "id": "a", "fields": {"name": "A2"}}),
        json!({"op": "do", "command": "brand.set_status", "args": {"brand": "a", "status": "Growing"}}),
        json!({"op": "do", "command": "brand.set_status", "args": {"brand": "a", "status": "Sleepy"}}),
        json!({"op": "create", "collection": "brand", "fields": {"name": "No key", "sector": "north", "kind": "core"}}),
        json!({"op": "delete", "collection": "sector", "id": "north"}),
        json!({"op": "delete", "collection": "sector", "id": "south"}),
        json!({"op": "paint"}),
        json!({"op": "set", "collection": 7}),
        json!({"op": "do", "command": "treaty.bind_clause", "args": {"clause": "c"}}),
        json!({"op": "set", "collection": "brand", "id": "a", "fields": {"colour": "red"}}),
    ])
}

#[test]
fn each_line_stands_on_its_own() {
    let replica = Replica::with_sectors();
    let done = batch(&replica.store, &mixed(), false, None).unwrap();
    let expected =
        ["", "", "not_found", "", "", "invalid", "", "in_use", "", "usage", "usage", "offline", "unknown_field"];
    assert_eq!(codes(&done), expected);
    let changed: Vec<bool> = done.iter().map(|d| d.change.is_some()).collect();
    let expected = [true, true, false, false, true, false, true, false, true, false, false, false, false];
    assert_eq!(changed, expected, "the fourth changes nothing");
    let row = replica.get("brand", "a");
    assert_eq!((row.named("name").as_text(), row.named("status").as_text()), (Some("A2"), Some("Growing")));
    assert_eq!((replica.value("brand", "a", "tags"), replica.value("brand", "a", "reviews")), ("y".into(), "5".into()));
    assert_eq!(replica.rows("sector").len(), 1);
    assert_eq!(done[0].id, Some(row.id.to_string()));
    let no_key = replica.rows("brand").into_iter().find(|r| r.key.is_none()).unwrap();
    assert_eq!((done[6].id.clone(), no_key.id.0.get_version_num()), (Some(no_key.id.to_string()), 7));
    let queue = replica.queue();
    assert_eq!(queue.len(), 2 + 5);
    assert!(queue.iter().skip(2).all(|e| e.change.priority == 2 && e.change.group.is_none()));
}

#[test]
fn a_group_is_all_or_nothing() {
    let replica = Replica::with_sectors();
    let done = batch(&replica.store, &mixed(), true, None).unwrap();
    assert_eq!(codes(&done)[..3], ["not_saved", "not_saved", "not_found"]);
    assert!(done.iter().all(|d| d.change.is_none() && d.error.is_some()));
    assert_eq!((replica.rows("brand").len(), replica.queue().len()), (0, 2));
    let good: Vec<BatchLine> =
        mixed().into_iter().enumerate().filter(|(n, _)| [0, 1, 3, 4, 6, 8].contains(n)).map(|(_, l)| l).collect();
    let done = batch(&replica.store, &good, true, Some(1)).unwrap();
    assert_eq!(codes(&done), [""; 6]);
    let queue = replica.queue();
    let members: Vec<(u32, u32)> =
        queue.iter().skip(2).map(|e| e.change.group.map(|g| (g.index, g.count)).unwrap()).collect();
    assert_eq!(members, [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5)]);
    assert!(queue.iter().skip(2).all(|e| e.change.priority == 1));
    assert_eq!(batch(&replica.store, &good, true, Some(4)).unwrap_err().code, "invalid");
}

#[test]
fn thousands_of_lines_are_saved_in_order() {
    let replica = Replica::with_sectors();
    let mut many = Vec::new();
    for n in 0..1_500 {
        let key = format!("b{}", n / 3);
        many.push(match n % 3 {
            0 => json!({"op": "create", "collection": "brand", "key": key,
                "fields": {"name": "B", "sector": "north", "kind": "core"}}),
            1 => json!({"op": "set", "collection": "brand", "id": key, "fields": {"position": n}}),
            _ => json!({"op": "set", "collection": "brand", "id": key, "fields": {"position": "x"}}),
        });
    }
    let done = batch(&replica.store, &lines(&many), false, Some(3)).unwrap();
    assert_eq!(done.iter().filter(|d| d.change.is_some()).count(), 1_000);
    assert_eq!(done.iter().filter(|d| d.error.is_some()).count(), 500);
    assert_eq!(replica.value("brand", "b499", "position"), "1498");
}
