//! What an import tells: counts, every bad row, notes.

use omni_model::{Field, FieldError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One problem of one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowError {
    /// The data row, from 1; the header does not count.
    pub row: u64,
    /// The field or rule; `key` for the row's identity.
    pub field: String,
    /// A sentence for the operator.
    pub message: String,
}

/// What an import did, or would do. A dry run's equals the real one's but for `group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Rows in the file.
    pub rows: u64,
    /// Records made. 0 if bad rows stopped the import.
    pub created: u64,
    /// Records changed. 0 if bad rows stopped the import.
    pub updated: u64,
    /// Rows equal to what is here already.
    pub unchanged: u64,
    /// Every problem of every bad row, in row order.
    pub errors: Vec<RowError>,
    /// The group of the saved changes: one line in queue and history, one undo.
    pub group: Option<String>,
    /// Columns matched by another name or not used, words read as others.
    pub notes: Vec<String>,
}

/// Collects problems and notes while rows are read and checked.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<RowError>,
    read_as: BTreeMap<(&'static str, &'static str, &'static str), u64>,
}

impl Findings {
    /// A problem of a row.
    pub fn error(&mut self, row: u32, field: &str, message: impl Into<String>) {
        self.errors.push(RowError { row: row.into(), field: field.into(), message: message.into() });
    }

    /// A problem of a row's field.
    pub fn field(&mut self, row: u32, error: FieldError) {
        self.error(row, &error.field, error.message);
    }

    /// A word was read as another.
    pub fn read_as(&mut self, field: &Field, from: &'static str, to: &'static str) {
        *self.read_as.entry((field.label, from, to)).or_default() += 1;
    }

    /// The problems in row order, each once, and the notes.
    pub fn give_out(mut self) -> (Vec<RowError>, Vec<String>) {
        self.errors.sort_by_key(|e| e.row);
        self.errors.dedup();
        let note = |((field, from, to), n): (&(&str, &str, &str), &u64)| {
            format!("{field}: “{from}” was read as “{to}” in {n} {}.", if *n == 1 { "row" } else { "rows" })
        };
        (self.errors, self.read_as.iter().map(note).collect())
    }
}
