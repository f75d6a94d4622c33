//! Taking a snapshot into a replica: what is in it afterwards.

use crate::central::{Cut, at, cut, from_the_future};
use crate::kit::{Replica, brand, collection, field, plain, sector, set};
use minicbor::bytes::ByteVec;
use omni_model::{FieldId, RecordId, Row, Value, sample};
use omni_protocol::{
    ChangeId, CommitInfo, ConflictId, ConflictItem, Decided, DeviceId, DirectoryEntry, Effect, FeedCommit, FeedPage,
    Grants, Part, ReplicaId, Scope, Watermark,
};
use omni_store::{Committed, Import, ListQuery, Sort, SortBy, StoreError};
use omni_sync::replica::{ReplicaTx, apply_page, recompute};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Rows of both compartments, many owners, values of every kind, some that do not fit.
fn portfolio() -> Vec<(Row, u64)> {
    let mut rows = at(40, sample::small(7));
    let odd = collection("brand").id;
    for (n, (row, seq)) in rows.iter_mut().enumerate() {
        *seq = 1 + n as u64 % 50;
        if row.collection == odd && n % 3 == 0 {
            row.set(field("brand", "tier"), Value::Int(n as i64));
        }
        if n % 5 == 0 {
            row.set(FieldId(800), Value::text("a field of a newer version"));
        }
    }
    rows.extend(at(41, (0..40).map(|n| from_the_future(n, RecordId::GLOBAL)).collect()));
    rows
}

fn item(n: u128, record: RecordId, owner: RecordId, decided: Decided) -> ConflictItem {
    ConflictItem {
        settled: None,
        id: ConflictId(Uuid::from_u128(n)),
        collection: collection("brand").id,
        record,
        fields: vec![field("brand", "name")],
        base: vec![Value::text("a")],
        mine: Vec::new(),
        theirs: vec![Value::text("b")],
        theirs_device: None,
        rule: "protected".into(),
        decided,
        seq: 9,
        theirs_ms: 0,
        scope: Scope { owner, compartment: 0 },
    }
}

/// Only what this version knows of a row.
fn known(row: &Row) -> Option<Row> {
    let collection = omni_model::schema::by_id(row.collection)?;
    let mut row = row.clone();
    row.fields.retain(|f, _| collection.field_by_id(*f).is_some());
    Some(row)
}

/// Every visible row with its seq.
fn rows_of(r: &Replica) -> BTreeMap<RecordId, (Row, Option<u64>)> {
    let rows = r.write(|tx| {
        let mut out = Vec::new();
        tx.for_each_row(&mut |row| {
            out.push(row);
            Ok(())
        })?;
        Ok(out)
    });
    let seq = |row: &Row| r.read(|tx| tx.row(row.collection, row.id)).unwrap().seq;
    rows.into_iter().map(|row| (row.id, (row.clone(), seq(&row)))).collect()
}

fn assert_holds(r: &Replica, cut: &Cut, rows: &[(Row, u64)]) {
    let expected: BTreeMap<_, _> =
        rows.iter().filter_map(|(row, seq)| Some((row.id, (known(row)?, Some(*seq))))).collect();
    let found = rows_of(r);
    assert_eq!(found.len(), expected.len());
    for (id, row) in &expected {
        assert_eq!(found.get(id), Some(row));
    }
    let listed: BTreeMap<_, _> = cut.manifest.scopes.iter().map(|(s, d)| (*s, d.0)).collect();
    let plain = |digests: BTreeMap<Scope, omni_sync::digest::Digest>| -> BTreeMap<_, _> {
        digests.into_iter().map(|(s, d)| (s, d.0)).collect()
    };
    let (kept, fresh) = r.write(|tx| Ok((tx.digests()?.into_iter().collect(), recompute(tx)?)));
    assert_eq!(plain(kept), listed);
    assert_eq!(plain(fresh), listed, "of the rows, cells and items as they are stored");
    assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new());
}

/// The same rows, put one by one.
fn put_one_by_one(rows: &[(Row, u64)]) -> Replica {
    let r = Replica::new();
    let known: Vec<_> = rows.iter().filter_map(|(row, seq)| Some((known(row)?, *seq))).collect();
    r.write(move |tx| known.iter().try_for_each(|(row, seq)| tx.put_row(row, Some(*seq))));
    r
}

#[test]
fn a_fresh_replica_is_filled() {
    let (r, rows) = (Replica::new(), portfolio());
    let brand = rows.iter().find(|(row, _)| row.collection == collection("brand").id).unwrap().0.clone();
    let items = [item(1, brand.id, brand.owner, Decided::Open), item(2, brand.id, brand.owner, Decided::Auto)];
    let device = DeviceId(Uuid::from_u128(6));
    let cut = cut(&rows, &items, 41, 7).naming(DirectoryEntry { device, name: "Far".into(), operator: "Bo".into() });
    let (tell, told) = mpsc::channel::<Committed>();
    let tell = Mutex::new(tell);
    r.store.on_commit(move |c| tell.lock().unwrap_or_else(PoisonError::into_inner).send(c.clone()).unwrap());

    assert_eq!(cut.import(&r.store).unwrap(), cut.manifest.position);
    let notice = told.try_recv().unwrap();
    assert!(notice.replaced && notice.queue && notice.conflicts && !notice.local);
    assert_eq!(notice.cursor, Some(cut.manifest.position));
    assert_holds(&r, &cut, &rows);
    let meta = r.read(|tx| tx.meta()).unwrap();
    assert_eq!((meta.position, meta.grants), (cut.manifest.position, Grants::everything()));
    assert_eq!(meta.replica, ReplicaId(Uuid::from_u128(1)), "its identity stays");
    assert_eq!(r.read(|tx| tx.conflicts(omni_store::ItemFilter::Open, 0, 10)).0, 1);
    assert_eq!(r.read(|tx| tx.device(device)).unwrap().operator, "Bo");
    let cells = r.write(|tx| tx.all_deferred());
    assert_eq!(cells.iter().filter(|c| c.3 == FieldId::RECORD).count(), 40);
    assert!(cells.iter().any(|c| c.3 == FieldId(800)));

    let r = r.reopen();
    assert_holds(&r, &cut, &rows);
}

#[test]
fn lists_and_search_find_the_same_as_after_single_writes() {
    let rows = portfolio();
    let (imported, single) = (Replica::new(), put_one_by_one(&rows));
    cut(&rows, &[], 41, 11).import(&imported.store).unwrap();
    for c in omni_model::schema::COLLECTIONS {
        let title = c.field(c.title).unwrap();
        let mut q = ListQuery::all(c);
        q.sort = Sort { by: SortBy::Field(title.id), descending: false };
        let ids = |r: &Replica, q: &ListQuery| {
            let page = r.read(|tx| tx.list(q));
            let mut ids: Vec<_> = page.rows.iter().map(|row| row.row.id).collect();
            ids.sort();
            (page.total, ids)
        };
        q.limit = 10_000;
        assert_eq!(ids(&imported, &q), ids(&single, &q), "{}", c.name);
        let words = single.read(|tx| tx.list(&q)).rows;
        let words = words.iter().filter_map(|row| row.row.get(title.id).as_text().map(str::to_owned));
        let mut found = 0;
        for word in words.flat_map(|t| t.split(' ').map(str::to_owned).collect::<Vec<_>>()).take(12) {
            q.search = Some(word.chars().take(3).collect());
            assert_eq!(ids(&imported, &q), ids(&single, &q), "{}: {word}", c.name);
            found += ids(&single, &q).0;
        }
        assert!(found > 0 || single.read(|tx| tx.count(c, &[], None)) == 0, "{}", c.name);
    }
    let overview = |r: &Replica| r.read(|tx| tx.overview());
    assert_eq!(overview(&imported).collections, overview(&single).collections);
    let brands = |r: &Replica| overview(r).sectors.iter().map(|s| (s.row.id, s.brands)).collect::<BTreeMap<_, _>>();
    assert_eq!(brands(&imported), brands(&single));
}

/// A commit that renames a brand and deletes another.
fn next_commit(seq: u64, rename: RecordId, remove: RecordId, owner: RecordId) -> FeedPage {
    let collection = collection("brand").id;
    let part = Part {
        seq,
        scope: Scope { owner, compartment: 0 },
        info: CommitInfo {
            change: ChangeId(Uuid::from_u128(3)),
            replica: ReplicaId(Uuid::from_u128(2)),
            counter: 1,
            device: DeviceId(Uuid::from_u128(6)),
            command: 0,
            at_ms: 1_000,
            priority: 2,
            group: None,
        },
        effects: vec![
            Effect::Put { collection, record: rename, fields: vec![(field("brand", "name"), Value::text("Zebra"))] },
            Effect::Remove { collection, record: remove },
        ],
    };
    let position = omni_protocol::Position { epoch: 1, seq, hash: Default::default() };
    FeedPage {
        after: seq - 1,
        commits: vec![FeedCommit { seq, parts: vec![ByteVec::from(part.to_bytes())] }],
        watermark: Watermark { position, root: None, head: seq },
    }
}

#[test]
fn feed_and_edits_go_on_over_the_new_copy() {
    let r = Replica::new();
    let rows = [
        sector("agri", "Agriculture"),
        brand("a", "agri", &[("name", "Apple")]),
        brand("b", "agri", &[("name", "Berry"), ("revenue", "12.50")]),
        brand("c", "agri", &[("name", "Cherry")]),
    ];
    cut(&at(5, rows.to_vec()), &[], 5, 2).import(&r.store).unwrap();
    let id = |key: &str| RecordId::from_key("brand", key);
    let page = next_commit(6, id("a"), id("b"), RecordId::from_key("sector", "agri"));
    r.write(move |tx| {
        assert_eq!(apply_page(tx, &page).unwrap().commits, 1);
        let kept: BTreeMap<_, _> = tx.digests()?.into_iter().collect();
        assert_eq!(kept, recompute(tx)?);
        Ok(())
    });
    r.edit(vec![set("brand", "c", "name", Value::text("Citrus"))]).unwrap().unwrap();
    let find = |text: &str| r.read(|tx| tx.count(collection("brand"), &[], Some(text)));
    assert_eq!([find("zebra"), find("apple"), find("berry"), find("cherry"), find("citrus")], [1, 0, 0, 0, 1]);
    assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new());
    assert_eq!(r.read(|tx| tx.rows_total()), 3);
}

/// Everything the file's layout consists of, and what is noted about it.
fn layout(r: Replica) -> BTreeSet<String> {
    let path = r.path();
    r.store.close();
    let conn = plain(&path);
    let mut found = BTreeSet::new();
    let mut add = |sql: &str| {
        let mut stmt = conn.prepare(sql).unwrap();
        let mut rows = stmt.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let columns = row.as_ref().column_count();
            let values: Vec<rusqlite::types::Value> = (0..columns).map(|n| row.get(n).unwrap()).collect();
            found.insert(format!("{values:?}"));
        }
    };
    add("SELECT type, name, tbl_name, sql FROM sqlite_schema");
    add("SELECT * FROM migration");
    add("SELECT * FROM model_field");
    add("PRAGMA user_version");
    add("PRAGMA journal_mode");
    for c in omni_model::schema::COLLECTIONS {
        add(&format!("SELECT '{0}', * FROM s_{0}_config WHERE NOT (k = 'hashsize' AND v = 1048576)", c.name));
    }
    found
}

#[test]
fn the_new_file_is_laid_out_like_any_other() {
    let imported = Replica::new();
    cut(&portfolio(), &[], 41, 9).import(&imported.store).unwrap();
    let (imported, ordinary) = (layout(imported), layout(Replica::new()));
    assert_eq!(imported.difference(&ordinary).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(ordinary.difference(&imported).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn a_second_copy_replaces_the_first_whole() {
    let r = Replica::new();
    let first = portfolio();
    cut(&first, &[item(1, RecordId::GLOBAL, RecordId::GLOBAL, Decided::Open)], 41, 9).import(&r.store).unwrap();
    let second = at(90, vec![sector("agri", "Agriculture"), brand("a", "agri", &[("name", "Apple")])]);
    let cut = cut(&second, &[], 90, 9);
    cut.import(&r.store).unwrap();
    assert_holds(&r, &cut, &second);
    assert!(r.write(|tx| tx.all_deferred()).is_empty());
    assert_eq!(r.read(|tx| tx.conflicts(omni_store::ItemFilter::All, 0, 10)).0, 0);
}

#[test]
fn an_empty_copy_and_one_without_grants_are_copies_too() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture")]);
    let cut = cut(&[], &[], 3, 9);
    let mut import = r.store.begin_import().unwrap();
    cut.add_to(&mut import).unwrap();
    let none = Grants::owners(Vec::new());
    import.finish(&cut.manifest, &none).unwrap();
    assert_eq!(r.read(|tx| tx.rows_total()), 0);
    assert_eq!(r.read(|tx| tx.meta()).unwrap().grants, none);
}

#[test]
fn progress_counts_rows_as_the_manifest_does() {
    let r = Replica::new();
    let cut = cut(&portfolio(), &[], 41, 7);
    let mut import = r.store.begin_import().unwrap();
    let mut rows = 0;
    for (chunk, listed) in cut.chunks.iter().zip(&cut.manifest.chunks) {
        import.add(chunk).unwrap();
        rows += listed.rows;
        assert_eq!(import.rows(), rows);
    }
    assert!(cut.chunks.iter().any(|c| c.scope.compartment != 0), "some fields are of other compartments");
}

#[test]
fn an_import_can_move_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<Import>();
}

#[test]
fn a_replica_without_identity_cannot_take_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::kit::open(&folder).unwrap();
    let done: Result<_, StoreError> = cut(&at(1, vec![sector("agri", "A")]), &[], 1, 5).import(&store);
    assert_eq!(done.unwrap_err().code(), "invalid");
    assert_eq!(store.read(|tx| tx.rows_total()).unwrap(), 0);
}
