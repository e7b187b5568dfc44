//! P20 Table 1 and Figures 2 and 4: who has TLSA records.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, Needs, Question, Scale, Series, Steps, Study, Table, View};
use archive::states::model::{DomainState, Id, WordId};
use serde::{Deserialize, Serialize};

/// Per top-level domain and round: domains with mail hosts, with TLSA records at any of them, and at all of them.
pub struct Adoption;

/// Counts of one top-level domain.
#[derive(Default, Serialize, Deserialize)]
pub struct OfTld {
    mail: Steps,
    any: Steps,
    all: Steps,
}

impl Question for Adoption {
    /// By the number of the top-level domain's word: looked up for every state of every domain.
    type Part = Vec<OfTld>;

    const ABOUT: About = About {
        id: "p20-adoption",
        title: "Adoption of DANE by top-level domain",
        source: "P20 Table 1, Figures 2 and 4",
        views: &[View::Paper],
        definition: "Of the domains with at least one MX host, those with TLSA records at any of them (Table 1, Figure 2); of these, those with \
                     TLSA records at all of them, \"full\", the others being \"partial\" (Figure 4). A domain without MX records, or whose MX \
                     records nobody got, is in neither number. Table 1 is the last round.",
        published: "2019-10-31: 0.7% of .com, 0.7% of .net and .org (Table 1 misprints 7.3% and 7.0%; section 4.2), 9.6% of .nl, 38% of .se",
    };

    const NEEDS: Needs = Needs { domains: Some(&["tld", "hosts", "tlsa"]), ..Needs::NONE };

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        let Some((_, grid)) = study.domain_vantage() else { return };
        // States are sorted by top-level domain, and most are like the one before.
        let alike = |a: &DomainState, b: &DomainState| {
            let key =
                |state: &DomainState| (state.span.valid_from_s, state.span.valid_to_s, state.seen.tld, state.seen.hosts, state.seen.tlsa);
            key(a) == key(b)
        };
        for run in states.chunk_by(alike) {
            let Some((state, tld)) = run.first().and_then(|state| Some((state, state.seen.tld?))) else { continue };
            // Without hosts there was no answer, or it was that the domain takes no mail.
            if state.seen.hosts == 0 {
                continue;
            }
            let (rounds, many) = (grid.rounds(&state.span), run.len() as i64);
            if part.len() <= tld.index() {
                part.resize_with(tld.index() + 1, OfTld::default);
            }
            let of_tld = &mut part[tld.index()];
            of_tld.mail.add(&rounds, many);
            if state.seen.tlsa > 0 {
                of_tld.any.add(&rounds, many);
                of_tld.all.add(&rounds, if state.seen.tlsa == state.seen.hosts { many } else { 0 });
            }
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.resize_with(part.len().max(other.len()), OfTld::default);
        for (mine, other) in part.iter_mut().zip(&other) {
            mine.mail.merge(&other.mail);
            mine.any.merge(&other.any);
            mine.all.merge(&other.all);
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some((_, grid)) = study.domain_vantage() else { return answer };
        let mut last = Table::new("last-round", View::Paper, "Domains with TLSA records, last round", &["tld", "with_tlsa", "full"]);
        let mut daily = Table::new("by-round", View::Paper, "Domains with TLSA records by round", &["time", "tld", "with_tlsa", "full"]);
        let mut tlds: Vec<(&str, OfTld)> =
            part.into_iter().enumerate().map(|(tld, counts)| (study.text(Some(WordId::at(tld))), counts)).collect();
        tlds.retain(|(_, counts)| counts.mail != Steps::default());
        tlds.sort_by_key(|(tld, _)| *tld);
        for (tld, counts) in tlds {
            let counted = [&counts.mail, &counts.any, &counts.all].map(|steps| steps.counts(grid.len()));
            for (round, time) in grid.times().iter().enumerate() {
                let [mail, any, all] = [0, 1, 2].map(|which: usize| counted[which][round]);
                let shares = [Share::new(any, mail).into(), Share::new(all, any).into()];
                if round + 1 == grid.len() {
                    last.rows.push([&[Cell::from(tld)], &shares[..]].concat());
                }
                daily.rows.push([&[Cell::Time(*time), tld.into()], &shares[..]].concat());
            }
        }
        for (name, title, column) in [
            ("with-tlsa", "Domains with TLSA records at any MX host", "with_tlsa"),
            ("full", "Of these, with TLSA records at every MX host", "full"),
        ] {
            answer.charts.push(Chart {
                name,
                title: title.to_owned(),
                table: "by-round",
                view: View::Paper,
                drawing: Drawing::Lines,
                x: "time",
                series: vec![Series::new(column, "")],
                by: Some("tld"),
                scale: Scale::Percent,
                below: None,
            });
        }
        answer.tables = vec![last, daily];
        answer
    }
}
