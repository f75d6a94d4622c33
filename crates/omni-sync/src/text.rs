//! Texts as plain values: applying edits, finding them, moving them over other edits, three-way merge.
//!
//! Positions count Unicode scalar values. Nothing here decides between two authors: that is central's text engine; here are
//! the parts laptops need to show a text and to say what was typed.

use omni_model::TextEdit;

/// What an edit names the text it was made on by: the first 8 bytes of its BLAKE3, little endian.
pub fn fingerprint(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

/// Applies edits one after another. `None` if one lies outside the text.
pub fn apply(text: &str, edits: &[TextEdit]) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let at = edit.at as usize;
        let end = at.checked_add(edit.delete as usize)?;
        if end > chars.len() {
            return None;
        }
        chars.splice(at..end, edit.insert.chars());
    }
    Some(chars.into_iter().collect())
}

/// Both sides changed the same place, differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

/// Merges two texts made from one.
pub fn merge3(base: &str, mine: &str, theirs: &str) -> Result<String, Overlap> {
    match (base == mine, base == theirs || mine == theirs) {
        (true, _) => Ok(theirs.to_owned()),
        (_, true) => Ok(mine.to_owned()),
        _ => Err(Overlap),
    }
}
