//! `danelaw dns scan --dry-run`: how many queries each name server would get, from a sample of the names.

use super::list::List;
use super::worker::{self, Plan};
use crate::common::print;
use crate::exit::UsageError;
use domain::base::iana::Rtype;
use probe::OptOut;
use resolve::gate::network;
use resolve::sweep::Sweep;
use resolve::{Config, Name, Pace, Resolver};
use serde::Serialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use tokio::task::{JoinSet, LocalSet};

/// Names of the sample that are in work at once.
const IN_WORK: usize = 200;
/// Servers and networks shown on the terminal.
const SHOWN: usize = 15;

/// What a scan would ask, as far as a sample tells.
#[derive(Debug, Serialize)]
pub struct Estimate {
    /// Names in the list.
    names: u64,
    /// Names whose delegation was asked for.
    sampled: u64,
    /// Of these, those whose name servers could not be found out.
    unknown: u64,
    /// Queries in all, but for those about MX hosts: each host is asked about once, by three queries or so.
    queries: u64,
    /// By server address, the busiest first.
    servers: Vec<Load>,
    /// By network, IPv4 /24 or IPv6 /48.
    networks: Vec<Load>,
}

#[derive(Debug, Serialize)]
struct Load {
    address: IpAddr,
    queries: u64,
    /// How long that takes at the rate that is allowed; none: as fast as it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Who would be asked about one name.
struct Servers {
    parents: Vec<IpAddr>,
    own: Vec<IpAddr>,
}

/// Estimates it from `size` names of the list.
///
/// # Errors
/// If the list cannot be read, or nobody can be asked.
pub fn estimate(mut list: List, plan: &Plan, config: Config, size: usize) -> Result<Estimate, UsageError> {
    let (names, sample) = sample(&mut list, &plan.opt_out, size)?;
    let sampled = sample.len() as u64;
    let pace = config.gate.pace();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
    let resolver = Resolver::new(config).map_err(UsageError::new)?;
    let found = LocalSet::new().block_on(&runtime, look(resolver, sample));
    let unknown = found.iter().filter(|servers| servers.is_none()).count() as u64;
    let each = own_questions(&plan.types);
    #[allow(clippy::cast_precision_loss)]
    let factor = if sampled == 0 { 0.0 } else { names as f64 / sampled as f64 };
    let mut loads: HashMap<IpAddr, f64> = HashMap::new();
    for Servers { parents, own } in found.into_iter().flatten() {
        for (servers, questions) in [(parents, 1.0), (own, each)] {
            #[allow(clippy::cast_precision_loss)]
            let share = questions * factor / servers.len().max(1) as f64;
            servers.into_iter().for_each(|server| *loads.entry(server).or_default() += share);
        }
    }
    let mut by_network: HashMap<IpAddr, f64> = HashMap::new();
    loads.iter().for_each(|(server, queries)| *by_network.entry(network(*server)).or_default() += queries);
    let queries = whole(loads.values().sum());
    let limit = |rate: f64| move |address: IpAddr| if pace.loopback || !address.is_loopback() { rate } else { f64::INFINITY };
    Ok(Estimate {
        names,
        sampled,
        unknown,
        queries,
        servers: sorted(loads, limit(pace.server_per_s)),
        networks: sorted(by_network, limit(pace.network_per_s)),
    })
}

/// Questions that go to a name's own servers: DS is the parent's, and NS comes beside SOA.
fn own_questions(types: &[Rtype]) -> f64 {
    let has = |rtype| types.contains(&rtype);
    let own = types.iter().filter(|rtype| **rtype != Rtype::DS && !(**rtype == Rtype::NS && has(Rtype::SOA))).count();
    f64::from(u32::try_from(own).unwrap_or(u32::MAX))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(queries: f64) -> u64 {
    queries.round() as u64
}

fn sorted(loads: HashMap<IpAddr, f64>, limit: impl Fn(IpAddr) -> f64) -> Vec<Load> {
    let load = |(address, queries): (IpAddr, f64)| {
        let rate = limit(address);
        Load { address, queries: whole(queries), seconds: rate.is_finite().then(|| (queries / rate).round()) }
    };
    let mut loads: Vec<Load> = loads.into_iter().map(load).collect();
    loads.sort_by_key(|load| (std::cmp::Reverse(load.queries), load.address));
    loads
}

/// So many names of those in the list that may be asked about, each with the same chance, and how many there are. The same list gives the same sample.
fn sample(list: &mut List, opt_out: &OptOut, size: usize) -> Result<(u64, Vec<Name>), UsageError> {
    let (mut seen, mut kept, mut state) = (0_u64, Vec::new(), 0x9e37_79b9_7f4a_7c15_u64);
    while let Some(item) = list.next()? {
        let Some(name) = worker::name(&item.text).ok().filter(|name| !opt_out.has_name(name)) else { continue };
        seen += 1;
        if kept.len() < size {
            kept.push(name);
            continue;
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from((state >> 11) % seen).unwrap_or(usize::MAX);
        if let Some(place) = kept.get_mut(place) {
            *place = name;
        }
    }
    Ok((seen, kept))
}

async fn look(resolver: Resolver, mut names: Vec<Name>) -> Vec<Option<Servers>> {
    let sweep = Rc::new(Sweep::new(resolver, IN_WORK));
    let (mut work, mut found) = (JoinSet::new(), Vec::new());
    loop {
        while work.len() < IN_WORK
            && let Some(name) = names.pop()
        {
            let sweep = sweep.clone();
            work.spawn_local(async move { sweep.servers(&name).await.map(|(parents, own)| Servers { parents, own }) });
        }
        match work.join_next().await {
            None => return found,
            Some(servers) => found.push(servers.unwrap_or(None)),
        }
    }
}

impl Estimate {
    /// Prints it.
    pub fn show(&self, pace: Pace) {
        let number = present::number;
        let unknown = match self.unknown {
            0 => String::new(),
            n => format!("; of {} of it the servers could not be found out", number(n)),
        };
        let (names, queries, sampled) = (present::count(self.names, "name"), number(self.queries), number(self.sampled));
        print::line(format!(
            "{names} would cost about {queries} queries, those about MX hosts aside (from a sample of {sampled}{unknown})."
        ));
        for (what, loads) in [("server", &self.servers), ("network", &self.networks)] {
            let shown = |address: IpAddr| match (what, address) {
                ("server", _) => address.to_string(),
                (_, IpAddr::V4(_)) => format!("{address}/24"),
                (_, IpAddr::V6(_)) => format!("{address}/48"),
            };
            print::line(format!("\n{what:<40} {:>12} {:>14}", "queries", "at the limit"));
            for load in loads.iter().take(SHOWN) {
                let time = load.seconds.map_or_else(|| "no limit".to_owned(), duration);
                print::line(format!("{:<40} {:>12} {time:>14}", shown(load.address), number(load.queries)));
            }
            if loads.len() > SHOWN {
                print::line(format!("… and {} more", number((loads.len() - SHOWN) as u64)));
            }
        }
        if pace.total_per_s.is_finite() {
            #[allow(clippy::cast_precision_loss)]
            let seconds = self.queries as f64 / pace.total_per_s;
            print::line(format!("\nAll together at the total rate: {}", duration(seconds)));
        }
    }
}

/// Seconds as hours, minutes and seconds.
fn duration(seconds: f64) -> String {
    let seconds = whole(seconds);
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_servers_are_not_asked_for_what_others_say() {
        assert!((own_questions(&[Rtype::SOA, Rtype::NS, Rtype::DS, Rtype::DNSKEY, Rtype::MX]) - 3.0).abs() < 1e-9);
        assert!((own_questions(&[Rtype::NS]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_busiest_come_first_with_the_time_they_take() {
        let [a, b]: [IpAddr; 2] = ["192.0.2.1", "127.0.0.1"].map(|ip| ip.parse().unwrap());
        let loads = sorted(HashMap::from([(a, 9.6), (b, 20.0)]), |ip| if ip == a { 2.0 } else { f64::INFINITY });
        let shown: Vec<_> = loads.iter().map(|load| (load.address, load.queries, load.seconds)).collect();
        assert_eq!(shown, [(b, 20, None), (a, 10, Some(5.0))]);
        assert_eq!(duration(3725.0), "1:02:05");
    }
}
