//! What is known of each domain of the lab, because the lab made it so.

use dane::cause::Cause;
use dane::name::Name;
use dane::verdict::Standing;
use serde::{Deserialize, Serialize};

/// Why a domain is in the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// It is one scenario's own domain.
    Catalogue,
    /// It is one of the population with the papers' shares.
    Population,
}

/// One line of `truth.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The mail domain.
    pub domain: Name,
    /// Why it is here.
    pub group: Group,
    /// The scenario that it plays, or that its mail provider plays.
    pub scenario: String,
    /// Top-level domain, without dot.
    pub tld: String,
    /// The verdict in one word.
    pub standing: Standing,
    /// Causes that a check must name.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Causes that it may name besides. No other finding may weigh as error or unknown.
    #[serde(default)]
    pub also: Vec<Cause>,
}
