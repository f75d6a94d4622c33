//! Two people type into one clause.

use crate::kit::{Central, Laptop, Rng, bare, edit, words};

const CLAUSE: &str = "The licensee shall pay the licence fee within thirty days of the invoice.\n";

/// Types words one keystroke each, sometimes deletes a word typed before, sometimes moves a passage: cut, then pasted
/// elsewhere. No word is typed twice. Returns the words that must stand at the end.
fn type_a_while(laptop: &mut Laptop, name: char, keystrokes: usize, rng: &mut Rng) -> Vec<String> {
    let mut mine: Vec<String> = Vec::new();
    let (mut typed, mut words, mut moves) = (0, 0, 0);
    // Both start at the end of the clause: the same place.
    let mut at = laptop.text.chars().count();
    while typed < keystrokes {
        let word = format!("{name}{words} ");
        words += 1;
        for c in word.chars() {
            laptop.edit(&[edit(at, 0, &c.to_string())]);
            at += 1;
            typed += 1;
        }
        mine.push(word.trim_end().to_owned());
        if words % 25 == 0 {
            let gone = mine.remove(rng.below(mine.len()));
            let from = place(&laptop.text, &gone);
            laptop.edit(&[edit(from, gone.len() + 1, "")]);
            at = laptop.text.chars().count();
        }
        if words % 40 == 0 {
            // The newest words stand together, as they were typed. The passage ends with a blank, so both ends lie
            // between words.
            let first = mine.len() - 4 - rng.below(8);
            let passage: String = mine[first..first + 4].iter().map(|w| format!("{w} ")).collect();
            let from = place(&laptop.text, passage.trim_end());
            laptop.edit(&[edit(from, passage.len(), ""), edit(0, 0, &passage)]);
            at = laptop.text.chars().count();
            moves += 1;
        }
    }
    assert!(words > 300 && moves > 7, "{words} words, {moves} moves");
    mine
}

fn place(text: &str, word: &str) -> usize {
    let bytes = text.find(&format!("{word} ")).unwrap();
    text[..bytes].chars().count()
}

#[test]
fn two_laptops_type_2000_characters_each_offline() {
    for seed in 0..3 {
        let mut central = Central::holding(CLAUSE);
        let loro = bare(CLAUSE);
        let (mut a, mut b) = (Laptop::new(1, &central, &loro), Laptop::new(2, &central, &loro));
        let of_a = type_a_while(&mut a, 'a', 2_000, &mut Rng(seed));
        let of_b = type_a_while(&mut b, 'b', 2_000, &mut Rng(seed + 100));
        // Their connections come and go: one sends a part, then the other.
        let mut rng = Rng(seed);
        while !(a.queue.is_empty() && b.queue.is_empty()) {
            let laptop = if rng.below(2) == 0 { &mut a } else { &mut b };
            for _ in 0..rng.below(200).min(laptop.queue.len()) {
                laptop.send_one(&mut central, &loro);
            }
        }
        a.receive(&central, &loro);
        b.receive(&central, &loro);
        assert_eq!(a.text, b.text, "one text on both");
        assert_eq!(a.text, loro.get_text("t").to_string(), "what loro gives");
        let standing = words(&a.text);
        for word in of_a.iter().chain(&of_b) {
            assert_eq!(standing.iter().filter(|w| *w == word).count(), 1, "{word} stands once and whole");
        }
        let clause = words(CLAUSE);
        assert_eq!(standing.len(), clause.len() + of_a.len() + of_b.len(), "nothing else stands there");
    }
}

#[test]
fn typing_at_one_place_does_not_interleave() {
    let mut central = Central::holding("before  after");
    let loro = bare("before  after");
    let (mut a, mut b) = (Laptop::new(1, &central, &loro), Laptop::new(2, &central, &loro));
    for (i, c) in "the first passage".chars().enumerate() {
        a.edit(&[edit(7 + i, 0, &c.to_string())]);
    }
    // Backwards, as after pressing Home each time.
    for c in "another".chars().rev() {
        b.edit(&[edit(7, 0, &c.to_string())]);
    }
    for i in 0..17 {
        a.send_one(&mut central, &loro);
        if i < 7 {
            b.send_one(&mut central, &loro);
        }
    }
    assert!(central.text.contains("the first passage") && central.text.contains("another"), "{}", central.text);
    assert_eq!(central.text, loro.get_text("t").to_string());
}

#[test]
fn an_edit_that_meets_nothing_unknown_is_not_said_to() {
    let mut central = Central::holding("one");
    let loro = bare("one");
    let (mut a, mut b) = (Laptop::new(1, &central, &loro), Laptop::new(2, &central, &loro));
    let mut merge = |laptop: &mut Laptop, text: &str| {
        let knowledge = laptop.knowledge();
        laptop.counter += 1;
        let write = omni_sync::central::TextWrite::Whole(text);
        central.merge(laptop.replica, laptop.counter, &knowledge, &write).unwrap()
    };
    assert!(!merge(&mut a, "one two").met);
    assert!(!merge(&mut a, "one two three").met, "own writes are known");
    let met = merge(&mut b, "zero one");
    assert!(met.met);
    assert_eq!(met.text, "zero one two three");
}
