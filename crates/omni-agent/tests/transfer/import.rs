//! What an import makes of a file.

use crate::kit::{Dice, Replica, brands_csv};
use omni_agent::transfer::ImportOptions;
use std::collections::BTreeSet;

#[test]
fn a_dry_run_equals_the_real_one_and_a_second_import_changes_nothing() {
    let replica = Replica::with_sectors();
    let file = brands_csv(40);
    let done = replica.import_twice_over("brand", "b.csv", &file, false);
    assert_eq!((done.rows, done.created, done.updated, done.unchanged), (120, 120, 0, 0));
    assert_eq!(done.errors, []);
    assert!(done.notes.iter().any(|n| n.contains("payout_tier as tier")), "{:?}", done.notes);
    let again = replica.import_twice_over("brand", "b.csv", &file, false);
    assert_eq!((again.created, again.updated, again.unchanged, &again.group), (0, 0, 120, &None));
    assert_eq!(replica.queue().len(), 122);
}

#[test]
fn repeated_names_and_keys_survive_and_parents_may_come_later() {
    let replica = Replica::with_sectors();
    replica.import("brand", "b.csv", brands_csv(6)).unwrap();
    let rows = replica.rows("brand");
    let named: Vec<_> = rows.iter().filter(|r| r.named("name").as_text() == Some("B Vault™")).collect();
    assert_eq!(named.len(), 6);
    let child = replica.get("brand", "south-b3-1");
    assert_eq!(child.named("parent").as_id(), Some(replica.get("brand", "south-b3").id));
    assert_eq!(child.owner, replica.get("sector", "south").id);
    assert_eq!(replica.value("brand", "south-b3", "duplicate_name"), "true");
    assert_eq!(replica.value("brand", "south-b3-0", "vault_mesh_id"), "");
}

#[test]
fn all_changes_are_one_group_of_bulk_priority_with_their_own_ids() {
    let replica = Replica::with_sectors();
    let report = replica.import("brand", "b.csv", brands_csv(10)).unwrap();
    let members: Vec<_> =
        replica.queue().into_iter().map(|e| e.change).filter(|c| c.ops[0].record().0.0 == 2).collect();
    let groups: BTreeSet<String> = members.iter().map(|c| c.group.unwrap().id.to_string()).collect();
    assert_eq!(groups.into_iter().collect::<Vec<_>>(), [report.group.unwrap()]);
    let places: Vec<u32> = members.iter().map(|c| c.group.unwrap().index).collect();
    assert_eq!(places, (0..30).collect::<Vec<u32>>());
    assert!(members.iter().all(|c| c.priority == 3 && c.group.unwrap().count == 30));
    assert!(members.iter().all(|c| c.id.0.get_version_num() == 7));
    assert_eq!(members.iter().map(|c| c.id).collect::<BTreeSet<_>>().len(), 30);
}

#[test]
fn only_what_differs_is_written() {
    let replica = Replica::with_sectors();
    replica
        .import("brand", "b.csv", "key,name,sector,kind,tags,reviews,notes,last_review\nx,X,north,core,a;b,4,old,50\n")
        .unwrap();
    let report = replica.import_twice_over(
        "brand",
        "b.csv",
        "key,name,sector,kind,tags,reviews,notes,last_review\nx,X,north,core,b;c,6,,40\ny,Y,south,core,,,,\n",
        false,
    );
    assert_eq!((report.created, report.updated, report.unchanged), (1, 1, 0));
    let ops: Vec<String> = replica.queue().iter().rev().take(2).map(|e| format!("{:?}", e.change.ops)).collect();
    let update = ops.iter().find(|o| !o.contains("Insert")).unwrap();
    assert!(update.contains("Include") && update.contains("Exclude") && update.contains("by: 2"), "{update}");
    assert!(!update.contains("Text(\"X\")"), "{update}");
    assert!(update.contains("Text {"), "notes are written as what was typed: {update}");
    assert_eq!(replica.value("brand", "x", "tags"), "b;c");
    assert_eq!(replica.value("brand", "x", "reviews"), "6");
    assert_eq!(replica.value("brand", "x", "notes"), "");
    assert_eq!(replica.value("brand", "x", "last_review"), "50", "it only grows");
    // A column that is not there leaves its field alone.
    let report = replica.import("brand", "b.csv", "id,name\nx,X2\n").unwrap();
    assert_eq!((report.updated, replica.value("brand", "x", "tags")), (1, "b;c".to_owned()));
}

/// A text that may have moved under an own waiting edit is written whole, so it fills its change; other texts are not.
#[test]
fn a_trial_knows_what_waits_in_the_queue() {
    let replica = Replica::with_sectors();
    let notes = "word ".repeat(11_900) + "end";
    let file = format!("key,name,sector,kind,notes\nx,X,north,core,{notes}\n");
    replica.import("brand", "b.csv", file).unwrap();
    let tags: Vec<String> = (0..8).map(|n| n.to_string().repeat(900)).collect();
    let file = format!("key,notes,tags\nx,{notes} again,{}\n", tags.join(";"));
    replica.moves_on();
    let report = replica.import_twice_over("brand", "b.csv", &file, false);
    assert_eq!((report.updated, report.errors.len()), (0, 1));
    assert!(report.errors[0].message.contains("larger than"), "{:?}", report.errors);
    // Confirmed, nothing waits: what is added to the text is a few words.
    replica.confirms_its_queue();
    let report = replica.import_twice_over("brand", "b.csv", &file, false);
    assert_eq!((report.updated, report.errors.len()), (1, 0), "{:?}", report.errors);
}

const BAD: &str = "key,name,sector,kind,parent,position,status\n\
    good,Good,north,core,,1,Active\n\
    a,,nowhere,core,,x,Sleepy\n\
    ,Nameless key,north,core,,,\n\
    b,B,north,subnode,,,\n\
    c,C,north,core,good,,\n\
    good,Again,north,core,,,\n\
    d,D,north,subnode,a,,\n\
    e,E,north,subnode,f,,\n\
    f,F,north,subnode,e,,\n\
    g,G,north,subnode,good,7,Stable\n";

#[test]
fn every_bad_row_is_named_at_once_and_nothing_is_applied() {
    let replica = Replica::with_sectors();
    let report = replica.import_twice_over("brand", "b.csv", BAD, false);
    let found: Vec<(u64, &str)> = report.errors.iter().map(|e| (e.row, e.field.as_str())).collect();
    let expected = [
        (2, "position"),
        (2, "status"),
        (2, "name"),
        (2, "sector"),
        (3, "key"),
        (4, "parent"),
        (5, "parent"),
        (6, "key"),
        (7, "parent"),
        (8, "parent"),
        (9, "parent"),
    ];
    assert_eq!(found, expected);
    assert_eq!(report.errors[3].message, "There is no sector “nowhere”.");
    assert_eq!(report.errors[7].message, "Row 1 is the same record. A key stands once in a file.");
    assert_eq!(report.errors[8].message, "Row 2, which it refers to, has errors.");
    assert_eq!((report.rows, report.created, report.updated, &report.group), (10, 0, 0, &None));
    assert_eq!(replica.rows("brand"), []);
    assert_eq!(replica.queue().len(), 2);
}

#[test]
fn good_rows_go_in_if_bad_ones_are_to_be_skipped() {
    let replica = Replica::with_sectors();
    let report = replica.import_twice_over("brand", "b.csv", BAD, true);
    assert_eq!((report.created, report.errors.len()), (2, 11));
    assert_eq!(replica.rows("brand").len(), 2);
    let again = replica.import_twice_over("brand", "b.csv", BAD, true);
    assert_eq!((again.created, again.unchanged, again.errors), (0, 2, report.errors));
}

#[test]
fn ten_thousand_wild_rows_are_judged_alike_dry_and_real() {
    let replica = Replica::with_sectors();
    let mut dice = Dice(1);
    let mut file = String::from("key,name,sector_id,kind,parent_id,position,tier,duplicate_name,revenue,tags\n");
    for _ in 0..10_000 {
        let key = format!("k{}", dice.roll(9_000));
        let parent = if dice.roll(3) == 0 { format!("k{}", dice.roll(9_000)) } else { String::new() };
        let kind = match dice.roll(12) {
            0 => dice.pick(&["", "Core", "node"]),
            _ if parent.is_empty() => "core",
            _ => "subnode",
        };
        let cells = [
            key,
            if dice.roll(20) == 0 {
                String::new()
            } else {
                dice.pick(&["A", "=B", "Ω™", "\"a,b\"", "' '"]).to_owned()
            },
            dice.pick(&["north", "south", "north", "south", "north", "south", "east", ""]).to_owned(),
            kind.to_owned(),
            parent,
            dice.pick(&["", "1", "2", "-3", "1.5", "many"]).to_owned(),
            dice.pick(&["", "A+", "A", "B", "C"]).to_owned(),
            dice.pick(&["", "True", "FALSE", "1", "0", "maybe"]).to_owned(),
            dice.pick(&["", "1.25", "-7", "1.255", "99999999999999999999"]).to_owned(),
            dice.pick(&["", "a;b", "\"x,y\"", "'=z"]).to_owned(),
        ];
        file += &cells.join(",");
        file.push('\n');
    }
    let refused = replica.import_twice_over("brand", "b.csv", &file, false);
    assert_eq!((refused.rows, refused.created, replica.rows("brand").len()), (10_000, 0, 0));
    let done = replica.import_twice_over("brand", "b.csv", &file, true);
    assert!(done.created > 100 && done.errors.len() > 1_000, "{} {}", done.created, done.errors.len());
    assert_eq!(done.errors, refused.errors);
    assert_eq!(replica.rows("brand").len() as u64, done.created);
    let again = replica.import_twice_over("brand", "b.csv", &file, true);
    assert_eq!((again.created, again.updated, again.unchanged), (0, 0, done.created));
}

#[test]
fn columns_can_be_named() {
    let replica = Replica::with_sectors();
    let file =
        r#"{"about": 1, "rows": [{"code": "z", "title": "Z", "where": {"sector": "north"}, "kind": "core", "x": 1}]}"#;
    let map = [("key", "code"), ("name", "title"), ("sector", "where.sector")];
    let mut options = ImportOptions {
        map: map.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect(),
        ..ImportOptions::default()
    };
    let report = replica.import_with("brand", "b.json", file, &options).unwrap();
    assert_eq!((report.created, report.notes), (1, vec!["Columns not imported: x.".to_owned()]));
    assert_eq!(replica.get("brand", "z").named("sector").as_id(), Some(replica.get("sector", "north").id));
    options.map.insert("colour".into(), "x".into());
    assert_eq!(replica.import_with("brand", "b.json", file, &options).unwrap_err().code, "unknown_field");
    options.map.remove("colour");
    options.map.insert("notes".into(), "remarks".into());
    assert_eq!(replica.import_with("brand", "b.json", file, &options).unwrap_err().code, "unknown_column");
    assert_eq!(replica.import("brand", "b.csv", "name,kind\nA,core\n").unwrap_err().code, "no_key");
    assert_eq!(replica.import("planet", "b.csv", "key\nA\n").unwrap_err().code, "unknown_collection");
}

#[test]
fn sectors_come_from_json_in_the_customers_shape() {
    let replica = Replica::new();
    let file = r#"{"source": [{"path": "x"}], "counts": {"sectors": 2},
        "sectors": [
          {"id": "one", "order": 1, "name": "One", "icon": "🌱", "status": "Sync", "declared_brand_count": 5,
           "signal_strength_pct": 94.2, "revenue_usd": 1250000000, "growth_rate_pct": -2.5,
           "faa_index": {"payout_tier": "B+", "monthly_fee_usd": 45, "region": "Global"}, "recorded": {"core": 1}},
          {"id": "two", "order": 2, "name": "Two", "status": "Monitoring", "faa_index": null}]}"#;
    let report = replica.import_twice_over("sector", "s.json", file, false);
    assert_eq!((report.created, report.errors.len()), (2, 0));
    for (field, text) in [
        ("status", "Active"),
        ("tier", "B+"),
        ("monthly_fee", "45.00"),
        ("declared_revenue", "1250000000.00"),
        ("declared_growth", "-2.5"),
        ("declared_signal", "94.2"),
        ("position", "1"),
        ("region", "Global"),
    ] {
        assert_eq!(replica.value("sector", "one", field), text, "{field}");
    }
    assert!(report.notes.contains(&"Status: “Sync” was read as “Active” in 1 row.".to_owned()), "{:?}", report.notes);
    assert!(report.notes.contains(&"Columns not imported: recorded.core.".to_owned()), "{:?}", report.notes);
    let again = replica.import("sector", "s.json", file).unwrap();
    assert_eq!(again.unchanged, 2);
    let map = r#"{"one": {"name": "One more"}, "three": {"name": "Three"}}"#;
    let report = replica.import("sector", "s.json", map).unwrap();
    assert_eq!((report.created, report.updated), (1, 1));
}
