//! P20 Figure 8: domains whose mail hosts are misconfigured, and what many of them have in common.
//!
//! A mail host is *bad* in a round if it has TLSA records and these are insecure or bogus, match no certificate that it shows, are not valid in
//! another way (a verdict says so), or if it has no TLS. What could not be seen is not bad. The domains are those with TLSA records at any MX host,
//! as the daily rounds saw them; where no daily round stands for an hour, there is no number.
//!
//! - **Paper view**: pairs of an MX host and a domain, of all such pairs with TLSA records.
//! - **Ours**: domains, of all domains with TLSA records. *Broken* are those with a host that is bad in another way than insecure: senders that
//!   validate cannot deliver there, while of insecure records they take no notice.
//! - **Shared causes**: hosts under one registrable domain with the same fault, for as long as more domains than the threshold (50) depended on
//!   them. P20: four records under mailplatform.eu broke 9,000 .nl domains for seven hours.

mod causes;
mod sparse;

use crate::Share;
use crate::questions::connection::Classes;
use crate::questions::faults::{Fault, Finding, findings, number};
use crate::study::{About, Answer, Cell, Chart, Drawing, Grid, HostStates, Needs, Question, Scale, Steps, Study, Table, View};
use archive::states::model::{DomainState, Id, MxSetId, WordId};
use serde::{Deserialize, Serialize};
use sparse::{Group, Ranges};
use std::collections::{BTreeMap, HashMap};

/// Per top-level domain and round of servers: domains with a bad MX host.
pub struct Impact;

/// Rounds in which a host was bad.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Bad {
    /// Its place in [`Study::hosts`].
    host: u32,
    /// Which fault, by its place in [`Fault::ALL`].
    fault: u8,
    from: u32,
    to: u32,
}

/// Rounds in which a domain has these MX hosts, some of them with TLSA records.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Uses {
    mx: MxSetId,
    tld: Option<WordId>,
    tlsa: u16,
    from: u32,
    to: u32,
}

/// What was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Seen {
    bad: Vec<Bad>,
    uses: Vec<Uses>,
    #[serde(skip)]
    classes: Classes,
}

/// Top-level domains with few domains, together.
const OTHERS: &str = "others";

/// Of one top-level domain, by round.
#[derive(Default)]
struct OfTld {
    pairs: Steps,
    bad_pairs: Steps,
    domains: Steps,
    bad_domains: Steps,
    broken_domains: Steps,
}

impl Question for Impact {
    type Part = Seen;

    const ABOUT: About = About {
        id: "p20-figure-8",
        title: "Domains with misconfigured mail hosts",
        source: "P20 Figure 8, section 5.4",
        views: &[View::Paper, View::Ours],
        definition: "By top-level domain and round: domains with TLSA records at any MX host of which one is bad, that is, its records are insecure, bogus, not \
                     valid or match no certificate, or it has no TLS. Paper view: (MX host, domain) pairs, of those with TLSA records. Ours: domains; \
                     broken are those with a host that is bad in another way than insecure, where validating senders cannot deliver. Top-level domains with no more domains than the threshold stand together. Shared causes are \
                     hosts under one registrable domain with the same fault, as long as more domains than the threshold (50) depend on them.",
        published: "0.005% of .se to 1.36% of .org; 9,000 .nl domains for seven hours on 2019-10-19 by four records under mailplatform.eu",
    };

    const NEEDS: Needs = Needs {
        servers: Some(&["tlsa_set_id", "chain_id", "dnssec", "smtp_status", "smtp_code", "paper_valid"]),
        domains: Some(&["tld", "mx_set_id", "tlsa"]),
        certificates: true,
        tlsa: true,
        mail_hosts: true,
        ..Needs::NONE
    };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let (Some((vantage, grid)), Some(place)) = (study.vantage(), host.host.servers.first().and_then(|server| study.host_of(*server)))
        else {
            return;
        };
        for state in host.stream(vantage).iter().filter(|state| state.seen.tlsa_set.is_some_and(|set| study.has_records(set))) {
            let mut found = findings(study, &mut part.classes, &state.seen);
            // Dates and paths of usages 0 to 2 are for a verdict to judge.
            let fine = found[..3].iter().all(|finding| *finding == Finding::Good);
            if fine && state.seen.verdict.paper_valid == Some(false) {
                found[Fault::Mismatch as usize] = Finding::Bad;
            }
            let rounds = grid.rounds(&state.span);
            for (fault, _) in (0_u8..).zip(found).filter(|(_, finding)| *finding == Finding::Bad && !rounds.is_empty()) {
                part.bad.push(Bad { host: number(place), fault, from: number(rounds.start), to: number(rounds.end) });
            }
        }
    }

    fn domains(study: &Study<'_>, states: &[DomainState], part: &mut Self::Part) {
        let Some((_, grid)) = study.vantage() else { return };
        for state in states.iter().filter(|state| state.seen.tlsa > 0) {
            let (Some(mx), rounds) = (state.seen.mx_set, grid.rounds(&state.span)) else { continue };
            if !rounds.is_empty() {
                part.uses.push(Uses { mx, tld: state.seen.tld, tlsa: state.seen.tlsa, from: number(rounds.start), to: number(rounds.end) });
            }
        }
    }

    fn merge(part: &mut Self::Part, mut other: Self::Part) {
        part.bad.append(&mut other.bad);
        part.uses.append(&mut other.uses);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let (Some((_, grid)), Some((_, days))) = (study.vantage(), study.domain_vantage()) else { return answer };
        let bad = BadHosts::new(study, part.bad);
        let groups = sparse::groups(part.uses);
        let tlds = count(study, &bad, &groups);
        let seen = seen(grid, days);
        for (view, columns) in [(View::Paper, &["time", "tld", "bad"][..]), (View::Ours, &["time", "tld", "bad", "broken"])] {
            let caption = if view == View::Paper {
                "Pairs of MX host and domain with a bad host, by round"
            } else {
                "Domains with a bad MX host, by round"
            };
            let table = table(study, view, caption, columns, (&tlds, grid, &seen));
            let title = if view == View::Paper { "Pairs of MX host and domain with a bad host" } else { "Domains with a bad MX host" };
            answer.charts.push(Chart { by: Some("tld"), ..Chart::new("bad", title, &table, Drawing::Lines, "time", &[("bad", "")]) });
            if view == View::Ours {
                let broken = Chart::new("broken", "Domains with a broken MX host", &table, Drawing::Lines, "time", &[("broken", "")]);
                answer.charts.push(Chart { by: Some("tld"), ..broken });
            }
            answer.tables.push(table);
        }
        let causes = causes::table(study, &bad, &groups, (grid, &seen));
        let chart = Chart::new(
            "shared-causes",
            "Domains that depend on one broken cause",
            &causes,
            Drawing::Bars,
            "zone",
            &[("domains", "Domains")],
        );
        answer.charts.push(Chart { by: Some("fault"), scale: Scale::Logarithmic, ..chart });
        answer.tables.push(causes);
        let missed = seen.iter().filter(|seen| !**seen).count();
        if missed > 0 {
            answer.notes.push(format!("{missed} of {} rounds have no number: no round looked at domains on their day", grid.len()));
        }
        answer
    }
}

/// Rounds in which hosts are bad, by fault.
struct BadHosts<'s> {
    names: HashMap<&'s str, usize>,
    by_host: HashMap<usize, [Ranges; 4]>,
}

impl<'s> BadHosts<'s> {
    fn new(study: &'s Study<'_>, mut bad: Vec<Bad>) -> Self {
        bad.sort_unstable_by_key(|bad| (bad.host, bad.fault, bad.from));
        let mut by_host: HashMap<usize, [Ranges; 4]> = HashMap::new();
        for bad in &bad {
            if let Some(ranges) = by_host.entry(bad.host as usize).or_default().get_mut(usize::from(bad.fault)) {
                ranges.push(bad.from..bad.to);
            }
        }
        let mut names = study.places();
        names.retain(|_, place| by_host.contains_key(place));
        Self { names, by_host }
    }

    /// The hosts of a set that are ever bad.
    fn of_set<'b>(&'b self, study: &'b Study<'_>, set: MxSetId) -> impl Iterator<Item = (usize, &'b [Ranges; 4])> + 'b {
        let hosts = study.content.mx_sets.get(set.index()).map_or(&[][..], |set| &set.hosts);
        hosts.iter().filter_map(|(_, host)| self.names.get(&**host)).filter_map(|place| Some((*place, self.by_host.get(place)?)))
    }
}

fn count(study: &Study<'_>, bad: &BadHosts<'_>, groups: &[Group]) -> BTreeMap<Option<WordId>, OfTld> {
    let mut most: BTreeMap<Option<WordId>, u64> = BTreeMap::new();
    groups.iter().for_each(|group| *most.entry(group.tld).or_default() += group.most());
    let mut tlds: BTreeMap<Option<WordId>, OfTld> = BTreeMap::new();
    for group in groups {
        let large = most.get(&group.tld).is_some_and(|most| *most > study.settings.many);
        let tld = tlds.entry(group.tld.filter(|_| large)).or_default();
        group.add_all(&mut tld.domains, 1);
        group.add_all(&mut tld.pairs, i64::from(group.tlsa));
        let (mut any, mut broken) = (Ranges::default(), Ranges::default());
        for (_, faults) in bad.of_set(study, group.mx) {
            let of_host = Ranges::union(faults);
            group.add_within(&of_host, &mut tld.bad_pairs);
            any = Ranges::union([&any, &of_host]);
            broken = Ranges::union(faults.iter().skip(1).chain([&broken]));
        }
        group.add_within(&any, &mut tld.bad_domains);
        group.add_within(&broken, &mut tld.broken_domains);
    }
    tlds
}

/// Which rounds of servers have a round of domains that stands for them.
fn seen(grid: &Grid, days: &Grid) -> Vec<bool> {
    let covered = |time: &i64| {
        let before = days.times().partition_point(|day| day <= time);
        before.checked_sub(1).and_then(|day| days.times().get(day)).is_some_and(|day| time - day < days.interval())
    };
    grid.times().iter().map(covered).collect()
}

fn table(
    study: &Study<'_>,
    view: View,
    caption: &str,
    columns: &[&'static str],
    (tlds, grid, seen): (&BTreeMap<Option<WordId>, OfTld>, &Grid, &[bool]),
) -> Table {
    let mut table = Table::new("by-round", view, caption, columns);
    let mut named: Vec<(&str, &OfTld)> =
        tlds.iter().map(|(tld, counts)| (tld.map_or(OTHERS, |tld| study.text(Some(tld))), counts)).collect();
    named.sort_by_key(|(tld, _)| *tld);
    for (tld, counts) in named {
        let steps = match view {
            View::Paper => [&counts.pairs, &counts.bad_pairs, &counts.bad_pairs],
            View::Ours => [&counts.domains, &counts.bad_domains, &counts.broken_domains],
        };
        let [of, bad, broken] = steps.map(|steps| steps.counts(grid.len()));
        for (round, time) in grid.times().iter().enumerate() {
            let share = |counts: &[u64]| if seen[round] { Share::new(counts[round], of[round]).into() } else { Cell::Nothing };
            let mut row = vec![Cell::Time(*time), tld.into(), share(&bad)];
            row.extend((view == View::Ours).then(|| share(&broken)));
            table.rows.push(row);
        }
    }
    table
}
