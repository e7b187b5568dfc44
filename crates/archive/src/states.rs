//! The archive of states: what did not change is kept once, as an interval.

pub mod model;
