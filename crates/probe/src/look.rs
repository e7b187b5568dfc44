//! One look at a domain or a host.

use crate::config::{ConfigError, LookerConfig};
use crate::dns::Dns;
use dane::name::Name;
use dane::observation::{HostObservation, Observation, VantageObservation};
use std::sync::Arc;

/// Looks at domains and hosts. Cheap to clone; clones share hosts seen, zones seen and rate limits.
#[derive(Clone)]
pub struct Looker {
    inner: Arc<Inner>,
}

struct Inner {
    #[allow(dead_code)]
    config: LookerConfig,
    #[allow(dead_code)]
    dns: Arc<dyn Dns>,
}

impl Looker {
    /// A looker that asks this source of DNS answers.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn new(dns: Arc<dyn Dns>, config: LookerConfig) -> Result<Self, ConfigError> {
        Ok(Self { inner: Arc::new(Inner { config, dns }) })
    }

    /// Looks at a mail domain: its MX, and every MX host not seen before. Ends within bounds, whatever the servers do.
    /// Hosts stand best preference first. The vantage is filled with what is known so far ([`Looker::vantage`]).
    pub async fn observe_domain(&self, _domain: &Name) -> Observation {
        todo!("lands shortly")
    }

    /// Looks at one MX host, or takes what it saw before.
    pub async fn observe_host(&self, _host: &Name) -> Arc<HostObservation> {
        todo!("lands shortly")
    }

    /// What is known of ourselves, from checks made and from what connections so far have shown.
    #[must_use]
    pub fn vantage(&self) -> VantageObservation {
        VantageObservation::default()
    }

    /// Checks ourselves: route for IPv6, PTR, EHLO name, DNS interception, trust anchor, clock. Takes a few seconds at most;
    /// what it finds is in [`Looker::vantage`] from then on.
    pub async fn check_vantage(&self) -> VantageObservation {
        self.vantage()
    }
}
