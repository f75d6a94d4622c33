//! Synchronisation of the running laptop. `manager` is its face, `driver` its task; the decisions are
//! `omni_sync::replica::Session`'s.

mod actions;
pub mod backoff;
mod compared;
mod copy;
mod driver;
pub mod events;
mod exchange;
pub(crate) mod ledger;
pub mod link;
mod manager;
pub mod measure;
mod notices;
mod originals;
mod outcomes;
mod payload;
mod publish;
mod queue_signal;
mod repair;
mod retention;
mod socket;
pub mod state;
mod verify;
pub mod wake;
mod way;
mod wire;

pub use events::Event;
pub use manager::{SyncManager, SyncParts};
pub use repair::Verified;
pub use verify::Comparison;
