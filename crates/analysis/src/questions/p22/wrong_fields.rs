//! P22 sections 5.2.2 and 5.2.3: what is wrong with records that match nothing.

use super::classes::{Class, Classes};
use super::counted;
use super::unmatched::{Label, Mismatches, Unmatched};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::DomainState;
use std::collections::{BTreeMap, BTreeSet};

/// By class: servers with unmatched records by what explains it, on the last day and ever.
pub struct WrongFields;

/// What no label explains.
const UNKNOWN: &str = "unknown";

impl Question for WrongFields {
    type Part = Mismatches;

    const ABOUT: About = About {
        id: "p22-wrong-fields",
        title: "What is wrong with records that match nothing",
        source: "P22 sections 5.2.2, 5.2.3, footnote 5",
        views: &[View::Paper, View::Ours],
        definition: "By class (see p22-managing): of the servers whose TLSA records match nothing that they show, those whose data would match with \
                     another field: it equals certificate or key, full or by SHA-256 or SHA-512, of any certificate of the chain. One label a \
                     server, the first of: undefined value, usage, selector, matching type. Paper view: everything else is unknown. Ours: then \
                     the digest of the empty string, PEM text under matching type 0, and a digest that is off by at most four hexadecimal \
                     digits. \"Ever\" counts servers, each once for each label that it had on any day.",
        published: "Wrong fields: 1 in SO, 2 in SSDO, 3 in SSDS; no slip",
    };

    const NEEDS: Needs = Needs { certificates: true, ..counted::NEEDS };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.host(study, host);
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        part.counts.domains(study, states);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let last = u32::try_from(study.days().len()).unwrap_or(u32::MAX).saturating_sub(1);
        for (view, classes) in part.counts.classes(study) {
            let caption = "Servers whose records match nothing, by what explains it, last day and ever";
            let mut table = Table::new("labels", view, caption, &["class", "label", "last_day", "ever"]);
            for class in Class::ALL {
                let on_last = sums(&part, &classes, class, view, |(from, to, _)| *from <= last && last < *to);
                let ever = sums(&part, &classes, class, view, |_| true);
                let words = Label::all().filter(|label| view == View::Ours || label.is_field()).map(Label::word);
                for word in words.chain([UNKNOWN]) {
                    let share = |(all, by_word): &(u64, BTreeMap<&str, u64>)| {
                        Cell::Share(Share::new(by_word.get(word).copied().unwrap_or(0), *all))
                    };
                    table.rows.push(vec![class.word().into(), word.into(), share(&on_last), share(&ever)]);
                }
            }
            answer.tables.push(table);
            let bars = ("label", vec![Series::new("last_day", "")], Some("class"));
            let title = "Records that match nothing, by what explains it, last day";
            answer.charts.push(super::chart("labels", title, ("labels", view), Drawing::Bars, bars, Scale::Percent));
        }
        answer
    }
}

type Row = (u32, u32, Unmatched);

/// Servers of a class with a row of these, and of them with each label.
fn sums(
    part: &Mismatches,
    classes: &Classes<'_>,
    class: Class,
    view: View,
    counts: impl Fn(&Row) -> bool,
) -> (u64, BTreeMap<&'static str, u64>) {
    let (mut all, mut by_word) = (0, BTreeMap::new());
    let word = |unmatched: &Unmatched| {
        let label = unmatched.label.filter(|label| view == View::Ours || label.is_field());
        label.map_or(UNKNOWN, Label::word)
    };
    for (_, rows) in part.hosts.iter().filter(|(host, _)| classes.has(**host as usize, class)) {
        let words: BTreeSet<&'static str> = rows.iter().filter(|row| counts(row)).map(|(_, _, unmatched)| word(unmatched)).collect();
        all += u64::from(!words.is_empty());
        words.into_iter().for_each(|word| *by_word.entry(word).or_default() += 1);
    }
    (all, by_word)
}
