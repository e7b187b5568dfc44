//! Who asked what: the evidence of a test bed.

use dane::name::Name;
use domain::base::iana::Rtype;
use serde::Serialize;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

/// Queries kept; older ones are forgotten.
const KEPT: usize = 200_000;

/// One query.
#[derive(Clone, Debug, Serialize)]
pub struct Query {
    /// When it came, milliseconds since 1970.
    pub at_ms: u64,
    /// From where.
    pub source: SocketAddr,
    /// At which of the lab's addresses.
    pub server: Ipv4Addr,
    /// Over TCP rather than UDP.
    pub tcp: bool,
    /// Name asked.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// Checking disabled.
    pub checking_disabled: bool,
}

/// The latest queries.
#[derive(Debug, Default)]
pub struct Log(Mutex<VecDeque<Query>>);

impl Log {
    /// Remembers one.
    pub fn add(&self, query: Query) {
        if let Ok(mut log) = self.0.lock() {
            if log.len() >= KEPT {
                log.pop_front();
            }
            log.push_back(query);
        }
    }

    /// All that are remembered, oldest first.
    pub fn all(&self) -> Vec<Query> {
        self.0.lock().map(|log| log.iter().cloned().collect()).unwrap_or_default()
    }
}
