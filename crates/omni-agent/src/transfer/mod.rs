//! Import, export and batches: many records at once, checked whole before the first is saved.
//!
//! A dry run is the first half of a real run: the same rows go through the same `local::save`, over a trial copy in
//! memory (`trial`). The real run then saves them as one group, in slices that hold the writer briefly (`slices`). What
//! cannot be finished is taken back (`undo`), also after a crash (`recover`).
//!
//! Choices an operator meets:
//! - Columns are matched by field name, label, link (`sector_id` for `sector`) and the customer's spelling (`columns`);
//!   what was matched by another name, and what was not used, stands in the report's notes.
//! - Empty means no value, and clears the field; a column that is not there leaves it alone.
//! - A row is known by its `key` or `id`. Names may repeat; a key that stands twice in a file is an error.
//! - CSV cells that a spreadsheet would run as a formula are written with a single quote before them, and read without.

mod batch;
mod cell;
mod check;
mod columns;
mod draft;
mod export;
pub(crate) mod group;
mod import;
mod order;
mod read_csv;
mod read_json;
mod report;
mod slices;
mod source;
mod trial;
mod undo;
pub(crate) mod writes;

pub use batch::{BatchDone, BatchLine, batch};
pub use export::{Format, export};
pub use import::{ImportOptions, import};
pub use report::{ImportReport, RowError};
pub use undo::{Recovered, recover};
