//! What the person who asks may choose.

use dane::Epoch;
use std::collections::{HashMap, HashSet};

/// Choices that change answers: every one is named in what they yield.
#[derive(Debug)]
pub struct Settings {
    /// The vantage point that counts where there can be only one; `None`: the first by name.
    pub vantage: Option<String>,
    /// Rounds scheduled in these half-open intervals are taken as missed.
    pub exclude_rounds: Vec<(Epoch, Epoch)>,
    /// Hosts, and all below them, that questions about rollovers, issuers and newcomers leave out: lower case, no final dot.
    pub exclude_hosts: Vec<String>,
    /// First moment looked at.
    pub from: Option<Epoch>,
    /// First moment not looked at any more.
    pub to: Option<Epoch>,
    /// A host that serves more domains than this is somebody's business. (P22 section 5.1: 50)
    pub many: u64,
    /// Seconds from the first round on in which newcomers have no records; `None`: three months, or 15% of the period if that is less.
    /// (P22 section 8.1)
    pub reference_s: Option<i64>,
    /// Common names of intermediates of public authorities, for the paper view of P22 section 6.3.2.
    pub intermediates: Option<HashSet<String>>,
    /// Rank of domains in a list of popularity, from 1.
    pub ranks: Option<HashMap<String, u32>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Everything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            vantage: None,
            exclude_rounds: Vec::new(),
            exclude_hosts: Vec::new(),
            from: None,
            to: None,
            many: 50,
            reference_s: None,
            intermediates: None,
            ranks: None,
        }
    }

    /// Whether a round counts that was scheduled for this moment.
    #[must_use]
    pub fn takes(&self, scheduled: Epoch) -> bool {
        self.from.is_none_or(|from| from <= scheduled)
            && self.to.is_none_or(|to| scheduled < to)
            && !self.exclude_rounds.iter().any(|(from, to)| (*from..*to).contains(&scheduled))
    }

    /// Whether a host is to be left out.
    #[must_use]
    pub fn leaves_out(&self, host: &str) -> bool {
        self.exclude_hosts.iter().any(|left| host.strip_suffix(left.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    }
}
