//! The resolver's face.

use crate::answer::{Answer, LookupError};
use crate::cache::{Cache, Flights};
use crate::config::{Config, ConfigError, Ipv6, Mode};
use crate::direct::Direct;
use crate::exchange::{Exchange, Fault, Transport, Try};
use crate::fetch::Fetcher;
use crate::iterate::{Families, Lookups, Reach, hop};
use crate::net::{Net, has_ipv6_route};
use crate::reply;
use crate::trouble::{Trouble, Troubles};
use crate::validate::{Source, Validator};
use crate::wire::{self, Style};
use crate::work::{Place, Work};
use bytes::Bytes;
use dnssec::{Name, Question, Relation};
use domain::base::iana::Rtype;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Name servers taken from one set.
const MAX_NAMES: usize = 32;
/// Servers of a parent that are asked for a delegation.
const MAX_PARENTS: usize = 4;

/// Looks names up and validates what it finds. Clones share caches, sockets and server memory.
#[derive(Clone)]
pub struct Resolver {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub config: Arc<Config>,
    pub exchange: Arc<Exchange>,
    pub validator: Validator,
    answers: Cache<Question, Arc<Answer>>,
    flights: Flights<Question, Arc<Answer>>,
}

/// What lookups have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages sent.
    pub queries: u64,
    /// Messages received that answered one.
    pub replies: u64,
    /// Signatures verified with a key.
    pub verifications: u64,
    /// Names hashed for NSEC3, and keys for DS records.
    pub hashes: u64,
}

impl std::ops::Add for Counters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            queries: self.queries + other.queries,
            replies: self.replies + other.replies,
            verifications: self.verifications + other.verifications,
            hashes: self.hashes + other.hashes,
        }
    }
}

impl std::iter::Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(counters: I) -> Self {
        counters.fold(Self::default(), std::ops::Add::add)
    }
}

impl Resolver {
    /// A resolver with empty caches. Sends nothing yet.
    ///
    /// # Errors
    /// If the configuration leaves nobody to ask.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let reach = reach(&config)?;
        let config = Arc::new(config);
        let exchange = Arc::new(Exchange::new(Net::new(config.budgets.sockets, config.source.clone()), config.gate.clone()));
        let fetcher = Fetcher::new(config.clone(), exchange.clone(), reach);
        let answers = Cache::new(config.budgets.cache_bytes / 4);
        let validator = Validator::new(config.clone(), fetcher);
        Ok(Self { shared: Arc::new(Shared { config, exchange, validator, answers, flights: Flights::new() }) })
    }

    /// Asks, follows aliases, validates. Never fails: failure is in the answer, with its kind and the servers involved.
    ///
    /// Who asks what is being asked already waits for the same answer. TTLs are as received, also when the answer comes from the cache.
    pub async fn lookup(&self, name: &Name, rtype: Rtype) -> Arc<Answer> {
        let question = Question { name: name.clone(), rtype };
        if let Some(known) = self.shared.answers.get(&question) {
            return known;
        }
        let work = || async {
            let answer = Arc::new(self.shared.validator.answer(&question, Source::Servers).await);
            self.keep(&answer);
            answer
        };
        let (answer, _) = self.shared.flights.join(&question, work).await;
        answer
    }

    /// As [`lookup`](Self::lookup), but the question itself is put to this server alone, and its answer is not cached: what one of
    /// several servers of a zone says. Aliases are not followed to other servers. An error code is a failure, and so is what it
    /// says without being an authority.
    pub async fn lookup_at(&self, server: IpAddr, name: &Name, rtype: Rtype) -> Answer {
        let question = Question { name: name.clone(), rtype };
        let started = Instant::now();
        let asked = self.ask_directly(server, &question, self.config().attempts).await;
        match asked.and_then(|reply| self.first_hand(reply, server, &question)) {
            Ok(reply) => {
                let hop = Arc::new(hop(reply, server));
                self.shared.validator.answer(&question, Source::Given(&hop)).await
            }
            Err(error) => {
                let (at, elapsed) = (self.shared.config.clock.now(), started.elapsed());
                Answer { at, server: Some(server), elapsed, ..Answer::failed(question, error) }
            }
        }
    }

    /// The reply, if it is an authority's word or that of the upstream.
    fn first_hand(&self, reply: wire::Reply, server: IpAddr, question: &Question) -> Result<wire::Reply, LookupError> {
        if matches!(self.config().mode, Mode::Upstream(upstream) if upstream.ip() == server) {
            return Ok(reply);
        }
        let error = reply::is_error(&reply.response).then_some(Trouble::Rcode(reply.response.rcode));
        let Some(trouble) = error.or_else(|| reply::hearsay(&reply, question).map(Trouble::Lame)) else { return Ok(reply) };
        let mut troubles = Troubles::default();
        troubles.note(server, trouble, Some(reply.raw));
        Err(troubles.into_error(&question.name, question))
    }

    /// As [`lookup_at`](Self::lookup_at), without validation: the status is indeterminate.
    pub async fn stub(&self, server: SocketAddr, question: &Question) -> Arc<Answer> {
        let asked = self.ask_directly_at(server, Style::Authoritative, question, self.config().attempts).await;
        Arc::new(match asked {
            Err(error) => Answer { at: self.config().clock.now(), server: Some(server.ip()), ..Answer::failed(question.clone(), error) },
            Ok(reply) => {
                let rrset = reply.response.answer.into_iter().find(|set| set.rtype == question.rtype);
                Answer {
                    at: self.config().clock.now(),
                    rcode: reply.response.rcode,
                    rrset,
                    server: Some(server.ip()),
                    ..Answer::empty(question.clone())
                }
            }
        })
    }

    /// What one server says to one question, unvalidated, whatever its response code.
    ///
    /// # Errors
    /// If it says nothing that can be read.
    pub async fn query_at(&self, server: IpAddr, question: &Question) -> Result<Direct, LookupError> {
        let started = Instant::now();
        self.ask_directly(server, question, self.config().attempts).await.map(|reply| Direct::new(reply, started.elapsed()))
    }

    /// As [`query_at`](Self::query_at), with one datagram and no second try.
    pub(crate) async fn query_once(&self, server: IpAddr, question: &Question) -> Result<Direct, LookupError> {
        let started = Instant::now();
        self.ask_directly(server, question, 1).await.map(|reply| Direct::new(reply, started.elapsed()))
    }

    /// The apex of the zone that `name` is in, by the SOA records found; `None` if no server could say.
    pub async fn zone_apex(&self, name: &Name) -> Option<Name> {
        let work = Work::new(&self.shared.config.budgets, &self.shared.config.timeouts);
        let mut name = name.clone();
        loop {
            let question = Question { name: name.clone(), rtype: Rtype::SOA };
            let fetched = self.shared.validator.fetcher.fetch(&question, Place::new(&work)).await.ok()?;
            let (_, first) = fetched.hops.first()?;
            let soa = first.response.answer.iter().find(|set| set.rtype == Rtype::SOA && set.owner == name);
            if let Some(soa) = soa.or_else(|| reply::soa_above(&first.response, &name)) {
                return Some(soa.owner.clone());
            }
            // An alias, whose SOA answer is about its target; or a server that does not say. The parent is in the same zone or above.
            name = name.parent()?;
        }
    }

    /// The name servers of the zone `apex` and their addresses, by the zone's own NS records.
    ///
    /// # Errors
    /// If the NS records cannot be had. A server without address has an empty list.
    pub async fn name_servers(&self, apex: &Name) -> Result<Vec<(Name, Vec<IpAddr>)>, LookupError> {
        let work = Work::new(&self.shared.config.budgets, &self.shared.config.timeouts);
        let (place, fetcher) = (Place::new(&work), &self.shared.validator.fetcher);
        let question = Question { name: apex.clone(), rtype: Rtype::NS };
        let fetched = fetcher.fetch(&question, place).await?;
        let sets = fetched.response.answer.iter().filter(|set| set.rtype == Rtype::NS && set.owner.is(apex));
        Ok(self.with_addresses(sets.flat_map(|set| &set.data), &[], place).await)
    }

    /// The names in these NS records with those of their addresses that may be asked: what came along, else what is looked up.
    async fn with_addresses(
        &self,
        names: impl Iterator<Item = &Bytes>,
        glue: &[(Name, IpAddr)],
        place: Place<'_>,
    ) -> Vec<(Name, Vec<IpAddr>)> {
        let fetcher = &self.shared.validator.fetcher;
        let mut servers = Vec::new();
        for name in names.filter_map(|data| Name::from_octets(data.clone()).ok()).take(MAX_NAMES) {
            let mut addresses: Vec<IpAddr> = glue.iter().filter(|(owner, _)| *owner == name).map(|(_, address)| *address).collect();
            if addresses.is_empty() {
                addresses = fetcher.addresses(&name, place).await.unwrap_or_default();
            }
            addresses.retain(|address| fetcher.descent.allows(*address));
            servers.push((name, addresses));
        }
        servers
    }

    /// A zone's servers as those of its parent name them, with their addresses: those that come with the delegation, as resolvers use them, else
    /// those that can be looked up. Unvalidated, for nobody signs a delegation. `None` if none of the parent's could be asked, or if there is
    /// no parent.
    pub async fn delegation(&self, apex: &Name) -> Option<Vec<(Name, Vec<IpAddr>)>> {
        let parent = self.zone_apex(&apex.parent()?).await?;
        let question = Question { name: apex.clone(), rtype: Rtype::NS };
        let servers = self.name_servers(&parent).await.ok()?;
        for server in servers.into_iter().flat_map(|(_, addresses)| addresses).take(MAX_PARENTS) {
            let Ok(reply) = self.ask_directly(server, &question, self.config().attempts).await else { continue };
            let mut sets = reply.response.answer.iter().chain(&reply.response.authority);
            if let Some(set) = sets.find(|set| set.rtype == Rtype::NS && set.owner.is(apex)) {
                let work = Work::new(&self.shared.config.budgets, &self.shared.config.timeouts);
                return Some(self.with_addresses(set.data.iter(), &reply.glue, Place::new(&work)).await);
            }
        }
        None
    }

    /// Whether this server answers over TCP, whatever it says. (R-128 rfc7766#5)
    ///
    /// # Errors
    /// If it could not be tried.
    pub async fn answers_over_tcp(&self, server: IpAddr, question: &Question) -> Result<bool, LookupError> {
        let Shared { config, exchange, .. } = &*self.shared;
        let wait = config.timeouts.tcp;
        let server = SocketAddr::new(server, config.dns_port);
        let this = Try { server, style: Style::Authoritative, transport: Transport::Tcp, udp_wait: wait, tcp_wait: wait };
        match exchange.ask(question, this, &Work::new(&config.budgets, &config.timeouts)).await {
            Ok(_) => Ok(true),
            Err(Fault::Lookup(error)) => Err(error),
            Err(Fault::Server(..)) => Ok(false),
        }
    }

    /// What all lookups together have cost so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let Shared { exchange, validator, .. } = &*self.shared;
        Counters {
            queries: exchange.queries.load(Relaxed),
            replies: exchange.replies.load(Relaxed),
            verifications: validator.verifications.load(Relaxed),
            hashes: validator.hashes.load(Relaxed),
        }
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Asks whom the mode says, but one server only: the configured upstream as a resolver, others as authorities.
    async fn ask_directly(&self, server: IpAddr, question: &Question, attempts: u32) -> Result<wire::Reply, LookupError> {
        let (address, style) = match self.config().mode {
            Mode::Upstream(upstream) if upstream.ip() == server => (upstream, Style::Recursive),
            _ => (SocketAddr::new(server, self.config().dns_port), Style::Authoritative),
        };
        self.ask_directly_at(address, style, question, attempts).await
    }

    async fn ask_directly_at(
        &self,
        address: SocketAddr,
        style: Style,
        question: &Question,
        attempts: u32,
    ) -> Result<wire::Reply, LookupError> {
        let Shared { config, exchange, .. } = &*self.shared;
        let work = Work::new(&config.budgets, &config.timeouts);
        let server = address.ip();
        let mut troubles = Troubles::default();
        for attempt in 0..attempts.max(1) {
            let last = attempt > 0 && attempt + 1 >= attempts;
            let this = Try {
                server: address,
                style,
                transport: if last { Transport::Tcp } else { Transport::Udp },
                udp_wait: config.timeouts.query * (attempt + 1),
                tcp_wait: config.timeouts.tcp,
            };
            match exchange.ask(question, this, &work).await {
                Ok(reply) => return Ok(reply),
                Err(Fault::Lookup(error)) => return Err(error),
                Err(Fault::Server(trouble, raw)) => troubles.note(server, trouble, raw),
            }
        }
        let mut error = troubles.into_error(&question.name, question);
        error.detail = format!("{server} asked for {} {}: {}", question.name.fmt_with_dot(), question.rtype, error.detail);
        Err(error)
    }

    fn keep(&self, answer: &Arc<Answer>) {
        let until = Instant::now() + answer.holds_for();
        let records =
            answer.rrset.iter().map(|set| set.data.iter().map(|data| 64 + data.len()).sum::<usize>() + 256 * set.signatures.len());
        let bytes =
            1000 + records.sum::<usize>() + answer.raw.iter().map(|raw| 64 + raw.len()).sum::<usize>() + 100 * answer.attempts.len();
        self.shared.answers.put(answer.question.clone(), answer.clone(), bytes, until);
    }
}

fn reach(config: &Config) -> Result<Reach, ConfigError> {
    let families = match config.ipv6 {
        Ipv6::Off => Families::V4,
        Ipv6::Auto if has_ipv6_route() => Families::Both,
        Ipv6::Auto => Families::V4AndLoopback,
    };
    let Mode::Iterative { roots } = &config.mode else { return Ok(Reach { families, local: true }) };
    let mut addresses = roots.iter().flat_map(|(_, addresses)| addresses).peekable();
    if addresses.peek().is_none() {
        return Err(ConfigError::NoRoots(""));
    }
    let local = addresses.clone().any(IpAddr::is_loopback);
    if config.ipv6 == Ipv6::Off && addresses.all(IpAddr::is_ipv6) {
        return Err(ConfigError::NoRoots(": they have IPv6 addresses only, and IPv6 is off"));
    }
    Ok(Reach { families, local })
}
