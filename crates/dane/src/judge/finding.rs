//! Making findings, and putting them in order.

use crate::cause::{Cause, Weight};
use crate::name::Name;
use crate::verdict::{Finding, Repair};
use std::cmp::Reverse;
use std::net::IpAddr;

impl Finding {
    /// A finding with the cause's own party, weight and requirement.
    pub(super) fn new(cause: Cause, subject: &Name, sentence: impl Into<String>) -> Self {
        Self {
            cause,
            party: cause.party(),
            weight: cause.weight(),
            subject: subject.clone(),
            address: None,
            requirement: cause.requirement().to_owned(),
            sentence: sentence.into(),
            repair: None,
        }
    }

    /// The same about one address.
    pub(super) fn at(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The same with the weight it has here.
    pub(super) fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The same with what to do.
    pub(super) fn mended_by(mut self, repair: Option<Repair>) -> Self {
        self.repair = repair;
        self
    }
}

/// The gravest first; each cause once for each thing it is about.
pub(super) fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (Reverse(f.weight), f.party, f.cause);
        let about = |f: &Finding| (f.subject.clone(), f.address, f.sentence.clone());
        key(a).cmp(&key(b)).then_with(|| about(a).cmp(&about(b)))
    });
    let mut seen = std::collections::HashSet::new();
    findings.retain(|f| seen.insert((f.cause, f.subject.clone(), f.address)));
}
