//! Other people's tools on the same server: one process for each visit, or Python's own library in one process.

use super::MEASURED;
use super::server::Kind;
use crate::bench::usage::{self, on_core};
use crate::software;
use std::path::Path;
use std::process::Command;

/// Visits of a tool that needs a process for each.
const PROCESSES: usize = 100;
/// Visits of one Python process.
const LOOPS: usize = 1000;

/// A tool, and CPU seconds of one visit.
pub struct Peer {
    pub name: &'static str,
    pub each: f64,
}

const PYTHON: &str = "
import smtplib, ssl, sys
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
for n in range(int(sys.argv[2])):
    with smtplib.SMTP('127.2.%d.%d' % (n // 250, n % 250 + 1), int(sys.argv[1]), 'bench.example') as server:
        server.starttls(context=context)
        assert server.sock.getpeercert(True)
        server.ehlo()
";

/// All tools that are there.
///
/// # Panics
/// If one of them fails.
pub fn measure(directory: &Path, kind: Kind) -> Vec<Peer> {
    let place = format!("[127.0.0.1]:{}", kind.port());
    let connect = format!("127.0.0.1:{}", kind.port());
    let shell = |program: &str, arguments: &str| {
        let mut command = Command::new("sh");
        let path = software::command(program);
        let line = format!("i=0; while [ $i -lt {PROCESSES} ]; do \"$0\" {arguments} || exit 1; i=$((i+1)); done");
        command.arg("-c").arg(line).arg(path.get_program());
        command.envs(path.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON, &kind.port().to_string(), &LOOPS.to_string()]);
    let tools = [
        ("posttls-finger, a process a visit", PROCESSES, shell("posttls-finger", &format!("-t 5 -T 5 -l may -c '{place}'"))),
        (
            "openssl s_client, a process a visit",
            PROCESSES,
            shell("openssl", &format!("s_client -starttls smtp -connect {connect} </dev/null")),
        ),
        ("Python's smtplib, one process", LOOPS, python),
    ];
    let log = directory.join("peer.log");
    let run = |(name, count, command)| Peer { name, each: on_core(MEASURED, || usage::run(command, &log)).cpu() / count as f64 };
    tools.into_iter().map(run).collect()
}
