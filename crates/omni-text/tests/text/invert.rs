//! Taking a write back.

use crate::kit::{Central, Knowledge, edit, replica};
use omni_sync::central::{TextStop, TextWrite};
use omni_sync::meta::Stamp;
use omni_sync::text::fingerprint;

fn everything() -> Knowledge {
    Knowledge { base: u64::MAX, own: Vec::new() }
}

fn write(central: &mut Central, author: u64, counter: u64, base: u64, wanted: &str) -> Stamp {
    let knowledge = Knowledge { base, own: vec![(replica(author), counter)] };
    central.merge(replica(author), counter, &knowledge, &TextWrite::Whole(wanted)).unwrap();
    Stamp { seq: central.seq(), replica: replica(author), counter }
}

#[test]
fn typed_goes_deleted_comes_back_and_later_typing_stays() {
    let mut central = Central::holding("pay the fee within thirty days");
    let first = write(&mut central, 1, 1, 1, "pay the yearly fee within days");
    write(&mut central, 2, 1, 2, "please pay the yearly licence fee within working days");
    let undo = |central: &mut Central, counter: u64, target: Stamp| {
        let merged = central.merge(replica(3), counter, &everything(), &TextWrite::Invert(target)).unwrap();
        assert!(!merged.met);
        Stamp { seq: central.seq(), replica: replica(3), counter }
    };
    let undone = undo(&mut central, 1, first);
    assert_eq!(central.text, "please pay the licence fee within thirty working days");
    undo(&mut central, 2, undone);
    assert_eq!(central.text, "please pay the yearly licence fee within working days", "redone");
}

#[test]
fn two_writes_of_one_change_go_together() {
    let mut central = Central::holding("a b c");
    let knows = Knowledge { base: 1, own: vec![(replica(1), 1)] };
    let stamp = Stamp { seq: 2, replica: replica(1), counter: 1 };
    for (seen, wanted) in [("a b c", edit(0, 0, "x ")), ("x a b c", edit(7, 0, " y"))] {
        let edits = [wanted];
        let input = omni_sync::central::TextInput {
            history: central.history.as_deref(),
            committed: &central.text,
            committed_by: central.committed_by,
            knows: &|s| knows.knows(s),
            stamp,
        };
        let write = TextWrite::Edits { seen: fingerprint(seen), edits: &edits };
        let merged = omni_sync::central::TextEngine::merge(&omni_text::LoroTexts::default(), &input, &write).unwrap();
        (central.history, central.text) = (Some(merged.history), merged.text);
    }
    assert_eq!(central.text, "x a b c y");
    central.log.push(central.text.clone());
    let input = central.merge(replica(2), 1, &everything(), &TextWrite::Invert(stamp)).unwrap();
    assert_eq!(input.text, "a b c");
}

#[test]
fn the_first_text_can_be_taken_back_and_a_stranger_cannot() {
    let mut central = Central::holding("first");
    write(&mut central, 1, 1, 1, "first second");
    let stranger = Stamp { seq: 77, replica: replica(8), counter: 1 };
    assert_eq!(central.merge(replica(3), 1, &everything(), &TextWrite::Invert(stranger)), Err(TextStop::Unknown));
    let first = Stamp { seq: 1, replica: replica(99), counter: 1 };
    central.merge(replica(3), 1, &everything(), &TextWrite::Invert(first)).unwrap();
    assert_eq!(central.text, " second");
}

#[test]
fn an_inversion_meets_what_its_author_did_not_know() {
    let mut central = Central::holding("one two");
    let target = write(&mut central, 1, 1, 1, "one two three");
    write(&mut central, 2, 1, 2, "zero one two three");
    let knows = Knowledge { base: 2, own: Vec::new() };
    let merged = central.merge(replica(3), 1, &knows, &TextWrite::Invert(target)).unwrap();
    assert!(merged.met);
    assert_eq!(merged.text, "zero one two");
}
