//! Saving and sealing on a laptop.

use super::lab::{Lab, Laptop, delete, insert, set, write};
use omni_model::{RecordId, Value, schema};
use omni_protocol::change::{BULK, EMERGENCY, NORMAL};
use omni_protocol::{Change, Entry, OutcomeKind};

fn prepared(lab: &mut Lab) -> (Laptop, RecordId) {
    let mut laptop = lab.laptop();
    let (sector, page) = (lab.record(), lab.record());
    let values = [
        ("name", Value::text("Page")),
        ("payroll_sector", Value::Id(sector)),
        ("level", Value::text("core")),
        ("kind", Value::text("main")),
        ("status", Value::text("built")),
    ];
    let sector = insert("payroll_sector", sector, &[("name", Value::text("Sector"))]);
    lab.saved(&mut laptop, vec![sector, insert("payroll_page", page, &values)]);
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    (laptop, page)
}

#[test]
fn an_edit_is_what_it_comes_to() {
    let mut lab = Lab::new();
    let (mut laptop, page) = prepared(&mut lab);
    let status = |word: &str| set("payroll_page", page, "status", Value::text(word));
    assert_eq!(lab.save(&mut laptop, vec![status("failed"), status("built")]), None, "there and back is no edit");
    let saved = lab.save(&mut laptop, vec![status("pending"), status("failed")]).expect("an edit");
    assert_eq!(saved.change.ops, vec![status("failed")]);
}

#[test]
fn nothing_passes_an_earlier_queued_command_on_its_record() {
    let mut lab = Lab::new();
    let (mut laptop, page) = prepared(&mut lab);
    let build = schema::COMMANDS.iter().find(|c| c.name == "payroll.request_build").expect("the command").id;
    let args = vec![("page".to_owned(), page.to_string())];
    let first = lab.save_as(&mut laptop, build, args.clone(), BULK, Vec::new()).expect("a command").change.id;
    let second = lab.saved(&mut laptop, vec![set("payroll_page", page, "status", Value::text("failed"))]);
    let third = lab.save_as(&mut laptop, build, args, EMERGENCY, Vec::new()).expect("a command").change.id;
    let other = lab.record();
    let sector = vec![insert("payroll_sector", other, &[("name", Value::text("Other"))])];
    let urgent = lab.save_as(&mut laptop, 0, Vec::new(), EMERGENCY, sector).expect("an edit").change.id;
    let batch = lab.seal(&mut laptop).expect("a batch");
    let ids: Vec<_> = batch
        .entries
        .iter()
        .map(|e| match e {
            Entry::Change(bytes) => Change::from_bytes(bytes).expect("a change").id,
            Entry::Skip { .. } => panic!("a skip"),
        })
        .collect();
    assert_eq!(ids, vec![first, second, third, urgent], "the order on one record is the order of saving");
}

#[test]
fn a_change_names_what_it_rests_on_until_this_copy_holds_it() {
    let mut lab = Lab::new();
    let (mut laptop, page) = prepared(&mut lab);
    let first = lab.saved(&mut laptop, vec![set("payroll_page", page, "status", Value::text("failed"))]);
    lab.push(&mut laptop);
    // Accepted, but the copy has not reached the commit.
    let second = lab.saved(&mut laptop, vec![set("payroll_page", page, "status", Value::text("pending"))]);
    lab.seal(&mut laptop);
    let entry = write(&mut laptop, |tx| tx.outbox_get(second).map_err(|e| e.to_string())).expect("queued");
    assert_eq!(entry.change.after, vec![first]);
    // Confirmed: nothing to name.
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    let third = lab.save_as(
        &mut laptop,
        0,
        Vec::new(),
        NORMAL,
        vec![set("payroll_page", page, "status", Value::text("built"))],
    );
    lab.seal(&mut laptop);
    let third = third.expect("an edit").change.id;
    let entry = write(&mut laptop, |tx| tx.outbox_get(third).map_err(|e| e.to_string())).expect("queued");
    assert_eq!(entry.change.after, Vec::new());
}

#[test]
fn a_pending_record_keeps_its_owner_when_another_edit_on_it_is_taken_back() {
    let mut lab = Lab::new();
    let (mut laptop, page) = prepared(&mut lab);
    let collection = super::lab::kind("payroll_page");
    let owner = |laptop: &Laptop, id| laptop.store.state().rows.get(&(collection, id)).map(|r| r.owner);
    let (sector, fresh) = (owner(&laptop, page).expect("an owner"), lab.record());
    let values = [
        ("name", Value::text("New")),
        ("payroll_sector", Value::Id(sector)),
        ("level", Value::text("core")),
        ("kind", Value::text("main")),
    ];
    lab.saved(&mut laptop, vec![insert("payroll_page", fresh, &values)]);
    let edit = lab.saved(&mut laptop, vec![set("payroll_page", fresh, "name", Value::text("Newer"))]);
    write(&mut laptop, |tx| omni_sync::replica::discard(tx, edit).map_err(|e| e.to_string()));
    assert_eq!(owner(&laptop, fresh), Some(sector));
}

#[test]
fn what_rests_on_a_refused_change_is_held_by_the_root() {
    let mut lab = Lab::new();
    let (mut a, mut b) = (lab.laptop(), lab.laptop());
    let (sector, treaty, clause) = (lab.record(), lab.record(), lab.record());
    lab.saved(&mut a, vec![insert("sector", sector, &[("name", Value::text("Sector"))])]);
    lab.push(&mut a);
    [&mut a, &mut b].into_iter().for_each(|l| lab.pull(l));
    lab.saved(&mut a, vec![delete("sector", sector)]);
    lab.push(&mut a);
    // A treaty of a sector that is gone, a clause of the treaty, an edit of the clause.
    let values = [("name", Value::text("Treaty")), ("sector", Value::Id(sector))];
    let root = lab.saved(&mut b, vec![insert("treaty", treaty, &values)]);
    let values = [("heading", Value::text("Clause")), ("treaty", Value::Id(treaty))];
    let between = lab.saved(&mut b, vec![insert("clause", clause, &values)]);
    let last = lab.saved(&mut b, vec![set("clause", clause, "heading", Value::text("Other"))]);
    let outcomes = lab.push(&mut b);
    let answers: Vec<_> = outcomes.iter().map(|o| (o.kind, o.root)).collect();
    let held = (OutcomeKind::Held, Some(root));
    assert_eq!(answers, [(OutcomeKind::Rejected, None), held, held]);
    let rests_on = |laptop: &mut Laptop, id| {
        write(laptop, |tx| tx.outbox_get(id).map_err(|e| e.to_string())).expect("queued").change.after
    };
    assert_eq!((rests_on(&mut b, between), rests_on(&mut b, last)), (vec![root], vec![between]));
}

#[test]
fn what_shares_a_merge_group_is_relied_on() {
    let mut lab = Lab::new();
    let mut laptop = lab.laptop();
    let sector = lab.record();
    lab.saved(&mut laptop, vec![insert("sector", sector, &[("name", Value::text("Sector"))])]);
    lab.push(&mut laptop);
    lab.pull(&mut laptop);
    let monthly = lab.saved(&mut laptop, vec![set("sector", sector, "monthly_fee", Value::Int(100))]);
    lab.saved(&mut laptop, vec![set("sector", sector, "region", Value::text("North"))]);
    let annual = lab.saved(&mut laptop, vec![set("sector", sector, "annual_fee", Value::Int(1_000))]);
    lab.seal(&mut laptop);
    let entry = write(&mut laptop, |tx| tx.outbox_get(annual).map_err(|e| e.to_string())).expect("queued");
    assert_eq!(entry.change.after, vec![monthly], "the fees of a sector stand and fall together");
}
