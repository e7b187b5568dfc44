//! The first stage: from the next hop to the hosts that take its mail. (RFC 7672 section 2.2.1, RFC 5321 section 5.1, RFC 7505)

use super::host::{Origin, host_route};
use super::{Answered, Answers, Asker, Demand, HostRoute, MAX_HOSTS, MxStage, NextHop, Query, Route, Rules, Why};
use crate::dns::{Lookup, Outcome, Security};
use crate::mx::{self, MxHost};
use crate::verdict::{Action, Delivery};
use domain::base::iana::Rtype;

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
    let answer = asker.ask(domain, Rtype::MX)?;
    let answered = Answered::from(answer);
    let stage = match answered.outcome {
        // R-002 rfc7672#2.1.2
        Outcome::Err => MxStage::Failed,
        // R-007 rfc5321#5.1: no implicit MX below a name that does not exist.
        Outcome::NxDomain => MxStage::NoSuchDomain,
        // R-006 rfc5321#5.1
        Outcome::NoData => MxStage::Implicit,
        Outcome::Data if is_null(answer) => MxStage::Null,
        Outcome::Data => MxStage::Found,
    };
    let mut exchanges = mx::hosts(domain, answer);
    exchanges.truncate(MAX_HOSTS);
    // R-005 rfc7672#2.2.1: insecure MX records (or an insecure link on the way to them, R-010) cannot satisfy who insists on DANE.
    let insecure = answered.status != Security::Secure;
    if insecure && rules.demand == Demand::Mandatory && !matches!(stage, MxStage::NoSuchDomain) {
        let hosts = exchanges.into_iter().map(|m| HostRoute::decided(m.host, m.preference, Action::Skip, Why::MxInsecure));
        let stage = if stage == MxStage::Null { MxStage::Found } else { stage };
        return Ok(finish(stage, Some(answered), hosts.collect(), asker));
    }
    let origin = match (stage, insecure) {
        (MxStage::Implicit, _) => Origin::Direct,
        (_, true) => Origin::InsecureMx,
        (_, false) => Origin::SecureMx { domain, expanded: answer.expanded() },
    };
    let mut hosts = Vec::with_capacity(exchanges.len());
    for exchange in exchanges {
        hosts.push(mx_host(exchange, &origin, rules, asker)?);
    }
    Ok(finish(stage, Some(answered), hosts, asker))
}

/// R-003 rfc7672#2.2.1: each MX host is a destination of its own.
fn mx_host<A: Answers>(exchange: MxHost, origin: &Origin, rules: &Rules, asker: &mut Asker<A>) -> Result<HostRoute, Query> {
    // R-013 rfc7672#2.2: DANE does not apply to a network address where a host name should stand.
    if exchange.is_address() {
        let action = if rules.demand == Demand::Mandatory { Action::Skip } else { Action::Opp };
        return Ok(HostRoute::decided(exchange.host, exchange.preference, action, Why::MxIsAddress));
    }
    host_route(&exchange.host, exchange.preference, origin, rules, asker)
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
    matches!(mx::records(mx).as_slice(), [one] if one.host.is_root()) && mx.records.len() == 1
}
