//! The merge on central.

use super::lab::{Lab, delete, field, insert, kind, set};
use omni_model::{Op, RecordId, Value};
use omni_protocol::{Grants, OutcomeKind};
use omni_sync::central::Rights;

fn page(lab: &mut Lab) -> (RecordId, Vec<Op>) {
    let (sector, page) = (lab.record(), lab.record());
    let values = [
        ("name", Value::text("Page")),
        ("payroll_sector", Value::Id(sector)),
        ("level", Value::text("core")),
        ("kind", Value::text("main")),
    ];
    let ops = vec![
        insert("payroll_sector", sector, &[("name", Value::text("Sector"))]),
        insert("payroll_page", page, &values),
    ];
    (page, ops)
}

#[test]
fn a_change_knows_what_it_wrote_itself() {
    let mut lab = Lab::new();
    let mut laptop = lab.laptop();
    let (page, mut ops) = page(&mut lab);
    ops.push(set("payroll_page", page, "name", Value::text("Renamed")));
    ops.push(set("payroll_page", page, "status", Value::text("pending")));
    lab.saved(&mut laptop, ops);
    // Central must not rely on laptops to send each field once.
    let mut batch = lab.seal(&mut laptop).expect("a batch");
    let omni_protocol::Entry::Change(bytes) = &batch.entries[0] else { panic!("a skip") };
    let mut change = omni_protocol::Change::from_bytes(bytes).expect("a change");
    change.ops.push(set("payroll_page", page, "status", Value::text("built")));
    batch.entries[0] = omni_protocol::Entry::Change(change.to_bytes().into());
    let admitted = lab.admit(&laptop, &batch);
    let omni_sync::central::Admitted::Done { outcomes, .. } = admitted else { panic!("{admitted:?}") };
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied, "{outcomes:?}");
    assert_eq!(lab.open_items(), Vec::new());
    assert_eq!(lab.value("payroll_page", page, "status"), Value::text("built"));
}

/// Two laptops add to a field; the second one deletes the record without having seen the first one's addition. Its own
/// later addition must not hide the other one.
fn delete_over_unknown(adds: impl Fn(RecordId, i64) -> Op) {
    let mut lab = Lab::new();
    let (mut a, mut b) = (lab.laptop(), lab.laptop());
    let (page, mut ops) = page(&mut lab);
    let scroll = lab.record();
    let (sector, brand) = (lab.record(), lab.record());
    ops.push(insert("sector", sector, &[("name", Value::text("Sector"))]));
    let core = [("name", Value::text("Brand")), ("sector", Value::Id(sector)), ("kind", Value::text("core"))];
    ops.push(insert("brand", brand, &core));
    ops.push(insert("scroll", scroll, &[("name", Value::text("Scroll")), ("brand", Value::Id(brand))]));
    let target = adds(page, 0).record();
    let record = if target.0 == kind("scroll") { scroll } else { page };
    lab.saved(&mut a, ops);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);

    lab.saved(&mut a, vec![adds(record, 1)]);
    lab.push(&mut a);
    lab.saved(&mut b, vec![adds(record, 2)]);
    let name = if target.0 == kind("scroll") { "scroll" } else { "payroll_page" };
    lab.saved(&mut b, vec![delete(name, record)]);
    let outcomes = lab.push(&mut b);
    assert_eq!(outcomes[1].kind, OutcomeKind::Merged, "{outcomes:?}");
    assert!(lab.stored(name, record).is_live(), "deleted over an addition its author did not know");
}

#[test]
fn a_delete_meets_an_unknown_addition_behind_a_known_one() {
    delete_over_unknown(|record, by| Op::Add {
        collection: kind("payroll_page"),
        record,
        field: field("payroll_page", "builds"),
        by,
    });
    // The same item from both: the second inclusion changes nothing, so the first one stays the last writer.
    delete_over_unknown(|record, _| Op::Include {
        collection: kind("scroll"),
        record,
        field: field("scroll", "regions"),
        item: "Europe".to_owned(),
    });
}

#[test]
fn waiting_edits_stay_in_their_compartment() {
    let mut lab = Lab::new();
    let (mut a, mut b, mut c) = (lab.laptop(), lab.laptop(), lab.laptop());
    let (treaty, contract) = (lab.record(), lab.record());
    let values = [("name", Value::text("Contract")), ("treaty", Value::Id(treaty))];
    let ops = vec![insert("treaty", treaty, &[("name", Value::text("Treaty"))]), insert("contract", contract, &values)];
    lab.saved(&mut a, ops);
    lab.push(&mut a);
    [&mut a, &mut b, &mut c].into_iter().for_each(|l| lab.pull(l));
    lab.saved(&mut a, vec![delete("contract", contract)]);
    lab.push(&mut a);

    // Open and guarded fields of a record whose deletion stands: neither the money shows in the open compartment, nor
    // does the open edit vanish into one its author may not read.
    let price = [
        set("contract", contract, "amount", Value::Int(100)),
        set("contract", contract, "currency", Value::text("USD")),
    ];
    lab.saved(&mut b, price.to_vec());
    lab.push(&mut b);
    c.rights = Rights { may_write: true, grants: Grants { compartments: vec![0], ..Grants::owners(vec![treaty]) } };
    lab.saved(&mut c, vec![set("contract", contract, "party_a", Value::text("We"))]);
    let outcomes = lab.push(&mut c);
    assert_eq!(outcomes[0].kind, OutcomeKind::Merged, "{outcomes:?}");

    let items = lab.open_items();
    assert_eq!(items.len(), 2, "{items:?}");
    let of = |compartment| items.iter().find(|i| i.scope.compartment == compartment).expect("an item");
    assert_eq!(of(0).fields, vec![field("contract", "party_a")]);
    assert_eq!(of(0).mine[0].values, vec![Value::text("We")]);
    assert_eq!(of(1).fields, vec![field("contract", "amount"), field("contract", "currency")]);
}
