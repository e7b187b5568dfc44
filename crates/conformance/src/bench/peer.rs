//! What unbound costs: Debian's, validating from the root down, asked by dnsperf for the same names and types.

use super::query::{Flags, Query, ask};
use super::usage::{Usage, on_core, run};
use super::world::{Group, Kind, World};
use super::{MEASURED, PORT, SERVERS};
use crate::process::Server;
use crate::software;
use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where unbound listens: no address of the world.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));
/// All of these of one type are asked before the next type: unbound then has the delegation, as danelaw has that asks one after the other.
const BLOCK: usize = 5_000;
/// Queries under way.
const OUTSTANDING: &str = "1000";
/// Answers that are looked at after the run.
const SAMPLE: usize = 500;

/// What unbound did and used.
pub struct Peer {
    /// Mail domains.
    pub domains: usize,
    /// Queries that dnsperf had answers to.
    pub queries: u64,
    /// Queries without answer, or with SERVFAIL.
    pub failed: u64,
    /// Of unbound, without dnsperf.
    pub usage: Usage,
    /// Of a sample of answers, those that had the status they should have, and all.
    pub right: (usize, usize),
}

/// Measures it on a group of domains, beginning with an empty cache.
///
/// # Panics
/// If unbound or dnsperf fail.
pub fn measure(world: &World, group: &Group<'_>) -> Peer {
    let directory = world.runs.join(format!("unbound-{}", group.kind.word()));
    fs::create_dir_all(&directory).expect("directory");
    let (file, list) = (directory.join("unbound.conf"), directory.join("queries"));
    fs::write(&file, configuration(world)).expect("unbound.conf");
    fs::write(&list, questions(group).map(|(name, rtype)| format!("{name} {rtype}\n")).collect::<String>()).expect("queries");
    let mut command = software::command("unbound");
    command.arg("-d").arg("-c").arg(&file);
    let limit = Duration::from_secs(60);
    let unbound = on_core(MEASURED, || Server::start_within(limit, command, &directory.join("log"), SocketAddr::new(ADDRESS, PORT)));
    let before = Usage::of(unbound.id()).expect("unbound runs");
    let mut command = software::command("dnsperf");
    command.args(["-s", &ADDRESS.to_string(), "-p", &PORT.to_string(), "-n", "1", "-c", "4", "-T", "1", "-t", "30", "-q", OUTSTANDING]);
    command.arg("-d").arg(&list);
    let log = directory.join("dnsperf.log");
    let client = on_core(SERVERS, || run(command, &log));
    let usage = Usage::of(unbound.id()).expect("unbound still runs").since(before);
    let told = fs::read_to_string(&log).expect("what dnsperf said");
    let completed = figure(&told, "Queries completed:").unwrap_or_else(|| panic!("dnsperf says something else:\n{told}"));
    let failed = figure(&told, "Queries lost:").unwrap_or(0) + figure(&told, "SERVFAIL").unwrap_or(0);
    let usage = Usage { wall: client.wall, ..usage };
    Peer { domains: group.domains.len(), queries: completed, failed, usage, right: sample(group) }
}

/// What there is to ask about a group of domains: five types of each, and of each mail host once its addresses and TLSA records.
fn questions<'a>(group: &Group<'a>) -> impl Iterator<Item = (String, &'static str)> + 'a {
    let blocks = group.domains.chunks(BLOCK).flat_map(|block| {
        let types = ["SOA", "NS", "DS", "DNSKEY", "MX"];
        types.into_iter().flat_map(move |rtype| block.iter().map(move |domain| (domain.name.clone(), rtype)))
    });
    let hosts: HashSet<&str> = group.domains.iter().map(|domain| domain.host.as_str()).collect();
    blocks
        .chain(hosts.into_iter().flat_map(|host| [(host.to_owned(), "A"), (host.to_owned(), "AAAA"), (format!("_25._tcp.{host}"), "TLSA")]))
}

/// The number after a label.
fn figure(text: &str, label: &str) -> Option<u64> {
    let (_, rest) = text.split_once(label)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn sample(group: &Group<'_>) -> (usize, usize) {
    let domains = group.domains.iter().step_by(group.domains.len().div_ceil(SAMPLE).max(1));
    let reply = |name: &str| ask(SocketAddr::new(ADDRESS, PORT), &Query::new(name, "MX", Flags::Recursive));
    let right: Vec<bool> = domains
        .map(|domain| {
            reply(&domain.name).is_some_and(|reply| reply.is_answer() && reply.is_authenticated() == (group.kind == Kind::Signed))
        })
        .collect();
    (right.iter().filter(|right| **right).count(), right.len())
}

/// One thread, caches that hold everything, and otherwise Debian's defaults but for QNAME minimisation: danelaw asks without, too.
fn configuration(world: &World) -> String {
    format!(
        "server:\n interface: {ADDRESS}@{PORT}\n port: {PORT}\n num-threads: 1\n so-reuseport: no\n do-daemonize: no\n use-syslog: no\n \
         logfile: \"\"\n log-time-ascii: yes\n pidfile: \"\"\n directory: \"\"\n chroot: \"\"\n username: \"\"\n verbosity: 0\n do-ip6: no\n \
         do-not-query-localhost: no\n access-control: 127.0.0.0/8 allow\n root-hints: \"{}\"\n trust-anchor-file: \"{}\"\n \
         trust-anchor-signaling: no\n root-key-sentinel: no\n qname-minimisation: no\n msg-cache-size: 512m\n rrset-cache-size: 1024m\n \
         key-cache-size: 256m\n neg-cache-size: 64m\n infra-cache-numhosts: 100000\n outgoing-range: 8192\n num-queries-per-thread: 4096\n \
         jostle-timeout: 10000\n so-rcvbuf: 4m\n so-sndbuf: 4m\nremote-control:\n control-enable: no\n",
        world.file("root.hints").display(),
        world.file("anchor.ds").display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::MailDomain;

    #[test]
    fn hosts_are_asked_for_once() {
        let domain = |name: &str| MailDomain { name: name.to_owned(), host: "mx.example.net".to_owned(), signed: true };
        let domains = [domain("a.nl"), domain("b.nl")];
        let asked: Vec<_> = questions(&Group { kind: Kind::Signed, domains: &domains }).collect();
        assert_eq!(asked.len(), 2 * 5 + 3);
        assert_eq!(
            asked[..3].iter().map(|(name, rtype)| (name.as_str(), *rtype)).collect::<Vec<_>>(),
            [("a.nl", "SOA"), ("b.nl", "SOA"), ("a.nl", "NS")]
        );
    }

    #[test]
    fn what_dnsperf_says_is_read() {
        let told = "Statistics:\n\n  Queries sent:         63\n  Queries completed:    60 (95.24%)\n  Queries lost:         3 (4.76%)\n\n  \
                    Response codes:       NOERROR 59 (98.33%), SERVFAIL 1 (1.67%)\n";
        assert_eq!(
            (figure(told, "Queries completed:"), figure(told, "Queries lost:"), figure(told, "SERVFAIL")),
            (Some(60), Some(3), Some(1))
        );
        assert_eq!(figure(told, "REFUSED"), None);
    }
}
