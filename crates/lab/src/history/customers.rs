//! The domains that use a history's servers, day by day, and whose each is because it was planned so.
//!
//! A provider's servers have many customers, by a law with a heavy tail; everybody else's server has its owner's domain. Some domains have both,
//! some move, and a few have their mail at a server of somebody else who is no provider: of these nobody can tell.

use super::plan::Class;
use super::random::Chance;
use super::{DAY_S, History};
use crate::seed::Seed;
use dane::Epoch;

/// A domain for as long as nothing of it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Its name, without final dot.
    pub domain: String,
    /// Its MX hosts, best first: indices of servers.
    pub mx: Vec<usize>,
    /// Its name servers.
    pub ns: Vec<String>,
    /// First day.
    pub from: u32,
    /// First day after it.
    pub to: u32,
    /// Its classes, each with the servers that put it there; none: nobody can tell.
    pub classes: Vec<(Class, Vec<usize>)>,
}

/// Companies that serve the names of others.
const NAME_SERVERS: [&str; 3] = ["ns1.dns-one.net", "ns1.dns-two.net", "ns1.dns-three.net"];
/// One of them that has few customers here, but a name by which it is known.
const KNOWN_BY_NAME: &str = "ada.ns.cloudflare.com";

/// In the making.
struct Making<'h> {
    history: &'h History,
    many: usize,
    days: u32,
    chance: Chance,
    stays: Vec<Stay>,
}

impl History {
    /// The domains that use the servers. Everybody who is somebody's business has more than `many` customers.
    #[must_use]
    pub fn customers(&self, many: usize) -> Vec<Stay> {
        let seed = Seed::new(self.config.seed).child("customers");
        let days = self.config.days;
        let mut making = Making { history: self, many, days, chance: Chance::of(&seed, "customers"), stays: Vec::new() };
        for (server, truth) in self.truth.iter().enumerate() {
            match truth.class {
                Class::Outsourced => making.provider(server),
                class => making.owner(server, class),
            }
        }
        making.stays
    }

    /// Whether a server is there at a time, with its TLSA records.
    #[must_use]
    pub fn is_there(&self, server: usize, at: Epoch) -> bool {
        self.truth.get(server).is_some_and(|truth| truth.appears <= at && truth.gone.is_none_or(|gone| at < gone))
    }

    /// The first second of a day.
    #[must_use]
    pub fn day(&self, day: u32) -> Epoch {
        self.config.start + i64::from(day) * DAY_S
    }
}

impl Making<'_> {
    /// As many as a provider has at least, and now and then very many more.
    fn provider(&mut self, server: usize) {
        let uniform = (self.chance.next() % 1_000_000 + 1) as f64 / 1_000_000.0;
        // Pareto with exponent 1.2; the longest tail is cut at a hundred times the least.
        let more = (uniform.powf(-1.0 / 1.2) - 1.0).min(100.0) * self.many as f64 / 10.0;
        for customer in 0..self.many + 1 + more as usize {
            let tld = *self.chance.pick(&["com", "net", "org", "se"]);
            let domain = format!("customer{server}-{customer}.{tld}");
            let ns = vec![(*self.chance.pick(&NAME_SERVERS)).to_owned()];
            let beside = self.beside(server).filter(|_| self.chance.percent(30));
            let mx: Vec<usize> = [server].into_iter().chain(beside).collect();
            let whole = Stay { domain, classes: vec![(Class::Outsourced, mx.clone())], mx, ns, from: 0, to: self.days };
            // Those that make it somebody's business stay.
            if customer <= self.many || self.chance.percent(70) {
                self.stays.push(whole);
            } else {
                self.pass_by(whole);
            }
        }
    }

    /// Comes, perhaps moves elsewhere, and goes.
    fn pass_by(&mut self, mut stay: Stay) {
        let days = i64::from(self.days);
        let from = self.chance.between(0, days - 3);
        let to = self.chance.between(from + 2, days);
        let moves = self.chance.between(from + 1, to - 1);
        let server = usize::try_from(self.chance.between(0, self.history.truth.len() as i64 - 1)).unwrap_or(0);
        (stay.from, stay.to) = (day(from), day(to));
        if self.history.truth[server].class == Class::Outsourced && server != stay.mx[0] {
            let later = Stay { mx: vec![server], classes: vec![(Class::Outsourced, vec![server])], from: day(moves), ..stay.clone() };
            stay.to = day(moves);
            self.stays.push(later);
        }
        self.stays.push(stay);
    }

    /// The next server of the same provider.
    fn beside(&self, server: usize) -> Option<usize> {
        let provider = |server: &usize| self.history.truth.get(*server)?.host.split_once('.').map(|(_, provider)| provider.to_owned());
        (server + 1..server + 20).find(|other| provider(other).is_some() && provider(other) == provider(&server))
    }

    fn owner(&mut self, server: usize, class: Class) {
        let host = &self.history.truth[server].host;
        let domain = host.split_once('.').map_or(host.as_str(), |(_, domain)| domain).to_owned();
        let ns = match class {
            Class::Own => vec![format!("ns1.{domain}"), format!("ns2.{domain}")],
            _ if self.chance.percent(20) => vec![KNOWN_BY_NAME.to_owned()],
            _ => vec![(*self.chance.pick(&NAME_SERVERS)).to_owned()],
        };
        let mut stay = Stay { domain, mx: vec![server], ns, from: 0, to: self.days, classes: vec![(class, vec![server])] };
        let outsourced = (0..self.history.truth.len()).find(|other| self.history.truth[*other].class == Class::Outsourced);
        if let Some(other) = outsourced.filter(|_| self.chance.percent(10)) {
            stay.mx.push(other);
            stay.classes.push((Class::Outsourced, vec![other]));
        }
        self.stays.push(stay);
        if self.chance.percent(15) {
            let (domain, ns) = (format!("friend{server}.org"), vec![NAME_SERVERS[0].to_owned()]);
            self.stays.push(Stay { domain, mx: vec![server], ns, from: 0, to: self.days, classes: Vec::new() });
        }
    }
}

fn day(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoryConfig;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn providers_have_many_customers_and_owners_have_one() {
        let history = History::new(HistoryConfig { servers: 800, days: 30, seed: 3, ..HistoryConfig::new() }).unwrap();
        let stays = history.customers(50);
        assert_eq!(stays, history.customers(50), "the same again");
        let mut customers: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for stay in &stays {
            assert!(stay.from < stay.to && stay.to <= 30, "{stay:?}");
            stay.mx.iter().for_each(|server| {
                customers.entry(*server).or_default().insert(&stay.domain);
            });
        }
        assert_eq!(customers.len(), 800, "every server has a customer");
        let of = |class: Class| customers.iter().filter(move |(server, _)| history.truth()[**server].class == class);
        assert!(of(Class::Outsourced).all(|(_, domains)| domains.len() > 50));
        let largest = customers.values().map(BTreeSet::len).max().unwrap();
        assert!(largest > 150, "the tail is heavy: {largest}");
        let moved: BTreeSet<&str> = stays.iter().filter(|stay| stay.to < 30).map(|stay| stay.domain.as_str()).collect();
        assert!(stays.iter().any(|stay| stay.from > 0 && moved.contains(stay.domain.as_str())), "somebody moves");
        let classes: BTreeSet<Vec<Class>> = stays.iter().map(|stay| stay.classes.iter().map(|(class, _)| *class).collect()).collect();
        assert_eq!(classes.len(), 6, "SO, SSDO, SSDS, both of these with SO, nobody can tell: {classes:?}");
        // Nobody is at two places on a day.
        let mut seen = BTreeSet::new();
        for stay in &stays {
            assert!((stay.from..stay.to).all(|day| seen.insert((&stay.domain, day))), "{stay:?}");
        }
    }
}
