//! Years in seconds: a world with a virtual clock in which somebody keeps the TLSA records of a mail server right, or tries to.
//!
//! Nothing is sampled where it can be known: of each set that an authoritative server has served, the senders' side keeps until when some
//! cache may hold it, and at every event each such set is held against each chain that an address shows, by `dane`'s matching and by RFC
//! 7671 section 8. Everything else, from slow secondaries to edits by hand, comes from a seed.
#![allow(dead_code)] // Two programs share it, and neither needs all.

pub mod chance;
pub mod grades;
pub mod library;
pub mod ours;
pub mod senders;
pub mod strategies;
pub mod today;
pub mod world;
