//! Synchronisation as pure state machines, both halves: change, sealing, merge, overlay, outbox, digest, sessions.
//!
//! No clock, disk, network or randomness: time, ids and storage are passed in. The laptop's store and central's
//! storage implement `ReplicaTx` and `CentralTx`; the simulator drives the same code over lossy links.

pub mod bucket;
pub mod central;
pub mod diff;
pub mod digest;
pub mod history;
pub mod interval;
pub mod ledger;
pub mod meta;
pub mod replica;
pub mod sign;
pub mod storage;
pub mod text;
pub mod undo;

pub use storage::StorageError;
