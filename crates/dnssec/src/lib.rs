//! DNSSEC validation, pure: no input or output, no clock, and a reason for every outcome.

mod anchors;
mod cache;
mod canonical;
mod crypto;
mod denial;
mod keys;
mod message;
mod name;
mod nsec;
mod nsec3;
mod outcome;
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
pub use types::{Epoch, Name, Question, Response, Rrset, Rrsig, Security};
pub use validation::{FetchError, Step, Validation};

#[cfg(test)]
extern crate self as dnssec;
#[cfg(test)]
mod vectors;
