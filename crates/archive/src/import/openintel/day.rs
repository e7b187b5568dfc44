//! What one day's rows come to.

use super::file::Row;
use crate::states::model::{DomainId, DomainSeen, Notes};
use crate::states::{Look, Parts};
use dane::dns::Security;
use dane::name::Name;
use std::collections::{BTreeMap, HashMap, HashSet};

/// MX hosts and name servers kept of one domain; no answer has more that counts.
const MAX_HOSTS: usize = 256;
/// Where a mail server's TLSA records are. (RFC 7672 section 2.2.3)
const TLSA_PREFIX: &str = "_25._tcp.";

/// Response codes. (RFC 6895 section 2.3)
const NOERROR: i64 = 0;
const NXDOMAIN: i64 = 3;

/// Everything that was answered in a day.
#[derive(Debug, Default)]
pub(super) struct Day {
    domains: HashMap<Box<str>, Domain>,
    /// By name, whether it has an address, and whether it has TLSA records at port 25.
    hosts: HashMap<Box<str>, Host>,
}

#[derive(Debug, Default)]
struct Domain {
    /// Response code of the question for MX records. `None`: not asked.
    mx_code: Option<i64>,
    mx: Vec<(u16, Box<str>)>,
    ns: Option<Vec<Box<str>>>,
    ds: Option<bool>,
    dnskey: Option<bool>,
    signed: bool,
    secure: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    address: bool,
    tlsa: bool,
}

impl Day {
    /// Takes a row.
    ///
    /// # Errors
    /// Why it cannot be used: the same words for the same fault.
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), &'static str> {
        let name = name(row.query_name).ok_or("query_name: not a domain name")?;
        if row.address && matches!(row.response_type, "A" | "AAAA") {
            self.host(&name).address = true;
        }
        if row.query_type == "TLSA" || row.response_type == "TLSA" {
            if let Some(host) = name.strip_prefix(TLSA_PREFIX).filter(|_| row.tlsa && row.response_type == "TLSA") {
                self.host(host).tlsa = true;
            }
            return Ok(());
        }
        let code = row.status_code;
        let answered = matches!(code, Some(NOERROR | NXDOMAIN));
        match row.query_type {
            "MX" => {
                let code = code.ok_or("status_code: none")?;
                let domain = self.domain(name);
                domain.mx_code = Some(code);
                domain.secure = row.ad_flag.or(domain.secure);
                domain.signed |= row.response_type == "RRSIG" && row.rrsig_type_covered == Some("MX");
                if row.response_type == "MX" {
                    domain.mx(row)?;
                }
            }
            "NS" if answered => {
                let found = &mut self.domain(name).ns;
                let found = found.get_or_insert_default();
                if let Some(server) = row.ns_address.filter(|_| row.response_type == "NS" && found.len() < MAX_HOSTS) {
                    found.push(self::name(server).ok_or("ns_address: not a domain name")?);
                }
            }
            "DS" if answered => *self.domain(name).ds.get_or_insert(false) |= row.ds && row.response_type == "DS",
            "DNSKEY" if answered => *self.domain(name).dnskey.get_or_insert(false) |= row.dnskey && row.response_type == "DNSKEY",
            _ => {}
        }
        Ok(())
    }

    fn domain(&mut self, name: Box<str>) -> &mut Domain {
        self.domains.entry(name).or_default()
    }

    fn host(&mut self, name: &str) -> &mut Host {
        if !self.hosts.contains_key(name) {
            self.hosts.insert(name.into(), Host::default());
        }
        self.hosts.entry(name.into()).or_default()
    }

    /// The domains whose MX records were asked for, by name.
    pub fn looks(self, parts: &mut Parts) -> Vec<Look<DomainId, DomainSeen>> {
        let Self { domains, hosts } = self;
        // Numbers are given out in the order of names, whatever the order of rows.
        let domains: BTreeMap<Box<str>, Domain> = domains.into_iter().filter(|(_, domain)| domain.mx_code.is_some()).collect();
        let mut looks = Vec::with_capacity(domains.len());
        for (name, domain) in domains {
            let key = parts.domain(&name);
            looks.push(Look { key, seen: domain.seen(&name, &hosts, parts), notes: Notes::default() });
        }
        looks
    }
}

impl Domain {
    fn mx(&mut self, row: &Row<'_>) -> Result<(), &'static str> {
        let address = row.mx_address.ok_or("mx_address: none")?;
        let preference = row.mx_preference.and_then(|p| u16::try_from(p).ok()).ok_or("mx_preference: not a number from 0 to 65535")?;
        let host = name(address).ok_or("mx_address: not a domain name")?;
        if self.mx.len() < MAX_HOSTS {
            self.mx.push((preference, host));
        }
        Ok(())
    }

    fn seen(mut self, name: &str, known: &HashMap<Box<str>, Host>, parts: &mut Parts) -> DomainSeen {
        let answered = matches!(self.mx_code, Some(NOERROR | NXDOMAIN));
        if self.mx.is_empty() && self.mx_code == Some(NOERROR) {
            // R-006 rfc7672#2.2.2: the domain itself is its host.
            self.mx.push((0, name.into()));
        }
        // R-008 rfc7505#3: a null MX is no host.
        self.mx.retain(|(_, host)| !host.is_empty());
        self.mx.sort();
        let mut met = HashSet::new();
        self.mx.retain(|(_, host)| met.insert(host.clone()));
        let of_hosts = |is: fn(&Host) -> bool| {
            let named = self.mx.iter().filter(|(_, host)| known.get(host).is_some_and(is));
            u16::try_from(named.count()).unwrap_or(u16::MAX)
        };
        let (addresses, tlsa) = (of_hosts(|host| host.address), of_hosts(|host| host.tlsa));
        let status = match (answered, self.secure) {
            (false, _) => Some(Security::Indeterminate),
            (true, Some(secure)) => Some(if secure { Security::Secure } else { Security::Insecure }),
            (true, None) => None,
        };
        let reason = match (status, self.mx_code) {
            (Some(Security::Insecure), _) => Some(if self.signed { "ds-missing" } else { "unsigned" }),
            (Some(Security::Indeterminate), Some(2)) => Some("dns-servfail"),
            (Some(Security::Indeterminate), Some(5)) => Some("dns-refused"),
            (Some(Security::Indeterminate), _) => Some("dns-error-code"),
            _ => None,
        };
        DomainSeen {
            tld: Some(parts.word(name.rsplit('.').next().unwrap_or_default())),
            mx_set: answered.then(|| parts.mx_set(self.mx.iter().map(|(preference, host)| (*preference, &**host)))),
            ns_set: self.ns.as_ref().map(|servers| parts.ns_set(servers.iter().map(|server| &**server))),
            hosts: u16::try_from(self.mx.len()).unwrap_or(u16::MAX),
            addresses,
            tlsa,
            ds: self.ds,
            dnskey: self.dnskey,
            signed: answered.then_some(self.signed),
            status,
            reason: reason.map(|code| parts.word(code)),
            standing: None,
        }
    }
}

/// Lower case, no final dot; the root is empty.
fn name(text: &str) -> Option<Box<str>> {
    if text == "." {
        return Some("".into());
    }
    let name = Name::from_chars(text.to_ascii_lowercase().chars()).ok().filter(|name| !name.is_root())?;
    Some(name.to_string().into())
}
