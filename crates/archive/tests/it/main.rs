//! The archive as its users see it.

mod common;
mod dane_study;
mod round_trip;
mod states_kill;
mod states_observed;
mod states_versions;
mod versions;
