//! Measures one thing after the other, prints it, and writes the table.

use super::options::Options;
use super::server::{self, Kind};
use super::{MEASURED, dialogue, handshake, peers, role, visits};
use crate::bench::table::{Table, micros, put, whole};
use crate::bench::usage::on_core;
use std::path::Path;

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

/// Visits held open, by a process of its own.
fn held(options: &Options, stage: &str, what: &str, table: &mut Table) -> Result<(), String> {
    let (count, before, then) = hold(&options.directory, options.held, stage)?;
    let each = then.saturating_sub(before) as f64 / count as f64;
    let count = whole(count as f64);
    table.row(format!("{count} visits open, {what}: each"), format!("{:.1} kB", each / 1000.0), "12 kB or less");
    table.row(format!("{count} visits open, {what}: memory in all"), format!("{:.0} MB", then as f64 / 1e6), "below 1,000 MB");
    Ok(())
}

fn hold(directory: &Path, held: usize, stage: &str) -> Result<(usize, usize, usize), String> {
    let mut command = role(directory, stage);
    command.args(["--held", &held.to_string()]);
    let output = on_core(MEASURED, || command.output()).map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<usize> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [count, before, then] => Ok((*count, *before, *then)),
        _ => Err(format!("{stage}: {text}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

const PREFACE: &str = "\
## Visits to mail servers

Written by `cargo xtask bench smtp --write`, which anyone can repeat. A server does STARTTLS on one core, with a chain of two certificates;
danelaw visits it from the other, each host with DNS from a table: greeting, EHLO, STARTTLS, TLS 1.3, EHLO, QUIT; the chain is kept, the
proof verified, the TLSA record judged. Beside it the parts of a visit by themselves: the same dialogue in the clear by plain system
calls, and a handshake of rustls in memory that verifies the proof; and both of them in one connection, with nothing around them. All times
are CPU time, in the program and in the kernel.

";
