//! Scenarios of the sync core, those the simulator found among them: laptops and a central in memory, batches and pages
//! handed over by hand.

mod identity;
mod integrity;
mod items;
mod lab;
mod merging;
mod queue;
mod recovering;
mod repair;
mod sessions;
mod skew;
mod texts;
