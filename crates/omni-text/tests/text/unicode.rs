//! Positions are Unicode scalar values, whatever stands in the text.

use crate::kit::{Central, Knowledge, Laptop, bare, edit, replica};
use omni_sync::central::TextWrite;

fn both(first: &str, of_a: (usize, usize, &str), of_b: (usize, usize, &str)) -> String {
    let mut central = Central::holding(first);
    let loro = bare(first);
    let (mut a, mut b) = (Laptop::new(1, &central, &loro), Laptop::new(2, &central, &loro));
    a.edit(&[edit(of_a.0, of_a.1, of_a.2)]);
    b.edit(&[edit(of_b.0, of_b.1, of_b.2)]);
    a.send(&mut central, &loro);
    b.send(&mut central, &loro);
    assert_eq!(central.text, loro.get_text("t").to_string());
    central.text
}

#[test]
fn characters_beyond_the_basic_plane_are_one_position() {
    assert_eq!(both("😀😀😀", (1, 0, "a"), (3, 0, "🇩🇪")), "😀a😀😀🇩🇪");
    assert_eq!(both("𝒜𝒷𝒸", (1, 1, ""), (2, 1, "𝒹")), "𝒜𝒹");
}

#[test]
fn combining_marks_and_right_to_left_text_stay_where_they_are() {
    assert_eq!(both("e\u{301}te\u{301}", (2, 0, "a"), (5, 0, " fini")), "e\u{301}ate\u{301} fini");
    assert_eq!(both("שלום עולם", (4, 0, " טוב"), (0, 0, "אמר: ")), "אמר: שלום טוב עולם");
    assert_eq!(both("عقد ١٢", (3, 0, " جديد"), (6, 0, "٣")), "عقد جديد ١٢٣");
}

#[test]
fn a_paste_of_60_kb_meets_an_edit() {
    let paste: String = (0..).map(|i| format!("word{i} ")).take(8_000).collect::<String>()[..60_000].to_owned();
    let text = both("start end", (6, 0, &paste), (9, 0, "!"));
    assert_eq!(text, format!("start {paste}end!"));
}

#[test]
fn a_text_may_become_empty_and_full_again() {
    let mut central = Central::holding("all of it");
    let all = Knowledge { base: 1, own: vec![(replica(1), 9)] };
    central.merge(replica(1), 1, &all, &TextWrite::Whole("")).unwrap();
    assert_eq!(central.text, "");
    let other = Knowledge { base: 1, own: Vec::new() };
    central.merge(replica(2), 1, &other, &TextWrite::Whole("all of it and more")).unwrap();
    assert_eq!(central.text, " and more", "what was typed behind a deleted text stays");
}
