//! Servers and domains of a class, by day and by what they count as.

use super::classes::{Class, Classes};
use super::customers::{self, Customers};
use super::seen::{self, ByDay, Facts, Seen, Standing};
use crate::Share;
use crate::study::{HostStates, Needs, Study, View};
use archive::states::model::DomainState;
use serde::{Deserialize, Serialize};

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
    pub fn seen_by(&self, study: &Study<'_>) -> [(View, Classes<'_>, ByDay); 2] {
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

/// What a domain is with some of its hosts on a day: invalid if any is, else valid if any is. `None`: in no number.
pub fn together(hosts: impl Iterator<Item = usize>, by_day: &ByDay, day: usize, view: View) -> Option<Standing> {
    hosts.filter_map(|host| by_day.at(host, day)?.standing(view)).max()
}

/// Servers of a class, by day.
pub fn servers(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay, view: View) -> Vec<Sum> {
    let mut sums = vec![Sum::default(); study.days().len()];
    each(study, classes, class, by_day, |day, facts| {
        if let (Some(sum), Some(standing)) = (sums.get_mut(day), facts.standing(view)) {
            sum.add(standing, 1);
        }
    });
    sums
}

/// Every server of a class, on every day on which it had TLSA records.
pub fn each(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay, mut with: impl FnMut(usize, Facts)) {
    for host in (0..study.hosts().len()).filter(|host| classes.has(*host, class)) {
        for day in 0..study.days().len() {
            if let Some(facts) = by_day.at(host, day) {
                with(day, facts);
            }
        }
    }
}

/// Domains of a class, by day.
pub fn domains(study: &Study<'_>, classes: &Classes<'_>, class: Class, by_day: &ByDay, view: View) -> Vec<Sum> {
    let days = study.days().len();
    let mut sums = vec![Sum::default(); days];
    for group in &classes.groups {
        let hosts: Vec<usize> = group.hosts_in(class).collect();
        if hosts.is_empty() {
            continue;
        }
        for (day, (number, sum)) in group.numbers.by_day(days).zip(&mut sums).enumerate().filter(|(_, (number, _))| *number > 0) {
            if let Some(standing) = together(hosts.iter().copied(), by_day, day, view) {
                sum.add(standing, number);
            }
        }
    }
    sums
}
