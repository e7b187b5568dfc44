//! What one lookup may still spend, and where in the search it stands.

use crate::answer::{Failure, LookupError};
use crate::config::{Budgets, Timeouts};
use crate::fetch::FAILURE_TTL;
use crate::iterate::Hop;
use dnssec::{Name, Question};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The account of one lookup, shared by all that it causes.
pub struct Work {
    queries: AtomicU32,
    allowed: u32,
    deadline: Instant,
    /// Microseconds that do not count.
    excused: AtomicU64,
    patience: Duration,
}

impl Work {
    pub fn new(budgets: &Budgets, timeouts: &Timeouts) -> Self {
        Self {
            queries: AtomicU32::new(0),
            allowed: budgets.queries,
            deadline: Instant::now() + timeouts.lookup,
            excused: AtomicU64::new(0),
            patience: timeouts.lookup,
        }
    }

    /// Pays for one message, which may wait at most `wait`. Returns how long it may wait.
    ///
    /// # Errors
    /// If the budget of messages or of time is spent.
    pub fn spend(&self, wait: Duration) -> Result<Duration, LookupError> {
        let left = self.time_left();
        if left.is_zero() {
            return Err(self.out_of_time());
        }
        if self.queries.fetch_add(1, Relaxed) >= self.allowed {
            return Err(LookupError::new(Failure::Budget, format!("the lookup needed more than {} queries", self.allowed)));
        }
        Ok(wait.min(left))
    }

    /// What to say when the time is up.
    pub fn out_of_time(&self) -> LookupError {
        LookupError::new(Failure::Budget, format!("the lookup took longer than {} seconds", self.patience.as_secs_f32()))
    }

    /// Zero if the time is up.
    pub fn time_left(&self) -> Duration {
        (self.deadline + Duration::from_micros(self.excused.load(Relaxed))).saturating_duration_since(Instant::now())
    }

    /// This long we were kept by ourselves; it does not count.
    pub fn excuse(&self, waited: Duration) {
        self.excused.fetch_add(u64::try_from(waited.as_micros()).unwrap_or(0), Relaxed);
    }
}

/// Where in the search a question is asked.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub work: &'a Work,
    /// The name servers whose addresses are being looked up, innermost first.
    pub path: Option<&'a Path<'a>>,
    pub avoid: Option<&'a Avoid>,
}

/// Names of name servers whose addresses are being looked up, each for the sake of the one before.
pub struct Path<'a> {
    pub name: &'a Name,
    pub up: Option<&'a Path<'a>>,
}

impl<'a> Place<'a> {
    pub fn new(work: &'a Work) -> Self {
        Self { work, path: None, avoid: None }
    }

    pub fn avoiding(self, avoid: &'a Avoid) -> Self {
        Self { avoid: Some(avoid), ..self }
    }

    /// The place below, where a name server's address is looked up. Servers that are avoided for their data still have addresses.
    pub fn below(self, path: &'a Path<'a>) -> Self {
        Self { path: Some(path), avoid: None, ..self }
    }

    pub fn depth(&self) -> u32 {
        self.names().map(|_| 1).sum()
    }

    /// Whether the address of `name` is what all this is for.
    pub fn is_within(&self, name: &Name) -> bool {
        self.names().any(|n| n == name)
    }

    fn names(&self) -> impl Iterator<Item = &'a Name> {
        std::iter::successors(self.path, |path| path.up).map(|path| path.name)
    }
}

/// Answers that made a lookup bogus: others are to be asked for them.
#[derive(Default)]
pub struct Avoid {
    blamed: HashMap<Question, (HashSet<IpAddr>, Arc<Hop>)>,
    /// Those of them that were from the cache, and have not been asked for again.
    stale: HashSet<Question>,
    fresh: AtomicBool,
}

impl Avoid {
    /// Blames the server that gave this answer.
    pub fn blame(&mut self, question: &Question, hop: &Arc<Hop>) {
        if !self.blamed.contains_key(question) && is_stale(hop) {
            self.stale.insert(question.clone());
        } else {
            self.stale.remove(question);
        }
        let blamed = self.blamed.entry(question.clone()).or_insert_with(|| (HashSet::new(), hop.clone()));
        blamed.0.insert(hop.server);
        blamed.1 = hop.clone();
        self.fresh.store(false, Relaxed);
    }

    /// Servers not to be asked, and the answer that stands if there is no other.
    pub fn get(&self, question: &Question) -> Option<&(HashSet<IpAddr>, Arc<Hop>)> {
        self.blamed.get(question)
    }

    /// Whether the blamed answer is so old that its server may say something else by now.
    pub fn is_stale(&self, question: &Question) -> bool {
        self.stale.contains(question)
    }

    pub fn found_another(&self) {
        self.fresh.store(true, Relaxed);
    }

    /// Whether anybody else answered since the last blame.
    pub fn is_fresh(&self) -> bool {
        self.fresh.load(Relaxed)
    }
}

/// Whether an answer is older than failures are remembered.
pub fn is_stale(hop: &Hop) -> bool {
    hop.received.elapsed() > FAILURE_TTL
}
