//! What it costs to resolve and validate a namespace: danelaw, unbound and the bare machine on the same zones in the same run.
//!
//! `cargo xtask bench dns` builds a crowd of zones ([`lab::Crowd`]), lets NSD serve them on one core, and measures on another one what a
//! UDP exchange, a verification, unbound and danelaw take. Everything is CPU time of the program under test; wall times depend on who else
//! uses the machine, and are neither compared nor asserted.
//!
//! It wants port 53, because delegations name no port and unbound cannot be told another one: xtask gives it a network of its own, whose
//! end takes every process in it along.

mod costs;
mod danelaw;
mod exchange;
mod options;
mod peer;
mod perfect;
mod query;
mod report;
pub(crate) mod table;
pub(crate) mod usage;
mod verification;
mod world;

use costs::Costs;
use options::Options;
use report::Report;
use world::World;

/// The port of DNS in the network of the benchmark.
const PORT: u16 = 53;
/// The name servers' core.
const SERVERS: usize = 1;
/// The core of what is measured.
const MEASURED: usize = 0;

/// Runs the benchmark with the arguments of `cargo xtask bench dns`.
///
/// # Errors
/// If an argument is wrong, or names were missing or had the wrong status.
///
/// # Panics
/// If a program that is needed does not start or fails: its own words are shown.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let world = World::provide(&options);
    let (_servers, loaded_in) = world.serve();
    let mut report = Report::new(&options, &world, loaded_in);
    report.costs(Costs::measure(&world));
    for group in [world.signed(), world.unsigned()] {
        if options.peer {
            report.unbound(group.kind, &peer::measure(&world, &group));
        }
        report.danelaw(&world, &group, &danelaw::measure(&world, &group, &options));
    }
    report.close()
}
