//! Import, export and batches over real encrypted replicas.

#[path = "transfer/batch.rs"]
mod batch;
#[path = "transfer/export.rs"]
mod export;
#[path = "transfer/files.rs"]
mod files;
#[path = "transfer/import.rs"]
mod import;
#[path = "transfer/kit.rs"]
mod kit;
#[path = "transfer/real.rs"]
mod real;
#[path = "transfer/undo.rs"]
mod undo;
