//! What tests are made of: the simulator, in-memory hosts, the faulty disk. See ARCHITECTURE.md.

pub mod cases;
pub mod disk;
pub mod mem_central;
pub mod mem_replica;
pub mod real;
pub mod sim;
