//! The archive as its users see it.

mod common;
mod round_trip;
mod versions;
