//! P20 Figure 5: TLSA sets that carry signatures, and signatures that nobody can follow.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Series, Steps, Study, Table, View, stretches};
use archive::states::model::{ServerState, WordId};
use dane::dns::Security;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Per vantage point and round: shares of TLSA sets that are signed, and of these without a DS record.
pub struct Signed;

/// Counts of one vantage point.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    sets: Steps,
    bogus: Steps,
    signed: Steps,
    without_ds: Steps,
}

impl Question for Signed {
    type Part = BTreeMap<WordId, Counts>;

    const ABOUT: About = About {
        id: "p20-figure-5",
        title: "Signed TLSA sets, and those without a DS record",
        source: "P20 Figure 5",
        views: &[View::Paper, View::Ours],
        definition: "Of the SMTP servers whose TLSA records were obtained, the share whose records carry signatures; of the signed ones, the \
                     share that is insecure, as the parent zone has no DS record (\"missing DS\"). Paper view: a bogus set does not count as signed. \
                     Ours: it is signed.",
        published: "99.2% signed; of these 17.4% without DS",
    };

    const NEEDS: Needs = Needs { servers: Some(&["tlsa_set_id", "dnssec", "signed"]), every_vantage: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        for (vantage, grid) in study.vantages() {
            let counts = part.entry(*vantage).or_default();
            let signed = |state: &ServerState| {
                state.seen.tlsa_set.filter(|set| study.has_records(*set))?;
                let signed = state.seen.signed == Some(true);
                Some((signed, state.seen.dnssec.filter(|_| signed)))
            };
            stretches(&host.stream(*vantage), signed, |(signed, dnssec), span| {
                let rounds = grid.rounds(span);
                let one = |yes: bool| i64::from(yes);
                counts.sets.add(&rounds, 1);
                counts.signed.add(&rounds, one(signed));
                counts.bogus.add(&rounds, one(dnssec == Some(Security::Bogus)));
                counts.without_ds.add(&rounds, one(dnssec == Some(Security::Insecure)));
            });
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (vantage, other) in other {
            let mine = part.entry(vantage).or_default();
            mine.sets.merge(&other.sets);
            mine.bogus.merge(&other.bogus);
            mine.signed.merge(&other.signed);
            mine.without_ds.merge(&other.without_ds);
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for view in [View::Paper, View::Ours] {
            let caption = "Signed TLSA sets by round, and signed ones without a DS record";
            let mut table = Table::new("by-round", view, caption, &["time", "vantage", "signed", "without_ds"]);
            for (vantage, grid) in study.vantages() {
                let Some(counts) = part.get(vantage) else { continue };
                let counted = [&counts.sets, &counts.signed, &counts.bogus, &counts.without_ds].map(|steps| steps.counts(grid.len()));
                for (round, time) in grid.times().iter().enumerate() {
                    let [sets, signed, bogus, without_ds] = [0, 1, 2, 3].map(|which: usize| counted[which][round]);
                    let signed = if view == View::Paper { signed - bogus } else { signed };
                    let (signed, without_ds) = (Share::new(signed, sets), Share::new(without_ds, signed));
                    table.rows.push(vec![Cell::Time(*time), study.text(Some(*vantage)).into(), signed.into(), without_ds.into()]);
                }
            }
            answer.tables.push(table);
            for (name, title, column) in [
                ("signed", "TLSA sets that carry signatures", "signed"),
                ("without-ds", "Signed TLSA sets without a DS record at the parent", "without_ds"),
            ] {
                answer.charts.push(Chart {
                    name,
                    title: title.to_owned(),
                    table: "by-round",
                    view,
                    drawing: Drawing::Lines,
                    x: "time",
                    series: vec![Series::new(column, "")],
                    by: Some("vantage"),
                    scale: Scale::Percent,
                    below: None,
                });
            }
        }
        answer
    }
}
