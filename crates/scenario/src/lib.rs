//! The catalogue of DANE misconfigurations and what each must lead to.
//!
//! Each [`Scenario`] is defined once, as data: how it is made ([`Recipe`]), what an RFC 7672 sender does ([`Sender`]), and what a receiver
//! check must find ([`Receiver`]). The lab plays it, tests judge by it, the documentation is printed from it. Expectations come from the
//! RFCs and from the requirement ids named, never from what danelaw itself prints.

mod catalogue;
mod markdown;
pub mod recipe;

pub use markdown::markdown;
pub use recipe::Recipe;

use dane::cause::Cause;
use dane::verdict::Standing;
use serde::Serialize;
use std::sync::LazyLock;

/// Which part of the catalogue a scenario belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Section {
    /// The published sender test bed (Lee et al. 2020, section 6.1).
    A,
    /// Rules that real senders have broken.
    B,
    /// What a measurement of receivers must tell apart.
    C,
}

/// What a DANE-validating sender does. (RFC 7672 section 2.2)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
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

/// What a check of the receiving domain must find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receiver {
    /// The verdict in one word.
    pub standing: Standing,
    /// Causes that must be among the findings.
    pub causes: Vec<Cause>,
    /// Causes that may be named besides. No other finding may weigh as error or unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Cause>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Its name: a DNS label, stable.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A paragraph: what it is, where it comes from, why it matters.
    pub text: &'static str,
    /// Part of the catalogue.
    pub section: Section,
    /// How it is made.
    pub recipe: Recipe,
    /// What a sender does, in order: `[next, defer]` is "skips the only host, so the message waits".
    pub sender: Vec<Sender>,
    /// What a check finds.
    pub receiver: Receiver,
    /// The requirements that the expectations rest on.
    pub requirements: Vec<&'static str>,
}

impl Scenario {
    /// The whole catalogue, in the order of the documentation.
    #[must_use]
    pub fn all() -> &'static [Scenario] {
        static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(catalogue::all);
        &ALL
    }

    /// The scenario of this name.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Scenario> {
        Self::all().iter().find(|s| s.id == id)
    }
}
