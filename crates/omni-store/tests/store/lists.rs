//! Lists, search, facets, the palette.

use crate::kit::{Replica, brand, collection, field, record, sector, set};
use omni_model::{RecordId, Value};
use omni_store::{Filter, ListQuery, Place, ReadTx, Sort, StoreError};
use std::time::Instant;

fn portfolio() -> Replica {
    let r = Replica::new();
    r.put(vec![
        sector("agri", "Agriculture"),
        sector("tech", "Technology"),
        brand("fauna", "agri", &[("name", "Fauna™Care"), ("status", "Growing"), ("tags", "animals;care")]),
        brand("flora", "agri", &[("name", "flora École"), ("tags", "care"), ("vault_mesh_id", "VM-77A")]),
        brand("byte", "tech", &[("name", "ByteWorks"), ("status", "Growing")]),
        brand("nameless", "tech", &[]),
    ]);
    r
}

fn query(c: &str, build: impl FnOnce(&mut ListQuery)) -> ListQuery {
    let mut q = ListQuery::all(collection(c));
    build(&mut q);
    q
}

fn keys(r: &Replica, q: ListQuery) -> Vec<String> {
    r.read(|tx| tx.list(&q)).rows.into_iter().map(|row| row.row.key.unwrap()).collect()
}

fn filter(c: &str, name: &str, text: &str) -> Filter {
    Filter::parse(collection(c), name, text).unwrap()
}

#[test]
fn filters_by_every_kind_of_value() {
    let r = portfolio();
    let by = |name: &str, text: &str| keys(&r, query("brand", |q| q.filter = vec![filter("brand", name, text)]));
    assert_eq!(by("sector", "agri"), ["fauna", "flora"]);
    assert_eq!(by("sector", &RecordId::from_key("sector", "tech").to_string()), ["nameless", "byte"]);
    assert_eq!(by("status", "Growing"), ["byte", "fauna"]);
    assert_eq!(by("name", "ByteWorks"), ["byte"]);
    assert_eq!(by("name", "byteworks"), Vec::<String>::new(), "values are compared exactly");
    assert_eq!(by("name", ""), ["nameless"]);
    assert_eq!(by("tags", "care"), ["fauna", "flora"]);
    assert_eq!(by("tags", "care;animals"), ["fauna"]);
    assert_eq!(by("key", "byte"), ["byte"]);
    assert_eq!(by("id", "byte"), ["byte"]);
    assert_eq!(by("id", &RecordId::from_key("brand", "byte").to_string()), ["byte"]);
    assert_eq!(by("employees", "5"), Vec::<String>::new());
    let both = vec![filter("brand", "status", "Growing"), filter("brand", "sector", "agri")];
    assert_eq!(keys(&r, query("brand", |q| q.filter = both.clone())), ["fauna"]);
    assert_eq!(r.read(|tx| tx.count(collection("brand"), &both, Some("faun"))), 1);
    for (name, text) in [("nonsense", "x"), ("status", "Nope"), ("employees", "many")] {
        assert_eq!(Filter::parse(collection("brand"), name, text).unwrap_err().code(), "invalid");
    }
}

#[test]
fn sorts_by_any_field_both_ways_and_pages() {
    let r = portfolio();
    let sorted = |sort: &str| {
        let sort = Sort::parse(collection("brand"), sort).unwrap();
        keys(&r, query("brand", |q| q.sort = sort))
    };
    assert_eq!(sorted("name"), ["nameless", "byte", "fauna", "flora"], "letter case does not count");
    assert_eq!(sorted("-name"), ["flora", "fauna", "byte", "nameless"]);
    assert_eq!(sorted("key"), ["byte", "fauna", "flora", "nameless"]);
    assert_eq!(sorted("-vault_mesh_id")[0], "flora");
    assert!(Sort::parse(collection("brand"), "nope").is_err());
    let page = |start, limit| keys(&r, query("brand", |q| (q.start, q.limit) = (start, limit)));
    assert_eq!(page(Place::Offset(1), 2), ["byte", "fauna"]);
    assert_eq!(page(Place::After(RecordId::from_key("brand", "byte")), 9), ["fauna", "flora"]);
    assert_eq!(page(Place::Offset(9), 5), Vec::<String>::new());
    let lost = query("brand", |q| q.start = Place::After(RecordId::from_key("brand", "gone")));
    assert_eq!(r.store.read(|tx| tx.list(&lost)).unwrap_err().code(), "invalid");
}

#[test]
fn windows_agree_whichever_way_they_are_made() {
    // Enough rows that a filtered list is picked out of the sorted index instead of sorted itself.
    let r = Replica::new();
    let status = ["Active", "Growing", "Stable"];
    let rows: Vec<_> = (0..12_000u32)
        .map(|n| {
            let name = format!("Brand {:05}", n.wrapping_mul(7_919) % 12_000);
            brand(&format!("b{n}"), "agri", &[("name", &name), ("status", status[n as usize % 3])])
        })
        .collect();
    r.put(rows.clone());
    let mut expected: Vec<_> = rows.iter().filter(|b| b.named("status") == &Value::text("Growing")).collect();
    expected.sort_by_key(|b| b.named("name").as_text().map(str::to_owned));
    let q = query("brand", |q| q.filter = vec![filter("brand", "status", "Growing")]);
    let all = r.read(|tx| tx.list(&q));
    assert_eq!(all.total, 4_000);
    let ids: Vec<_> = all.rows.iter().map(|row| row.row.id).collect();
    assert_eq!(ids, expected.iter().map(|b| b.id).collect::<Vec<_>>());
    let window = ListQuery { start: Place::Offset(1_500), limit: 10, ..q.clone() };
    assert_eq!(r.read(|tx| tx.list(&window)).rows.iter().map(|w| w.row.id).collect::<Vec<_>>(), ids[1_500..1_510]);
    let after = ListQuery { start: Place::After(ids[2_000]), limit: 3, ..q.clone() };
    assert_eq!(r.read(|tx| tx.list(&after)).rows.iter().map(|w| w.row.id).collect::<Vec<_>>(), ids[2_001..2_004]);
    let mut streamed = 0;
    r.read(|tx| {
        tx.for_each(&q, &mut |_| {
            streamed += 1;
            Ok(())
        })
    });
    assert_eq!(streamed, 4_000);
}

#[test]
fn search_folds_prefixes_and_follows_edits() {
    let r = portfolio();
    let find = |text: &str| keys(&r, query("brand", |q| q.search = Some(text.into())));
    assert_eq!(find("faunacare"), ["fauna"]);
    assert_eq!(find("FAUNAC"), ["fauna"]);
    assert_eq!(find("ecole flo"), ["flora"]);
    assert_eq!(find("école"), ["flora"]);
    assert_eq!(find("vm-77"), ["flora"]);
    assert_eq!(find("f"), ["fauna", "flora"]);
    assert_eq!(find("nameless"), ["nameless"], "keys are searched too");
    assert_eq!(find("care works"), Vec::<String>::new(), "all words must fit");
    assert_eq!(find("\" OR * NEAR("), Vec::<String>::new());
    assert_eq!(find(" ™ ").len(), 4, "no word is no condition");
    r.edit(vec![set("brand", "fauna", "name", Value::text("Umbrella"))]).unwrap();
    assert_eq!((find("faunac"), find("umb")), (vec![], vec!["fauna".to_owned()]));
    r.write(|tx| {
        use omni_sync::replica::ReplicaTx;
        tx.remove_row(collection("brand").id, RecordId::from_key("brand", "flora"))
    });
    assert_eq!(find("flo"), Vec::<String>::new());
    assert_eq!(find("f"), ["fauna"], "its key still begins so");
    assert!(r.store.check_integrity().unwrap().is_empty());
}

#[test]
fn rows_carry_states_and_titles() {
    let r = portfolio();
    r.edit(vec![set("brand", "byte", "status", Value::text("Stable"))]).unwrap();
    let page = r.read(|tx| tx.list(&ListQuery::all(collection("brand"))));
    let byte = page.rows.iter().find(|row| row.row.key.as_deref() == Some("byte")).unwrap();
    assert_eq!((byte.state.name(), byte.pending.clone()), ("pending", vec![field("brand", "status")]));
    assert_eq!(byte.titles[&field("brand", "sector")], "Technology");
    assert_eq!(page.rows.iter().filter(|row| row.state.name() == "saved").count(), 3);
    let detail = r.read(|tx| tx.record(collection("brand").id, RecordId::from_key("brand", "byte"))).unwrap();
    let status = detail.fields[&field("brand", "status")];
    assert_eq!((status.state.name(), status.saved_ms), ("pending", Some(1_700_000_000_000)));
    assert_eq!(detail.confirmed.unwrap().unwrap().named("status"), &Value::text("Growing"));
    assert_eq!(detail.changes.len(), 1);
}

#[test]
fn facets_count_by_value() {
    let r = portfolio();
    let facets = |name: &str, filter: &[Filter], search| {
        let found = r.read(|tx: &ReadTx<'_>| tx.facets(collection("brand"), field("brand", name), filter, search));
        found.into_iter().map(|f| (f.label, f.count)).collect::<Vec<_>>()
    };
    let pair = |label: &str, n| (label.to_owned(), n);
    assert_eq!(facets("status", &[], None), [pair("", 2), pair("Growing", 2)]);
    let mut sectors = facets("sector", &[], None);
    sectors.sort();
    assert_eq!(sectors, [pair("Agriculture", 2), pair("Technology", 2)]);
    assert_eq!(facets("tags", &[], None), [pair("", 2), pair("care", 2), pair("animals", 1)]);
    let growing = [filter("brand", "status", "Growing")];
    assert_eq!(facets("tags", &growing, None), [pair("", 1), pair("animals", 1), pair("care", 1)]);
    assert_eq!(facets("status", &[], Some("flora")), [pair("", 1)]);
}

#[test]
fn the_palette_forgives_typing_errors() {
    let r = portfolio();
    r.put(vec![record("treaty", "t1", RecordId::from_key("treaty", "t1"), &[("name", "Faunal Treaty")])]);
    let find = |text: &str| {
        let hits = r.read(|tx| tx.search(text, 5));
        hits.into_iter().map(|h| h.title).collect::<Vec<_>>()
    };
    assert_eq!(find("fauna")[0], "Fauna™Care", "the key itself comes first");
    assert!(find("faun").contains(&"Faunal Treaty".to_owned()));
    assert_eq!(find("Agric"), ["Agriculture"]);
    for typo in ["agricutlure", "agrculture", "aggriculture", "gariculture"] {
        assert_eq!(find(typo), ["Agriculture"], "{typo}");
    }
    assert_eq!(find("bytewroks"), ["ByteWorks"]);
    assert_eq!(find("zzzzqqq"), Vec::<String>::new());
    assert_eq!(find("  "), Vec::<String>::new());
    let hit = r.read(|tx| tx.search("byteworks", 5)).remove(0);
    assert_eq!(hit.subtitle, "Technology");
}

/// Rows of the larger table; a bigger one by `OMNI_STORE_ROWS`.
fn timing_rows() -> u32 {
    std::env::var("OMNI_STORE_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(7_038)
}

#[test]
fn timings_are_printed() {
    let r = Replica::new();
    let n = timing_rows();
    let words = ["Alpha", "Bravo", "Delta", "Echo", "Fauna", "Gamma", "Harvest", "Ivory", "Jade", "Kilo", "Lumen"];
    let sectors: Vec<_> = (0..29).map(|s| sector(&format!("s{s}"), &format!("Sector {s}"))).collect();
    r.put(sectors);
    let status = ["Active", "Growing", "Stable", "Expanding", "Optimizing"];
    for start in (0..n).step_by(20_000) {
        let rows = (start..n.min(start + 20_000)).map(|i| {
            let name = format!("{} {} {i}", words[i as usize % 11], words[(i / 11) as usize % 11]);
            let sector = format!("s{}", i % 29);
            let vault = format!("VM-{i:07}");
            let values = [("name", name.as_str()), ("status", status[i as usize % 5]), ("vault_mesh_id", &vault)];
            brand(&format!("brand-{i}"), &sector, &values)
        });
        r.put(rows.collect());
    }
    let time = |what: &str, body: &dyn Fn(&ReadTx<'_>) -> Result<u64, StoreError>| {
        for round in 0..2 {
            // A write between rounds: the second round must compute again.
            r.put(vec![sector("s0", &format!("Sector {round}"))]);
            let start = Instant::now();
            let found = r.read(body);
            println!("{n} rows, {what}: {:?} ({found})", start.elapsed());
        }
    };
    let list = |build: &dyn Fn(&mut ListQuery)| {
        let mut q = ListQuery { limit: 60, ..ListQuery::all(collection("brand")) };
        build(&mut q);
        q
    };
    let timed = |what: &str, q: ListQuery| time(what, &|tx| Ok(tx.list(&q)?.total));
    timed("first window", list(&|_| ()));
    timed("window in the middle", list(&|q| q.start = Place::Offset(u64::from(n / 2))));
    timed("by status", list(&|q| q.filter = vec![filter("brand", "status", "Growing")]));
    timed("by sector", list(&|q| q.filter = vec![filter("brand", "sector", "s3")]));
    timed(
        "by sector, last window",
        list(&|q| {
            q.filter = vec![filter("brand", "sector", "s3")];
            q.start = Place::Offset(u64::from(n / 29) - 60);
        }),
    );
    timed("search a", list(&|q| q.search = Some("a".into())));
    timed("search al", list(&|q| q.search = Some("al".into())));
    timed("search alpha b", list(&|q| q.search = Some("alpha b".into())));
    timed("search brand (all)", list(&|q| q.search = Some("brand".into())));
    timed("search unique", list(&|q| q.search = Some("0000123".into())));
    timed(
        "search + status",
        list(&|q| {
            q.search = Some("gamma".into());
            q.filter = vec![filter("brand", "status", "Growing")];
        }),
    );
    time("overview", &|tx| Ok(tx.overview()?.sectors.len() as u64));
    time("facets status", &|tx| Ok(tx.facets(collection("brand"), field("brand", "status"), &[], None)?.len() as u64));
    time("palette alpha", &|tx| Ok(tx.search("alpha", 20)?.len() as u64));
    time("palette harvset (typo)", &|tx| Ok(tx.search("harvset", 20)?.len() as u64));
    time("palette brnad-77 (typo)", &|tx| Ok(tx.search("brnad-77", 20)?.len() as u64));
    time("palette nothing like it", &|tx| Ok(tx.search("qqqzzzxx", 20)?.len() as u64));
}
