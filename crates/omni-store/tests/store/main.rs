//! The store over real encrypted files.

mod central;
mod contract;
mod figures;
mod files;
mod histories;
mod import;
mod import_queue;
mod import_safety;
mod import_speed;
mod kit;
mod lists;
mod past;
mod upgrade;
mod writing;
