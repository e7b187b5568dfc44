//! P22 Figure 2: how many domains valid and invalid servers serve.

use super::classes::Classes;
use super::counted::{self, Counts};
use super::seen::{ByDay, Standing};
use crate::Share;
use crate::study::{About, Answer, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::DomainState;
use std::collections::BTreeMap;

/// Servers by how many domains they serve, valid and invalid apart.
pub struct Served;

impl Question for Served {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-figure-2",
        title: "Domains that valid and invalid servers serve",
        source: "P22 Figure 2",
        views: &[View::Paper, View::Ours],
        definition: "On the last day, of the servers with TLSA records that serve a domain with TLSA records, valid and invalid ones apart (as in \
                     p22-table-2, with its two views): the share of servers that serve at most so many domains, and the share of domains that \
                     these serve. A domain with several servers counts once at each.",
        published: "2021-02-12: invalid servers of one domain have 45% of the domains of invalid servers, the largest has 667; servers of more \
                    than 10,000 domains have 90% of those of valid ones",
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
            let caption = "Servers that serve at most so many domains, and what these serve together";
            let columns = ["validity", "domains_served", "servers", "domains"];
            let mut table = Table::new("served", view, caption, &columns);
            for (word, numbers) in served(study, &classes, &by_day, view) {
                let servers = numbers.values().sum();
                let domains = numbers.iter().map(|(served, servers)| served * servers).sum();
                let (mut few, mut theirs) = (0, 0);
                for (served, servers_here) in numbers {
                    few += servers_here;
                    theirs += served * servers_here;
                    let shares = [Share::new(few, servers).into(), Share::new(theirs, domains).into()];
                    table.rows.push([&[word.into(), served.into()], &shares[..]].concat());
                }
            }
            answer.tables.push(table);
            for (name, title) in
                [("servers", "Servers by how many domains they serve"), ("domains", "Domains by how many their server serves")]
            {
                let lines = ("domains_served", vec![Series::new(name, "")], Some("validity"));
                answer.charts.push(super::chart(name, title, ("served", view), Drawing::Cumulative, lines, Scale::Percent));
            }
        }
        answer
    }
}

/// On the last day: how many servers serve so many domains.
fn served(study: &Study<'_>, classes: &Classes<'_>, by_day: &ByDay<'_>, view: View) -> [(&'static str, BTreeMap<u64, u64>); 2] {
    let (mut valid, mut invalid) = (BTreeMap::new(), BTreeMap::new());
    let day = study.days().len().saturating_sub(1);
    let mut numbers = vec![0_u64; study.hosts().len()];
    for group in &classes.groups {
        let number = group.numbers.by_day(day + 1).last().unwrap_or(0);
        group.hosts.iter().for_each(|host| numbers[*host] += number);
    }
    for (host, number) in numbers.into_iter().enumerate().filter(|(_, number)| *number > 0) {
        match by_day.at(host, day).and_then(|facts| facts.standing(view)) {
            Some(Standing::Valid) => *valid.entry(number).or_default() += 1,
            Some(Standing::Invalid) => *invalid.entry(number).or_default() += 1,
            _ => {}
        }
    }
    [("valid", valid), ("invalid", invalid)]
}
