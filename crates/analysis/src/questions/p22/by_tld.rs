//! P22 Table 1: domains and MX hosts with TLSA records, and those with incorrect ones, by top-level domain.

use super::classes::{Class, Classes};
use super::counted::{self, Counts, Sum};
use super::seen::ByDay;
use crate::study::{About, Answer, Cell, HostStates, Needs, Question, Study, Table, View};
use archive::states::model::{DomainState, WordId};
use std::collections::{BTreeMap, BTreeSet};

/// On the last day, by top-level domain of the domains.
pub struct ByTld;

impl Question for ByTld {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-table-1",
        title: "Incorrect domains and MX hosts by top-level domain",
        source: "P22 Table 1",
        views: &[View::Paper, View::Ours],
        definition: "On the last day, by top-level domain of the mail domain: domains with TLSA records at any MX host, and the share with an \
                     incorrect one; MX hosts with TLSA records of these domains, each once, and the share that is incorrect. Incorrect is \
                     invalid as in p22-table-2, with its two views.",
        published: "2021-02-12: com 707,365 domains, 0.51% incorrect, 12,323 MX hosts, 22.20%; net 75,921, 1.06%, 2,604, 20.97%; org 61,844, \
                    1.25%, 1,988, 18.76%; se 363,192, 0.01%, 354, 7.91%",
    };

    const NEEDS: Needs = counted::NEEDS;

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.host(study, host);
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        part.domains(study, states);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (view, classes, by_day) in part.seen_by(study) {
            let columns: &[&'static str] = match view {
                View::Paper => &["tld", "domains", "mx_hosts"],
                View::Ours => &["tld", "domains", "domains_unobserved", "mx_hosts", "mx_hosts_unobserved"],
            };
            let mut table = Table::new("last-day", view, "Incorrect domains and MX hosts by top-level domain, last day", columns);
            let counted = last_day(study, &classes, &by_day, view);
            let mut by_word: Vec<(&str, [Sum; 2])> = counted.into_iter().map(|(tld, sums)| (study.text(tld), sums)).collect();
            by_word.sort_by_key(|(tld, _)| *tld);
            for (tld, sums) in by_word {
                let mut row: Vec<Cell> = vec![tld.into()];
                for sum in sums {
                    row.push(sum.share().into());
                    row.extend((view == View::Ours).then_some(Cell::Count(sum.unobserved)));
                }
                table.rows.push(row);
            }
            answer.tables.push(table);
        }
        answer
    }
}

/// Domains and hosts by top-level domain.
fn last_day(study: &Study<'_>, classes: &Classes<'_>, by_day: &ByDay<'_>, view: View) -> BTreeMap<Option<WordId>, [Sum; 2]> {
    let mut sums: BTreeMap<Option<WordId>, [Sum; 2]> = BTreeMap::new();
    let Some(day) = study.days().len().checked_sub(1) else { return sums };
    let mut hosts: BTreeSet<(Option<WordId>, usize)> = BTreeSet::new();
    for group in &classes.groups {
        let number = group.numbers.by_day(day + 1).last().unwrap_or(0);
        if number == 0 {
            continue;
        }
        hosts.extend(group.hosts.iter().map(|host| (group.group.tld, *host)));
        if let Some(standing) = counted::together(group.hosts_in(Class::All), by_day, day, view) {
            sums.entry(group.group.tld).or_default()[0].add(standing, number);
        }
    }
    for (tld, host) in hosts {
        if let Some(standing) = by_day.at(host, day).and_then(|facts| facts.standing(view)) {
            sums.entry(tld).or_default()[1].add(standing, 1);
        }
    }
    sums
}
