//! P22 Table 2 and Figure 3: invalid servers and domains, by who manages them.

use super::classes::Class;
use super::counted::{self, Counts, Sum};
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::DomainState;

/// By class and day: servers and domains with TLSA records, and the shares that are invalid.
pub struct ByClass;

impl Question for ByClass {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-table-2",
        title: "Invalid servers and domains by managing entity",
        source: "P22 Table 2, Figure 3",
        views: &[View::Paper, View::Ours],
        definition: "By day and class (see p22-managing): of the SMTP servers with TLSA records, the share that is invalid: not secure, or without a \
                     matching record, or with a chain that is not valid for it. Of the domains with such servers, the share with an invalid one \
                     among those of the class. A server is in each class that a domain puts it in. Paper view: a server without a certificate \
                     was not crawled and is in neither number; of several addresses the first counts. Ours: a server that refuses STARTTLS or \
                     TLS or has no certificate is invalid, one that is blocked or not reachable is unobserved and in neither number, but \
                     counted beside them; of several addresses the worst counts. A server whose records nobody got, or of which a path to \
                     roots that were not known would decide, is in neither.",
        published: "2021-02-12: SO 9,766 servers, 11.51% invalid, 1,202,579 domains, 0.23%; SSDO 1,786, 39.42%, 1,792, 40.18%; SSDS 2,840, \
                    32.29%, 2,806, 33.14%",
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
            let columns = columns(view);
            let mut daily = Table::new("by-day", view, "Invalid servers and domains by day and class", &[&["time"], columns].concat());
            let mut last = Table::new("last-day", view, "Invalid servers and domains by class, last day", columns);
            for class in Class::ALL {
                let servers = counted::servers(study, &classes, class, &by_day, view);
                let domains = counted::domains(study, &classes, class, &by_day, view);
                for (time, (servers, domains)) in study.days().times().iter().zip(servers.iter().zip(&domains)) {
                    daily.rows.push([&[Cell::Time(*time)], &row(class, *servers, *domains, view)[..]].concat());
                }
                if let (Some(servers), Some(domains)) = (servers.last(), domains.last()) {
                    last.rows.push(row(class, *servers, *domains, view));
                }
            }
            answer.tables.extend([last, daily]);
            for (name, title) in [("servers", "Invalid SMTP servers, by who manages them"), ("domains", "Domains with invalid servers")] {
                let lines = ("time", vec![Series::new(name, "")], Some("class"));
                answer.charts.push(super::chart(name, title, ("by-day", view), Drawing::Lines, lines, Scale::Percent));
            }
        }
        answer
    }
}

fn columns(view: View) -> &'static [&'static str] {
    match view {
        View::Paper => &["class", "servers", "domains"],
        View::Ours => &["class", "servers", "servers_unobserved", "domains", "domains_unobserved"],
    }
}

fn row(class: Class, servers: Sum, domains: Sum, view: View) -> Vec<Cell> {
    let mut row = vec![class.word().into()];
    for sum in [servers, domains] {
        row.push(sum.share().into());
        row.extend((view == View::Ours).then_some(Cell::Count(sum.unobserved)));
    }
    row
}
