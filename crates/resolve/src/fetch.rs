//! A question's whole answer, alias chain included, not yet validated.

use crate::answer::{Failure, LookupError, Whom};
use crate::cache::{Cache, Flights, Whose};
use crate::config::{Config, Mode};
use crate::exchange::{Exchange, Fault, Transport, Try};
use crate::iterate::{BoxFuture, Descent, Found, Hop, Lookups, Reach, hop};
use crate::reply::{self, alias_target, soa_above};
use crate::trouble::{Trouble, Troubles};
use crate::wire::{self, Received, Style};
use crate::work::Place;
use bytes::Bytes;
use dnssec::{Name, Question, Relation, Response, Rrset};
use domain::base::iana::{OptRcode, Rtype};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a failure is remembered. (RFC 9520 section 3.2 asks for at least 1 and at most 300 seconds)
pub const FAILURE_TTL: Duration = Duration::from_secs(5);

/// The longest that what made an answer bogus or indeterminate is given again. (R-125 rfc4035#4.7)
pub const DOUBT_TTL: Duration = Duration::from_secs(30);

/// How long a lookup whose time is up may take to say so.
const LAST_WORD: Duration = Duration::from_millis(500);

/// An answer with all its links, put together from what one or several servers said.
#[derive(Debug)]
pub struct Fetched {
    /// All links and the end of the chain, as one resolver's response would show them.
    pub response: Arc<Response>,
    /// Who said what.
    pub hops: Vec<(Question, Arc<Hop>)>,
}

/// Fetches and remembers.
pub struct Fetcher {
    config: Arc<Config>,
    pub descent: Descent,
    hops: Cache<Question, Result<Arc<Hop>, LookupError>>,
    flights: Flights<(u32, Question), Result<Arc<Hop>, LookupError>>,
}

impl Fetcher {
    pub fn new(config: Arc<Config>, exchange: Arc<Exchange>, reach: Reach) -> Self {
        let hops = Cache::new(config.budgets.cache_bytes / 4);
        Self { descent: Descent::new(config.clone(), exchange, reach), config, hops, flights: Flights::new() }
    }

    /// The answer to a question with its alias chain, from caches where they have it.
    pub async fn fetch(&self, question: &Question, place: Place<'_>) -> Result<Fetched, LookupError> {
        let mut whole: Option<Arc<Response>> = None;
        let mut hops: Vec<(Question, Arc<Hop>)> = Vec::with_capacity(1);
        let mut seen = vec![question.name.clone()];
        loop {
            let name = seen.last().unwrap_or(&question.name).clone();
            let asked = Question { name, rtype: question.rtype };
            let hop = self.hop(&asked, place).await.map_err(|error| after_aliases(error, &seen))?;
            let end = self.follow(&hop.response, &asked, &mut seen).map_err(|error| {
                let raw = hops.iter().map(|(_, hop)| hop).chain([&hop]).map(|hop| hop.raw.clone()).collect();
                LookupError { raw, ..error }
            })?;
            match &mut whole {
                None => whole = Some(hop.response.clone()),
                Some(whole) => merge(Arc::make_mut(whole), &hop.response),
            }
            hops.push((asked, hop));
            if end == End::Reached {
                return Ok(Fetched { response: whole.unwrap_or_default(), hops });
            }
        }
    }

    /// Follows the aliases within one response; `seen` grows by their targets.
    fn follow(&self, response: &Response, asked: &Question, seen: &mut Vec<Name>) -> Result<End, LookupError> {
        let start = seen.len();
        loop {
            let Some(name) = seen.last() else { return Ok(End::Reached) };
            let here = |set: &&Rrset| set.owner.is(name) && (set.rtype == asked.rtype || asked.rtype == Rtype::ANY);
            if response.answer.iter().any(|set| here(&set)) {
                return Ok(End::Reached);
            }
            let Some(target) = alias_target(&response.answer, name) else {
                // Nothing more here. That is the end if this is what was asked, or if the response says that there is no more.
                let negative = soa_above(response, name).is_some() || matches!(self.config.mode, Mode::Upstream(_)) && says_no(response);
                return Ok(if seen.len() == start || negative { End::Reached } else { End::Elsewhere });
            };
            let looped = seen.contains(&target);
            if looped || seen.len() > self.config.budgets.aliases as usize {
                let what = if looped { "the alias chain loops" } else { "the alias chain is too long" };
                let chain: Vec<String> = seen.iter().chain([&target]).map(|n| n.fmt_with_dot().to_string()).collect();
                return Err(LookupError::new(Failure::AliasLoop, format!("{what}: {}", chain.join(" -> "))));
            }
            seen.push(target);
        }
    }

    /// One server's final word, from the cache, from somebody who is asking already, or from the servers.
    async fn hop(&self, question: &Question, place: Place<'_>) -> Result<Arc<Hop>, LookupError> {
        if let Some((_, blamed)) = place.avoid.and_then(|avoid| avoid.get(question)) {
            return Ok(self.other_than(blamed, question, place).await);
        }
        if let Some(known) = self.hops.get(question) {
            return known;
        }
        // Who waits, waits for somebody one level deeper, and from the second level on nobody waits: no circle can form.
        let depth = place.depth();
        if depth > 1 {
            return self.ask(question, place).await;
        }
        let key = (depth, question.clone());
        let flight = self.flights.join(&key, || self.ask(question, place));
        // Whom we wait for may have begun later, and have more time than we. If it is ourselves, we know best why time is up.
        let Ok((result, whose)) = timeout(place.work.time_left() + LAST_WORD, flight).await else {
            return Err(place.work.out_of_time());
        };
        match result {
            // Another lookup ran out of budget; ours need not.
            Err(error) if error.failure == Failure::Budget && whose == Whose::Theirs => self.ask(question, place).await,
            result => result,
        }
    }

    /// Asks servers other than those whose answer made the lookup bogus, then those same ones if their answer is from the cache: they may
    /// have been mended. If nobody says anything, that answer stands.
    async fn other_than(&self, blamed: &Arc<Hop>, question: &Question, place: Place<'_>) -> Arc<Hop> {
        let mut found = self.ask_servers(question, place).await;
        if found.is_err() && place.avoid.is_some_and(|avoid| avoid.is_stale(question)) {
            found = self.ask_servers(question, Place { avoid: None, ..place }).await;
        }
        match found {
            Err(_) => blamed.clone(),
            Ok(other) => {
                if let Some(avoid) = place.avoid {
                    avoid.found_another();
                }
                let other = Arc::new(other);
                self.keep(question, &other);
                other
            }
        }
    }

    async fn ask(&self, question: &Question, place: Place<'_>) -> Result<Arc<Hop>, LookupError> {
        match self.ask_servers(question, place).await {
            Ok(hop) => {
                let hop = Arc::new(hop);
                self.keep(question, &hop);
                Ok(hop)
            }
            Err(error) => {
                if error.failure != Failure::Budget {
                    self.hops.put(question.clone(), Err(error.clone()), 400 + error.detail.len(), Instant::now() + FAILURE_TTL);
                }
                Err(error)
            }
        }
    }

    /// What was said to this question made an answer bogus: it is not to be given again for long. (R-125 rfc4035#4.7)
    pub fn doubt(&self, question: &Question) {
        self.hops.cap(question, Instant::now() + DOUBT_TTL);
    }

    /// Takes note of what a server of `zone` was heard to say to a question, as if it had been asked from here.
    pub fn overhear(&self, raw: Bytes, zone: &Name, question: &Question, server: IpAddr) {
        let Some(Received::Reply(reply)) = wire::receive(raw, question) else { return };
        if !reply.tc
            && let Ok(Found::Word(hop)) = self.descent.make_of(*reply, zone, question, server, self)
        {
            self.keep(question, &Arc::new(*hop));
        }
    }

    fn keep(&self, question: &Question, hop: &Arc<Hop>) {
        // Parsed, a message takes about three times its size again.
        self.hops.put(question.clone(), Ok(hop.clone()), 500 + 4 * hop.raw.len(), hop.expires);
    }

    async fn ask_servers(&self, question: &Question, place: Place<'_>) -> Result<Hop, LookupError> {
        match self.config.mode {
            Mode::Iterative { .. } => self.descent.descend(question, place, self).await,
            Mode::Upstream(server) => self.ask_upstream(server, question, place).await,
        }
    }

    /// RD=1, CD=1, DO=1 to one recursive resolver. (R-001 rfc7672#2.1.1, R-125 rfc4035#4.9.2)
    async fn ask_upstream(&self, server: SocketAddr, question: &Question, place: Place<'_>) -> Result<Hop, LookupError> {
        let mut troubles = Troubles::default();
        // There is nobody else to ask.
        let blamed = place.avoid.is_some_and(|avoid| avoid.get(question).is_some());
        if !blamed {
            for attempt in 0..self.config.attempts.max(1) {
                match self.ask_upstream_once(server, question, place, attempt).await {
                    Ok(hop) => return Ok(hop),
                    Err(Fault::Lookup(error)) => return Err(error),
                    Err(Fault::Server(trouble, raw)) => {
                        let may_pass = trouble.may_pass();
                        troubles.note(server.ip(), trouble, raw);
                        if !may_pass {
                            break;
                        }
                    }
                }
            }
        }
        let mut error = troubles.into_error(&Name::root_bytes(), question);
        error.whom = Some(Whom::Upstream);
        error.detail = error.detail.replacen("no server of .", "the upstream resolver gives no answer to our question; nobody", 1);
        Err(error)
    }

    async fn ask_upstream_once(&self, server: SocketAddr, question: &Question, place: Place<'_>, attempt: u32) -> Result<Hop, Fault> {
        let timeouts = self.config.timeouts;
        let last = attempt > 0 && attempt + 1 >= self.config.attempts;
        let this = Try {
            server,
            style: Style::Recursive,
            transport: if last { Transport::Tcp } else { Transport::Udp },
            // It may have to ask many servers itself.
            udp_wait: timeouts.query * (attempt + 2),
            tcp_wait: timeouts.tcp,
        };
        let mut reply = self.descent.exchange.ask(question, this, place.work).await?;
        reply::scrub(&mut reply.response, question);
        let code = reply.response.rcode;
        let word = [OptRcode::NOERROR, OptRcode::NXDOMAIN, OptRcode::YXDOMAIN].iter().any(|good| good.to_int() == code);
        if word { Ok(hop(reply, server.ip())) } else { Err(Fault::Server(Trouble::Rcode(code), Some(reply.raw))) }
    }
}

impl Lookups for Fetcher {
    fn addresses<'a>(&'a self, name: &'a Name, place: Place<'a>) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>> {
        Box::pin(async move {
            let ask = |rtype| async move {
                let fetched = self.fetch(&Question { name: name.clone(), rtype }, place).await?;
                Ok::<_, LookupError>(addresses_in(&fetched.response, rtype))
            };
            let (v4, v6) = if self.descent.wants_ipv6() {
                tokio::join!(ask(Rtype::A), ask(Rtype::AAAA))
            } else {
                (ask(Rtype::A).await, Ok(Vec::new()))
            };
            let found = match (v4, v6) {
                (Ok(v4), Ok(v6)) => [v4, v6].concat(),
                (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => some,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            if found.is_empty() {
                return Err(LookupError::new(Failure::DelegationLoop, "it has no address records"));
            }
            Ok(found)
        })
    }

    fn learn(&self, question: Question, hop: Hop) {
        self.keep(&question, &Arc::new(hop));
    }
}

/// Whether an alias chain ends in what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    /// Its last target must be asked for.
    Elsewhere,
}

fn says_no(response: &Response) -> bool {
    response.rcode != OptRcode::NOERROR.to_int() || response.authority.iter().any(|set| set.rtype == Rtype::SOA)
}

fn addresses_in(response: &Response, rtype: Rtype) -> Vec<IpAddr> {
    let data = response.answer.iter().filter(|set| set.rtype == rtype).flat_map(|set| set.data.iter());
    let read = |bytes: &[u8]| {
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
    };
    data.filter_map(|bytes| read(bytes)).take(16).collect()
}

/// Adds what the next server said, as a recursive resolver would: proofs of every link, and the end of the chain.
fn merge(whole: &mut Response, part: &Response) {
    fn add(to: &mut Vec<Rrset>, set: &Rrset) {
        if !to.iter().any(|known| known.owner == set.owner && known.rtype == set.rtype) {
            to.push(set.clone());
        }
    }
    whole.rcode = part.rcode;
    part.answer.iter().for_each(|set| add(&mut whole.answer, set));
    // A zone of one link says nothing about the end of the chain.
    whole.authority.retain(|set| set.rtype != Rtype::SOA);
    part.authority.iter().for_each(|set| add(&mut whole.authority, set));
}

fn after_aliases(mut error: LookupError, seen: &[Name]) -> LookupError {
    if let [first, .., last] = seen {
        error.detail = format!("{} is an alias of {}, and {}", first.fmt_with_dot(), last.fmt_with_dot(), error.detail);
    }
    error
}
