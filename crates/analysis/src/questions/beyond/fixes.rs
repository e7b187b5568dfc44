//! Who fixed what after whom: the servers of one operator, in the order in which they were mended.
//!
//! A *group* are the hosts under one registrable domain whose spells of the same fault overlap, directly or by way of others. The first one fixed shows
//! that its operator knows; how long the others take after it says how the operator works.

use crate::Share;
use crate::questions::faults::{End, Fault, HostSpell, HostSpells};
use crate::questions::operators::Operators;
use crate::study::{About, Answer, Cell, Chart, Drawing, Grid, HostStates, Needs, Question, Study, Table, View};
use std::collections::BTreeMap;

/// In which order operators mend their servers.
pub struct Fixes;

/// How long after the first one others were fixed, in seconds, and the name of the column.
const WITHIN: [(&str, i64); 4] = [("same_round", 0), ("within_a_day", 86_400), ("within_a_week", 604_800), ("later", i64::MAX)];

impl Question for Fixes {
    type Part = HostSpells;

    const ABOUT: About = About {
        id: "beyond-fixes",
        title: "Who fixed what after whom",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Groups of two or more hosts under one registrable domain that had the same fault (insecure, bogus, no record matches, no TLS) at a time, directly or by way of \
                     others: when the first was fixed, how many followed in the same round, within a day, within a week, later, and how many did not. A host that \
                     had the fault several times counts each time.",
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
        let mut spells: BTreeMap<(String, Fault), Vec<HostSpell>> = BTreeMap::new();
        for of in part.spells {
            let name = study.hosts().get(of.host as usize).map_or("", |host| &host.name);
            let operator = operators.of(name);
            spells.entry((operators.name(operator).to_owned(), of.spell.fault)).or_default().push(of);
        }
        let head = ["operator", "fault", "from", "hosts", "first_fixed"];
        let columns: Vec<&'static str> = head.into_iter().chain(WITHIN.map(|(name, _)| name)).chain(["not_fixed"]).collect();
        let mut groups = Table::new(
            "groups",
            View::Ours,
            "Hosts of one operator with the same fault, and how soon they followed the first that was fixed",
            &columns,
        );
        let columns = ["operator", "fault", "from", "host", "fixed", "hours_after_first"];
        let mut order = Table::new("order", View::Ours, "The order in which they were fixed", &columns);
        for ((operator, fault), spells) in spells {
            for group in overlapping(spells).iter().filter(|group| several(group)) {
                let whose = [operator.as_str().into(), fault.word().into(), Cell::Time(begin(grid, group))];
                groups.rows.extend(row(grid, group).map(|row| whose.iter().cloned().chain(row).collect()));
                order.rows.extend(followers(study, grid, group).map(|row| whose.iter().cloned().chain(row).collect()));
            }
        }
        let columns = WITHIN.map(|(name, _)| (name, name)).into_iter().chain([("not_fixed", "not fixed")]).collect::<Vec<_>>();
        let sum = summed(&groups);
        answer.charts.push(Chart::new(
            "after-first",
            "How soon others are fixed after the first",
            &sum,
            Drawing::Stacked,
            "fault",
            &columns,
        ));
        answer.tables = vec![groups, order, sum];
        answer
    }
}

/// Spells that overlap, directly or by way of others, together.
fn overlapping(mut spells: Vec<HostSpell>) -> Vec<Vec<HostSpell>> {
    spells.sort_unstable_by_key(|of| (of.spell.from, of.host));
    let (mut groups, mut end): (Vec<Vec<HostSpell>>, u32) = (Vec::new(), 0);
    for of in spells {
        match groups.last_mut() {
            Some(group) if of.spell.from < end => group.push(of),
            _ => groups.push(vec![of]),
        }
        end = end.max(of.spell.to);
    }
    groups
}

fn several(group: &[HostSpell]) -> bool {
    group.iter().any(|of| Some(of.host) != group.first().map(|first| first.host))
}

fn begin(grid: &Grid, group: &[HostSpell]) -> i64 {
    grid.time(group.first().map_or(0, |of| of.spell.from as usize))
}

/// Those fixed, in this order.
fn fixed(group: &[HostSpell]) -> Vec<HostSpell> {
    let mut fixed: Vec<HostSpell> = group.iter().filter(|of| of.spell.end == End::Fixed).copied().collect();
    fixed.sort_unstable_by_key(|of| (of.spell.to, of.host));
    fixed
}

/// What follows whose it is; `None`: nothing was fixed.
fn row(grid: &Grid, group: &[HostSpell]) -> Option<Vec<Cell>> {
    let fixed = fixed(group);
    let (first, others) = fixed.split_first()?;
    let since = grid.time(first.spell.to as usize);
    let followers = group.len() as u64 - 1;
    let mut within = WITHIN.map(|_| 0_u64);
    for of in others {
        let lag = grid.time(of.spell.to as usize).saturating_sub(since);
        let slot = WITHIN.iter().position(|(_, most)| lag <= *most).unwrap_or(0);
        within[slot] += 1;
    }
    let not = followers - others.len() as u64;
    let hosts = group.iter().map(|of| of.host).collect::<std::collections::BTreeSet<u32>>().len() as u64;
    let counts = within.into_iter().chain([not]).map(|count| Cell::Share(Share::new(count, followers)));
    Some([Cell::Count(hosts), Cell::Time(since)].into_iter().chain(counts).collect())
}

fn followers<'f>(study: &'f Study<'_>, grid: &'f Grid, group: &[HostSpell]) -> impl Iterator<Item = Vec<Cell>> + 'f {
    let fixed = fixed(group);
    let first = fixed.first().map_or(0, |of| grid.time(of.spell.to as usize));
    fixed.into_iter().map(move |of| {
        let at = grid.time(of.spell.to as usize);
        let name = study.hosts().get(of.host as usize).map_or("", |host| &*host.name);
        #[allow(clippy::cast_precision_loss)]
        let hours = at.saturating_sub(first) as f64 / 3600.0;
        vec![name.into(), Cell::Time(at), Cell::Number(hours)]
    })
}

/// All groups of a fault together.
fn summed(groups: &Table) -> Table {
    let columns: Vec<&'static str> = ["fault"].into_iter().chain(WITHIN.map(|(name, _)| name)).chain(["not_fixed"]).collect();
    let mut table = Table::new("by-fault", View::Ours, "Hosts that followed the first of their group, by how soon", &columns);
    for fault in Fault::ALL {
        let mut sums = [Share::default(); WITHIN.len() + 1];
        for row in groups.rows.iter().filter(|row| row.get(1) == Some(&fault.word().into())) {
            for (sum, cell) in sums.iter_mut().zip(row.iter().skip(5)) {
                if let Cell::Share(share) = cell {
                    *sum += *share;
                }
            }
        }
        table.rows.push([Cell::from(fault.word())].into_iter().chain(sums.map(Cell::Share)).collect());
    }
    table
}
