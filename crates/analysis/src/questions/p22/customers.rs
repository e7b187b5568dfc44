//! Domains with TLSA records, grouped by what says who manages them: mail hosts, name servers, and whether any of these is their own.
//!
//! A provider's customers are one group however many they are, so what is asked of domains costs groups.

use crate::study::{Days, Study};
use archive::states::model::{DomainId, DomainState, Id, MxSetId, NsSetId, WordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Columns of `domain_state` that are needed, beside certain others.
pub const COLUMNS: &[&str] = &["domain_id", "tld", "tlsa", "mx_set_id", "ns_set_id"];

/// What domains of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// The hosts that mail goes to.
    pub mx: MxSetId,
    /// The name servers.
    pub ns: Option<NsSetId>,
    /// The domain, where a mail host or name server may be its own: then nobody else is in the group.
    pub own: Option<DomainId>,
    /// The last label.
    pub tld: Option<WordId>,
}

/// How many domains there were each day, as what changes from one day to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    changes: Vec<(u32, i32)>,
}

impl Numbers {
    /// One more on these days.
    fn add(&mut self, days: &Range<usize>) {
        for (day, change) in [(days.start, 1), (days.end, -1)] {
            let day = u32::try_from(day).unwrap_or(u32::MAX);
            match self.changes.binary_search_by_key(&day, |(day, _)| *day) {
                Ok(place) => self.changes[place].1 += change,
                Err(place) => self.changes.insert(place, (day, change)),
            }
        }
    }

    /// What changes, and when.
    pub fn changes(&self) -> &[(u32, i32)] {
        &self.changes
    }

    /// How many on each of so many days.
    pub fn by_day(&self, days: usize) -> impl Iterator<Item = u64> {
        let mut changes = self.changes.iter().peekable();
        let mut sum = 0_i64;
        (0..days).map(move |day| {
            while let Some((_, change)) = changes.next_if(|(at, _)| *at as usize <= day) {
                sum += i64::from(*change);
            }
            u64::try_from(sum).unwrap_or(0)
        })
    }
}

/// The most of them on any day: of several groups together, in any order.
pub fn most<'n>(groups: impl IntoIterator<Item = &'n Numbers>) -> u64 {
    let mut changes: Vec<(u32, i32)> = groups.into_iter().flat_map(Numbers::changes).copied().collect();
    changes.sort_unstable_by_key(|(day, _)| *day);
    let (mut sum, mut most) = (0_i64, 0_i64);
    for (place, (day, change)) in changes.iter().enumerate() {
        sum += i64::from(*change);
        if changes.get(place + 1).is_none_or(|(next, _)| next != day) {
            most = most.max(sum);
        }
    }
    u64::try_from(most).unwrap_or(0)
}

/// All groups.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Customers {
    groups: BTreeMap<Group, Numbers>,
}

impl Customers {
    /// Counts states of domains.
    pub fn count(&mut self, study: &Study<'_>, states: &[DomainState]) {
        let Some((_, grid)) = study.domain_vantage() else { return };
        let days: &Days = study.days();
        for state in states.iter().filter(|state| state.seen.tlsa > 0) {
            let Some(mx) = state.seen.mx_set else { continue };
            let days = days.of_domains(&grid.rounds(&state.span));
            if days.is_empty() {
                continue;
            }
            let own = may_be_own(study, state.key, mx, state.seen.ns_set).then_some(state.key);
            self.groups.entry(Group { mx, ns: state.seen.ns_set, own, tld: state.seen.tld }).or_default().add(&days);
        }
    }

    /// Adds those of another partition.
    pub fn merge(&mut self, other: Self) {
        for (group, other) in other.groups {
            let mine = &mut self.groups.entry(group).or_default().changes;
            mine.extend(other.changes);
            mine.sort_unstable_by_key(|(day, _)| *day);
            mine.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                earlier.1 += if same { later.1 } else { 0 };
                same
            });
        }
    }

    /// Every group with its numbers.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&Group, &Numbers)> {
        self.groups.iter()
    }
}

/// Whether a mail host or name server shares its last two labels with the domain: without, nothing is the domain's own, by any list of public
/// suffixes. That list is asked later, once a group.
fn may_be_own(study: &Study<'_>, domain: DomainId, mx: MxSetId, ns: Option<NsSetId>) -> bool {
    let end = last_two(study.domain(domain));
    let mail = study.content.mx_sets.get(mx.index()).map_or(&[][..], |set| &set.hosts);
    let names = ns.and_then(|ns| study.content.ns_sets.get(ns.index())).map_or(&[][..], |set| &set.hosts);
    mail.iter().map(|(_, host)| host).chain(names).any(|host| last_two(host) == end)
}

/// The last two labels, or all there are.
fn last_two(name: &str) -> &str {
    let mut dots = name.bytes().enumerate().rev().filter(|(_, octet)| *octet == b'.').map(|(place, _)| place);
    dots.nth(1).map_or(name, |place| name.get(place + 1..).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up() {
        let mut one = Numbers::default();
        one.add(&(1..4));
        one.add(&(2..3));
        let mut other = Numbers::default();
        other.add(&(3..6));
        assert_eq!(one.by_day(6).collect::<Vec<_>>(), [0, 1, 2, 1, 0, 0]);
        assert_eq!(most([&one, &other]), 2, "who goes and who comes on one day were never there together");
        other.add(&(2..3));
        assert_eq!(most([&one, &other]), 3);
        assert_eq!(most([]), 0);
    }

    #[test]
    fn ends_of_names() {
        assert_eq!([last_two("com"), last_two("a.com"), last_two("mx.a.com"), last_two("")], ["com", "a.com", "a.com", ""]);
    }
}
