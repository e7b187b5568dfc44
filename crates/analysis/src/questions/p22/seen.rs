//! What servers with TLSA records showed each day, in few bits.

use crate::study::{HostStates, Study, View, stretches};
use archive::states::model::ServerState;
use dane::cause::{Cause, Party};
use dane::dns::Security;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Columns of `server_state` that are needed, beside certain others.
pub const COLUMNS: &[&str] = &["tlsa_set_id", "chain_id", "dnssec", "smtp_status", "paper_match", "paper_valid"];

/// A server, on a day on which it had TLSA records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Facts {
    /// What DNSSEC says of them.
    pub status: Status,
    /// What it showed.
    pub shown: Shown,
    /// Secure, and matching, and a valid chain. `None`: not known.
    pub valid: Option<bool>,
}

/// What DNSSEC says of TLSA records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Proven.
    Secure,
    /// Not signed, or not from the parent on.
    Insecure,
    /// Broken.
    Bogus,
    /// Nobody could tell.
    Indeterminate,
}

/// What a server showed of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shown {
    /// Nobody got so far: not reachable, blocked, not visited.
    Nothing,
    /// It refuses STARTTLS or TLS, or has no certificate to show.
    Refusal,
    /// A chain that its records do not match.
    Other,
    /// A chain that they match.
    Match,
}

/// What a server or domain counts as; of several servers the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Not seen.
    Unobserved,
    /// As it should be.
    Valid,
    /// Not as it should be.
    Invalid,
}

impl Facts {
    /// Of a state with records.
    fn of(study: &Study<'_>, state: &ServerState) -> Self {
        let verdict = state.seen.verdict;
        let status = match state.seen.dnssec {
            Some(Security::Secure) => Status::Secure,
            Some(Security::Insecure) => Status::Insecure,
            Some(Security::Bogus) => Status::Bogus,
            _ => Status::Indeterminate,
        };
        let shown = match verdict.paper_match.filter(|_| state.seen.chain.is_some()) {
            Some(true) => Shown::Match,
            Some(false) => Shown::Other,
            None if refuses(study.text(state.seen.smtp_status)) => Shown::Refusal,
            None => Shown::Nothing,
        };
        Self { status, shown, valid: verdict.paper_valid.filter(|_| shown >= Shown::Other) }
    }

    /// In the paper view. `None`: not crawled, or nobody knows; in no number.
    pub fn paper(self) -> Option<Standing> {
        self.valid.map(|valid| if valid { Standing::Valid } else { Standing::Invalid })
    }

    /// In a view. `None`: in no number.
    pub fn standing(self, view: View) -> Option<Standing> {
        if view == View::Paper { self.paper() } else { Some(self.ours()) }
    }

    /// In ours.
    pub fn ours(self) -> Standing {
        match (self.shown, self.valid) {
            (Shown::Refusal, _) | (_, Some(false)) => Standing::Invalid,
            (_, Some(true)) => Standing::Valid,
            (_, None) => Standing::Unobserved,
        }
    }
}

/// Whether what was in the way of a certificate is the server's own doing: no STARTTLS, no TLS, no certificate. What keeps us away from it is
/// not: blocks, limits, failures of the network.
pub fn refuses(smtp_status: &str) -> bool {
    // Of our own observations; then of those that the studies' authors publish.
    match Cause::from_code(smtp_status) {
        Some(cause) => cause.party() == Party::Domain,
        None => matches!(smtp_status, "not-implemented" | "tls"),
    }
}

/// What one host showed: from a day, up to another (not included), in order; days without TLSA records have no row.
type Stretches = Vec<(u32, u32, Facts)>;

/// What hosts showed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// By place among [`Study::hosts`]: the one stream of the paper view.
    streams: BTreeMap<u32, Stretches>,
    /// The same for the worst of all addresses, where there are several.
    worst: BTreeMap<u32, Stretches>,
}

impl Seen {
    /// Counts a host.
    pub fn count(&mut self, study: &Study<'_>, host: &HostStates<'_>) {
        let Some((vantage, grid)) = study.vantage() else { return };
        let Some(place) = host.host.servers.first().and_then(|server| study.host_of(*server)) else { return };
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let facts = |state: &ServerState| {
            let has_records = state.seen.tlsa_set.is_some_and(|set| study.has_records(set));
            has_records.then(|| Facts::of(study, state))
        };
        let by_day = |states: &[ServerState]| {
            let mut by_day = Stretches::new();
            stretches(states, facts, |facts, span| {
                let days = study.days().of_servers(&grid.rounds(span));
                let number = |day: usize| u32::try_from(day).unwrap_or(u32::MAX);
                by_day.extend((!days.is_empty()).then(|| (number(days.start), number(days.end), facts)));
            });
            by_day
        };
        let stream = by_day(&host.stream(vantage));
        let states = host.at(vantage);
        if states.iter().any(|state| Some(state.key) != states.first().map(|first| first.key)) {
            self.worst.entry(place).or_default().extend(worst_of(&by_day(states), study.days().len()));
        }
        if !stream.is_empty() {
            self.streams.entry(place).or_default().extend(stream);
        }
    }

    /// Adds those of another partition.
    pub fn merge(&mut self, other: Self) {
        for (mine, other) in [(&mut self.streams, other.streams), (&mut self.worst, other.worst)] {
            other.into_iter().for_each(|(host, stretches)| mine.entry(host).or_default().extend(stretches));
        }
    }

    /// Whether a host ever had TLSA records on a day.
    pub fn has_records(&self, host: usize) -> bool {
        u32::try_from(host).is_ok_and(|host| self.streams.contains_key(&host) || self.worst.contains_key(&host))
    }

    /// By host and day, for the paper view or ours.
    pub fn by_day(&self, study: &Study<'_>, view: View) -> ByDay<'_> {
        let mut hosts = vec![&[][..]; study.hosts().len()];
        // On a day of the one stream there is a worst, too.
        for (host, stretches) in self.streams.iter().chain(self.worst.iter().filter(|_| view == View::Ours)) {
            if let Some(place) = hosts.get_mut(*host as usize) {
                *place = stretches;
            }
        }
        ByDay { hosts }
    }
}

/// The worst of what several addresses showed, day by day.
fn worst_of(all: &Stretches, days: usize) -> Stretches {
    let mut worst: Vec<Option<Facts>> = vec![None; days];
    let rank = |facts: &Facts| (facts.ours(), facts.status, std::cmp::Reverse(facts.shown));
    for (from, to, facts) in all {
        for day in worst.get_mut(*from as usize..*to as usize).unwrap_or_default() {
            if day.is_none_or(|other| rank(&other) < rank(facts)) {
                *day = Some(*facts);
            }
        }
    }
    let mut stretches: Stretches = Vec::new();
    for (day, facts) in (0_u32..).zip(worst) {
        let Some(facts) = facts else { continue };
        match stretches.last_mut().filter(|(_, to, last)| *to == day && *last == facts) {
            Some((_, to, _)) => *to += 1,
            None => stretches.push((day, day + 1, facts)),
        }
    }
    stretches
}

/// Facts of every host on every day.
pub struct ByDay<'s> {
    hosts: Vec<&'s [(u32, u32, Facts)]>,
}

impl ByDay<'_> {
    /// What a host showed on a day; `None`: it had no records, or nobody got them.
    pub fn at(&self, host: usize, day: usize) -> Option<Facts> {
        let stretches = self.hosts.get(host)?;
        let after = stretches.partition_point(|(from, ..)| *from as usize <= day);
        let (_, to, facts) = stretches.get(after.checked_sub(1)?)?;
        (day < *to as usize).then_some(*facts)
    }

    /// What a host showed, and on which days, in their order.
    pub fn of(&self, host: usize) -> impl Iterator<Item = (Range<usize>, Facts)> {
        let stretches = self.hosts.get(host).copied().unwrap_or_default();
        stretches.iter().map(|(from, to, facts)| (*from as usize..*to as usize, *facts))
    }
}
