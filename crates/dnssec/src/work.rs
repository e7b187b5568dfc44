//! What a validation has spent and tried.

use crate::policy::{Policy, Sha1};
use crate::reason::{Attempt, ReasonCode, Tried};
use crate::types::{Epoch, Name};
use domain::base::iana::Rtype;

/// Attempts kept; beyond that they are still made, within the budget of signatures.
const MAX_ATTEMPTS: usize = 1024;

/// The running account of one validation.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) policy: Policy,
    pub(crate) now: Epoch,
    pub(crate) attempts: Vec<Attempt>,
    /// Set when SHA-1 took part in a decision.
    pub(crate) sha1: Option<Sha1>,
    signatures: u32,
    failures: u32,
    hashes: u32,
    questions: u32,
}

/// What verifications are paid from.
pub(crate) trait Purse {
    /// Takes one signature from the budget.
    fn spend_signature(&mut self) -> Result<(), ReasonCode>;

    /// The signature last taken from the budget does not hold.
    fn failed(&mut self);
}

impl Purse for Work {
    fn spend_signature(&mut self) -> Result<(), ReasonCode> {
        if self.failures >= self.policy.max_failures {
            return Err(ReasonCode::Budget);
        }
        spend(&mut self.signatures, self.policy.max_signatures)
    }

    fn failed(&mut self) {
        self.failures += 1;
    }
}

impl Work {
    pub(crate) fn new(policy: Policy, now: Epoch) -> Self {
        Self { policy, now, attempts: Vec::new(), sha1: None, signatures: 0, failures: 0, hashes: 0, questions: 0 }
    }

    /// Signatures taken from the budget so far.
    pub(crate) fn verifications(&self) -> u32 {
        self.signatures
    }

    /// Hashes taken from the budget so far.
    pub(crate) fn hashes(&self) -> u32 {
        self.hashes
    }

    /// Takes one hash from the budget, of a name (NSEC3) or of a key (DS).
    pub(crate) fn spend_hash(&mut self) -> Result<(), ReasonCode> {
        spend(&mut self.hashes, self.policy.max_hashes)
    }

    /// Takes one question from the budget.
    pub(crate) fn spend_question(&mut self) -> Result<(), ReasonCode> {
        spend(&mut self.questions, self.policy.max_questions)
    }

    /// Records an attempt.
    pub(crate) fn tried(&mut self, name: &Name, rtype: Rtype, tried: Tried, failure: Option<ReasonCode>) {
        if self.attempts.len() < MAX_ATTEMPTS {
            self.attempts.push(Attempt { name: name.clone(), rtype, tried, failure });
        }
    }

    /// Notes that SHA-1 took part, and under which rule.
    pub(crate) fn saw_sha1(&mut self, rule: Sha1) {
        self.sha1 = Some(rule);
    }
}

fn spend(spent: &mut u32, budget: u32) -> Result<(), ReasonCode> {
    if *spent >= budget {
        return Err(ReasonCode::Budget);
    }
    *spent += 1;
    Ok(())
}
