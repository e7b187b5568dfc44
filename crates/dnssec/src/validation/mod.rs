//! The validation of one response.

use std::collections::HashMap;

use crate::anchors::Anchors;
use crate::cache::TrustCache;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::types::{Epoch, Question, Response};

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
    /// Something else.
    #[error("{0}")]
    Other(String),
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

/// The validation of one response: a state machine without input or output.
#[derive(Debug)]
pub struct Validation {
    question: Question,
    response: Response,
    anchors: Anchors,
    policy: Policy,
    now: Epoch,
    fetched: HashMap<Question, Result<Response, FetchError>>,
}

impl Validation {
    /// Begins. `now` is the time at which everything is judged.
    #[must_use]
    pub fn new(question: Question, response: Response, anchors: &Anchors, policy: Policy, now: Epoch) -> Self {
        Self { question, response, anchors: anchors.clone(), policy, now, fetched: HashMap::new() }
    }

    /// Goes as far as it can.
    pub fn step(&mut self, cache: &mut dyn TrustCache) -> Step {
        let _ = (cache, &self.anchors, self.policy, &self.response);
        Step::Done(Box::new(Outcome {
            status: crate::Security::Indeterminate,
            reason: Some(crate::reason::Reason::new(crate::ReasonCode::Budget, &self.question.name, self.question.rtype, "")),
            aliases: Vec::new(),
            answer: None,
            rcode: self.response.rcode,
            signature: None,
            negative_ttl: None,
            opt_out: false,
            wildcard: false,
            sha1: None,
            attempts: Vec::new(),
            expires: self.now,
        }))
    }

    /// Hands over what came back for a question asked by [`step`](Self::step).
    pub fn supply(&mut self, question: &Question, response: Result<Response, FetchError>) {
        self.fetched.insert(question.clone(), response);
    }
}
