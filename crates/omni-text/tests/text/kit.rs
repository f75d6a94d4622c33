//! A central with one text field, and laptops that type into it.

use loro::{ExportMode, LoroDoc};
use omni_model::TextEdit;
use omni_protocol::{Hash, ReplicaId};
use omni_sync::central::{TextEngine, TextInput, TextMerged, TextStop, TextWrite};
use omni_sync::meta::Stamp;
use omni_sync::text::{apply, fingerprint};
use omni_text::LoroTexts;

/// Seeded numbers (SplitMix64): a failing case is named by its seed.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

pub fn edit(at: usize, delete: usize, insert: &str) -> TextEdit {
    TextEdit { at: at as u32, delete: delete as u32, insert: insert.into() }
}

pub fn replica(n: u64) -> ReplicaId {
    ReplicaId(uuid::Uuid::from_u64_pair(0x7e57, n))
}

/// What an author knew: their position, and writes of own incarnations up to a counter.
#[derive(Clone, Debug)]
pub struct Knowledge {
    pub base: u64,
    pub own: Vec<(ReplicaId, u64)>,
}

impl Knowledge {
    pub fn knows(&self, stamp: &Stamp) -> bool {
        stamp.seq <= self.base || self.own.iter().any(|(r, n)| *r == stamp.replica && stamp.counter <= *n)
    }
}

/// One text field on central.
#[derive(Default)]
pub struct Central {
    pub history: Option<Vec<u8>>,
    pub text: String,
    pub committed_by: Option<Stamp>,
    pub engine: LoroTexts,
    /// Writes that made what stood there already: they count once here, twice in bare `loro`.
    pub equal: usize,
    /// The text after each commit, from seq 1.
    pub log: Vec<String>,
}

impl Central {
    /// A field that held a text before anybody edited it as text.
    pub fn holding(text: &str) -> Central {
        let stamp = Stamp { seq: 1, replica: replica(99), counter: 1 };
        Central { text: text.into(), committed_by: Some(stamp), log: vec![text.into()], ..Central::default() }
    }

    pub fn seq(&self) -> u64 {
        self.log.len() as u64
    }

    pub fn at(&self, seq: u64) -> String {
        seq.checked_sub(1).map_or_else(String::new, |i| self.log[i as usize].clone())
    }

    /// Merges a write; a refused one changes nothing.
    pub fn merge(
        &mut self,
        author: ReplicaId,
        counter: u64,
        knowledge: &Knowledge,
        write: &TextWrite,
    ) -> Result<TextMerged, TextStop> {
        let stamp = Stamp { seq: self.seq() + 1, replica: author, counter };
        let input = TextInput {
            history: self.history.as_deref(),
            committed: &self.text,
            committed_by: self.committed_by,
            knows: &|s| knowledge.knows(s),
            stamp,
        };
        let merged = self.engine.merge(&input, write)?;
        self.equal += usize::from(merged.met && merged.text == self.text);
        self.history = Some(merged.history.clone());
        self.text = merged.text.clone();
        self.committed_by = Some(stamp);
        self.log.push(merged.text.clone());
        Ok(merged)
    }
}

/// An edit not sent yet.
pub struct Waiting {
    pub seen: u64,
    pub edits: Vec<TextEdit>,
    /// What bare `loro` sends for it.
    pub update: Vec<u8>,
}

/// A laptop, and bare `loro` doing the same.
pub struct Laptop {
    pub replica: ReplicaId,
    pub base: u64,
    pub counter: u64,
    pub text: String,
    /// Not sent yet.
    pub queue: Vec<Waiting>,
    pub bare: LoroDoc,
}

/// The peer the engine gives a replica: bare `loro` orders equal places by peer.
pub fn peer(replica: ReplicaId) -> u64 {
    let hash = Hash::of("omni-text-peer", &[replica.as_bytes()]);
    u64::from_le_bytes(hash.0[..8].try_into().unwrap())
}

/// Bare `loro` holding a first text.
pub fn bare(text: &str) -> LoroDoc {
    let doc = LoroDoc::new();
    doc.set_peer_id(1).unwrap();
    doc.get_text("t").insert(0, text).unwrap();
    doc.commit();
    doc
}

pub fn exchange(from: &LoroDoc, to: &LoroDoc) {
    let update = from.export(ExportMode::updates(&to.oplog_vv())).unwrap();
    to.import(&update).unwrap();
}

impl Laptop {
    pub fn new(n: u64, central: &Central, bare: &LoroDoc) -> Laptop {
        let copy = bare.fork();
        copy.set_peer_id(peer(replica(n))).unwrap();
        Laptop {
            replica: replica(n),
            base: central.seq(),
            counter: 0,
            text: central.text.clone(),
            queue: Vec::new(),
            bare: copy,
        }
    }

    /// The operator edits; saved, not sent.
    pub fn edit(&mut self, edits: &[TextEdit]) {
        let seen = fingerprint(&self.text);
        self.text = apply(&self.text, edits).unwrap();
        let before = self.bare.oplog_vv();
        let content = self.bare.get_text("t");
        for e in edits {
            if e.delete > 0 {
                content.delete(e.at as usize, e.delete as usize).unwrap();
            }
            if !e.insert.is_empty() {
                content.insert(e.at as usize, &e.insert).unwrap();
            }
        }
        self.bare.commit();
        let update = self.bare.export(ExportMode::updates(&before)).unwrap();
        self.queue.push(Waiting { seen, edits: edits.to_vec(), update });
    }

    pub fn knowledge(&self) -> Knowledge {
        Knowledge { base: self.base, own: vec![(self.replica, self.counter)] }
    }

    /// Sends the first waiting edit.
    pub fn send_one(&mut self, central: &mut Central, bare: &LoroDoc) {
        let Waiting { seen, edits, update } = self.queue.remove(0);
        let knowledge = self.knowledge();
        self.counter += 1;
        let write = TextWrite::Edits { seen, edits: &edits };
        central.merge(self.replica, self.counter, &knowledge, &write).unwrap();
        bare.import(&update).unwrap();
    }

    pub fn send(&mut self, central: &mut Central, bare: &LoroDoc) {
        while !self.queue.is_empty() {
            self.send_one(central, bare);
        }
    }

    /// Takes the newest state; everything must have been sent.
    pub fn receive(&mut self, central: &Central, bare: &LoroDoc) {
        assert!(self.queue.is_empty());
        self.base = central.seq();
        self.text = central.text.clone();
        exchange(bare, &self.bare);
    }
}

/// The words of a text, without blanks and marks.
pub fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect()
}
