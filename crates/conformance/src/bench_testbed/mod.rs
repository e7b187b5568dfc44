//! What a test bed for senders costs: signed answers beside NSD's, and many mail sessions at once.
//!
//! dnsperf asks for every name of every scenario of several tests, with DO, over and over; the test bed writes each question down before it
//! answers. NSD answers the same kind of questions about the lab's catalogue, which has the same scenarios, and writes nothing. Everything is
//! CPU time of the server.

mod sessions;

use crate::bench::table::{Table, megabytes, put, whole};
use crate::bench::usage::{Usage, on_core, run as run_to_end};
use crate::options::{Common, Own, number};
use crate::process::Server;
use crate::world::World;
use crate::{danelaw, nsd, software};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// The load generator's core.
const CLIENT: usize = 1;
/// The core of what is measured.
const MEASURED: usize = 0;
/// The test bed's zone.
const ZONE: &str = "dane-test.lab";
/// Its addresses.
const ADDRESSES: [Ipv4Addr; 4] =
    [Ipv4Addr::new(127, 57, 0, 1), Ipv4Addr::new(127, 57, 0, 2), Ipv4Addr::new(127, 57, 0, 3), Ipv4Addr::new(127, 57, 0, 4)];
/// Port of all name servers.
const DNS: u16 = 53;
/// Port of the mail servers.
const SMTP: u16 = 25;
/// Tests whose names are asked for.
const TESTS: usize = 10;
const PREFACE: &str = "`cargo xtask bench testbed`, on ";

/// Runs the benchmark with the arguments of `cargo xtask bench testbed`.
///
/// # Errors
/// If an argument is wrong, or sessions did not succeed.
///
/// # Panics
/// If a program that is needed does not start or fails.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut rounds, mut held) = (40, 2_000);
    let common = Common::new(100, "danelaw-bench-testbed").read(arguments, "--no-peers", |name, value| {
        match name {
            "--rounds" => rounds = number(name, value)?,
            "--sessions" => held = number(name, value)?,
            _ => return Ok(Own::Unknown),
        }
        Ok(Own::Taken)
    })?;
    let directory = &common.directory;
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    println!("{}", common.machine);
    let mut table = Table::default();
    let ours = ours(directory, rounds, held, &mut table)?;
    if common.peers {
        let theirs = theirs(directory, rounds);
        table.row("NSD: signed answers a CPU second, nothing written down", whole(theirs), "");
        table.row("test bed to NSD", format!("{:.2}", ours / theirs), "0.33 or more");
    }
    match &common.page {
        Some(page) => put(page, "testbed", &format!("{PREFACE}{}.\n\n{}", common.machine, table.markdown())),
        None => Ok(()),
    }
}

/// The test bed: answers a CPU second.
fn ours(directory: &Path, rounds: usize, held: usize, table: &mut Table) -> Result<f64, String> {
    let state = directory.join("state");
    let mut command = danelaw::command();
    command.args(["testbed", "serve", "--zone", ZONE, "--duration", "1200", "--state"]).arg(&state);
    command.args(["--address", &ADDRESSES.map(|a| a.to_string()).join(",")]);
    let up = SocketAddr::new(IpAddr::V4(ADDRESSES[0]), DNS);
    let server = on_core(MEASURED, || Server::start_within(Duration::from_secs(60), command, &directory.join("testbed.log"), up));
    let recipients: Vec<String> = (0..TESTS).flat_map(|_| recipients(&state)).collect();
    let questions: Vec<String> = recipients.iter().flat_map(|address| questions(address.rsplit('@').next().unwrap_or(""))).collect();
    let first = load(directory, "first", &questions, up, 1, server.id());
    table.row("answers that are made and signed first, a CPU second", whole(first.0), "");
    let again = load(directory, "again", &questions, up, rounds, server.id());
    table.row("signed answers from the cache a CPU second, each question written down", whole(again.0), "60,000 or more");
    table.row("answers over UDP that were lost", whole(again.1 as f64), "");
    let before = Usage::of(server.id()).ok_or("the test bed has ended")?;
    let mail: Vec<SocketAddr> = ADDRESSES[..1].iter().map(|a| SocketAddr::new(IpAddr::V4(*a), SMTP)).collect();
    let done = sessions::hold(mail[0], held, &recipients[0])?;
    let after = Usage::of(server.id()).ok_or("the test bed has ended")?;
    table.row("mail sessions open at once, a message through each", whole(done as f64), "2,000");
    table.row("CPU time of each", format!("{:.0} µs", after.since(before).cpu() / done as f64 * 1e6), "");
    table.row("most memory of the test bed", megabytes(after.peak_kb), "");
    Ok(again.0)
}

/// NSD with the lab's catalogue: answers a CPU second.
fn theirs(directory: &Path, rounds: usize) -> f64 {
    let world = World::start(&directory.join("world"));
    let domains: Vec<String> = world.lab.truth().iter().map(|truth| truth.domain.to_string()).collect();
    let zone = world.zones.iter().find(|zone| zone.name.trim_end_matches('.') == "valid.nl").expect("the catalogue has `valid`");
    let address = SocketAddr::new(zone.servers[0], DNS);
    let servers = on_core(MEASURED, || nsd::serve(&world.zones, DNS, &directory.join("nsd")));
    let questions: Vec<String> = domains.iter().flat_map(|domain| questions(domain)).collect();
    // The test bed has as many names, in more tests.
    let all: Vec<String> = std::iter::repeat_n(questions, TESTS).flatten().collect();
    let usage = || servers.iter().flat_map(|s| family(s.id())).filter_map(Usage::of).map(|u| u.user + u.system).sum::<f64>();
    let before = usage();
    let (answers, _) = dnsperf(directory, "nsd", &all, address, rounds);
    answers as f64 / (usage() - before)
}

/// A process and its children: NSD answers in one of them.
fn family(id: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children: Vec<u32> = children.split_whitespace().filter_map(|child| child.parse().ok()).collect();
    std::iter::once(id).chain(children.into_iter().flat_map(family)).collect()
}

/// Answers a CPU second of a server, and questions without one.
fn load(directory: &Path, name: &str, questions: &[String], at: SocketAddr, rounds: usize, id: u32) -> (f64, u64) {
    let before = Usage::of(id).expect("it runs");
    let (answers, lost) = dnsperf(directory, name, questions, at, rounds);
    let cpu = Usage::of(id).expect("it still runs").since(before).cpu();
    (answers as f64 / cpu, lost)
}

/// Questions answered, and lost.
fn dnsperf(directory: &Path, name: &str, questions: &[String], at: SocketAddr, rounds: usize) -> (u64, u64) {
    let (list, log) = (directory.join(format!("{name}.queries")), directory.join(format!("{name}.log")));
    fs::write(&list, questions.concat()).expect("queries");
    let mut command = software::command("dnsperf");
    command.args(["-s", &at.ip().to_string(), "-p", &at.port().to_string(), "-n", &rounds.to_string(), "-D", "-c", "8", "-T", "1"]);
    command.args(["-q", "500", "-t", "5", "-d"]).arg(&list);
    on_core(CLIENT, || run_to_end(command, &log));
    let told = fs::read_to_string(&log).expect("what dnsperf said");
    let figure = |label: &str| told.split_once(label).and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok());
    (figure("Queries completed:").unwrap_or_else(|| panic!("dnsperf says something else:\n{told}")), figure("Queries lost:").unwrap_or(0))
}

/// What a sender and its resolver ask.
fn questions(domain: &str) -> Vec<String> {
    let host = format!("mx1.{domain}");
    let of = |name: &str, rtype: &str| format!("{name} {rtype}\n");
    vec![
        of(domain, "MX"),
        of(domain, "DNSKEY"),
        of(&host, "A"),
        of(&host, "AAAA"),
        of(&format!("_25._tcp.{host}"), "TLSA"),
        of(&format!("_mta-sts.{domain}"), "TXT"),
    ]
}

/// The mail addresses of a new test, but for those whose name servers are silent on purpose.
fn recipients(state: &Path) -> Vec<String> {
    let out = danelaw::command().args(["testbed", "token", "--json", "--state"]).arg(state).output().expect("danelaw runs");
    let text = String::from_utf8(out.stdout).expect("text");
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let talks = |row: &serde_json::Value| !row["scenario"].as_str().is_some_and(|s| s.contains("timeout"));
    rows.filter(talks).filter_map(|row| row["address"].as_str().map(str::to_owned)).collect()
}
