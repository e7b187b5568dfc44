//! Whether other servers have reason to turn us away: our addresses, the names they lead to, and the EHLO name have to lead to each other.
//!
//! ```text
//! address ──PTR──► name ──A/AAAA──► address          EHLO name ──A/AAAA──► address
//! ```
//! Many servers refuse clients where one of these legs is missing, and a scan that is refused sees nothing. None of it is a rule of DANE, and
//! all of it is our own fault. (RFC 5321 section 4.1.4, RFC 1912 section 2.1)

use crate::cause::Cause;
use crate::observation::{Listing, SourceObservation, VantageObservation};
use std::net::IpAddr;

/// What is wrong with one of our addresses, or with our name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Which it is; its party is always us.
    pub cause: Cause,
    /// What exactly, in a sentence.
    pub sentence: String,
    /// The record to publish, in presentation form.
    pub publish: Option<String>,
}

/// What a look at ourselves found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong.
    pub remarks: Vec<Remark>,
    /// What could not be found out, in words.
    pub unknown: Vec<String>,
}

/// Judges what is known of our addresses. `None`: they were not looked at.
#[must_use]
pub fn report(vantage: &VantageObservation) -> Option<Report> {
    let preflight = vantage.preflight.as_ref()?;
    let mut report = Report::default();
    if preflight.sources.is_empty() {
        report.unknown.push("which public address we connect from".to_owned());
    }
    ehlo(vantage, preflight.ehlo.as_deref(), &preflight.sources, &mut report);
    for source in &preflight.sources {
        reverse(vantage, source, &mut report);
        lists(source, &mut report);
    }
    Some(report)
}

fn ehlo(vantage: &VantageObservation, found: Option<&[IpAddr]>, sources: &[SourceObservation], report: &mut Report) {
    let Some(name) = &vantage.ehlo else { return };
    let Some(found) = found else {
        report.unknown.push(format!("the addresses of our EHLO name {name}"));
        return;
    };
    for source in sources.iter().filter(|s| !found.contains(&s.address)) {
        let (cause, state) = if found.is_empty() {
            (Cause::EhloUnresolvable, "has no address".to_owned())
        } else {
            (Cause::EhloElsewhere, format!("does not lead to {}", source.address))
        };
        report.remarks.push(Remark {
            cause,
            sentence: format!("Our EHLO name {name} {state}."),
            publish: Some(format!("{} {} {}", name.fmt_with_dot(), family(source.address), source.address)),
        });
    }
    if sources.is_empty() && found.is_empty() {
        let sentence = format!("Our EHLO name {name} has no address.");
        report.remarks.push(Remark { cause: Cause::EhloUnresolvable, sentence, publish: None });
    }
}

fn reverse(vantage: &VantageObservation, source: &SourceObservation, report: &mut Report) {
    let address = source.address;
    let Some(names) = &source.ptr else {
        report.unknown.push(format!("the name of {address} (PTR)"));
        return;
    };
    if names.is_empty() {
        let name = vantage.ehlo.as_ref().map_or_else(|| "our.name.example.".to_owned(), |n| n.fmt_with_dot().to_string());
        let publish = Some(format!("{} PTR {name}", reverse_name(address)));
        report.remarks.push(Remark {
            cause: Cause::NoPtr,
            sentence: format!("Our address {address} has no PTR record; whoever runs its network publishes it."),
            publish,
        });
        return;
    }
    let leads_back = |addresses: &Vec<IpAddr>| addresses.contains(&address);
    if names.iter().any(|n| n.addresses.as_ref().is_some_and(leads_back)) {
        return;
    }
    if names.iter().any(|n| n.addresses.is_none()) {
        report.unknown.push(format!("whether the PTR name of {address} leads back to it"));
        return;
    }
    if let Some(first) = names.first() {
        report.remarks.push(Remark {
            cause: Cause::PtrUnconfirmed,
            sentence: format!("Our address {address} has the name {}, which does not lead back to it.", first.name),
            publish: Some(format!("{} {} {address}", first.name.fmt_with_dot(), family(address))),
        });
    }
}

fn lists(source: &SourceObservation, report: &mut Report) {
    for list in &source.lists {
        let name = &list.list;
        match list.answer {
            Listing::NotListed => {}
            Listing::Listed => {
                let why = list.why.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
                let sentence = format!("Our address {} is on the block list {name}{why}.", source.address);
                report.remarks.push(Remark { cause: Cause::BlockListed, sentence, publish: None });
            }
            Listing::Refused => report.unknown.push(format!("what {name} says of {}: it refuses our resolver", source.address)),
            Listing::NoList => report.unknown.push(format!("what {name} says of {}: it does not answer as a block list", source.address)),
            Listing::Unanswered => report.unknown.push(format!("what {name} says of {}: no answer", source.address)),
        }
    }
}

/// Below which name the PTR record of an address stands, in presentation form with its final dot. (RFC 1035 section 3.5, RFC 3596 section 2.5)
#[must_use]
pub fn reverse_name(address: IpAddr) -> String {
    let zone = if address.is_ipv4() { "in-addr.arpa." } else { "ip6.arpa." };
    format!("{}.{zone}", reversed(address))
}

/// An address back to front, as it stands below `in-addr.arpa` and below the zone of a block list: `1.2.0.192`; of IPv6 its 32 nibbles.
/// (RFC 5782 sections 2.1 and 2.4)
#[must_use]
pub fn reversed(address: IpAddr) -> String {
    let labels: Vec<String> = match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(ToString::to_string).collect(),
        IpAddr::V6(v6) => v6.octets().iter().rev().flat_map(|o| [format!("{:x}", o & 15), format!("{:x}", o >> 4)]).collect(),
    };
    labels.join(".")
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "A" } else { "AAAA" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{ListAnswer, Preflight, PtrName};
    use crate::testing::name;
    use std::sync::Arc;

    const US: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn seen(ehlo: Option<Vec<IpAddr>>, ptr: Option<Vec<PtrName>>, lists: Vec<ListAnswer>) -> Report {
        let preflight = Preflight { at: 0, ehlo, sources: vec![SourceObservation { address: US, ptr, lists }] };
        let ehlo = Some(name("probe.example.org"));
        report(&VantageObservation { ehlo, preflight: Some(Arc::new(preflight)), ..VantageObservation::default() }).unwrap()
    }

    fn ptr(addresses: Option<Vec<IpAddr>>) -> Option<Vec<PtrName>> {
        Some(vec![PtrName { name: name("host.example.net"), addresses }])
    }

    fn causes(report: &Report) -> Vec<Cause> {
        report.remarks.iter().map(|r| r.cause).collect()
    }

    #[test]
    fn each_leg_that_fails_is_named_with_the_record_that_mends_it() {
        assert_eq!(seen(Some(vec![US]), ptr(Some(vec![US])), vec![]), Report::default());
        let report = seen(Some(vec![]), Some(vec![]), vec![]);
        assert_eq!(causes(&report), [Cause::EhloUnresolvable, Cause::NoPtr]);
        let publish: Vec<&str> = report.remarks.iter().filter_map(|r| r.publish.as_deref()).collect();
        assert_eq!(publish, ["probe.example.org. A 192.0.2.1", "1.2.0.192.in-addr.arpa. PTR probe.example.org."]);
        let report = seen(Some(vec![OTHER]), ptr(Some(vec![OTHER])), vec![]);
        assert_eq!(causes(&report), [Cause::EhloElsewhere, Cause::PtrUnconfirmed]);
        assert_eq!(report.remarks[1].publish.as_deref(), Some("host.example.net. A 192.0.2.1"));
    }

    #[test]
    fn what_has_no_answer_is_unknown_and_no_fault() {
        let report = seen(None, None, vec![]);
        assert_eq!((causes(&report), report.unknown.len()), (vec![], 2));
        let report = seen(Some(vec![US]), ptr(None), vec![]);
        assert_eq!((causes(&report), report.unknown.len()), (vec![], 1));
        assert_eq!(super::report(&VantageObservation::default()), None, "not looked at");
    }

    #[test]
    fn only_a_listing_is_a_listing() {
        let list = |answer| vec![ListAnswer { list: "bl.example".into(), answer, codes: vec![], why: Some("spam trap".into()) }];
        for (answer, bad, unknown) in [
            (Listing::Listed, 1, 0),
            (Listing::NotListed, 0, 0),
            (Listing::Refused, 0, 1),
            (Listing::NoList, 0, 1),
            (Listing::Unanswered, 0, 1),
        ] {
            let report = seen(Some(vec![US]), ptr(Some(vec![US])), list(answer));
            assert_eq!((report.remarks.len(), report.unknown.len()), (bad, unknown), "{answer:?}");
        }
        let report = seen(Some(vec![US]), ptr(Some(vec![US])), list(Listing::Listed));
        assert_eq!(report.remarks[0].sentence, "Our address 192.0.2.1 is on the block list bl.example: spam trap.");
    }

    #[test]
    fn reverse_names() {
        assert_eq!(reverse_name("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa.");
        assert_eq!(
            reverse_name("2001:db8::567:89ab".parse().unwrap()), // RFC 3596 section 2.5 has this form
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
        );
    }
}
