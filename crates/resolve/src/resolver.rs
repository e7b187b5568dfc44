//! The resolver's face.

use crate::answer::{Answer, Failure};
use crate::config::{Config, ConfigError};
use dnssec::{Name, Question, Security};
use domain::base::iana::Rtype;
use std::sync::Arc;
use std::time::Duration;

/// Looks names up and validates what it finds. Clones share caches, sockets and server memory.
#[derive(Clone)]
pub struct Resolver {
    config: Arc<Config>,
}

impl Resolver {
    /// A resolver with empty caches. Sends nothing yet.
    ///
    /// # Errors
    /// If the configuration leaves nobody to ask.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { config: Arc::new(config) })
    }

    /// Asks, follows aliases, validates. Never fails: failure is in the answer, with its kind and the servers involved.
    pub async fn lookup(&self, name: &Name, rtype: Rtype) -> Answer {
        Answer {
            question: Question { name: name.clone(), rtype },
            at: self.config.clock.now(),
            status: Security::Indeterminate,
            failure: Some(Failure::Budget),
            failure_detail: Some("not built yet".into()),
            rcode: 0,
            reason: None,
            aliases: Vec::new(),
            rrset: None,
            signature: None,
            negative_ttl: None,
            server: None,
            elapsed: Duration::ZERO,
            raw: Vec::new(),
        }
    }

    /// The apex of the zone that `name` is in, by the SOA records found; `None` if no server could say.
    pub async fn zone_apex(&self, _name: &Name) -> Option<Name> {
        None
    }
}
