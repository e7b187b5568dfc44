//! DNSSEC validation, pure: no input or output, no clock, and a reason for every outcome.

pub mod types;

pub use types::{Epoch, Name, Question, Response, Rrset, Rrsig, Security};
