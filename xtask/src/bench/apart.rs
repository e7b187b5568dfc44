//! `cargo xtask bench dns`: what it costs to resolve and validate a namespace, beside unbound and the bare machine.
//! `cargo xtask bench smtp`: what it costs to visit a mail server, beside the bare parts of a visit and other people's tools.
//! `cargo xtask bench analysis`: what it costs to ask an archive of states, beside DuckDB and Spark.
//! `cargo xtask bench testbed`: what it costs to answer senders and their resolvers, beside NSD.
//!
//! The work is done by `conformance::bench` and `conformance::bench_smtp`; here it gets what it needs: release builds, other people's
//! software, and a network of its own. Name servers have to be at port 53, because delegations name no port, and mail servers have as many
//! addresses as there are visits: in a network of its own that disturbs nobody. With the first process of its own process ids everything
//! that was started ends, however this ends.

use super::machine;
use crate::steps::cargo;
use crate::{debian, source};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A benchmark with a network of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    /// Resolving and validating.
    Dns,
    /// Visits to mail servers.
    Smtp,
    /// Questions to archives. It needs no network of its own, but fetches Python's packages.
    Analysis,
    /// The test bed for senders.
    Testbed,
}

impl Bench {
    /// Its program in the release directory.
    fn program(self) -> &'static str {
        match self {
            Self::Dns => "bench-dns",
            Self::Smtp => "bench-smtp",
            Self::Analysis => "bench-analysis",
            Self::Testbed => "bench-testbed",
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Dns => "usage: cargo xtask bench dns [--zones N] [--names N] [--in-flight N] [--no-unbound] [--write]",
            Self::Smtp => "usage: cargo xtask bench smtp [--visits N] [--in-flight N] [--held N] [--no-peers] [--write]",
            Self::Analysis => {
                "usage: cargo xtask bench analysis [--servers N] [--days N] [--domains N] [--domain-days N] [--no-peers] [--write]"
            }
            Self::Testbed => "usage: cargo xtask bench testbed [--rounds N] [--sessions N] [--no-peers] [--write]",
        }
    }
}

/// Builds, and runs the benchmark.
pub fn run(bench: Bench, arguments: &[String]) -> Result<(), String> {
    let usage = bench.usage();
    let (write, rest): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|argument| *argument == "--write");
    if let Some(help) = rest.iter().find(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        return Err(format!("{usage} ({help})"));
    }
    let software = debian::provide()?;
    let target = std::path::absolute(source::target_directory()).map_err(|e| e.to_string())?;
    let build = cargo(&["build", "--release", "--locked", "--package", "cli", "--package", "conformance", "--bins"]).status();
    if !build.is_ok_and(|status| status.success()) {
        return Err("the release build fails".to_owned());
    }
    let release = target.join("release");
    let program = release.join(bench.program());
    let mut command = if bench == Bench::Analysis { Command::new(program) } else { apart(&program)? };
    command.arg("--directory").arg(target.join(bench.program())).arg("--machine").arg(machine()).args(rest);
    if !write.is_empty() {
        command.arg("--page").arg(source::root().join("docs/performance.md"));
    }
    command.env("DANELAW_SOFTWARE", &software.root).env("DANELAW_BINARY", release.join("danelaw"));
    let status = command.status().map_err(|e| format!("unshare: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmark did not succeed; {usage}")) }
}

/// A command that runs a program with a network, and process ids, of its own. Its loopback has to be switched on, as on a machine that starts.
fn apart(program: &Path) -> Result<Command, String> {
    // The shell stays, as the first process: the signal of Ctrl-C ends the program, and the shell after it.
    const SCRIPT: &str = "ip link set lo up && { \"$@\"; exit $?; }";
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount-proc", "--pid", "--fork", "--kill-child"]);
        command
    };
    let as_user = || {
        let mut command = unshare();
        command.args(["--user", "--map-root-user"]);
        command
    };
    for make in [&unshare as &dyn Fn() -> Command, &as_user] {
        let mut probe = make();
        probe.args(["ip", "link", "set", "lo", "up"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().is_ok_and(|status| status.success()) {
            let mut command = make();
            command.args(["sh", "-c", SCRIPT, "sh"]).arg(PathBuf::from(program));
            return Ok(command);
        }
    }
    Err("the benchmark needs a network of its own (unshare and ip, as root or where users may make namespaces)".to_owned())
}
