//! P20 Table 2: what each vantage point collected, as of its last round.
//!
//! The servers are the hosts that ever had TLSA records, from wherever. Paper view: one stream per host. Ours: a certificate at any address counts.

use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{ServerState, WordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// TLSA sets and certificates per vantage point in the last round.
pub struct Vantages;

/// Counts of one vantage point.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    tlsa: [u64; 2],
    certificates: [u64; 2],
}

const VIEWS: [View; 2] = [View::Paper, View::Ours];

impl Question for Vantages {
    type Part = BTreeMap<WordId, Counts>;

    const ABOUT: About = About {
        id: "p20-table-2",
        title: "What each vantage point collected",
        source: "P20 Table 2",
        views: &VIEWS,
        definition: "Of the SMTP servers (host and port) that ever had TLSA records, how many had a TLSA set and how many showed a certificate in the last \
                     round of each vantage point. Paper view: at the first address that was seen. Ours: at any address.",
        published: "Virginia, 2019-10-31: 7,893 TLSA sets, 7,306 certificates; Sydney 7,867 and 7,218",
    };

    const NEEDS: Needs = Needs { servers: Some(&["tlsa_set_id", "chain_id"]), every_vantage: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let has_records = |state: &ServerState| state.seen.tlsa_set.is_some_and(|set| study.has_records(set));
        if !host.all().iter().any(has_records) {
            return;
        }
        for (vantage, grid) in study.vantages() {
            let counts = part.entry(*vantage).or_default();
            let Some(last) = grid.times().last() else { continue };
            let stream = host.stream(*vantage);
            for (view, states) in [&*stream, host.addresses(*vantage)].into_iter().enumerate() {
                let there = || states.iter().filter(|state| state.span.contains(*last));
                counts.tlsa[view] += u64::from(there().any(has_records));
                counts.certificates[view] += u64::from(there().any(|state| state.seen.chain.is_some()));
            }
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (vantage, other) in other {
            let mine = part.entry(vantage).or_default();
            for view in 0..VIEWS.len() {
                mine.tlsa[view] += other.tlsa[view];
                mine.certificates[view] += other.certificates[view];
            }
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (at, view) in VIEWS.into_iter().enumerate() {
            let columns = ["vantage", "from", "to", "rounds", "tlsa", "certificates"];
            let mut table = Table::new("last-round", view, "TLSA sets and certificates in the last round", &columns);
            for (vantage, grid) in study.vantages() {
                let (Some(first), Some(last), counts) = (grid.times().first(), grid.times().last(), part.get(vantage)) else { continue };
                let counts = counts.copied().unwrap_or_default();
                let name = study.text(Some(*vantage)).into();
                let rounds = Cell::Count(grid.len() as u64);
                table.rows.push(vec![
                    name,
                    Cell::Time(*first),
                    Cell::Time(*last),
                    rounds,
                    counts.tlsa[at].into(),
                    counts.certificates[at].into(),
                ]);
            }
            answer.tables.push(table);
            answer.charts.push(Chart {
                name: "last-round",
                title: "TLSA sets and certificates in the last round".to_owned(),
                table: "last-round",
                view,
                drawing: Drawing::Bars,
                x: "vantage",
                series: vec![Series::new("tlsa", "TLSA sets"), Series::new("certificates", "Certificates")],
                by: None,
                scale: Scale::Count,
                below: None,
            });
        }
        answer
    }
}
