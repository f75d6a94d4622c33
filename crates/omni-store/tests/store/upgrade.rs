//! A file of an older version, whose central wrote what that version did not know.

use crate::kit::{Replica, collection, field, in_form, key, plain, sector, set};
use omni_model::{FieldId, RecordId, Value};
use omni_protocol::Scope;
use omni_protocol::frame::to_bytes;
use omni_store::{ListQuery, Store, StoreOptions};
use omni_sync::digest::Digest;
use omni_sync::replica::{ReplicaTx, recompute};
use std::path::Path;

/// Takes a file back to a version that knows neither the region of sectors nor apps.
fn to_older_version(path: &Path) {
    let (sector, region) = (collection("sector").id.0, field("sector", "region").0);
    let app = collection("app").id.0;
    let sql = format!(
        "DELETE FROM model_field WHERE (collection = {sector} AND field = {region}) OR collection = {app};
         ALTER TABLE r_sector DROP COLUMN f_region; DROP TABLE v_app; DROP TABLE s_app; DROP TABLE r_app;"
    );
    plain(path).execute_batch(&sql).unwrap();
}

fn sum(r: &Replica) -> Digest {
    r.write(|tx| {
        let mut all = Digest::default();
        recompute(tx)?.values().for_each(|sum| all.add(*sum));
        Ok(all)
    })
}

/// Makes the file anew as versions before kept it: SQLCipher's own form.
fn to_former_form(path: &Path) {
    let former = path.with_extension("former");
    let conn = plain(path);
    let key = format!("x'{}'", "07".repeat(32));
    conn.execute("ATTACH ?1 AS former KEY ?2", (former.to_str().unwrap(), key)).unwrap();
    conn.query_row("SELECT sqlcipher_export('former')", [], |_| Ok(())).unwrap();
    let version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    conn.pragma_update(Some("former"), "user_version", version).unwrap();
    conn.execute_batch("DETACH former").unwrap();
    conn.close().unwrap();
    std::fs::rename(&former, path).unwrap();
    // As the machine left it that lost power: the last commit is in its log.
    let conn = in_form(path, "");
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    conn.execute("UPDATE r_sector SET f_name = 'Of the log' WHERE f_name = 'Technology'", []).unwrap();
    let copy = |suffix: &str| {
        let of = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(of(path), of(&former)).unwrap();
    };
    ["", "-wal"].into_iter().for_each(copy);
    drop(conn);
    ["", "-wal"].into_iter().for_each(|suffix| {
        std::fs::rename(format!("{}{suffix}", former.display()), format!("{}{suffix}", path.display())).unwrap();
    });
}

#[test]
fn a_file_in_the_form_of_before_is_brought_over_whole() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture"), sector("tech", "Technology")]);
    let edit = r.edit(vec![set("sector", "agri", "name", Value::text("Mine"))]).unwrap().unwrap();
    let (path, folder) = (r.path(), r.folder);
    drop(r.store);
    to_former_form(&path);
    let count = "SELECT count(*) FROM r_sector WHERE f_name IN ('Mine', 'Of the log')";
    let opens = |form| in_form(&path, form).query_row(count, [], |r| r.get::<_, i64>(0)).ok();
    for _ in 0..2 {
        let store = Store::open(&path, &key(), StoreOptions::default()).unwrap();
        let found = store
            .read(|tx| {
                let queued = tx.queued(edit.change.id)?.map(|e| e.change);
                let searched = ListQuery { search: Some("mine".into()), ..ListQuery::all(collection("sector")) };
                Ok((tx.rows_total()?, queued, tx.list(&searched)?.total))
            })
            .unwrap();
        assert_eq!(found, (2, Some(edit.change.clone()), 1), "rows, queue and search are there");
        store.close();
        assert_eq!((opens(omni_store::FORM), opens("")), (Some(2), None), "it is in the present form");
    }
    let wrong = omni_store::DbKey::new([8; 32]);
    assert_eq!(Store::open(&path, &wrong, StoreOptions::default()).unwrap_err().code(), "wrong_key");
    let names: Vec<String> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|n| n.contains(".form")), "{names:?}");
    drop(folder);
}

#[test]
fn what_was_parked_becomes_values_under_pending_edits_too() {
    let r = Replica::new();
    let agri = sector("agri", "Agriculture");
    let scope = Scope { owner: agri.owner, compartment: 0 };
    let (at, app) = (agri.id, RecordId::from_key("app", "samfox"));
    r.put(vec![agri.clone(), sector("tech", "Technology")]);
    // As the feed left them: a field of two records, of which one is being edited, and a record of an unknown kind.
    let edit = r.edit(vec![set("sector", "agri", "name", Value::text("Mine"))]).unwrap().unwrap();
    let tech = RecordId::from_key("sector", "tech");
    r.write(move |tx| {
        let (sectors, region) = (collection("sector").id, field("sector", "region"));
        tx.put_deferred(scope, sectors, at, region, &Value::text("North").to_wire())?;
        let scope_of_tech = Scope { owner: tech, compartment: 0 };
        tx.put_deferred(scope_of_tech, sectors, tech, region, &Value::text("South").to_wire())?;
        let (apps, global) = (collection("app").id, Scope { owner: RecordId::GLOBAL, compartment: 0 });
        let existence = to_bytes(&(RecordId::GLOBAL, Some("samfox")));
        tx.put_deferred(global, apps, app, FieldId::RECORD, &existence)?;
        tx.put_deferred(global, apps, app, field("app", "name"), &Value::text("Samfox").to_wire())
    });
    let before = sum(&r);
    let (path, folder) = (r.path(), r.folder);
    drop(r.store);
    to_older_version(&path);
    let r = Replica { folder, store: Store::open(&path, &key(), StoreOptions::default()).unwrap() };

    assert!(r.write(|tx| tx.all_deferred()).is_empty());
    assert_eq!(sum(&r), before, "the same cells count");
    let row = |c: &str, id| r.read(|tx| tx.row(collection(c).id, id)).expect("a row").row;
    let (mine, other, app) = (row("sector", at), row("sector", tech), row("app", app));
    assert_eq!((mine.named("name"), mine.named("region")), (&Value::text("Mine"), &Value::text("North")));
    assert_eq!(other.named("region"), &Value::text("South"));
    assert_eq!((app.named("name"), app.key.as_deref()), (&Value::text("Samfox"), Some("samfox")));
    // The edit taken back leaves what was confirmed.
    r.write(move |tx| {
        omni_sync::replica::discard(tx, edit.change.id).map_err(|e| omni_sync::StorageError(e.to_string().into()))
    });
    let confirmed = r.read(|tx| tx.row(collection("sector").id, at)).expect("a row").row;
    assert_eq!(
        (confirmed.named("name"), confirmed.named("region")),
        (&Value::text("Agriculture"), &Value::text("North"))
    );
}
