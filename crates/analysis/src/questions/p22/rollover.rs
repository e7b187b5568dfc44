//! P22 section 6: the funnel of servers whose keys can be judged, their mistakes, and the rate per rollover.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use dane::rollover::{Served, State, Verdict, grade};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every change of keys of every server, graded by [`dane::rollover`].
pub struct Rollovers;

/// What was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    /// Servers by what they count as.
    verdicts: BTreeMap<String, u64>,
    /// Changes of keys by grade.
    grades: BTreeMap<String, u64>,
    servers: u64,
    certificate_changed: u64,
    key_changed: u64,
    wrong: u64,
    correct: u64,
    early: u64,
    late: u64,
    never: u64,
    disordered: u64,
}

impl Question for Rollovers {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-rollover",
        title: "Key rollovers",
        source: "P22 section 6, Table 3",
        views: &[View::Paper, View::Ours],
        definition: "Every change of a server's certificates and keys between rounds, graded by the TLSA set served two TTLs before, one round \
                     before, at, and after it (P22 section 6.1; `dane::rollover` has the definition). Paper view: a server with any mistake is wrong; one \
                     without, but with a change that was not seen or whose TTL is short, is dropped. Ours: the rate per judged rollover.",
        published: "13,902 servers, 10,334 with other certificates, 8,837 with other keys, 2,569 judged",
    };

    const NEEDS: Needs = Needs { servers: Some(&["tlsa_set_id", "chain_id", "ttl"]), certificates: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let Some((vantage, grid)) = study.vantage() else { return };
        if study.settings.leaves_out(&host.host.name) {
            return;
        }
        let stream = host.stream(vantage);
        if stream.is_empty() {
            return;
        }
        let Ok(graded) = grade(&states(study, &stream), grid.for_rollovers(), &study.matching) else {
            part.disordered += 1;
            return;
        };
        let (verdict, tally) = (graded.verdict(), graded.tally());
        part.servers += 1;
        part.certificate_changed += u64::from(tally.certificates > 0);
        part.key_changed += u64::from(tally.keys > 0);
        *part.verdicts.entry(word(verdict).to_owned()).or_default() += 1;
        for grade in graded.changes.iter().filter_map(|change| change.grade) {
            *part.grades.entry(grade.word().to_owned()).or_default() += 1;
        }
        let mistakes = graded.mistakes();
        part.wrong += u64::from(verdict == Verdict::Wrong);
        part.correct += u64::from(verdict == Verdict::Correct);
        part.early += u64::from(mistakes.early_retirement);
        part.late += u64::from(mistakes.late_introduction);
        part.never += u64::from(mistakes.no_introduction);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        let add = |mine: &mut BTreeMap<String, u64>, other: BTreeMap<String, u64>| {
            other.into_iter().for_each(|(word, count)| *mine.entry(word).or_default() += count);
        };
        add(&mut part.verdicts, other.verdicts);
        add(&mut part.grades, other.grades);
        part.servers += other.servers;
        part.certificate_changed += other.certificate_changed;
        part.key_changed += other.key_changed;
        part.wrong += other.wrong;
        part.correct += other.correct;
        part.early += other.early;
        part.late += other.late;
        part.never += other.never;
        part.disordered += other.disordered;
    }

    fn answer(_: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let judged = part.wrong + part.correct;
        let mut funnel = Table::new("funnel", View::Paper, "Who is left to be judged", &["step", "servers"]);
        for (step, count) in [
            ("servers", part.servers),
            ("certificates changed", part.certificate_changed),
            ("keys changed", part.key_changed),
            ("judged", judged),
            ("wrong", part.wrong),
        ] {
            funnel.rows.push(vec![step.into(), count.into()]);
        }
        let mut mistakes = Table::new("mistakes", View::Paper, "Servers that rolled keys wrongly at least once", &["mistake", "servers"]);
        for (word, count) in
            [("any", part.wrong), ("early-retirement", part.early), ("late-introduction", part.late), ("no-introduction", part.never)]
        {
            mistakes.rows.push(vec![word.into(), Share::new(count, judged).into()]);
        }
        let keys = part.grades.values().sum();
        let mut grades = Table::new("grades", View::Ours, "Changes of keys by what they are worth", &["grade", "changes"]);
        grades.rows = part.grades.iter().map(|(word, count)| vec![word.as_str().into(), Share::new(*count, keys).into()]).collect();
        let mut verdicts = Table::new("verdicts", View::Paper, "Servers by what they count as", &["verdict", "servers"]);
        verdicts.rows = part.verdicts.iter().map(|(word, count)| vec![word.as_str().into(), Cell::Count(*count)]).collect();
        answer.charts.push(Chart {
            name: "funnel",
            title: "Who is left to be judged".to_owned(),
            table: "funnel",
            view: View::Paper,
            drawing: Drawing::Funnel,
            x: "step",
            series: vec![Series::new("servers", "Servers")],
            by: None,
            scale: Scale::Count,
            below: None,
        });
        answer.tables = vec![funnel, mistakes, verdicts, grades];
        if part.disordered > 0 {
            answer.notes.push(format!("{} servers are left out: their states overlap; try 'danelaw archive verify'", part.disordered));
        }
        answer
    }
}

/// The stream as those who grade want it.
fn states(study: &Study<'_>, stream: &[archive::states::model::ServerState]) -> Vec<State> {
    let state = |state: &archive::states::model::ServerState| State {
        from: state.span.valid_from_s,
        to: state.span.valid_to_s,
        served: state
            .seen
            .tlsa_set
            .filter(|set| study.has_records(*set))
            .map(|set| Served { set: set.number(), ttl: state.seen.ttl.unwrap_or(0) }),
        chain: state.seen.chain.map(|chain| chain.number()),
    };
    stream.iter().map(state).collect()
}

fn word(verdict: Verdict) -> &'static str {
    use dane::rollover::LeftOut;
    match verdict {
        Verdict::Unchanged => "unchanged",
        Verdict::SameKey => "same-key",
        Verdict::LeftOut(LeftOut::NeverMatched) => "never-matched",
        Verdict::LeftOut(LeftOut::ShortTtl) => "short-ttl",
        Verdict::LeftOut(LeftOut::NoData) => "no-data",
        Verdict::LeftOut(LeftOut::NotARollover) => "not-a-rollover",
        Verdict::LeftOut(LeftOut::UnmatchedBefore) => "unmatched-before",
        Verdict::Dropped => "dropped",
        Verdict::Wrong => "wrong",
        Verdict::Correct => "correct",
    }
}
