//! What a commit changed, for whoever shows it.

use omni_model::{CollectionId, RecordId};
use omni_protocol::{Batch, Position};
use std::collections::{BTreeMap, BTreeSet};

/// Ids named per collection; beyond it the collection counts as changed whole.
pub const TOUCHED_MAX: usize = 500;

/// Records of one collection that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Too many to name.
    pub all: bool,
    /// The records otherwise.
    pub ids: BTreeSet<RecordId>,
}

/// What one committed transaction changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Visible records, by collection.
    pub collections: BTreeMap<CollectionId, Touched>,
    /// The cursor, if it moved.
    pub cursor: Option<Position>,
    /// Made by the operator on this laptop, not by synchronisation.
    pub local: bool,
    /// Own changes came, went or changed state.
    pub queue: bool,
    /// The batch of the one change that was sealed as it was saved (`WriteTx::sealed_alone`).
    pub sealed: Option<Box<Batch>>,
    /// Conflict items came, went or changed.
    pub conflicts: bool,
    /// The whole copy was replaced.
    pub replaced: bool,
}

impl Committed {
    /// Notes one record.
    pub(crate) fn touch(&mut self, collection: CollectionId, id: RecordId) {
        let touched = self.collections.entry(collection).or_default();
        if touched.all {
            return;
        }
        touched.ids.insert(id);
        if touched.ids.len() > TOUCHED_MAX {
            *touched = Touched { all: true, ids: BTreeSet::new() };
        }
    }

    /// Nothing anybody shows has changed.
    pub fn is_empty(&self) -> bool {
        self.collections.is_empty() && self.cursor.is_none() && !self.queue && !self.conflicts && !self.replaced
    }
}
