//! P22 Figure 5: records that match a certificate of earlier days.

use super::classes::{Class, Classes};
use super::counted;
use super::unmatched::{Mismatches, Unmatched};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Steps, Study, Table, View};
use archive::states::model::DomainState;

/// By class and day: of the unmatched sets that nothing else explains, those that match what the server showed before.
pub struct Outdated;

impl Question for Outdated {
    type Part = Mismatches;

    const ABOUT: About = About {
        id: "p22-figure-5",
        title: "Mismatched records that match an outdated certificate",
        source: "P22 Figure 5, section 5.2.3",
        views: &[View::Paper, View::Ours],
        definition: "By day and class (see p22-managing): of the servers whose TLSA records match nothing that they show, whatever DNSSEC says of the \
                     records, and with no wrong field (see p22-wrong-fields), the share whose records match a chain that the same server showed \
                     in an earlier round. Paper view: an empty digest, PEM text and a slip are no explanation, and whether the earlier \
                     certificate has expired is not asked, though the prose says so. Ours: they are one, so they are left out; \"expired\" is the \
                     share for which a certificate so matched had expired by that day, \"later\" the share whose records match a chain that the \
                     server showed in a later round: published too early, or gone back to. Of several addresses the first counts.",
        published: "Up to 70% in SSDS and 73% in SSDO match an earlier certificate",
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
        for (view, classes) in part.counts.classes(study) {
            let words: &[&'static str] = if view == View::Paper { &["earlier"] } else { &["earlier", "expired", "later"] };
            let columns = [&["time", "class"], words].concat();
            let mut table = Table::new("by-day", view, "Unmatched records that match an earlier certificate, by day and class", &columns);
            for class in Class::ALL {
                for (time, (of, counts)) in study.days().times().iter().zip(sums(study, &part, &classes, class, view)) {
                    let shares = counts.into_iter().take(words.len()).map(|count| Cell::Share(Share::new(count, of)));
                    table.rows.push([Cell::Time(*time), class.word().into()].into_iter().chain(shares).collect());
                }
            }
            answer.tables.push(table);
            let title = "Mismatched records that match an outdated certificate";
            let lines = ("time", vec![Series::new("earlier", "")], Some("class"));
            answer.charts.push(super::chart("earlier", title, ("by-day", view), Drawing::Lines, lines, Scale::Percent));
        }
        answer
    }
}

/// By day: unmatched for no known cause, and of these earlier, expired, later.
fn sums(study: &Study<'_>, part: &Mismatches, classes: &Classes<'_>, class: Class, view: View) -> Vec<(u64, [u64; 3])> {
    let (mut all, mut found) = (Steps::default(), [(); 3].map(|()| Steps::default()));
    let is_unknown = |unmatched: &Unmatched| unmatched.label.is_none_or(|label| view == View::Paper && !label.is_field());
    for (_, rows) in part.hosts.iter().filter(|(host, _)| classes.has(**host as usize, class)) {
        for (from, to, unmatched) in rows.iter().filter(|(_, _, unmatched)| is_unknown(unmatched)) {
            let days = *from as usize..*to as usize;
            all.add(&days, 1);
            let is = [unmatched.earlier, unmatched.expired, unmatched.later];
            found.iter_mut().zip(is).for_each(|(steps, is)| steps.add(&days, i64::from(is)));
        }
    }
    let days = study.days().len();
    let found = found.map(|steps| steps.counts(days));
    all.counts(days).into_iter().enumerate().map(|(day, all)| (all, [0, 1, 2].map(|which: usize| found[which][day]))).collect()
}
