//! P20 Figure 7: TLSA sets that are bogus, and sets that match no certificate.
//!
//! - **Bogus**, by reason. Paper view: of the sets that lack nothing of DNSSEC, secure or bogus (section 5.3: "if they do not miss any related
//!   records"). Ours: of all sets that were answered and could be judged, insecure ones included. An unsupported algorithm is insecure.
//! - **Mismatched** ([`dane::paper::paper_match`]), of the sets whose server showed a certificate. Paper view: insecure sets leave the denominator. Ours:
//!   they stay. Split by what would have to change for a record to match: the usage only, the selector only, the matching type only, several of
//!   them; else its data is of nothing in the whole chain. One label per set: the least change counts, then in that order.
//!
//! Paper view: one stream per host; ours: every address.

use crate::Share;
use crate::questions::p20::reasons::{Reason, Reasons};
use crate::questions::p20::split::{Repair, repair};
use crate::study::{About, Answer, Cell, Chart, Drawing, Grid, HostStates, Needs, Question, Scale, Steps, Study, Table, View, stretches};
use archive::states::model::{ChainId, ServerState, TlsaSetId, WordId};
use dane::dns::Security;
use dane::rollover::Part;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Per vantage point and round: shares of bogus sets by reason, and of mismatched ones by what is wrong.
pub struct Incorrect;

/// Sets of one vantage point in one view.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    judged: Steps,
    bogus: Vec<Steps>,
    crawled: Steps,
    mismatched: Vec<Steps>,
}

/// What was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Sets {
    /// The paper view and ours.
    by_vantage: BTreeMap<WordId, [Counts; 2]>,
    #[serde(skip)]
    reasons: Reasons,
}

const VIEWS: [View; 2] = [View::Paper, View::Ours];

impl Question for Incorrect {
    type Part = Sets;

    const ABOUT: About = About {
        id: "p20-figure-7",
        title: "TLSA sets that are bogus, or match no certificate",
        source: "P20 Figure 7, section 5.3",
        views: &VIEWS,
        definition: "Bogus TLSA sets by reason, of the secure and bogus ones (paper view) or of all (ours); and sets that match nothing of the certificates shown \
                     with them, of those whose server showed any: without insecure ones (paper view), or with them (ours). A mismatch is split by the least \
                     change that would make a record match: only usage, only selector, only matching type, several of them, or none: the data is of \
                     nothing in the whole chain. An unsupported algorithm is insecure, not bogus.",
        published: "0.55% bogus (66.5% of these expired, 29.2% without DNSKEY: no key for the DS, or none at all); 3.68% mismatched, 11.81% of these by a \
                    wrong usage or selector",
    };

    const NEEDS: Needs = Needs {
        servers: Some(&["tlsa_set_id", "chain_id", "dnssec", "reason"]),
        every_vantage: true,
        certificates: true,
        tlsa: true,
        ..Needs::NONE
    };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let mut known = Known::default();
        for (vantage, grid) in study.vantages() {
            let [paper, ours] = part.by_vantage.entry(*vantage).or_default();
            paper.add(study, (&mut part.reasons, &mut known), grid, &host.stream(*vantage), View::Paper);
            ours.add(study, (&mut part.reasons, &mut known), grid, host.addresses(*vantage), View::Ours);
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (vantage, other) in other.by_vantage {
            let mine = part.by_vantage.entry(vantage).or_default();
            mine.iter_mut().zip(&other).for_each(|(mine, other)| mine.merge(other));
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (at, view) in VIEWS.into_iter().enumerate() {
            let counted: Vec<_> = study
                .vantages()
                .iter()
                .filter_map(|(v, grid)| Some((study.text(Some(*v)), grid, part.by_vantage.get(v)?.get(at)?)))
                .collect();
            let by_round = by_round(view, &counted);
            let bogus = Chart::new("bogus", "TLSA sets that are bogus", &by_round, Drawing::Lines, "time", &[("bogus", "")]);
            let mismatched =
                Chart::new("mismatched", "TLSA sets that match no certificate", &by_round, Drawing::Lines, "time", &[("mismatched", "")]);
            let reasons = reasons(view, &counted);
            let split = split(view, &counted);
            let bars = |name, title, table: &Table, x| Chart {
                by: Some("vantage"),
                scale: Scale::Percent,
                ..Chart::new(name, title, table, Drawing::Bars, x, &[("sets", "")])
            };
            answer.charts.extend([
                Chart { by: Some("vantage"), ..bogus },
                Chart { by: Some("vantage"), ..mismatched },
                bars("reasons", "Why sets are bogus", &reasons, "reason"),
                bars("split", "What is wrong with sets that do not match", &split, "wrong"),
            ]);
            answer.tables.extend([by_round, reasons, split]);
        }
        answer
    }
}

/// What is wrong with sets and chains that a host had together. From every vantage point and in both views they come in about the same order.
#[derive(Default)]
struct Known {
    wrong: Vec<((TlsaSetId, ChainId), Option<Repair>)>,
    last: usize,
}

impl Known {
    fn wrong(&mut self, study: &Study<'_>, set: TlsaSetId, chain: ChainId) -> Option<Repair> {
        let pair = (set, chain);
        let is_here = |place: &usize| self.wrong.get(*place).is_some_and(|(known, _)| *known == pair);
        let place =
            [self.last, self.last + 1].into_iter().find(is_here).or_else(|| self.wrong.iter().position(|(known, _)| *known == pair));
        self.last = place.unwrap_or_else(|| {
            let wrong = (!study.matching.any_fits(set, chain, Part::All)).then(|| repair(&study.matching, set, chain));
            self.wrong.push((pair, wrong));
            self.wrong.len() - 1
        });
        self.wrong.get(self.last).and_then(|(_, wrong)| *wrong)
    }
}

impl Counts {
    fn add(&mut self, study: &Study<'_>, (reasons, known): (&mut Reasons, &mut Known), grid: &Grid, states: &[ServerState], view: View) {
        self.bogus.resize(Reason::ALL.len(), Steps::default());
        self.mismatched.resize(Repair::ALL.len(), Steps::default());
        let set = |state: &ServerState| state.seen.tlsa_set.filter(|set| study.has_records(*set));
        let judged = |state: &ServerState| {
            set(state)?;
            match state.seen.dnssec? {
                Security::Secure => Some(None),
                Security::Bogus => Some(Some(reasons.of(study, state.seen.reason))),
                Security::Insecure if view == View::Ours => Some(None),
                Security::Insecure | Security::Indeterminate => None,
            }
        };
        stretches(states, judged, |bogus, span| {
            let rounds = grid.rounds(span);
            self.judged.add(&rounds, 1);
            if let Some(steps) = bogus.and_then(|reason| self.bogus.get_mut(reason as usize)) {
                steps.add(&rounds, 1);
            }
        });
        let crawled = |state: &ServerState| {
            let insecure = state.seen.dnssec == Some(Security::Insecure);
            let chain = state.seen.chain.filter(|_| view == View::Ours || !insecure)?;
            Some(known.wrong(study, set(state)?, chain))
        };
        stretches(states, crawled, |wrong, span| {
            let rounds = grid.rounds(span);
            self.crawled.add(&rounds, 1);
            if let Some(steps) = wrong.and_then(|wrong| self.mismatched.get_mut(wrong as usize)) {
                steps.add(&rounds, 1);
            }
        });
    }

    fn merge(&mut self, other: &Self) {
        self.judged.merge(&other.judged);
        self.crawled.merge(&other.crawled);
        for (mine, other) in [(&mut self.bogus, &other.bogus), (&mut self.mismatched, &other.mismatched)] {
            mine.resize(mine.len().max(other.len()), Steps::default());
            mine.iter_mut().zip(other).for_each(|(mine, other)| mine.merge(other));
        }
    }
}

/// Name of a vantage point, its rounds, what was counted there.
type Counted<'a> = (&'a str, &'a Grid, &'a Counts);

fn summed(steps: &[Steps]) -> Steps {
    let mut sum = Steps::default();
    steps.iter().for_each(|steps| sum.merge(steps));
    sum
}

fn by_round(view: View, counted: &[Counted<'_>]) -> Table {
    let mut table = Table::new(
        "by-round",
        view,
        "TLSA sets that are bogus or match no certificate, by round",
        &["time", "vantage", "bogus", "mismatched"],
    );
    for (vantage, grid, counts) in counted {
        let columns =
            [&summed(&counts.bogus), &counts.judged, &summed(&counts.mismatched), &counts.crawled].map(|steps| steps.counts(grid.len()));
        for (round, time) in grid.times().iter().enumerate() {
            let [bogus, judged, mismatched, crawled] = [0, 1, 2, 3].map(|column: usize| columns[column][round]);
            let (bogus, mismatched) = (Share::new(bogus, judged), Share::new(mismatched, crawled));
            table.rows.push(vec![Cell::Time(*time), (*vantage).into(), bogus.into(), mismatched.into()]);
        }
    }
    table
}

/// How many in all rounds together.
fn ever(steps: &Steps, grid: &Grid) -> u64 {
    steps.counts(grid.len()).into_iter().sum()
}

fn reasons(view: View, counted: &[Counted<'_>]) -> Table {
    let mut table = Table::new("reasons", view, "Bogus sets of all rounds by reason", &["vantage", "reason", "sets"]);
    for (vantage, grid, counts) in counted {
        let numbers: Vec<u64> = counts.bogus.iter().map(|steps| ever(steps, grid)).collect();
        let whole = numbers.iter().sum();
        let mut rows: Vec<(&str, u64)> = Vec::new();
        for (reason, count) in Reason::ALL.into_iter().zip(numbers) {
            let word = if view == View::Paper { reason.paper() } else { reason.word() };
            match rows.iter_mut().find(|(other, _)| *other == word) {
                Some((_, sum)) => *sum += count,
                None => rows.push((word, count)),
            }
        }
        table.rows.extend(rows.into_iter().map(|(word, count)| vec![(*vantage).into(), word.into(), Share::new(count, whole).into()]));
    }
    table
}

fn split(view: View, counted: &[Counted<'_>]) -> Table {
    let mut table = Table::new("split", view, "Mismatched sets of all rounds by what would have to change", &["vantage", "wrong", "sets"]);
    for (vantage, grid, counts) in counted {
        let numbers: Vec<u64> = counts.mismatched.iter().map(|steps| ever(steps, grid)).collect();
        let whole = numbers.iter().sum();
        let row = |(wrong, count): (Repair, u64)| vec![(*vantage).into(), wrong.word().into(), Share::new(count, whole).into()];
        table.rows.extend(Repair::ALL.into_iter().zip(numbers).map(row));
    }
    table
}
