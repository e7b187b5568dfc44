//! Measures one thing after the other, prints it, and writes the table.

use super::options::Options;
use super::server::{self, Kind};
use super::{MEASURED, dialogue, handshake, hold, peers, role, visits};
use crate::bench::table::{Table, micros, put, whole};
use crate::bench::usage::on_core;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Everything.
///
/// # Errors
/// If visits did not succeed, or the page cannot be written.
pub fn all(options: &Options) -> Result<(), String> {
    std::fs::create_dir_all(&options.directory).map_err(|e| format!("{}: {e}", options.directory.display()))?;
    let _server = server::start(&options.directory);
    println!("{}", options.machine);
    let mut table = Table::default();
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        wrong.extend(visited(options, kind, &mut table));
        if options.peers {
            for peer in peers::measure(&options.directory, kind) {
                table.row(format!("{}: {}, visits a CPU second", kind.word(), peer.name), whole(1.0 / peer.each), "");
            }
        }
    }
    for (stage, what) in [("hold-greeting", "the greeting awaited"), ("hold-handshake", "the ServerHello awaited")] {
        held(options, stage, what, &mut table)?;
    }
    if let Some(page) = &options.page {
        let text = format!("{PREFACE}{}.\n\n{}{}", options.machine, table.markdown(), include_str!("ways.md"));
        put(page, "smtp", &text)?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// One kind of server: the parts before and after the whole, as who else uses the machine changes both.
fn visited(options: &Options, kind: Kind, table: &mut Table) -> Option<String> {
    let (directory, count) = (&options.directory, options.visits);
    let parts = || {
        let together = dialogue::measure(kind, count.min(10_000), Some(&handshake::client()));
        (dialogue::measure(kind, count.min(10_000), None), handshake::measure(directory, kind, count.min(5_000)), together)
    };
    let (before, done, after) = on_core(MEASURED, || {
        let before = parts();
        let done = visits::measure(directory, kind, count, options.in_flight);
        (before, done, parts())
    });
    let mean = |a: f64, b: f64| (a + b) / 2.0;
    let (dialogue, handshake, together) = (mean(before.0, after.0), mean(before.1, after.1), mean(before.2, after.2));
    let word = kind.word();
    table.row(format!("{word}: bare TCP connection with its SMTP dialogue"), micros(dialogue), "");
    table.row(format!("{word}: bare TLS handshake, proof verified"), micros(handshake), "");
    table.row(format!("{word}: both in one connection, nothing kept nor judged"), micros(together), "");
    table.row(format!("{word}: a visit, chain kept, proof verified, TLSA judged"), micros(done.each), "");
    table.row(format!("{word}: a visit to the sum of its parts"), format!("{:.2}", done.each / (dialogue + handshake)), "1.25 or less");
    table.row(format!("{word}: a visit to both in one connection"), format!("{:.2}", done.each / together), "");
    table.row(format!("{word}: danelaw, visits a CPU second"), whole(1.0 / done.each), "about 3,000");
    table.row(format!("{word}: right"), format!("{} of {count}", done.right), "all");
    done.wrong.map(|wrong| format!("{word}: {} of {count} visits are not as they should be: {wrong}", count - done.right))
}

/// Visits held open, by as many processes as their open files need.
fn held(options: &Options, stage: &str, what: &str, table: &mut Table) -> Result<(), String> {
    let processes = options.held.div_ceil(hold::most());
    let _servers: Vec<_> = (0..processes).map(|_| server::start_stalling(&options.directory)).collect();
    // The ports answer as soon as the first of them listens; the last has to take its share.
    std::thread::sleep(Duration::from_secs(1));
    let start = || holder(&options.directory, options.held.div_ceil(processes), stage);
    let mut holders =
        on_core(MEASURED, || (0..processes).map(|_| start()).collect::<std::io::Result<Vec<_>>>()).map_err(|e| e.to_string())?;
    let (mut count, mut more, mut all) = (0, 0, 0);
    // All hold theirs until the last has told.
    for holder in &mut holders {
        let [some, before, then] = told(holder, stage)?;
        count += some;
        more += then.saturating_sub(before);
        all += then;
    }
    for mut holder in holders {
        drop(holder.stdin.take());
        holder.wait().map_err(|e| e.to_string())?;
    }
    let each = more as f64 / count as f64;
    let count = format!("{} visits open in {processes} processes", whole(count as f64));
    table.row(format!("{count}, {what}: each"), format!("{:.1} kB", each / 1000.0), "12 kB or less");
    table.row(format!("{count}, {what}: memory in all"), format!("{:.0} MB", all as f64 / 1e6), "below 1,000 MB");
    Ok(())
}

fn holder(directory: &Path, held: usize, stage: &str) -> std::io::Result<Child> {
    let mut command = role(directory, stage);
    command.args(["--held", &held.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// How many, octets before, octets then.
fn told(holder: &mut Child, stage: &str) -> Result<[usize; 3], String> {
    let mut line = String::new();
    let output = holder.stdout.as_mut().ok_or("no output")?;
    BufReader::new(output).read_line(&mut line).map_err(|e| e.to_string())?;
    let numbers: Vec<usize> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().map_err(|_| format!("{stage}: {line}"))
}

const PREFACE: &str = "\
## Visits to mail servers

Written by `cargo xtask bench smtp --write`, which anyone can repeat. A server does STARTTLS on one core, with a chain of two certificates;
danelaw visits it from the other, each host with DNS from a table: greeting, EHLO, STARTTLS, TLS 1.3, EHLO, QUIT; the chain is kept, the
proof verified, the TLSA record judged. Beside it the parts of a visit by themselves: the same dialogue in the clear by plain system
calls, and a handshake of rustls in memory that verifies the proof; and both of them in one connection, with nothing around them. All times
are CPU time, in the program and in the kernel.

";
