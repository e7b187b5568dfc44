//! Observations to and from disk: JSON lines while a scan runs, Parquet when it is done.
//!
//! # An archive
//! ```text
//! ARCHIVE/runs/<start>-<vantage>/      one directory per run of `scan`
//!     observations.jsonl    the log: appended and flushed per domain; all that a crash leaves
//!     set-aside.tsv         malformed input lines: number, reason, text (only if there were any)
//!     snapshot.parquet      one row: the run itself
//!     domains.parquet       one row per domain: its MX, its zone
//!     hosts.parquet         one row per MX host: addresses, TLSA
//!     servers.parquet       one row per address of a host: SMTP, TLS
//!     certificates.parquet  one row per certificate, by SHA-256
//!     skipped.parquet       one row per target that was not looked at, and why
//! ARCHIVE/runs/….removed    a run that was being taken away when the process was cut off: no run any more
//! ARCHIVE/set-aside-*.tsv   lines that an import could not use: file, number, reason, text (only if there were any)
//! ARCHIVE/states/           what did not change, as intervals: see [`states`]
//! ```
//! The Parquet files are made from the log, under temporary names, and renamed when they are whole: a run has all of them or counts as
//! having none. Either form alone gives the same observations back. Verdicts are not stored: they are made anew from the observations.
//!
//! # The log
//! One JSON object per line, told apart by `kind`: `run`, `cert`, `host`, `domain`, `skipped`. A certificate comes before the first host that
//! shows it, a host before the first domain that uses it; each once. A second `run` line at the end says when the run finished.
//! A torn last line is what a crash leaves and is passed over. Lines of an unknown kind are from a later version and are passed over.
//!
//! # Versions
//! Every domain, host and run carries `schema`, every Parquet file `danelaw.schema` in its metadata. A reader refuses what is newer than
//! [`dane::observation::SCHEMA_VERSION`] and reads everything older. New fields that an old reader may ignore do not raise the version.

mod address;
mod columnar;
mod columns;
mod error;
pub mod export;
pub mod import;
mod jsonl;
mod record;
mod run;
pub mod states;
mod table;
mod tables;

pub use address::on_this_machine;
pub use columnar::PARQUET_FILES;
pub use error::Error;
pub use jsonl::{Damage, Reader, Writer};
pub use record::{Record, Skipped};
pub use run::{Archive, Item, Run, RunWriter, read_log};
pub use tables::{ColumnDoc, documentation};
