//! The real program against a real central, over real files and sockets.

mod edits;
mod files;
mod kit;
mod owner;
mod past;
mod plain;
mod ui;
