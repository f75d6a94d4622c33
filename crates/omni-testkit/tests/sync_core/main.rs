//! What the simulator found in the sync core, each as a scenario of its own: laptops and a central in memory, batches
//! and pages handed over by hand.

mod identity;
mod lab;
mod merging;
mod queue;
mod recovering;
mod sessions;
mod texts;
