//! P22 section 5.2.2: usages, selectors and matching types, and how often records with each do not match.

use super::classes::{Class, Classes};
use super::counted::{self, Counts};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{ChainId, DomainState, ServerState, TlsaSetId};
use dane::rollover::Part as Records;
use dane::tlsa::Tlsa;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// By class, on the last day: the share of each value, and of these the share that does not match.
pub struct Parameters;

/// What one server had on the last day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Last {
    set: TlsaSetId,
    /// If it can be read.
    chain: Option<ChainId>,
}

/// Domains, and what servers had.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Parts {
    counts: Counts,
    /// By place of the host.
    last: BTreeMap<u32, Last>,
}

/// A field of a record, and its value.
type Field = (&'static str, fn(&Tlsa) -> u8);

/// The fields that are told.
const FIELDS: [Field; 3] =
    [("usage", |record| record.usage), ("selector", |record| record.selector), ("matching-type", |record| record.matching)];

impl Question for Parameters {
    type Part = Parts;

    const ABOUT: About = About {
        id: "p22-parameters",
        title: "Usages, selectors and matching types",
        source: "P22 sections 5.2.2, 6.3.2",
        views: &[View::Paper, View::Ours],
        definition: "On the last day, by class (see p22-managing). Paper view: of the servers with TLSA records, those with a record of this value; of \
                     these with a certificate, those that match none of their records. Ours: of all records, those of this value; of these at \
                     servers with a certificate, those that do not match by themselves, be it that another does. \"Usages\" are the combinations \
                     that servers have, each server once.",
        published: "Usage 3 90.6%, usage 2 4.6%, both 4.4% of servers; selector 0 11% in SSDS, of these 34% mismatched, selector 1 2%; matching \
                    type 1 over 96%, matching type 2 under 2%, more often mismatched",
    };

    const NEEDS: Needs = Needs { certificates: true, ..counted::NEEDS };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.counts.host(study, host);
        let (Some((vantage, grid)), Some(last)) = (study.vantage(), study.days().len().checked_sub(1)) else { return };
        let is_last = |state: &&ServerState| study.days().of_servers(&grid.rounds(&state.span)).contains(&last);
        let stream = host.stream(vantage);
        let Some(state) = stream.iter().rev().find(is_last) else { return };
        let (Some(set), Some(place)) = (state.seen.tlsa_set.filter(|set| study.has_records(*set)), study.host_of(state.key)) else {
            return;
        };
        let chain = state.seen.chain.filter(|chain| study.matching.certificates(*chain).next().is_some());
        part.last.insert(u32::try_from(place).unwrap_or(u32::MAX), Last { set, chain });
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        part.counts.domains(study, states);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.counts.merge(other.counts);
        part.last.extend(other.last);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (view, classes) in part.counts.classes(study) {
            let caption = "Values of TLSA records, and of these the mismatched, last day";
            let mut table = Table::new("last-day", view, caption, &["class", "field", "value", "share", "mismatched"]);
            for class in Class::ALL {
                for ((field, value), counted) in counts(study, &part, &classes, class, view) {
                    table.rows.push(vec![class.word().into(), field.into(), value.into(), counted.0.into(), Cell::Share(counted.1)]);
                }
            }
            answer.tables.push(table);
            for (name, title) in [("share", "Values of TLSA records"), ("mismatched", "Mismatched TLSA records by value")] {
                let bars = ("value", vec![Series::new(name, "")], Some("field"));
                answer.charts.push(super::chart(name, title, ("all-classes", view), Drawing::Bars, bars, Scale::Percent));
            }
            let caption = "Values of TLSA records, and of these the mismatched, all classes, last day";
            let mut all = Table::new("all-classes", view, caption, &["field", "value", "share", "mismatched"]);
            for ((field, value), counted) in counts(study, &part, &classes, Class::All, view) {
                all.rows.push(vec![field.into(), value.into(), counted.0.into(), Cell::Share(counted.1)]);
            }
            answer.tables.push(all);
        }
        answer
    }
}

type Counted = BTreeMap<(&'static str, String), (Share, Share)>;

/// By field and value: how many, and how many of these do not match.
fn counts(study: &Study<'_>, part: &Parts, classes: &Classes<'_>, class: Class, view: View) -> Counted {
    let mut counted: Counted = BTreeMap::new();
    let mut of = 0;
    for (_, last) in part.last.iter().filter(|(host, _)| classes.has(**host as usize, class)) {
        let records = study.matching.records(last.set);
        let matches = last.chain.map(|chain| study.matching.any_fits(last.set, chain, Records::All));
        let mut count = |field: &'static str, value: String, matches: Option<bool>| {
            let (share, mismatched) = counted.entry((field, value)).or_default();
            share.count += 1;
            mismatched.of += u64::from(matches.is_some());
            mismatched.count += u64::from(matches == Some(false));
        };
        let usages: BTreeSet<u8> = records.iter().map(|record| record.usage).collect();
        let usages: Vec<String> = usages.iter().map(u8::to_string).collect();
        for (field, value) in FIELDS {
            match view {
                View::Paper => {
                    let values: BTreeSet<u8> = records.iter().map(value).collect();
                    values.into_iter().for_each(|value| count(field, value.to_string(), matches));
                }
                View::Ours => records.iter().for_each(|record| {
                    count(field, value(record).to_string(), last.chain.map(|chain| study.matching.fits(record, chain)));
                }),
            }
        }
        count("usages", usages.join(" "), matches);
        of += if view == View::Paper { 1 } else { records.len() as u64 };
    }
    let servers = counted.iter().filter(|((field, _), _)| *field == "usages").map(|(_, (share, _))| share.count).sum();
    for ((field, _), (share, _)) in &mut counted {
        share.of = if *field == "usages" { servers } else { of };
    }
    counted
}
