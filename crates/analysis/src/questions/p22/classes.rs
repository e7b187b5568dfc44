//! P22 section 5.1: who manages a domain's mail servers and name servers.
//!
//! Looked at are the mail hosts that ever had TLSA records; domains are counted on the day on which there were most.
//!
//! - A **mail host** is *outsourced* if an address of it serves more than [`Settings::many`](crate::study::Settings::many): names of mail hosts
//!   in the paper view, domains in ours. Else it is *own* if its registrable domain is the domain's. Else it is *outsourced* if its
//!   registrable domain serves more than so many domains, or its name has `.awsdns-` or `.cloudflare.` in it. Else nobody knows.
//! - A **name server** is *own* if its registrable domain is the domain's, else *outsourced* by the same two tests, else nobody knows.
//! - A domain with a mail host of which nobody knows is unclassified. Else it is **SO** with its outsourced hosts. With its own hosts it is
//!   **SSDO** if name servers are outsourced and **SSDS** if they are its own, in both if there are both, unclassified if nobody knows.
//!
//! Registrable domains are by [`dane::suffix::operator`], whose list has a date.

use super::customers::{Customers, Group, Numbers, most};
use crate::study::{Study, View};
use archive::states::model::{DomainId, Id};
use dane::name::parse_domain;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Who manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// The mail server is a provider's.
    Outsourced,
    /// The mail server is the domain's own, the name server is not.
    OwnMail,
    /// Both are its own.
    Own,
    /// Nobody knows.
    Unclassified,
    /// Whoever.
    All,
}

impl Class {
    /// In the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Outsourced, Self::OwnMail, Self::Own, Self::Unclassified, Self::All];

    /// The papers' word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Outsourced => "SO",
            Self::OwnMail => "SSDO",
            Self::Own => "SSDS",
            Self::Unclassified => "unclassified",
            Self::All => "all",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A group of domains, with its hosts in each class.
pub struct Managed<'c> {
    /// What they have in common.
    pub group: &'c Group,
    /// How many there were.
    pub numbers: &'c Numbers,
    /// Hosts with TLSA records as places among [`Study::hosts`].
    pub hosts: Vec<usize>,
    /// What each of them is to the domains.
    pub mail: Vec<Hand>,
    /// What the name servers are to the domains; not asked where no mail host is their own.
    pub names: Vec<Hand>,
}

/// Whose a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// The domain's own.
    Own,
    /// A provider's.
    Outsourced,
    /// Nobody knows.
    Unknown,
}

impl Managed<'_> {
    /// Whether it is in none of the three classes.
    #[must_use]
    pub fn is_unclassified(&self) -> bool {
        let own = self.mail.contains(&Hand::Own);
        self.mail.is_empty() || self.mail.contains(&Hand::Unknown) || own && (self.names.is_empty() || self.names.contains(&Hand::Unknown))
    }

    /// The hosts with which it is in a class; none: it is not in it. Of those in no class, all are without.
    pub fn hosts_in(&self, class: Class) -> impl Iterator<Item = usize> {
        let unclassified = self.is_unclassified();
        let names = |hand| self.names.contains(&hand);
        let wanted = match class {
            Class::All => Some(None),
            Class::Unclassified => unclassified.then_some(None),
            _ if unclassified => None,
            Class::Outsourced => Some(Some(Hand::Outsourced)),
            Class::OwnMail => names(Hand::Outsourced).then_some(Some(Hand::Own)),
            Class::Own => names(Hand::Own).then_some(Some(Hand::Own)),
        };
        let is_in = move |hand: Hand| wanted.is_some_and(|wanted| wanted.is_none_or(|wanted| wanted == hand));
        self.hosts.iter().zip(&self.mail).filter(move |(_, hand)| is_in(**hand)).map(|(host, _)| *host)
    }
}

/// Everybody's classes.
pub struct Classes<'c> {
    /// The groups of domains.
    pub groups: Vec<Managed<'c>>,
    /// By host: a bit for each class.
    of_host: Vec<u8>,
}

impl<'c> Classes<'c> {
    /// Of all domains, in each view; asked is which hosts ever had records.
    #[must_use]
    pub fn both(study: &Study<'_>, customers: &'c Customers, has_records: &dyn Fn(usize) -> bool) -> [(View, Self); 2] {
        // What is slow to find out is the same in both.
        let mut classifier = Classifier::new(study, customers, has_records);
        [View::Paper, View::Ours].map(|view| {
            classifier.find_crowds(customers, view);
            (view, Self::of(study, customers, &classifier))
        })
    }

    fn of(study: &Study<'_>, customers: &'c Customers, classifier: &Classifier<'_>) -> Self {
        let groups: Vec<Managed<'c>> = customers.groups().map(|(group, numbers)| classifier.managed(group, numbers)).collect();
        let mut of_host = vec![0; study.hosts().len()];
        for group in &groups {
            for class in Class::ALL {
                group.hosts_in(class).for_each(|host| of_host[host] |= class.bit());
            }
        }
        // Whom no domain uses is nobody's.
        for bits in &mut of_host {
            *bits |= Class::All.bit();
            *bits |= if *bits == Class::All.bit() { Class::Unclassified.bit() } else { 0 };
        }
        Self { groups, of_host }
    }

    /// Whether a host is in a class, with any domain.
    #[must_use]
    pub fn has(&self, host: usize, class: Class) -> bool {
        self.of_host.get(host).is_some_and(|bits| bits & class.bit() != 0)
    }
}

/// Registrable domains as numbers, and who of them is popular.
struct Classifier<'s> {
    study: &'s Study<'s>,
    hosts: HashMap<&'s str, usize>,
    /// By name of a host.
    operators: HashMap<&'s str, Option<u32>>,
    numbers: HashMap<String, u32>,
    popular_mail: BTreeSet<u32>,
    popular_names: BTreeSet<u32>,
    /// Hosts at addresses that serve many.
    crowded: Vec<bool>,
}

impl<'s> Classifier<'s> {
    fn new(study: &'s Study<'_>, customers: &Customers, has_records: &dyn Fn(usize) -> bool) -> Self {
        let with_records = study.hosts().iter().enumerate().filter(|(place, host)| host.port == 25 && has_records(*place));
        let mut classifier = Self {
            study,
            hosts: with_records.map(|(place, host)| (&*host.name, place)).collect(),
            operators: HashMap::new(),
            numbers: HashMap::new(),
            popular_mail: BTreeSet::new(),
            popular_names: BTreeSet::new(),
            crowded: vec![false; study.hosts().len()],
        };
        let mut mail: HashMap<u32, Vec<&Numbers>> = HashMap::new();
        let mut names = mail.clone();
        for (group, numbers) in customers.groups() {
            let hosts: Vec<&str> = classifier.mail_hosts(group).map(|(name, _)| name).collect();
            classifier.operators_of(hosts).into_iter().for_each(|operator| mail.entry(operator).or_default().push(numbers));
            let servers: Vec<&str> = classifier.name_servers(group).collect();
            classifier.operators_of(servers).into_iter().for_each(|operator| names.entry(operator).or_default().push(numbers));
        }
        let many = study.settings.many;
        let popular = |by_operator: HashMap<u32, Vec<&Numbers>>| {
            let counted = by_operator.into_iter().map(|(operator, numbers)| (operator, most(numbers)));
            counted.filter(|(_, most)| *most > many).map(|(operator, _)| operator).collect()
        };
        (classifier.popular_mail, classifier.popular_names) = (popular(mail), popular(names));
        classifier
    }

    /// Hosts of a group that ever had TLSA records, with their places.
    fn mail_hosts(&self, group: &Group) -> impl Iterator<Item = (&'s str, usize)> {
        let hosts = self.study.content.mx_sets.get(group.mx.index()).map_or(&[][..], |set| &set.hosts);
        hosts.iter().filter_map(|(_, host)| Some((&**host, *self.hosts.get(&**host)?)))
    }

    fn name_servers(&self, group: &Group) -> impl Iterator<Item = &'s str> + use<'s> {
        let set = group.ns.and_then(|ns| self.study.content.ns_sets.get(ns.index()));
        set.map_or(&[][..], |set| &set.hosts).iter().map(|host| &**host)
    }

    /// The registrable domains of names, each once.
    fn operators_of(&mut self, names: Vec<&'s str>) -> BTreeSet<u32> {
        let mut number = |name: &'s str| {
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            let numbers = &mut self.numbers;
            *self.operators.entry(name).or_insert_with(|| Some(*numbers.entry(operator(name)?).or_insert(next)))
        };
        names.into_iter().filter_map(&mut number).collect()
    }

    /// Finds the addresses that serve many.
    fn find_crowds(&mut self, customers: &Customers, view: View) {
        self.crowded.fill(false);
        let mut at: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        for place in self.hosts.values() {
            let host = self.study.hosts().get(*place);
            for server in host.map_or(&[][..], |host| &host.servers) {
                let here = self.study.server(*server).and_then(|key| key.address).map(|address| at.entry(address).or_default());
                if let Some(here) = here.filter(|here| here.last() != Some(place)) {
                    here.push(*place);
                }
            }
        }
        let many = self.study.settings.many;
        let mut served: HashMap<IpAddr, Vec<&Numbers>> = HashMap::new();
        if view == View::Ours && !at.is_empty() {
            let mut addresses: HashMap<usize, Vec<IpAddr>> = HashMap::new();
            at.iter().for_each(|(address, hosts)| hosts.iter().for_each(|host| addresses.entry(*host).or_default().push(*address)));
            for (group, numbers) in customers.groups() {
                let here: BTreeSet<IpAddr> =
                    self.mail_hosts(group).filter_map(|(_, host)| addresses.get(&host)).flatten().copied().collect();
                here.into_iter().for_each(|address| served.entry(address).or_default().push(numbers));
            }
        }
        for (address, hosts) in at {
            let serves = match view {
                View::Paper => hosts.iter().collect::<BTreeSet<_>>().len() as u64,
                View::Ours => served.get(&address).map_or(0, |numbers| most(numbers.iter().copied())),
            };
            if serves > many {
                hosts.into_iter().for_each(|host| self.crowded[host] = true);
            }
        }
    }

    fn managed<'c>(&self, group: &'c Group, numbers: &'c Numbers) -> Managed<'c> {
        let domain = group.own.and_then(|domain| self.of_domain(domain));
        let (hosts, mail): (Vec<usize>, Vec<Hand>) = self
            .mail_hosts(group)
            .map(|(name, place)| {
                let crowded = self.crowded.get(place).copied().unwrap_or(false);
                (place, if crowded { Hand::Outsourced } else { self.hand(name, domain, &self.popular_mail) })
            })
            .unzip();
        let own = mail.contains(&Hand::Own);
        let names = self.name_servers(group).filter(|_| own).map(|name| self.hand(name, domain, &self.popular_names)).collect();
        Managed { group, numbers, hosts, mail, names }
    }

    fn of_domain(&self, domain: DomainId) -> Option<u32> {
        self.numbers.get(&operator(self.study.domain(domain))?).copied()
    }

    fn hand(&self, name: &str, domain: Option<u32>, popular: &BTreeSet<u32>) -> Hand {
        let operator = self.operators.get(name).copied().flatten();
        match operator {
            Some(_) if operator == domain => Hand::Own,
            Some(operator) if popular.contains(&operator) => Hand::Outsourced,
            _ if name.contains(".awsdns-") || name.contains(".cloudflare.") => Hand::Outsourced,
            _ => Hand::Unknown,
        }
    }
}

/// The registrable domain of a name.
fn operator(name: &str) -> Option<String> {
    let name = parse_domain(name).ok()?;
    dane::suffix::operator(&name).map(|operator| operator.to_string().to_ascii_lowercase())
}
