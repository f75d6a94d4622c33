//! Search text: what is indexed and what is typed are folded the same way before SQLite's tokenizer (which drops
//! diacritics) sees them.

/// Version of the folding; another one makes every search index anew.
pub const VERSION: u32 = 1;
/// Most words of one search that count.
const WORDS_MAX: usize = 12;
/// Longest word that counts, in characters.
const WORD_CHARS_MAX: usize = 64;

/// Marks that are no part of a word: `Fauna™care` is found as `faunacare`.
fn is_dropped(c: char) -> bool {
    matches!(c, '™' | '®' | '©' | '℠' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}' | '\'' | '’')
}

/// Appends folded text: lower case, marks dropped, everything that is no letter or digit a space.
pub fn append(out: &mut String, text: &str) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
    for c in text.chars().filter(|c| !is_dropped(*c)) {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if is_combining(c) {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
}

/// Combining diacritics stay with their letter: the tokenizer drops them.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The words of a typed text.
pub fn words(text: &str) -> Vec<String> {
    let mut folded = String::with_capacity(text.len());
    append(&mut folded, text);
    let words = folded.split_whitespace().map(|w| w.chars().take(WORD_CHARS_MAX).collect());
    words.take(WORDS_MAX).collect()
}

/// The FTS5 expression that finds records having every word as the beginning of one of theirs. `None` = nothing typed.
pub fn prefix_query(text: &str) -> Option<String> {
    let words = words(text);
    if words.is_empty() {
        return None;
    }
    Some(words.iter().map(|w| format!("\"{w}\"*")).collect::<Vec<_>>().join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_vanish_and_punctuation_parts_words() {
        assert_eq!(words("Fauna™Care  O’Neil A-7/b"), ["faunacare", "oneil", "a", "7", "b"]);
    }

    #[test]
    fn a_query_quotes_every_word() {
        assert_eq!(prefix_query("or \"x* near").unwrap(), "\"or\"* AND \"x\"* AND \"near\"*");
        assert_eq!(prefix_query("™ - "), None);
    }
}
