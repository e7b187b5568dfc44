//! danelaw's visits: every host observed with its DNS from a table, chain kept, proof verified, TLSA judged.

use super::cpu;
use super::dialogue::address;
use super::server::{Kind, chain};
use dane::dns::{Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::VantageObservation;
use dane::verdict::Standing;
use domain::base::iana::Rtype;
use probe::{Certificates, Destinations, Dns, DnsFuture, Looker, LookerConfig, Pace, SmtpLimits};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A DNS in which host number N has address number N and the right TLSA record, all of it secure.
struct Table {
    tlsa: String,
    kind: Kind,
}

impl Dns for Table {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        let mut lookup = Lookup::unasked(name, rtype, 0);
        (lookup.failure, lookup.failure_detail, lookup.status) = (None, None, Security::Secure);
        let data = match rtype {
            Rtype::A => number(name).map(|n| address(n, self.kind).ip().to_string()),
            Rtype::TLSA => Some(self.tlsa.clone()),
            _ => None,
        };
        lookup.records = data.map(|data| Record { owner: name.clone(), ttl: 300, data }).into_iter().collect();
        Box::pin(std::future::ready(lookup))
    }

    fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
        Box::pin(std::future::ready(None))
    }
}

/// Of `h17.bench.example`, 17.
fn number(name: &Name) -> Option<usize> {
    name.to_string().split('.').next()?.strip_prefix('h')?.parse().ok()
}

fn host(number: usize) -> Name {
    parse_domain(&format!("h{number}.bench.example")).expect("name")
}

/// A looker that is as fast as it can.
pub fn looker(directory: &Path, kind: Kind, port: u16, in_flight: usize) -> Looker {
    let chain = chain(directory, kind);
    let leaf = dane::cert::Certificate::parse(&chain[0]).expect("certificate");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf.spki);
    let tlsa = format!("3 1 1 {}", data_encoding::HEXLOWER.encode(digest.as_ref()));
    let config = LookerConfig {
        connect_port: Some(port),
        destinations: Destinations::Any,
        certificates: Certificates::One,
        pace: Pace { open: in_flight, ..Pace::unhurried() },
        smtp: SmtpLimits { connect: Duration::from_secs(60), ..SmtpLimits::default() },
        ..LookerConfig::new(parse_domain("bench.example").expect("name"))
    };
    Looker::new(Arc::new(Table { tlsa, kind }), config).expect("looker")
}

/// What visits came to.
pub struct Visited {
    /// CPU seconds of one.
    pub each: f64,
    /// Those that were judged protected, with the whole chain and the key proven.
    pub right: usize,
    /// What was wrong with the first that was not.
    pub wrong: Option<String>,
}

/// Visits so many hosts.
///
/// # Panics
/// If a task does.
pub fn measure(directory: &Path, kind: Kind, count: usize, in_flight: usize) -> Visited {
    let looker = looker(directory, kind, kind.port(), in_flight);
    let certificates = chain(directory, kind).len();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    let before = cpu();
    let next = Arc::new(AtomicUsize::new(0));
    let (right, wrong) = runtime.block_on(async {
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..in_flight.min(count) {
            let (looker, next) = (looker.clone(), Arc::clone(&next));
            workers.spawn(async move {
                let (mut right, mut wrong) = (0, None);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return (right, wrong);
                    }
                    let seen = looker.observe_host(&host(number)).await;
                    let verdict = dane::judge::judge_host(&seen, &VantageObservation::default(), now());
                    let tls = seen.servers.first().and_then(|s| s.tls.as_ref());
                    let whole = tls.is_some_and(|t| t.chain.len() == certificates && t.key_proven == Some(true));
                    if verdict.standing == Standing::Protected && whole {
                        right += 1;
                    } else {
                        wrong.get_or_insert(format!("{}: {} {:?}", seen.host, verdict.headline, seen.servers));
                    }
                }
            });
        }
        let (mut right, mut wrong) = (0, None);
        while let Some(done) = workers.join_next().await {
            let (some, first): (usize, Option<String>) = done.expect("worker");
            right += some;
            wrong = wrong.or(first);
        }
        (right, wrong)
    });
    Visited { each: (cpu() - before) / count as f64, right, wrong }
}

/// Now.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0))
}

/// Begins so many visits and leaves them open.
pub fn begin(looker: &Looker, count: usize) {
    for number in 0..count {
        let looker = looker.clone();
        tokio::spawn(async move { drop(looker.observe_host(&host(number)).await) });
    }
}
