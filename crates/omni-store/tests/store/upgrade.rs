//! A file of an older version, whose central wrote what that version did not know.

use crate::kit::{Replica, collection, field, key, plain, sector, set};
use omni_model::{FieldId, RecordId, Value};
use omni_protocol::Scope;
use omni_protocol::frame::to_bytes;
use omni_store::{Store, StoreOptions};
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
