//! Central's text engine: a `loro` document inside each text field.
//!
//! Laptops hold no document: a write says what was typed on the text its author saw, and the engine replays it at exactly the
//! version that author knew. So every operation is central's own: none can be missing, pending or forged.

mod document;
mod engine;
mod history;
mod limit;
mod packed;
mod peers;
mod version;

pub use engine::LoroTexts;
pub use limit::{HISTORY_BYTES_MAX, HISTORY_ENTRIES_MAX};
