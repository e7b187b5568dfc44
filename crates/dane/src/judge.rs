//! What an observation means for mail. Pure: the same observation and moment give the same verdict, on any machine and in any year.

use crate::Epoch;
use crate::cause::Cause;
use crate::dns::Security;
use crate::name::Name;
use crate::observation::Observation;
use crate::verdict::{RULES_VERSION, Standing, Verdict};

/// Judges a domain for this moment.
#[must_use]
pub fn judge(observation: &Observation, at: Epoch) -> Verdict {
    Verdict {
        rules: RULES_VERSION,
        domain: observation.domain.domain.clone(),
        at,
        standing: Standing::CouldNotTell,
        headline: String::from("Nothing can be said yet."),
        delivery: None,
        mx_status: Security::Indeterminate,
        hosts: Vec::new(),
        findings: Vec::new(),
    }
}

/// Something that will go wrong if nobody acts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forecast {
    /// When.
    pub at: Epoch,
    /// What it will be called then.
    pub cause: Cause,
    /// The host or zone.
    pub subject: Name,
    /// What will happen, in mail terms.
    pub sentence: String,
}

/// What will go wrong between two moments (`from` exclusive, `until` inclusive), the nearest first, if nothing is changed.
#[must_use]
pub fn outlook(observation: &Observation, from: Epoch, until: Epoch) -> Vec<Forecast> {
    let _ = (observation, from, until);
    Vec::new()
}
