//! How many of those who have TLSA have it right? In three views that are never mixed. (P22 Table 1)
//!
//! Paper view: a server counts by its first address; without certificate it is *not crawled* and in no denominator; insecure counts as
//! invalid. A sender's view: it delivers or not; insecure TLSA does not hinder it.

use crate::Share;
use crate::facts::DomainFacts;
use crate::servers::{Server, Servers};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Domains of one top-level domain that have TLSA on an MX host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncorrectRow {
    /// The top-level domain, without dot.
    pub tld: String,
    /// Paper view: domains with an invalid MX host, of those with a crawled one.
    pub paper_invalid: Share,
    /// A sender's view: domains with an MX host at which it fails, of those of which this is known.
    pub rfc_fails: Share,
}

/// MX hosts with TLSA in each view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Views {
    /// MX hosts with TLSA records.
    pub servers: u64,
    /// `paper_match` at the first address, of those crawled.
    pub paper_match: Share,
    /// `paper_valid` at the first address, of those crawled.
    pub paper_valid: Share,
    /// `paper_valid` at every address, of those crawled.
    pub paper_valid_all: Share,
    /// A sender that follows RFC 7672 delivers at every address seen, of those of which this is known.
    pub rfc_delivers: Share,
    /// No certificate seen at the first address: in none of the paper's denominators.
    pub not_crawled: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Incorrect {
    tlds: BTreeMap<String, (Share, Share)>,
}

impl Incorrect {
    pub fn add(&mut self, domain: &DomainFacts) {
        let bearing: Vec<_> = domain.hosts.iter().filter(|h| h.has_tlsa() == Some(true)).collect();
        if bearing.is_empty() {
            return;
        }
        let paper: Vec<bool> = bearing.iter().filter_map(|h| h.first_server()?.1?.paper_valid).collect();
        let rfc: Vec<bool> = bearing.iter().filter_map(|h| h.verdict).flat_map(|v| &v.servers).filter_map(|s| s.rfc_delivers).collect();
        let row = self.tlds.entry(domain.tld.clone()).or_default();
        count(&mut row.0, &paper);
        count(&mut row.1, &rfc);
    }

    pub fn merge(&mut self, other: Self) {
        for (tld, (paper, rfc)) in other.tlds {
            let mine = self.tlds.entry(tld).or_default();
            mine.0 = Share::new(mine.0.count + paper.count, mine.0.of + paper.of);
            mine.1 = Share::new(mine.1.count + rfc.count, mine.1.of + rfc.of);
        }
    }

    /// Most domains first.
    pub fn table(&self) -> Vec<IncorrectRow> {
        let row =
            |(tld, (paper, rfc)): (&String, &(Share, Share))| IncorrectRow { tld: tld.clone(), paper_invalid: *paper, rfc_fails: *rfc };
        let mut rows: Vec<IncorrectRow> = self.tlds.iter().map(row).collect();
        rows.sort_by(|a, b| b.paper_invalid.of.cmp(&a.paper_invalid.of).then_with(|| a.tld.cmp(&b.tld)));
        rows
    }
}

fn count(share: &mut Share, good: &[bool]) {
    if !good.is_empty() {
        share.of += 1;
        share.count += u64::from(good.contains(&false));
    }
}

pub(crate) fn views(servers: &Servers) -> Views {
    let share = |answer: &dyn Fn(&Server) -> Option<bool>| {
        let known: Vec<bool> = servers.with_tlsa().filter_map(answer).collect();
        Share::new(known.iter().filter(|k| **k).count() as u64, known.len() as u64)
    };
    let paper_match = share(&|s| s.look.first.paper_match);
    let total = servers.with_tlsa().count() as u64;
    Views {
        servers: total,
        paper_match,
        paper_valid: share(&|s| s.look.first.paper_valid),
        paper_valid_all: share(&|s| s.look.worst.paper_valid),
        rfc_delivers: share(&|s| s.rfc),
        not_crawled: total - paper_match.of,
    }
}
