//! Servers whose TLSA records match nothing that they show: what explains it.

use super::counted::Counts;
use crate::study::{HostStates, Study};
use archive::states::model::{ChainId, ServerState, TlsaSetId};
use dane::Epoch;
use dane::paper::WrongField;
use dane::rollover::Part;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Labels in the order of [`WrongField`]: the first four are the paper's wrong fields.
const LABELS: [(WrongField, &str); 7] = [
    (WrongField::UndefinedValue, "undefined-value"),
    (WrongField::Usage, "usage"),
    (WrongField::Selector, "selector"),
    (WrongField::MatchingType, "matching-type"),
    (WrongField::DigestOfNothing, "digest-of-nothing"),
    (WrongField::Pem, "pem"),
    (WrongField::CopyPaste, "copy-paste"),
];

/// What explains that a set does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label(u8);

impl Label {
    /// Of what was found, if anything was.
    pub fn of(field: WrongField) -> Self {
        let place = LABELS.iter().position(|(other, _)| *other == field);
        Self(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(0))
    }

    /// Every label.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..7).map(Self)
    }

    /// The stable word.
    pub fn word(self) -> &'static str {
        LABELS.get(usize::from(self.0)).map_or("", |(_, word)| word)
    }

    /// Whether a field of the records is wrong. The other labels are "unknown" in the paper.
    pub fn is_field(self) -> bool {
        self.0 < 4
    }
}

/// A set that does not match, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// What explains it by itself.
    pub label: Option<Label>,
    /// It matches a chain that the same server showed before.
    pub earlier: bool,
    /// A certificate of such a chain, which it matches, has expired.
    pub expired: bool,
    /// It matches a chain that the same server showed later.
    pub later: bool,
}

/// What there is of one partition.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Mismatches {
    /// Domains, and which hosts had records.
    pub counts: Counts,
    /// By place of the host: days, from one up to another, in order; days with a match have no row.
    pub hosts: BTreeMap<u32, Vec<(u32, u32, Unmatched)>>,
}

impl Mismatches {
    /// Counts a host: the one stream of the paper view.
    pub fn host(&mut self, study: &Study<'_>, host: &HostStates<'_>) {
        self.counts.host(study, host);
        let Some((vantage, grid)) = study.vantage() else { return };
        let stream = host.stream(vantage);
        let Some(place) = stream.first().and_then(|state| study.host_of(state.key)) else { return };
        let unmatched = |state: &ServerState| {
            let set = state.seen.tlsa_set.filter(|set| study.has_records(*set))?;
            let chain = state.seen.chain?;
            study.matching.certificates(chain).next()?;
            (!study.matching.any_fits(set, chain, Part::All)).then_some((set, chain))
        };
        if !stream.iter().any(|state| unmatched(state).is_some()) {
            return;
        }
        let shown = shown(study, &stream);
        let mut known: Vec<(TlsaSetId, Vec<Fitting>)> = Vec::new();
        let mut rows = Vec::new();
        for (state, (set, chain)) in stream.iter().filter_map(|state| Some((state, unmatched(state)?))) {
            let rounds = grid.rounds(&state.span);
            if rounds.is_empty() {
                continue;
            }
            let place = known.iter().position(|(other, _)| *other == set).unwrap_or_else(|| {
                known.push((set, fitting(study, set, &shown)));
                known.len() - 1
            });
            let fitting = known.get(place).map_or(&[][..], |(_, fitting)| fitting);
            let before = || fitting.iter().filter(|fit| fit.shown.first < rounds.start);
            let label = study.matching.wrong_field(set, chain).map(Label::of);
            let (earlier, later) = (before().next().is_some(), fitting.iter().any(|fit| fit.shown.last >= rounds.end));
            let expires = before().filter_map(|fit| fit.expires).min().unwrap_or(Epoch::MAX);
            let split = grid.times().partition_point(|time| *time <= expires).clamp(rounds.start, rounds.end);
            for (part, expired) in [(rounds.start..split, false), (split..rounds.end, true)] {
                let days = study.days().of_servers(&part);
                let number = |day: usize| u32::try_from(day).unwrap_or(u32::MAX);
                let row = (number(days.start), number(days.end), Unmatched { label, earlier, expired, later });
                rows.extend((!days.is_empty()).then_some(row));
            }
        }
        if !rows.is_empty() {
            self.hosts.entry(u32::try_from(place).unwrap_or(u32::MAX)).or_default().extend(rows);
        }
    }

    /// Adds those of another partition.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(other.counts);
        other.hosts.into_iter().for_each(|(host, rows)| self.hosts.entry(host).or_default().extend(rows));
    }
}

/// A chain, and the first and last round that saw it.
#[derive(Clone, Copy)]
struct Shown {
    chain: ChainId,
    first: usize,
    last: usize,
}

/// A chain that a set matches, and when the first certificate that it matches expires.
struct Fitting {
    shown: Shown,
    expires: Option<Epoch>,
}

/// Every chain of a stream.
fn shown(study: &Study<'_>, stream: &[ServerState]) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let Some((_, grid)) = study.vantage() else { return shown };
    for state in stream {
        let (Some(chain), rounds) = (state.seen.chain, grid.rounds(&state.span)) else { continue };
        let Some(last) = rounds.clone().last() else { continue };
        match shown.iter_mut().find(|other| other.chain == chain) {
            Some(other) => other.last = last,
            None => shown.push(Shown { chain, first: rounds.start, last }),
        }
    }
    shown
}

fn fitting(study: &Study<'_>, set: TlsaSetId, shown: &[Shown]) -> Vec<Fitting> {
    let fits = shown.iter().filter(|shown| study.matching.any_fits(set, shown.chain, Part::All));
    fits.map(|shown| {
        let expires = study.matching.fitting(set, shown.chain).filter_map(|cert| cert.not_after_s).min();
        Fitting { shown: *shown, expires }
    })
    .collect()
}
