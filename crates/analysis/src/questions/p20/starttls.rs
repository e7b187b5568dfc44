//! P20 Figure 6: connections in which STARTTLS fails.
//!
//! Of a visit there is a [`Class`]; `questions::connection` has the table from codes to classes. The servers are the hosts that ever had TLSA records.
//!
//! - **Paper view**: of all visits, those refused with 550, 551 or 554, those that failed below SMTP, and what fits nowhere leave the denominator;
//!   4xx stays in it. Failed are: not implemented (500, 502, 503, 504), a negotiation that fails, no or malformed certificate. The studies' scanner
//!   sends STARTTLS unasked, so *not offered* counts as what came of that. One stream per host.
//! - **Ours**: every address. Denominator: servers that let us come as far as TLS, or said that there is none. Not offered is a class of its own; block
//!   lists, rate limits, greylisting and broken connections say nothing of TLS, and stand beside, as numbers.

use crate::Share;
use crate::questions::connection::{Class, Classes};
use crate::study::{About, Answer, Cell, Chart, Drawing, Grid, HostStates, Needs, Question, Steps, Study, Table, View, stretches};
use archive::states::model::{ServerState, WordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Share of SMTP connections without TLS, per vantage point and round.
pub struct Starttls;

/// Visits of one vantage point by class, in the paper view and in ours.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    paper: Vec<Steps>,
    ours: Vec<Steps>,
}

/// What was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Visits {
    by_vantage: BTreeMap<WordId, Counts>,
    #[serde(skip)]
    classes: Classes,
}

/// Failures in the order of their columns.
const PAPER: [(&str, Class); 3] = [("not_implemented", Class::NotImplemented), ("tls", Class::Tls), ("certificate", Class::Certificate)];
/// What stands beside.
const PAPER_APART: [(&str, Class); 4] =
    [("temporary", Class::Temporary), ("refused", Class::Refused), ("tcp", Class::Tcp), ("other", Class::Other)];
const OURS: [(&str, Class); 7] = [
    ("not_offered", Class::NotOffered),
    ("not_implemented", Class::NotImplemented),
    ("refused", Class::Refused),
    ("unavailable", Class::Unavailable),
    ("tls", Class::Tls),
    ("too_old", Class::TooOld),
    ("certificate", Class::Certificate),
];
const OURS_APART: [(&str, Class); 5] = [
    ("temporary", Class::Temporary),
    ("rate_limited", Class::RateLimited),
    ("blocked", Class::Blocked),
    ("tcp", Class::Tcp),
    ("other", Class::Other),
];

impl Question for Starttls {
    type Part = Visits;

    const ABOUT: About = About {
        id: "p20-figure-6",
        title: "Connections in which STARTTLS fails",
        source: "P20 Figure 6",
        views: &[View::Paper, View::Ours],
        definition: "Of the SMTP connections to hosts that ever had TLSA records, the share in which STARTTLS failed: not implemented (500, 502, 503, 504), \
                     a TLS negotiation that fails, no or malformed certificate. Paper view: 550, 551, 554, failures of TCP and others leave the denominator, \
                     4xx stays in it; where STARTTLS is not offered, what came of it all the same. Ours: of the servers that let us come so far; \
                     not offered is a class of its own, and block lists, rate limits, greylisting and broken connections say nothing and stand beside.",
        published: "0.3% do not implement STARTTLS; 0.01% of the others show no or a malformed certificate",
    };

    const NEEDS: Needs =
        Needs { servers: Some(&["tlsa_set_id", "chain_id", "smtp_status", "smtp_code"]), every_vantage: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        if !host.all().iter().any(|state| state.seen.tlsa_set.is_some_and(|set| study.has_records(set))) {
            return;
        }
        for (vantage, grid) in study.vantages() {
            let counts = part.by_vantage.entry(*vantage).or_default();
            let classes = &mut part.classes;
            counts.paper.resize(Class::ALL.len(), Steps::default());
            counts.ours.resize(Class::ALL.len(), Steps::default());
            add(&mut counts.paper, grid, &host.stream(*vantage), |state| classes.paper(study, &state.seen));
            add(&mut counts.ours, grid, host.addresses(*vantage), |state| classes.of(study, &state.seen));
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (vantage, other) in other.by_vantage {
            let mine = part.by_vantage.entry(vantage).or_default();
            for (mine, other) in [(&mut mine.paper, other.paper), (&mut mine.ours, other.ours)] {
                mine.resize(mine.len().max(other.len()), Steps::default());
                mine.iter_mut().zip(&other).for_each(|(mine, other)| mine.merge(other));
            }
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        // 4xx stays in the denominator of the paper view.
        let paper_of = [&PAPER[..], &[("", Class::Works), ("", Class::Temporary)]].concat();
        let ours_of = [&OURS[..], &[("", Class::Works)]].concat();
        let views = [(View::Paper, &PAPER[..], &PAPER_APART[..], paper_of), (View::Ours, &OURS[..], &OURS_APART[..], ours_of)];
        for (view, failures, apart, of) in views {
            let columns: Vec<&'static str> =
                ["time", "vantage", "failed"].into_iter().chain(failures.iter().chain(apart).map(|(name, _)| *name)).collect();
            let mut table = Table::new("by-round", view, "SMTP connections in which STARTTLS failed, by round", &columns);
            for (vantage, grid) in study.vantages() {
                let Some(counts) = part.by_vantage.get(vantage) else { continue };
                let counts = if view == View::Paper { &counts.paper } else { &counts.ours };
                let counted: Vec<Vec<u64>> = counts.iter().map(|steps| steps.counts(grid.len())).collect();
                for (round, time) in grid.times().iter().enumerate() {
                    let count = |class: Class| counted.get(class.index()).and_then(|counts| counts.get(round)).copied().unwrap_or(0);
                    let whole = of.iter().map(|(_, class)| count(*class)).sum();
                    let mut row = Vec::with_capacity(columns.len());
                    row.extend([Cell::Time(*time), study.text(Some(*vantage)).into()]);
                    row.push(Share::new(failures.iter().map(|(_, class)| count(*class)).sum(), whole).into());
                    row.extend(failures.iter().map(|(_, class)| Cell::Share(Share::new(count(*class), whole))));
                    row.extend(apart.iter().map(|(_, class)| Cell::Count(count(*class))));
                    table.rows.push(row);
                }
            }
            let failed =
                Chart::new("failed", "SMTP connections in which STARTTLS fails", &table, Drawing::Lines, "time", &[("failed", "")]);
            answer.charts.push(Chart { by: Some("vantage"), ..failed });
            answer.tables.push(table);
        }
        answer
    }
}

/// Counts states of one class after the other.
fn add(counts: &mut [Steps], grid: &Grid, states: &[ServerState], mut class: impl FnMut(&ServerState) -> Class) {
    stretches(
        states,
        |state| Some(class(state)),
        |class, span| {
            if let Some(steps) = counts.get_mut(class.index()) {
                steps.add(&grid.rounds(span), 1);
            }
        },
    );
}
