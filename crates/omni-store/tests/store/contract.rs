//! The store keeps what the core's trait promises.

use crate::kit::{Replica, brand, collection, field, intent, outcome, record, seal, sector, set};
use omni_model::{CollectionId, FieldId, Op, RecordId, Value};
use omni_protocol::{ChangeId, ConflictId, ConflictItem, Decided, DeviceId, DirectoryEntry, Scope};
use omni_sync::digest::Digest;
use omni_sync::replica::{OutboxEntry, OutboxState, ReplicaTx, discard, save};
use uuid::Uuid;

fn wild_row() -> omni_model::Row {
    let mut row = brand("wild", "agri", &[("name", "Wild™ “Brand”\nwith é"), ("tags", "b;a;ü"), ("revenue", "-12.34")]);
    row.set(field("brand", "duplicate_name"), Value::Bool(false));
    row.set(field("brand", "notes"), Value::text("a\0b"));
    row.set(field("brand", "last_review"), Value::Int(i64::MAX));
    row
}

#[test]
fn rows_come_back_as_they_were() {
    let r = Replica::new();
    let row = wild_row();
    let copy = row.clone();
    let (back, gone) = r.write(move |tx| {
        tx.put_row(&copy, Some(5))?;
        let back = tx.row(copy.collection, copy.id)?;
        tx.remove_row(copy.collection, copy.id)?;
        tx.remove_row(copy.collection, copy.id)?;
        let gone = tx.row(copy.collection, copy.id)?;
        tx.put_row(&copy, None)?;
        Ok((back, gone))
    });
    assert_eq!((back.as_ref(), gone), (Some(&row), None));
    let r = r.reopen();
    let stored = r.read(|tx| tx.row(row.collection, row.id)).unwrap();
    assert_eq!((stored.row, stored.seq), (row, None));
}

#[test]
fn values_of_the_wrong_kind_are_kept_exactly() {
    let r = Replica::new();
    let mut row = wild_row();
    row.set(field("brand", "employees"), Value::text("many"));
    row.set(field("brand", "name"), Value::Int(3));
    row.set(field("brand", "tags"), Value::Raw(vec![0xa1, 1, 2]));
    row.set(FieldId(999), Value::text("from the future"));
    let copy = row.clone();
    r.write(move |tx| tx.put_row(&copy, Some(1)));
    let r = r.reopen();
    assert_eq!(r.read(|tx| tx.row(row.collection, row.id)).unwrap().row, row);
}

#[test]
fn patches_clear_and_keep_the_seq() {
    let r = Replica::new();
    r.put(vec![brand("b", "agri", &[("name", "One"), ("tier", "A")])]);
    let (c, id) = (collection("brand").id, RecordId::from_key("brand", "b"));
    let fields = vec![(field("brand", "tier"), Value::Null), (field("brand", "name"), Value::text("Two"))];
    r.write(move |tx| tx.patch_row(c, id, &fields, None));
    let stored = r.read(|tx| tx.row(c, id)).unwrap();
    assert_eq!(stored.seq, Some(1));
    assert_eq!(stored.row.named("name"), &Value::text("Two"));
    assert_eq!(stored.row.named("tier"), &Value::Null);
    let missing = r.store.write::<(), omni_store::StoreError, _>(
        omni_store::Lane::Sync,
        omni_store::Durability::Normal,
        move |tx| Ok(tx.patch_row(c, RecordId(Uuid::from_u128(4)), &[], None)?),
    );
    assert_eq!(missing.unwrap_err().code(), "corrupt");
}

#[test]
fn links_are_found_in_id_order_and_rows_streamed_in_order() {
    let r = Replica::new();
    r.put(vec![
        sector("agri", "Agriculture"),
        brand("b", "agri", &[]),
        brand("a", "agri", &[]),
        brand("c", "tech", &[]),
    ]);
    let (linked, all) = r.write(|tx| {
        let linked =
            tx.linked(collection("brand").id, field("brand", "sector"), RecordId::from_key("sector", "agri"))?;
        let mut all = Vec::new();
        tx.for_each_row(&mut |row| {
            all.push((row.collection, row.id));
            Ok(())
        })?;
        Ok((linked, all))
    });
    let mut expected = vec![RecordId::from_key("brand", "a"), RecordId::from_key("brand", "b")];
    expected.sort();
    assert_eq!(linked, expected);
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted());
}

#[test]
fn both_layers_and_deferred_cells() {
    let r = Replica::new();
    let row = wild_row();
    let (c, id) = (row.collection, row.id);
    let scope = Scope { owner: row.owner, compartment: 1 };
    r.write(move |tx| {
        assert_eq!(tx.confirmed(c, id)?, None);
        tx.put_confirmed(c, id, None)?;
        assert_eq!(tx.confirmed(c, id)?, Some(None));
        tx.put_confirmed(c, id, Some(&row))?;
        assert_eq!(tx.confirmed(c, id)?, Some(Some(row.clone())));
        assert_eq!(tx.all_confirmed()?, vec![(c, id, Some(row))]);
        tx.drop_confirmed(c, id)?;
        assert_eq!(tx.confirmed(c, id)?, None);
        tx.put_deferred(scope, CollectionId(77), id, FieldId(3), b"xyz")?;
        tx.put_deferred(scope, CollectionId(77), id, FieldId(2), b"abc")?;
        tx.put_deferred(scope, CollectionId(77), id, FieldId(3), b"new")?;
        let cells = tx.deferred(CollectionId(77), id)?;
        assert_eq!(cells, vec![(scope, FieldId(2), b"abc".to_vec()), (scope, FieldId(3), b"new".to_vec())]);
        tx.put_deferred(scope, CollectionId(77), id, FieldId(2), b"")?;
        assert_eq!(tx.all_deferred()?, vec![(scope, CollectionId(77), id, FieldId(3), b"new".to_vec())]);
        Ok(())
    });
}

#[test]
fn the_outbox_goes_through_its_life() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture"), brand("b", "agri", &[("name", "One")])]);
    let first = r.edit(vec![set("brand", "b", "name", Value::text("Two"))]).unwrap().unwrap();
    let second = r.edit(vec![set("brand", "b", "notes", Value::text("n"))]).unwrap().unwrap();
    assert_eq!((first.local_no, second.local_no), (1, 2));
    assert!(r.edit(vec![set("brand", "b", "name", Value::text("Two"))]).unwrap().is_none(), "nothing changes");
    let r = r.reopen();
    let (id, other) = (first.change.id, second.change.id);
    r.write(move |tx| {
        let unsealed = tx.outbox_unsealed(10)?;
        assert_eq!(unsealed.iter().map(|e| e.change.id).collect::<Vec<_>>(), [id, other]);
        assert_eq!(unsealed[0], first);
        assert_eq!(tx.outbox_unsealed(1)?.len(), 1);
        let sealed = seal(&unsealed[0], 1);
        tx.outbox_update(&sealed)?;
        assert_eq!(tx.outbox_get(id)?, Some(sealed.clone()));
        assert_eq!(tx.outbox_sealed(1, 9)?, vec![sealed.clone()]);
        assert_eq!(tx.outbox_sealed(2, usize::MAX)?, vec![]);
        assert_eq!(tx.outbox_by_counter(1)?, Some(sealed.clone()));
        let acked =
            OutboxEntry { state: OutboxState::Acked { seq: 40 }, outcome: Some(outcome(&sealed, 40)), ..sealed };
        tx.outbox_update(&acked)?;
        assert_eq!(tx.outbox_by_counter(1)?, None, "only unanswered ones");
        assert_eq!(tx.outbox_acked(39)?, vec![]);
        assert_eq!(tx.outbox_acked(40)?, vec![acked.clone()]);
        tx.outbox_remove(id)?;
        tx.outbox_remove(id)?;
        assert_eq!(tx.outbox_get(id)?, None);
        let kept = tx.own_change(id).unwrap().unwrap();
        assert_eq!((Some(kept.sealed), kept.seq, kept.outcome), (acked.sealed, Some(40), acked.outcome));
        let touching = tx.outbox_touching(collection("brand").id, RecordId::from_key("brand", "b"))?;
        assert_eq!(touching.len(), 1);
        discard(tx, other).unwrap();
        assert_eq!(tx.outbox_get(other)?.unwrap().state, OutboxState::Discarded);
        assert_eq!(tx.outbox_unsealed(10)?, vec![]);
        Ok(())
    });
    let third = r.edit(vec![set("brand", "b", "notes", Value::text("x"))]).unwrap().unwrap();
    assert_eq!(third.local_no, 3, "numbers are never reused");
}

#[test]
fn priorities_order_the_unsealed_and_skipped_ones_keep_their_change() {
    let r = Replica::new();
    r.put(vec![sector("agri", "A"), brand("b", "agri", &[("name", "One")])]);
    r.write(|tx| {
        for (priority, text) in [(3, "bulk"), (1, "now"), (2, "normal")] {
            let mut intent = intent(vec![set("brand", "b", "name", Value::text(text))]);
            intent.priority = priority;
            save(tx, intent).unwrap();
        }
        let order: Vec<u8> = tx.outbox_unsealed(9)?.iter().map(|e| e.change.priority).collect();
        assert_eq!(order, [1, 2, 3]);
        let entry = tx.outbox_unsealed(1)?.remove(0);
        let skipped = OutboxEntry { sealed: None, skip: Some("too odd".into()), ..seal(&entry, 1) };
        tx.outbox_update(&skipped)?;
        assert_eq!(tx.outbox_sealed(1, 5)?, vec![skipped]);
        Ok(())
    });
}

#[test]
fn touching_covers_links_of_single_and_set_fields() {
    let r = Replica::new();
    r.put(vec![sector("agri", "A"), sector("tech", "T")]);
    let sectors = [RecordId::from_key("sector", "agri"), RecordId::from_key("sector", "tech")];
    let new = record(
        "payroll_sector",
        "p",
        RecordId::from_key("payroll_sector", "p"),
        &[("name", "Pay"), ("sectors", "agri;tech")],
    );
    let insert = Op::Insert {
        collection: new.collection,
        record: new.id,
        key: new.key.clone(),
        values: new.fields.iter().map(|(f, v)| (*f, v.clone())).collect(),
    };
    r.edit(vec![insert]).unwrap().unwrap();
    r.write(move |tx| {
        for id in sectors {
            assert_eq!(tx.outbox_touching(collection("sector").id, id)?.len(), 1);
        }
        assert_eq!(tx.outbox_touching(new.collection, new.id)?.len(), 1);
        Ok(())
    });
    // A link is no edit: the sector itself is saved, the new record pending.
    let state = |c: &str, key: &str| {
        r.read(|tx| Ok(tx.record(collection(c).id, RecordId::from_key(c, key))?.unwrap().state.name()))
    };
    assert_eq!((state("sector", "agri"), state("payroll_sector", "p")), ("saved", "pending"));
}

fn item(record: RecordId, decided: Decided) -> ConflictItem {
    ConflictItem {
        settled: None,
        id: ConflictId(Uuid::from_u128(5)),
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
        scope: Scope { owner: RecordId::from_key("sector", "agri"), compartment: 0 },
    }
}

#[test]
fn conflicts_digests_and_devices() {
    let r = Replica::new();
    r.put(vec![brand("b", "agri", &[("name", "One")])]);
    let id = RecordId::from_key("brand", "b");
    let scope = Scope { owner: RecordId::from_key("sector", "agri"), compartment: 0 };
    let device = DeviceId(Uuid::from_u128(6));
    r.write(move |tx| {
        tx.put_conflict(scope, &item(id, Decided::Auto))?;
        tx.put_conflict(scope, &item(id, Decided::Open))?;
        assert_eq!(tx.conflicts()?, vec![(scope, item(id, Decided::Open))]);
        tx.set_digest(scope, Digest(7))?;
        assert_eq!((tx.digest(scope)?, tx.digests()?), (Digest(7), vec![(scope, Digest(7))]));
        tx.put_directory(&[DirectoryEntry { device, name: "Laptop".into(), operator: "Ada".into() }])?;
        Ok(())
    });
    let r = r.reopen();
    assert_eq!(r.read(|tx| tx.conflicts(omni_store::ItemFilter::Open, 0, 10)).0, 1);
    assert_eq!(r.read(|tx| tx.device(device)).unwrap().operator, "Ada");
    let detail = r.read(|tx| tx.record(collection("brand").id, id)).unwrap();
    assert_eq!(detail.state.name(), "conflict");
    r.write(move |tx| {
        assert_eq!(tx.digest(scope)?, Digest(7));
        tx.set_digest(scope, Digest::default())?;
        assert_eq!(tx.digests()?, vec![]);
        tx.remove_conflict(ConflictId(Uuid::from_u128(5)))?;
        assert_eq!(tx.conflict(ConflictId(Uuid::from_u128(5)))?, None);
        Ok(())
    });
    assert!(r.read(|tx| tx.digests()).is_empty());
}

#[test]
fn an_unknown_change_cannot_be_updated() {
    let r = Replica::new();
    r.put(vec![sector("agri", "A"), brand("b", "agri", &[("name", "One")])]);
    let mut entry = r.edit(vec![set("brand", "b", "name", Value::text("Two"))]).unwrap().unwrap();
    entry.change.id = ChangeId(Uuid::from_u128(404));
    let failed: Result<(), omni_store::StoreError> =
        r.store.write(omni_store::Lane::Sync, omni_store::Durability::Full, move |tx| Ok(tx.outbox_update(&entry)?));
    assert_eq!(failed.unwrap_err().code(), "corrupt");
}
