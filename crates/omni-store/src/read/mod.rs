//! What lists, forms, search, queue and history show: read-only views of the replica.

mod digests;
mod facets;
mod figures;
mod filter;
mod fuzzy;
mod history;
mod list;
mod palette;
mod past;
mod queue;
mod record;
mod set;
mod state;

pub use digests::Counted;
pub use facets::FacetCount;
pub use figures::{CollectionFigures, Overview, SectorFigures};
pub use filter::Filter;
pub use history::CommitLine;
pub use list::{ListQuery, ListRow, Page, Place, Sort, SortBy};
pub use palette::Hit;
pub use past::OwnLine;
pub use queue::{QueueCounts, QueueLine, QueueState};
pub use record::{FieldStatus, ItemFilter, RecordDetail, StoredRow};
pub use set::{RowSet, SetCache};
pub use state::RowState;

use crate::error::{Result, StoreError};
use crate::layout::{Table, table};
use omni_model::{Collection, CollectionId, RecordId};
use omni_protocol::{DeviceId, DirectoryEntry};
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::HashMap;

/// One unchanging view of the replica.
pub struct ReadTx<'c> {
    pub(crate) conn: &'c Connection,
    sets: Option<(&'c SetCache, u64)>,
    titles: RefCell<HashMap<(CollectionId, RecordId), Option<String>>>,
    devices: RefCell<HashMap<DeviceId, Option<DirectoryEntry>>>,
}

impl std::fmt::Debug for ReadTx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadTx").finish_non_exhaustive()
    }
}

impl<'c> ReadTx<'c> {
    pub(crate) fn new(conn: &'c Connection, sets: Option<(&'c SetCache, u64)>) -> ReadTx<'c> {
        ReadTx { conn, sets, titles: RefCell::default(), devices: RefCell::default() }
    }

    fn table(&self, collection: &Collection) -> Result<&'static Table> {
        table(collection.id)
            .ok_or_else(|| StoreError::invalid(format!("There is no collection “{}”.", collection.name)))
    }
}
