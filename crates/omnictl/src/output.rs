//! What is printed: JSON for scripts, aligned tables and plain words for people.

use crate::laptop::Result;
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::io::{self, Write};

/// Widest cell of a table, characters.
const CELL_CHARS_MAX: usize = 40;

/// One object on one line. Errors: the reader has gone, which ends the printing and is not our failure.
pub fn line(value: &Json) -> io::Result<()> {
    text(&value.to_string())
}

/// Lines for people. Errors as for `line`.
pub fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A failure as scripts read it.
pub fn error(e: &WireError) {
    let _ = line(&json!({"error": {"code": e.code, "message": e.message, "retryable": e.retryable}}));
}

/// A result for people or for scripts.
pub fn show(as_json: bool, value: &Json, words: impl FnOnce() -> String) -> Result<u8> {
    let _ = if as_json { line(value) } else { text(&words()) };
    Ok(0)
}

/// A value in a cell: numbers and texts as they are, lists with commas, nothing as a dash. Stays on one line.
pub fn cell(value: &Json) -> String {
    let full = match value {
        Json::Null => return "–".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::String(s) if s.is_empty() => return "–".to_owned(),
        Json::String(s) => s.clone(),
        Json::Array(items) if items.is_empty() => return "–".to_owned(),
        Json::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    // A record's text must not move the cursor of a terminal.
    full.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn shortened(text: &str) -> String {
    match text.chars().count() > CELL_CHARS_MAX {
        true => text.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// An aligned table with a header; long cells are cut.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|c| shortened(c)).collect()).collect();
    let width = |place: usize| {
        let cells = rows.iter().filter_map(|r| r.get(place)).map(|c| c.chars().count());
        cells.chain(header.get(place).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let header = header.iter().map(|h| h.to_uppercase()).collect();
    let lines = std::iter::once(&header).chain(&rows).map(|row| aligned(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let padded = row.iter().zip(widths).map(|(cell, width)| {
        let missing = width.saturating_sub(cell.chars().count());
        format!("{cell}{}", " ".repeat(missing))
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// Names and values below each other, the values aligned.
pub fn pairs<'a>(all: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let all: Vec<(&str, String)> = all.into_iter().collect();
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let one = |(name, value): &(&str, String)| {
        let missing = width - name.chars().count();
        format!("{name}{}  {value}", " ".repeat(missing)).trim_end().to_owned()
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// `1 change`, `2 changes`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_by_characters_and_its_lines_end_without_blanks() {
        let rows = [vec!["ä".to_owned(), "1".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["Name", "N"], &rows), "NAME    N\nä       1\nlonger");
        assert_eq!(table(&["Name"], &[]), "NAME");
    }

    #[test]
    fn long_cells_are_cut_with_a_sign_of_it() {
        let long = "x".repeat(100);
        let shown = table(&["a", "b"], &[vec![long, "end".into()]]);
        let last = shown.lines().last().unwrap();
        assert_eq!(last, format!("{}…  end", "x".repeat(CELL_CHARS_MAX - 1)));
    }

    #[test]
    fn cells_are_words_and_never_move_the_cursor() {
        assert_eq!(cell(&json!(null)), "–");
        assert_eq!(cell(&json!([])), "–");
        assert_eq!(cell(&json!(true)), "yes");
        assert_eq!(cell(&json!(12.5)), "12.5");
        assert_eq!(cell(&json!(["EU", "US"])), "EU, US");
        assert_eq!(cell(&json!("a\u{1b}[2Jb\nc")), "a [2Jb c");
    }

    #[test]
    fn pairs_align_their_values() {
        let shown = pairs([("state", "in_sync".to_owned()), ("rows", "12".to_owned()), ("x", String::new())]);
        assert_eq!(shown, "state  in_sync\nrows   12\nx");
        assert_eq!((counted(1, "row", "rows"), counted(0, "row", "rows")), ("1 row".into(), "0 rows".into()));
    }
}
