//! Findings on the domain itself: its MX records, and its MX hosts taken together.

use super::host::{Judged, State};
use super::{Case, dns};
use crate::cause::{Cause, Party, Weight};
use crate::dns::{Lookup, Security};
use crate::observation::DomainObservation;
use crate::repair;
use crate::verdict::{Action, Finding};
use crate::walk::MxStage;

pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let Some(domain) = case.domain else { return Vec::new() };
    let name = &domain.domain;
    let mx = &domain.mx;
    let mut found = Vec::new();
    match case.route.mx {
        MxStage::Failed => found.push(failed(case, domain)),
        MxStage::NoSuchDomain => {
            found.push(Finding::new(Cause::NoSuchDomain, name, format!("{name} does not exist, so mail to it is returned at once.")));
        }
        // R-008 rfc7505#3: that there is no DANE is not a finding here.
        MxStage::Null => {
            found.push(Finding::new(Cause::NullMx, name, format!("{name} says that it accepts no mail (null MX).")));
            return found;
        }
        MxStage::Implicit => {
            let sentence = format!("{name} has no MX record, so mail goes to the addresses of {name} itself.");
            found.push(Finding::new(Cause::ImplicitMx, name, sentence));
        }
        MxStage::Found | MxStage::Skipped => {}
    }
    // R-009 rfc7505#3
    if case.route.mx == MxStage::Found && crate::mx::records(mx).iter().any(|m| m.host.is_root()) {
        let sentence = format!("{name} has a null MX (\".\") beside other MX records; senders ignore it or fail.");
        found.push(Finding::new(Cause::NullMxMixed, name, sentence).mended_by(repair::null_mx_mixed(domain)));
    }
    if mx.status == Security::Insecure && mx.failure.is_none() && matches!(case.route.mx, MxStage::Found | MxStage::Implicit) {
        found.extend(insecure(case, domain));
    }
    found
}

/// R-002 rfc7672#2.1.2: it cannot be known where the mail should go.
fn failed(case: &Case, domain: &DomainObservation) -> Finding {
    let mx = &domain.mx;
    let name = &domain.domain;
    let cause = dns::cause(case, mx).unwrap_or(Cause::DnsError);
    let who = if dns::is_dnssec(cause) { "senders that validate DNSSEC keep" } else { "senders keep" };
    let sentence = format!("The MX records of {name} cannot be had, so {who} mail to it in their queues: {}.", dns::particulars(case, mx));
    Finding::new(cause, dns::place(mx), sentence).mended_by(dns::mend(case, cause, mx))
}

/// R-004 rfc7672#2.2.1: DANE to the hosts may work, and does not reach from the domain.
fn insecure(case: &Case, domain: &DomainObservation) -> Vec<Finding> {
    let name = &domain.domain;
    let mx: &Lookup = &domain.mx;
    let dane = case.route.hosts.iter().any(|h| matches!(h.action, Action::Dane | Action::Enc));
    let mut found = Vec::new();
    if case.route.mx == MxStage::Found {
        let sentence = format!("The MX records of {name} are not secured by DNSSEC: an attacker can send the mail to hosts of his own.");
        let weight = if dane { Cause::MxInsecure.weight() } else { Weight::Info };
        found.push(Finding::new(Cause::MxInsecure, name, sentence).weighing(weight));
    }
    if let Some(cause) = dns::cause(case, mx) {
        let sentence = format!("The MX records of {name} are insecure: {}.", dns::particulars(case, mx));
        let weight = if cause.party() == Party::Domain { cause.weight().min(Weight::Warning) } else { cause.weight() };
        let repair = dns::mend(case, cause, mx);
        found.push(Finding::new(cause, dns::place(mx), sentence).weighing(weight).mended_by(repair));
    }
    found
}

/// R-101 rfc7672#2.2.1: with DANE at some hosts only, an attacker picks the others.
pub(super) fn coverage(case: &Case, judged: &[Judged]) -> Vec<Finding> {
    let bare: Vec<&Judged> = judged.iter().filter(|h| h.state == State::Unprotected).collect();
    let covered = judged.iter().any(|h| matches!(h.verdict.action, Action::Dane | Action::Enc));
    if !covered || bare.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = bare.iter().take(5).map(|h| h.verdict.host.to_string()).collect();
    let more = if bare.len() > 5 { ", …" } else { "" };
    let sentence = format!(
        "{} of {} MX hosts of {} have no DANE: {}{more}. An attacker can make senders use them.",
        bare.len(),
        judged.len(),
        case.subject,
        names.join(", "),
    );
    let hosts: Vec<_> = bare.iter().filter_map(|h| case.hosts.iter().find(|o| o.host == h.verdict.host)).collect();
    vec![Finding::new(Cause::PartialTlsa, case.subject, sentence).mended_by(repair::publish(&hosts))]
}
