//! CSV rows: a header, then as many cells in each row. Commas, or what a spreadsheet puts in their place.

use super::source::{Cell, RawRow, Sink, bad_file, line_of};
use crate::error::{Result, internal};
use csv::{ErrorKind, ReaderBuilder, StringRecord};
use omni_protocol::WireError;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Gives every data row to `sink`.
pub(super) fn rows(text: &str, sink: &mut Sink<'_>) -> Result<()> {
    let delimiter = delimiter(text);
    if let Some(at) = open_quote(text.as_bytes(), delimiter) {
        return Err(bad_file(line_of(text.as_bytes(), at), "a quoted cell begins here and does not end."));
    }
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| unreadable(text, &e))?.clone();
    check_header(text, &header)?;
    let mut record = StringRecord::new();
    let mut number = 0u32;
    while reader.read_record(&mut record).map_err(|e| unreadable(text, &e))? {
        number = number.saturating_add(1);
        let named = header.iter().zip(record.iter());
        let cells = named.map(|(name, cell)| (Cow::Borrowed(name), Cell::Text(Cow::Borrowed(cell)))).collect();
        sink(RawRow { number, name: None, cells })?;
    }
    Ok(())
}

/// The separator of the header: a comma, else what stands there most often of semicolon and tab.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|l| !l.is_empty()).unwrap_or("");
    let count = |d: u8| header.bytes().filter(|b| *b == d).count();
    if count(b',') > 0 || count(b';') + count(b'\t') == 0 {
        return b',';
    }
    if count(b';') >= count(b'\t') { b';' } else { b'\t' }
}

/// Where a quoted cell begins that never ends. The reader would take the rest of the file for its content.
fn open_quote(text: &[u8], delimiter: u8) -> Option<usize> {
    let (mut opened, mut starts) = (None, true);
    let mut bytes = text.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match (opened, *byte) {
            (Some(_), b'"') if bytes.next_if(|(_, next)| **next == b'"').is_some() => {}
            (Some(_), b'"') => opened = None,
            (Some(_), _) => continue,
            (None, b'"') if starts => opened = Some(at),
            (None, _) => {}
        }
        starts = opened.is_none() && (*byte == delimiter || matches!(byte, b'\n' | b'\r'));
    }
    opened
}

fn check_header(text: &str, header: &StringRecord) -> Result<()> {
    let line = line_of(text.as_bytes(), first_content(text, 0));
    if header.iter().all(str::is_empty) {
        return Err(bad_file(line, "the header with the column names is missing."));
    }
    let mut seen = BTreeSet::new();
    match header.iter().find(|name| !name.is_empty() && !seen.insert(*name)) {
        Some(twice) => Err(bad_file(line, format!("the header has the column “{twice}” twice."))),
        None => Ok(()),
    }
}

/// Where the next row really begins: the reader's position may stand before line ends that belong to no row.
fn first_content(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

fn unreadable(text: &str, error: &csv::Error) -> WireError {
    let byte = error.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(usize::MAX));
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let line = line_of(text.as_bytes(), first_content(text, byte));
            bad_file(
                line,
                format!("{len} cells where the header has {expected_len}. A quote or separator may be missing."),
            )
        }
        ErrorKind::Utf8 { .. } => bad_file(line_of(text.as_bytes(), byte), "a byte that is not UTF-8."),
        _ => internal("Reading the CSV file", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Vec<Vec<String>>, String> {
        let mut out = Vec::new();
        let done = rows(text, &mut |row| {
            let text = |c: &Cell<'_>| match c {
                Cell::Text(t) => t.to_string(),
                Cell::Json(j) => j.to_string(),
            };
            out.push(row.cells.iter().map(|(_, c)| text(c)).collect());
            Ok(())
        });
        done.map(|()| out).map_err(|e| e.message)
    }

    #[test]
    fn separators_are_found_and_quotes_kept() {
        for text in ["a,b\n1,\"x\n,;\"\"\"\n", "a;b\r\n1;\"x\n,;\"\"\"\r\n", "a\tb\n\n1\t\"x\n,;\"\"\""] {
            assert_eq!(read(text).unwrap(), [["1", "x\n,;\""]]);
        }
        assert_eq!(read("key\n\nx\n").unwrap(), [["x"]]);
    }

    #[test]
    fn the_line_of_a_ragged_row_is_named() {
        for text in ["a,b\n1,2\n1\n", "a,b\r\n1,2\r\n1\r\n", "a,b\n\n1\n", "\na,b\n1\n", "a,b\r\n1,\"\r\"\n1\n"] {
            assert!(read(text).unwrap_err().starts_with("Line 3"), "{text:?}: {:?}", read(text));
        }
        assert!(read("").unwrap_err().starts_with("Line 1"));
        assert!(read("a,b\n1,\"2\n3,4\n").unwrap_err().starts_with("Line 2: a quoted cell begins"));
        assert_eq!(read("a,b\n1\"\",\"2\"\"\"\n").unwrap(), [["1\"\"", "2\""]]);
        assert!(read("a,b,a\n").unwrap_err().contains("“a” twice"));
    }
}
