//! The archive as its users see it.

mod common;
mod dane_study;
mod round_trip;
mod versions;
