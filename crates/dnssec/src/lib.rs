//! DNSSEC validation, pure: no input or output, no clock, and a reason for every outcome.
//!
//! A [`Validation`] takes a question, the response to it, trust [`Anchors`], a [`Policy`] and the time. Each [`step`](Validation::step)
//! either asks for one more response or is done. Where the responses come from is the caller's business: a recursive resolver will do, and
//! so will the authoritative servers. A [`TrustCache`] keeps the keys of zones and the delegations proven unsigned from one validation to
//! the next, so that nothing is verified twice.
//!
//! The [`Outcome`] tells *secure*, *insecure*, *bogus* and *indeterminate* apart (RFC 4035 section 4.3), says why and at which name, and
//! lists every signature, key and DS record that was tried.
//!
//! # A validator over a given upstream
//!
//! ```
//! use dnssec::{Anchors, FetchError, MemoryCache, Outcome, Policy, Question, Response, Step, Validation};
//!
//! /// `exchange` sends a question with RD=1, DO=1 and CD=1 to a resolver, over UDP and then TCP, and returns the response message.
//! fn validate(
//!     question: Question,
//!     now: i64,
//!     cache: &mut MemoryCache,
//!     exchange: impl Fn(&Question) -> Option<Vec<u8>>,
//! ) -> Result<Outcome, FetchError> {
//!     let fetch = |question: &Question| {
//!         let message = exchange(question).ok_or(FetchError::Timeout)?;
//!         Response::from_message(&message, question).map_err(|_| FetchError::Malformed)
//!     };
//!     let response = fetch(&question)?;
//!     let mut validation = Validation::new(question, response, &Anchors::iana(), Policy::default(), now);
//!     loop {
//!         match validation.step(cache) {
//!             Step::Ask(question) => validation.supply(&question, fetch(&question)),
//!             Step::Done(outcome) => return Ok(*outcome),
//!         }
//!     }
//! }
//!
//! let question = Question { name: "example.".parse().unwrap(), rtype: "MX".parse().unwrap() };
//! // No upstream at all:
//! assert_eq!(validate(question, 1_700_000_000, &mut MemoryCache::default(), |_| None), Err(FetchError::Timeout));
//! ```
//!
//! `examples/upstream.rs` is the same with a socket.
//!
//! # What it does not do
//!
//! It does not look for delegations between a name and a zone above that validly signed for it: a parent that signs for its child could take
//! the delegation back anyway. It does not synthesise answers from denial records (RFC 8198), nor manage anchors over time (RFC 5011).
//!
//! # The way of the data
//!
//! `message` reads a response into RRsets; `validation` follows aliases (`answer`), judges absence (`absence`) and walks from an anchor to
//! the zone that must have signed (`trust`); `rrsig` verifies an RRset in the form that `canonical` gives it, with `keys` on `crypto`;
//! `denial` proves absence by `nsec` or `nsec3`. [`plain`] is a short cut for the many answers that need none of this.

mod anchors;
mod cache;
mod canonical;
mod crypto;
mod denial;
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod message;
mod name;
mod nsec;
mod nsec3;
mod outcome;
pub mod plain;
mod policy;
mod reason;
mod rrsig;
mod rsa;
pub mod types;
mod validation;
mod wire;
mod work;

pub use anchors::{AnchorError, Anchors};
pub use cache::{MemoryCache, Trust, TrustCache, ZoneKeys};
pub use message::MessageError;
pub use outcome::{Link, Outcome, Signature};
pub use policy::{Algorithms, Policy, Sha1};
pub use reason::{Attempt, Reason, ReasonCode, Tried};
pub use types::{Epoch, Name, Question, Relation, Response, Rrset, Rrsig, Security};
pub use validation::{FetchError, Step, Validation};

#[cfg(test)]
extern crate self as dnssec;
#[cfg(test)]
mod vectors;
