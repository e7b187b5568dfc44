//! The observation as a source of answers for the policy walk.

use crate::dns::{Alias, Lookup, LookupFailure, Outcome, Record, Security};
use crate::name::fqdn;
use crate::observation::{DomainObservation, HostObservation};
use crate::walk::{Answers, NextHop, Query, Route, Rules, route};
use domain::base::iana::Rtype;
use std::collections::HashMap;
use std::sync::Arc;

/// What was observed, and stand-ins for what was not.
pub(super) struct Evidence<'a> {
    observed: HashMap<Query, &'a Lookup>,
    stand_ins: HashMap<Query, Lookup>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(domain: Option<&'a DomainObservation>, hosts: &'a [Arc<HostObservation>]) -> Self {
        let of_host = |h: &'a Arc<HostObservation>| [&h.a, &h.aaaa].into_iter().chain(&h.cname).chain(&h.tlsa);
        let lookups = domain.map(|d| &d.mx).into_iter().chain(hosts.iter().flat_map(of_host));
        let observed = lookups.map(|l| (Query { name: l.name.clone(), rtype: l.rtype }, l)).collect();
        Self { observed, stand_ins: HashMap::new() }
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
        let first_link = (query.rtype == Rtype::CNAME).then(|| self.first_link(query)).flatten();
        let mut lookup = not_asked(query);
        if let Some(link) = first_link {
            lookup.failure = None;
            lookup.status = link.status;
            lookup.records = vec![Record { owner: link.owner.clone(), ttl: link.ttl, data: fqdn(&link.target) }];
        }
        lookup
    }

    /// Our own validation knows the status of every link, so that the separate CNAME query of R-022 may be missing.
    fn first_link(&self, query: &Query) -> Option<&'a Alias> {
        let address = |rtype| self.observed.get(&Query { name: query.name.clone(), rtype });
        let found = [Rtype::A, Rtype::AAAA].into_iter().filter_map(address);
        found.filter(|l| l.outcome() == Outcome::Data).find_map(|l| l.aliases.first())
    }
}

impl Answers for Evidence<'_> {
    fn answer(&self, query: &Query) -> Option<&Lookup> {
        self.observed.get(query).copied().or_else(|| self.stand_ins.get(query))
    }
}

fn not_asked(query: &Query) -> Lookup {
    Lookup {
        name: query.name.clone(),
        rtype: query.rtype,
        at: 0,
        status: Security::Indeterminate,
        failure: Some(LookupFailure::Budget),
        failure_detail: Some("it was not looked up".to_owned()),
        rcode: 0,
        reason: None,
        aliases: Vec::new(),
        records: Vec::new(),
        signed: false,
        signature: None,
        negative_ttl: None,
        server: None,
        elapsed_ms: 0,
        raw: Vec::new(),
    }
}
