//! The other direction: what a sending server did, seen from a test bed, and what that says of it. (Lee et al. 2020, section 6)
//!
//! A test bed has one mail domain for each scenario and test (`TOKEN.SCENARIO.ZONE`, [`Place`]) and keeps every question and visit
//! ([`Event`]). [`Trial::judge`] says of one scenario what the sender did and whether RFC 7672 wanted that, and [`Profile::judge`] of all of
//! them what kind of sender it is, and the columns of the study's Table 3.

mod event;
mod operators;
mod place;
mod profile;
mod table;
#[cfg(test)]
mod tests;
mod trial;

pub use event::{Event, Mail, Query, Visit};
pub use operators::Operators;
pub use place::Place;
pub use profile::{Answer, Cell, Class, Column, Profile};
pub use table::{Provider, Run, run, table};
pub use trial::{Confidence, Evidence, Expected, Outcome, Patience, Ruling, Trial};

use serde::{Deserialize, Serialize};

/// What a DANE-validating sender does at a host, or in the end. (RFC 7672 section 2.2)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Authenticated delivery.
    Dane,
    /// TLS mandatory, nobody authenticated.
    Enc,
    /// Opportunistic TLS, cleartext allowed.
    Opp,
    /// Skips the host.
    Next,
    /// Keeps the message and tries later.
    Defer,
    /// Returns the message.
    Bounce,
}
