//! The running laptop: data folder, secrets, replica, synchronisation, and the handlers of every UI command. The shell
//! and the command line use it alike; nothing here knows a window.

mod app;
pub mod client;
pub mod clock;
mod config;
mod conflicts;
mod control;
pub mod edits;
mod engine;
mod enrol;
pub mod error;
pub mod folder;
mod handlers;
pub mod handover;
mod identity;
pub mod ids;
pub mod keys;
mod local_central;
pub mod logs;
mod restore;
pub mod sync;
pub mod transfer;
mod views;

pub use app::{App, AppConfig, default_data_dir};
pub use omni_protocol::WireError;
pub use restore::restore;
