//! Which domains have DNSSEC and DANE?
//!
//! View: RFC 7672. DNSSEC: the MX records are proven. DANE: of at least one MX host TLSA records are in force. Denominators: domains with mail;
//! domains with TLS.

use super::Transported;
use crate::Share;
use dane::dns::Security;
use dane::verdict::Action;
use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnssecTable {
    /// Domains with DNSSEC, of those with mail.
    pub dnssec_of_mail: Share,
    /// Domains with DNSSEC, of those with TLS; without TLS they are not counted.
    pub dnssec_of_tls: Share,
    /// Domains with DANE, of those with mail.
    pub dane_of_mail: Share,
    /// Domains with DANE, of those with TLS; without TLS they are not counted.
    pub dane_of_tls: Share,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dnssec {
    table: DnssecTable,
}

impl Dnssec {
    pub fn add(&mut self, domain: &Transported) {
        let verdict = domain.facts.verdict;
        let dnssec = u64::from(verdict.mx_status == Security::Secure);
        let dane = u64::from(verdict.hosts.iter().any(|h| matches!(h.action, Action::Dane | Action::Enc)));
        let t = &mut self.table;
        t.dnssec_of_mail += Share::new(dnssec, 1);
        t.dane_of_mail += Share::new(dane, 1);
        if domain.tls.is_some() {
            t.dnssec_of_tls += Share::new(dnssec, 1);
            t.dane_of_tls += Share::new(dane, 1);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.table, &other.table);
        mine.dnssec_of_mail += theirs.dnssec_of_mail;
        mine.dnssec_of_tls += theirs.dnssec_of_tls;
        mine.dane_of_mail += theirs.dane_of_mail;
        mine.dane_of_tls += theirs.dane_of_tls;
    }

    pub fn table(&self) -> DnssecTable {
        self.table
    }
}
