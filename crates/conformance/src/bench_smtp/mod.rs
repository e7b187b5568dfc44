//! What it costs to visit a mail server: danelaw, the bare parts of a visit, and other people's tools, on the same server in the same run.
//!
//! `cargo xtask bench smtp` serves STARTTLS on one core, with a P-256 and an RSA-2048 certificate and an intermediate, as Let's Encrypt's
//! chains are, and measures on another core what a bare TCP connection with its SMTP dialogue takes, what a bare TLS handshake takes, and
//! what danelaw takes that does both, keeps the chain, verifies the proof, and judges TLSA records. Everything is CPU time of the program
//! under test; wall times depend on who else uses the machine.
//!
//! The server's addresses are all of 127.0.0.0/8, in a network of its own that xtask gives it.

mod dialogue;
mod handshake;
mod hold;
mod options;
mod peers;
mod report;
mod server;
mod visits;

use options::{Options, Role};
use std::path::Path;
use std::process::Command;

/// The mail server's core.
const SERVERS: usize = 1;
/// The core of what is measured.
const MEASURED: usize = 0;
/// What the certificates name.
const HOST: &str = "mx.bench.example";

/// Runs the benchmark with the arguments of `cargo xtask bench smtp`, or one of its parts.
///
/// # Errors
/// If an argument is wrong, or visits did not succeed.
///
/// # Panics
/// If a program that is needed does not start or fails.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    match &options.role {
        Role::Serve => server::serve(&options.directory),
        Role::Stall => server::stall(),
        Role::Hold(stage) => hold::hold(&options, *stage),
        Role::All => report::all(&options),
    }
}

/// This program again, in another role.
fn role(directory: &Path, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("our own path"));
    command.args(["--role", role, "--directory"]).arg(directory);
    command
}

/// CPU time of this process so far, seconds.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
