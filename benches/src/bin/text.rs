//! Editing one text: bytes of an edit on the wire, and time of a merge, beside bare `loro` in the same run.
//!
//! Two authors type words into one clause, each on what they last received; every edit is merged on central at once. Bare
//! `loro` exports an update for each edit and imports it into a document that is kept in memory; beside that stands what
//! durability adds to it: reading the document and writing it back, as the product does for every write.

use anyhow::{Context, Result, anyhow};
use loro::{ExportMode, LoroDoc};
use omni_model::{Op, RecordId, TextEdit, schema};
use omni_protocol::ReplicaId;
use omni_sync::central::{TextEngine, TextInput, TextWrite};
use omni_sync::meta::Stamp;
use omni_sync::text::{apply, fingerprint};
use omni_text::LoroTexts;
use std::time::{Duration, Instant};

/// Edits measured.
const EDITS: u64 = 1_000;
/// Edits an author makes before they receive the other's.
const BURST: u64 = 10;
const CLAUSE: &str = "The licensee shall pay the licence fee within thirty days of the invoice. ";

#[derive(Default)]
struct Spent {
    wire: usize,
    time: Duration,
}

struct Author {
    replica: ReplicaId,
    base: u64,
    text: String,
    doc: LoroDoc,
}

fn author(n: u64, first: &LoroDoc) -> Result<Author> {
    let doc = first.fork();
    doc.set_peer_id(n)?;
    Ok(Author { replica: ReplicaId(uuid::Uuid::from_u64_pair(1, n)), base: 0, text: CLAUSE.into(), doc })
}

/// The product's central: the field as it is stored.
struct Field {
    history: Option<Vec<u8>>,
    text: String,
}

fn wire_bytes(op: &Op) -> Result<usize> {
    minicbor::to_vec(op).map(|b| b.len()).map_err(|e| anyhow!("{e}"))
}

fn main() -> Result<()> {
    let first = LoroDoc::new();
    first.set_peer_id(1)?;
    first.get_text("t").insert(0, CLAUSE)?;
    first.commit();
    let mut authors = [author(10, &first)?, author(11, &first)?];
    let kept = first.fork();
    let mut stored = first.export(ExportMode::Snapshot)?;
    let mut field = Field { history: None, text: CLAUSE.into() };
    let (mut ours, mut bare, mut durable) = (Spent::default(), Spent::default(), Duration::ZERO);
    for n in 0..EDITS {
        let who = ((n / BURST) % 2) as usize;
        let (author, word) = (&mut authors[who], format!("w{n} "));
        let at = author.text.rfind(' ').map_or(0, |b| author.text[..=b].chars().count());
        let edits = [TextEdit { at: at as u32, delete: 0, insert: word.clone() }];
        ours.wire += merge(&mut field, author, n, &edits, &mut ours.time)?;
        author.text = apply(&author.text, &edits).context("an edit outside its text")?;

        let before = author.doc.oplog_vv();
        author.doc.get_text("t").insert(at, &word)?;
        author.doc.commit();
        let begin = Instant::now();
        let update = author.doc.export(ExportMode::updates(&before))?;
        kept.import(&update)?;
        bare.time += begin.elapsed();
        bare.wire += update.len();
        let begin = Instant::now();
        let read = LoroDoc::from_snapshot(&stored)?;
        read.import(&update)?;
        stored = read.export(ExportMode::Snapshot)?;
        durable += begin.elapsed();
        if n % BURST == BURST - 1 {
            // The other's next burst comes in between: this author's next one does not know it.
            (author.base, author.text) = (n + 1, field.text.clone());
            author.doc.import(&kept.export(ExportMode::updates(&author.doc.oplog_vv()))?)?;
        }
    }
    report(&field, &stored, &ours, &bare, durable);
    Ok(())
}

/// Merges an edit; returns the bytes it takes on the wire.
fn merge(field: &mut Field, author: &Author, n: u64, edits: &[TextEdit], spent: &mut Duration) -> Result<usize> {
    let seen = fingerprint(&author.text);
    let clause = schema::by_name("clause").context("no clauses")?;
    let text = clause.field("text").context("clauses have no text")?;
    let record = RecordId::from_key("clause", "bench");
    let op = Op::Text { collection: clause.id, record, field: text.id, seen, edits: edits.to_vec() };
    let knows = |s: &Stamp| s.seq <= author.base || s.replica == author.replica;
    let begin = Instant::now();
    let input = TextInput {
        history: field.history.as_deref(),
        committed: &field.text,
        committed_by: None,
        knows: &knows,
        stamp: Stamp { seq: n + 1, replica: author.replica, counter: n + 1 },
    };
    let merged = LoroTexts::STANDARD.merge(&input, &TextWrite::Edits { seen, edits });
    *spent += begin.elapsed();
    let merged = merged.map_err(|stop| anyhow!("edit {n}: {stop:?}"))?;
    (field.history, field.text) = (Some(merged.history), merged.text);
    wire_bytes(&op)
}

fn report(field: &Field, stored: &[u8], ours: &Spent, bare: &Spent, durable: Duration) {
    let per = |d: Duration| d.as_secs_f64() * 1e6 / EDITS as f64;
    let ratio = |a: f64, b: f64| a / b;
    println!("edits: {EDITS}, bursts of {BURST} by two authors, text of {} characters", field.text.chars().count());
    println!(
        "bytes per edit on the wire: product {:.1} (operation with record id and fingerprint), bare loro update {:.1}; ratio {:.2}",
        ours.wire as f64 / EDITS as f64,
        bare.wire as f64 / EDITS as f64,
        ratio(ours.wire as f64, bare.wire as f64)
    );
    println!("µs per merge, bare loro in memory (export + import): {:.1}", per(bare.time));
    println!("µs per merge, bare loro read, imported and written back: {:.1}", per(durable));
    println!(
        "µs per merge, product: {:.1}; ratio to in memory {:.2}, to written back {:.2}",
        per(ours.time),
        ratio(ours.time.as_secs_f64(), bare.time.as_secs_f64()),
        ratio(ours.time.as_secs_f64(), durable.as_secs_f64())
    );
    let history = field.history.as_ref().map_or(0, Vec::len);
    println!("bytes stored: product {history}, bare loro snapshot {}", stored.len());
}
