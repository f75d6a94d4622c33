//! A text field's history: the document, and who wrote which of its operations knowing what.

use crate::document::Document;
use crate::packed::Packed;
use crate::peers;
use crate::version::Version;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use omni_model::TextEdit;
use omni_protocol::Hash;
use omni_sync::central::{TextInput, TextStop};
use omni_sync::meta::Stamp;
use omni_sync::text;

/// Form of the stored history.
const FORM: u16 = 1;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is; `None` = what everybody knows.
    pub stamp: Option<Stamp>,
    /// Under which peer its operations stand.
    pub peer: u64,
    /// Its first operation.
    pub start: i32,
    /// One behind its last. A write that made what stood there already has none.
    pub end: i32,
    /// The entries it was made on: the tips of that version.
    pub parents: Vec<u32>,
    /// The text its author was left with, where it is not the one of this entry's version: the write was merged by words
    /// (`TextWrite::Old`), and its author's next edits speak of that text.
    pub aside: Option<String>,
}

/// As stored: the form, a sum over what follows (what is read back is what was written), and a `Body`.
#[derive(Encode, Decode)]
struct Stored {
    #[n(0)]
    form: u16,
    #[n(1)]
    sum: Hash,
    #[n(2)]
    body: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[n(0)]
    document: ByteVec,
    #[n(1)]
    entries: Packed,
    #[n(2)]
    below: Vec<Stamp>,
}

/// A history in memory.
pub struct History {
    /// The document, standing at its newest version between writes.
    pub document: Document,
    /// Its writes in order of arrival; the first is the text it begins with.
    pub entries: Vec<Entry>,
    /// The newest write of each replica that is not kept one by one any more.
    pub below: Vec<Stamp>,
}

/// What the library refuses was checked before it is asked: a refusal means the stored history is not what it says.
pub fn corrupt<E>(_: E) -> TextStop {
    TextStop::Corrupt
}

impl History {
    /// A history that begins with a text.
    pub fn begin(text: &str, by: Option<Stamp>, below: Vec<Stamp>) -> Result<History, TextStop> {
        let (document, end) = Document::begin(text, peers::INITIAL).map_err(corrupt)?;
        let first = Entry { stamp: by, peer: peers::INITIAL, start: 0, end, parents: Vec::new(), aside: None };
        Ok(History { document, entries: vec![first], below })
    }

    /// The history of a field before a write. What was committed past it is taken in.
    pub fn open(input: &TextInput) -> Result<History, TextStop> {
        let Some(bytes) = input.history else {
            return History::begin(input.committed, input.committed_by, Vec::new());
        };
        let mut history = History::read(bytes).ok_or(TextStop::Corrupt)?;
        let known = history.document.text();
        if known != input.committed {
            let edits = text::diff(&known, input.committed);
            let head = Version::head(&history.entries);
            history.write(&head, peers::ADOPTED, &edits, input.committed_by, None)?;
        }
        Ok(history)
    }

    fn read(bytes: &[u8]) -> Option<History> {
        let stored: Stored = minicbor::decode(bytes).ok()?;
        if stored.form != FORM || stored.sum != sum(&stored.body) {
            return None;
        }
        let body: Body = minicbor::decode(&stored.body).ok()?;
        let (entries, vector) = body.entries.unpack()?;
        let document = Document::read(&body.document).ok()?;
        let whole = document.vector() == vector;
        whole.then_some(History { document, entries, below: body.below })
    }

    /// To be stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TextStop> {
        let document = self.document.to_bytes().map_err(corrupt)?;
        let body = Body { document: document.into(), entries: Packed::pack(&self.entries), below: self.below.clone() };
        let body = encoded(&body);
        Ok(encoded(&Stored { form: FORM, sum: sum(&body), body: body.into() }))
    }

    /// The text at a version. The document stays there until the next write or `go_to_head`.
    pub fn text_at(&self, version: &Version) -> Result<String, TextStop> {
        if !version.is_head() {
            self.document.go(&version.vector(&self.entries)).map_err(corrupt)?;
        }
        Ok(self.document.text())
    }

    /// Adds a write made at a version, which must hold all of the peer's earlier operations.
    pub fn write(
        &mut self,
        version: &Version,
        peer: u64,
        edits: &[TextEdit],
        stamp: Option<Stamp>,
        aside: Option<String>,
    ) -> Result<(), TextStop> {
        if !version.is_head() {
            self.document.go(&version.vector(&self.entries)).map_err(corrupt)?;
        }
        let (start, end) = self.document.write(peer, edits).map_err(corrupt)?;
        self.document.go_to_head();
        let parents = version.tips(&self.entries);
        self.entries.push(Entry { stamp, peer, start, end, parents, aside });
        Ok(())
    }
}

fn encoded(value: &impl Encode<()>) -> Vec<u8> {
    let mut out = Vec::new();
    minicbor::encode(value, &mut out).expect("writing to a Vec cannot fail");
    out
}

fn sum(body: &[u8]) -> Hash {
    Hash::of("omni-text-history", &[body])
}
