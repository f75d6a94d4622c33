//! The file: read once, within limits, as UTF-8.

use crate::error::{Result, io_error};
use crate::transfer::{read_csv, read_json};
use omni_model::Collection;
use omni_protocol::WireError;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// What is read at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub bytes: u64,
    pub rows: u32,
}

pub(super) const LIMITS: Limits = Limits { bytes: 256 * 1024 * 1024, rows: 1_000_000 };

/// One value as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'s> {
    /// A CSV cell.
    Text(Cow<'s, str>),
    /// A JSON value that is not an object.
    Json(Json),
}

/// One row: named values, and the name of the row itself in a JSON map of rows.
#[derive(Debug)]
pub(super) struct RawRow<'s> {
    pub number: u32,
    pub name: Option<&'s str>,
    pub cells: Vec<(Cow<'s, str>, Cell<'s>)>,
}

/// Takes rows one by one; its error stops the reading.
pub(super) type Sink<'f> = dyn FnMut(RawRow<'_>) -> Result<()> + 'f;

/// A file in memory.
#[derive(Debug)]
pub(super) struct Source {
    text: String,
    json: bool,
    rows_max: u32,
}

impl Source {
    /// Reads the file.
    ///
    /// Errors: `not_found`, `forbidden`, `too_large`, `bad_file`.
    pub fn open(path: &Path, limits: Limits) -> Result<Source> {
        let fail = |e: std::io::Error| io_error(path, &e);
        let file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if meta.is_dir() {
            return Err(WireError::new("bad_file", format!("{} is a folder, not a file.", path.display())));
        }
        if meta.len() > limits.bytes {
            return Err(too_many_bytes(meta.len(), limits));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.take(limits.bytes + 1).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > limits.bytes {
            return Err(too_many_bytes(bytes.len() as u64, limits));
        }
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        Source::of(bytes, extension.as_deref(), limits)
    }

    /// From the bytes of a file with this extension.
    pub fn of(bytes: Vec<u8>, extension: Option<&str>, limits: Limits) -> Result<Source> {
        let text = String::from_utf8(bytes).map_err(|e| not_utf8(e.as_bytes(), e.utf8_error().valid_up_to()))?;
        let json = match extension {
            Some("json") => true,
            Some("csv" | "tsv") => false,
            _ => body(&text).trim_start().starts_with(['{', '[']),
        };
        Ok(Source { text, json, rows_max: limits.rows })
    }

    /// Gives every row to `sink`, in file order.
    ///
    /// Errors: `bad_file`, `too_large`, and what `sink` says.
    pub fn rows(&self, collection: &Collection, sink: &mut Sink<'_>) -> Result<()> {
        let mut counted = |row: RawRow<'_>| {
            if row.number > self.rows_max {
                let message = format!("The file has more than {} rows. Split it.", self.rows_max);
                return Err(WireError::new("too_large", message));
            }
            sink(row)
        };
        match self.json {
            true => read_json::rows(body(&self.text), collection, &mut counted),
            false => read_csv::rows(body(&self.text), &mut counted),
        }
    }
}

/// The text without the mark spreadsheets put before UTF-8.
fn body(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The line (from 1) of a byte.
pub(super) fn line_of(text: &[u8], byte: usize) -> usize {
    1 + text[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// A file that cannot be read as rows.
pub(super) fn bad_file(line: usize, what: impl std::fmt::Display) -> WireError {
    WireError::new("bad_file", format!("Line {line}: {what}"))
}

fn not_utf8(bytes: &[u8], at: usize) -> WireError {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let what = if utf16 { "the file is UTF-16" } else { "a byte that is not UTF-8" };
    bad_file(line_of(bytes, at), format!("{what}. Save the file as UTF-8."))
}

fn too_many_bytes(bytes: u64, limits: Limits) -> WireError {
    let message = format!("The file has {bytes} bytes; at most {} are read. Split it.", limits.bytes);
    WireError::new("too_large", message)
}
