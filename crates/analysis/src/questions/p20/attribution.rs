//! P20 section 4.2 and 4.3: whose doing the jumps of Figures 2 and 4 are.
//!
//! A domain's *operator* is the registrable domain of its preferred MX host. Of two rounds in a row, a domain gained TLSA records (none of its MX hosts had
//! any before), lost all, got them at its other MX hosts, too (*completed*), or kept them at some only (*reduced*). With the same operator in both
//! rounds that is the operator's doing; with another one the domain moved; without one of them, or without mail hosts, it is new or gone. After rounds that got no MX
//! answer nobody can tell. P20: 934,066 domains of one.com in a day; 76,776 of Loopia; 12,658 lost by one.com.

use crate::questions::operators::Operators;
use crate::study::{About, Answer, Cell, Chart, Drawing, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{DomainState, MxSetId, WordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which operators made a jump or a drop, on which day, and how long each took from partial to full.
pub struct Attribution;

/// Where a domain's state begins or ends, with what it is there.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Edge {
    domain: u32,
    /// Twice the round; one more where the state begins, so that the end of one comes before the begin of the next.
    at: u32,
    mx: MxSetId,
    tld: Option<WordId>,
    level: Level,
}

/// How many of a domain's MX hosts have TLSA records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Level {
    None,
    Some,
    All,
}

/// What became of domains, in this order: gained, lost, completed, reduced.
type Changes = [u64; 4];

/// What became of domains in one round, by whose doing.
#[derive(Clone, Copy, Default)]
struct Day {
    operators: Changes,
    moved: Changes,
    new: u64,
    gone: u64,
    unseen: u64,
}

/// The sum over all domains.
#[derive(Default)]
struct Sum {
    days: BTreeMap<u32, Day>,
    /// By round and operator, then by top-level domain.
    jumps: BTreeMap<(u32, u32), BTreeMap<Option<WordId>, Changes>>,
    operators: Operators,
}

impl Question for Attribution {
    type Part = Vec<Edge>;

    const ABOUT: About = About {
        id: "p20-attribution",
        title: "Whose doing the jumps of adoption are",
        source: "P20 sections 4.2 and 4.3, Figures 2 and 4",
        views: &[View::Paper],
        definition: "Domains that gained or lost TLSA records from one round to the next, by the operator of their preferred MX host (its registrable \
                     domain). With the same operator before and after, it is the operator's doing; with another, the domain moved; the rest is new, gone, or \
                     was not seen in between. Named are operators with more such domains in a round than the threshold (50). From partial to full: from \
                     the round in which most of an operator's domains got records at some MX hosts to that in which most got them at all.",
        published: "one.com: 934,066 domains on 2018-11-23, two days from partial to full; Loopia: 76,776; 12,658 lost in August 2019",
    };

    const NEEDS: Needs = Needs { domains: Some(&["domain_id", "tld", "hosts", "tlsa", "mx_set_id"]), mail_hosts: true, ..Needs::NONE };

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        let Some((_, grid)) = study.domain_vantage() else { return };
        for state in states {
            let (Some(mx), rounds) = (state.seen.mx_set, grid.rounds(&state.span)) else { continue };
            if rounds.is_empty() {
                continue;
            }
            let level = match state.seen.tlsa {
                0 => Level::None,
                some if some < state.seen.hosts => Level::Some,
                _ => Level::All,
            };
            let edge =
                |at: usize| Edge { domain: state.key.number(), at: crate::questions::faults::number(at), mx, tld: state.seen.tld, level };
            part.extend((rounds.start > 0).then(|| edge(rounds.start * 2 + 1)));
            part.extend((rounds.end < grid.len()).then(|| edge(rounds.end * 2)));
        }
    }

    fn merge(part: &mut Self::Part, mut other: Self::Part) {
        part.append(&mut other);
    }

    fn answer(study: &Study<'_>, mut part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        part.sort_unstable_by_key(|edge| u64::from(edge.domain) << 32 | u64::from(edge.at));
        let mut sum = Sum::default();
        part.chunk_by(|one, other| one.domain == other.domain).for_each(|edges| sum.domain(study, edges));
        let named: Vec<(u32, u32)> =
            sum.jumps.iter().filter(|(_, by_tld)| total(by_tld).iter().sum::<u64>() > study.settings.many).map(|(key, _)| *key).collect();
        answer.tables = vec![sum.by_round(study), sum.jumps(study, &named), sum.jumps_by_tld(study, &named), sum.lags(study)];
        answer.charts = charts();
        answer.notes.push(format!("operators are told apart by the public suffix list of {}", dane::suffix::version()));
        answer
    }
}

impl Sum {
    /// One domain's edges, in the order of time.
    fn domain(&mut self, study: &Study<'_>, edges: &[Edge]) {
        let mut before: Option<&Edge> = None;
        for edge in edges {
            let (round, begins) = (edge.at / 2, edge.at % 2 == 1);
            if !begins {
                before = Some(edge);
                continue;
            }
            match before.take() {
                None => self.days.entry(round).or_default().new += u64::from(edge.level > Level::None),
                Some(end) if end.level == edge.level => {}
                Some(end) if end.at / 2 < round => self.days.entry(round).or_default().unseen += 1,
                Some(end) => self.changed(study, round, end, edge),
            }
        }
        if let Some(end) = before {
            self.days.entry(end.at / 2).or_default().gone += u64::from(end.level > Level::None);
        }
    }

    fn changed(&mut self, study: &Study<'_>, round: u32, before: &Edge, now: &Edge) {
        let what = match (before.level, now.level) {
            (Level::None, _) => 0,
            (_, Level::None) => 1,
            (_, Level::All) => 2,
            (_, Level::Some) => 3,
        };
        let operators = (self.operators.of_mail(study, before.mx), self.operators.of_mail(study, now.mx));
        let day = self.days.entry(round).or_default();
        match operators {
            (Some(old), Some(new)) if old == new => {
                day.operators[what] += 1;
                self.jumps.entry((round, new)).or_default().entry(now.tld).or_default()[what] += 1;
            }
            (Some(_), Some(_)) => day.moved[what] += 1,
            // Without MX hosts it took no mail.
            _ if what == 0 => day.new += 1,
            _ => day.gone += 1,
        }
    }

    fn by_round(&self, study: &Study<'_>) -> Table {
        let columns = [
            "time",
            "gained_with_operator",
            "gained_by_moving",
            "gained_new",
            "lost_with_operator",
            "lost_by_moving",
            "lost_gone",
            "after_unseen",
        ];
        let mut table = Table::new("by-round", View::Paper, "Domains that gained or lost TLSA records, by how", &columns);
        let Some((_, grid)) = study.domain_vantage() else { return table };
        for (round, day) in &self.days {
            let counts = [day.operators[0], day.moved[0], day.new, day.operators[1], day.moved[1], day.gone, day.unseen];
            table.rows.push(std::iter::once(Cell::Time(grid.time(*round as usize))).chain(counts.map(Cell::Count)).collect());
        }
        table
    }

    fn jumps(&self, study: &Study<'_>, named: &[(u32, u32)]) -> Table {
        let columns = ["time", "operator", "gained", "lost", "completed", "reduced"];
        let mut table = Table::new("jumps", View::Paper, "Jumps and drops of operators: domains that stayed with them", &columns);
        let Some((_, grid)) = study.domain_vantage() else { return table };
        for (key, by_tld) in named.iter().filter_map(|key| Some((key, self.jumps.get(key)?))) {
            let head = [Cell::Time(grid.time(key.0 as usize)), self.operators.name(key.1).into()];
            table.rows.push(head.into_iter().chain(total(by_tld).map(Cell::Count)).collect());
        }
        table.rows.sort_by_key(|row| {
            if let (Some(Cell::Time(at)), Some(Cell::Text(name))) = (row.first(), row.get(1)) {
                (*at, name.clone())
            } else {
                (0, String::new())
            }
        });
        table
    }

    fn jumps_by_tld(&self, study: &Study<'_>, named: &[(u32, u32)]) -> Table {
        let columns = ["time", "operator", "tld", "gained", "lost", "completed", "reduced"];
        let mut table = Table::new("jumps-by-tld", View::Paper, "The same by top-level domain", &columns);
        let Some((_, grid)) = study.domain_vantage() else { return table };
        for (key, by_tld) in named.iter().filter_map(|key| Some((key, self.jumps.get(key)?))) {
            for (tld, changes) in by_tld {
                let head = [Cell::Time(grid.time(key.0 as usize)), self.operators.name(key.1).into(), study.text(*tld).into()];
                table.rows.push(head.into_iter().chain(changes.map(Cell::Count)).collect());
            }
        }
        table
    }

    /// From the round in which an operator's domains got records at some hosts to that in which they got them at all.
    fn lags(&self, study: &Study<'_>) -> Table {
        let columns = ["operator", "partial_at", "partial_domains", "full_at", "full_domains", "days"];
        let mut table = Table::new("partial-to-full", View::Paper, "From records at some MX hosts to records at all", &columns);
        let Some((_, grid)) = study.domain_vantage() else { return table };
        let mut by_operator: BTreeMap<u32, Vec<(u32, Changes)>> = BTreeMap::new();
        for ((round, operator), by_tld) in &self.jumps {
            by_operator.entry(*operator).or_default().push((*round, total(by_tld)));
        }
        for (operator, days) in by_operator {
            // Of equally large ones the first.
            let most =
                |what: usize, after: u32| days.iter().filter(|(round, _)| *round > after).rev().max_by_key(|(_, changes)| changes[what]);
            let Some((round, gained)) = days.iter().rev().max_by_key(|(_, changes)| changes[0]).filter(|(_, c)| c[0] > study.settings.many)
            else {
                continue;
            };
            let Some((full, completed)) = most(2, *round).filter(|(_, changes)| changes[2] > study.settings.many) else { continue };
            let (from, to) = (grid.time(*round as usize), grid.time(*full as usize));
            #[allow(clippy::cast_precision_loss)]
            let days = to.saturating_sub(from) as f64 / 86_400.0;
            let name = self.operators.name(operator).into();
            table.rows.push(vec![name, Cell::Time(from), gained[0].into(), Cell::Time(to), completed[2].into(), Cell::Number(days)]);
        }
        table.rows.sort_by_key(|row| if let Some(Cell::Text(name)) = row.first() { name.clone() } else { String::new() });
        table
    }
}

fn total(by_tld: &BTreeMap<Option<WordId>, Changes>) -> Changes {
    by_tld.values().fold([0; 4], |sum, changes| std::array::from_fn(|what| sum[what] + changes[what]))
}

fn charts() -> Vec<Chart> {
    let chart = |name, title: &str, table, drawing, x, series: Vec<Series>, by| Chart {
        name,
        title: title.to_owned(),
        table,
        view: View::Paper,
        drawing,
        x,
        series,
        by,
        scale: Scale::Count,
        below: None,
    };
    let gained = [("gained_with_operator", "with their operator"), ("gained_by_moving", "by moving"), ("gained_new", "new domains")];
    let lost = [("lost_with_operator", "with their operator"), ("lost_by_moving", "by moving"), ("lost_gone", "gone domains")];
    let series = |of: [(&'static str, &str); 3]| of.map(|(column, label)| Series::new(column, label)).to_vec();
    vec![
        chart("gained", "Domains that gained TLSA records", "by-round", Drawing::Stacked, "time", series(gained), None),
        chart("lost", "Domains that lost all TLSA records", "by-round", Drawing::Stacked, "time", series(lost), None),
        chart(
            "jumps",
            "Domains gained by their operator's doing",
            "jumps",
            Drawing::Bars,
            "time",
            vec![Series::new("gained", "")],
            Some("operator"),
        ),
        chart(
            "partial-to-full",
            "Days from partial to full",
            "partial-to-full",
            Drawing::Bars,
            "operator",
            vec![Series::new("days", "Days")],
            None,
        ),
    ]
}
