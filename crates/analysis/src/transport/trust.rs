//! Is the certificate trusted, and for whom is it?
//!
//! View: that of the Web (PKIX to the roots given, DNS names only), which no sender of mail takes by itself. Denominator: domains with TLS whose
//! certificate was judged; the four counts add up to it. The study of 2015 gives the same of all domains with an SMTP session, too.

use super::Transported;
use crate::Share;
use serde::{Deserialize, Serialize};

/// The answer. Each share is of the domains with TLS whose certificate was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustTable {
    /// Trusted, whomever it is for.
    pub trusted: Share,
    /// Trusted, and for the mail domain (and perhaps for the server, too).
    pub for_domain: Share,
    /// Trusted, and for the MX host, not for the domain.
    pub for_server: Share,
    /// Trusted, and for neither.
    pub for_neither: Share,
    /// Not trusted.
    pub untrusted: Share,
    /// Trusted, of all domains with an SMTP session.
    pub trusted_of_sessions: Share,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trust {
    sessions: u64,
    for_domain: u64,
    for_server: u64,
    for_neither: u64,
    untrusted: u64,
}

impl Trust {
    pub fn add(&mut self, domain: &Transported) {
        self.sessions += u64::from(domain.session);
        let Some(pki) = domain.webpki else { return };
        let count = match (pki.trusted, pki.names_domain, pki.names_host) {
            (None, ..) => return,
            (Some(false), ..) => &mut self.untrusted,
            (Some(true), true, _) => &mut self.for_domain,
            (Some(true), false, true) => &mut self.for_server,
            (Some(true), false, false) => &mut self.for_neither,
        };
        *count += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.for_domain += other.for_domain;
        self.for_server += other.for_server;
        self.for_neither += other.for_neither;
        self.untrusted += other.untrusted;
    }

    pub fn table(&self) -> Option<TrustTable> {
        let trusted = self.for_domain + self.for_server + self.for_neither;
        let of = trusted + self.untrusted;
        let share = |count| Share::new(count, of);
        (of > 0).then(|| TrustTable {
            trusted: share(trusted),
            for_domain: share(self.for_domain),
            for_server: share(self.for_server),
            for_neither: share(self.for_neither),
            untrusted: share(self.untrusted),
            trusted_of_sessions: Share::new(trusted, self.sessions),
        })
    }
}
