//! Faults that many domains share.

use super::sparse::{Group, Ranges};
use super::{BadHosts, Fault};
use crate::questions::faults::number;
use crate::questions::operators::Operators;
use crate::study::{Cell, Grid, Steps, Study, Table, View};
use std::collections::{BTreeMap, BTreeSet};

/// Runs of rounds in which more domains than the threshold depended on hosts under one registrable domain that had the same fault.
/// `seen`: the rounds that a round of domains stands for; the others do not end a run.
pub fn table(study: &Study<'_>, bad: &BadHosts<'_>, groups: &[Group], (grid, seen): (&Grid, &[bool])) -> Table {
    let columns = ["zone", "fault", "from", "to", "hours", "hosts", "domains"];
    let mut table = Table::new("shared-causes", View::Ours, "Faults of hosts under one domain that many domains depended on", &columns);
    let (operators, zones) = zones(study, bad, groups);
    for ((operator, fault), zone) in zones {
        for (from, to, most) in zone.runs(seen, study.settings.many) {
            let at_fault = |place: &&usize| {
                let ranges = bad.by_host.get(*place).and_then(|faults| faults.get(fault));
                ranges.is_some_and(|ranges| ranges.iter().any(|range| range.start < number(to) && number(from) < range.end))
            };
            let hosts = zone.hosts.iter().filter(at_fault).count() as u64;
            let (begin, end) = (grid.time(from), grid.time(to));
            #[allow(clippy::cast_precision_loss)]
            let hours = end.saturating_sub(begin) as f64 / 3600.0;
            let name: Cell = operators.name(operator).into();
            let fault = Fault::ALL.get(fault).map_or("", |fault| fault.word());
            table.rows.push(vec![name, fault.into(), Cell::Time(begin), Cell::Time(end), Cell::Number(hours), hosts.into(), most.into()]);
        }
    }
    table.rows.sort_by(|one, other| order(one).cmp(&order(other)));
    table
}

/// Domains by round for every zone and fault that more than the threshold could ever depend on.
fn zones(study: &Study<'_>, bad: &BadHosts<'_>, groups: &[Group]) -> (Operators, BTreeMap<(u32, usize), Zone>) {
    let mut operators = Operators::default();
    let mut zones: BTreeMap<(u32, usize), Zone> = BTreeMap::new();
    let mut hit: Vec<(&Group, (u32, usize), Ranges)> = Vec::new();
    for group in groups {
        let mut here: BTreeMap<(u32, usize), Ranges> = BTreeMap::new();
        for (place, faults) in bad.of_set(study, group.mx) {
            let Some(host) = study.hosts().get(place) else { continue };
            let operator = operators.of(&host.name);
            for (fault, ranges) in faults.iter().enumerate().filter(|(_, ranges)| ranges.iter().next().is_some()) {
                let rounds = here.entry((operator, fault)).or_default();
                *rounds = Ranges::union([&*rounds, ranges]);
                zones.entry((operator, fault)).or_default().hosts.insert(place);
            }
        }
        for (key, rounds) in here {
            zones.entry(key).or_default().most += group.most();
            hit.push((group, key, rounds));
        }
    }
    // Numbers by round take room, and most zones have few domains.
    zones.retain(|_, zone| zone.most > study.settings.many);
    for (group, key, rounds) in hit {
        if let Some(zone) = zones.get_mut(&key) {
            group.add_within(&rounds, &mut zone.domains);
        }
    }
    (operators, zones)
}

/// The most domains first, then by name, fault and time.
fn order(row: &[Cell]) -> (std::cmp::Reverse<u64>, &str, &str, i64) {
    let text = |at: usize| if let Some(Cell::Text(text)) = row.get(at) { text.as_str() } else { "" };
    let most = if let Some(Cell::Count(most)) = row.last() { *most } else { 0 };
    let from = if let Some(Cell::Time(from)) = row.get(2) { *from } else { 0 };
    (std::cmp::Reverse(most), text(0), text(1), from)
}

/// Hosts under one registrable domain with one fault.
#[derive(Default)]
struct Zone {
    hosts: BTreeSet<usize>,
    /// Domains that there could be at most.
    most: u64,
    domains: Steps,
}

impl Zone {
    /// Runs of rounds with more domains than so many: first, first after it, and the most there were.
    fn runs(&self, seen: &[bool], many: u64) -> Vec<(usize, usize, u64)> {
        let mut runs: Vec<(usize, usize, u64)> = Vec::new();
        let mut goes_on = false;
        for (round, count) in self.domains.counts(seen.len()).into_iter().enumerate().filter(|(round, _)| seen[*round]) {
            match runs.last_mut() {
                Some((_, to, most)) if goes_on && count > many => (*to, *most) = (round + 1, count.max(*most)),
                _ if count > many => runs.push((round, round + 1, count)),
                _ => {}
            }
            goes_on = count > many;
        }
        runs
    }
}
