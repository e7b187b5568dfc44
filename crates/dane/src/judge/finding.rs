//! Making findings, and putting them in order.

use crate::cause::{Cause, Weight};
use crate::name::Name;
use crate::verdict::{Finding, Repair};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
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
            addresses: Vec::new(),
            requirement: cause.requirement().to_owned(),
            sentence: sentence.into(),
            repair: None,
        }
    }

    /// The same about one address: [`gather`] puts that in front of the sentence.
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

/// Of findings on single addresses makes one for each cause and sentence, all its addresses in front.
pub(super) fn gather(single: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut gathered: Vec<Finding> = Vec::new();
    let mut known: HashMap<(Cause, Name, String), usize> = HashMap::new();
    for finding in single {
        let place = *known.entry((finding.cause, finding.subject.clone(), finding.sentence.clone())).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some(first) => first.addresses.extend(finding.address),
            None => gathered.push(Finding { addresses: finding.address.into_iter().collect(), ..finding }),
        }
    }
    for finding in gathered.iter_mut().filter(|f| f.address.is_some()) {
        finding.sentence = format!("{} [{}]: {}", finding.subject, list(&finding.addresses), finding.sentence);
        if finding.addresses.len() < 2 {
            finding.addresses.clear();
        }
    }
    gathered
}

/// Some addresses, in a length that can be read.
pub(super) fn list(addresses: &[IpAddr]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// The gravest first; each cause once for each thing it is about.
pub(super) fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (Reverse(f.weight), f.party, f.cause);
        let about = |f: &Finding| (f.subject.clone(), f.address, f.sentence.clone());
        key(a).cmp(&key(b)).then_with(|| about(a).cmp(&about(b)))
    });
    let mut seen = HashSet::new();
    findings.retain(|f| seen.insert((f.cause, f.subject.clone(), f.address)));
}
