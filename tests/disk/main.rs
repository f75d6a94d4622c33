//! The simulator's scenarios on real files: laptops on `omni_store`, central on its SQLite file, on disks that forget and
//! tear what was not synced when they lose power, also in the middle of a write, a commit or a checkpoint.
//!
//! `OMNI_SIM_SEED=123 cargo test -p omni-tests --test disk -- replay --nocapture` plays one seed with its trace.

mod medium;
mod seeds;
