//! Text fields from the laptop to central and back.

use super::lab::{Lab, Laptop, field, insert, kind, set, write};
use omni_model::{Op, RecordId, TextEdit, Value};
use omni_protocol::{Change, Entry, OutcomeKind};
use omni_sync::replica::{OutboxState, apply_outcomes, discard, restore, take_for_reissue};
use omni_sync::text::fingerprint;

const NOTES: &str = "Call before noon. Ask for the licence desk.";

/// A central with one sector, and two laptops that hold it.
fn two_laptops() -> (Lab, RecordId, Laptop, Laptop) {
    let mut lab = Lab::new();
    let (mut a, mut b) = (lab.laptop(), lab.laptop());
    let sector = lab.record();
    lab.saved(&mut a, vec![insert("sector", sector, &[("name", Value::text("S")), ("notes", Value::text(NOTES))])]);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);
    (lab, sector, a, b)
}

fn shown(laptop: &mut Laptop, sector: RecordId) -> String {
    write(laptop, |tx| {
        let row = tx.row(kind("sector"), sector).unwrap().unwrap();
        Ok(row.get(field("sector", "notes")).as_text().unwrap_or_default().to_owned())
    })
}

fn change(lab: &mut Lab, laptop: &mut Laptop, sector: RecordId, from: &str, to: &str) -> Change {
    let text = shown(laptop, sector);
    assert!(text.contains(from), "{from} in {text}");
    let wanted = Value::text(text.replacen(from, to, 1));
    lab.save(laptop, vec![set("sector", sector, "notes", wanted)]).expect("it changes something").change
}

fn text_op(sector: RecordId, seen: &str, at: u32, insert: &str) -> Op {
    let edits = vec![TextEdit { at, delete: 0, insert: insert.into() }];
    Op::Text {
        collection: kind("sector"),
        record: sector,
        field: field("sector", "notes"),
        seen: fingerprint(seen),
        edits,
    }
}

fn central(lab: &Lab, sector: RecordId) -> String {
    lab.value("sector", sector, "notes").as_text().unwrap_or_default().to_owned()
}

#[test]
fn a_whole_text_is_saved_as_what_was_typed_and_the_text_it_was_typed_on_stays_here() {
    let (mut lab, sector, mut a, _) = two_laptops();
    let saved = change(&mut lab, &mut a, sector, "noon", "ten");
    let [Op::Text { seen, edits, .. }] = &saved.ops[..] else { panic!("{:?}", saved.ops) };
    assert_eq!(*seen, fingerprint(NOTES));
    assert_eq!(edits, &[TextEdit { at: 12, delete: 4, insert: "ten".into() }]);
    assert_eq!(saved.was, [Value::text(NOTES)]);
    let batch = lab.seal(&mut a).expect("a batch");
    let Entry::Change(bytes) = &batch.entries[0] else { panic!("a skip") };
    let sent = Change::from_bytes(bytes).expect("a change");
    assert_eq!(sent.was, [Value::Null]);
    let kept = write(&mut a, |tx| Ok(tx.outbox_get(saved.id).unwrap().unwrap()));
    assert_eq!(kept.change.was, [Value::text(NOTES)]);
    assert_eq!(kept.change.content_hash(), sent.content_hash());
    assert_eq!(kept.sealed.as_deref(), Some(bytes.as_slice()));
}

#[test]
fn two_laptops_type_offline_and_show_one_text() {
    let (mut lab, sector, mut a, mut b) = two_laptops();
    change(&mut lab, &mut a, sector, "noon", "ten");
    change(&mut lab, &mut a, sector, "Ask", "Always ask");
    change(&mut lab, &mut b, sector, "licence desk.", "licence desk. Thank them.");
    assert!(lab.push(&mut a).iter().all(|o| o.kind == OutcomeKind::Applied));
    // What is confirmed moves under the waiting edit.
    lab.pull(&mut b);
    let both = "Call before ten. Always ask for the licence desk. Thank them.";
    assert_eq!(shown(&mut b, sector), both);
    let outcomes = lab.push(&mut b);
    assert_eq!(outcomes[0].kind, OutcomeKind::Merged);
    lab.pull(&mut a);
    lab.pull(&mut b);
    assert_eq!((central(&lab, sector).as_str(), shown(&mut a, sector).as_str()), (both, both));
    assert_eq!(shown(&mut b, sector), both);
    assert_eq!(lab.open_items(), []);
}

#[test]
fn typing_on_a_forecast_is_sent_as_a_whole_text() {
    let (mut lab, sector, mut a, mut b) = two_laptops();
    change(&mut lab, &mut b, sector, "noon", "noon, or after two");
    change(&mut lab, &mut a, sector, "noon", "eleven");
    lab.push(&mut a);
    lab.pull(&mut b);
    let on_forecast = change(&mut lab, &mut b, sector, "licence", "permit");
    assert!(matches!(on_forecast.ops[..], [Op::Set { .. }]), "{:?}", on_forecast.ops);
    let wanted = shown(&mut b, sector);
    lab.push(&mut b);
    lab.pull(&mut b);
    assert_eq!(central(&lab, sector), shown(&mut b, sector));
    assert_eq!(central(&lab, sector), wanted);
    assert_eq!(lab.open_items(), []);
}

#[test]
fn a_renewed_incarnation_sends_its_typing_once() {
    let (mut lab, sector, mut a, mut b) = two_laptops();
    change(&mut lab, &mut a, sector, "noon", "ten");
    let batch = lab.seal(&mut a).expect("a batch");
    // Central has it, the answer is lost, and the database gets a new identity.
    lab.admit(&a, &batch);
    change(&mut lab, &mut b, sector, "desk", "office");
    lab.push(&mut b);
    lab.renew(&mut a);
    change(&mut lab, &mut a, sector, "ten", "ten sharp");
    let outcomes = lab.push(&mut a);
    assert_eq!(outcomes.len(), 2);
    lab.pull(&mut a);
    assert_eq!(central(&lab, sector), "Call before ten sharp. Ask for the licence office.");
    assert_eq!(shown(&mut a, sector), central(&lab, sector));
    assert_eq!(lab.open_items(), []);
}

#[test]
fn a_discarded_edit_comes_back_over_what_is_here_now() {
    let (mut lab, sector, mut a, mut b) = two_laptops();
    let first = change(&mut lab, &mut a, sector, "noon", "ten").id;
    write(&mut a, |tx| discard(tx, first).map_err(|e| e.to_string()));
    assert_eq!(shown(&mut a, sector), NOTES);
    change(&mut lab, &mut b, sector, "Ask", "Always ask");
    lab.push(&mut b);
    lab.pull(&mut a);
    let again = write(&mut a, |tx| take_for_reissue(tx, first).map_err(|e| e.to_string()));
    lab.saved(&mut a, again.ops);
    assert_eq!(shown(&mut a, sector), "Call before ten. Always ask for the licence desk.");
    lab.push(&mut a);
    assert_eq!(central(&lab, sector), "Call before ten. Always ask for the licence desk.");
}

#[test]
fn an_edit_typed_over_a_discarded_one_keeps_that_one_out() {
    let (mut lab, sector, mut a, _) = two_laptops();
    let first = change(&mut lab, &mut a, sector, "noon", "ten").id;
    write(&mut a, |tx| discard(tx, first).map_err(|e| e.to_string()));
    change(&mut lab, &mut a, sector, "Ask", "Always ask");
    write(&mut a, |tx| match restore(tx, first) {
        Err(_) => Ok(()),
        Ok(()) => Err("restored under later typing".to_owned()),
    });
}

#[test]
fn a_refused_edit_keeps_its_text_and_so_does_what_was_typed_on_it() {
    let (mut lab, sector, mut a, _) = two_laptops();
    let first = change(&mut lab, &mut a, sector, "noon", "ten").id;
    let second = change(&mut lab, &mut a, sector, "ten", "ten sharp").id;
    // The first never reaches central as it was typed.
    write(&mut a, |tx| discard(tx, first).map_err(|e| e.to_string()));
    let outcomes = lab.push(&mut a);
    assert_eq!(outcomes[0].kind, OutcomeKind::Rejected, "{outcomes:?}");
    assert_eq!(central(&lab, sector), NOTES, "nothing is put somewhere else");
    let kept = write(&mut a, |tx| {
        apply_outcomes(tx, &outcomes).map_err(|e| e.to_string())?;
        Ok(tx.outbox_get(second).unwrap().unwrap())
    });
    assert_eq!(kept.state, OutboxState::Rejected);
    assert_eq!(kept.change.was, [Value::text(NOTES.replace("noon", "ten"))]);
    let again = write(&mut a, |tx| take_for_reissue(tx, second).map_err(|e| e.to_string()));
    lab.saved(&mut a, again.ops);
    lab.push(&mut a);
    assert!(central(&lab, sector).contains("sharp"), "{}", central(&lab, sector));
}

#[test]
fn edits_of_one_change_on_one_text_become_one_operation() {
    let (mut lab, sector, mut a, _) = two_laptops();
    let ops = vec![
        text_op(sector, NOTES, 0, "1. "),
        set("sector", sector, "region", Value::text("North")),
        text_op(sector, &format!("1. {NOTES}"), 3, "Please: "),
    ];
    let saved = lab.save(&mut a, ops).expect("it changes something").change;
    assert_eq!(saved.ops.len(), 2, "{:?}", saved.ops);
    lab.push(&mut a);
    assert_eq!(central(&lab, sector), format!("1. Please: {NOTES}"));
}

#[test]
fn a_large_text_is_replaced_within_one_change() {
    let (mut lab, sector, mut a, _) = two_laptops();
    let large = |word: &str| word.repeat(59_000 / word.len());
    for word in ["alpha ", "omega "] {
        lab.saved(&mut a, vec![set("sector", sector, "notes", Value::text(large(word)))]);
        lab.push(&mut a);
        lab.pull(&mut a);
        assert_eq!(central(&lab, sector), large(word));
    }
}

#[test]
fn typing_on_a_clause_bound_meanwhile_waits_and_later_typing_is_refused() {
    let mut lab = Lab::new();
    let (mut a, mut b) = (lab.laptop(), lab.laptop());
    let (treaty, clause) = (lab.record(), lab.record());
    let text = "The licence holds for one year.";
    let values = [("heading", Value::text("Term")), ("treaty", Value::Id(treaty)), ("text", Value::text(text))];
    let ops = vec![insert("treaty", treaty, &[("name", Value::text("T"))]), insert("clause", clause, &values)];
    lab.saved(&mut a, ops);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);
    lab.saved(&mut a, vec![set("clause", clause, "bound", Value::Bool(true))]);
    lab.push(&mut a);
    let typed = text.replace("one year", "two years");
    lab.saved(&mut b, vec![set("clause", clause, "text", Value::text(typed.clone()))]);
    let outcomes = lab.push(&mut b);
    assert_eq!(outcomes[0].kind, OutcomeKind::Merged, "{outcomes:?}");
    assert_eq!(lab.value("clause", clause, "text"), Value::text(text));
    let items = lab.open_items();
    assert_eq!((items[0].rule.as_str(), &items[0].mine[0].values), ("Frozen", &vec![Value::text(typed)]));
    // Who knows that it is bound may not, whatever their laptop lets them.
    let mut batch = {
        lab.pull(&mut a);
        lab.saved(&mut a, vec![set("clause", clause, "heading", Value::text("Duration"))]);
        lab.seal(&mut a).expect("a batch")
    };
    let Entry::Change(bytes) = &batch.entries[0] else { panic!("a skip") };
    let mut change = Change::from_bytes(bytes).expect("a change");
    change.ops = vec![set("clause", clause, "text", Value::text("Three years."))];
    batch.entries[0] = Entry::Change(change.to_bytes().into());
    let omni_sync::central::Admitted::Done { outcomes, .. } = lab.admit(&a, &batch) else { panic!("not answered") };
    assert_eq!((outcomes[0].kind, outcomes[0].code.as_deref()), (OutcomeKind::Rejected, Some("frozen")));
    assert_eq!(lab.value("clause", clause, "text"), Value::text(text));
}
