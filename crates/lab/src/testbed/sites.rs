//! Which address does what, and so which scenarios can be played.

use dane::name::Name;
use scenario::recipe::{Family, Server, Smtp};
use scenario::{Scenario, Section};
use serde::Serialize;
use std::net::Ipv4Addr;

/// Why a scenario is not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It takes more addresses: a server behaves by its address before it knows whom a client wants.
    Addresses,
    /// It takes IPv6.
    Ipv6,
    /// It takes a web server for an MTA-STS policy.
    Web,
}

impl Why {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Why::Addresses => "needs more addresses",
            Why::Ipv6 => "needs IPv6",
            Why::Web => "needs a web server",
        }
    }
}

/// A scenario that is not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Which.
    pub scenario: &'static str,
    /// Why.
    pub why: Why,
}

/// The addresses of a test bed and what each does.
pub struct Sites {
    sites: Vec<(Ipv4Addr, Smtp)>,
    all: Vec<(&'static Scenario, Option<Why>)>,
}

impl Sites {
    /// The first address is an ordinary one; the others are one more such, and one for each way in which a server can misbehave.
    pub fn new(addresses: &[Ipv4Addr]) -> Self {
        let mut wanted = vec![Smtp::Normal];
        // The study's own scenarios come first.
        for section in [Section::A, Section::B] {
            for server in catalogue().filter(|s| s.section == section).flat_map(servers).filter(|s| !ordinary(s.smtp)) {
                if !wanted.contains(&server.smtp) {
                    wanted.push(server.smtp);
                }
            }
            if section == Section::A {
                wanted.push(Smtp::Normal);
            }
        }
        let mut sites = Self { sites: addresses.iter().copied().zip(wanted).collect(), all: vec![] };
        sites.all = catalogue().map(|scenario| (scenario, sites.hinders(scenario))).collect();
        sites
    }

    /// Every address with what it does.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, Smtp)> {
        self.sites.iter().copied()
    }

    /// The address of a domain's server, its nth. No two hosts of a domain share one: a sender may take a host for tried where its address was.
    pub fn address(&self, smtp: Smtp, nth: usize) -> Option<Ipv4Addr> {
        let smtp = if ordinary(smtp) { Smtp::Normal } else { smtp };
        let mut fitting = self.sites.iter().filter(|(_, does)| *does == smtp).map(|(address, _)| *address);
        if smtp == Smtp::Normal { fitting.nth(nth) } else { fitting.next() }
    }

    /// The scenarios that are played.
    pub fn played(&self) -> Vec<&'static Scenario> {
        self.all.iter().filter(|(_, why)| why.is_none()).map(|(scenario, _)| *scenario).collect()
    }

    /// The others.
    pub fn left(&self) -> Vec<Left> {
        self.all.iter().filter_map(|(scenario, why)| Some(Left { scenario: scenario.id, why: (*why)? })).collect()
    }

    /// A scenario that is played.
    pub fn find(&self, id: &str) -> Option<&'static Scenario> {
        self.all.iter().find(|(scenario, why)| scenario.id == id && why.is_none()).map(|(scenario, _)| *scenario)
    }

    /// Whether a name is that of a scenario, with nothing but tokens below it.
    pub fn find_above(&self, name: &Name, zone: &Name) -> bool {
        let label = name.label_count() == zone.label_count() + 1;
        label && name.to_string().split('.').next().is_some_and(|first| self.find(first).is_some())
    }

    fn hinders(&self, scenario: &Scenario) -> Option<Why> {
        let recipe = &scenario.recipe;
        let placed = |(index, host): (usize, &scenario::recipe::Host)| {
            host.servers.iter().enumerate().all(|(n, server)| self.address(server.smtp, index + n).is_some())
        };
        if recipe.policies.as_ref().is_some_and(|p| p.sts.is_some()) {
            Some(Why::Web)
        } else if servers(scenario).any(|s| s.family == Family::V6) {
            Some(Why::Ipv6)
        } else if !recipe.hosts.iter().enumerate().all(placed) || (!recipe.zone.second.is_empty() && self.sites.len() < 2) {
            Some(Why::Addresses)
        } else {
            None
        }
    }
}

/// Sections A and B: what senders are tested by.
fn catalogue() -> impl Iterator<Item = &'static Scenario> {
    Scenario::all().iter().filter(|s| s.section != Section::C)
}

fn servers(scenario: &Scenario) -> impl Iterator<Item = &Server> {
    scenario.recipe.hosts.iter().flat_map(|host| &host.servers)
}

/// Whether a server does nothing special before it knows which certificate is wanted.
fn ordinary(smtp: Smtp) -> bool {
    matches!(smtp, Smtp::Normal | Smtp::SniRequired)
}
