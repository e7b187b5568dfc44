//! The archive of states: what did not change is kept once, as an interval.
//!
//! ```text
//! ARCHIVE/states/
//!     manifest.json             the files that belong to it, their hashes; replaced as a whole
//!     log-000042.jsonl          what each round since the last checkpoint changed
//!     TABLE/000042.parquet      parts: certificates, TLSA records, …; each once, with a number
//!     TABLE/month=2026-11/…     states that ended then; `month=open`: what the last round of the checkpoint saw
//!     lock                      held by the one who writes, with its process id
//! ```
//!
//! [`Writer`] numbers parts ([`Parts`]) and takes up one [`Round`] after the other ([`Bulk`]: many, by their changes), [`Observed`] makes one of what a scan observed, [`Archive`]
//! reads, [`History`] answers what was known at a time. What an interval means stands at [`model`].

#[cfg(feature = "arrow")]
pub mod arrow;
mod ask;
mod bulk;
mod by_host;
mod checkpoint;
mod docs;
mod file;
mod fold;
mod info;
mod insert;
mod kind;
mod late;
mod log;
mod manifest;
pub mod model;
mod observed;
mod parts;
mod place;
mod rejudge;
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
pub use bulk::{Bulk, BulkRound};
pub use docs::{TableDoc, documentation, views};
pub use file::STATES_SCHEMA;
pub use fold::Look;
pub use info::{Info, TableSize, VantageInfo};
pub use log::Torn;
pub use observed::Observed;
pub use parts::Parts;
pub use rejudge::{Apply, Change, Judged, Kept, Rejudged};
pub use round::{Appended, Round};
pub use store::{Archive, Columns};
pub(crate) use table::Table;
pub use verify::Verified;
pub use writer::Writer;
