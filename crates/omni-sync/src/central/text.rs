//! What central asks of the text CRDT. The engine itself (crate `omni-text`) is passed in by the storage, as it is the one
//! part of the merge that brings a library of its own along.

use crate::meta::Stamp;
use omni_model::TextEdit;

/// One write to a text field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextWrite<'a> {
    /// Edits on the text the author saw, whose fingerprint (`crate::text::fingerprint`) is `seen`.
    Edits {
        /// Fingerprint of the text the author saw.
        seen: u64,
        /// The edits.
        edits: &'a [TextEdit],
    },
    /// The whole text the author wants, against what they knew.
    Whole(&'a str),
    /// For a write that `BelowHistory` stopped: the text its author saw and what they made of it. Merged by words with
    /// what is committed.
    Old {
        /// The text the author saw.
        base: &'a str,
        /// The text they want.
        wanted: &'a str,
    },
    /// Takes back what the write with this stamp did: what it typed goes, what it deleted comes back.
    Invert(Stamp),
}

/// A text field before a write.
pub struct TextInput<'a> {
    /// The field's history as the engine encoded it last; `None` = none yet: `committed` was written at once, by
    /// `committed_by`.
    pub history: Option<&'a [u8]>,
    /// The committed text.
    pub committed: &'a str,
    /// Who wrote it, where there is no history yet.
    pub committed_by: Option<Stamp>,
    /// Whether the author knew a write.
    pub knows: &'a dyn Fn(&Stamp) -> bool,
    /// The stamp of the author's write.
    pub stamp: Stamp,
}

/// A text field after a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMerged {
    /// The text that holds now.
    pub text: String,
    /// The field's history, to be stored.
    pub history: Vec<u8>,
    /// The write met one its author did not know.
    pub met: bool,
}

/// Why a write was not merged. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextStop {
    /// Its author's version lies below the kept history.
    BelowHistory,
    /// The text its author saw is not the one central finds at what they knew, or an edit lies outside it.
    Misfit,
    /// Merged by words, both sides changed the same place differently.
    Overlap,
    /// There is nothing to invert: the write is not in the history.
    Unknown,
    /// The stored history cannot be read.
    Corrupt,
}

/// Merges concurrent edits of one text. Deterministic: equal input gives equal output, on every machine.
pub trait TextEngine {
    /// Applies a write at what its author knew and merges it with everything since.
    fn merge(&self, input: &TextInput, write: &TextWrite) -> Result<TextMerged, TextStop>;
}
