//! The machine of this crate, with somebody who does what it asks for, badly.

use super::library::{ISSUERS, OWN};
use super::world::{Author, Cause, DAY, HOUR, Health, Keeper, START, Wake, World};
use dane::dns::Security;
use dane::rollover::ChainId;
use rollover::change::Change;
use rollover::deploy::MayDeploy;
use rollover::key::{Key, KeyType};
use rollover::look::{AddressLook, Look, Place, Said, ServerLook};
use rollover::machine::{Action, Lane, Machine, State};
use rollover::phase::Phase;
use rollover::rrset::RrSet;
use rollover::time::Now;
use std::net::{IpAddr, Ipv4Addr};

pub const LANE: &str = "mx ecdsa";

/// A place at which the keeper is killed: after so many actions of one look, with the state written before them or not.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// The look.
    pub look: usize,
    /// Actions that are still done.
    pub after: usize,
    /// Whether the state was written before.
    pub written: bool,
}

pub struct Ours {
    pub machine: Machine,
    pub state: State,
    /// Public keys that lie in the key store, the oldest first.
    pub store: Vec<Key>,
    /// Whether a renewal takes the next key if it may.
    takes_next: bool,
    /// Whether adding and removing are one update.
    atomic: bool,
    pub kill: Option<Kill>,
    pub looks: usize,
    /// The looks that led to actions.
    pub acted: Vec<usize>,
    /// Whether each look is judged once more, which has to change nothing.
    pub twice: bool,
    /// Waits are cut to a part of this many by telling the machine of TTLs that are as much shorter: a mutation that has to be found.
    pub haste: u32,
    /// Whether it takes over a set that is in order.
    pub takes_over_order: bool,
    removal: Option<RrSet>,
    edition: usize,
}

impl Ours {
    pub fn new(machine: Machine, world: &mut World<'_>) -> Self {
        let atomic = world.chance.happens(500);
        let takes_next = world.chance.happens(700);
        let state = State::new(Vec::new());
        Self {
            machine,
            state,
            store: Vec::new(),
            takes_next,
            atomic,
            kill: None,
            looks: 0,
            acted: Vec::new(),
            twice: false,
            haste: 1,
            takes_over_order: false,
            removal: None,
            edition: 0,
        }
    }

    pub fn phase(&self) -> &Phase {
        &self.state.lanes[0].phase
    }

    pub fn now(world: &World<'_>) -> Now {
        Now { wall: world.wall(), boot: world.boot, uptime: world.uptime() }
    }

    /// What can be seen now; some of it cannot.
    pub fn look(&self, world: &mut World<'_>) -> Look {
        let failures = world.climate.failures / 4;
        let mut servers = Vec::new();
        for i in 0..world.servers.len() {
            let lost = matches!(world.servers[i].health, Health::Dead(_)) || world.chance.happens(failures);
            let (server, wall) = (&world.servers[i], world.wall());
            let expires = world.signed_until(server) + world.offset;
            let set = world.library.records(server.serves.set).clone();
            let ttl = if set.is_empty() { world.climate.negative_ttl } else { server.serves.ttl };
            let inception = expires - world.climate.validity;
            let security = if expires < wall { Security::Bogus } else { Security::Secure };
            let said =
                Said { set, ttl: ttl / self.haste, security, reason: String::new(), signature: Some((inception.min(wall), expires)) };
            servers.push(ServerLook { server: format!("ns{i}"), said: (!lost).then_some(said) });
        }
        let mut addresses = Vec::new();
        for i in 0..world.addresses.len() {
            let shown = if world.chance.happens(failures) { vec![] } else { vec![world.library.shown(world.addresses[i].chain).clone()] };
            addresses.push(AddressLook { place: place(world, i), shown });
        }
        let prepared = self.store.iter().rev().take(1).map(|key| (LANE.to_owned(), key.clone())).collect();
        let primary = Some(world.library.records(world.primary.set).clone());
        Look { servers, primary, aliases_ttl: world.climate.aliases_ttl / self.haste, addresses, prepared }
    }

    fn work(&mut self, world: &mut World<'_>) {
        self.looks += 1;
        let look = self.look(world);
        let advance = self.machine.advance(self.state.clone(), &look, Self::now(world));
        let kill = self.kill.filter(|kill| kill.look == self.looks);
        let crashes = world.chance.happens(world.climate.crashes);
        let written = if let Some(kill) = kill { kill.written } else { !crashes || world.chance.happens(500) };
        let limit = if let Some(kill) = kill {
            kill.after
        } else if crashes {
            world.chance.below(3)
        } else {
            usize::MAX
        };
        if written {
            self.state = advance.state.clone();
        }
        if !advance.actions.is_empty() {
            self.acted.push(self.looks);
        }
        if self.twice {
            assert_eq!(self.machine.advance(advance.state.clone(), &look, Self::now(world)), advance);
        }
        // What is done later cannot be done by one that was killed; what was done is done, whatever is remembered.
        let remembered = std::mem::replace(&mut self.state, advance.state);
        for action in advance.actions.iter().take(limit) {
            self.act(action, world);
        }
        self.state = remembered;
        if limit < usize::MAX {
            self.rebooted();
        }
        // As soon as something can be otherwise, but at least each day.
        let until = advance.whys.iter().filter_map(|(_, why)| why.until).max().map(|until| until - world.wall());
        let quiet = if advance.actions.is_empty() { until.unwrap_or(HOUR) } else { HOUR };
        let pause = quiet.clamp(HOUR / 4, DAY);
        let pause = world.chance.between(pause / 2, pause);
        world.wake_in(pause, Wake::Look);
    }

    fn act(&mut self, action: &Action, world: &mut World<'_>) {
        if world.chance.happens(world.climate.failures) {
            return;
        }
        match action {
            Action::MakeKey { .. } => {
                let key = world.library.new_key();
                self.store.push(world.library.key(key));
            }
            Action::Change(change) => self.change(change, world),
            Action::Install { key, places, .. } => {
                let chain = self.chain(key, world);
                let look = self.look(world);
                if self.machine.may_deploy(&self.state, LANE, world.library.shown(chain), &look, Self::now(world)) == MayDeploy::Yes {
                    let wanted = |i: &usize| places.contains(&place(world, *i));
                    let addresses: Vec<usize> = (0..world.addresses.len()).filter(wanted).collect();
                    self.install(chain, &addresses, world);
                }
            }
        }
    }

    fn change(&mut self, change: &Change, world: &mut World<'_>) {
        // the prerequisite of RFC 2136 section 2.4.2.
        if *world.library.records(world.primary.set) != *change.expect() {
            return;
        }
        let cause = Cause::Keeper { seen: world.at };
        if self.atomic {
            world.write(&change.result(), world.climate.ttl, Author::Keeper, cause);
        } else {
            // What was wrong before stays wrong until the removal.
            world.write(&change.expect().union(change.add()), world.climate.ttl, world.primary.author, cause);
            self.removal = Some(change.remove().clone());
            let pause = world.chance.between(1, 600);
            world.wake_in(pause, Wake::Step(0));
        }
    }

    fn chain(&mut self, key: &Key, world: &mut World<'_>) -> ChainId {
        self.edition += 1;
        let other = world.chance.happens(world.climate.other_issuer);
        let issuer = if !self.machine.anchors.is_empty() { OWN } else { usize::from(other) };
        let number = world.library.number(key);
        world.library.chain(number, issuer, self.edition)
    }

    fn install(&mut self, chain: ChainId, addresses: &[usize], world: &mut World<'_>) {
        for address in addresses {
            if !world.chance.happens(world.climate.failures) {
                world.install(*address, chain, world.at);
            }
        }
    }

    /// What a hook of an ACME client does.
    fn renew(&mut self, world: &mut World<'_>) {
        let stranger = world.library.new_key();
        let stranger = world.library.key(stranger);
        let key = match self.phase() {
            // A client that does not know of us asks with a key of its own.
            _ if world.chance.happens(50) => stranger,
            Phase::Ready(ready) if self.takes_next => ready.next.clone(),
            Phase::Settling(settling) if world.chance.happens(100) => settling.next.clone(),
            Phase::Publishing(publishing) if world.chance.happens(100) => publishing.next.clone(),
            phase => phase.keys()[0].clone(),
        };
        let chain = self.chain(&key, world);
        let look = self.look(world);
        let all: Vec<usize> = (0..world.addresses.len()).collect();
        match self.machine.may_deploy(&self.state, LANE, world.library.shown(chain), &look, Self::now(world)) {
            MayDeploy::Yes => self.install(chain, &all, world),
            MayDeploy::RenewWith(key, _) => {
                let chain = self.chain(&key, world);
                let look = self.look(world);
                if self.machine.may_deploy(&self.state, LANE, world.library.shown(chain), &look, Self::now(world)) == MayDeploy::Yes {
                    self.install(chain, &all, world);
                }
            }
            MayDeploy::NotBefore(..) | MayDeploy::No(_) => {}
        }
    }
}

fn place(world: &World<'_>, address: usize) -> Place {
    let octet = u8::try_from(address + 1).unwrap();
    Place { host: world.library.host.clone(), address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, octet)) }
}

impl Keeper for Ours {
    fn begin(&mut self, world: &mut World<'_>) -> (ChainId, RrSet) {
        let current = world.library.new_key();
        let issuer = if self.machine.anchors.is_empty() { 0 } else { OWN };
        let chain = world.library.chain(current, issuer, 0);
        let key = world.library.key(current);
        self.state = State::new(vec![Lane::new(LANE, vec![world.library.host.clone()], KeyType::Ecdsa, key.clone(), START + 30 * DAY)]);
        let stranger = world.library.new_key();
        let stranger = world.library.key(stranger);
        let ours = key.record(1).unwrap();
        // What is there when the machine takes over.
        let set: Vec<_> = match world.chance.below(8) {
            _ if self.takes_over_order => vec![ours],
            0 => vec![],
            1 => vec![world.library.leaf_record(chain, 0)],
            2 => vec![key.record(2).unwrap()],
            3 => vec![world.library.anchor(issuer, 1)],
            4 => vec![world.library.anchor(issuer, 0), ours],
            5 => vec![ours, stranger.record(1).unwrap()],
            6 => vec![stranger.record(1).unwrap()],
            _ => vec![ours],
        };
        let set: RrSet = set.into_iter().collect();
        let id = world.library.set(&set);
        // What was wrong before is not our doing.
        if !world.library.cover(id, chain).all_deliver {
            world.primary.author = Author::Hand;
        }
        (chain, set)
    }

    fn wake(&mut self, world: &mut World<'_>, wake: Wake) {
        match wake {
            Wake::Look => self.work(world),
            Wake::Renewal => self.renew(world),
            Wake::Step(_) => {
                let Some(remove) = self.removal.take() else { return };
                let now = world.library.records(world.primary.set).clone();
                // A provider's interface removes what it is told to, if it is there.
                world.write(&now.without(&remove), world.climate.ttl, Author::Keeper, Cause::Keeper { seen: world.at });
            }
        }
    }

    /// All that survives is what is stored.
    fn rebooted(&mut self) {
        self.removal = None;
        self.state = State::read(&self.state.write().unwrap()).unwrap();
    }
}

const _: () = assert!(ISSUERS > OWN);
