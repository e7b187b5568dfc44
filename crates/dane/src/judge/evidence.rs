//! The observation as a source of answers for the policy walk.

use crate::dns::{Alias, Lookup, Outcome, Record};
use crate::name::{Name, fqdn};
use crate::observation::{DomainObservation, HostObservation};
use crate::walk::{Answers, NextHop, Query, Route, Rules, route};
use domain::base::iana::Rtype;
use std::collections::HashMap;
use std::sync::Arc;

/// What was observed, host by host, and stand-ins for what was not.
pub(super) struct Evidence<'a> {
    domain: Option<&'a DomainObservation>,
    hosts: &'a [Arc<HostObservation>],
    stand_ins: HashMap<Query, Lookup>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(domain: Option<&'a DomainObservation>, hosts: &'a [Arc<HostObservation>]) -> Self {
        Self { domain, hosts, stand_ins: HashMap::new() }
    }

    /// The route that these answers lead to. What the walk wants and nobody asked is "could not look".
    pub(super) fn route(&mut self, next_hop: &NextHop, rules: &Rules) -> Route {
        // Each turn answers one more query, and the walk asks a bounded number of them.
        loop {
            match route(next_hop, rules, self) {
                Ok(route) => return route,
                Err(query) => {
                    let stand_in = self.stand_in(&query);
                    self.stand_ins.insert(query, stand_in);
                }
            }
        }
    }

    fn stand_in(&self, query: &Query) -> Lookup {
        let first_link = (query.rtype == Rtype::CNAME).then(|| self.first_link(&query.name)).flatten();
        let mut lookup = Lookup::unasked(&query.name, query.rtype, 0);
        if let Some(link) = first_link {
            (lookup.failure, lookup.failure_detail) = (None, None);
            lookup.status = link.status;
            lookup.records = vec![Record { owner: link.owner.clone(), ttl: link.ttl, data: fqdn(&link.target) }];
        }
        lookup
    }

    /// Our own validation knows the status of every link, so that the separate CNAME query of R-022 may be missing.
    fn first_link(&self, host: &Name) -> Option<&'a Alias> {
        let seen = self.hosts.iter().find(|h| h.host == *host)?;
        let found = [&seen.a, &seen.aaaa].into_iter().filter(|l| l.outcome() == Outcome::Data);
        found.filter_map(|l| l.aliases.first()).next()
    }

    fn observed(&self, query: &Query, host: Option<&Name>) -> Option<&'a Lookup> {
        let asked = |l: &&Lookup| l.name == query.name && l.rtype == query.rtype;
        let Some(host) = host else { return self.domain.map(|d| &d.mx).filter(asked) };
        let seen = self.hosts.iter().find(|h| h.host == *host)?;
        [&seen.a, &seen.aaaa].into_iter().chain(&seen.cname).chain(&seen.tlsa).find(asked)
    }
}

impl Answers for Evidence<'_> {
    fn answer(&self, query: &Query, host: Option<&Name>) -> Option<&Lookup> {
        self.observed(query, host).or_else(|| self.stand_ins.get(query))
    }
}
