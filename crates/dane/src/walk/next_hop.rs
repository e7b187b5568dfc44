//! The first stage: from the next hop to the hosts that take its mail. (RFC 7672 section 2.2.1, RFC 5321 section 5.1, RFC 7505)

use super::host::{Origin, host_route};
use super::{Answered, Answers, Asker, Demand, HostRoute, MAX_HOSTS, MxStage, NextHop, Query, Route, Rules, Why};
use crate::dns::{Lookup, Outcome, Security};
use crate::name::Name;
use crate::verdict::{Action, Delivery};
use domain::base::iana::Rtype;
use std::net::IpAddr;

pub(super) fn route<A: Answers>(next_hop: &NextHop, rules: &Rules, asker: &mut Asker<A>) -> Result<Route, Query> {
    let domain = match next_hop {
        NextHop::Domain(domain) => domain,
        NextHop::Relay(host) => {
            // R-014 rfc7672#2.2.2: the administrator's word is as good as a secure MX.
            let host = host_route(host, 0, &Origin::Direct, rules, asker)?;
            return Ok(finish(MxStage::Skipped, None, vec![host], asker));
        }
        NextHop::Address(_) => return Ok(literal(rules)),
    };
    let mx = asker.ask(domain, Rtype::MX)?;
    let answered = Answered::from(mx);
    let stage = match answered.outcome {
        // R-002 rfc7672#2.1.2
        Outcome::Err => MxStage::Failed,
        // R-007 rfc5321#5.1: no implicit MX below a name that does not exist.
        Outcome::NxDomain => MxStage::NoSuchDomain,
        // R-006 rfc5321#5.1
        Outcome::NoData => MxStage::Implicit,
        Outcome::Data if is_null(mx) => MxStage::Null,
        Outcome::Data => MxStage::Found,
    };
    let exchanges = match stage {
        MxStage::Implicit => vec![(0, domain.clone())],
        MxStage::Found => exchanges(mx),
        _ => Vec::new(),
    };
    // R-005 rfc7672#2.2.1: insecure MX records (or an insecure link on the way to them, R-010) cannot satisfy who insists on DANE.
    let insecure = answered.status != Security::Secure;
    if insecure && rules.demand == Demand::Mandatory && !matches!(stage, MxStage::NoSuchDomain) {
        let hosts = exchanges.into_iter().map(|(preference, host)| HostRoute::decided(host, preference, Action::Skip, Why::MxInsecure));
        let stage = if stage == MxStage::Null { MxStage::Found } else { stage };
        return Ok(finish(stage, Some(answered), hosts.collect(), asker));
    }
    let origin = match (stage, insecure) {
        (MxStage::Implicit, _) => Origin::Direct,
        (_, true) => Origin::InsecureMx,
        (_, false) => Origin::SecureMx { domain, expanded: mx.expanded() },
    };
    let mut hosts = Vec::with_capacity(exchanges.len());
    for (preference, host) in exchanges {
        hosts.push(mx_host(host, preference, &origin, rules, asker)?);
    }
    Ok(finish(stage, Some(answered), hosts, asker))
}

/// R-003 rfc7672#2.2.1: each MX host is a destination of its own.
fn mx_host<A: Answers>(host: Name, preference: u16, origin: &Origin, rules: &Rules, asker: &mut Asker<A>) -> Result<HostRoute, Query> {
    // R-013 rfc7672#2.2: DANE does not apply to a network address where a host name should stand.
    if host_is_address(&host) {
        let action = if rules.demand == Demand::Mandatory { Action::Skip } else { Action::Opp };
        return Ok(HostRoute::decided(host, preference, action, Why::MxIsAddress));
    }
    host_route(&host, preference, origin, rules, asker)
}

fn finish<A>(mx: MxStage, mx_answer: Option<Answered>, hosts: Vec<HostRoute>, asker: &mut Asker<A>) -> Route {
    let delivery = match mx {
        // it is known for certain that nobody takes the mail.
        MxStage::Null | MxStage::NoSuchDomain => Delivery::Bounce,
        _ if hosts.iter().any(|h| h.action != Action::Skip) => Delivery::Deliver,
        // rfc7672#2.1.2: "If no servers are reachable, delivery is delayed."
        _ => Delivery::Defer,
    };
    Route { mx, mx_answer, hosts, delivery, queries: std::mem::take(&mut asker.asked), expires: asker.expires }
}

/// R-013 rfc7672#2.2: an address literal is outside DANE; only who insists on DANE cannot deliver.
fn literal(rules: &Rules) -> Route {
    let delivery = if rules.demand == Demand::Mandatory { Delivery::Defer } else { Delivery::Deliver };
    Route { mx: MxStage::Skipped, mx_answer: None, hosts: Vec::new(), delivery, queries: Vec::new(), expires: None }
}

/// R-008 rfc7505#3: exactly one MX record, and its exchange is the root. The preference SHOULD be 0 and does not matter.
fn is_null(mx: &Lookup) -> bool {
    matches!(mx_records(mx).as_slice(), [(_, host)] if host.is_root()) && mx.records.len() == 1
}

/// The MX hosts, best preference first, each host once.
fn exchanges(mx: &Lookup) -> Vec<(u16, Name)> {
    let mut found = mx_records(mx);
    // R-009 rfc7505#3: a null MX beside others is the publisher's error; the root is never looked up.
    found.retain(|(_, host)| !host.is_root());
    // R-011 rfc7672#2.2.1: by preference alone. Among equals a sender picks at random; here the order is by name, so that it is stable.
    found.sort();
    let mut hosts: Vec<(u16, Name)> = Vec::new();
    for (preference, host) in found {
        if hosts.len() < MAX_HOSTS && !hosts.iter().any(|(_, h)| *h == host) {
            hosts.push((preference, host));
        }
    }
    hosts
}

/// Preference and exchange of every well-formed MX record.
pub(crate) fn mx_records(mx: &Lookup) -> Vec<(u16, Name)> {
    mx.records.iter().filter_map(|r| parse_mx(&r.data)).collect()
}

fn parse_mx(data: &str) -> Option<(u16, Name)> {
    let (preference, exchange) = data.trim().split_once(char::is_whitespace)?;
    Some((preference.parse().ok()?, Name::from_chars(exchange.trim().chars()).ok()?))
}

/// Whether a host "name" is an IP address in presentation form.
pub(crate) fn host_is_address(host: &Name) -> bool {
    let text = host.to_string();
    let text = text.trim_start_matches('[').trim_end_matches(']');
    text.parse::<IpAddr>().is_ok()
}
