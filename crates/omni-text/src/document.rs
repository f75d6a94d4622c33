//! One text as a `loro` document.

use loro::{ExportMode, Frontiers, LoroDoc, LoroResult, LoroText, TextDelta, VersionVector, event::Diff};
use omni_model::TextEdit;

/// The text's name inside the document.
const TEXT: &str = "t";

/// A document; reads and writes happen at the version it stands at.
pub struct Document(LoroDoc);

impl Document {
    /// A document that begins with `text`, typed by `peer`. Returns the number of operations too.
    pub fn begin(text: &str, peer: u64) -> LoroResult<(Document, i32)> {
        let document = Document(LoroDoc::new());
        let typed = TextEdit { at: 0, delete: 0, insert: text.to_owned() };
        let (_, end) = document.write(peer, std::slice::from_ref(&typed))?;
        Ok((document, end))
    }

    /// Reads a document, standing at its newest version.
    pub fn read(bytes: &[u8]) -> LoroResult<Document> {
        LoroDoc::from_snapshot(bytes).map(Document)
    }

    /// Its bytes, all operations included.
    pub fn to_bytes(&self) -> Result<Vec<u8>, loro::LoroEncodeError> {
        self.0.export(ExportMode::Snapshot)
    }

    /// How many operations it holds of each peer.
    pub fn vector(&self) -> VersionVector {
        self.0.oplog_vv()
    }

    fn content(&self) -> LoroText {
        self.0.get_text(TEXT)
    }

    /// The text where it stands.
    pub fn text(&self) -> String {
        self.content().to_string()
    }

    /// Goes to a version; writes are made there.
    pub fn go(&self, vector: &VersionVector) -> LoroResult<()> {
        let frontiers = self.0.vv_to_frontiers(vector);
        self.0.set_detached_editing(true);
        self.0.checkout(&frontiers)
    }

    /// Goes to the newest version.
    pub fn go_to_head(&self) {
        self.0.checkout_to_latest();
        self.0.set_detached_editing(false);
    }

    /// Applies edits where it stands. Returns the operations' numbers: first, and one behind the last.
    ///
    /// Errors: an edit outside the text, or operations of the peer that this version does not hold.
    pub fn write(&self, peer: u64, edits: &[TextEdit]) -> LoroResult<(i32, i32)> {
        let start = self.next(peer);
        self.0.set_peer_id(peer)?;
        let content = self.content();
        for edit in edits {
            let (at, len) = (edit.at as usize, edit.delete as usize);
            if len > 0 {
                content.delete(at, len)?;
            }
            if !edit.insert.is_empty() {
                content.insert(at, &edit.insert)?;
            }
        }
        self.0.commit();
        Ok((start, self.next(peer)))
    }

    fn next(&self, peer: u64) -> i32 {
        self.0.oplog_vv().get(&peer).copied().unwrap_or(0)
    }

    /// Edits that turn the text at one version into that at another; operation by operation, not by comparing texts.
    pub fn between(&self, from: &VersionVector, to: &VersionVector) -> LoroResult<Vec<TextEdit>> {
        let frontiers = |v: &VersionVector| -> Frontiers { self.0.vv_to_frontiers(v) };
        let batch = self.0.diff(&frontiers(from), &frontiers(to))?;
        let mut edits = Vec::new();
        let mut at = 0u32;
        for (_, diff) in batch.iter() {
            let Diff::Text(deltas) = diff else { continue };
            for delta in deltas {
                match delta {
                    TextDelta::Retain { retain, .. } => at += *retain as u32,
                    TextDelta::Delete { delete } => {
                        edits.push(TextEdit { at, delete: *delete as u32, insert: String::new() });
                    }
                    TextDelta::Insert { insert, .. } => {
                        edits.push(TextEdit { at, delete: 0, insert: insert.clone() });
                        at += insert.chars().count() as u32;
                    }
                }
            }
        }
        Ok(edits)
    }
}
