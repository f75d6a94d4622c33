//! A seeded, deterministic simulation of several laptops and a central: the sessions, sealing, merge and feed of
//! `omni-sync` over hosts that lose what was not durable and a network that delays, cuts, loses and reorders.
//!
//! `run` plays one seed: faults and edits, then everything heals, then the oracles compare. Same seed, same trace.

mod clocks;
pub mod coverage;
mod driver;
mod edits;
mod event;
mod faults;
pub mod host;
mod importer;
mod laptop;
mod laptop_feed;
mod laptop_link;
mod laptop_originals;
pub mod ledger;
pub mod mem;
mod net;
pub mod newer;
mod operator;
mod oracle;
mod oracle_commit;
mod oracle_copy;
mod oracle_decisions;
mod oracle_recovery;
mod oracle_sets;
mod oracle_texts;
mod oracle_undo;
pub mod plan;
mod records;
mod recovery;
mod rng;
mod server;
mod server_admit;
mod server_log;
mod server_tx;
pub mod snapshot;
pub mod trace;
mod undo;

pub use coverage::{Coverage, Reached};
pub use driver::{Report, Sim, replay_command, run, run_with};
pub use mem::{MemHosts, play, play_many};
pub use plan::{Fault, Plan, Planted};
pub use rng::Rng;
