//! Finding the edits between two texts.

use super::hunks::{hunks, words};
use omni_model::TextEdit;

/// Edits that turn `old` into `new`, front to back. Whole words are replaced, so that two people's edits do not mix inside
/// one.
pub fn diff(old: &str, new: &str) -> Vec<TextEdit> {
    if old == new {
        return Vec::new();
    }
    let (a, b) = (words(old), words(new));
    let (mut edits, mut at, mut from) = (Vec::new(), 0, 0);
    for hunk in hunks(&a, &b) {
        at += count(&a[from..hunk.old.start]);
        let insert = b[hunk.new].concat();
        let typed = insert.chars().count() as u32;
        edits.push(TextEdit { at, delete: count(&a[hunk.old.clone()]), insert });
        at += typed;
        from = hunk.old.end;
    }
    edits
}

fn count(words: &[&str]) -> u32 {
    words.iter().map(|w| w.chars().count() as u32).sum()
}
