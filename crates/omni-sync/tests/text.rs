//! Properties of texts as plain values.

use omni_model::TextEdit;
use omni_sync::text::{Overlap, apply, diff, merge3, rebase};
use std::time::{Duration, Instant};

/// Seeded numbers (SplitMix64): a failing case is named by its seed.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn text(&mut self, words: usize) -> String {
        const WORDS: &[&str] = &[
            "fee",
            "shall",
            "pay",
            "the",
            "licence",
            " ",
            " ",
            " ",
            ", ",
            ".\n",
            "e\u{301}tat",
            "שלום",
            "عقد",
            "👩‍👩‍👧",
            "🇩🇪",
            "契約",
            "1,000.00",
            "don't",
            "\u{1F468}",
        ];
        (0..words).map(|_| WORDS[self.below(WORDS.len())]).collect()
    }

    fn edits(&mut self, text: &str, n: usize) -> Vec<TextEdit> {
        let mut len = text.chars().count();
        (0..n)
            .map(|_| {
                let at = self.below(len + 1);
                let delete = self.below((len - at).min(12) + 1);
                let words = self.below(4);
                let insert = self.text(words);
                len = len - delete + insert.chars().count();
                TextEdit { at: at as u32, delete: delete as u32, insert }
            })
            .collect()
    }
}

fn edit(at: u32, delete: u32, insert: &str) -> TextEdit {
    TextEdit { at, delete, insert: insert.into() }
}

#[test]
fn a_diff_turns_one_text_into_the_other() {
    for seed in 0..3_000 {
        let mut rng = Rng(seed);
        let (n, m) = (rng.below(60), rng.below(60));
        let old = rng.text(n);
        let edits = rng.edits(&old, m % 6);
        let new = if seed % 3 == 0 { rng.text(m) } else { apply(&old, &edits).unwrap() };
        assert_eq!(apply(&old, &diff(&old, &new)).as_deref(), Some(new.as_str()), "seed {seed}");
    }
}

#[test]
fn a_diff_replaces_whole_words() {
    assert_eq!(diff("the color of it", "the colour of it"), [edit(4, 5, "colour")]);
    assert_eq!(diff("pay the fee", "pay the yearly fee"), [edit(8, 0, "yearly ")]);
    assert_eq!(diff("one two three", "uno due three"), [edit(0, 7, "uno due")]);
    assert_eq!(diff("état", "e\u{301}tat"), [edit(0, 4, "e\u{301}tat")]);
    assert_eq!(diff("👩‍👩‍👧 x", "👩‍👩‍👦 x"), [edit(0, 5, "👩‍👩‍👦")]);
    // A word comes and goes with the blank behind it, whatever else changed; words that stand stay, blanks give way.
    assert_eq!(diff("one two three four", "two three new four"), [edit(0, 4, ""), edit(10, 0, "new ")]);
    assert_eq!(diff("one two three four", "new one two four"), [edit(0, 0, "new "), edit(12, 6, "")]);
    assert_eq!(diff("one two three", "new one three"), [edit(0, 0, "new "), edit(8, 4, "")]);
    assert_eq!(diff("one two.", "one two three."), [edit(7, 0, " three")]);
    assert_eq!(diff("", "new"), [edit(0, 0, "new")]);
    assert_eq!(diff("same", "same"), []);
}

#[test]
fn large_texts_are_compared_in_bounded_time() {
    let mut rng = Rng(7);
    let mut clause = |words: usize| -> String { (0..words).map(|_| format!("w{} ", rng.below(3_000))).collect() };
    let (old, other) = (clause(10_000), clause(10_000));
    let mut moved: Vec<&str> = old.split_inclusive(' ').collect();
    moved.rotate_left(4_000);
    for new in [&other, &moved.concat(), &old.to_uppercase()] {
        let begin = Instant::now();
        let edits = diff(&old, new);
        assert!(begin.elapsed() < Duration::from_secs(20), "took {:?}", begin.elapsed());
        assert_eq!(apply(&old, &edits).as_ref(), Some(new));
    }
}

#[test]
fn edits_outside_the_text_are_refused() {
    for bad in [edit(4, 0, "x"), edit(2, 2, ""), edit(u32::MAX, 1, ""), edit(1, u32::MAX, "")] {
        assert_eq!(apply("abc", std::slice::from_ref(&bad)), None);
        assert_eq!(rebase(&[bad], "abc", "abc"), None);
    }
}

#[test]
fn edits_moved_to_their_own_text_do_the_same() {
    for seed in 0..3_000 {
        let mut rng = Rng(seed);
        let n = rng.below(40);
        let from = rng.text(n);
        let n = rng.below(8);
        let edits = rng.edits(&from, n);
        let same = rebase(&edits, &from, &from).unwrap();
        assert_eq!(apply(&from, &same), apply(&from, &edits), "seed {seed}");
    }
}

/// What is typed stays in one piece, what others typed stays, and what was deleted is gone.
#[test]
fn moved_edits_keep_their_intent() {
    for seed in 0..3_000u64 {
        let mut rng = Rng(seed);
        let from: String = (0..30).map(|i| format!("w{i} ")).collect();
        let words: Vec<&str> = from.split_inclusive(' ').collect();
        let (gone, at, theirs_gone) = (rng.below(30), rng.below(31), rng.below(30));
        let place = |n: usize| words[..n].iter().map(|w| w.chars().count() as u32).sum::<u32>();
        let mine = [
            edit(place(at), 0, "MINE "),
            edit(place(gone) + if at <= gone { 5 } else { 0 }, words[gone].chars().count() as u32, ""),
        ];
        let other = rng.below(31);
        // Put in next to a word both delete, blank and all, one word would touch the next.
        if gone == theirs_gone && (other == gone || other == gone + 1) {
            continue;
        }
        let mut to: Vec<&str> = words.clone();
        to[theirs_gone] = "";
        to.insert(other, "THEIRS ");
        let to = to.concat();
        let moved = apply(&to, &rebase(&mine, &from, &to).unwrap()).unwrap();
        let left: Vec<&str> = moved.split(' ').filter(|w| w.starts_with('w')).collect();
        let want: Vec<String> = (0..30).filter(|i| *i != gone && *i != theirs_gone).map(|i| format!("w{i}")).collect();
        assert_eq!(left, want, "seed {seed}: {moved}");
        assert_eq!(moved.matches("MINE ").count(), 1, "seed {seed}: {moved}");
        assert_eq!(moved.matches("THEIRS ").count(), 1, "seed {seed}: {moved}");
        if at != other {
            let before = |t: &str| moved.split(' ').take_while(|w| *w != t).filter(|w| w.starts_with('w')).count();
            let kept_before = (0..at).filter(|i| *i != gone && *i != theirs_gone).count();
            assert_eq!(before("MINE"), kept_before, "seed {seed}: {moved}");
        }
    }
}

#[test]
fn a_three_way_merge_takes_both_sides() {
    let base = "The licensee shall pay the fee within thirty days.\nNotice is given in writing.";
    let mine = "The licensee shall pay the yearly fee within thirty days.\nNotice is given in writing.";
    let theirs = "The licensee shall pay the fee within sixty days.\nNotice is given by mail.";
    let both = "The licensee shall pay the yearly fee within sixty days.\nNotice is given by mail.";
    assert_eq!(merge3(base, mine, theirs).as_deref(), Ok(both));
    assert_eq!(merge3(base, theirs, mine).as_deref(), Ok(both));
}

#[test]
fn the_same_place_changed_differently_is_an_overlap() {
    assert_eq!(merge3("thirty days", "sixty days", "ninety days"), Err(Overlap));
    assert_eq!(merge3("pay fee", "pay the fee", "pay a fee"), Err(Overlap));
    assert_eq!(merge3("thirty days", "days", "sixty days"), Err(Overlap));
    assert_eq!(merge3("thirty days", "sixty days", "sixty days").as_deref(), Ok("sixty days"));
}

#[test]
fn three_way_merges_are_symmetric_and_lose_no_word() {
    let (mut merged, mut overlaps) = (0, 0);
    for seed in 0..3_000 {
        let mut rng = Rng(seed);
        let n = 1 + rng.below(40);
        let base = rng.text(n);
        let (n, m) = (rng.below(3), rng.below(3));
        let (mine, theirs) = (rng.edits(&base, n), rng.edits(&base, m));
        let (mine, theirs) = (apply(&base, &mine).unwrap(), apply(&base, &theirs).unwrap());
        let both = merge3(&base, &mine, &theirs);
        assert_eq!(both, merge3(&base, &theirs, &mine), "seed {seed}");
        assert_eq!(merge3(&base, &mine, &base).as_deref(), Ok(mine.as_str()), "seed {seed}");
        assert_eq!(merge3(&base, &mine, &mine).as_deref(), Ok(mine.as_str()), "seed {seed}");
        match both {
            Err(Overlap) => overlaps += 1,
            Ok(text) => {
                merged += 1;
                for typed in diff(&base, &mine).iter().chain(&diff(&base, &theirs)) {
                    assert!(text.contains(&typed.insert), "seed {seed}: {typed:?} is not in {text:?}");
                }
            }
        }
    }
    assert!(merged > 1_000 && overlaps > 100, "{merged} merged, {overlaps} overlaps");
}
