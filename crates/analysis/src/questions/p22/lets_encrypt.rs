//! P22 Figures 7 and 8: rollovers of certificates that renew themselves.

use super::rollover::Usages;
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Steps, Study, Table, View};
use archive::states::model::{ChainId, TlsaSetId};
use dane::Epoch;
use dane::rollover::{Change, Grade, Late, Worth, grade};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Usage 3: by end date, the servers with each mistake so far.
pub struct LeafOfLetsEncrypt;

/// Usage 2, alone or with 3: the same, and which intermediate issues.
pub struct IssuerOfLetsEncrypt;

/// Servers by end date.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Advance {
    judged: Steps,
    /// By view, paper first: early, late, never.
    mistakes: [[Steps; 3]; 2],
}

/// What Figure 8 counts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Renewals {
    advance: Advance,
    /// Servers by common name of the intermediate.
    issuers: BTreeMap<String, Steps>,
}

const NEEDS: Needs =
    Needs { servers: Some(&["tlsa_set_id", "chain_id", "ttl"]), certificates: true, certificate_names: true, tlsa: true, ..Needs::NONE };

impl Question for LeafOfLetsEncrypt {
    type Part = Advance;

    const ABOUT: About = About {
        id: "p22-figure-7",
        title: "Wrong rollovers of Let's Encrypt's certificates, usage 3",
        source: "P22 Figure 7, section 6.3.2",
        views: &[View::Paper, View::Ours],
        definition: "By end date, from the first round on: of the servers with a judged rollover (see p22-rollover) to a certificate of Let's Encrypt \
                     while their records were of usage 3 alone, the shares with an early retirement, a late and no introduction; any one such \
                     change counts. Paper view: every change counts from its day on as what it turned out to be. Ours: as what it was on the end \
                     date: a record that came later was missing until then. Hosts that are excluded are left out.",
        published: "Early and late nearly steady, no introduction grows fast; 31.0% of the late servers also have no introduction",
    };

    const NEEDS: Needs = NEEDS;

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.count(study, host, |usages| usages == Usages::only(&[3]));
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(&other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        part.tell(study, &mut answer);
        answer
    }
}

impl Question for IssuerOfLetsEncrypt {
    type Part = Renewals;

    const ABOUT: About = About {
        id: "p22-figure-8",
        title: "Wrong rollovers of Let's Encrypt's intermediates, usage 2",
        source: "P22 Figure 8, section 6.3.3",
        views: &[View::Paper, View::Ours],
        definition: "As p22-figure-7, of the servers whose records were of usage 2, alone or with usage 3. Below, by day: of the servers with such \
                     records and a certificate of Let's Encrypt, the share that each intermediate issued; a server without a certificate was not \
                     crawled and is in no number.",
        published: "Late introductions 7.2% on 2020-10-01, where usage 3 has 76%; growing fast as R3 replaces X3 from 2020-10-07 on",
    };

    const NEEDS: Needs = NEEDS;

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let names_issuer = |usages: Usages| usages == Usages::only(&[2]) || usages == Usages::only(&[2, 3]);
        part.advance.count(study, host, names_issuer);
        let Some((vantage, grid)) = study.vantage().filter(|_| !study.settings.leaves_out(&host.host.name)) else { return };
        for state in host.stream(vantage).iter() {
            let set = state.seen.tlsa_set.filter(|set| names_issuer(Usages::of(study, *set)));
            let Some(issuer) = set.and(state.seen.chain).and_then(|chain| issuer(study, chain)) else { continue };
            let days = study.days().of_servers(&grid.rounds(&state.span));
            if !days.is_empty() {
                part.issuers.entry(issuer.to_owned()).or_default().add(&days, 1);
            }
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.advance.merge(&other.advance);
        other.issuers.into_iter().for_each(|(issuer, steps)| part.issuers.entry(issuer).or_default().merge(&steps));
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        part.advance.tell(study, &mut answer);
        let days = study.days().times();
        let caption = "Servers by the intermediate of Let's Encrypt that issued their certificate";
        let mut table = Table::new("by-issuer", View::Paper, caption, &["time", "issuer", "servers"]);
        let counted: Vec<(&String, Vec<u64>)> = part.issuers.iter().map(|(issuer, steps)| (issuer, steps.counts(days.len()))).collect();
        for (issuer, counts) in &counted {
            for (day, time) in days.iter().enumerate() {
                let all = counted.iter().filter_map(|(_, counts)| counts.get(day)).sum();
                let count = counts.get(day).copied().unwrap_or(0);
                table.rows.push(vec![Cell::Time(*time), issuer.as_str().into(), Share::new(count, all).into()]);
            }
        }
        answer.tables.push(table);
        let lines = ("time", vec![Series::new("servers", "")], Some("issuer"));
        answer.charts.push(super::chart("by-issuer", caption, ("by-issuer", View::Paper), Drawing::Lines, lines, Scale::Percent));
        answer
    }
}

impl Advance {
    /// Counts a host, if its records are of these usages.
    fn count(&mut self, study: &Study<'_>, host: &HostStates<'_>, wanted: impl Fn(Usages) -> bool) {
        let Some((vantage, grid)) = study.vantage().filter(|_| !study.settings.leaves_out(&host.host.name)) else { return };
        let stream = host.stream(vantage);
        // Grading costs more than to see that there is nothing to grade.
        let named = stream.iter().any(|state| state.seen.tlsa_set.is_some_and(|set| wanted(Usages::of(study, set))));
        let issued = || stream.iter().any(|state| state.seen.chain.is_some_and(|chain| issuer(study, chain).is_some()));
        if !named || !issued() {
            return;
        }
        let Ok(graded) = grade(&study.rollover_states(&stream), grid.for_rollovers(), &study.matching) else { return };
        let is_ours = |change: &&Change| {
            let before = change.set_before.and_then(TlsaSetId::new).map(|set| Usages::of(study, set));
            let judged = change.grade.is_some_and(|grade| grade.worth() != Worth::LeftOut);
            judged && before.is_some_and(&wanted) && ChainId::new(change.new).and_then(|new| issuer(study, new)).is_some()
        };
        let changes: Vec<&Change> = graded.changes.iter().filter(is_ours).collect();
        let Some(first) = changes.first() else { return };
        let end = study.days().len();
        self.judged.add(&(day(study, first.at)..end), 1);
        let [paper, ours] = &mut self.mistakes;
        for (mistake, (paper, ours)) in Mistake::ALL.into_iter().zip(paper.iter_mut().zip(ours)) {
            let found = changes.iter().filter(|change| change.grade.is_some_and(|grade| Mistake::of(grade) == Some(mistake)));
            add_union(paper, found.map(|change| day(study, change.at)..end).collect());
            add_union(ours, changes.iter().flat_map(|change| as_it_was(study, change, mistake)).collect());
        }
    }

    fn merge(&mut self, other: &Self) {
        self.judged.merge(&other.judged);
        let mine = self.mistakes.iter_mut().flatten();
        mine.zip(other.mistakes.iter().flatten()).for_each(|(mine, other)| mine.merge(other));
    }

    fn tell(&self, study: &Study<'_>, answer: &mut Answer) {
        let days = study.days().times();
        let judged = self.judged.counts(days.len());
        for (view, mistakes) in [View::Paper, View::Ours].into_iter().zip(&self.mistakes) {
            let caption = "Servers with wrong rollovers so far, by end date";
            let mut table = Table::new("by-day", view, caption, &["time", "servers", "early", "late", "never"]);
            let counted = mistakes.each_ref().map(|steps| steps.counts(days.len()));
            for (day, (time, judged)) in days.iter().zip(&judged).enumerate() {
                let share = |counts: &Vec<u64>| Cell::Share(Share::new(counts.get(day).copied().unwrap_or(0), *judged));
                table.rows.push([Cell::Time(*time), (*judged).into()].into_iter().chain(counted.iter().map(share)).collect());
            }
            answer.tables.push(table);
            let words = [("early", "Early retirement"), ("late", "Late introduction"), ("never", "No introduction")];
            let lines = ("time", words.map(|(column, label)| Series::new(column, label)).to_vec(), None);
            let mut chart = super::chart("mistakes", caption, ("by-day", view), Drawing::Lines, lines, Scale::Percent);
            chart.below = Some("servers");
            answer.charts.push(chart);
        }
    }
}

/// The three mistakes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    Early,
    Late,
    Never,
}

impl Mistake {
    const ALL: [Self; 3] = [Self::Early, Self::Late, Self::Never];

    fn of(grade: Grade) -> Option<Self> {
        match grade {
            Grade::EarlyRetirement => Some(Self::Early),
            Grade::Late(_) => Some(Self::Late),
            Grade::NeverIntroduced => Some(Self::Never),
            _ => None,
        }
    }
}

/// The end dates on which a change is this mistake.
fn as_it_was(study: &Study<'_>, change: &Change, mistake: Mistake) -> Option<Range<usize>> {
    let (from, end) = (day(study, change.at), study.days().len());
    match (change.grade?, mistake) {
        (Grade::Late(Late::After(mended)), Mistake::Never) => Some(from..day(study, mended)),
        (Grade::Late(Late::After(mended)), Mistake::Late) => Some(day(study, mended)..end),
        (grade, mistake) => (Mistake::of(grade) == Some(mistake)).then_some(from..end),
    }
}

/// Once for every day that is in any of these.
fn add_union(steps: &mut Steps, mut ranges: Vec<Range<usize>>) {
    ranges.sort_by_key(|range| range.start);
    let mut end = 0;
    for range in ranges {
        steps.add(&(range.start.max(end)..range.end.max(end)), 1);
        end = end.max(range.end);
    }
}

/// The first day that ends after a moment.
fn day(study: &Study<'_>, moment: Epoch) -> usize {
    study.days().times().partition_point(|day| day.saturating_add(86_400) <= moment)
}

/// The intermediate of Let's Encrypt that issued the leaf.
fn issuer<'s>(study: &Study<'s>, chain: ChainId) -> Option<&'s str> {
    study.matching.certificates(chain).next()?.issuer_cn.as_deref().filter(|name| is_lets_encrypts(name))
}

/// Whether an intermediate is Let's Encrypt's: `Let's Encrypt Authority X3`, since 2020 a letter for the kind of its key and a number, since 2025
/// with a `Y` before. (letsencrypt.org/certificates)
fn is_lets_encrypts(name: &str) -> bool {
    let short = name.strip_prefix('Y').unwrap_or(name);
    let numbered =
        short.strip_prefix(['R', 'E']).is_some_and(|number| matches!(number.len(), 1 | 2) && number.bytes().all(|b| b.is_ascii_digit()));
    numbered || name.starts_with("Let's Encrypt ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_intermediates() {
        let theirs = ["Let's Encrypt Authority X3", "R3", "E1", "R10", "E8", "YR1", "YE2"];
        assert!(theirs.into_iter().all(is_lets_encrypts));
        assert!(
            !["R", "RapidSSL RSA CA 2018", "E-Tugra", "R100", "Sectigo RSA Domain Validation Secure Server CA"]
                .into_iter()
                .any(is_lets_encrypts)
        );
    }

    #[test]
    fn days_in_several_ranges_count_once() {
        let mut steps = Steps::default();
        add_union(&mut steps, vec![4..6, 0..2, 1..3, 5..5]);
        assert_eq!(steps.counts(7), [1, 1, 1, 0, 1, 1, 0]);
    }
}
