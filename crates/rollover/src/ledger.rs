//! What caches may hold and what servers may show, as far as looks allow to say: the memory of the machine.
//!
//! Nothing leaves the ledger by being assumed. A set leaves when no server has served it for as long as a cache keeps it; a
//! chain when no address has shown it for as long as a session is remembered. A server that is silent serves what it served, until
//! the signatures that it could have are out of date; an address that is silent shows what it showed.

use crate::key::Chain;
use crate::look::{AddressLook, Look, Place, Said};
use crate::rrset::RrSet;
use crate::time::{Now, Wait};
use crate::why::{Code, Why};
use dane::dns::Security;
use serde::{Deserialize, Serialize};

/// Sets, chains, servers and addresses that are kept. Honest zones have few; whoever shows us more is not to fill our disk.
const MOST: usize = 256;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    servers: Vec<Server>,
    held: Vec<Held>,
    addresses: Vec<Address>,
    shown: Vec<Shown>,
    /// The longest validity of a signature that was seen, seconds.
    validity: i64,
    /// The longest TTL served at the last look, and the sum of those of aliases, seconds.
    ttl: u32,
    aliases: u32,
}

/// An authoritative server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Server {
    name: String,
    serves: Serves,
    silent: Option<Wait>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Serves {
    /// It was never heard.
    Unknown,
    /// What it said last.
    Set(RrSet),
    /// It was silent for so long that no sender would believe what it had.
    Nothing,
}

/// A set that caches may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub set: RrSet,
    ttl: u32,
    aliases: u32,
    /// Since no server serves it.
    gone: Option<Wait>,
}

/// What an address showed last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Address {
    place: Place,
    chains: Vec<Chain>,
}

/// A chain that servers may show, or sessions remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub place: Place,
    pub chain: Chain,
    /// Since no address shows it.
    gone: Option<Wait>,
}

impl Ledger {
    /// Takes in a look.
    ///
    /// # Errors
    /// If there is more of something than anybody needs; then nothing is taken in.
    pub fn note(&mut self, look: &Look, now: Now, tickets_s: i64) -> Result<(), Why> {
        let mut new = self.clone();
        new.note_servers(look, now);
        new.note_sets(look, now);
        new.note_chains(look, now, tickets_s);
        let most = [new.servers.len(), new.held.len(), new.addresses.len(), new.shown.len()].into_iter().max();
        if most > Some(MOST) {
            return Err(Why::new(Code::TooMuch, format!("more than {MOST} servers, record sets, addresses or chains were seen")));
        }
        *self = new;
        Ok(())
    }

    fn note_servers(&mut self, look: &Look, now: Now) {
        let ages = secure(look).filter_map(|(_, said)| said.signature).map(|(first, last)| last.saturating_sub(first));
        self.validity = ages.max().unwrap_or(0).max(self.validity);
        for asked in &look.servers {
            if !self.servers.iter().any(|server| server.name == asked.server) {
                self.servers.push(Server { name: asked.server.clone(), serves: Serves::Unknown, silent: None });
            }
        }
        for server in &mut self.servers {
            match secure(look).find(|(name, _)| **name == server.name) {
                Some((_, said)) => {
                    server.serves = Serves::Set(said.set.clone());
                    server.silent = None;
                }
                None => {
                    let silent = server.silent.get_or_insert_with(|| Wait::begin(now));
                    silent.count(now);
                    // No sender believes a set whose signature has ended: what it had can no longer do harm.
                    if self.validity > 0 && silent.left(self.validity) == 0 {
                        server.serves = Serves::Nothing;
                    }
                }
            }
        }
        // One that is no longer asked is forgotten when it can say nothing.
        self.servers.retain(|server| server.serves != Serves::Nothing || look.servers.iter().any(|asked| asked.server == server.name));
    }

    fn note_sets(&mut self, look: &Look, now: Now) {
        let ttl = |said: &Said| if said.set.is_empty() { None } else { Some(said.ttl) };
        self.ttl = secure(look).filter_map(|(_, said)| ttl(said)).max().unwrap_or(self.ttl);
        self.aliases = look.aliases_ttl;
        for (_, said) in secure(look) {
            match self.held.iter_mut().find(|held| held.set == said.set) {
                Some(held) => held.ttl = held.ttl.max(said.ttl),
                None => self.held.push(Held { set: said.set.clone(), ttl: said.ttl, aliases: look.aliases_ttl, gone: None }),
            }
        }
        for held in &mut self.held {
            let served = self.servers.iter().any(|server| matches!(&server.serves, Serves::Set(set) if *set == held.set));
            if served {
                (held.gone, held.aliases) = (None, held.aliases.max(look.aliases_ttl));
            } else {
                held.gone.get_or_insert_with(|| Wait::begin(now)).count(now);
            }
        }
        let (ttl, aliases) = (self.ttl, self.aliases);
        self.held.retain(|held| held.gone.is_none_or(|gone| gone.left(held.keeps(ttl, aliases)) > 0));
    }

    fn note_chains(&mut self, look: &Look, now: Now, tickets_s: i64) {
        self.addresses.retain(|known| look.addresses.iter().any(|seen| seen.place == known.place));
        for seen in &look.addresses {
            match self.addresses.iter_mut().find(|known| known.place == seen.place) {
                // What cannot be seen is as it was.
                Some(_) if seen.shown.is_empty() => {}
                Some(known) => known.chains.clone_from(&seen.shown),
                None => self.addresses.push(Address { place: seen.place.clone(), chains: seen.shown.clone() }),
            }
            for chain in &seen.shown {
                if !self.shown.iter().any(|shown| shown.place.host == seen.place.host && shown.chain == *chain) {
                    self.shown.push(Shown { place: seen.place.clone(), chain: chain.clone(), gone: None });
                }
            }
        }
        for shown in &mut self.shown {
            let here = |known: &Address| known.place.host == shown.place.host && known.chains.contains(&shown.chain);
            if self.addresses.iter().any(here) {
                shown.gone = None;
            } else {
                shown.gone.get_or_insert_with(|| Wait::begin(now)).count(now);
            }
        }
        let needed = self.retirement(tickets_s);
        self.shown.retain(|shown| shown.gone.is_none_or(|gone| gone.left(needed) > 0));
    }

    /// The sets that caches may hold.
    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    /// The chains that servers may show.
    pub(crate) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Servers and what they serve: `None`, nobody knows. With a silent one: how long until nobody believes it, if that is known.
    pub(crate) fn served(&self) -> impl Iterator<Item = (&str, Option<&RrSet>, Option<i64>)> {
        self.servers.iter().filter_map(|server| {
            let until = server.silent.filter(|_| self.validity > 0).map(|silent| silent.left(self.validity));
            match &server.serves {
                Serves::Unknown => Some((server.name.as_str(), None, until)),
                Serves::Set(set) => Some((server.name.as_str(), Some(set), until)),
                Serves::Nothing => None,
            }
        })
    }

    /// Seconds until no cache has the set any more; `None`: it is served.
    pub(crate) fn left(&self, held: &Held) -> Option<i64> {
        held.gone.map(|gone| gone.left(held.keeps(self.ttl, self.aliases)))
    }

    /// Seconds until nobody remembers the chain any more; `None`: it is shown.
    pub(crate) fn remembered(&self, shown: &Shown, tickets_s: i64) -> Option<i64> {
        shown.gone.map(|gone| gone.left(self.retirement(tickets_s)))
    }

    /// How long caches hold what is served now once it is gone, seconds.
    #[must_use]
    pub fn settle_time(&self) -> i64 {
        i64::from(self.ttl) * 2 + i64::from(self.aliases)
    }

    /// How long the old record stays after the last sight of the old chain, seconds.
    ///
    /// R-093 rfc7672#4: until tickets are worthless, and until a cache that holds the set has asked again, so that going back stays possible.
    fn retirement(&self, tickets_s: i64) -> i64 {
        self.settle_time().max(tickets_s)
    }
}

impl Held {
    /// How long a cache keeps it, seconds.
    ///
    /// R-092 rfc7671#8.1: two TTLs, the longer of the old and the new, the aliases on the way, and the denial if the set was new.
    fn keeps(&self, ttl: u32, aliases: u32) -> i64 {
        let (own, denial) = if self.set.is_empty() { (0, self.ttl) } else { (self.ttl, 0) };
        // R-104 rfc7671#6: the aliases, too, may have been longer.
        i64::from(own.max(ttl)) * 2 + i64::from(self.aliases.max(aliases)) + i64::from(denial)
    }
}

/// Answers that senders believe. One that is bogus or insecure counts as silence here; that it is, says [`crate::proof`].
fn secure(look: &Look) -> impl Iterator<Item = (&String, &Said)> {
    let said = look.servers.iter().filter_map(|server| Some((&server.server, server.said.as_ref()?)));
    said.filter(|(_, said)| said.security == Security::Secure)
}

impl AddressLook {
    /// Whether anything could be seen.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        !self.shown.is_empty()
    }
}
