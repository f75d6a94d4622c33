//! Typing errors: words of the search index close to a typed word.

use super::ReadTx;
use crate::error::Result;
use crate::layout::{Table, model};

/// Words shorter than this are taken as typed.
const FUZZY_CHARS_MIN: usize = 3;
/// From this length on two errors are forgiven.
const TWO_ERRORS_CHARS_MIN: usize = 7;
/// Corrections followed per word.
const CORRECTIONS_MAX: usize = 8;
/// Longest word compared, in characters.
const COMPARED_CHARS_MAX: usize = 32;

/// Fewest insertions, deletions, replacements and swaps of neighbours that turn `typed` into a beginning of `word`;
/// `None` = more than `max`.
pub fn prefix_distance(typed: &[char], word: &[char], max: usize) -> Option<usize> {
    let word = &word[..word.len().min(typed.len() + max)];
    if word.len() + max < typed.len() {
        return None;
    }
    let width = word.len() + 1;
    let mut rows: [Vec<usize>; 3] = [vec![0; width], (0..width).collect(), vec![0; width]];
    for (i, a) in typed.iter().enumerate() {
        let [before, last, now] = &mut rows;
        now[0] = i + 1;
        let mut least = now[0];
        for (j, b) in word.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(now[j] + 1);
            if i > 0 && j > 0 && *a == word[j - 1] && typed[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            now[j + 1] = cost;
            least = least.min(cost);
        }
        if least > max {
            return None;
        }
        rows.rotate_left(1);
    }
    rows[1].iter().min().copied().filter(|d| *d <= max)
}

/// How many errors a word may hold.
fn errors_allowed(chars: usize) -> usize {
    match chars {
        0..FUZZY_CHARS_MIN => 0,
        FUZZY_CHARS_MIN..TWO_ERRORS_CHARS_MIN => 1,
        _ => 2,
    }
}

impl ReadTx<'_> {
    /// An FTS5 expression for the words with errors forgiven; `None` = no word of this collection is close.
    pub(super) fn corrected(&self, table: &Table, words: &[String]) -> Result<Option<String>> {
        let mut groups = Vec::new();
        for word in words {
            let chars: Vec<char> = word.chars().take(COMPARED_CHARS_MAX).collect();
            let found = self.close_words(table, &chars)?;
            if found.is_empty() {
                return Ok(None);
            }
            let options: Vec<String> = found.iter().map(|w| format!("\"{w}\"*")).collect();
            groups.push(format!("({})", options.join(" OR ")));
        }
        Ok(Some(groups.join(" AND ")))
    }

    /// First words with the same first letter or the first two swapped; only then all of them.
    fn close_words(&self, table: &Table, typed: &[char]) -> Result<Vec<String>> {
        let max = errors_allowed(typed.len());
        let mut found = Vec::new();
        for first in typed.iter().take(2) {
            self.scan(table, Some(*first), typed, max, &mut found)?;
        }
        if found.is_empty() && max > 0 {
            self.scan(table, None, typed, max, &mut found)?;
        }
        found.sort();
        found.dedup();
        Ok(found.into_iter().take(CORRECTIONS_MAX).map(|(_, w)| w).collect())
    }

    fn scan(
        &self,
        table: &Table,
        first: Option<char>,
        typed: &[char],
        max: usize,
        found: &mut Vec<(usize, String)>,
    ) -> Result<()> {
        let name = model::vocabulary_name(table.collection);
        let mut stmt = self.conn.prepare_cached(&format!("SELECT term FROM {name} WHERE term >= ?1 AND term < ?2"))?;
        let from = first.map(String::from).unwrap_or_default();
        let to = match first {
            Some(c) => char::from_u32(c as u32 + 1).unwrap_or(char::MAX).to_string(),
            None => char::MAX.to_string(),
        };
        let mut rows = stmt.query([from, to])?;
        while let Some(sql) = rows.next()? {
            let term = sql.get_ref(0)?.as_str().unwrap_or_default();
            let chars: Vec<char> = term.chars().take(COMPARED_CHARS_MAX).collect();
            if let Some(distance) = prefix_distance(typed, &chars, max) {
                found.push((distance, term.to_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(typed: &str, word: &str, max: usize) -> Option<usize> {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        prefix_distance(&chars(typed), &chars(word), max)
    }

    #[test]
    fn beginnings_cost_nothing() {
        assert_eq!(distance("fauna", "faunacare", 1), Some(0));
        assert_eq!(distance("faunacare", "fauna", 2), None);
    }

    #[test]
    fn one_slip_of_each_kind_costs_one() {
        for typed in ["fuana", "fana", "faunna", "fauma"] {
            assert_eq!(distance(typed, "faunacare", 2), Some(1), "{typed}");
        }
    }

    #[test]
    fn too_many_slips_are_refused() {
        assert_eq!(distance("agriculture", "aquaponics", 2), None);
        assert_eq!(distance("abc", "xyz", 2), None);
    }
}
