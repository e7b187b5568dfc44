//! Zones, their signatures and proofs, and the servers that answer from them.

pub mod adversity;
pub mod answer;
pub mod batch;
pub mod denial;
pub mod keys;
pub mod master;
pub mod rdata;
pub mod server;
pub mod sign;
pub mod zone;
