//! One key at several hosts, over time: whoever gets it from one of them is all of them, and one rollover has to change the records of all.
//!
//! A key is known by the SHA-256 of its SubjectPublicKeyInfo. *Sharing* are, in a round, hosts that show a leaf with the same key as another host;
//! *strangers* are those that share it with a host under another registrable domain. Copies of one certificate count as one key, too: it is the private
//! key that has to be in several places, unless the names are those of one machine.

use crate::Share;
use crate::questions::faults::number;
use crate::questions::operators::Operators;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Steps, Study, Table, View};
use archive::states::model::ChainId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Keys that several hosts have.
pub struct Keys;

/// Rounds in which a host showed a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    key: u32,
    host: u32,
    from: u32,
    to: u32,
    chain: ChainId,
}

/// Keys that are named; the others are counted.
const NAMED: usize = 100;

impl Question for Keys {
    type Part = Vec<Shown>;

    const ABOUT: About = About {
        id: "beyond-keys",
        title: "Keys that several hosts have",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Of the hosts that show a certificate in a round, the share whose leaf has the same key (SHA-256 of its SubjectPublicKeyInfo) as that of another host in \
                     this round, and the share that shares it with a host under another registrable domain.",
        published: "",
    };

    const NEEDS: Needs = Needs { servers: Some(&["chain_id"]), certificates: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let place = host.host.servers.first().and_then(|server| study.host_of(*server));
        let (Some((vantage, grid)), Some(place)) = (study.vantage(), place) else { return };
        let first = part.len();
        for state in host.stream(vantage).iter() {
            let (Some(chain), rounds) = (state.seen.chain, grid.rounds(&state.span)) else { continue };
            if rounds.is_empty() {
                continue;
            }
            let (from, to) = (number(rounds.start), number(rounds.end));
            let last = part.get_mut(first..).and_then(|mine| mine.last_mut());
            let key = match &last {
                Some(last) if last.chain == chain => last.key,
                _ => study.matching.leaf_key(chain).unwrap_or(u32::MAX),
            };
            match last {
                Some(last) if last.key == key && last.to == from => last.to = to,
                _ => part.push(Shown { key, host: number(place), from, to, chain }),
            }
        }
    }

    fn merge(part: &mut Self::Part, mut other: Self::Part) {
        part.append(&mut other);
    }

    fn answer(study: &Study<'_>, mut part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some((_, grid)) = study.vantage() else { return answer };
        let mut counts = Counts::default();
        part.iter().for_each(|shown| counts.all.add(&(shown.from as usize..shown.to as usize), 1));
        part.retain(|shown| shown.key != u32::MAX);
        part.sort_unstable_by_key(|shown| (shown.key, shown.host, shown.from));
        let of_several = |shown: &&[Shown]| shown.first().map(|first| first.host) != shown.last().map(|last| last.host);
        let mut keys: Vec<Key> =
            part.chunk_by(|one, other| one.key == other.key).filter(of_several).filter_map(|shown| counts.key(study, shown)).collect();
        keys.sort_by_key(|key| (std::cmp::Reverse(key.most), key.from, key.chain));
        let mut by_round = Table::new("by-round", View::Ours, "Hosts that share a key, by round", &["time", "sharing", "strangers"]);
        let columns = [&counts.all, &counts.sharing, &counts.strangers].map(|steps| steps.counts(grid.len()));
        for (round, time) in grid.times().iter().enumerate() {
            let [all, sharing, strangers] = [0, 1, 2].map(|column: usize| columns[column][round]);
            by_round.rows.push(vec![Cell::Time(*time), Share::new(sharing, all).into(), Share::new(strangers, all).into()]);
        }
        let columns = ["key_sha256", "most_hosts", "hosts", "operators", "from", "to"];
        let mut named = Table::new("keys", View::Ours, "Keys that several hosts had at a time", &columns);
        named.rows = keys.iter().take(NAMED).map(|key| key.row(study, grid)).collect();
        let lines = [("sharing", "sharing a key"), ("strangers", "with another operator")];
        answer.charts.push(Chart::new("sharing", "Hosts that share their key", &by_round, Drawing::Lines, "time", &lines));
        answer.notes.push(format!("{} keys were at several hosts at a time; named are at most {NAMED}", keys.len()));
        answer.tables = vec![by_round, named];
        answer
    }
}

/// Hosts by round.
#[derive(Default)]
struct Counts {
    all: Steps,
    sharing: Steps,
    strangers: Steps,
    operators: Operators,
}

/// A key that several hosts had at a time.
struct Key {
    chain: ChainId,
    most: usize,
    hosts: usize,
    operators: usize,
    from: u32,
    to: u32,
}

impl Counts {
    /// Counts all that showed one key; `None`: never two at a time.
    fn key(&mut self, study: &Study<'_>, shown: &[Shown]) -> Option<Key> {
        let operator = |operators: &mut Operators, host: u32| operators.of(study.hosts().get(host as usize).map_or("", |host| &host.name));
        let mut edges: Vec<(u32, bool, u32)> =
            shown.iter().flat_map(|shown| [(shown.from, true, shown.host), (shown.to, false, shown.host)]).collect();
        // Whoever leaves in a round leaves before others come.
        edges.sort_unstable();
        let (mut now, mut by_operator): (usize, BTreeMap<u32, usize>) = (0, BTreeMap::new());
        let (mut most, mut from, mut to, mut since) = (0, u32::MAX, 0, 0);
        let (mut hosts, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for (round, comes, host) in edges {
            if now > 1 && since < round {
                let rounds = since as usize..round as usize;
                self.sharing.add(&rounds, i64::try_from(now).unwrap_or(0));
                if by_operator.len() > 1 {
                    self.strangers.add(&rounds, i64::try_from(now).unwrap_or(0));
                }
                (most, from, to) = (most.max(now), from.min(since), round);
            }
            let owner = operator(&mut self.operators, host);
            hosts.insert(host);
            owners.insert(owner);
            if comes {
                now += 1;
                *by_operator.entry(owner).or_default() += 1;
            } else {
                now -= 1;
                by_operator.entry(owner).and_modify(|many| *many -= 1);
                by_operator.retain(|_, many| *many > 0);
            }
            since = round;
        }
        (most > 1).then_some(Key { chain: shown.first()?.chain, most, hosts: hosts.len(), operators: owners.len(), from, to })
    }
}

impl Key {
    fn row(&self, study: &Study<'_>, grid: &crate::study::Grid) -> Vec<Cell> {
        let digest =
            study.matching.leaf(self.chain).and_then(|leaf| leaf.spki_sha256).map_or(Cell::Nothing, |digest| digest.to_string().into());
        let counts = [self.most, self.hosts, self.operators].map(|count| Cell::Count(count as u64));
        let times = [self.from, self.to].map(|round| Cell::Time(grid.time(round as usize)));
        [digest].into_iter().chain(counts).chain(times).collect()
    }
}
