//! The verdict in one word and in one sentence.

use super::host::{Judged, State};
use super::policies::is_policy;
use super::{Case, dns, vantage};
use crate::cause::{Cause, Party, Weight};
use crate::dns::Security;
use crate::verdict::{Delivery, Finding, Standing};
use crate::walk::MxStage;

/// Standing, and what becomes of a message from a sender that validates DANE.
pub(super) fn weigh(case: &Case, judged: &[Judged]) -> (Standing, Option<Delivery>) {
    // What we doubt about ourselves is never turned into a judgement on the domain; only full protection cannot be an illusion.
    if vantage::route_is_doubtful(case) {
        return (Standing::CouldNotTell, None);
    }
    match case.route.mx {
        MxStage::Null => (Standing::NoMail, Some(Delivery::Bounce)),
        MxStage::NoSuchDomain => (Standing::Undeliverable, Some(Delivery::Bounce)),
        MxStage::Failed => match case.domain.and_then(|d| dns::cause(case, &d.mx)) {
            Some(cause) if cause.party() != Party::Domain => (Standing::CouldNotTell, None),
            _ => (Standing::Broken, Some(Delivery::Defer)),
        },
        MxStage::Found | MxStage::Implicit | MxStage::Skipped => (of_hosts(case, judged), delivery(judged)),
    }
}

fn of_hosts(case: &Case, judged: &[Judged]) -> Standing {
    let any = |state| judged.iter().any(|h| h.state == state);
    let living: Vec<&Judged> = judged.iter().filter(|h| h.state != State::Dead).collect();
    if living.is_empty() {
        return Standing::Undeliverable;
    }
    if any(State::Broken) {
        return Standing::Broken;
    }
    if any(State::Unknown) {
        return Standing::CouldNotTell;
    }
    let bare = any(State::Unprotected) || any(State::Unauthenticated);
    match (any(State::Protected), any(State::Unseen), bare) {
        // R-004 rfc7672#2.2.1: protection that starts at an insecure MX record is none of the domain.
        (true, _, _) if mx_is_insecure(case) => Standing::Unprotected,
        (true, _, true) => Standing::Partial,
        (true, _, false) => Standing::Protected,
        (false, true, _) => Standing::CouldNotTell,
        (false, false, _) => Standing::Unprotected,
    }
}

fn mx_is_insecure(case: &Case) -> bool {
    case.route.mx != MxStage::Skipped && case.route.mx_answer.is_some_and(|a| a.status != Security::Secure)
}

/// The first host that takes the message; hosts that nobody could look at leave it open.
fn delivery(judged: &[Judged]) -> Option<Delivery> {
    if judged.iter().any(|h| h.delivers == Some(true)) {
        Some(Delivery::Deliver)
    } else if judged.iter().any(|h| h.delivers.is_none()) {
        None
    } else {
        Some(Delivery::Defer)
    }
}

/// What senders experience now.
pub(super) fn headline(case: &Case, standing: Standing, delivery: Option<Delivery>, judged: &[Judged], findings: &[Finding]) -> String {
    let name = case.subject;
    let because = |weights: &[Weight]| {
        findings
            .iter()
            .find(|f| weights.contains(&f.weight) && !is_policy(f.cause))
            .map_or(String::new(), |f| format!(" {}", brief(&f.sentence)))
    };
    match standing {
        Standing::Protected => protected(case, judged),
        Standing::Partial => partial(case, judged, findings),
        Standing::Unprotected => unprotected(case, judged, findings),
        Standing::Broken => {
            let fate = match delivery {
                Some(Delivery::Deliver) => "still arrives, by the hosts and addresses that are right",
                Some(Delivery::Defer) => "is deferred now, and returned after some days",
                Some(Delivery::Bounce) => "is returned at once",
                None => "is not accepted everywhere; whether one of its hosts takes it could not be found out",
            };
            format!("Mail to {name} from senders that validate DANE {fate}.{}", because(&[Weight::Error]))
        }
        Standing::NoMail => format!("{name} accepts no mail, by its own will (null MX)."),
        Standing::Undeliverable => format!("Mail to {name} cannot be delivered.{}", because(&[Weight::Error])),
        Standing::CouldNotTell => {
            format!("What senders to {name} experience could not be told.{}", because(&[Weight::Unknown, Weight::Error]))
        }
    }
}

fn protected(case: &Case, judged: &[Judged]) -> String {
    let servers: Vec<_> = judged.iter().flat_map(|h| &h.verdict.servers).collect();
    let unseen = servers.iter().filter(|s| s.rfc_delivers.is_none()).count();
    let rest = match unseen {
        0 => String::new(),
        n => format!(" {n} of {} addresses could not be looked at.", servers.len()),
    };
    let hosts = match judged.len() {
        1 => format!("its mail host {}", judged.first().map_or(String::new(), |h| h.verdict.host.to_string())),
        n => format!("all of its {n} mail hosts"),
    };
    format!("Mail to {} is protected by DANE at {hosts}.{rest}", case.subject)
}

fn partial(case: &Case, judged: &[Judged], findings: &[Finding]) -> String {
    let protected = judged.iter().filter(|h| h.state == State::Protected).count();
    let why = sentence_of(findings, Cause::PartialTlsa);
    format!("Mail to {} is protected by DANE only in part ({protected} of {} mail hosts).{why}", case.subject, judged.len())
}

fn unprotected(case: &Case, judged: &[Judged], findings: &[Finding]) -> String {
    let name = case.subject;
    if judged.iter().any(|h| h.state == State::Protected) {
        let why = sentence_of(findings, Cause::MxInsecure);
        return format!("Mail to {name} is protected by DANE at its mail hosts, but not on the way to them.{why}");
    }
    if judged.iter().any(|h| h.state == State::Unauthenticated) {
        return format!("Mail to {name} is encrypted, but senders authenticate nobody.{}", sentence_of(findings, Cause::AllUnusable));
    }
    let why = findings.iter().find(|f| (f.weight == Weight::Error && !is_policy(f.cause)) || f.cause == Cause::NoTlsa);
    format!("Mail to {name} flows without DANE.{}", why.map_or(String::new(), |f| format!(" {}", brief(&f.sentence))))
}

fn sentence_of(findings: &[Finding], cause: Cause) -> String {
    findings.iter().find(|f| f.cause == cause).map_or(String::new(), |f| format!(" {}", brief(&f.sentence)))
}

/// The sentence of a finding without long particulars in brackets at its end: they stand with the finding.
fn brief(sentence: &str) -> String {
    const LONG: usize = 60;
    let Some(body) = sentence.strip_suffix(").") else { return sentence.to_owned() };
    let mut depth = 1;
    let open = body.char_indices().rev().find(|(_, c)| {
        depth += match c {
            ')' => 1,
            '(' => -1,
            _ => 0,
        };
        depth == 0
    });
    match open {
        Some((start, _)) if body.len() - start > LONG => format!("{}.", body[..start].trim_end()),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn long_particulars_stay_with_the_finding() {
        let long = "no server of example.nl. answers example.nl. MX: 192.0.2.1 unreachable (os error 113); and 20 more";
        assert_eq!(brief(&format!("The records cannot be had ({long}).")), "The records cannot be had.");
        for short in ["It fails (error 3).", "Nothing in brackets.", "unbalanced)."] {
            assert_eq!(brief(short), short);
        }
    }
}
