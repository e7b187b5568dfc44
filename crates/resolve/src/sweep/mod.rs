//! A short cut for surveys: zones just below a well-known one, and plain answers.
//!
//! Of millions of names nearly all are delegated from a few hundred zones, and nearly all their answers are plain: the records asked for,
//! and one signature that holds, or none where it is proven that none is needed. [`Sweep`] asks for these and judges them with little more
//! effort than the exchanges and the signatures take. Whatever is not plain it hands to the [`Resolver`], with all that it has learned, so
//! that nothing is asked or verified twice; and it never says anything that the resolver would not say of the same records.

mod datagrams;
mod memory;

pub use memory::Memory;

use crate::answer::Failure;
use crate::config::Mode;
use crate::exchange::Transport;
use crate::iterate::Lookups;
use crate::resolver::{Counters, Resolver};
use crate::wire::{Style, push_query};
use crate::work::{Place, Work};
use bytes::Bytes;
use datagrams::{Answered, Datagrams, Lost};
use dnssec::plain::{Denials, Entrance, Reading, Section, Set};
use dnssec::{Algorithms, Name, Question, Reason, Relation, Security, Trust, TrustCache, ZoneKeys};
use domain::base::iana::{OptRcode, Rtype};
use rand::Rng;
use rand::seq::SliceRandom;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Parents remembered.
const MAX_PARENTS: usize = 4096;
/// Name servers whose addresses are remembered.
const MAX_SERVERS: usize = 65_536;
/// Denial records of parents remembered, of about 300 octets each.
const MAX_DENIALS: usize = 65_536;
/// Name servers of one zone that are looked up until one has an address.
const MAX_LOOKED_UP: usize = 2;
/// How long what was learned of parents and name servers is used, at most; then it comes from the resolver again, which knows the TTLs.
const FRESH: Duration = Duration::from_secs(300);
/// How long it is remembered that something could not be learned.
const DOUBT: Duration = Duration::from_secs(30);

/// What is seldom awaited, and therefore takes no room in what is always there.
type Seldom<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Asks for many names in one thread. Must be made and used within one [`tokio::task::LocalSet`].
pub struct Sweep {
    resolver: Resolver,
    datagrams: Datagrams,
    parents: Memory<Option<Rc<Parent>>>,
    /// Addresses of name servers.
    servers: Memory<Option<Rc<[IpAddr]>>>,
    reading: RefCell<Reading>,
    denials: RefCell<Denials>,
    usable: bool,
}

/// A zone that many names are delegated from.
struct Parent {
    name: Name,
    servers: Vec<IpAddr>,
    standing: Standing,
}

/// What is proven about a zone.
#[derive(Clone)]
enum Standing {
    Signed(Arc<ZoneKeys>),
    Insecure(Arc<Reason>),
}

/// An answer that is plain.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// The type asked for.
    pub rtype: Rtype,
    /// Secure, or insecure.
    pub status: Security,
    /// Why it is insecure.
    pub reason: Option<&'a Reason>,
    /// Response code.
    pub rcode: u16,
    /// TTL, seconds, as far as proven; without data, that of the negative answer.
    pub ttl: Option<u32>,
    /// The records' data, wire form, names uncompressed; empty if there is no such record.
    pub data: &'a [&'a [u8]],
}

/// A zone that can be asked.
pub struct Zone {
    place: Whereabouts,
    standing: Standing,
}

impl Zone {
    /// Whether a name is the zone's apex or below it.
    #[must_use]
    pub fn encloses(&self, name: &Name) -> bool {
        name.is_within(&self.place.name)
    }
}

/// Where a zone is served.
struct Whereabouts {
    name: Name,
    servers: Vec<IpAddr>,
    origin: Rc<Parent>,
    /// The referral that led here, which the resolver is told when it is needed, and by whom it was given.
    referral: Vec<u8>,
    referrer: IpAddr,
    told: Cell<bool>,
}

/// Referred to by a parent, its keys not yet known.
struct Delegated {
    servers: Vec<IpAddr>,
    /// Names of those whose address must be looked up.
    bare: Vec<Name>,
    security: Delegation,
}

enum Delegation {
    Signed(Entrance),
    Insecure(Arc<Reason>),
}

impl Sweep {
    /// A short cut to what this resolver would find, for so many names in work at once.
    #[must_use]
    pub fn new(resolver: Resolver, names: usize) -> Self {
        let config = resolver.config();
        let usable = matches!(config.mode, Mode::Iterative { .. }) && config.policy.algorithms == Algorithms::Any;
        let datagrams = Datagrams::new(names, config.timeouts.query, config.source.clone());
        Self {
            datagrams,
            resolver,
            parents: Memory::new(MAX_PARENTS),
            servers: Memory::new(MAX_SERVERS),
            reading: RefCell::default(),
            denials: RefCell::new(Denials::new(MAX_DENIALS)),
            usable,
        }
    }

    /// Finds the zone that begins at `name`, if its parent is the zone just above and tells plainly what it is. DS and DNSKEY records are
    /// met on the way: plain ones are shown to `take`. `None`: ask the resolver.
    pub async fn zone(&self, name: &Name, take: &mut impl FnMut(&Plain<'_>)) -> Option<Zone> {
        let (parent, referrer, delegated, referral) = self.referral(name, take).await?;
        let Delegated { servers, bare, security } = delegated;
        let servers = if servers.is_empty() { self.find_servers(bare).await } else { servers };
        let place = Whereabouts { name: name.clone(), servers, origin: parent, referral, referrer, told: Cell::new(false) };
        let standing = match security {
            Delegation::Insecure(reason) => Standing::Insecure(reason),
            Delegation::Signed(entrance) => Standing::Signed(Arc::new(self.enter(&place, &entrance, take).await?)),
        };
        Some(Zone { place, standing })
    }

    /// Asks the zone for records at its apex. What is plain is shown to `take`: the answer, and perhaps NS records beside a SOA record.
    /// `false`: ask the resolver, which has been told what there was to learn.
    pub async fn ask(&self, zone: &Zone, rtype: Rtype, take: &mut impl FnMut(&Plain<'_>)) -> bool {
        let place = &zone.place;
        let plain = self.ask_apex(place, rtype, |reply| self.read_answer(zone, rtype, reply, take).then_some(())).await.is_some();
        if !plain {
            self.share(zone);
        }
        plain
    }

    /// Tells the resolver all about a zone, for questions about other names in it.
    pub fn share(&self, zone: &Zone) {
        self.tell_of(&zone.place);
        if let Standing::Signed(keys) = &zone.standing {
            let mut trust = &self.resolver.shared.validator.trust;
            trust.put(&zone.place.name, Trust::Zone(keys.clone()));
        }
    }

    /// What `read` makes of the answer to a question put to the zone. Where that is nothing, the resolver is told of it.
    async fn ask_apex<T>(&self, place: &Whereabouts, rtype: Rtype, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let question = Question { name: place.name.clone(), rtype };
        let server = pick(&place.servers);
        let reply = match server {
            Some(server) => self.exchange(server, &question).await,
            None => None,
        };
        let result = reply.as_deref().and_then(read);
        if result.is_none() {
            self.tell_of(place);
            if let (Some(reply), Some(server)) = (reply, server) {
                self.tell(&reply, &place.name, &question, server);
            }
        }
        result
    }

    /// The referral of a parent's server to `name`, and its bytes.
    async fn referral(&self, name: &Name, take: &mut impl FnMut(&Plain<'_>)) -> Option<(Rc<Parent>, IpAddr, Delegated, Vec<u8>)> {
        let anchored = self.resolver.config().anchors.has(name);
        let above = name.parent().filter(|_| self.usable && !anchored)?;
        let parent = self.parent(&above).await?;
        let referrer = pick(&parent.servers)?;
        let question = Question { name: name.clone(), rtype: Rtype::SOA };
        let reply = self.exchange(referrer, &question).await?;
        let delegated = self.read_referral(&parent, &question, &reply, take);
        if delegated.is_none() {
            self.tell(&reply, &parent.name, &question, referrer);
        }
        Some((parent, referrer, delegated?, reply.to_vec()))
    }

    /// Who would be asked about a zone that begins at `name`: its parent's servers and its own. Asks the parent only, and for the addresses
    /// of name servers. `None` if it is not told plainly.
    pub async fn servers(&self, name: &Name) -> Option<(Vec<IpAddr>, Vec<IpAddr>)> {
        let (parent, _, delegated, _) = self.referral(name, &mut |_| ()).await?;
        let own = if delegated.servers.is_empty() { self.find_servers(delegated.bare).await } else { delegated.servers };
        (!own.is_empty()).then(|| (parent.servers.clone(), own))
    }

    /// Asks a server for records, whatever zone it serves, and validates nothing: what it says plainly is shown to `take`, as
    /// indeterminate. `false`: ask through [`Resolver::stub`].
    pub async fn stub(&self, server: SocketAddr, name: &Name, rtype: Rtype, take: &mut impl FnMut(&Plain<'_>)) -> bool {
        let Some(reply) = self.send(server, name, rtype).await else { return false };
        let mut reading = self.reading.borrow_mut();
        if reading.read(&reply).is_err() {
            return false;
        }
        let rcode = reading.rcode();
        let shown = Plain { rtype, status: Security::Indeterminate, reason: None, rcode, ttl: None, data: &[] };
        match reading.only(name, rtype) {
            Some(set) => take(&Plain { ttl: Some(set.ttl), data: &set.data, ..shown }),
            // Who does not know EDNS is asked without.
            None if [OptRcode::FORMERR, OptRcode::NOTIMP].map(OptRcode::to_int).contains(&rcode) => return false,
            None if reading.records(Section::Answer).any(|record| record.rtype == rtype) => return false,
            None => take(&shown),
        }
        true
    }

    /// What all of it has cost so far, the resolver's part included.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let (queries, replies) = self.datagrams.counts();
        self.resolver.counters() + Counters { queries, replies, ..Counters::default() }
    }

    /// The resolver for all that is not plain.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    async fn exchange(&self, server: IpAddr, question: &Question) -> Option<Answered<'_>> {
        let shared = &self.resolver.shared;
        if shared.exchange.servers.is_plain(server) || shared.exchange.servers.is_deaf_to_datagrams(server) {
            return None;
        }
        let address = SocketAddr::new(server, shared.config.dns_port);
        self.send(address, &question.name, question.rtype).await
    }

    /// The answer of a server, when it is its turn to be asked.
    async fn send(&self, server: SocketAddr, name: &Name, rtype: Rtype) -> Option<Answered<'_>> {
        let shared = &self.resolver.shared;
        let turn = shared.config.gate.turn(server.ip()).await;
        match self.datagrams.ask(server, |query| push_query(name, rtype, Style::Authoritative, query)).await {
            Ok(answered) if rcode(&answered) == Some(OptRcode::REFUSED.to_int()) => {
                turn.badly();
                Some(answered)
            }
            Ok(answered) => {
                turn.well();
                Some(answered)
            }
            Err(lost) => {
                turn.badly();
                if lost == Lost::Silence {
                    shared.exchange.servers.silent(server.ip(), Transport::Udp);
                }
                None
            }
        }
    }

    /// Reads the reply of one of the parent's servers. `None` if it is no referral to just the name asked.
    fn read_referral(&self, parent: &Parent, question: &Question, reply: &[u8], take: &mut impl FnMut(&Plain<'_>)) -> Option<Delegated> {
        let name = &question.name;
        let mut reading = self.reading.borrow_mut();
        reading.read(reply).ok()?;
        if reading.rcode() != 0 || reading.is_authoritative() || reading.records(Section::Answer).next().is_some() {
            return None;
        }
        let elsewhere = |rtype, owner: &[u8]| matches!(rtype, Rtype::NS | Rtype::SOA) && !owner.eq_ignore_ascii_case(name.as_slice());
        if reading.records(Section::Authority).any(|record| elsewhere(record.rtype, record.owner)) {
            return None;
        }
        let (servers, bare) = self.name_servers(&reading, &parent.name, name)?;
        let config = &self.resolver.shared.config;
        let now = config.clock.now();
        let security = match &parent.standing {
            Standing::Insecure(reason) => Delegation::Insecure(reason.clone()),
            Standing::Signed(keys) => match reading.set(Section::Authority, name, Rtype::DS) {
                Some(ds) => {
                    let (entrance, vouched) = keys.entrance(name, &ds, &config.policy, now)?;
                    self.verified(vouched.verifications);
                    take(&Plain {
                        rtype: Rtype::DS,
                        status: Security::Secure,
                        reason: None,
                        rcode: 0,
                        ttl: Some(vouched.ttl),
                        data: &ds.data,
                    });
                    Delegation::Signed(entrance)
                }
                None => {
                    let denied = self.denials.borrow_mut().unsigned(keys, name, &reading, &config.policy, now)?;
                    self.verified(denied.verifications);
                    take(&Plain {
                        rtype: Rtype::DS,
                        status: denied.status,
                        reason: denied.why.as_ref(),
                        rcode: 0,
                        ttl: Some(denied.ttl),
                        data: &[],
                    });
                    Delegation::Insecure(Arc::new(denied.reason))
                }
            },
        };
        Some(Delegated { servers, bare, security })
    }

    /// The name servers of a referral that have addresses, or else all their names.
    fn name_servers(&self, reading: &Reading, parent: &Name, name: &Name) -> Option<(Vec<IpAddr>, Vec<Name>)> {
        let set = reading.set(Section::Authority, name, Rtype::NS)?;
        let mut servers = Vec::new();
        for target in &set.data {
            if is_below(target, parent.as_slice()) {
                let glue = reading.records(Section::Additional).filter(|record| record.owner.eq_ignore_ascii_case(target));
                servers.extend(glue.filter_map(|record| address(record.rtype, record.data)).filter(|ip| self.allows(*ip)));
            }
        }
        if servers.is_empty() {
            let known = set.data.iter().filter_map(|target| self.servers.known(target)?);
            known.for_each(|found| servers.extend_from_slice(&found));
        }
        let names = || set.data.iter().filter_map(|target| Name::from_octets(Bytes::copy_from_slice(target)).ok()).collect();
        let bare = if servers.is_empty() { names() } else { Vec::new() };
        Some((servers, bare))
    }

    /// Looks up name servers of which nothing is known, in random order, until one has an address.
    async fn find_servers(&self, mut names: Vec<Name>) -> Vec<IpAddr> {
        names.shuffle(&mut rand::rng());
        for name in names.iter().take(MAX_LOOKED_UP) {
            if let Some(found) = self.addresses(name).await {
                return found.to_vec();
            }
        }
        Vec::new()
    }

    /// Asks for the keys of a signed zone.
    async fn enter(&self, place: &Whereabouts, entrance: &Entrance, take: &mut impl FnMut(&Plain<'_>)) -> Option<ZoneKeys> {
        let read = |reply: &[u8]| {
            let config = &self.resolver.shared.config;
            let mut reading = self.reading.borrow_mut();
            reading.read(reply).ok().filter(|()| reading.rcode() == OptRcode::NOERROR.to_int())?;
            let set = positive(&reading, &place.name, Rtype::DNSKEY)?;
            let (keys, vouched) = ZoneKeys::enter(&place.name, entrance, &set, &config.policy, config.clock.now())?;
            self.verified(vouched.verifications);
            take(&Plain {
                rtype: Rtype::DNSKEY,
                status: Security::Secure,
                reason: None,
                rcode: 0,
                ttl: Some(vouched.ttl),
                data: &set.data,
            });
            Some(keys)
        };
        self.ask_apex(place, Rtype::DNSKEY, read).await
    }

    fn read_answer(&self, zone: &Zone, rtype: Rtype, reply: &[u8], take: &mut impl FnMut(&Plain<'_>)) -> bool {
        let mut reading = self.reading.borrow_mut();
        let now = self.resolver.shared.config.clock.now();
        let judged = |set: &Set<'_>| match &zone.standing {
            Standing::Signed(keys) => {
                let vouched = keys.vouch(&zone.place.name, set, now)?;
                self.verified(vouched.verifications);
                Some((Security::Secure, None, vouched.ttl))
            }
            Standing::Insecure(reason) => (!set.is_signed()).then(|| (Security::Insecure, Some(&**reason), set.ttl)),
        };
        if reading.read(reply).is_err() || reading.rcode() != OptRcode::NOERROR.to_int() {
            return false;
        }
        let Some(set) = positive(&reading, &zone.place.name, rtype) else {
            let Standing::Insecure(reason) = &zone.standing else { return false };
            let Some(ttl) = absent(&reading, &zone.place.name) else { return false };
            take(&Plain { rtype, status: Security::Insecure, reason: Some(reason), rcode: 0, ttl: Some(ttl), data: &[] });
            return true;
        };
        let Some((status, reason, ttl)) = judged(&set) else { return false };
        take(&Plain { rtype, status, reason, rcode: 0, ttl: Some(ttl), data: &set.data });
        if rtype == Rtype::SOA
            && let Some(set) = reading.set(Section::Authority, &zone.place.name, Rtype::NS)
            && let Some((status, reason, ttl)) = judged(&set)
        {
            // What an authority says of its own name servers beside its SOA record. (RFC 2181 section 5.4.1 ranks it next to an answer)
            take(&Plain { rtype: Rtype::NS, status, reason, rcode: 0, ttl: Some(ttl), data: &set.data });
        }
        true
    }

    /// Tells the resolver what a server of a zone has said.
    fn tell(&self, reply: &[u8], zone: &Name, question: &Question, server: IpAddr) {
        self.resolver.shared.validator.fetcher.overhear(Bytes::copy_from_slice(reply), zone, question, server);
    }

    /// Tells the resolver where a zone is served.
    fn tell_of(&self, place: &Whereabouts) {
        if !place.told.replace(true) {
            let question = Question { name: place.name.clone(), rtype: Rtype::SOA };
            self.tell(&place.referral, &place.origin.name, &question, place.referrer);
        }
    }

    /// A zone with its servers and what is proven about it, if it can be found out.
    async fn parent(&self, name: &Name) -> Option<Rc<Parent>> {
        let find = || -> Seldom<'_, _> {
            Box::pin(async {
                match self.find_parent(name).await {
                    Some((parent, lasts)) => (Some(Rc::new(parent)), lasts.min(FRESH)),
                    None => (None, DOUBT),
                }
            })
        };
        self.parents.of(name, find).await
    }

    /// With it, how long the proof holds.
    async fn find_parent(&self, name: &Name) -> Option<(Parent, Duration)> {
        let shared = &self.resolver.shared;
        self.resolver.lookup(name, Rtype::DNSKEY).await;
        let mut trust = &shared.validator.trust;
        let now = shared.config.clock.now();
        let trust = trust.get(name, now)?;
        let lasts = Duration::from_secs(u64::try_from(trust.expires().saturating_sub(now)).unwrap_or(0));
        let standing = match trust {
            Trust::Zone(keys) => Standing::Signed(keys),
            Trust::Insecure { reason, .. } => Standing::Insecure(reason),
            Trust::NotCut { .. } | Trust::NoSuchName { .. } => return None,
        };
        let delegation = shared.validator.fetcher.descent.closest(name);
        if !delegation.zone.is(name) {
            return None;
        }
        let mut servers: Vec<IpAddr> = delegation.servers.iter().flat_map(|server| server.addresses.iter().copied()).collect();
        servers.retain(|ip| self.allows(*ip));
        if servers.is_empty() {
            for server in delegation.servers.iter().take(MAX_LOOKED_UP) {
                servers.extend(self.addresses(&server.name).await.iter().flat_map(|found| found.iter().copied()));
            }
        }
        (!servers.is_empty()).then(|| (Parent { name: name.clone(), servers, standing }, lasts))
    }

    /// The addresses of a name server that may be asked, if there are any.
    async fn addresses(&self, name: &Name) -> Option<Rc<[IpAddr]>> {
        let find = || -> Seldom<'_, _> {
            Box::pin(async {
                let shared = &self.resolver.shared;
                let work = Work::new(&shared.config.budgets, &shared.config.timeouts);
                let found = shared.validator.fetcher.addresses(name, Place::new(&work)).await;
                let ours = matches!(&found, Err(error) if error.failure == Failure::Budget);
                let mut found = found.unwrap_or_default();
                found.retain(|ip| self.allows(*ip));
                match (found.is_empty(), ours) {
                    (false, _) => (Some(Rc::from(found)), FRESH),
                    (true, false) => (None, DOUBT),
                    (true, true) => (None, Duration::ZERO),
                }
            })
        };
        self.servers.of(name, find).await
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.resolver.shared.validator.fetcher.descent.allows(ip)
    }

    fn verified(&self, number: u32) {
        self.resolver.shared.validator.verifications.fetch_add(number.into(), Relaxed);
    }
}

/// An authority's answer, if it is nothing but the records asked for.
fn positive<'a>(reading: &'a Reading, name: &Name, rtype: Rtype) -> Option<Set<'a>> {
    let authority = reading.is_authoritative() || !reading.is_recursive();
    if authority { reading.only(name, rtype) } else { None }
}

/// The TTL of an authority's word that a name has no such records: its zone's apex. (RFC 2308 section 5)
fn absent(reading: &Reading, name: &Name) -> Option<u32> {
    if !reading.is_authoritative() || reading.records(Section::Answer).next().is_some() {
        return None;
    }
    let mut records = reading.records(Section::Authority);
    let (Some(soa), None) = (records.next(), records.next()) else { return None };
    let minimum = soa.data.last_chunk().map(|octets| u32::from_be_bytes(*octets))?;
    (soa.rtype == Rtype::SOA && soa.owner.eq_ignore_ascii_case(name.as_slice())).then(|| soa.ttl.min(minimum))
}

/// The lower bits of a message's response code.
fn rcode(message: &[u8]) -> Option<u16> {
    message.get(3).map(|octet| u16::from(octet & 0x0F))
}

fn pick(servers: &[IpAddr]) -> Option<IpAddr> {
    match servers {
        [] => None,
        servers => servers.get(rand::rng().random_range(0..servers.len())).copied(),
    }
}

fn address(rtype: Rtype, data: &[u8]) -> Option<IpAddr> {
    match rtype {
        Rtype::A => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        Rtype::AAAA => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Whether a name in wire form is another one or below it.
fn is_below(name: &[u8], ancestor: &[u8]) -> bool {
    let mut rest = name;
    loop {
        if rest.eq_ignore_ascii_case(ancestor) {
            return true;
        }
        let Some((length, after)) = rest.split_first() else { return false };
        if *length == 0 {
            return false;
        }
        let Some(next) = after.get(usize::from(*length)..) else { return false };
        rest = next;
    }
}
