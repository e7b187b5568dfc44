//! Fetched answers held against the trust anchors.

use crate::answer::{Answer, LookupError};
use crate::config::Config;
use crate::fetch::{Fetched, Fetcher};
use crate::iterate::Hop;
use crate::work::{Avoid, Place, Work, is_stale};
use bytes::Bytes;
use dnssec::{
    Epoch, FetchError, MemoryCache, Name, Outcome, Question, ReasonCode, Response, Rrset, Security, Step, Trust, TrustCache, Validation,
};
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Messages kept as evidence of one lookup, and their bytes.
const MAX_EVIDENCE: usize = 48;
const MAX_EVIDENCE_BYTES: usize = 128 << 10;

/// Fetches and validates.
pub struct Validator {
    config: Arc<Config>,
    pub fetcher: Fetcher,
    pub trust: SharedTrust,
    pub verifications: AtomicU64,
    pub hashes: AtomicU64,
}

/// Where the response to be validated comes from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Whoever is to be asked.
    Servers,
    /// It is here already.
    Given(&'a Arc<Hop>),
}

/// What one validation came to, and on what it rests.
struct Checked {
    outcome: Outcome,
    asked: Vec<Fetched>,
}

impl Validator {
    pub fn new(config: Arc<Config>, fetcher: Fetcher) -> Self {
        let entries = (config.budgets.cache_bytes / 4 / 600).max(1000);
        Self { config, fetcher, trust: SharedTrust::new(entries), verifications: AtomicU64::new(0), hashes: AtomicU64::new(0) }
    }

    /// The validated answer to a question. A bogus one is asked for again, from other servers, before it is believed.
    pub async fn answer(&self, question: &Question, source: Source<'_>) -> Answer {
        let started = Instant::now();
        let work = Work::new(&self.config.budgets, &self.config.timeouts);
        let mut answer = self.answer_within(question, source, &work).await;
        answer.at = self.config.clock.now();
        answer.elapsed = started.elapsed();
        answer
    }

    async fn answer_within(&self, question: &Question, source: Source<'_>, work: &Work) -> Answer {
        let place = Place::new(work);
        let mut checked = match self.check(question, source, place).await {
            Ok(checked) => checked,
            Err(error) => return Answer::failed(question.clone(), error),
        };
        let mut evidence = Evidence::default();
        let mut bogus_servers = Vec::new();
        let mut avoid = Avoid::default();
        let asked_servers = matches!(source, Source::Servers);
        let retries = if asked_servers { self.config.budgets.bogus_retries } else { 0 };
        for _ in 0..retries {
            // What costs too much to be looked at may be one server's mischief as well.
            let costly = checked.outcome.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Budget);
            if checked.outcome.status != Security::Bogus && !costly {
                break;
            }
            evidence.add(&checked.asked);
            for (question, hop) in checked.hops() {
                avoid.blame(question, hop);
                self.fetcher.doubt(question);
            }
            let Ok(again) = self.check(question, source, place.avoiding(&avoid)).await else { break };
            if !avoid.is_fresh() {
                break;
            }
            bogus_servers.extend(checked.servers_not_in(&again));
            checked = again;
        }
        if checked.outcome.status != Security::Secure {
            evidence.add(&checked.asked);
        }
        if checked.outcome.status == Security::Bogus {
            bogus_servers.clear();
            if asked_servers {
                checked.hops().for_each(|(question, _)| self.fetcher.doubt(question));
            }
        }
        bogus_servers.sort_unstable();
        bogus_servers.dedup();
        checked.into_answer(question, evidence, bogus_servers)
    }

    /// Fetches what is asked for and what its validation asks for.
    async fn check(&self, question: &Question, source: Source<'_>, place: Place<'_>) -> Result<Checked, LookupError> {
        let first = match source {
            Source::Servers => self.fetcher.fetch(question, place).await?,
            Source::Given(hop) => Fetched { response: hop.response.clone(), hops: vec![(question.clone(), hop.clone())] },
        };
        let now = self.config.clock.now();
        let mut validation = Validation::new(question.clone(), first.response.clone(), &self.config.anchors, self.config.policy, now);
        let mut asked = vec![first];
        let mut trust = &self.trust;
        loop {
            match validation.step(&mut trust) {
                Step::Done(outcome) => {
                    self.verifications.fetch_add(outcome.verifications.into(), Relaxed);
                    self.hashes.fetch_add(outcome.hashes.into(), Relaxed);
                    return Ok(Checked { outcome: *outcome, asked });
                }
                Step::Ask(wanted) => {
                    let fetched = self.fetcher.fetch(&wanted, place).await.map_err(fetch_error);
                    validation.supply(&wanted, fetched.as_ref().map(|fetched| fetched.response.clone()).map_err(Clone::clone));
                    asked.extend(fetched);
                }
            }
        }
    }
}

/// What validation is told of a failed lookup: whose fault it is must not get lost on the way.
fn fetch_error(error: LookupError) -> FetchError {
    FetchError::Because { code: error.failure.reason(), detail: error.detail }
}

impl Checked {
    fn hops(&self) -> impl Iterator<Item = &(Question, Arc<Hop>)> {
        self.asked.iter().flat_map(|fetched| &fetched.hops)
    }

    /// The servers who said something else than what `better` rests on, without those that were asked long ago. Whoever was asked again
    /// by chance, and said what others say, is not to blame.
    fn servers_not_in(&self, better: &Self) -> Vec<IpAddr> {
        let contradicts = |question: &Question, hop: &Hop| {
            let mut others = better.hops().filter(|(asked, _)| asked == question).peekable();
            others.peek().is_some() && !others.any(|(_, other)| same(&hop.response, &other.response))
        };
        self.hops().filter(|(question, hop)| !is_stale(hop) && contradicts(question, hop)).map(|(_, hop)| hop.server).collect()
    }

    fn into_answer(self, question: &Question, evidence: Evidence, bogus_servers: Vec<IpAddr>) -> Answer {
        let first = self.asked.first();
        let server = first.and_then(|fetched| fetched.hops.last()).map(|(_, hop)| hop.server);
        let fetched_until = first.and_then(|fetched| fetched.hops.iter().map(|(_, hop)| hop.expires).min());
        let Outcome { status, reason, aliases, answer, rcode, signature, negative_ttl, attempts, expires, opt_out, wildcard, .. } =
            self.outcome;
        let is_bogus = status == Security::Bogus;
        let received = first.filter(|_| is_bogus).and_then(|f| f.response.answer.iter().rfind(|set| set.rtype == question.rtype)).cloned();
        Answer {
            status,
            rcode,
            reason,
            aliases,
            rrset: answer,
            received,
            signature,
            negative_ttl,
            server,
            raw: evidence.messages,
            attempts,
            bogus_servers,
            opt_out,
            wildcard,
            expires,
            fetched_until,
            ..Answer::empty(question.clone())
        }
    }
}

/// Whether two responses say the same, in whatever order.
fn same(a: &Response, b: &Response) -> bool {
    let within = |a: &[Rrset], b: &[Rrset]| {
        let known = |set: &Rrset| b.iter().any(|other| other.rtype == set.rtype && other.owner == set.owner && same_set(set, other));
        a.iter().all(known)
    };
    // What stands in the authority section beside an answer is each server's choice.
    let authority = |response: &Response| if response.answer.is_empty() { response.authority.clone() } else { Vec::new() };
    let (ours, theirs) = (authority(a), authority(b));
    a.rcode == b.rcode && within(&a.answer, &b.answer) && within(&b.answer, &a.answer) && within(&ours, &theirs) && within(&theirs, &ours)
}

fn same_set(a: &Rrset, b: &Rrset) -> bool {
    let same = |a: &[Bytes], b: &[Bytes]| a.len() == b.len() && a.iter().all(|record| b.contains(record));
    let signed = |set: &Rrset| set.signatures.iter().map(|s| s.signature.clone()).collect::<Vec<_>>();
    same(&a.data, &b.data) && same(&signed(a), &signed(b))
}

/// Messages received, each once, within bounds.
#[derive(Default)]
struct Evidence {
    messages: Vec<Bytes>,
    bytes: usize,
}

impl Evidence {
    fn add(&mut self, asked: &[Fetched]) {
        for (_, hop) in asked.iter().flat_map(|fetched| &fetched.hops) {
            let full = self.messages.len() >= MAX_EVIDENCE || self.bytes + hop.raw.len() > MAX_EVIDENCE_BYTES;
            if !full && !self.messages.contains(&hop.raw) {
                self.bytes += hop.raw.len();
                self.messages.push(hop.raw.clone());
            }
        }
    }
}

/// Trust shared by all lookups. Locked for the moment of a look, never while a signature is verified.
pub struct SharedTrust {
    shards: Vec<Mutex<MemoryCache>>,
    hasher: RandomState,
}

impl SharedTrust {
    fn new(entries: usize) -> Self {
        const SHARDS: usize = 16;
        let shards = (0..SHARDS).map(|_| Mutex::new(MemoryCache::new(entries / SHARDS))).collect();
        Self { shards, hasher: RandomState::default() }
    }

    fn shard(&self, name: &Name) -> Option<std::sync::MutexGuard<'_, MemoryCache>> {
        let index = self.hasher.hash_one(name) % self.shards.len().max(1) as u64;
        let shard = self.shards.get(usize::try_from(index).unwrap_or(0))?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TrustCache for &SharedTrust {
    fn get(&mut self, name: &Name, now: Epoch) -> Option<Trust> {
        self.shard(name)?.get(name, now)
    }

    fn put(&mut self, name: &Name, trust: Trust) {
        if let Some(mut shard) = self.shard(name) {
            shard.put(name, trust);
        }
    }
}
