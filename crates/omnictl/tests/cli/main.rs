//! The real program against a real central, over real files and sockets.

mod edits;
mod files;
mod kit;
mod owner;
mod plain;
mod ui;
