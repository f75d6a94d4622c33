//! The simulator's seeds: several laptops and a central over a network and disks that fail, then quiet, then everything
//! is compared with everything. What a run does and checks is in `omni_testkit::sim`.
//!
//! - `cargo test -p omni-tests --test sim` plays the seeds every change is judged by.
//! - `OMNI_SIM_SEED=123 cargo test -p omni-tests --test sim -- replay --nocapture` plays one seed with its trace.
//! - `OMNI_SIM_FIRST=5000 OMNI_SIM_SEEDS=20000 cargo test -p omni-tests --test sim -- seeds` plays others, or more; the
//!   example `soak` of omni-testkit does the same with figures.
//! - A seed that failed once goes into `seeds.txt` and is played for ever.

mod planted;
mod seeds;
