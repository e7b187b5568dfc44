//! The validation of one response: a state machine that starts over whenever a response arrives, on what it has established.
//!
//! [`answer`] follows the aliases and judges the records at their end, [`absence`] judges their absence, [`trust`] finds the zone that
//! must have signed, and its keys.

mod absence;
mod answer;
mod trust;

use std::collections::HashMap;
use std::sync::Arc;

use domain::base::iana::Rtype;
use foldhash::fast::RandomState;

use crate::anchors::Anchors;
use crate::cache::{Trust, TrustCache, ZoneKeys};
use crate::denial::Denial;
use crate::outcome::{Link, Outcome};
use crate::policy::Policy;
use crate::reason::{Reason, ReasonCode};
use crate::rrsig::{Verified, verify};
use crate::types::{Epoch, Name, Question, Relation, Response, Rrset, Security};
use crate::work::Work;

/// Why a response could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered in time.
    #[error("no answer in time")]
    Timeout,
    /// No server could be reached.
    #[error("no server could be reached")]
    Unreachable,
    /// Servers answered with an error code.
    #[error("the servers answer with response code {0}")]
    Rcode(u16),
    /// What came could not be read.
    #[error("malformed response")]
    Malformed,
    /// As one of the reasons above or another one why data is indeterminate, in the caller's own words.
    #[error("{detail}")]
    Because {
        /// The reason; one that does not mean indeterminate counts as [`ReasonCode::FetchFailed`].
        code: ReasonCode,
        /// Particulars.
        detail: String,
    },
}

impl FetchError {
    /// The reason that this makes.
    // R-126 rfc8914#4.23 rfc8914#4.24
    fn code(&self) -> ReasonCode {
        match self {
            Self::Timeout => ReasonCode::FetchFailed,
            Self::Unreachable => ReasonCode::FetchUnreachable,
            Self::Rcode(2) => ReasonCode::FetchServfail,
            Self::Rcode(5) => ReasonCode::FetchRefused,
            Self::Rcode(_) | Self::Malformed => ReasonCode::FetchError,
            Self::Because { code, .. } if code.status() == Security::Indeterminate => *code,
            Self::Because { .. } => ReasonCode::FetchFailed,
        }
    }
}

/// What a validation wants next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Ask this (with DO=1 and CD=1) and [`supply`](Validation::supply) the response.
    // R-125 rfc4035#4.9
    Ask(Question),
    /// It is done.
    Done(Box<Outcome>),
}

/// How long a failure holds, seconds. (RFC 9520 section 3.2)
const FAILURE_TTL: Epoch = 60;

/// The validation of one response: a state machine without input or output.
#[derive(Debug)]
pub struct Validation {
    question: Question,
    anchors: Anchors,
    /// Responses, the first being the one under validation.
    fetched: Vec<(Question, Result<Arc<Response>, FetchError>)>,
    /// What was established, in case the cache does not keep it.
    trust: HashMap<Name, Trust, RandomState>,
    /// RRsets verified so far, by place and zone.
    verdicts: HashMap<(Place, Name), Result<Verified, ReasonCode>, RandomState>,
    /// Denials verified so far, by response and zone.
    denials: HashMap<(usize, Name), Arc<Denial>, RandomState>,
    work: Work,
    path: Path,
}

/// Where an RRset stands: response, section, index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    response: usize,
    section: Section,
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Section {
    Answer,
    Authority,
}

/// How far the aliases have been followed.
#[derive(Debug)]
struct Path {
    /// The name reached.
    name: Name,
    /// The response being read.
    response: usize,
    aliases: Vec<Link>,
    /// The weakest status so far, and why.
    status: Security,
    reason: Option<Reason>,
    expires: Epoch,
}

/// Why a step ends before the outcome.
#[derive(Debug)]
enum Halt {
    /// Something must be asked first.
    Ask(Question),
    /// The outcome is bogus or indeterminate.
    Fail(Box<Reason>),
}

impl Halt {
    fn fail(code: ReasonCode, at_name: &Name, at_type: Rtype, detail: impl Into<String>) -> Self {
        Self::Fail(Box::new(Reason::new(code, at_name, at_type, detail)))
    }
}

impl Validation {
    /// Begins. `now` is the time at which everything is judged.
    #[must_use]
    pub fn new(question: Question, response: impl Into<Arc<Response>>, anchors: &Anchors, policy: Policy, now: Epoch) -> Self {
        Self {
            path: Path {
                name: question.name.clone(),
                response: 0,
                aliases: Vec::new(),
                status: Security::Secure,
                reason: None,
                expires: Epoch::MAX,
            },
            anchors: anchors.clone(),
            fetched: vec![(question.clone(), Ok(response.into()))],
            question,
            trust: HashMap::default(),
            verdicts: HashMap::default(),
            denials: HashMap::default(),
            work: Work::new(policy, now),
        }
    }

    /// Goes as far as it can. After [`Step::Done`] it has nothing more to say.
    pub fn step(&mut self, cache: &mut dyn TrustCache) -> Step {
        let result = Run { v: self, cache }.answer();
        match result {
            Ok(outcome) => Step::Done(Box::new(outcome)),
            Err(Halt::Ask(question)) => Step::Ask(question),
            Err(Halt::Fail(reason)) => Step::Done(Box::new(self.failed(*reason))),
        }
    }

    /// Hands over what came back for a question asked by [`step`](Self::step).
    pub fn supply<R: Into<Arc<Response>>>(&mut self, question: &Question, response: Result<R, FetchError>) {
        if !self.fetched.iter().any(|(asked, _)| asked == question) {
            self.fetched.push((question.clone(), response.map(Into::into)));
        }
    }

    fn failed(&mut self, reason: Reason) -> Outcome {
        let mut outcome = self.outcome(self.fetched.get(self.path.response).and_then(|(_, r)| r.as_ref().ok()).map_or(2, |r| r.rcode));
        outcome.status = reason.code.status();
        outcome.reason = Some(reason);
        outcome.expires = outcome.expires.min(self.work.now + FAILURE_TTL);
        outcome
    }

    /// An outcome as of the path gone so far.
    fn outcome(&mut self, rcode: u16) -> Outcome {
        Outcome {
            status: self.path.status,
            reason: self.path.reason.clone(),
            aliases: std::mem::take(&mut self.path.aliases),
            answer: None,
            rcode,
            signature: None,
            negative_ttl: None,
            opt_out: false,
            wildcard: false,
            sha1: self.work.sha1,
            attempts: std::mem::take(&mut self.work.attempts),
            verifications: self.work.verifications(),
            hashes: self.work.hashes(),
            expires: self.path.expires,
        }
    }
}

/// One run of the machine.
struct Run<'a> {
    v: &'a mut Validation,
    cache: &'a mut dyn TrustCache,
}

impl Run<'_> {
    /// The response to a question: the one under validation, or one supplied, or ask for it. Error codes count as no response.
    fn fetch(&mut self, name: &Name, rtype: Rtype) -> Result<(usize, Arc<Response>), Halt> {
        let found = self.v.fetched.iter().enumerate().find(|(_, (q, _))| q.rtype == rtype && q.name.is(name));
        let Some((index, (_, result))) = found else {
            self.v.work.spend_question().map_err(|code| Halt::fail(code, name, rtype, "too many questions"))?;
            return Err(Halt::Ask(Question { name: name.clone(), rtype }));
        };
        match result {
            Ok(response) if matches!(response.rcode, 0 | 3 | 6) => Ok((index, response.clone())),
            Ok(response) => Err(fetch_failed(&FetchError::Rcode(response.rcode), name, rtype)),
            Err(error) => Err(fetch_failed(error, name, rtype)),
        }
    }

    /// Verifies the RRset at this place with the keys of the zone, once.
    fn check(&mut self, place: Place, set: &Rrset, zone: &ZoneKeys) -> Result<Verified, ReasonCode> {
        let key = (place, zone.apex.clone());
        if let Some(verdict) = self.v.verdicts.get(&key) {
            return verdict.clone();
        }
        let verdict = verify(set, zone.signer(), &mut self.v.work);
        self.v.verdicts.insert(key, verdict.clone());
        verdict
    }

    /// The verified denial records of the zone in this response.
    fn denial(&mut self, response: usize, authority: &[Rrset], zone: &ZoneKeys) -> Result<Arc<Denial>, ReasonCode> {
        let key = (response, zone.apex.clone());
        if let Some(denial) = self.v.denials.get(&key) {
            return Ok(denial.clone());
        }
        let denial = Denial::new(authority, zone.signer(), &mut self.v.work)?;
        let denial = Arc::new(denial);
        self.v.denials.insert(key, denial.clone());
        Ok(denial)
    }
}

fn fetch_failed(error: &FetchError, name: &Name, rtype: Rtype) -> Halt {
    Halt::Fail(Box::new(Reason::new(error.code(), name, rtype, error.to_string())))
}

/// The RRset of this owner and type, and its index.
fn find<'s>(section: &'s [Rrset], owner: &Name, rtype: Rtype) -> Option<(usize, &'s Rrset)> {
    section.iter().enumerate().find(|(_, set)| set.rtype == rtype && set.owner.is(owner))
}

/// The DNAME that redirects `name`, and its index: the one closest to it.
// R-124 rfc6672#2.2
fn find_dname<'s>(section: &'s [Rrset], name: &Name) -> Option<(usize, &'s Rrset)> {
    let above = section.iter().enumerate().filter(|(_, set)| set.rtype == Rtype::DNAME && crate::name::is_below(name, &set.owner));
    above.max_by_key(|(_, set)| set.owner.label_count())
}

/// At most so many signers of one thing are looked for.
const MAX_SIGNERS: usize = 3;

/// The different signers that may have signed for `name`, the closest first. A DS record is signed from above.
fn signers<'s>(sets: impl Iterator<Item = &'s Rrset>, name: &Name, rtype: Rtype) -> Vec<Name> {
    let mut signers: Vec<Name> = Vec::new();
    for signature in sets.flat_map(|set| &set.signatures) {
        let encloses =
            crate::name::is_within(name, &signature.signer) && (rtype != Rtype::DS || name.is_root() || signature.signer != *name);
        if encloses && !signers.contains(&signature.signer) {
            signers.push(signature.signer.clone());
        }
    }
    signers.sort_by_key(|signer| std::cmp::Reverse(signer.label_count()));
    signers.truncate(MAX_SIGNERS);
    signers
}

/// The name whose zone holds records of this type at `name`: for DS the parent's.
// R-119 rfc4035#5.2
fn held_at(name: &Name, rtype: Rtype) -> Name {
    if rtype == Rtype::DS { crate::name::parent(name).unwrap_or_else(|| name.clone()) } else { name.clone() }
}
