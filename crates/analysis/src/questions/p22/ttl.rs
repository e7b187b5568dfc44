//! P22 section 4.1: how long TLSA records may be cached.

use crate::Share;
use crate::study::{About, Answer, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Servers by the TTL of their TLSA records.
pub struct Ttl;

/// So many servers on so many days, by TTL in seconds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ttls {
    every_day: BTreeMap<u32, u64>,
    last_day: BTreeMap<u32, u64>,
}

/// Seconds below which a TTL is told: a minute to a week.
const BELOW: [u32; 12] = [60, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 172_800, 604_800];

impl Question for Ttl {
    type Part = Ttls;

    const ABOUT: About = About {
        id: "p22-ttl",
        title: "TTLs of TLSA records",
        source: "P22 section 4.1",
        views: &[View::Paper, View::Ours],
        definition: "Of the servers with TLSA records whose TTL is known, the share with a TTL below so many seconds: in the paper view each server \
                     once a day over all days, in ours on the last day.",
        published: "93% below a day",
    };

    const NEEDS: Needs = Needs { servers: Some(&["tlsa_set_id", "ttl"]), tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let (Some((vantage, grid)), Some(last)) = (study.vantage(), study.days().len().checked_sub(1)) else { return };
        for state in host.stream(vantage).iter().filter(|state| state.seen.tlsa_set.is_some_and(|set| study.has_records(set))) {
            let (Some(ttl), days) = (state.seen.ttl, study.days().of_servers(&grid.rounds(&state.span))) else { continue };
            if !days.is_empty() {
                *part.every_day.entry(ttl).or_default() += days.len() as u64;
            }
            if days.contains(&last) {
                *part.last_day.entry(ttl).or_default() += 1;
            }
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        for (mine, other) in [(&mut part.every_day, other.every_day), (&mut part.last_day, other.last_day)] {
            other.into_iter().for_each(|(ttl, count)| *mine.entry(ttl).or_default() += count);
        }
    }

    fn answer(_: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (view, ttls) in [(View::Paper, &part.every_day), (View::Ours, &part.last_day)] {
            let mut table = Table::new("below", view, "TLSA sets with a TTL below so many seconds", &["below_s", "sets"]);
            let all = ttls.values().sum();
            for below in BELOW {
                let share = Share::new(ttls.range(..below).map(|(_, count)| count).sum(), all);
                table.rows.push(vec![u64::from(below).into(), share.into()]);
            }
            answer.tables.push(table);
            let line = ("below_s", vec![Series::new("sets", "TLSA sets")], None);
            answer.charts.push(super::chart("below", "TTLs of TLSA records", ("below", view), Drawing::Cumulative, line, Scale::Percent));
        }
        answer
    }
}
