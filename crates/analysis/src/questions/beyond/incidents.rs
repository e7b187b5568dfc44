//! Faults that several servers of one operator catch in the same round: they have one cause.
//!
//! An *onset* is a round that sees a fault where the round before saw none. Several hosts under one registrable domain with an onset of the same fault in
//! one round are an incident. Whoever was blind the round before does not count: its fault may be older.

use crate::Share;
use crate::questions::faults::{Begin, End, Fault, HostSpell, HostSpells};
use crate::questions::operators::Operators;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Study, Table, View};
use std::collections::BTreeMap;

/// Servers of one operator that turn bad in the same round.
pub struct Incidents;

/// Servers that make an incident: two may be chance.
const SEVERAL: usize = 3;

impl Question for Incidents {
    type Part = HostSpells;

    const ABOUT: About = About {
        id: "beyond-incidents",
        title: "Faults with a shared cause",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Three or more hosts under one registrable domain that turn bad by the same fault (insecure, bogus, no record matches, no TLS) in the same round, \
                     each of them seen good the round before. How many of them were fixed, and when the last one was good again. Of all faults that \
                     began so sharply, the share that was part of such an incident.",
        published: "",
    };

    const NEEDS: Needs = Needs {
        servers: Some(&["tlsa_set_id", "chain_id", "dnssec", "smtp_status", "smtp_code"]),
        certificates: true,
        tlsa: true,
        ..Needs::NONE
    };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.host(study, host);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some((_, grid)) = study.vantage() else { return answer };
        let mut operators = Operators::default();
        let mut onsets: BTreeMap<(u32, Fault, u32), Vec<HostSpell>> = BTreeMap::new();
        for of in part.spells.iter().filter(|of| of.spell.begin == Begin::Sharp) {
            let name = study.hosts().get(of.host as usize).map_or("", |host| &host.name);
            onsets.entry((of.spell.from, of.spell.fault, operators.of(name))).or_default().push(*of);
        }
        let columns = ["time", "operator", "fault", "hosts", "fixed", "last_end"];
        let mut table = Table::new("incidents", View::Ours, "Hosts of one operator that turned bad in one round", &columns);
        let mut shared = Fault::ALL.map(|_| Share::default());
        for ((from, fault, operator), hosts) in &onsets {
            let together = hosts.len() >= SEVERAL;
            shared[*fault as usize] += Share::new(if together { hosts.len() as u64 } else { 0 }, hosts.len() as u64);
            if !together {
                continue;
            }
            let over = hosts.iter().filter(|of| of.spell.end == End::Fixed).count() as u64;
            let open = hosts.iter().any(|of| of.spell.end == End::Open);
            let last = hosts.iter().map(|of| of.spell.to).max().unwrap_or(*from);
            let last = if open { Cell::Nothing } else { Cell::Time(grid.time(last as usize)) };
            let (time, all) = (Cell::Time(grid.time(*from as usize)), hosts.len() as u64);
            table.rows.push(vec![
                time,
                operators.name(*operator).into(),
                fault.word().into(),
                all.into(),
                Share::new(over, all).into(),
                last,
            ]);
        }
        let mut by_fault = Table::new("by-fault", View::Ours, "Faults that began as part of an incident", &["fault", "shared"]);
        by_fault.rows = Fault::ALL.into_iter().zip(shared).map(|(fault, share)| vec![fault.word().into(), share.into()]).collect();
        let chart = Chart::new("incidents", "Hosts that turned bad together", &table, Drawing::Bars, "time", &[("hosts", "")]);
        answer.charts.push(Chart { by: Some("fault"), scale: Scale::Count, ..chart });
        answer.charts.push(Chart::new(
            "by-fault",
            "Faults that began as part of an incident",
            &by_fault,
            Drawing::Bars,
            "fault",
            &[("shared", "")],
        ));
        answer.tables = vec![table, by_fault];
        answer
    }
}
