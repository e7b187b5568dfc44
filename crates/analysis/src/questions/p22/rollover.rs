//! P22 section 6: the funnel of servers whose keys can be judged, their mistakes, and the rate per rollover.

use super::classes::{Class, Classes};
use super::customers::{self, Customers};
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{DomainState, TlsaSetId};
use dane::rollover::{Graded, LeftOut, State, Verdict, Worth, grade};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every change of keys of every server, graded by [`dane::rollover`].
pub struct Rollovers;

/// What was counted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    customers: Customers,
    /// By place of the host.
    hosts: BTreeMap<u32, Rolled>,
    /// Changes of keys by grade.
    grades: BTreeMap<String, u64>,
    /// Judged changes by the usages of the records before: wrong of all.
    by_usages: BTreeMap<Usages, Share>,
    disordered: u64,
}

/// One server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Rolled {
    /// Its place in [`VERDICTS`].
    verdict: u8,
    has_records: bool,
    early: bool,
    late: bool,
    never: bool,
    /// Whether its records ever were others.
    updates: bool,
    /// Changes of keys by what they are worth.
    rollovers: Tally,
}

/// Rollovers that were judged.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Tally {
    judged: u32,
    early: u32,
    late: u32,
    never: u32,
}

/// What servers count as, from the whole funnel to its end.
const VERDICTS: [(Verdict, &str); 10] = [
    (Verdict::Unchanged, "unchanged"),
    (Verdict::SameKey, "same-key"),
    (Verdict::LeftOut(LeftOut::NotARollover), "not-a-rollover"),
    (Verdict::LeftOut(LeftOut::NeverMatched), "never-matched"),
    (Verdict::LeftOut(LeftOut::ShortTtl), "short-ttl"),
    (Verdict::LeftOut(LeftOut::NoData), "no-data"),
    (Verdict::LeftOut(LeftOut::UnmatchedBefore), "unmatched-before"),
    (Verdict::Dropped, "dropped"),
    (Verdict::Wrong, "wrong"),
    (Verdict::Correct, "correct"),
];

impl Rolled {
    fn verdict(&self) -> Option<Verdict> {
        VERDICTS.get(usize::from(self.verdict)).map(|(verdict, _)| *verdict)
    }

    fn is(&self, verdict: Verdict) -> bool {
        self.verdict() == Some(verdict)
    }

    fn is_judged(&self) -> bool {
        self.is(Verdict::Wrong) || self.is(Verdict::Correct)
    }
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
                     without, but with a change that was not seen or whose TTL is short, is dropped. By class (see p22-managing): of the judged \
                     servers those that are wrong; of these the shares of each mistake; \"no introduction\" only if the records, whenever they did \
                     not match after a change, never did again, and of these the servers whose records were always the same. Domains are those of \
                     the last day with a judged server of the class. Ours: the rate per judged rollover. \"By usages\" are those of the records \
                     before the change: with 2 beside 3, a record of the other kind may cover it. Hosts that are excluded are left out.",
        published: "13,902 servers, 10,334 with other certificates, 8,837 with other keys, 2,560 of these no rollover, 2,569 judged. SO: 277 servers, \
                    92.1% wrong; early 0.4%, late 84.7%, never 22.8%, of these 65.6% never update. SSDO: 275, 87.3%; 3.9%, 72.1%, 36.1%, 78.2%. \
                    SSDS: 594, 91.6%; 10.1%, 82.7%, 32.9%, 59.2%",
    };

    const NEEDS: Needs = Needs {
        servers: Some(&["tlsa_set_id", "chain_id", "ttl"]),
        domains: Some(customers::COLUMNS),
        certificates: true,
        tlsa: true,
        mail_hosts: true,
        domain_names: true,
        ..Needs::NONE
    };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let Some((vantage, grid)) = study.vantage() else { return };
        if study.settings.leaves_out(&host.host.name) {
            return;
        }
        let stream = host.stream(vantage);
        let Some(first) = stream.first() else { return };
        let states = study.rollover_states(&stream);
        let Ok(graded) = grade(&states, grid.for_rollovers(), &study.matching) else {
            part.disordered += 1;
            return;
        };
        for change in &graded.changes {
            let Some(grade) = change.grade else { continue };
            *part.grades.entry(grade.word().to_owned()).or_default() += 1;
            if grade.worth() != Worth::LeftOut {
                let usages = change.set_before.and_then(TlsaSetId::new).map_or_else(Usages::default, |set| Usages::of(study, set));
                *part.by_usages.entry(usages).or_default() += Share::new(u64::from(grade.worth() == Worth::Wrong), 1);
            }
        }
        let place = study.host_of(first.key).and_then(|place| u32::try_from(place).ok());
        part.hosts.extend(place.map(|place| (place, rolled(&graded, &states))));
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        part.customers.count(study, states);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.customers.merge(other.customers);
        part.hosts.extend(other.hosts);
        other.grades.into_iter().for_each(|(grade, count)| *part.grades.entry(grade).or_default() += count);
        other.by_usages.into_iter().for_each(|(usages, share)| *part.by_usages.entry(usages).or_default() += share);
        part.disordered += other.disordered;
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        answer.tables = vec![funnel(&part), mistakes(&part), verdicts(&part), grades(&part), by_usages(&part)];
        let bars = ("step", vec![Series::new("servers", "Servers")], None);
        answer.charts.push(super::chart(
            "funnel",
            "Who is left to be judged",
            ("funnel", View::Paper),
            Drawing::Funnel,
            bars,
            Scale::Count,
        ));
        let has_records = |host: usize| u32::try_from(host).is_ok_and(|host| part.hosts.get(&host).is_some_and(|host| host.has_records));
        for (view, classes) in Classes::both(study, &part.customers, &has_records) {
            answer.tables.push(if view == View::Paper { table_3(study, &part, &classes) } else { rates(&part, &classes) });
            let words =
                [("wrong", "Any mistake"), ("early", "Early retirement"), ("late", "Late introduction"), ("never", "No introduction")];
            let bars = ("class", words.map(|(column, label)| Series::new(column, label)).to_vec(), None);
            let title = "Rollovers gone wrong, by who manages the servers";
            answer.charts.push(super::chart("by-class", title, ("by-class", view), Drawing::Bars, bars, Scale::Percent));
        }
        if part.disordered > 0 {
            answer.notes.push(format!("{} servers are left out: their states overlap; try 'danelaw archive verify'", part.disordered));
        }
        answer
    }
}

/// What is kept of a server.
fn rolled(graded: &Graded, states: &[State]) -> Rolled {
    let (verdict, mistakes, tally) = (graded.verdict(), graded.mistakes(), graded.tally());
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let mut sets = states.iter().filter_map(|state| state.served).map(|served| served.set);
    let first = sets.next();
    Rolled {
        verdict: VERDICTS.iter().position(|(other, _)| *other == verdict).and_then(|place| u8::try_from(place).ok()).unwrap_or(0),
        has_records: first.is_some(),
        early: mistakes.early_retirement,
        late: mistakes.late_introduction,
        never: mistakes.no_introduction,
        updates: sets.any(|set| Some(set) != first),
        rollovers: Tally {
            judged: count(tally.judged()),
            early: count(tally.early),
            late: count(tally.late_after + tally.late_same_time + tally.late_in_between),
            never: count(tally.never),
        },
    }
}

fn funnel(part: &Counts) -> Table {
    let without = |left: &[Verdict]| part.hosts.values().filter(|host| !left.iter().any(|verdict| host.is(*verdict))).count() as u64;
    let not_a_rollover = Verdict::LeftOut(LeftOut::NotARollover);
    let mut funnel = Table::new("funnel", View::Paper, "Who is left to be judged", &["step", "servers"]);
    for (step, count) in [
        ("servers", without(&[])),
        ("certificates changed", without(&[Verdict::Unchanged])),
        ("keys changed", without(&[Verdict::Unchanged, Verdict::SameKey])),
        ("keys changed that records name", without(&[Verdict::Unchanged, Verdict::SameKey, not_a_rollover])),
        ("judged", part.hosts.values().filter(|host| host.is_judged()).count() as u64),
        ("wrong", part.hosts.values().filter(|host| host.is(Verdict::Wrong)).count() as u64),
    ] {
        funnel.rows.push(vec![step.into(), count.into()]);
    }
    funnel
}

fn mistakes(part: &Counts) -> Table {
    let count = |is: fn(&Rolled) -> bool| part.hosts.values().filter(|host| is(host)).count() as u64;
    let judged = count(Rolled::is_judged);
    let mut mistakes = Table::new("mistakes", View::Paper, "Servers that rolled keys wrongly at least once", &["mistake", "servers"]);
    for (word, count) in [
        ("any", count(|host| host.is(Verdict::Wrong))),
        ("early-retirement", count(|host| host.early)),
        ("late-introduction", count(|host| host.late)),
        ("no-introduction", count(|host| host.never)),
    ] {
        mistakes.rows.push(vec![word.into(), Share::new(count, judged).into()]);
    }
    mistakes
}

fn verdicts(part: &Counts) -> Table {
    let mut verdicts = Table::new("verdicts", View::Paper, "Servers by what they count as", &["verdict", "servers"]);
    for (verdict, word) in VERDICTS {
        let count = part.hosts.values().filter(|host| host.is(verdict)).count() as u64;
        verdicts.rows.push(vec![word.into(), Cell::Count(count)]);
    }
    verdicts
}

fn grades(part: &Counts) -> Table {
    let keys = part.grades.values().sum();
    let mut grades = Table::new("grades", View::Ours, "Changes of keys by what they are worth", &["grade", "changes"]);
    grades.rows = part.grades.iter().map(|(word, count)| vec![word.as_str().into(), Share::new(*count, keys).into()]).collect();
    grades
}

fn by_usages(part: &Counts) -> Table {
    let caption = "Judged rollovers by the usages of the records before, and of these the wrong ones";
    let mut table = Table::new("by-usages", View::Ours, caption, &["usages", "wrong"]);
    table.rows = part.by_usages.iter().map(|(usages, share)| vec![usages.words().into(), (*share).into()]).collect();
    table
}

/// Table 3.
fn table_3(study: &Study<'_>, part: &Counts, classes: &Classes<'_>) -> Table {
    let columns = ["class", "domains", "servers", "wrong", "early", "late", "never", "never_updates"];
    let mut table = Table::new("by-class", View::Paper, "Servers that rolled keys wrongly at least once, by class", &columns);
    let day = study.days().len().saturating_sub(1);
    let judged = |host: &usize| u32::try_from(*host).ok().and_then(|host| part.hosts.get(&host)).filter(|host| host.is_judged());
    for class in Class::ALL {
        let theirs: Vec<&Rolled> =
            (0..study.hosts().len()).filter(|host| classes.has(*host, class)).filter_map(|host| judged(&host)).collect();
        let wrong: Vec<&&Rolled> = theirs.iter().filter(|host| host.is(Verdict::Wrong)).collect();
        let of_wrong = |is: fn(&Rolled) -> bool| Share::new(wrong.iter().filter(|host| is(host)).count() as u64, wrong.len() as u64);
        let never = of_wrong(|host| host.never);
        let stale = wrong.iter().filter(|host| host.never && !host.updates).count() as u64;
        let mut domains = Share::default();
        for group in &classes.groups {
            let hosts: Vec<&Rolled> = group.hosts_in(class).filter_map(|host| judged(&host)).collect();
            let number = if hosts.is_empty() { 0 } else { group.numbers.by_day(day + 1).last().unwrap_or(0) };
            let is_wrong = hosts.iter().any(|host| host.is(Verdict::Wrong));
            domains += Share::new(if is_wrong { number } else { 0 }, number);
        }
        let servers = Cell::Count(theirs.len() as u64);
        let shares = [Share::new(wrong.len() as u64, theirs.len() as u64), of_wrong(|host| host.early), of_wrong(|host| host.late), never];
        let mut row = vec![class.word().into(), domains.into(), servers];
        row.extend(shares.map(Cell::Share));
        row.push(Share::new(stale, never.count).into());
        table.rows.push(row);
    }
    table
}

/// The same per rollover.
fn rates(part: &Counts, classes: &Classes<'_>) -> Table {
    let columns = ["class", "rollovers", "wrong", "early", "late", "never"];
    let mut table = Table::new("by-class", View::Ours, "Judged rollovers, and the wrong ones, by class", &columns);
    for class in Class::ALL {
        let [mut judged, mut early, mut late, mut never] = [0_u64; 4];
        for (_, host) in part.hosts.iter().filter(|(host, _)| classes.has(**host as usize, class)) {
            judged += u64::from(host.rollovers.judged);
            early += u64::from(host.rollovers.early);
            late += u64::from(host.rollovers.late);
            never += u64::from(host.rollovers.never);
        }
        let wrong = early + late + never;
        let mut row = vec![class.word().into(), Cell::Count(judged), Share::new(wrong, judged).into()];
        row.extend([early, late, never].map(|count| Cell::Share(Share::new(count, wrong))));
        table.rows.push(row);
    }
    table
}

/// The usages that a set has, a bit for each; undefined ones from 15 on share the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Usages(u16);

impl Usages {
    /// These.
    pub fn only(usages: &[u8]) -> Self {
        Self(usages.iter().fold(0, |bits, usage| bits | 1 << (*usage).min(15)))
    }

    /// Those of a set.
    pub fn of(study: &Study<'_>, set: TlsaSetId) -> Self {
        Self(study.matching.records(set).iter().fold(0, |bits, record| bits | 1 << record.usage.min(15)))
    }

    /// `2 3`
    pub fn words(self) -> String {
        let usages = (0..16).filter(|usage| self.0 >> usage & 1 == 1);
        usages.map(|usage: u8| usage.to_string()).collect::<Vec<_>>().join(" ")
    }
}
