//! P20 Figure 3: whether popular domains are more likely to have TLSA records.
//!
//! Of the domains of a list of popularity (`Settings::ranks`) that have MX hosts in the last round, the share with TLSA records at any of them, by bins of
//! 1,000 and 10,000 ranks. What the archive does not know, or got no answer of, is in neither number. P20: 0.45% of the first 100,000, 0.21% of
//! the last.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{DomainState, Id};
use serde::{Deserialize, Serialize};

/// Share of domains with TLSA records by popularity.
pub struct Popularity;

/// Of the last round, by the number of the domain.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mail {
    /// It has no MX hosts, or was not seen.
    #[default]
    None,
    /// It has.
    Hosts,
    /// Some have TLSA records.
    Tlsa,
}

/// Ranks of a bin, and the name of its table.
const BINS: [(u32, &str); 2] = [(1_000, "by-1000"), (10_000, "by-10000")];

impl Question for Popularity {
    type Part = Vec<Mail>;

    const ABOUT: About = About {
        id: "p20-figure-3",
        title: "Adoption of DANE by popularity",
        source: "P20 Figure 3",
        views: &[View::Paper],
        definition: "Of the domains of a list of popularity that have MX hosts in the last round, the share with TLSA records at any of them, by bins of \
                     1,000 and of 10,000 ranks. Domains of the list that the archive does not have are in neither number.",
        published: "0.45% of the first 100,000, 0.21% of the last 100,000 of a million",
    };

    const NEEDS: Needs = Needs { domains: Some(&["domain_id", "hosts", "tlsa", "mx_set_id"]), domain_names: true, ..Needs::NONE };

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        let Some(last) = study.domain_vantage().and_then(|(_, grid)| grid.times().last()) else { return };
        for state in states.iter().filter(|state| state.span.contains(*last) && state.seen.mx_set.is_some() && state.seen.hosts > 0) {
            let place = state.key.index();
            if part.len() <= place {
                part.resize(place + 1, Mail::None);
            }
            part[place] = if state.seen.tlsa > 0 { Mail::Tlsa } else { Mail::Hosts };
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.resize(part.len().max(other.len()), Mail::None);
        part.iter_mut().zip(other).for_each(|(mine, other)| *mine = other.max(*mine));
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some(ranks) = &study.settings.ranks else {
            answer.notes.push("no list of popularity was given (--ranks FILE)".to_owned());
            return answer;
        };
        let known = part.iter().zip(&study.content.domains).filter(|(mail, _)| **mail > Mail::None);
        let ranked: Vec<(u32, Mail)> = known.filter_map(|(mail, domain)| Some((*ranks.get(&*domain.domain)?, *mail))).collect();
        let longest = ranks.values().copied().max().unwrap_or(0);
        for (width, name) in BINS {
            let mut bins = vec![Share::default(); longest.div_ceil(width) as usize];
            for (rank, mail) in &ranked {
                if let Some(bin) = bins.get_mut((rank.saturating_sub(1) / width) as usize) {
                    *bin += Share::new(u64::from(*mail == Mail::Tlsa), 1);
                }
            }
            let caption = format!("Domains with TLSA records by bins of {width} ranks");
            let mut table = Table::new(name, View::Paper, caption, &["last_rank", "with_tlsa"]);
            let row = |(bin, share): (usize, Share)| vec![Cell::Count((bin as u64 + 1) * u64::from(width)), Cell::Share(share)];
            table.rows = bins.into_iter().enumerate().map(row).collect();
            answer.tables.push(table);
            answer.charts.push(Chart {
                name,
                title: format!("Domains with TLSA records by popularity, bins of {width}"),
                table: name,
                view: View::Paper,
                drawing: Drawing::Lines,
                x: "last_rank",
                series: vec![Series::new("with_tlsa", "With TLSA records")],
                by: None,
                scale: Scale::Percent,
                below: None,
            });
        }
        let missing = ranks.len().saturating_sub(ranked.len());
        answer.notes.push(format!(
            "{missing} of {} domains of the list have no MX hosts in the last round, or are not in the archive",
            ranks.len()
        ));
        answer
    }
}
