//! What is known of ourselves: the third party to blame.

use crate::config::{Destinations, Ipv6, LookerConfig};
use crate::dns::Dns;
use crate::preflight;
use crate::reach::{is_public, source_towards};
use dane::dns::Lookup;
use dane::name::Name;
use dane::observation::{AddressObservation, Connect, Preflight, SourceObservation, VantageObservation};
use domain::base::iana::Rtype;
use resolve::gate::network;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Networks that must have been silent, and none open, before we say that our own network blocks the port.
const BLOCKED_AFTER: usize = 5;
/// Networks after which we believe it and stop trying.
const GIVE_UP_AFTER: usize = 40;
/// Time for each check.
pub(crate) const CHECK_TIME: Duration = Duration::from_secs(10);
/// Addresses of ours that are looked at.
const SOURCES: usize = 4;
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
        let sources = match config.seen_as.as_slice() {
            [] => source_towards(SOMEBODY_V4).into_iter().chain(v6).collect(),
            given => given.to_vec(),
        };
        let known = VantageObservation {
            name: config.vantage.clone(),
            ehlo: Some(config.ehlo.clone()),
            ipv6: (config.destinations == Destinations::PublicOnly).then_some(v6.is_some()),
            sources,
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
    pub(crate) async fn check(&self, dns: &Arc<dyn Dns>, config: &LookerConfig) {
        let internet = config.destinations == Destinations::PublicOnly;
        let root = Name::root_bytes();
        let (preflight, intercepted, clock, anchor) = tokio::join!(
            self.preflight(dns, config),
            within(async { if internet { dns.intercepted().await } else { None } }),
            within(async { clock_offset(&dns.lookup(&root, Rtype::SOA).await) }),
            within(dns.anchor_current()),
        );
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.ehlo_resolves = preflight.as_ref().and_then(|p| p.ehlo.as_ref()).map(|addresses| !addresses.is_empty());
        known.ptr = preflight.as_ref().and_then(|p| p.sources.first()).and_then(confirmed);
        known.preflight = preflight.map(Arc::new);
        known.dns_intercepted = intercepted;
        known.clock_offset_s = clock;
        known.anchor_current = anchor;
    }

    /// A look at our addresses: those that the Internet sees, or those that we were told. Beside a lab nobody asks unless told.
    async fn preflight(&self, dns: &Arc<dyn Dns>, config: &LookerConfig) -> Option<Preflight> {
        let told = !config.seen_as.is_empty();
        if !told && config.destinations != Destinations::PublicOnly {
            return None;
        }
        let sources: Vec<IpAddr> = self.observation().sources.into_iter().filter(|a| told || is_public(*a)).take(SOURCES).collect();
        Some(preflight::look(dns, &config.ehlo, &sources, &config.block_lists).await)
    }
}

/// Whether an address has a name that leads back to it. `None`: not known.
fn confirmed(source: &SourceObservation) -> Option<bool> {
    let names = source.ptr.as_ref()?;
    if names.iter().any(|n| n.addresses.as_ref().is_some_and(|a| a.contains(&source.address))) {
        return Some(true);
    }
    names.iter().all(|n| n.addresses.is_some()).then_some(false)
}

/// What has no answer in time stays unknown.
async fn within<T>(check: impl Future<Output = Option<T>>) -> Option<T> {
    timeout(CHECK_TIME, check).await.ok().flatten()
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

    #[test]
    fn a_name_for_our_address_is_wrong_only_if_the_dns_says_so() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let named = |addresses: Option<&[&str]>| {
            let addresses = addresses.map(|list| list.iter().map(|a| a.parse().unwrap()).collect());
            Some(vec![dane::observation::PtrName { name: dane::name::parse_domain("us.example").unwrap(), addresses }])
        };
        let confirmed = |ptr| confirmed(&SourceObservation { address, ptr, lists: Vec::new() });
        assert_eq!(confirmed(named(Some(&["192.0.2.1"]))), Some(true));
        assert_eq!(confirmed(named(Some(&["192.0.2.2"]))), Some(false));
        assert_eq!(confirmed(named(None)), None, "the way back has no answer");
        assert_eq!((confirmed(None), confirmed(Some(Vec::new()))), (None, Some(false)));
    }

    #[tokio::test]
    async fn beside_a_lab_nothing_is_said_of_our_name() {
        let dns: Arc<dyn Dns> = Arc::new(Table(&[("us.example", "192.0.2.1")]));
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
