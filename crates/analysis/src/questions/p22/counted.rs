//! Servers and domains of a class, by day and by what they count as.

use super::classes::{Class, Classes};
use super::customers::{self, Customers};
use super::seen::{self, ByDay, Facts, Seen, Standing};
use crate::Share;
use crate::study::{HostStates, Needs, Steps, Study, View};
use archive::states::model::DomainState;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What every question about classes has to have read.
pub const NEEDS: Needs = Needs {
    servers: Some(seen::COLUMNS),
    domains: Some(customers::COLUMNS),
    tlsa: true,
    mail_hosts: true,
    domain_names: true,
    ..Needs::NONE
};

/// Domains and servers of one partition.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Domains by what says who manages them.
    pub customers: Customers,
    /// What servers showed.
    pub seen: Seen,
}

impl Counts {
    /// Counts a host.
    pub fn host(&mut self, study: &Study<'_>, host: &HostStates<'_>) {
        self.seen.count(study, host);
    }

    /// Counts states of domains.
    pub fn domains(&mut self, study: &Study<'_>, states: &[DomainState]) {
        self.customers.count(study, states);
    }

    /// Adds those of another partition.
    pub fn merge(&mut self, other: Self) {
        self.customers.merge(other.customers);
        self.seen.merge(other.seen);
    }

    /// Everybody's classes, in each view.
    pub fn classes(&self, study: &Study<'_>) -> [(View, Classes<'_>); 2] {
        Classes::both(study, &self.customers, &|host| self.seen.has_records(host))
    }

    /// The same with what servers showed.
    pub fn seen_by(&self, study: &Study<'_>) -> [(View, Classes<'_>, ByDay<'_>); 2] {
        self.classes(study).map(|(view, classes)| (view, classes, self.seen.by_day(study, view)))
    }
}

/// So many of each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// As they should be.
    pub valid: u64,
    /// Not so.
    pub invalid: u64,
    /// Not seen.
    pub unobserved: u64,
}

impl Sum {
    /// So many more.
    pub fn add(&mut self, standing: Standing, many: u64) {
        *match standing {
            Standing::Valid => &mut self.valid,
            Standing::Invalid => &mut self.invalid,
            Standing::Unobserved => &mut self.unobserved,
        } += many;
    }

    /// The invalid ones of those seen.
    #[must_use]
    pub fn share(self) -> Share {
        Share::new(self.invalid, self.valid + self.invalid)
    }
}

/// Sums of every day.
#[derive(Default)]
struct Daily([Steps; 3]);

impl Daily {
    /// So many more on these days.
    fn add(&mut self, days: &Range<usize>, standing: Standing, many: u64) {
        self.0[standing as usize].add(days, i64::try_from(many).unwrap_or(i64::MAX));
    }

    fn by_day(&self, days: usize) -> Vec<Sum> {
        let [unobserved, valid, invalid] = self.0.each_ref().map(|steps| steps.counts(days));
        let sum = |((unobserved, valid), invalid)| Sum { valid, invalid, unobserved };
        unobserved.into_iter().zip(valid).zip(invalid).map(sum).collect()
    }
}

/// What a domain is with some of its hosts on a day: invalid if any is, else valid if any is. `None`: in no number.
pub fn together(hosts: impl Iterator<Item = usize>, by_day: &ByDay<'_>, day: usize, view: View) -> Option<Standing> {
    hosts.filter_map(|host| by_day.at(host, day)?.standing(view)).max()
}

/// Servers of a class, by day.
pub fn servers(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay<'_>, view: View) -> Vec<Sum> {
    let mut sums = Daily::default();
    each(study, classes, class, by_day, |days, facts| {
        if let Some(standing) = facts.standing(view) {
            sums.add(&days, standing, 1);
        }
    });
    sums.by_day(study.days().len())
}

/// Every server of a class, with the days on which it had TLSA records.
pub fn each(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay<'_>, mut with: impl FnMut(Range<usize>, Facts)) {
    for host in (0..study.hosts().len()).filter(|host| classes.has(*host, class)) {
        by_day.of(host).for_each(|(days, facts)| with(days, facts));
    }
}

/// Domains of a class, by day.
pub fn domains(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay<'_>, view: View) -> Vec<Sum> {
    let days = study.days().len();
    let mut sums = Daily::default();
    for group in &classes.groups {
        let hosts: Vec<usize> = group.hosts_in(class).collect();
        if hosts.is_empty() {
            continue;
        }
        // From one of these days to the next nothing changes.
        let mut cuts: Vec<usize> = hosts.iter().flat_map(|host| by_day.of(*host)).flat_map(|(days, _)| [days.start, days.end]).collect();
        cuts.extend(group.numbers.changes().iter().map(|(day, _)| *day as usize));
        cuts.retain(|day| *day < days);
        cuts.sort_unstable();
        cuts.dedup();
        let (mut number, mut changes) = (0_i64, group.numbers.changes().iter().peekable());
        for (place, from) in cuts.iter().enumerate() {
            while let Some((_, change)) = changes.next_if(|(day, _)| *day as usize <= *from) {
                number += i64::from(*change);
            }
            let number = u64::try_from(number).unwrap_or(0);
            let standing = if number > 0 { together(hosts.iter().copied(), by_day, *from, view) } else { None };
            if let Some(standing) = standing {
                sums.add(&(*from..cuts.get(place + 1).copied().unwrap_or(days)), standing, number);
            }
        }
    }
    sums.by_day(days)
}
