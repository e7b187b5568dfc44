//! P22 section 5.1: how many domains have their mail and their names managed by whom.

use super::classes::{Class, Classes, Hand, Managed};
use super::counted::{self, Counts};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::DomainState;

/// Domains by who manages their mail hosts and name servers.
pub struct ManagingEntities;

impl Question for ManagingEntities {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-managing",
        title: "Who manages mail servers and name servers",
        source: "P22 section 5.1",
        views: &[View::Paper, View::Ours],
        definition: "Of the domains with TLSA records at any MX host, by day. Looked at are the MX hosts that ever had TLSA records. An MX host is \
                     outsourced if its address serves more than 50 (a setting) MX names (paper view; ours: domains); else own if its registrable \
                     domain is the domain's; else outsourced if its registrable domain serves more than 50 domains on any one day or it is one of \
                     awsdns or cloudflare; else nobody knows. Name servers the same, without the address. SO: outsourced MX hosts; SSDO: own MX \
                     hosts, outsourced name servers; SSDS: both own. One MX host of which nobody knows leaves the domain unclassified; a mixed \
                     domain is in each class. Registrable domains are by the built-in list of public suffixes.",
        published: "Mail outsourced: 1,193,961 domains (96.6%) by name and 20,707 (1.7%) by address, own 6,408, unknown 15,052. Names \
                    outsourced: 1,210,413 (97.9%), own 3,365, unknown 22,350",
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
        for (view, classes) in Classes::both(study, &part.customers, &|host| part.seen.has_records(host)) {
            answer.tables.push(by_class(study, &classes, view));
            answer.tables.push(last_day(study, &classes, view));
            answer.charts.push(super::chart(
                "by-class",
                "Domains with TLSA records, by who manages them",
                ("by-class", view),
                Drawing::Lines,
                ("time", vec![Series::new("domains", "")], Some("class")),
                Scale::Logarithmic,
            ));
        }
        answer.notes.push(format!("Public suffixes of {}; more than {} is many", dane::suffix::version(), study.settings.many));
        answer
    }
}

/// By day and class: domains of all with TLSA records.
fn by_class(study: &Study<'_>, classes: &Classes<'_>, view: View) -> Table {
    let days = study.days().len();
    let mut table = Table::new("by-class", view, "Domains with TLSA records by day and class", &["time", "class", "domains"]);
    let sum = |class: Class| {
        let mut sums = vec![0; days];
        for group in
            classes.groups.iter().filter(|group| class == Class::All || group.hosts_in(class).next().is_some() || is_none_of(group, class))
        {
            group.numbers.by_day(days).zip(&mut sums).for_each(|(number, sum)| *sum += number);
        }
        sums
    };
    let all = sum(Class::All);
    for class in Class::ALL.into_iter().filter(|class| *class != Class::All) {
        for ((time, count), of) in study.days().times().iter().zip(sum(class)).zip(&all) {
            table.rows.push(vec![Cell::Time(*time), class.word().into(), Share::new(count, *of).into()]);
        }
    }
    table
}

/// A domain whose hosts nobody looked at is unclassified without any.
fn is_none_of(group: &Managed<'_>, class: Class) -> bool {
    class == Class::Unclassified && group.is_unclassified()
}

/// On the last day: domains by whose their mail hosts are, and their name servers.
fn last_day(study: &Study<'_>, classes: &Classes<'_>, view: View) -> Table {
    let caption = "Domains with TLSA records by whose MX hosts and name servers are, last day; mixed ones count in each";
    let mut table = Table::new("last-day", view, caption, &["who", "mail", "names"]);
    let Some(last) = study.days().len().checked_sub(1) else { return table };
    let of_group = |group: &Managed<'_>| group.numbers.by_day(last + 1).last().unwrap_or(0);
    let sum = |is: &dyn Fn(&Managed<'_>) -> bool| classes.groups.iter().filter(|group| is(group)).map(of_group).sum::<u64>();
    let all = sum(&|_| true);
    let looked = sum(&|group| group.mail.contains(&Hand::Own));
    for (hand, word) in [(Hand::Own, "own"), (Hand::Outsourced, "outsourced"), (Hand::Unknown, "unknown")] {
        let mail = sum(&|group| group.mail.contains(&hand) || hand == Hand::Unknown && group.mail.is_empty());
        let names = sum(&|group| {
            group.mail.contains(&Hand::Own) && (group.names.contains(&hand) || hand == Hand::Unknown && group.names.is_empty())
        });
        table.rows.push(vec![word.into(), Share::new(mail, all).into(), Share::new(names, looked).into()]);
    }
    table
}
