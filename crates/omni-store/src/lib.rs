//! The laptop's replica: one SQLCipher file, one writer thread, a few readers.
//!
//! Knows SQL and nothing of the network. `WriteTx` implements `omni_sync::replica::ReplicaTx`; what lists, search,
//! queue and history show is read through `ReadTx`. Tables are made from `omni_model::schema`.
//!
//! Invariants: a change and its outbox row share a transaction; the cursor moves with its data; no key, no plaintext and
//! no SQL text from outside ever reach the file.

mod backup;
mod check;
mod codec;
mod connect;
mod error;
mod fold;
mod former;
mod import;
mod key;
mod layout;
mod migrate;
mod notice;
mod read;
mod readers;
mod stats;
mod store;
mod tx;
mod writer;

pub use connect::FORM;
pub use error::StoreError;
pub use import::Import;
pub use key::DbKey;
pub use notice::{Committed, TOUCHED_MAX, Touched};
pub use read::{
    CollectionFigures, CommitLine, Counted, FacetCount, FieldStatus, Filter, Hit, ItemFilter, ListQuery, ListRow,
    Overview, OwnLine, Page, Place, QueueCounts, QueueLine, QueueState, ReadTx, RecordDetail, RowState, SectorFigures,
    Sort, SortBy, StoredRow,
};
pub use stats::{Histogram, LaneStats, WriterStats};
pub use store::{Store, StoreOptions};
pub use tx::{KeptEntry, WriteTx};
pub use writer::{Durability, Lane};
