//! Who runs the mail of most domains, and how well?
//!
//! View: as observed. A domain counts for the operator of its most preferred MX host: the registered name of which the
//! host's is part, by the public suffix list that is built in.

use super::Transported;
use crate::Share;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Operators shown.
const ROWS: usize = 25;

/// One operator of MX hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRow {
    /// The registered name above those of its hosts.
    pub operator: String,
    /// Domains whose most preferred MX host is its, of the domains with mail.
    pub domains: Share,
    /// Those with TLS, of those with an SMTP session.
    pub starttls: Share,
    /// Those with a trusted certificate, of those whose certificate was judged; `None`: none was, for no roots were given.
    pub trusted: Option<Share>,
    /// Those whose certificate is for the MX host or the domain, of those with TLS.
    pub matches: Share,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    domains: u64,
    starttls: Share,
    trusted: Share,
    matches: Share,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Providers {
    rows: BTreeMap<String, Counts>,
}

impl Providers {
    pub fn add(&mut self, domain: &Transported) {
        let row = self.rows.entry(domain.operator.clone()).or_default();
        row.domains += 1;
        row.starttls += Share::new(u64::from(domain.tls.is_some()), u64::from(domain.session));
        let Some(pki) = domain.webpki else { return };
        row.matches += Share::new(u64::from(pki.names_host || pki.names_domain), 1);
        if let Some(trusted) = pki.trusted {
            row.trusted += Share::new(u64::from(trusted), 1);
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (operator, theirs) in other.rows {
            let mine = self.rows.entry(operator).or_default();
            mine.domains += theirs.domains;
            mine.starttls += theirs.starttls;
            mine.trusted += theirs.trusted;
            mine.matches += theirs.matches;
        }
    }

    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub fn table(&self, with_mail: u64) -> Vec<ProviderRow> {
        let mut rows: Vec<(&String, &Counts)> = self.rows.iter().collect();
        rows.sort_by(|a, b| b.1.domains.cmp(&a.1.domains).then_with(|| a.0.cmp(b.0)));
        let row = |(operator, counts): (&String, &Counts)| ProviderRow {
            operator: operator.clone(),
            domains: Share::new(counts.domains, with_mail),
            starttls: counts.starttls,
            trusted: (counts.trusted.of > 0).then_some(counts.trusted),
            matches: counts.matches,
        };
        rows.into_iter().take(ROWS).map(row).collect()
    }
}
