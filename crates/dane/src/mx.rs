//! The mail hosts of a domain, read from its MX answer: the one place where this is decided.

use crate::dns::{Lookup, Outcome};
use crate::name::Name;
use std::collections::HashSet;
use std::net::IpAddr;

/// One line of a domain's MX.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MxHost {
    /// Its preference; 0 for an implicit MX.
    pub preference: u16,
    /// The host as the record has it.
    pub host: Name,
}

impl MxHost {
    /// Whether an IP address stands where a host should: DANE does not apply to it.
    #[must_use]
    pub fn is_address(&self) -> bool {
        let text = self.host.to_string();
        let text = text.trim_start_matches('[').trim_end_matches(']');
        text.parse::<IpAddr>().is_ok()
    }
}

/// The hosts that mail goes to, best preference first, each once; of a domain without MX the domain itself.
///
/// Without a believable answer there are none. A null MX names none; records that cannot be read are left out.
#[must_use]
pub fn hosts(domain: &Name, mx: &Lookup) -> Vec<MxHost> {
    match mx.outcome() {
        // R-006 rfc7672#2.2.2: the input domain itself, also where it is an alias; the address lookup follows that, and the TLSA records
        // may be at the alias' end or at the domain.
        Outcome::NoData => vec![MxHost { preference: 0, host: domain.clone() }],
        Outcome::Data => listed(mx),
        // there is no host to go to.
        Outcome::NxDomain | Outcome::Err => Vec::new(),
    }
}

/// The hosts that the records name, whether or not the answer can be believed; best preference first, each once.
#[must_use]
pub fn listed(mx: &Lookup) -> Vec<MxHost> {
    let mut found = records(mx);
    // R-009 rfc7505#3: a null MX beside others is the publisher's error; the root is never looked up.
    found.retain(|m| !m.host.is_root());
    // R-011 rfc7672#2.2.1: by preference alone. Among equals a sender picks at random; here the order is by name, so that it is stable.
    found.sort();
    let mut seen = HashSet::new();
    found.retain(|m| seen.insert(m.host.clone()));
    found
}

/// Every well-formed MX record, null MX included, in the order received.
#[must_use]
pub fn records(mx: &Lookup) -> Vec<MxHost> {
    mx.records.iter().filter_map(|r| parse(&r.data)).collect()
}

fn parse(data: &str) -> Option<MxHost> {
    let (preference, host) = data.trim().split_once(char::is_whitespace)?;
    Some(MxHost { preference: preference.parse().ok()?, host: Name::from_chars(host.trim().chars()).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Security;
    use crate::testing::{mx, name};

    fn names(domain: &str, mx: &Lookup) -> Vec<String> {
        hosts(&name(domain), mx).iter().map(|m| m.host.to_string()).collect()
    }

    #[test]
    fn an_alias_without_mx_is_its_own_mail_host() {
        // R-006 rfc7672#2.2.2
        let alias = mx("example.nl", &[]).via("elsewhere.example", Security::Secure);
        assert_eq!(names("example.nl", &alias), ["example.nl"]);
    }

    #[test]
    fn each_host_once_by_its_best_preference() {
        // R-009 rfc7505#3, R-011 rfc7672#2.2.1
        let data = ["20 b.example.", "10 a.example.", "30 A.example.", "0 .", "5 c.example.", "x", "70000 d.example."];
        assert_eq!(names("example.nl", &mx("example.nl", &data)), ["c.example", "a.example", "b.example"]);
    }

    #[test]
    fn no_answer_no_hosts_but_what_is_listed_is_known() {
        // R-002 rfc7672#2.1.2, R-007 rfc5321#5.1
        let bogus = mx("example.nl", &["10 a.example."]).bogus("rrsig-expired");
        assert_eq!(names("example.nl", &bogus), Vec::<String>::new());
        assert_eq!(listed(&bogus).len(), 1);
        assert_eq!(names("example.nl", &mx("example.nl", &[]).nxdomain()), Vec::<String>::new());
    }
}
