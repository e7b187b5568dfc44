//! P22 Figure 4: why TLSA records are invalid, by who manages the servers.

use super::classes::Class;
use super::counted::{self, Counts};
use super::seen::{Facts, Shown, Standing, Status};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Steps, Study, Table, View};
use archive::states::model::DomainState;

/// By class and day: invalid servers, and the share of each cause.
pub struct ByCause;

/// A cause, and who has it.
type Cause = (&'static str, fn(Facts) -> bool);

/// What makes a server invalid: one or more.
const CAUSES: [Cause; 5] = [
    ("insecure", |facts| facts.status == Status::Insecure),
    ("bogus", |facts| facts.status == Status::Bogus),
    ("mismatch", |facts| facts.shown == Shown::Other),
    ("refused", |facts| facts.shown == Shown::Refusal),
    ("other", |facts| facts.status != Status::Insecure && facts.status != Status::Bogus && facts.shown == Shown::Match),
];

impl Question for ByCause {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-figure-4",
        title: "Why TLSA records are invalid, by managing entity",
        source: "P22 Figure 4, section 5.2.2",
        views: &[View::Paper, View::Ours],
        definition: "By day and class (see p22-managing): of the invalid servers (see p22-table-2), those whose TLSA records are insecure, bogus, or \
                     match no certificate. Causes may overlap. \"Other\" is secure or could not be told, and matches: the chain is not valid. \
                     Ours: \"refused\" is a server that refuses STARTTLS or TLS; the paper view has none.",
        published: "2021-02-12: DNSSEC is a cause of 89% in SSDO and 95.7% in SSDS, nearly all without DS; on average 23% of SSDO and 16% of SSDS \
                    mismatch",
    };

    const NEEDS: Needs = counted::NEEDS;

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.host(study, host);
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        part.domains(study, states);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (view, classes, by_day) in part.seen_by(study) {
            let words: Vec<&'static str> = CAUSES.iter().map(|(word, _)| *word).collect();
            let columns = [&["time", "class"], &words[..]].concat();
            let mut table = Table::new("by-day", view, "Invalid servers by cause, day and class; causes overlap", &columns);
            for class in Class::ALL {
                let (mut invalid, mut causes) = (Steps::default(), CAUSES.map(|_| Steps::default()));
                counted::each(study, &classes, class, &by_day, |days, facts| {
                    if facts.standing(view) == Some(Standing::Invalid) {
                        invalid.add(&days, 1);
                        CAUSES.iter().zip(&mut causes).for_each(|((_, has), steps)| steps.add(&days, i64::from(has(facts))));
                    }
                });
                let days = study.days().len();
                let (invalid, causes) = (invalid.counts(days), causes.map(|steps| steps.counts(days)));
                for (day, (time, invalid)) in study.days().times().iter().zip(invalid).enumerate() {
                    let shares = causes.iter().map(|counts| Cell::Share(Share::new(counts[day], invalid)));
                    table.rows.push([Cell::Time(*time), class.word().into()].into_iter().chain(shares).collect());
                }
            }
            answer.tables.push(table);
            for (name, title) in [
                ("insecure", "Invalid servers with insecure TLSA records"),
                ("bogus", "Invalid servers with bogus TLSA records"),
                ("mismatch", "Invalid servers whose TLSA records do not match"),
            ] {
                let lines = ("time", vec![Series::new(name, "")], Some("class"));
                answer.charts.push(super::chart(name, title, ("by-day", view), Drawing::Lines, lines, Scale::Percent));
            }
        }
        answer
    }
}
