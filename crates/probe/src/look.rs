//! One look at a domain or a host.

use crate::comeback::Comeback;
use crate::config::{ConfigError, LookerConfig, NameServers};
use crate::dns::Dns;
use crate::host::{HostLook, Visits};
use crate::name_servers;
use crate::once::{Once, Pending};
use crate::optout::OptOut;
use crate::policies::PolicyLook;
use crate::vantage::Vantage;
use crate::zone::Zones;
use dane::dns::Lookup;
use dane::name::Name;
use dane::observation::{DomainObservation, HostObservation, Observation, SCHEMA_VERSION, VantageObservation};
use domain::base::iana::Rtype;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};

/// Looks at domains and hosts. Cheap to clone; clones share hosts seen, zones seen and rate limits.
#[derive(Clone)]
pub struct Looker {
    inner: Arc<Inner>,
}

struct Inner {
    config: LookerConfig,
    dns: Arc<dyn Dns>,
    vantage: Arc<Vantage>,
    visits: Arc<Visits>,
    zones: Arc<Zones>,
    policies: PolicyLook,
    hosts: Once<HostObservation>,
    hosts_seen: AtomicU64,
}

impl Looker {
    /// A looker that asks this source of DNS answers.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn new(dns: Arc<dyn Dns>, config: LookerConfig) -> Result<Self, ConfigError> {
        let vantage = Arc::new(Vantage::new(&config));
        let visits = Visits::new(&config, Arc::clone(&vantage))?;
        Ok(Self::of(dns, config, vantage, visits))
    }

    /// One that has seen nothing yet.
    fn of(dns: Arc<dyn Dns>, config: LookerConfig, vantage: Arc<Vantage>, visits: Visits) -> Self {
        let visits = Arc::new(visits);
        let zones = Arc::new(Zones::new(Arc::clone(&dns), config.remembered));
        let policies = PolicyLook::new(Arc::clone(&dns), Arc::clone(&visits), &config);
        let hosts = Once::new(config.remembered);
        Self { inner: Arc::new(Inner { config, dns, vantage, visits, zones, policies, hosts, hosts_seen: AtomicU64::new(0) }) }
    }

    /// A looker for the next round. It leaves alone who wishes it now, and looks anew at everything; it shares this one's source of DNS
    /// answers with what that remembers, its TLS engine and its rate limits.
    #[must_use]
    pub fn next_round(&self, opt_out: Arc<OptOut>) -> Self {
        let config = LookerConfig { opt_out, ..self.inner.config.clone() };
        let vantage = Arc::new(Vantage::new(&config));
        let visits = self.inner.visits.next_round(&config, Arc::clone(&vantage));
        Self::of(Arc::clone(&self.inner.dns), config, vantage, visits)
    }

    /// Looks at a mail domain: its MX, and every MX host not seen before. Ends within the configured deadline, whatever the servers do;
    /// what is not there by then is missing from the observation. Hosts stand best preference first.
    /// The vantage is filled with what is known so far ([`Looker::vantage`]). `None`: the domain is on the opt-out list, nothing was asked.
    pub async fn observe_domain(&self, domain: &Name) -> Option<Observation> {
        let inner = &self.inner;
        if inner.config.opt_out.has_name(domain) {
            return None;
        }
        let at = now();
        let deadline = Instant::now() + inner.config.domain_deadline;
        let mx = timeout_at(deadline, inner.dns.lookup(domain, Rtype::MX));
        let zone = timeout_at(deadline, inner.zones.around(domain));
        let (mx, zone) = tokio::join!(mx, zone);
        let mx = mx.unwrap_or_else(|_| Lookup::unasked(domain, Rtype::MX, now()));
        let hosts: Vec<Name> = mail_hosts(domain, &mx).into_iter().take(inner.config.hosts_per_domain).collect();
        let started: Vec<_> = hosts.iter().map(|h| self.start(h)).collect();
        let seen = async {
            let mut seen = Vec::with_capacity(started.len());
            for host in started {
                seen.extend(timeout_at(deadline, host.wait()).await.ok().flatten());
            }
            seen
        };
        let (seen, policies) = tokio::join!(seen, timeout_at(deadline, Box::pin(inner.policies.observe(domain, &mx, &hosts))));
        let policies = policies.ok().flatten();
        let zone = zone.ok().flatten();
        let name_servers = match inner.config.name_servers {
            NameServers::AsNeeded => Vec::new(),
            NameServers::Each => {
                let questions = name_servers::questions(domain, zone.as_deref(), &seen);
                timeout_at(deadline, name_servers::ask(&inner.dns, questions)).await.unwrap_or_default()
            }
        };
        let domain = DomainObservation { schema: SCHEMA_VERSION, domain: domain.clone(), at, zone, mx, name_servers, policies };
        Some(Observation { domain, hosts: seen, vantage: self.vantage() })
    }

    /// Looks at one MX host, or takes what it saw before.
    pub async fn observe_host(&self, host: &Name) -> Arc<HostObservation> {
        let lost = || Arc::new(HostObservation::unseen(host, self.inner.config.port, now()));
        self.start(host).wait().await.unwrap_or_else(lost)
    }

    /// What is known of ourselves, from checks made and from what connections so far have shown.
    #[must_use]
    pub fn vantage(&self) -> VantageObservation {
        self.inner.vantage.observation()
    }

    /// Checks ourselves: route for IPv6, PTR, EHLO name, block lists, DNS interception, trust anchor, clock. Takes up to ten seconds;
    /// what it finds is in [`Looker::vantage`] from then on. Where only a lab is looked at, the Internet is left alone.
    pub async fn check_vantage(&self) -> VantageObservation {
        self.inner.vantage.check(&self.inner.dns, &self.inner.config).await;
        self.vantage()
    }

    /// Notices of servers that asked us to come back and will be visited again, from now on: for a person who wonders what takes so long.
    #[must_use]
    pub fn comebacks(&self) -> broadcast::Receiver<Comeback> {
        self.inner.visits.comebacks.notices()
    }

    /// Waits no longer for servers that asked us to come back: what was seen of them stands.
    pub fn call_off_comebacks(&self) {
        self.inner.visits.comebacks.call_off();
    }

    /// MX hosts looked at, SMTP visits made, SMTP visits that wait for their turn.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let (made, waiting) = self.inner.visits.counts();
        (self.inner.hosts_seen.load(Ordering::Relaxed), made, waiting)
    }

    fn start(&self, host: &Name) -> Pending<HostObservation> {
        self.inner.hosts.start(host, || {
            let look = HostLook {
                dns: Arc::clone(&self.inner.dns),
                zones: Arc::clone(&self.inner.zones),
                visits: Arc::clone(&self.inner.visits),
                port: self.inner.config.port,
            };
            let (host, inner) = (host.clone(), Arc::clone(&self.inner));
            async move {
                let seen = look.observe(&host).await;
                inner.hosts_seen.fetch_add(1, Ordering::Relaxed);
                seen
            }
        })
    }
}

/// The hosts that mail for the domain goes to, best preference first. MX records that name an address are left out.
fn mail_hosts(domain: &Name, mx: &Lookup) -> Vec<Name> {
    // R-013 rfc7672#2.2: "10 192.0.2.1." names no host.
    dane::mx::hosts(domain, mx).into_iter().filter(|m| !m.is_address()).map(|m| m.host).collect()
}

/// Seconds since 1970 by the machine's clock.
pub(crate) fn now() -> dane::Epoch {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        dane::name::parse_domain(text).unwrap()
    }

    fn mx(rcode: u16, records: &[&str]) -> Lookup {
        let mut lookup = Lookup::unasked(&name("example.org"), Rtype::MX, 0);
        (lookup.failure, lookup.status, lookup.rcode) = (None, dane::dns::Security::Insecure, rcode);
        lookup.records = records.iter().map(|d| dane::dns::Record { owner: name("example.org"), ttl: 60, data: (*d).to_owned() }).collect();
        lookup
    }

    #[test]
    fn hosts_by_preference_each_once() {
        let domain = name("example.org");
        let lookup = mx(0, &["20 b.example.net.", "10 a.example.net.", "30 A.example.net.", "5 c.example.net."]);
        assert_eq!(mail_hosts(&domain, &lookup), [name("c.example.net"), name("a.example.net"), name("b.example.net")]);
    }

    #[test]
    fn what_is_no_host_is_left_out() {
        let domain = name("example.org");
        assert_eq!(mail_hosts(&domain, &mx(0, &["0 ."])), Vec::<Name>::new());
        assert_eq!(
            mail_hosts(&domain, &mx(0, &["0 .", "10 a.example.net.", "10 192.0.2.1.", "10 2001:db8::1", "x"])),
            [name("a.example.net")]
        );
        assert_eq!(mail_hosts(&domain, &mx(3, &[])), Vec::<Name>::new());
        assert_eq!(mail_hosts(&domain, &Lookup::unasked(&domain, Rtype::MX, 0)), Vec::<Name>::new());
        assert_eq!(mail_hosts(&domain, &mx(0, &[])), std::slice::from_ref(&domain));
    }
}
