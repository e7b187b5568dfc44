//! What it costs to ask an archive of states: danelaw, and DuckDB on the same files; and DuckDB and Spark on one row for every look.
//!
//! `cargo xtask bench analysis` makes up two years of hourly looks at as many servers as P22 saw, from one and from five vantage points, and a
//! month of daily looks at ten million domains. Everything is CPU time of whole processes, from their start to their answer, and most memory at
//! once; wall times depend on who else uses the machine. DuckDB has one thread. What its start costs without a question is told, and not taken off.

mod archives;
mod options;
mod report;

pub use report::all;

use options::Options;

/// Measures what the arguments say.
///
/// # Errors
/// Names the argument that cannot be used, or what did not succeed.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    all(&Options::parse(arguments)?)
}
