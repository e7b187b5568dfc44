//! P20 section 5.5: key rollovers of servers that were there at both ends of the period.
//!
//! [`dane::rollover::both_ends`] has the definition: the set served two TTLs before a change is tested against the old chain and the new one; of usage 2
//! only the last certificate counts; an unchanged record of mixed usages covers a change. Paper view: servers, where any mistake makes a server wrong.
//! Ours: changes, by what each is worth.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Study, Table, View};
use dane::rollover::both_ends::{Outcome, Standing, judge};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every change of keys of every server that was there at both ends, by the rules of P20 section 5.5.
pub struct BothEnds;

/// What was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    standings: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    /// Judged servers with mixed usages, with a single one, and those that had either at a time: how many were wrong.
    usages: [Share; 3],
    at_once_or_after: u64,
    disordered: u64,
}

impl Question for BothEnds {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p20-section-5.5",
        title: "Key rollovers of servers that were there at both ends",
        source: "P20 section 5.5",
        views: &[View::Paper, View::Ours],
        definition: "Servers with a TLSA set in the first and in the last round; rolled if the keys of the chain changed. Judged by the TLSA set served two TTLs before \
                     each change, which has to match the old chain and the new one; a record of usage 2 is held against the last certificate only; with \
                     mixed usages a record that stays and matches both chains is enough. Left out: short TTLs, servers that never matched, changes that \
                     were not seen. Paper view: servers, wrong if any change was. Ours: changes.",
        published: "6,968 servers, 1,784 rolled, 872 judged; 91 with mixed usages, 80 of these correct; 780 with a single usage, 724 wrong, 547 of these at \
                    once or after",
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
        let rounds = grid.for_rollovers();
        let Ok(server) = judge(&study.rollover_states(&stream), rounds, &study.matching) else {
            part.disordered += 1;
            return;
        };
        *part.standings.entry(standing(server.standing).to_owned()).or_default() += 1;
        if server.standing == Standing::NotAtBothEnds {
            return;
        }
        for change in &server.changes {
            *part.outcomes.entry(outcome(change.outcome, change.at).to_owned()).or_default() += 1;
        }
        let wrong = server.standing == Standing::Wrong;
        if wrong || server.standing == Standing::Correct {
            let kind = match server.mixed() {
                Some(true) => 0,
                Some(false) => 1,
                None => 2,
            };
            part.usages[kind] += Share::new(u64::from(wrong), 1);
            part.at_once_or_after += u64::from(wrong && kind == 1 && server.at_once_or_after());
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (mine, other) in [(&mut part.standings, other.standings), (&mut part.outcomes, other.outcomes)] {
            other.into_iter().for_each(|(word, count)| *mine.entry(word).or_default() += count);
        }
        part.usages.iter_mut().zip(other.usages).for_each(|(mine, other)| *mine += other);
        part.at_once_or_after += other.at_once_or_after;
        part.disordered += other.disordered;
    }

    fn answer(_: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let servers = |word: &str| part.standings.get(word).copied().unwrap_or(0);
        let judged = servers("wrong") + servers("correct");
        let rolled = judged + servers("left-out");
        let mut funnel = Table::new("funnel", View::Paper, "Who is left to be judged", &["step", "servers"]);
        let all = part.standings.values().sum::<u64>();
        for (step, count) in [
            ("servers", all),
            ("at both ends", rolled + servers("same-keys")),
            ("keys changed", rolled),
            ("judged", judged),
            ("wrong", servers("wrong")),
        ] {
            funnel.rows.push(vec![step.into(), Cell::Count(count)]);
        }
        let mut usages = Table::new("usages", View::Paper, "Judged servers by their usages", &["usages", "servers", "wrong"]);
        for (word, share) in ["mixed", "single", "both in turn"].into_iter().zip(part.usages) {
            usages.rows.push(vec![word.into(), Share::new(share.of, judged).into(), share.into()]);
        }
        let mut manner = Table::new("single-usage", View::Paper, "Servers with a single usage that rolled wrongly", &["manner", "servers"]);
        manner.rows.push(vec!["at once or after".into(), Share::new(part.at_once_or_after, part.usages[1].count).into()]);
        let mut standings = Table::new("standings", View::Paper, "Servers by what they count as", &["standing", "servers"]);
        standings.rows = part.standings.iter().map(|(word, count)| vec![word.as_str().into(), Cell::Count(*count)]).collect();
        let changes = part.outcomes.values().sum();
        let mut outcomes = Table::new("outcomes", View::Ours, "Changes of keys by what they are worth", &["outcome", "changes"]);
        outcomes.rows = part.outcomes.iter().map(|(word, count)| vec![word.as_str().into(), Share::new(*count, changes).into()]).collect();
        let steps = Chart::new("funnel", "Who is left to be judged", &funnel, Drawing::Funnel, "step", &[("servers", "Servers")]);
        answer.charts.push(Chart { scale: Scale::Count, ..steps });
        answer.charts.push(Chart::new("outcomes", "Changes of keys", &outcomes, Drawing::Bars, "outcome", &[("changes", "Changes")]));
        answer.tables = vec![funnel, usages, manner, standings, outcomes];
        if part.disordered > 0 {
            answer.notes.push(format!("{} servers are left out: their states overlap; try 'danelaw archive verify'", part.disordered));
        }
        answer
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::NotAtBothEnds => "not-at-both-ends",
        Standing::SameKeys => "same-keys",
        Standing::LeftOut => "left-out",
        Standing::Wrong => "wrong",
        Standing::Correct => "correct",
    }
}

fn outcome(outcome: Outcome, at: dane::Epoch) -> &'static str {
    match outcome {
        Outcome::NotARollover => "not-a-rollover",
        Outcome::ShortTtl => "short-ttl",
        Outcome::Unknown => "unknown",
        Outcome::Neither => "neither",
        Outcome::EarlyRetirement => "early-retirement",
        Outcome::Late(None) => "never-introduced",
        Outcome::Late(Some(first)) if first < at => "late-in-between",
        Outcome::Late(Some(_)) => "late-at-once-or-after",
        Outcome::Correct => "correct",
    }
}
