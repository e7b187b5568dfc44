//! From the root down: which servers to ask, and what to make of their replies.

use crate::answer::{Failure, LookupError};
use crate::cache::{Cache, Flights};
use crate::config::{Config, Mode};
use crate::exchange::{Exchange, Fault, Transport, Try};
use crate::reply::{self, Meaning, NameServer};
use crate::servers::Health;
use crate::trouble::{Trouble, Troubles};
use crate::wire::{Reply, Style};
use crate::work::{Path, Place};
use bytes::Bytes;
use dnssec::{Name, Question, Relation, Response};
use domain::base::iana::{OptRcode, Rtype};
use rand::seq::SliceRandom;
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A delegation that failed is learned anew only if it is older than this.
const OLD: Duration = Duration::from_secs(120);

/// Tries beyond the usual at servers that answer as a rule: over TCP, so that no more than three go over either transport. (RFC 9520
/// section 3.1)
const LUCK: u32 = 2;
/// Time before each of these: who is overloaded needs it.
const BREATH: Duration = Duration::from_millis(250);

/// One server's final word on a question: records, an alias, or that there is nothing. Scrubbed.
#[derive(Debug)]
pub struct Hop {
    pub response: Arc<Response>,
    pub raw: Bytes,
    pub server: IpAddr,
    /// When it came.
    pub received: Instant,
    /// Until when it may be given again.
    pub expires: Instant,
}

/// A zone and its servers, as its parent names them.
#[derive(Debug)]
pub struct Delegation {
    pub zone: Name,
    pub servers: Vec<NameServer>,
    learned: Instant,
    standing: Standing,
}

/// What has become of the questions put to a zone's servers.
#[derive(Debug, Default)]
struct Standing {
    /// Some server has said something of use.
    spoke: AtomicBool,
    /// A question was given up after all tries.
    failed: AtomicBool,
}

impl Standing {
    /// A zone whose servers have never been of use, in spite of all tries, is not worth as many again.
    fn is_hopeless(&self) -> bool {
        self.failed.load(Relaxed) && !self.spoke.load(Relaxed)
    }
}

/// What iteration needs of the lookups above it.
pub trait Lookups: Send + Sync {
    /// The addresses of a name server.
    fn addresses<'a>(&'a self, name: &'a Name, place: Place<'a>) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>>;

    /// Takes note of the answer to a question that was not asked yet.
    fn learn(&self, question: Question, hop: Hop);
}

/// A future behind a pointer, so that lookups can nest.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Knows delegations and asks servers.
pub struct Descent {
    config: Arc<Config>,
    pub exchange: Arc<Exchange>,
    root: Arc<Delegation>,
    delegations: Cache<Name, Arc<Delegation>>,
    /// Those who look below a cut first, while others wait for what they find.
    first: Flights<(u32, Name), ()>,
    reach: Reach,
}

/// Which families of addresses are of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    V4,
    /// IPv6 only on this machine, as there is no route.
    V4AndLoopback,
    Both,
}

/// Which addresses are asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    pub families: Families,
    /// Whether name servers may be on this machine, as in a lab. Otherwise a zone on the Internet that points there is up to no good.
    pub local: bool,
}

impl Reach {
    fn allows(self, ip: IpAddr) -> bool {
        let family = match ip {
            IpAddr::V4(ip) => !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_link_local()),
            IpAddr::V6(ip) => {
                let special = ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() || ip.to_ipv4_mapped().is_some();
                !special
                    && match self.families {
                        Families::V4 => false,
                        Families::V4AndLoopback => ip.is_loopback(),
                        Families::Both => true,
                    }
            }
        };
        family && (self.local || !ip.is_loopback())
    }
}

impl Descent {
    pub fn new(config: Arc<Config>, exchange: Arc<Exchange>, reach: Reach) -> Self {
        let roots = match &config.mode {
            Mode::Iterative { roots } => roots.as_slice(),
            Mode::Upstream(_) => &[],
        };
        let servers = roots.iter().map(|(name, addresses)| NameServer { name: name.clone(), addresses: addresses.clone() }).collect();
        let root = Arc::new(Delegation { zone: Name::root_bytes(), servers, learned: Instant::now(), standing: Standing::default() });
        let delegations = Cache::new(config.budgets.cache_bytes / 4);
        Self { config, exchange, root, delegations, first: Flights::new(), reach }
    }

    /// The servers that the parent names for the zone closest to `name`, as far as known.
    pub fn closest(&self, name: &Name) -> Arc<Delegation> {
        name.iter_suffixes().find_map(|zone| self.delegations.get(&zone)).unwrap_or_else(|| self.root.clone())
    }

    /// Whether IPv6 addresses of name servers are worth looking up.
    pub fn wants_ipv6(&self) -> bool {
        self.reach.families == Families::Both
    }

    /// Whether an address is asked at all.
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.reach.allows(ip) && !self.config.leave_alone.hold(ip)
    }

    /// Follows referrals until some server has the final word.
    pub async fn descend(&self, question: &Question, place: Place<'_>, lookups: &dyn Lookups) -> Result<Hop, LookupError> {
        // DS records are the parent's. (RFC 4035 section 3.1.4.1)
        let start = if question.rtype == Rtype::DS { question.name.parent() } else { None };
        let start = start.as_ref().unwrap_or(&question.name);
        let mut zone = self.closest(start);
        let mut renewed = false;
        let mut hiding = Hiding { of: question, active: self.config.minimise, shown: 0 };
        for _ in 0..self.config.budgets.referrals {
            let less = hiding.less(&zone.zone);
            let asked = less.as_ref().unwrap_or(question);
            let search = Search { descent: self, zone: &zone, question: asked, place, lookups };
            let found = match self.crowded_cut(&zone.zone, asked, place) {
                None => search.step().await,
                Some(cut) => match self.after_the_first(cut, place, &search).await {
                    Some(found) => found,
                    None => {
                        let closer = self.closest(start);
                        if closer.zone == zone.zone { search.step().await } else { Ok(Found::Referral(closer)) }
                    }
                },
            };
            match found {
                Ok(Found::Word(hop)) if less.is_some() => hiding.heard(asked, &hop.response),
                Ok(Found::Word(hop)) => return Ok(*hop),
                Ok(Found::Referral(child)) => zone = child,
                Err(error) if error.failure == Failure::Budget => return Err(error),
                // Some servers cannot stand the question; what was really meant, they may answer.
                Err(_) if less.is_some() => hiding.active = false,
                // The zone may have moved since we learned where it is.
                Err(_) if !renewed && zone.learned.elapsed() > OLD && zone.zone != self.root.zone => {
                    renewed = true;
                    self.delegations.remove(&zone.zone);
                    zone = self.closest(start);
                }
                Err(error) => return Err(error),
            }
        }
        let detail = format!("more than {} referrals on the way to {}", self.config.budgets.referrals, question.name.fmt_with_dot());
        Err(LookupError::new(Failure::DelegationLoop, detail))
    }

    /// The name just below `zone` at which a referral is to be expected that many may want at once: a TLD, or a domain below one.
    fn crowded_cut(&self, zone: &Name, question: &Question, place: Place<'_>) -> Option<Name> {
        let labels = zone.label_count();
        // From the second level on nobody waits: see Fetcher::hop.
        if labels > 2 || place.depth() > 1 || place.avoid.is_some() {
            return None;
        }
        let cut = question.name.iter_suffixes().find(|suffix| suffix.label_count() == labels + 1)?;
        (question.rtype != Rtype::DS || cut != question.name).then_some(cut)
    }

    /// What this search finds, if it is the first of those that look below `cut`. The others wait, and then know the way: `None`.
    async fn after_the_first(&self, cut: Name, place: Place<'_>, search: &Search<'_>) -> Option<Result<Found, LookupError>> {
        let mut found = None;
        let key = (place.depth(), cut);
        let first = async {
            // Somebody may have found the way since we looked.
            if self.delegations.get(&key.1).is_none() {
                found = Some(search.step().await);
            }
        };
        self.first.join(&key, || first).await;
        found
    }

    /// What the reply of a server of `zone` to a question leads to. What it says beside that is taken note of.
    ///
    /// # Errors
    /// If it does not help; with the reply's bytes.
    pub fn make_of(
        &self,
        mut reply: Reply,
        zone: &Name,
        question: &Question,
        server: IpAddr,
        lookups: &dyn Lookups,
    ) -> Result<Found, (Trouble, Bytes)> {
        match reply::read(&mut reply, zone, question) {
            Meaning::Word => {
                if let Some(response) = reply::ns_beside(&reply, question) {
                    // Whoever asks for SOA asks for NS as well, as a rule.
                    let question = Question { name: question.name.clone(), rtype: Rtype::NS };
                    lookups.learn(question, hop(Reply { response, ..reply.clone() }, server));
                }
                Ok(Found::Word(Box::new(hop(reply, server))))
            }
            Meaning::Referral { zone, servers, ttl } => {
                if let Some(response) = reply::ds_beside(&reply.response, &zone) {
                    // The parent said beside the referral what it would be asked next for the sake of validation.
                    let question = Question { name: zone.clone(), rtype: Rtype::DS };
                    lookups.learn(question, hop(Reply { response, ..reply }, server));
                }
                let child = Delegation { zone, servers, learned: Instant::now(), standing: Standing::default() };
                Ok(Found::Referral(self.keep(child, ttl)))
            }
            Meaning::ErrorCode(code) => Err((Trouble::Rcode(code), reply.raw)),
            Meaning::Lame(how) => Err((Trouble::Lame(how), reply.raw)),
        }
    }

    fn keep(&self, delegation: Delegation, ttl: Duration) -> Arc<Delegation> {
        let bytes = delegation.servers.iter().map(|s| 80 + s.name.len() + 20 * s.addresses.len()).sum::<usize>() + 300;
        let delegation = Arc::new(delegation);
        self.delegations.put(delegation.zone.clone(), delegation.clone(), bytes, Instant::now() + ttl);
        delegation
    }

    /// One try at one server, the `attempt`-th (from 0). The last ones are over TCP: some paths lose what UDP fragments.
    fn attempt(&self, server: IpAddr, attempt: u32) -> Try {
        let timeouts = self.config.timeouts;
        let last = attempt > 0 && attempt + 1 >= self.config.attempts;
        let stream = last || self.exchange.servers.is_deaf_to_datagrams(server);
        Try {
            server: SocketAddr::new(server, self.config.dns_port),
            style: Style::Authoritative,
            transport: if stream { Transport::Tcp } else { Transport::Udp },
            udp_wait: if attempt == 0 { self.exchange.servers.patience(server, timeouts.query) } else { timeouts.query * 2 },
            tcp_wait: if last { timeouts.tcp.min(timeouts.query * 2) } else { timeouts.tcp },
        }
    }
}

/// How much of a name the servers on the way to it have been shown. (RFC 9156)
struct Hiding<'a> {
    of: &'a Question,
    active: bool,
    /// Labels, the root's included, down to which there is no cut below the zone that is asked.
    shown: usize,
}

/// Labels that are shown one by one; deeper names are shown whole then. (MAX_MINIMISE_COUNT of RFC 9156 section 2.3)
const MAX_MINIMISED: usize = 10;

impl Hiding<'_> {
    /// The question to put to a server of `zone` instead: for the name with one more label than is known, and a type that every server
    /// knows. `None` if that would be the whole name.
    // RFC 9156 section 2.1: A instead of NS, which middleboxes have been seen to drop.
    fn less(&self, zone: &Name) -> Option<Question> {
        let labels = self.shown.max(zone.label_count()) + 1;
        if !self.active || labels >= self.of.name.label_count() || labels > zone.label_count() + MAX_MINIMISED {
            return None;
        }
        let name = self.of.name.iter_suffixes().find(|suffix| suffix.label_count() == labels)?;
        Some(Question { name, rtype: Rtype::A })
    }

    /// A server has said its final word on part of the name: there is no cut there. That it does not exist is for the whole name to prove,
    /// and not always true. (RFC 9156 section 2.3, RFC 8020)
    fn heard(&mut self, asked: &Question, response: &Response) {
        self.shown = asked.name.label_count();
        self.active &= response.rcode == OptRcode::NOERROR.to_int();
    }
}

/// What asking a zone's servers led to.
pub enum Found {
    Word(Box<Hop>),
    Referral(Arc<Delegation>),
}

/// One question put to the servers of one zone.
struct Search<'a> {
    descent: &'a Descent,
    zone: &'a Delegation,
    question: &'a Question,
    place: Place<'a>,
    lookups: &'a dyn Lookups,
}

impl Search<'_> {
    /// Tries every server once, then those whose trouble may pass again.
    async fn step(&self) -> Result<Found, LookupError> {
        let mut troubles = Troubles::default();
        let (zone, question) = (&self.zone.zone, self.question);
        match self.rounds(&mut troubles).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(troubles.into_error(zone, question)),
            Err(over) => Err(troubles.into_budget_error(zone, question, over, self.place.work.time_left())),
        }
    }

    async fn rounds(&self, troubles: &mut Troubles) -> Result<Option<Found>, LookupError> {
        let (attempts, standing) = (self.descent.config.attempts, &self.zone.standing);
        let mut found = self.first_round(troubles).await?;
        let most = if standing.is_hopeless() { 0 } else { attempts + LUCK.min(attempts.saturating_sub(1)) };
        for attempt in 1..most {
            if found.is_some() {
                break;
            }
            let servers = &self.descent.exchange.servers;
            let mut again = if attempt < attempts { troubles.worth_another_try() } else { troubles.of_chance() };
            again.retain(|ip| match servers.health(*ip) {
                Health::Normal => attempt < attempts || servers.has_answered(*ip) && !servers.is_deaf_to_datagrams(*ip),
                Health::Dead => attempt + 1 == attempts && servers.may_speak_over_tcp(*ip),
            });
            servers.order(&mut again);
            if attempt >= attempts && !again.is_empty() {
                sleep(BREATH.min(self.place.work.time_left())).await;
            }
            for server in again {
                found = self.ask(server, attempt, troubles).await?;
                if found.is_some() {
                    break;
                }
            }
        }
        let outcome = if found.is_some() { &standing.spoke } else { &standing.failed };
        outcome.store(true, Relaxed);
        Ok(found)
    }

    /// Servers whose address is known first. Then those of which only the name is known, one at a time, as long as none has helped:
    /// a delegation can name many servers that are expensive to find. (the NXNS attack)
    async fn first_round(&self, troubles: &mut Troubles) -> Result<Option<Found>, LookupError> {
        let mut known: Vec<IpAddr> = self.zone.servers.iter().flat_map(|s| s.addresses.iter().copied()).collect();
        let mut names = self.names_to_look_up();
        let mut seen = HashSet::new();
        loop {
            known.retain(|ip| self.may_ask(*ip) && seen.insert(*ip));
            self.descent.exchange.servers.order(&mut known);
            for server in std::mem::take(&mut known) {
                if let Some(found) = self.ask(server, 0, troubles).await? {
                    return Ok(Some(found));
                }
            }
            let Some(name) = names.pop_front() else { return Ok(None) };
            match self.look_up(name).await {
                Ok(found) => known = found,
                Err(error) if error.failure == Failure::Budget => return Err(error),
                Err(error) => troubles.no_address(name.clone(), error),
            }
        }
    }

    /// Name servers without address in random order; then those that have one from the parent, which may be out of date.
    fn names_to_look_up(&self) -> VecDeque<&Name> {
        let within = |s: &&NameServer| s.name.is_within(&self.zone.zone);
        let (glued, mut bare): (Vec<_>, Vec<_>) =
            self.zone.servers.iter().partition(|s| s.addresses.iter().any(|ip| self.descent.allows(*ip)));
        bare.shuffle(&mut rand::rng());
        // The deeper, the fewer: the product of all levels is what an attacker gets.
        let most = (self.descent.config.budgets.name_servers >> (2 * self.place.depth()).min(31)).max(2);
        let stale = glued.into_iter().filter(|s| !within(s));
        bare.into_iter().chain(stale).map(|s| &s.name).take(most as usize).collect()
    }

    async fn look_up(&self, name: &Name) -> Result<Vec<IpAddr>, LookupError> {
        if self.place.is_within(name) || self.question.name == *name && matches!(self.question.rtype, Rtype::A | Rtype::AAAA) {
            let detail = format!("its address is needed to look up its address ({} is served by it)", self.zone.zone.fmt_with_dot());
            return Err(LookupError::new(Failure::DelegationLoop, detail));
        }
        if self.place.depth() >= self.descent.config.budgets.depth {
            let detail = format!("name servers depend on name servers {} levels deep", self.place.depth());
            return Err(LookupError::new(Failure::DelegationLoop, detail));
        }
        let path = Path { name, up: self.place.path };
        self.lookups.addresses(name, self.place.below(&path)).await
    }

    fn may_ask(&self, server: IpAddr) -> bool {
        let avoided = self.place.avoid.and_then(|avoid| avoid.get(self.question)).is_some_and(|(servers, _)| servers.contains(&server));
        self.descent.allows(server) && !avoided
    }

    /// Asks one server and judges its reply. `Ok(None)`: it did not help, ask the next.
    async fn ask(&self, server: IpAddr, attempt: u32, troubles: &mut Troubles) -> Result<Option<Found>, LookupError> {
        let this = self.descent.attempt(server, attempt);
        let reply = match self.descent.exchange.ask(self.question, this, self.place.work).await {
            Ok(reply) => reply,
            Err(Fault::Lookup(error)) => return Err(error),
            Err(Fault::Server(trouble, raw)) => {
                troubles.note(server, trouble, raw);
                return Ok(None);
            }
        };
        match self.descent.make_of(reply, &self.zone.zone, self.question, server, self.lookups) {
            Ok(found) => Ok(Some(found)),
            Err((trouble, raw)) => {
                troubles.note(server, trouble, Some(raw));
                Ok(None)
            }
        }
    }
}

/// A reply that is a final word.
pub fn hop(reply: Reply, server: IpAddr) -> Hop {
    let received = Instant::now();
    let expires = received + reply::lifetime(&reply.response);
    Hop { response: Arc::new(reply.response), raw: reply.raw, server, received, expires }
}
