//! The archive of states: what did not change is kept once, as an interval.

mod ask;
mod checkpoint;
mod docs;
mod file;
mod fold;
mod insert;
mod kind;
mod late;
mod log;
mod manifest;
pub mod model;
mod observed;
mod parts;
mod place;
mod round;
mod rows;
mod store;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use ask::{Answer, History};
pub use docs::{TableDoc, documentation, views};
pub use file::STATES_SCHEMA;
pub use fold::Look;
pub use log::Torn;
pub use observed::Observed;
pub use parts::Parts;
pub use round::{Appended, Round};
pub use store::{Archive, Columns};
pub use verify::Verified;
pub use writer::Writer;
