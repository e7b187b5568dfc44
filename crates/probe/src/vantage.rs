//! What is known of ourselves: the third party to blame.

use crate::config::{Destinations, Ipv6, LookerConfig};
use crate::dns::Dns;
use crate::reach::{is_public, source_towards};
use dane::dns::{Lookup, Outcome};
use dane::name::Name;
use dane::observation::{AddressObservation, Connect, VantageObservation};
use domain::base::iana::Rtype;
use resolve::gate::network;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Networks that must have been silent, and none open, before we say that our own network blocks the port.
const BLOCKED_AFTER: usize = 5;
/// Networks after which we believe it and stop trying.
const GIVE_UP_AFTER: usize = 40;
/// Time for each check.
const CHECK_TIME: Duration = Duration::from_secs(10);
/// Public addresses by which the system chooses a source address; nothing is sent to them. (l.root-servers.net)
const SOMEBODY_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(199, 7, 83, 42));
const SOMEBODY_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42));

/// Ourselves, as far as known.
pub(crate) struct Vantage {
    known: Mutex<VantageObservation>,
    /// Networks that did not answer, while nothing ever connected.
    silent: Mutex<HashSet<IpAddr>>,
    ipv6: bool,
}

impl Vantage {
    pub(crate) fn new(config: &LookerConfig) -> Self {
        let v6 = match config.ipv6 {
            Ipv6::Off => None,
            Ipv6::Auto => source_towards(SOMEBODY_V6).filter(|a| !a.is_loopback()),
        };
        let known = VantageObservation {
            name: config.vantage.clone(),
            ehlo: Some(config.ehlo.clone()),
            ipv6: (config.destinations == Destinations::PublicOnly).then_some(v6.is_some()),
            sources: source_towards(SOMEBODY_V4).into_iter().chain(v6).collect(),
            ..VantageObservation::default()
        };
        Self { known: Mutex::new(known), silent: Mutex::default(), ipv6: v6.is_some() }
    }

    pub(crate) fn observation(&self) -> VantageObservation {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn has_ipv6(&self) -> bool {
        self.ipv6
    }

    /// Whether so many networks were silent that trying on is a waste of time.
    pub(crate) fn is_blocked(&self) -> bool {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).len() >= GIVE_UP_AFTER
    }

    /// Learns from a visit. Only silence and "no way" count against our network: a server that is down refuses.
    pub(crate) fn learn(&self, visit: &AddressObservation) {
        match visit.connect {
            Connect::Connected => {
                self.silent.lock().unwrap_or_else(PoisonError::into_inner).clear();
                self.known.lock().unwrap_or_else(PoisonError::into_inner).port_open = Some(true);
            }
            Connect::Timeout | Connect::Unreachable { .. } => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.port_open == Some(true) {
                    return;
                }
                let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
                silent.insert(network(visit.address));
                if silent.len() >= BLOCKED_AFTER {
                    known.port_open = Some(false);
                }
            }
            Connect::Refused | Connect::NotTried { .. } | Connect::LocalError { .. } => {}
        }
    }

    /// Makes the checks that need the network, side by side.
    pub(crate) async fn check(&self, dns: &dyn Dns, config: &LookerConfig) {
        let internet = config.destinations == Destinations::PublicOnly;
        let source = self.observation().sources.into_iter().find(|a| is_public(*a));
        let root = Name::root_bytes();
        let (ehlo, ptr, intercepted, clock, anchor) = tokio::join!(
            within(async { if internet { ehlo_resolves(dns, &config.ehlo).await } else { None } }),
            within(async { if internet { ptr(dns, source?).await } else { None } }),
            within(async { if internet { dns.intercepted().await } else { None } }),
            within(async { clock_offset(&dns.lookup(&root, Rtype::SOA).await) }),
            within(dns.anchor_current()),
        );
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.ehlo_resolves = ehlo;
        known.ptr = ptr;
        known.dns_intercepted = intercepted;
        known.clock_offset_s = clock;
        known.anchor_current = anchor;
    }
}

/// What has no answer in time stays unknown.
async fn within<T>(check: impl Future<Output = Option<T>>) -> Option<T> {
    timeout(CHECK_TIME, check).await.ok().flatten()
}

/// Whether the EHLO name has an address. `None`: no answer.
async fn ehlo_resolves(dns: &dyn Dns, ehlo: &Name) -> Option<bool> {
    let (a, aaaa) = tokio::join!(dns.lookup(ehlo, Rtype::A), dns.lookup(ehlo, Rtype::AAAA));
    match (a.outcome(), aaaa.outcome()) {
        (Outcome::Data, _) | (_, Outcome::Data) => Some(true),
        (Outcome::Err, _) | (_, Outcome::Err) => None,
        _ => Some(false),
    }
}

/// Whether the source address has a name that leads back to it. `None`: no answer.
async fn ptr(dns: &dyn Dns, source: IpAddr) -> Option<bool> {
    let reverse = dns.lookup(&reverse_name(source)?, Rtype::PTR).await;
    match reverse.outcome() {
        Outcome::Data => {}
        Outcome::NoData | Outcome::NxDomain => return Some(false),
        Outcome::Err => return None,
    }
    let rtype = if source.is_ipv4() { Rtype::A } else { Rtype::AAAA };
    let mut unanswered = false;
    for record in reverse.records.iter().take(4) {
        let Ok(name) = Name::from_str(&record.data) else { continue };
        let forward = dns.lookup(&name, rtype).await;
        if forward.records.iter().any(|r| r.data.parse() == Ok(source)) {
            return Some(true);
        }
        unanswered |= forward.outcome() == Outcome::Err;
    }
    if unanswered { None } else { Some(false) }
}

fn reverse_name(address: IpAddr) -> Option<Name> {
    let text = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(v6) => {
            let mut text: String = v6.octets().iter().rev().map(|o| format!("{:x}.{:x}.", o & 15, o >> 4)).collect();
            text.push_str("ip6.arpa.");
            text
        }
    };
    Name::from_str(&text).ok()
}

/// How far our clock is off at least, if the root's own signature is outside its time: the root does not let its signatures expire.
fn clock_offset(root: &Lookup) -> Option<i64> {
    let code = root.reason.as_ref().map(|r| r.code.as_str())?;
    let window = root.signature.as_ref()?;
    match code {
        "rrsig-expired" => Some(root.at - window.expiration),
        "rrsig-not-yet-valid" => Some(root.at - window.inception),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::DnsFuture;
    use dane::dns::{Record, Security, SecurityReason, SignatureWindow};

    /// A DNS with one address for each name; names without one are not answered.
    struct Table(&'static [(&'static str, &'static str)]);

    impl Dns for Table {
        fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
            let mut lookup = Lookup::unasked(name, rtype, 0);
            if let Some((_, data)) = self.0.iter().find(|(owner, _)| *owner == name.to_string()) {
                (lookup.failure, lookup.status) = (None, Security::Insecure);
                lookup.records.push(Record { owner: name.clone(), ttl: 1, data: (*data).to_owned() });
            }
            Box::pin(std::future::ready(lookup))
        }

        fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
            Box::pin(std::future::ready(None))
        }
    }

    const REVERSE: (&str, &str) = ("1.2.0.192.in-addr.arpa", "us.example.");

    #[tokio::test]
    async fn a_name_for_our_address_is_wrong_only_if_the_dns_says_so() {
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(ptr(&Table(&[REVERSE, ("us.example", "192.0.2.1")]), source).await, Some(true));
        assert_eq!(ptr(&Table(&[REVERSE, ("us.example", "192.0.2.2")]), source).await, Some(false));
        assert_eq!(ptr(&Table(&[REVERSE]), source).await, None, "the way back has no answer");
        assert_eq!(ptr(&Table(&[]), source).await, None);
    }

    #[tokio::test]
    async fn beside_a_lab_nothing_is_said_of_our_name() {
        let dns = Table(&[("us.example", "192.0.2.1")]);
        let config = LookerConfig::new(dane::name::parse_domain("us.example").unwrap());
        for (destinations, expected) in [(Destinations::Any, None), (Destinations::PublicOnly, Some(true))] {
            let config = LookerConfig { destinations, ..config.clone() };
            let vantage = Vantage::new(&config);
            vantage.check(&dns, &config).await;
            assert_eq!(vantage.observation().ehlo_resolves, expected);
        }
    }

    fn vantage() -> Vantage {
        let config = LookerConfig { destinations: Destinations::Any, ..LookerConfig::new(Name::root_bytes()) };
        Vantage::new(&config)
    }

    fn visit(address: &str, connect: Connect) -> AddressObservation {
        AddressObservation::new(address.parse().unwrap(), 25, 0, connect)
    }

    #[test]
    fn a_blocked_port_shows_in_many_silent_networks_and_no_open_one() {
        let vantage = vantage();
        for i in 0..20 {
            vantage.learn(&visit(&format!("192.0.2.{i}"), Connect::Timeout));
            vantage.learn(&visit(&format!("10.{i}.0.1"), Connect::Refused));
        }
        assert_eq!(vantage.observation().port_open, None, "one silent network, many that refuse");
        for i in 0..40 {
            vantage.learn(&visit(&format!("198.51.{i}.1"), Connect::Timeout));
        }
        assert_eq!(vantage.observation().port_open, Some(false));
        assert!(vantage.is_blocked());
        vantage.learn(&visit("203.0.113.1", Connect::Connected));
        assert_eq!(vantage.observation().port_open, Some(true));
        assert!(!vantage.is_blocked());
        vantage.learn(&visit("198.51.100.1", Connect::Timeout));
        assert_eq!(vantage.observation().port_open, Some(true));
    }

    #[test]
    fn reverse_names() {
        assert_eq!(reverse_name("192.0.2.7".parse().unwrap()).unwrap().to_string(), "7.2.0.192.in-addr.arpa");
        assert_eq!(
            reverse_name("2001:db8::567:89ab".parse().unwrap()).unwrap().to_string(), // RFC 3596 section 2.5 has this form
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }

    #[test]
    fn the_roots_signatures_tell_the_time() {
        let mut root = Lookup::unasked(&Name::root_bytes(), Rtype::SOA, 1_000_000);
        assert_eq!(clock_offset(&root), None);
        root.status = Security::Bogus;
        let mut reason = SecurityReason {
            code: "rrsig-expired".into(),
            at_name: Name::root_bytes(),
            at_type: Rtype::SOA,
            detail: String::new(),
            ede: Vec::new(),
        };
        root.reason = Some(reason.clone());
        root.signature = Some(SignatureWindow {
            signer: Name::root_bytes(),
            key_tag: 1,
            algorithm: 8,
            inception: 1_200_000,
            expiration: 900_000,
            original_ttl: 1,
        });
        assert_eq!(clock_offset(&root), Some(100_000));
        reason.code = "rrsig-not-yet-valid".into();
        root.reason = Some(reason);
        assert_eq!(clock_offset(&root), Some(-200_000));
    }
}
