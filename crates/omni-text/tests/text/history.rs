//! What a history keeps, and what becomes of those it leaves behind.

use crate::kit::{Central, Knowledge, Laptop, bare, edit, replica};
use omni_sync::central::{TextStop, TextWrite};
use omni_sync::meta::Stamp;
use omni_sync::text::fingerprint;
use omni_text::{HISTORY_BYTES_MAX, LoroTexts};

/// Writes the engine of these tests keeps one by one.
const KEPT: usize = 50;

/// Writes a whole text, knowing everything so far.
fn next(central: &mut Central, author: u64, counter: u64, wanted: &str) {
    let base = central.seq();
    whole(central, author, counter, base, wanted).unwrap();
}

fn whole(central: &mut Central, author: u64, counter: u64, base: u64, wanted: &str) -> Result<String, TextStop> {
    let knowledge = Knowledge { base, own: vec![(replica(author), counter)] };
    central.merge(replica(author), counter, &knowledge, &TextWrite::Whole(wanted)).map(|m| m.text)
}

#[test]
fn a_renewed_incarnation_knows_its_parents_writes() {
    let mut central = Central::holding("base.");
    let parent = Knowledge { base: 1, own: vec![(replica(1), 0)] };
    let edits = [edit(5, 0, " One")];
    let write = TextWrite::Edits { seen: fingerprint("base."), edits: &edits };
    central.merge(replica(1), 1, &parent, &write).unwrap();
    whole(&mut central, 7, 1, 1, "Other. base.").unwrap();
    // Typed on the parent's text, sent by the child that names it.
    let edits = [edit(9, 0, " two")];
    let write = TextWrite::Edits { seen: fingerprint("base. One"), edits: &edits };
    let stranger = Knowledge { base: 1, own: Vec::new() };
    assert_eq!(central.merge(replica(2), 1, &stranger, &write), Err(TextStop::Misfit));
    let child = Knowledge { base: 1, own: vec![(replica(1), 1)] };
    central.merge(replica(2), 1, &child, &write).unwrap();
    assert_eq!(central.text, "Other. base. One two");
}

#[test]
fn a_rejected_first_update_changes_nothing_and_the_second_is_told_apart() {
    let mut central = Central::holding("base");
    let knowledge = Knowledge { base: 1, own: Vec::new() };
    let before = (central.text.clone(), central.history.clone());
    let outside = [edit(9, 0, "x")];
    let write = TextWrite::Edits { seen: fingerprint("base"), edits: &outside };
    assert_eq!(central.merge(replica(1), 1, &knowledge, &write), Err(TextStop::Misfit));
    // Typed on a text the first would have made: it must not be merged somewhere else.
    let edits = [edit(5, 0, "!")];
    let write = TextWrite::Edits { seen: fingerprint("base x"), edits: &edits };
    assert_eq!(central.merge(replica(1), 2, &knowledge, &write), Err(TextStop::Misfit));
    assert_eq!((central.text.clone(), central.history.clone()), before);
    let edits = [edit(4, 0, " line")];
    let write = TextWrite::Edits { seen: fingerprint("base"), edits: &edits };
    assert_eq!(central.merge(replica(1), 3, &knowledge, &write).unwrap().text, "base line");
}

/// A history that was begun anew: replica 1 wrote all of it, the last write is known from `base` on.
fn overgrown() -> (Central, u64) {
    let mut central = Central::holding("One clause. Two clauses.");
    central.engine = LoroTexts::keeping(KEPT);
    for n in 0..KEPT as u64 {
        let text = format!("One clause. Two clauses. Revision {n}.");
        next(&mut central, 1, n + 1, &text);
    }
    let base = central.seq();
    (central, base)
}

#[test]
fn an_update_below_the_kept_history_is_merged_by_words_and_so_is_what_follows_it() {
    let (mut central, base) = overgrown();
    let old = central.at(1);
    let knowledge = Knowledge { base: 1, own: vec![(replica(2), 3)] };
    let edits = [edit(0, 0, "First. ")];
    let write = TextWrite::Edits { seen: fingerprint(&old), edits: &edits };
    assert_eq!(central.merge(replica(2), 1, &knowledge, &write), Err(TextStop::BelowHistory));
    let wanted = format!("First. {old}");
    let write = TextWrite::Old { base: &old, wanted: &wanted };
    let merged = central.merge(replica(2), 1, &knowledge, &write).unwrap();
    let revision = KEPT - 1;
    assert_eq!(merged.text, format!("First. One clause. Two clauses. Revision {revision}."));
    // The next edit was typed on the text the first one left on the laptop.
    let edits = [edit(6, 0, " Second.")];
    let write = TextWrite::Edits { seen: fingerprint(&wanted), edits: &edits };
    central.merge(replica(2), 2, &knowledge, &write).unwrap();
    let third = format!("First. Second. {old} Third.");
    central.merge(replica(2), 3, &knowledge, &TextWrite::Whole(&third)).unwrap();
    let all = central.text.clone();
    assert!(all.starts_with("First. Second. One clause. Two clauses.") && all.contains("Third."), "{all}");
    assert!(all.contains(&format!("Revision {revision}.")), "{all}");
    // Once the laptop has caught up, its whole texts mean what they say.
    let wanted = all.replace("Second. ", "");
    next(&mut central, 2, 4, &wanted);
    assert_eq!(central.text, wanted);
    assert!(base < central.seq());
}

#[test]
fn overlapping_old_edits_are_left_to_a_person() {
    let (mut central, _) = overgrown();
    let before = central.text.clone();
    let knowledge = Knowledge { base: 1, own: Vec::new() };
    let write = TextWrite::Old { base: "One clause. Two clauses.", wanted: "One clause. Two clauses. Mine." };
    assert_eq!(central.merge(replica(2), 1, &knowledge, &write), Err(TextStop::Overlap));
    assert_eq!(central.text, before);
}

#[test]
fn who_knows_all_below_goes_on_as_before() {
    let (mut central, base) = overgrown();
    let text = central.text.clone();
    whole(&mut central, 2, 1, base, &format!("{text} More.")).unwrap();
    assert_eq!(central.text, format!("{text} More."));
    assert_eq!(whole(&mut central, 3, 1, base - 1, "x"), Err(TextStop::BelowHistory));
    let target = Stamp { seq: 5, replica: replica(1), counter: 4 };
    let knowledge = Knowledge { base: u64::MAX, own: Vec::new() };
    assert_eq!(central.merge(replica(3), 1, &knowledge, &TextWrite::Invert(target)), Err(TextStop::BelowHistory));
}

#[test]
fn a_history_stays_within_its_bytes() {
    let mut central = Central::holding("");
    let mut largest = 0;
    for n in 0..40u64 {
        let text: String = (0..6_000).map(|i| format!("{:x} ", (n + 7) * (i + 13) * 2_654_435_761)).collect();
        let text: String = text.chars().take(50_000).collect();
        next(&mut central, 1, n + 1, &text);
        assert_eq!(central.text, text);
        largest = largest.max(central.history.as_ref().unwrap().len());
    }
    assert!(largest <= HISTORY_BYTES_MAX, "{largest}");
}

#[test]
fn equal_edits_count_once_and_the_next_edit_fits() {
    let mut central = Central::holding("colour of teh licence");
    let loro = bare(&central.text);
    let (mut a, mut b) = (Laptop::new(1, &central, &loro), Laptop::new(2, &central, &loro));
    a.edit(&[edit(10, 3, "the")]);
    b.edit(&[edit(10, 3, "the")]);
    b.edit(&[edit(21, 0, "!")]);
    a.send(&mut central, &loro);
    b.send(&mut central, &loro);
    assert_eq!(central.text, "colour of the licence!");
}

#[test]
fn a_text_written_past_the_history_is_taken_in() {
    let mut central = Central::holding("one two");
    whole(&mut central, 1, 1, 1, "one two three").unwrap();
    central.text = "one 2 three".into();
    central.log.push(central.text.clone());
    let seq = central.seq();
    central.committed_by = Some(Stamp { seq, replica: replica(5), counter: 1 });
    // Its author knew the first write, not what was written past the history.
    let edits = [edit(13, 0, " four")];
    let write = TextWrite::Edits { seen: fingerprint("one two three"), edits: &edits };
    let knowledge = Knowledge { base: seq - 1, own: Vec::new() };
    let merged = central.merge(replica(2), 1, &knowledge, &write).unwrap();
    assert_eq!((merged.text.as_str(), merged.met), ("one 2 three four", true));
}

#[test]
fn a_damaged_history_is_said_to_be_and_nothing_panics() {
    let mut central = Central::holding("one two");
    whole(&mut central, 1, 1, 1, "one two three").unwrap();
    let good = central.history.clone().unwrap();
    let text = central.text.clone();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1 << (i % 8);
        let cut = good[..i].to_vec();
        for history in [bad, cut] {
            central.history = Some(history);
            assert_eq!(whole(&mut central, 1, 2, 9, "x"), Err(TextStop::Corrupt), "byte {i}");
        }
    }
    assert_eq!(central.text, text);
}
