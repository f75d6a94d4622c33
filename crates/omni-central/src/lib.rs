//! Omni Central: the service that orders everybody's changes.
//!
//! `serve` starts one in this process. Underneath: `storage` (a trait, SQLite behind it), `writer` (one thread, group
//! commit), `server` (WebSocket and HTTP), `snapshot`, `admin` (what an administrator does, also beside a running
//! central). The merge itself and the session of a connection are `omni_sync::central`.

pub mod access;
pub mod admin;
pub mod clock;
pub mod codes;
pub mod core;
pub mod digests;
pub mod error;
pub mod feed;
pub mod folder;
pub mod guard;
pub mod hints;
pub mod ledger;
pub mod metrics;
pub mod originals;
pub mod random;
pub mod recovery;
mod replay;
pub mod ring;
pub mod sample;
pub mod server;
mod service;
pub mod snapshot;
pub mod storage;
mod tasks;
pub mod verify;
pub mod writer;

pub use access::Role;
pub use error::{CentralError, Result};
pub use service::{Config, DEFAULT_LISTEN, DEFAULT_METRICS, Running, serve};
