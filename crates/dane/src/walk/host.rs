//! The second stage: addresses, then TLSA, of one host. (RFC 7672 sections 2.2.2 and 2.2.3)

use super::{Answered, Answers, Asker, Demand, Families, HostRoute, InsecureMx, Query, Rules, Why};
use crate::dns::{Lookup, Outcome};
use crate::name::{Name, tlsa_owner};
use crate::tlsa::Tlsa;
use crate::verdict::Action;
use domain::base::iana::Rtype;

/// How the host was found: decides the reference identifiers. (RFC 7672 section 3.2.2)
pub(super) enum Origin<'a> {
    /// From secure MX records of `domain`, which is an alias of `expanded` if they differ.
    SecureMx { domain: &'a Name, expanded: &'a Name },
    /// From insecure MX records.
    InsecureMx,
    /// No MX records: a relay host or an implicit MX.
    Direct,
}

pub(super) fn host_route<A: Answers>(
    host: &Name,
    preference: u16,
    origin: &Origin,
    rules: &Rules,
    asker: &mut Asker<A>,
) -> Result<HostRoute, Query> {
    asker.host = Some(host.clone());
    // R-016 rfc7672#2.2.2: addresses first.
    let a = asker.ask(host, Rtype::A)?;
    let aaaa = asker.ask(host, Rtype::AAAA)?;
    let mut found = match candidates(host, [a, aaaa], origin, rules, asker)? {
        Ok(bases) => search(host, &bases, rules, asker)?,
        Err((action, why)) => HostRoute::decided(host.clone(), 0, action, why),
    };
    found.preference = preference;
    found.a = Some(a.into());
    found.aaaa = Some(aaaa.into());
    if let Some(base) = &found.tlsa_base {
        // R-067 rfc7672#8.1
        found.sni = Some(base.clone());
        found.names = reference_identifiers(host, base, origin);
    }
    // R-035 rfc7672#2.2, #6: who insists on DANE delivers only over an authenticated channel.
    if rules.demand == Demand::Mandatory && found.action != Action::Dane {
        found.action = Action::Skip;
    }
    Ok(found)
}

type Decided = (Action, Why);

/// The candidate TLSA base domains in order, or what is decided without asking for TLSA records.
fn candidates<A: Answers>(
    host: &Name,
    families: [&Lookup; 2],
    origin: &Origin,
    rules: &Rules,
    asker: &mut Asker<A>,
) -> Result<Result<Vec<Name>, Decided>, Query> {
    // R-018 rfc7672#2.1.2: a family that fails does not spoil the other.
    let found: Vec<&Lookup> = families.into_iter().filter(|l| l.outcome() == Outcome::Data).collect();
    let Some(first) = found.first() else {
        let failed = families.iter().any(|l| l.outcome() == Outcome::Err);
        // R-020 rfc7672#2.2.2
        return Ok(Err((Action::Skip, if failed { Why::AddressFailed } else { Why::NoAddress })));
    };
    if matches!(origin, Origin::InsecureMx) && rules.insecure_mx == InsecureMx::Opportunistic {
        // R-004 rfc7672#2.2.1
        return Ok(Err((Action::Opp, Why::MxInsecure)));
    }
    // the families may differ.
    let secure = match rules.families {
        Families::Either => found.iter().find(|l| l.is_secure()),
        Families::Both => Some(first).filter(|_| found.iter().all(|l| l.is_secure())),
    };
    match secure {
        // R-021 rfc7672#2.2.3: the end of a secure chain, then its beginning; never what lies between.
        Some(lookup) if lookup.expanded() != host => Ok(Ok(vec![lookup.expanded().clone(), host.clone()])),
        Some(_) => Ok(Ok(vec![host.clone()])),
        // R-017 rfc7672#2.2.2: do not even ask.
        None if found.iter().all(|l| l.aliases.is_empty()) => Ok(Err((Action::Opp, Why::AddressInsecure))),
        None => alias_candidates(host, asker),
    }
}

/// An alias with insecure addresses: what counts is the zone in which the alias itself stands. (RFC 7672 section 2.1.3)
fn alias_candidates<A: Answers>(host: &Name, asker: &mut Asker<A>) -> Result<Result<Vec<Name>, Decided>, Query> {
    let link = asker.ask(host, Rtype::CNAME)?;
    Ok(match link.outcome() {
        // R-022 rfc7672#2.2.2
        Outcome::Data if link.is_secure() => Ok(vec![host.clone()]),
        // R-023 rfc7672#2.2.2
        Outcome::Data => Err((Action::Opp, Why::AliasInsecure)),
        // R-024 rfc7672#2.1.2; an alias that has just vanished cannot be judged either.
        Outcome::NoData | Outcome::NxDomain | Outcome::Err => Err((Action::Skip, Why::AliasFailed)),
    })
}

/// The first candidate with a secure TLSA RRset decides. (RFC 7672 section 2.2.3)
fn search<A: Answers>(host: &Name, bases: &[Name], rules: &Rules, asker: &mut Asker<A>) -> Result<HostRoute, Query> {
    let mut route = HostRoute::decided(host.clone(), 0, Action::Opp, Why::NoSecureTlsa);
    for base in bases {
        // R-027 rfc7672#2.2.3. A name too long for the prefix has no TLSA records.
        let Some(owner) = tlsa_owner(base, rules.port) else { continue };
        let tlsa = asker.ask(&owner, Rtype::TLSA)?;
        route.tlsa = Some(Answered::from(tlsa));
        route.tlsa_name = Some(owner);
        match tlsa.outcome() {
            Outcome::Data if tlsa.is_secure() => {
                // R-028 rfc7672#2.2.3: the base is the candidate, also if `owner` is an alias.
                route.tlsa_base = Some(base.clone());
                route.records = tlsa.records.iter().map(|r| r.data.clone()).collect();
                route.usable = route.records.iter().filter(|r| is_usable(r)).count();
                // rfc7672#2.2
                (route.action, route.why) = if route.usable > 0 { (Action::Dane, Why::Usable) } else { (Action::Enc, Why::AllUnusable) };
                return Ok(route);
            }
            // R-029 rfc7672#2.2.3, R-030 rfc7672#2.1.1, R-032 rfc7672#2.2: insecure or absent, the next candidate is tried.
            Outcome::Data | Outcome::NoData | Outcome::NxDomain => {}
            // R-031 rfc7672#2.1.2: never on to the next candidate.
            Outcome::Err => {
                (route.action, route.why) = (Action::Skip, Why::TlsaFailed);
                return Ok(route);
            }
        }
    }
    Ok(route)
}

fn is_usable(data: &str) -> bool {
    data.parse::<Tlsa>().is_ok_and(|t| t.usability().is_ok())
}

/// RFC 7672 section 3.2.2: the TLSA base domain first.
fn reference_identifiers(host: &Name, base: &Name, origin: &Origin) -> Vec<Name> {
    // R-068 rfc7672#3.2.2
    let mut names = vec![base.clone()];
    let mut also = |name: &Name| {
        if !names.contains(name) {
            names.push(name.clone());
        }
    };
    match origin {
        // R-069 rfc7672#3.2.2
        Origin::SecureMx { domain, expanded } => {
            also(domain);
            also(expanded);
        }
        Origin::InsecureMx => {}
        // R-070 rfc7672#3.2.2: here the host is the next hop.
        Origin::Direct if base != host => also(host),
        Origin::Direct => {}
    }
    names
}

impl HostRoute {
    /// A host about which nothing was asked, or nothing more needs to be.
    pub(super) fn decided(host: Name, preference: u16, action: Action, why: Why) -> Self {
        Self {
            host,
            preference,
            a: None,
            aaaa: None,
            tlsa: None,
            tlsa_name: None,
            tlsa_base: None,
            records: Vec::new(),
            usable: 0,
            action,
            why,
            sni: None,
            names: Vec::new(),
        }
    }
}
