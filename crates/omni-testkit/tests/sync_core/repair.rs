//! A damaged copy mended row by row, under what its operator has not sent yet.

use super::lab::{Lab, Laptop, field, insert, kind, set, write};
use omni_model::{FieldId, RecordId, Value};
use omni_protocol::{BucketRows, Position, Scope, SnapshotRow};
use omni_sync::digest::{self, Digest};
use omni_sync::replica::repair::holds_at;
use omni_sync::replica::{Here, RepairError, Repaired, recompute, repair, root_of, settle_digests};
use std::collections::BTreeSet;

/// A field of a later version.
const LATER_FIELD: FieldId = FieldId(700);

/// A laptop with one sector, its open scope, and a name for it that was not sent.
fn prepared(lab: &mut Lab) -> (Laptop, RecordId, Scope) {
    let mut laptop = lab.laptop();
    let sector = lab.record();
    let values = [("name", Value::text("Sector")), ("region", Value::text("North"))];
    lab.saved(&mut laptop, vec![insert("sector", sector, &values)]);
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    lab.saved(&mut laptop, vec![set("sector", sector, "name", Value::text("Mine"))]);
    (laptop, sector, Scope { owner: sector, compartment: 0 })
}

/// What central answers about the scope.
fn answer(lab: &Lab, scope: Scope) -> BucketRows {
    let stored = lab.stored("sector", scope.owner);
    let fields = stored.row.fields.iter().map(|(f, v)| (*f, v.clone())).collect();
    let row = SnapshotRow { record: stored.row.id, key: None, seq: stored.meta.seq, fields };
    let (position, touched) = (lab.central.position, stored.meta.seq);
    let rows = vec![(stored.row.collection, row)];
    BucketRows { position, scope, touched, buckets: Vec::new(), rows, conflicts: Vec::new() }
}

/// Kept digests as counted, then the repair: as the laptop does it.
fn mend(laptop: &mut Laptop, theirs: &BucketRows) -> Result<Repaired, RepairError> {
    let keys = vec![(kind("sector"), theirs.scope.owner)];
    write(laptop, |tx| {
        let position = tx.meta().map_err(|e| e.to_string())?.position;
        let counted = recompute(tx).map_err(|e| e.to_string())?;
        settle_digests(tx, position, &counted).map_err(|e| e.to_string())?;
        let here = Here { position, records: keys.iter().copied().collect(), items: BTreeSet::new() };
        Ok(repair(tx, &here, theirs, &keys, true))
    })
}

fn damage(laptop: &mut Laptop, sector: RecordId, region: &str) {
    write(laptop, |tx| {
        let key = (kind("sector"), sector);
        let mut row = tx.confirmed(key.0, key.1).map_err(|e| e.to_string())?.flatten().expect("a confirmed row");
        row.set(field("sector", "region"), Value::text(region));
        tx.put_confirmed(key.0, key.1, Some(&row)).map_err(|e| e.to_string())
    });
}

fn roots(laptop: &mut Laptop) -> (Digest, Digest) {
    write(laptop, |tx| {
        let mut counted = Digest::default();
        recompute(tx).map_err(|e| e.to_string())?.values().for_each(|sum| counted.add(*sum));
        Ok((root_of(tx).map_err(|e| e.to_string())?, counted))
    })
}

fn central_root(lab: &Lab) -> Digest {
    let mut root = Digest::default();
    lab.central.digests.values().for_each(|sum| root.add(*sum));
    root
}

#[test]
fn a_damaged_row_is_mended_under_a_pending_edit() {
    let mut lab = Lab::new();
    let (mut laptop, sector, scope) = prepared(&mut lab);
    damage(&mut laptop, sector, "South");
    let found = mend(&mut laptop, &answer(&lab, scope)).expect("it stands where central answered");
    assert_eq!(found.records, BTreeSet::from([(kind("sector"), sector)]));
    let (kept, counted) = roots(&mut laptop);
    assert_eq!((kept, counted), (central_root(&lab), central_root(&lab)));
    let state = laptop.store.state();
    let visible = &state.rows[&(kind("sector"), sector)];
    assert_eq!((visible.named("name"), visible.named("region")), (&Value::text("Mine"), &Value::text("North")));
    assert_eq!(state.outbox.len(), 1, "the edit waits as before");
    // Nothing differs any more, and the edit is sent as if nothing had been.
    assert_eq!(mend(&mut laptop, &answer(&lab, scope)).expect("the same place"), Repaired::default());
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    assert_eq!(lab.value("sector", sector, "name"), Value::text("Mine"));
    assert_eq!(roots(&mut laptop), (central_root(&lab), central_root(&lab)));
}

#[test]
fn cells_of_a_later_version_are_compared_and_kept() {
    let mut lab = Lab::new();
    let (mut laptop, sector, scope) = prepared(&mut lab);
    let (mut theirs, cell) = (answer(&lab, scope), Value::Int(7));
    theirs.rows[0].1.fields.push((LATER_FIELD, cell.clone()));
    let mut root = central_root(&lab);
    root.add(digest::cell(sector, LATER_FIELD, &cell.to_wire()));
    // It was never received; then it is there and something else is wrong; then nothing is.
    for region in [None, Some("South")] {
        region.into_iter().for_each(|region| damage(&mut laptop, sector, region));
        assert_eq!(mend(&mut laptop, &theirs).expect("the same place").records.len(), 1);
        let cells = write(&mut laptop, |tx| tx.deferred(kind("sector"), sector).map_err(|e| e.to_string()));
        assert_eq!(cells, [(scope, LATER_FIELD, cell.to_wire())]);
        assert_eq!(roots(&mut laptop), (root, root));
    }
    assert_eq!(mend(&mut laptop, &theirs).expect("the same place"), Repaired::default());
    // Central has it no more.
    assert_eq!(mend(&mut laptop, &answer(&lab, scope)).expect("the same place").records.len(), 1);
    assert_eq!(roots(&mut laptop), (central_root(&lab), central_root(&lab)));
}

#[test]
fn an_answer_that_does_not_hold_where_the_copy_stands_is_not_laid_down() {
    let mut lab = Lab::new();
    let (mut laptop, sector, scope) = prepared(&mut lab);
    let earlier = answer(&lab, scope);
    // Central moves on: its answer is about commits this copy does not have yet.
    let mut other = lab.laptop();
    lab.saved(&mut other, vec![set("sector", sector, "region", Value::text("East"))]);
    lab.push(&mut other);
    let later = answer(&lab, scope);
    assert!(matches!(mend(&mut laptop, &later), Err(RepairError::Moved)));
    // The copy moved on: an earlier answer would take it back.
    lab.pull(&mut laptop);
    assert!(matches!(mend(&mut laptop, &earlier), Err(RepairError::Moved)));
    assert_eq!(mend(&mut laptop, &later).expect("now it fits"), Repaired::default());
    assert_eq!(roots(&mut laptop), (central_root(&lab), central_root(&lab)));
    // What touched other scopes only does not matter.
    let at = |epoch, seq| Position { epoch, seq, ..Position::default() };
    for (answer, touched, copy, holds) in [
        (at(1, 9), 5, at(1, 5), true),
        (at(1, 9), 5, at(1, 9), true),
        (at(1, 9), 5, at(1, 4), false),
        (at(1, 9), 5, at(1, 10), false),
        (at(2, 9), 5, at(1, 7), false),
    ] {
        assert_eq!(holds_at(answer, touched, copy), holds, "{answer:?} {touched} {copy:?}");
    }
}
