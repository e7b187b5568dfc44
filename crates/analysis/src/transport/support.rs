//! Which domains' servers do STARTTLS? And of those with TLS, which offer to take passwords before it?
//!
//! View: as observed. Denominators: domains with an SMTP session; of these, domains with TLS. A server that turned us away is in neither.

use super::Transported;
use crate::Share;
use dane::smtp;
use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportTable {
    /// Domains with TLS, of those with an SMTP session.
    pub starttls: Share,
    /// Domains whose server offers AUTH (by any mechanism) before STARTTLS, of those with TLS.
    pub auth_before_starttls: Share,
    /// Domains with mail, and without a session: not seen.
    pub unseen: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Support {
    table: SupportTable,
}

impl Support {
    pub fn add(&mut self, domain: &Transported) {
        let t = &mut self.table;
        if !domain.session {
            t.unseen += 1;
            return;
        }
        t.starttls.of += 1;
        if domain.tls.is_some() {
            t.starttls.count += 1;
            t.auth_before_starttls.of += 1;
            t.auth_before_starttls.count += u64::from(domain.server.and_then(smtp::offers_auth) == Some(true));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.table.starttls += other.table.starttls;
        self.table.auth_before_starttls += other.table.auth_before_starttls;
        self.table.unseen += other.table.unseen;
    }

    pub fn table(&self) -> SupportTable {
        self.table
    }
}
