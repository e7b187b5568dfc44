//! Daily states of mail domains: who provides their mail, and who of these adopts DANE when.
//!
//! A domain is at one provider at a time, or runs its own server; now and then it moves. Whether its MX hosts have TLSA records is the
//! provider's doing, so a provider's step moves all its domains in a day: a jump as one.com's (P20 section 4.2), a partial start that
//! becomes full later, a drop. Nothing is kept per domain: each is a function of its number, so that there can be millions.

use super::random::Chance;
use crate::seed::Seed;
use crate::{LabError, export};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Number of a day, from 0.
pub type Day = u16;

/// How many of two MX hosts have TLSA records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// Neither.
    None,
    /// The first only.
    Partial,
    /// Both.
    Full,
}

/// Top-level domains, and of a hundred domains so many in each.
pub const TLDS: [(&str, f64); 5] = [("com", 55.0), ("net", 9.0), ("org", 8.0), ("se", 12.0), ("nl", 16.0)];

/// A provider of mail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Provider {
    /// Its domain.
    pub name: &'static str,
    /// Of a thousand domains of each of [`TLDS`] so many are its own.
    share: [u16; 5],
    /// Whether its zones and those of its customers are signed.
    pub signed: bool,
    /// From which day on (per cent of the period) its hosts have which support.
    steps: &'static [(u8, Support)],
}

/// What the shares come to is near P20 Table 1 and P22 section 4.2: 0.6% to 1% in com, 28% to 42% in se, 8% to 10% in nl.
pub const PROVIDERS: [Provider; 8] = [
    provider("jump.net", [4, 2, 2, 132, 4], true, &[(0, Support::None), (20, Support::Full)]),
    provider("early.se", [4, 4, 4, 270, 10], true, &[(0, Support::Full)]),
    provider("staged.nl", [1, 1, 1, 10, 14], true, &[(0, Support::None), (30, Support::Partial), (55, Support::Full)]),
    provider("partial.nl", [0, 0, 0, 2, 60], true, &[(0, Support::Partial)]),
    provider("dropping.org", [1, 1, 1, 6, 10], true, &[(0, Support::Full), (70, Support::None)]),
    provider("big.com", [500, 450, 450, 300, 300], false, &[(0, Support::None)]),
    provider("other.com", [440, 480, 480, 250, 550], false, &[(0, Support::None)]),
    // The domains' own servers: see `Domain::own`.
    provider("", [50, 62, 62, 30, 52], true, &[(0, Support::None)]),
];

const fn provider(name: &'static str, share: [u16; 5], signed: bool, steps: &'static [(u8, Support)]) -> Provider {
    Provider { name, share, signed, steps }
}

/// Of a hundred domains with a server of their own so many have TLSA records, from a day of their own on.
const OWN_WITH_TLSA: u64 = 4;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DomainsConfig {
    /// Mail domains that there ever are.
    pub domains: u32,
    /// Days.
    pub days: Day,
    /// Everything is a function of it.
    pub seed: u64,
    /// Of ten thousand domains so many move to another provider each day.
    pub moves: u16,
}

/// What the DNS says of a domain on a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DomainState {
    /// MX hosts, the preferred one first, without final dots.
    pub mx: [String; 2],
    /// Of the MX hosts, in their order: whether they have TLSA records.
    pub tlsa: [bool; 2],
    /// A name server.
    pub ns: String,
    /// Whether the domain is signed and its parent has a DS record.
    pub signed: bool,
}

/// A change of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DomainChange {
    /// The first day.
    pub day: Day,
    /// Number of the domain.
    pub number: u32,
    /// Its name.
    pub domain: String,
    /// What the DNS says from now on; `None`: the domain is no more.
    pub state: Option<DomainState>,
}

/// P20 Table 1 and Figures 2 and 4: one row per top-level domain and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// Domains with MX.
    pub domains: i64,
    /// With TLSA records for any MX host.
    pub any: i64,
    /// For all of them.
    pub full: i64,
}

/// A provider's step, and what it does to one top-level domain that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jump {
    /// When.
    pub day: Day,
    /// Whose.
    pub provider: &'static str,
    /// From then on.
    pub support: Support,
    /// Its customers that day, by top-level domain.
    pub customers: Vec<(&'static str, u64)>,
}

/// Mail domains of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Domains {
    config: DomainsConfig,
    seed: Seed,
}

/// What `domains-truth.json` holds.
#[derive(Serialize)]
struct TruthFile<'a> {
    config: &'a DomainsConfig,
    /// By top-level domain, one item a day.
    adoption: BTreeMap<&'static str, Vec<Adoption>>,
    jumps: Vec<Jump>,
}

/// One domain's life.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Life {
    tld: usize,
    /// First day, and the first on which it is no more.
    days: (Day, Day),
    /// Providers by first day.
    stints: Vec<(Day, usize)>,
    /// The day from which on a server of its own has TLSA records.
    own: Option<Day>,
}

impl Domains {
    /// Of a configuration.
    #[must_use]
    pub fn new(config: DomainsConfig) -> Self {
        Self { config, seed: Seed::new(config.seed).child("domains") }
    }

    /// All changes of all domains, in the order of time; on day 0 all domains that are there begin.
    pub fn changes(&self) -> impl Iterator<Item = DomainChange> + '_ {
        let lives = |number: u32| {
            let life = self.life(number);
            life.edges(self.config.days).into_iter().map(move |day| (day, number))
        };
        let mut edges: Vec<(Day, u32)> = (0..self.config.domains).flat_map(lives).collect();
        edges.sort_unstable();
        edges.into_iter().map(|(day, number)| self.change(day, number))
    }

    /// What the DNS says of a domain on a day; `None`: it is not there.
    #[must_use]
    pub fn state(&self, number: u32, day: Day) -> Option<DomainState> {
        let life = self.life(number);
        let at = life.provider(day)?;
        let (provider, domain) = (PROVIDERS[at], self.name(number, life.tld));
        let zone = if provider.name.is_empty() { domain.as_str() } else { provider.name };
        let support = life.support(day, self.config.days);
        Some(DomainState {
            mx: [format!("mx1.{zone}"), format!("mx2.{zone}")],
            tlsa: [support != Support::None, support == Support::Full],
            ns: format!("ns1.{zone}"),
            signed: provider.signed && (!provider.name.is_empty() || life.own.is_some()),
        })
    }

    /// What Figures 2 and 4 must show, by top-level domain and day.
    #[must_use]
    pub fn adoption(&self) -> Vec<(&'static str, Vec<Adoption>)> {
        let days = self.config.days;
        let mut steps = vec![vec![Adoption::default(); usize::from(days) + 1]; TLDS.len()];
        for life in (0..self.config.domains).map(|number| self.life(number)) {
            let mut before = Adoption::default();
            for day in life.edges(days) {
                let now = life.adoption(day, days);
                let step = &mut steps[life.tld][usize::from(day)];
                step.domains += now.domains - before.domains;
                step.any += now.any - before.any;
                step.full += now.full - before.full;
                before = now;
            }
        }
        let running = |steps: Vec<Adoption>| {
            let add = |sum: &mut Adoption, step: Adoption| {
                *sum = Adoption { domains: sum.domains + step.domains, any: sum.any + step.any, full: sum.full + step.full };
                Some(*sum)
            };
            steps.into_iter().take(usize::from(days)).scan(Adoption::default(), add).collect()
        };
        TLDS.iter().map(|(tld, _)| *tld).zip(steps.into_iter().map(running)).collect()
    }

    /// Every step of a provider after day 0.
    #[must_use]
    pub fn jumps(&self) -> Vec<Jump> {
        let steps = PROVIDERS.iter().enumerate().flat_map(|(at, provider)| provider.steps.iter().skip(1).map(move |step| (at, *step)));
        let mut jumps: Vec<(usize, Jump)> = steps
            .map(|(at, (percent, support))| {
                let customers = TLDS.iter().map(|(tld, _)| (*tld, 0)).collect();
                (at, Jump { day: self.day(percent), provider: PROVIDERS[at].name, support, customers })
            })
            .collect();
        for life in (0..self.config.domains).map(|number| self.life(number)) {
            for (_, jump) in jumps.iter_mut().filter(|(at, jump)| life.provider(jump.day) == Some(*at)) {
                jump.customers[life.tld].1 += 1;
            }
        }
        jumps.into_iter().map(|(_, jump)| jump).collect()
    }

    /// What they were made from.
    #[must_use]
    pub fn config(&self) -> &DomainsConfig {
        &self.config
    }

    /// Writes `domains.jsonl`, one change a line, and `domains-truth.json` into a directory. Returns the number of changes.
    ///
    /// # Errors
    /// The directory or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<u64, LabError> {
        export::make(dir)?;
        let path = dir.join("domains.jsonl");
        let failed = |source| LabError::Write { path: path.display().to_string(), source };
        let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut count = 0;
        for change in self.changes() {
            serde_json::to_writer(&mut out, &change).map_err(|error| failed(error.into()))?;
            out.write_all(b"\n").map_err(failed)?;
            count += 1;
        }
        out.flush().map_err(failed)?;
        self.write_truth(dir)?;
        Ok(count)
    }

    /// Writes `domains-truth.json` only.
    ///
    /// # Errors
    /// The directory or a file cannot be written.
    pub fn write_truth(&self, dir: &Path) -> Result<(), LabError> {
        export::make(dir)?;
        let truth = TruthFile { config: &self.config, adoption: self.adoption().into_iter().collect(), jumps: self.jumps() };
        export::write(dir, "domains-truth.json", &(serde_json::to_string(&truth).unwrap_or_default() + "\n"))
    }

    fn day(&self, percent: u8) -> Day {
        day_of(percent, self.config.days)
    }

    fn name(&self, number: u32, tld: usize) -> String {
        format!("d{number}.{}", TLDS[tld].0)
    }

    fn change(&self, day: Day, number: u32) -> DomainChange {
        DomainChange { day, number, domain: self.name(number, self.life(number).tld), state: self.state(number, day) }
    }

    fn life(&self, number: u32) -> Life {
        let mut chance = Chance::of(&self.seed, &number.to_string());
        let days = i64::from(self.config.days);
        let tld = weighted(&mut chance, TLDS.iter().map(|(_, weight)| *weight as u64));
        // One in twenty is new, one in fifty is given up.
        let first = if chance.percent(5) { chance.between(0, days - 1) } else { 0 };
        let last = if chance.percent(2) { chance.between(first + 1, days) } else { days };
        let provider = |chance: &mut Chance| weighted(chance, PROVIDERS.iter().map(|p| u64::from(p.share[tld])));
        let mut stints = vec![(first as Day, provider(&mut chance))];
        if self.config.moves > 0 {
            // Days from one move to the next: evenly spread around what the share comes to.
            let mean = 10_000 / i64::from(self.config.moves);
            let mut day = first + chance.between(1, 2 * mean);
            while day < last {
                let next = provider(&mut chance);
                if stints.last().is_none_or(|(_, before)| *before != next) {
                    stints.push((day as Day, next));
                }
                day += chance.between(1, 2 * mean);
            }
        }
        let own = chance.percent(OWN_WITH_TLSA).then(|| chance.between(0, days - 1) as Day);
        Life { tld, days: (first as Day, last as Day), stints, own }
    }
}

impl Life {
    fn provider(&self, day: Day) -> Option<usize> {
        let there = self.days.0 <= day && day < self.days.1;
        there.then(|| self.stints.iter().rev().find(|(first, _)| *first <= day).map(|(_, at)| *at)).flatten()
    }

    fn support(&self, day: Day, days: Day) -> Support {
        let Some(provider) = self.provider(day).map(|at| PROVIDERS[at]) else { return Support::None };
        if provider.name.is_empty() && self.own.is_some_and(|own| own <= day) {
            return Support::Full;
        }
        let mut steps = provider.steps.iter().rev();
        steps.find(|(percent, _)| day_of(*percent, days) <= day).map_or(Support::None, |(_, support)| *support)
    }

    /// The days on which it begins, moves, is moved by its provider, and ends if it does.
    fn edges(&self, days: Day) -> Vec<Day> {
        let mut edges = vec![self.days.0];
        let ends = self.stints.iter().skip(1).map(|(first, _)| *first).chain([self.days.1]);
        for ((first, at), end) in self.stints.iter().zip(ends) {
            let provider = PROVIDERS[*at];
            edges.push(*first);
            let own = self.own.filter(|_| provider.name.is_empty());
            edges.extend(
                provider.steps.iter().map(|(percent, _)| day_of(*percent, days)).chain(own).filter(|day| first < day && *day < end),
            );
        }
        edges.extend((self.days.1 < days).then_some(self.days.1));
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    fn adoption(&self, day: Day, days: Day) -> Adoption {
        let support = self.support(day, days);
        Adoption {
            domains: i64::from(self.provider(day).is_some()),
            any: i64::from(support != Support::None),
            full: i64::from(support == Support::Full),
        }
    }
}

/// The day that comes so many per cent after the first.
fn day_of(percent: u8, days: Day) -> Day {
    (u32::from(days) * u32::from(percent) / 100) as Day
}

/// An index by weight.
fn weighted(chance: &mut Chance, weights: impl Iterator<Item = u64> + Clone) -> usize {
    let mut at = chance.next() % weights.clone().sum::<u64>().max(1);
    for (i, weight) in weights.enumerate() {
        if at < weight {
            return i;
        }
        at -= weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const CONFIG: DomainsConfig = DomainsConfig { domains: 4000, days: 60, seed: 1, moves: 50 };

    /// The slow way: replay the changes and count every domain every day.
    #[test]
    fn adoption_and_jumps_are_what_counting_gives() {
        let domains = Domains::new(CONFIG);
        let mut now: HashMap<u32, DomainState> = HashMap::new();
        let mut changes = domains.changes().peekable();
        let (planned, jumps) = (domains.adoption(), domains.jumps());
        let tlds: Vec<usize> = (0..CONFIG.domains).map(|number| domains.life(number).tld).collect();
        for day in 0..CONFIG.days {
            while let Some(change) = changes.next_if(|change| change.day == day) {
                match change.state {
                    Some(state) => drop(now.insert(change.number, state)),
                    None => drop(now.remove(&change.number)),
                }
            }
            for (tld, (name, adoption)) in planned.iter().enumerate() {
                let of_tld = now.iter().filter(|(number, _)| tlds[**number as usize] == tld);
                let count = |wanted: fn(&DomainState) -> bool| of_tld.clone().filter(|(_, state)| wanted(state)).count() as i64;
                let counted = Adoption {
                    domains: count(|_| true),
                    any: count(|state| state.tlsa.contains(&true)),
                    full: count(|state| state.tlsa == [true, true]),
                };
                assert_eq!(adoption[usize::from(day)], counted, "{name} day {day}");
            }
            for jump in jumps.iter().filter(|jump| jump.day == day) {
                let customers = now.values().filter(|state| state.mx[0] == format!("mx1.{}", jump.provider)).count() as u64;
                assert_eq!(jump.customers.iter().map(|(_, count)| count).sum::<u64>(), customers, "{}", jump.provider);
            }
        }
        assert!(changes.next().is_none());
    }

    /// P22 section 4.2, and the jump in between.
    #[test]
    fn shares_are_near_the_published_ones() {
        let domains = Domains::new(DomainsConfig { domains: 40_000, moves: 0, ..CONFIG });
        let share = |tld: &str, day: usize| {
            let adoption = domains.adoption().into_iter().find(|(name, _)| *name == tld).unwrap().1[day];
            adoption.any as f64 / adoption.domains as f64
        };
        for (tld, day, published) in [("com", 0, 0.006), ("com", 59, 0.0097), ("se", 0, 0.284), ("se", 59, 0.416), ("nl", 59, 0.098)] {
            let found = share(tld, day);
            assert!((found - published).abs() < 0.02, "{tld}, day {day}: {found}");
        }
        assert!(share("se", 12) - share("se", 11) > 0.1);
        assert_eq!(domains.jumps().len(), 4);
    }

    #[test]
    fn a_change_is_a_change() {
        let domains = Domains::new(CONFIG);
        let mut last: HashMap<u32, Option<DomainState>> = HashMap::new();
        let mut days = Vec::new();
        for change in domains.changes() {
            days.push(change.day);
            assert_ne!(last.insert(change.number, change.state.clone()), Some(change.state), "{}", change.domain);
        }
        assert!(days.is_sorted() && last.len() == CONFIG.domains as usize);
    }
}
