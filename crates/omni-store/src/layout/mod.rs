//! What the file holds: the fixed tables, and one table, its indexes and its search index per collection of the model.

pub mod fixed;
pub mod model;
mod table;

pub use table::{Table, fts_columns_text, search_text, table, tables};
