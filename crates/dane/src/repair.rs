//! What to type: exact lines in order, with waits from the real TTLs.
//!
//! A line is always a record that can be pasted into a zone file (or, for DS, handed to a registrar). What to remove stands apart from
//! it, without an owner, so that nobody pastes it.

mod dnssec;
mod mail;
#[cfg(test)]
mod tests;
mod tlsa;

pub use dnssec::{dnssec, ds_lines};
pub use mail::{mx_is_address, null_mx_mixed, path_first, starttls};
pub use tlsa::{mismatch, pin_key, publish, tlsa_line};

use crate::dns::Lookup;
use crate::verdict::{Repair, Step};

/// TTL for a record that is new, seconds. (R-131: 1800 to 3600 is good practice)
pub const NEW_TTL_S: u32 = 3600;

/// The TTL that the zone gives an RRset: what the signer put into the signature, else the longest received (a cache counts down).
#[must_use]
pub fn authoritative_ttl(lookup: &Lookup) -> Option<u32> {
    let received = lookup.records.iter().map(|r| r.ttl).max();
    let signed = lookup.signature.as_ref().map(|s| s.original_ttl).filter(|_| received.is_some());
    signed.or(received)
}

/// How long until the last cache has dropped the old RRset: two TTLs, and the aliases on the way. (R-092, RFC 7671 section 8.1)
#[must_use]
pub fn settle_time(lookup: &Lookup) -> u32 {
    // R-092 rfc7671#8.1: a new RRset has to outlive the proof that there was none.
    let own = authoritative_ttl(lookup).or(lookup.negative_ttl).unwrap_or(NEW_TTL_S);
    let aliases = lookup.aliases.iter().map(|a| a.ttl).max().unwrap_or(0);
    own.max(aliases).saturating_mul(2)
}

fn repair(goal: impl Into<String>, steps: Vec<Step>) -> Option<Repair> {
    (!steps.is_empty()).then(|| Repair { goal: goal.into(), steps })
}

fn step(what: impl Into<String>) -> Step {
    Step { what: what.into(), line: None, remove: Vec::new(), wait_s: None }
}

impl Step {
    fn with_line(mut self, line: String) -> Self {
        self.line = Some(line);
        self
    }

    fn without(mut self, records: Vec<String>) -> Self {
        self.remove = records;
        self
    }

    fn then_wait(mut self, seconds: u32) -> Self {
        self.wait_s = Some(seconds);
        self
    }
}
