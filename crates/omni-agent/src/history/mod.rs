//! The past of records: their history, what they were, and taking changes back.
//!
//! Everything is made from images: what each commit did to each record. This laptop holds them since its last whole copy,
//! for 30 days; what is older central is asked for (`older`), if it can be reached. Taking back is never a rewrite: it is
//! new changes (`compensate`), or a change that leaves the queue before it was sent.

mod as_of;
mod compensate;
mod entries;
mod older;
mod rollback;
mod steps;
mod undo;

pub use as_of::as_of;
pub use entries::record_history;
pub use rollback::{preview as rollback_preview, rollback};
pub use undo::{preview as undo_preview, redo_last, undo, undo_last};
