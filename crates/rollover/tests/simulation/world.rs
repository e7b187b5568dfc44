//! The world: a zone with its servers, mail servers, clocks, hands, and whoever keeps the records.

use super::chance::Chance;
use super::grades::History;
use super::library::Library;
use super::senders::{Senders, Shows};
use dane::rollover::{ChainId, SetId};
use rollover::rrset::RrSet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
pub const YEAR: i64 = 365 * DAY;
/// When every world begins.
pub const START: i64 = 1_800_000_000;

/// Who made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Keeper,
    Hand,
}

/// Why something happens.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// A step of the keeper, resting on what it saw then.
    Keeper { seen: i64 },
    /// An edit by hand.
    Hand,
    /// Servers, lines, time.
    Nature,
}

/// One edition of the RRset.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    pub set: SetId,
    pub ttl: u32,
    pub author: Author,
    pub made: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Up,
    /// It answers, and does not hear of changes.
    Behind(i64),
    /// It does not answer.
    Dead(i64),
}

pub struct Server {
    pub serves: Version,
    pub health: Health,
    /// Most seconds until it has heard of a change.
    lag: i64,
}

/// What the weather is like.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    pub ttl: u32,
    pub negative_ttl: u32,
    pub aliases_ttl: u32,
    /// Validity of signatures, seconds.
    pub validity: i64,
    pub servers: usize,
    pub addresses: usize,
    /// TTLs that a cache keeps a set.
    pub lives: i64,
    /// Lifetime of certificates, seconds.
    pub lifetime: i64,
    /// Of a thousand renewals: how many come early, and how many from another issuer.
    pub early: u64,
    pub other_issuer: u64,
    /// Days between troubles of each kind; 0: never.
    pub server_trouble: i64,
    pub hands: i64,
    pub clock: i64,
    pub reboots: i64,
    /// Of a thousand: updates, answers and installations that fail; and crashes of the keeper.
    pub failures: u64,
    pub crashes: u64,
}

impl Climate {
    /// Nothing ever goes wrong by itself.
    pub const CALM: Self = Self {
        ttl: 3600,
        negative_ttl: 1800,
        aliases_ttl: 0,
        validity: 14 * DAY,
        servers: 2,
        addresses: 1,
        lives: 1,
        lifetime: 90 * DAY,
        early: 0,
        other_issuer: 0,
        server_trouble: 0,
        hands: 0,
        clock: 0,
        reboots: 0,
        failures: 0,
        crashes: 0,
    };

    pub fn of(chance: &mut Chance) -> Self {
        Self {
            ttl: chance.pick(&[60, 300, 1800, 3600, 3600, 7200, 14_400, 86_400]),
            negative_ttl: chance.pick(&[60, 900, 3600, 10_800]),
            aliases_ttl: chance.pick(&[0, 0, 300, 3600, 86_400]),
            validity: chance.pick(&[2, 7, 14, 30]) * DAY,
            servers: 1 + chance.below(4),
            addresses: 1 + chance.below(4),
            lives: chance.pick(&[1, 2]),
            lifetime: chance.between(45, 398) * DAY,
            early: chance.pick(&[0, 100, 500]),
            other_issuer: chance.pick(&[0, 50, 300]),
            server_trouble: chance.pick(&[0, 10, 60, 200]),
            hands: 0,
            clock: chance.pick(&[0, 30, 200]),
            reboots: chance.pick(&[0, 2, 20, 90]),
            failures: chance.pick(&[0, 20, 200]),
            crashes: chance.pick(&[0, 10, 200]),
        }
    }
}

/// What wakes a keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// It wanted to look again.
    Look,
    /// A certificate is due.
    Renewal,
    /// A step that it planned.
    Step(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Transfer(usize),
    Trouble(usize),
    Recovery(usize),
    Expiry(usize),
    Installed { address: usize, chain: ChainId, by_hand: bool, seen: i64 },
    Wake(Wake),
    Hands,
    Jump,
    Reboot,
}

/// Who keeps the records.
pub trait Keeper {
    /// The chain and the set with which the world begins.
    fn begin(&mut self, world: &mut World<'_>) -> (ChainId, RrSet);
    fn wake(&mut self, world: &mut World<'_>, wake: Wake);
    /// The machine was started anew.
    fn rebooted(&mut self) {}
}

pub struct World<'l> {
    pub library: &'l mut Library,
    pub chance: Chance,
    pub climate: Climate,
    pub at: i64,
    /// Wall clock minus true time.
    pub offset: i64,
    pub boot: u64,
    booted: i64,
    pub primary: Version,
    pub servers: Vec<Server>,
    pub addresses: Vec<Shows>,
    pub senders: Senders,
    pub history: History,
    /// Failures that a step of the keeper caused, in words.
    pub guilty: Vec<String>,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    serial: u64,
    /// The chain that the address showed before the installation that is being judged.
    replaced: Option<ChainId>,
    pub edits: u64,
    pub rollovers: u64,
    /// What happened, for a person who asks why.
    pub log: Option<Vec<String>>,
}

impl<'l> World<'l> {
    /// A world with nobody in it.
    pub fn new(library: &'l mut Library, climate: Climate, seed: u64) -> Self {
        let nothing = library.set(&RrSet::default());
        let primary = Version { set: nothing, ttl: climate.ttl, author: Author::Keeper, made: START };
        Self {
            library,
            chance: Chance::new(seed),
            climate,
            at: START,
            offset: 0,
            boot: 1,
            booted: START,
            primary,
            servers: Vec::new(),
            addresses: Vec::new(),
            senders: Senders::new(climate.lives, START),
            history: History::default(),
            guilty: Vec::new(),
            queue: BinaryHeap::new(),
            serial: 0,
            replaced: None,
            edits: 0,
            rollovers: 0,
            log: None,
        }
    }

    /// Lives so many seconds.
    pub fn live(&mut self, keeper: &mut dyn Keeper, seconds: i64) {
        let (chain, set) = keeper.begin(self);
        self.primary.set = self.library.set(&set);
        for i in 0..self.climate.servers {
            // The first is quick; of the others, some are slow.
            let lag = if i == 0 { 5 } else { self.chance.pick(&[60, 900, 2 * HOUR]) };
            self.servers.push(Server { serves: self.primary, health: Health::Up, lag });
            if i > 0 {
                self.in_days(self.climate.server_trouble, Event::Trouble(i));
            }
        }
        self.addresses = vec![Shows { chain, author: Author::Keeper, since: START }; self.climate.addresses];
        self.in_days(self.climate.hands, Event::Hands);
        self.in_days(self.climate.clock, Event::Jump);
        self.in_days(self.climate.reboots, Event::Reboot);
        self.after(0, Event::Wake(Wake::Look));
        self.renew_later();
        self.happened(Cause::Nature);
        let end = START + seconds;
        while let Some(Reverse((at, _, event))) = self.queue.pop().filter(|Reverse((at, ..))| *at < end) {
            self.senders.pass(at);
            self.at = at;
            self.happens(event, keeper);
        }
        self.senders.pass(end);
        self.at = end;
        self.history.end(end);
    }

    fn happens(&mut self, event: Event, keeper: &mut dyn Keeper) {
        match event {
            Event::Transfer(i) => {
                if self.servers[i].health == Health::Up {
                    self.servers[i].serves = self.primary;
                    self.happened(Cause::Nature);
                }
            }
            Event::Trouble(i) => self.trouble(i),
            Event::Recovery(i) => self.recovery(i),
            Event::Expiry(_) => self.happened(Cause::Nature),
            Event::Installed { address, chain, by_hand, seen } => {
                let author = if by_hand { Author::Hand } else { Author::Keeper };
                let before = self.addresses[address].chain;
                if address == 0 && self.library.shown(before).key() != self.library.shown(chain).key() && !by_hand {
                    self.rollovers += 1;
                }
                self.addresses[address] = Shows { chain, author, since: self.at };
                self.replaced = Some(before);
                self.happened(if by_hand { Cause::Hand } else { Cause::Keeper { seen } });
                self.replaced = None;
            }
            Event::Wake(wake) => {
                if wake == Wake::Renewal {
                    self.renew_later();
                }
                keeper.wake(self, wake);
            }
            Event::Hands => {
                self.edits += 1;
                self.hand();
                self.in_days(self.climate.hands, Event::Hands);
            }
            Event::Jump => {
                // Somebody sets the clock, or sets it right.
                self.offset = if self.offset == 0 { self.chance.between(-30 * DAY, 30 * DAY) } else { 0 };
                let next = if self.offset == 0 { self.climate.clock } else { 1 };
                self.in_days(next, Event::Jump);
            }
            Event::Reboot => {
                (self.boot, self.booted) = (self.boot + 1, self.at);
                keeper.rebooted();
                self.in_days(self.climate.reboots, Event::Reboot);
            }
        }
    }

    fn trouble(&mut self, i: usize) {
        let since = self.at;
        self.servers[i].health = if self.chance.happens(500) { Health::Behind(since) } else { Health::Dead(since) };
        let hours = self.chance.pick(&[1, 6, 48, 24 * 10, 24 * 40]);
        let lasts = self.chance.between(60, hours * HOUR);
        self.after(lasts, Event::Recovery(i));
        self.after(self.climate.validity, Event::Expiry(i));
        self.happened(Cause::Nature);
    }

    fn recovery(&mut self, i: usize) {
        match self.servers[i].health {
            // It is back, with what it had, for a while.
            Health::Dead(since) => {
                self.servers[i].health = Health::Behind(since);
                let lasts = self.chance.between(1, 2 * HOUR);
                self.after(lasts, Event::Recovery(i));
            }
            _ => {
                (self.servers[i].health, self.servers[i].serves) = (Health::Up, self.primary);
                self.in_days(self.climate.server_trouble, Event::Trouble(i));
            }
        }
        self.happened(Cause::Nature);
    }

    /// An edit by hand: of the records, or at one address.
    fn hand(&mut self) {
        let now = self.library.records(self.primary.set).clone();
        let without =
            |index: usize| now.records().iter().enumerate().filter(|(i, _)| *i != index).map(|(_, r)| r.clone()).collect::<RrSet>();
        let stranger = self.library.new_key();
        let garbage = |matching| self.library.key(stranger).record(matching).unwrap();
        let edited = match self.chance.below(8) {
            0 => without(0),
            1 => without(1),
            2 => RrSet::default(),
            3 => [garbage(1)].into_iter().collect(),
            4 => now.records().iter().cloned().chain([garbage(2)]).collect(),
            5 => now.records().iter().cloned().chain([garbage(1)]).collect(),
            _ => return self.hand_installs(stranger),
        };
        self.write(&edited, self.primary.ttl, Author::Hand, Cause::Hand);
    }

    fn hand_installs(&mut self, key: usize) {
        let (address, issuer) = (self.chance.below(self.climate.addresses), self.chance.below(2));
        let chain = self.library.chain(key, issuer, 0);
        self.after(0, Event::Installed { address, chain, by_hand: true, seen: self.at });
    }

    /// Somebody writes the RRset at its primary place.
    pub fn write(&mut self, set: &RrSet, ttl: u32, author: Author, cause: Cause) {
        let set = self.library.set(set);
        self.primary = Version { set, ttl, author, made: self.at };
        self.servers[0].serves = self.primary;
        for i in 1..self.servers.len() {
            let lag = self.servers[i].lag;
            let lag = self.chance.between(1, lag);
            self.after(lag, Event::Transfer(i));
        }
        self.happened(cause);
    }

    /// Somebody lets an address show a chain; it takes a moment.
    pub fn install(&mut self, address: usize, chain: ChainId, seen: i64) {
        let takes = self.chance.between(0, 60);
        self.after(takes, Event::Installed { address, chain, by_hand: false, seen });
    }

    fn after(&mut self, seconds: i64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse((self.at + seconds, self.serial, event)));
    }

    fn in_days(&mut self, days: i64, event: Event) {
        if days > 0 {
            let seconds = self.chance.between(1, 2 * days * DAY);
            self.after(seconds, event);
        }
    }

    pub fn wake_in(&mut self, seconds: i64, wake: Wake) {
        self.after(seconds, Event::Wake(wake));
    }

    fn renew_later(&mut self) {
        let due = self.climate.lifetime * 2 / 3;
        let early = self.chance.happens(self.climate.early);
        let wait = if early { self.chance.between(HOUR, due) } else { due + self.chance.between(0, DAY) };
        self.after(wait, Event::Wake(Wake::Renewal));
    }

    pub fn wall(&self) -> i64 {
        self.at + self.offset
    }

    pub fn uptime(&self) -> i64 {
        self.at - self.booted
    }

    /// When the signature ends that a server gives out.
    pub fn signed_until(&self, server: &Server) -> i64 {
        match server.health {
            Health::Up => self.at + self.climate.validity,
            Health::Behind(since) | Health::Dead(since) => since + self.climate.validity,
        }
    }

    /// After each event: who can fail now, and by whose doing.
    fn happened(&mut self, cause: Cause) {
        let believed = self.servers.iter().filter(|s| !matches!(s.health, Health::Dead(_))).map(|s| (s.serves, self.signed_until(s)));
        let served: Vec<(Version, i64)> =
            believed.filter(|(_, until)| *until > self.at).map(|(v, until)| (self.as_served(v), until)).collect();
        self.history.note(self.at, self.servers[0].serves, self.addresses[0].chain, self.library);
        for failure in self.senders.judge(self.at, &served, &self.addresses, self.library) {
            let by_hand = failure.set.author == Author::Hand;
            // A key that a hand installed is nobody's to publish.
            let no_better = self.replaced.is_some_and(|before| !self.library.cover(failure.set.set, before).all_deliver);
            let excused = no_better
                || failure.shows.author == Author::Hand
                || match cause {
                    Cause::Hand => true,
                    Cause::Nature => by_hand,
                    // What was done by hand after the look could not be known.
                    Cause::Keeper { seen } => by_hand && failure.set.made >= seen,
                };
            if !excused {
                let (set, shows) = (self.library.records(failure.set.set), failure.shows);
                let key = self.library.shown(shows.chain).key().short();
                self.guilty.push(format!(
                    "day {}: {cause:?}: {set:?} (made {:?}) for key {key} {shows:?}",
                    (self.at - START) / DAY,
                    failure.set
                ));
            }
        }
    }

    /// A denial has a TTL of its own.
    fn as_served(&self, version: Version) -> Version {
        let is_empty = self.library.records(version.set).is_empty();
        if is_empty { Version { ttl: self.climate.negative_ttl, ..version } } else { version }
    }

    /// The keys that addresses show, and how many do.
    pub fn keys(&self) -> BTreeMap<String, usize> {
        let mut keys = BTreeMap::new();
        for shows in &self.addresses {
            *keys.entry(self.library.shown(shows.chain).key().short()).or_default() += 1;
        }
        keys
    }
}
