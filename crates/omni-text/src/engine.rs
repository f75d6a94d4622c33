//! Merging one write.

use crate::history::{Entry, History, corrupt};
use crate::limit::{HISTORY_ENTRIES_MAX, limited};
use crate::peers;
use crate::version::Version;
use omni_model::TextEdit;
use omni_protocol::ReplicaId;
use omni_sync::central::{TextEngine, TextInput, TextMerged, TextStop, TextWrite};
use omni_sync::meta::Stamp;
use omni_sync::text::{apply, diff, fingerprint, merge3, rebase};

/// Merges texts by `loro`.
#[derive(Clone, Copy, Debug)]
pub struct LoroTexts {
    entries_max: usize,
}

impl Default for LoroTexts {
    fn default() -> LoroTexts {
        LoroTexts::STANDARD
    }
}

impl LoroTexts {
    /// The engine with the product's limits.
    pub const STANDARD: LoroTexts = LoroTexts::keeping(HISTORY_ENTRIES_MAX);

    /// An engine that keeps at most so many writes of a field one by one.
    pub const fn keeping(entries_max: usize) -> LoroTexts {
        LoroTexts { entries_max }
    }
}

impl TextEngine for LoroTexts {
    fn merge(&self, input: &TextInput, write: &TextWrite) -> Result<TextMerged, TextStop> {
        let mut field = Field::open(input)?;
        let met = !field.author.is_head();
        match write {
            TextWrite::Edits { seen, edits } => field.edit(*seen, edits)?,
            TextWrite::Whole(wanted) => field.replace(wanted)?,
            TextWrite::Old { base, wanted } => field.merge_words(base, wanted)?,
            TextWrite::Invert(target) => field.invert(target)?,
        }
        let text = field.history.document.text();
        Ok(TextMerged { text, history: limited(field.history, self.entries_max)?, met })
    }
}

/// A field while a write is merged into it.
struct Field<'a> {
    input: &'a TextInput<'a>,
    history: History,
    /// What the author knew.
    author: Version,
    /// The committed text.
    head: String,
}

/// A replica no laptop has: what is known of it is known by position alone.
const NOBODY: ReplicaId = ReplicaId(uuid::Uuid::nil());

impl<'a> Field<'a> {
    fn open(input: &'a TextInput<'a>) -> Result<Field<'a>, TextStop> {
        let history = History::open(input)?;
        let peer = peers::of_replica(input.stamp.replica);
        let own = |stamp: &Stamp| stamp.replica == input.stamp.replica;
        let knows = |e: &Entry| e.peer == peer || e.stamp.is_none_or(|s| own(&s) || (input.knows)(&s));
        let author = Version::closing(&history.entries, |_, e| knows(e));
        Ok(Field { input, history, author, head: input.committed.to_owned() })
    }

    /// Whether the author knew what is not kept one by one: all of it, or a write that was made on it.
    fn reaches_history(&self) -> bool {
        let kept = |(i, e): (usize, &Entry)| i > 0 && e.stamp.is_some() && self.author.holds(i);
        self.history.entries.iter().enumerate().any(kept) || self.history.below.iter().all(|s| (self.input.knows)(s))
    }

    /// The text the author knew.
    fn known_text(&self) -> Result<String, TextStop> {
        if !self.reaches_history() {
            return Err(TextStop::BelowHistory);
        }
        self.history.text_at(&self.author)
    }

    /// Adds the author's write, which leads from the text they knew to `result`.
    fn add(&mut self, known: &str, edits: &[TextEdit], result: &str, aside: Option<String>) -> Result<(), TextStop> {
        let peer = peers::of_replica(self.input.stamp.replica);
        if result == self.head && known != self.head {
            // Both made the same of it: what stands there is the author's version from now on.
            self.history.document.go_to_head();
            let head = Version::head(&self.history.entries);
            return self.history.write(&head, peer, &[], Some(self.input.stamp), aside);
        }
        if edits.is_empty() && aside.is_none() {
            self.history.document.go_to_head();
            return Ok(());
        }
        self.history.write(&self.author, peer, edits, Some(self.input.stamp), aside)
    }

    fn edit(&mut self, seen: u64, edits: &[TextEdit]) -> Result<(), TextStop> {
        let known = self.known_text()?;
        if fingerprint(&known) == seen {
            let result = apply(&known, edits).ok_or(TextStop::Misfit)?;
            return self.add(&known, edits, &result, None);
        }
        let aside = self.known_asides().find(|(_, text)| fingerprint(text) == seen).map(|(_, text)| text.to_owned());
        self.edit_aside(&known, &aside.ok_or(TextStop::Misfit)?, edits)
    }

    /// Edits on a text that stands beside the history.
    fn edit_aside(&mut self, known: &str, aside: &str, edits: &[TextEdit]) -> Result<(), TextStop> {
        let left_with = apply(aside, edits).ok_or(TextStop::Misfit)?;
        let edits = rebase(edits, aside, known).ok_or(TextStop::Misfit)?;
        let result = apply(known, &edits).ok_or(TextStop::Misfit)?;
        let aside = (left_with != result).then_some(left_with);
        self.add(known, &edits, &result, aside)
    }

    fn replace(&mut self, wanted: &str) -> Result<(), TextStop> {
        let known = self.known_text()?;
        // Where the author's position has not reached a write of their own that was merged by words, they still see the
        // text it left them with.
        let reached = |s: &Stamp| (self.input.knows)(&Stamp { seq: s.seq, replica: NOBODY, counter: u64::MAX });
        let aside = self.known_asides().find(|(stamp, _)| !reached(stamp)).map(|(_, text)| text.to_owned());
        match aside {
            Some(aside) => self.edit_aside(&known, &aside, &diff(&aside, wanted)),
            None => self.add(&known, &diff(&known, wanted), wanted, None),
        }
    }

    fn merge_words(&mut self, base: &str, wanted: &str) -> Result<(), TextStop> {
        let merged = merge3(base, wanted, &self.head).map_err(|_| TextStop::Overlap)?;
        let edits = diff(&self.head, &merged);
        let aside = (merged != wanted).then(|| wanted.to_owned());
        let head = Version::head(&self.history.entries);
        let peer = peers::of_replica(self.input.stamp.replica);
        self.history.write(&head, peer, &edits, Some(self.input.stamp), aside)
    }

    fn invert(&mut self, target: &Stamp) -> Result<(), TextStop> {
        let entries = &self.history.entries;
        let is_target = |e: &Entry| e.stamp == Some(*target);
        let Some(first) = entries.iter().position(is_target) else {
            let below = self.history.below.iter().any(|s| s.replica == target.replica && s.counter >= target.counter);
            return Err(if below { TextStop::BelowHistory } else { TextStop::Unknown });
        };
        let peer = peers::of_inversion(&self.input.stamp, target);
        if entries.iter().any(|e| e.peer == peer) {
            return Ok(());
        }
        // A change may hold several writes of one field; the later ones knew the earlier.
        let before = Version::closing(entries, |i, _| entries[first].parents.contains(&(i as u32)));
        let after = Version::closing(entries, |i, e| is_target(e) || entries[first].parents.contains(&(i as u32)));
        let (from, to) = (after.vector(entries), before.vector(entries));
        let edits = self.history.document.between(&from, &to).map_err(corrupt)?;
        self.history.write(&after, peer, &edits, Some(self.input.stamp), None)
    }

    /// Texts beside the history that the author's own writes left, newest first, with their stamps.
    fn known_asides(&self) -> impl Iterator<Item = (Stamp, &str)> {
        let known = self.history.entries.iter().enumerate().rev().filter(|(i, _)| self.author.holds(*i));
        known.filter_map(|(_, e)| e.stamp.zip(e.aside.as_deref()))
    }
}
