//! A file of an older version of the app, opened by this one. The older version had no `kind` of a brand and no nodes;
//! what central sent of them it had put aside.

use crate::kit::*;
use omni_model::{FieldId, RecordId, Value};
use omni_protocol::Scope;
use omni_protocol::frame::to_bytes;
use omni_sync::replica::ReplicaTx;

/// Takes from the file what the older version did not have.
fn make_older(r: Replica) -> Replica {
    let Replica { folder, store } = r;
    store.close();
    drop(store);
    let conn = plain(&path(&folder));
    let (brand, node) = (collection("brand").id.0, collection("node").id.0);
    let kind = field("brand", "kind").0;
    let indexes: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'r_brand' AND sql LIKE '%f_kind%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    indexes.iter().for_each(|name| conn.execute_batch(&format!("DROP INDEX {name}")).unwrap());
    conn.execute_batch("ALTER TABLE r_brand DROP COLUMN f_kind").unwrap();
    let search: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('v_node', 's_node', 'r_node')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(search.contains(&"r_node".to_owned()) && search.contains(&"s_node".to_owned()), "{search:?}");
    for name in ["v_node", "s_node", "r_node"].iter().filter(|n| search.contains(&(**n).to_owned())) {
        conn.execute_batch(&format!("DROP TABLE {name}")).unwrap();
    }
    assert_eq!(conn.execute("DELETE FROM model_field WHERE collection = ?1 AND field = ?2", (brand, kind)).unwrap(), 1);
    assert!(conn.execute("DELETE FROM model_field WHERE collection = ?1", [node]).unwrap() > 1);
    drop(conn);
    let store = open(&folder).unwrap();
    Replica { folder, store }
}

#[test]
fn what_an_older_version_put_aside_becomes_values_and_its_queue_stays() {
    let r = Replica::new();
    let (kind, name) = (field("brand", "kind"), field("node", "name"));
    let with_kind = brand("b", "agri", &[("name", "Before")]);
    let node = record("node", "n1", RecordId::GLOBAL, &[("name", "North")]);
    r.put(vec![sector("agri", "Agriculture"), with_kind.clone(), node.clone()]);
    let counted = r.read(|tx| tx.recompute());
    let parked = with_kind.get(kind).clone();

    // The same content as the older version holds it: cells of what it does not know.
    let mut bare = with_kind.clone();
    bare.fields.remove(&kind);
    let (cell, whole, cells) = (with_kind.clone(), node.clone(), Scope { owner: with_kind.owner, compartment: 0 });
    r.write(move |tx| {
        tx.put_row(&bare, Some(1))?;
        tx.remove_row(whole.collection, whole.id)?;
        let wire = cell.get(kind).to_wire();
        tx.put_deferred(cells, cell.collection, cell.id, kind, &wire)?;
        let at = Scope { owner: whole.owner, compartment: 0 };
        let exists = to_bytes(&(whole.owner, whole.key.clone()));
        tx.put_deferred(at, whole.collection, whole.id, FieldId::RECORD, &exists)?;
        tx.put_deferred(at, whole.collection, whole.id, name, &whole.get(name).to_wire())
    });
    r.edit(vec![set("brand", "b", "name", Value::text("Edited"))]).unwrap().unwrap();

    let r = make_older(r);
    let seen = |c, id| r.read(|tx| tx.row(c, id)).expect("the record is there").row;
    let edited = seen(with_kind.collection, with_kind.id);
    assert_eq!(edited.get(kind), with_kind.get(kind), "the parked value is there");
    assert_eq!(edited.get(field("brand", "name")), &Value::text("Edited"));
    assert_eq!(seen(node.collection, node.id).get(name), &Value::text("North"));
    assert_eq!(r.write(|tx| tx.all_deferred()), Vec::new());
    assert_eq!(r.write(|tx| tx.outbox_unsealed(10)).len(), 1, "the edit still waits");
    let confirmed = r.write(move |tx| tx.confirmed(with_kind.collection, with_kind.id)).unwrap().unwrap();
    assert_eq!(confirmed.get(kind), &parked, "and below the edit");
    assert_eq!(r.read(|tx| tx.recompute()), counted, "the digests count the same cells");
}
