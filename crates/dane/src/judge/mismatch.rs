//! Why the TLSA records in force do not fit what the servers show.

use super::finding::{gather, list};
use super::records;
use super::server::Seen;
use crate::cause::{Cause, Weight};
use crate::dns::Lookup;
use crate::matching::ErrorCode;
use crate::observation::HostObservation;
use crate::paper::{WrongField, wrong_field};
use crate::repair;
use crate::tlsa::Tlsa;
use crate::verdict::{Action, Finding, Repair};
use crate::walk::HostRoute;

pub(super) fn findings(route: &HostRoute, seen: &HostObservation, servers: &[Seen], lookup: &Lookup) -> Vec<Finding> {
    let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    let counted: Vec<&Seen> = servers.iter().filter(|s| s.counts()).collect();
    let works = !counted.is_empty() && counted.iter().all(|s| s.matches());
    let wrong = wrong_records(lookup, &tlsa, servers);
    let mend = |cause| repair::mismatch(cause, lookup, seen, &wrong);

    let mut found = unusable(route, lookup, works, &mend);
    if route.action == Action::Enc {
        let sentence = format!("None of the TLSA records of {} is usable: senders encrypt, but authenticate nobody.", route.host);
        found.push(Finding::new(Cause::AllUnusable, &route.host, sentence).mended_by(mend(Cause::AllUnusable)));
        found.extend(meant(route, servers, &tlsa).map(|f| {
            let repair = mend(f.cause);
            f.mended_by(repair)
        }));
        return found;
    }
    found.extend(unmatched(route, servers, &tlsa, &mend));
    found.extend(coverage(route, &counted, &tlsa, &mend));
    found.extend(left_over(route, servers, &tlsa));
    found
}

/// Records that match at no address: what a repair removes in the end.
fn wrong_records(lookup: &Lookup, tlsa: &[Tlsa], servers: &[Seen]) -> Vec<String> {
    // One that we could not judge may need any of them.
    if servers.iter().any(Seen::is_undecided) {
        return Vec::new();
    }
    let unmatched = tlsa.iter().enumerate().filter(|(i, _)| !records::matched_somewhere(*i, servers)).map(|(_, t)| t.to_string());
    let unreadable = lookup.records.iter().filter(|r| r.data.parse::<Tlsa>().is_err()).map(|r| r.data.clone());
    unmatched.chain(unreadable).collect()
}

/// Records that no sender can use, and the digest of nothing.
fn unusable(route: &HostRoute, lookup: &Lookup, works: bool, mend: &impl Fn(Cause) -> Option<Repair>) -> Vec<Finding> {
    let mut found = Vec::new();
    for record in &lookup.records {
        let cause = match record.data.parse::<Tlsa>() {
            Err(_) => Cause::TlsaMalformed,
            Ok(one) if records::is_digest_of_nothing(&one) => Cause::DigestOfNothing,
            Ok(one) => match one.usability() {
                Err(why) => records::unusable_cause(&why),
                Ok(()) => continue,
            },
        };
        let shown: String = record.data.chars().take(40).collect();
        let sentence = format!("{}: {} (\"{shown}…\")", route.host, cause.title().trim_end_matches('.'));
        // Beside a record that matches it does no harm yet.
        let weight = if works { Weight::Warning } else { cause.weight() };
        found.push(Finding::new(cause, &route.host, sentence).weighing(weight).mended_by(mend(cause)));
    }
    found
}

/// What an unusable set was meant to be: the right data under a wrong number.
fn meant(route: &HostRoute, servers: &[Seen], tlsa: &[Tlsa]) -> Option<Finding> {
    let field = servers.iter().filter(|s| s.counts()).find_map(|s| wrong_field(s.chain, tlsa))?;
    let cause = wrong_field_cause(field);
    let telling = matches!(cause, Cause::WrongUsage | Cause::WrongSelector | Cause::WrongMatchingType);
    telling.then(|| Finding::new(cause, &route.host, format!("{}: {}", route.host, cause.title())))
}

/// Addresses whose chain fits no record: one finding for each cause and its particulars, naming the addresses.
fn unmatched(route: &HostRoute, servers: &[Seen], tlsa: &[Tlsa], mend: &impl Fn(Cause) -> Option<Repair>) -> Vec<Finding> {
    let unfit = servers.iter().filter(|s| s.is_undecided() || (s.counts() && !s.matches()));
    let single = unfit.map(|server| {
        let (cause, detail) = diagnose(server, tlsa);
        let detail = if detail.is_empty() { String::new() } else { format!(" ({})", detail.trim_end_matches('.')) };
        let sentence = format!("{}{detail}.", cause.title().trim_end_matches('.'));
        Finding::new(cause, &route.host, sentence).at(server.verdict.address)
    });
    let mended = |finding: Finding| {
        let repair = mend(finding.cause);
        finding.mended_by(repair)
    };
    gather(single).into_iter().map(mended).collect()
}

/// The cause nearest to the truth for one address that fits nothing.
fn diagnose(server: &Seen, tlsa: &[Tlsa]) -> (Cause, String) {
    let error = server.verification.as_ref().and_then(|v| v.error.as_ref());
    let detail = error.map_or(String::new(), |e| e.detail.clone());
    let nearest = error.map_or(ErrorCode::NoMatch, |e| e.code);
    let cause = match nearest {
        ErrorCode::HiddenByAgility => Cause::AgilityHidesMatch,
        ErrorCode::NameMismatch => Cause::TaNameMismatch,
        ErrorCode::Expired | ErrorCode::NotYetValid => Cause::TaExpired,
        ErrorCode::PathBroken => Cause::TaPathBroken,
        ErrorCode::LeafAsTa => Cause::LeafAsTa,
        ErrorCode::Budget => Cause::BudgetExhausted,
        ErrorCode::UnsupportedSignature => Cause::SignatureUnsupported,
        ErrorCode::GarbageCertificate => Cause::GarbageCertificate,
        ErrorCode::NoCertificate => Cause::EmptyChain,
        ErrorCode::TaNotSent | ErrorCode::NoMatch | ErrorCode::UntrustedRoot | ErrorCode::NoUsableRecord => {
            return match wrong_field(server.chain, tlsa) {
                Some(field) => (wrong_field_cause(field), String::new()),
                None if nearest == ErrorCode::TaNotSent => (Cause::TaNotSent, detail),
                None => (Cause::UnknownMismatch, detail),
            };
        }
    };
    (cause, detail)
}

fn wrong_field_cause(field: WrongField) -> Cause {
    match field {
        // Named record by record in `unusable`.
        WrongField::UndefinedValue => Cause::UnknownMismatch,
        WrongField::Usage => Cause::WrongUsage,
        WrongField::Selector => Cause::WrongSelector,
        WrongField::MatchingType => Cause::WrongMatchingType,
        WrongField::DigestOfNothing => Cause::DigestOfNothing,
        WrongField::Pem => Cause::PemInFull,
        WrongField::CopyPaste => Cause::CopyPasteError,
    }
}

/// R-090 rfc7671#8: the records have to fit every server behind the name.
fn coverage(route: &HostRoute, counted: &[&Seen], tlsa: &[Tlsa], mend: &impl Fn(Cause) -> Option<Repair>) -> Option<Finding> {
    let (good, bad): (Vec<&&Seen>, Vec<&&Seen>) = counted.iter().partition(|s| s.matches());
    let first = bad.first().filter(|_| !good.is_empty())?;
    let shown = |servers: &[&&Seen]| list(&servers.iter().map(|s| s.verdict.address).collect::<Vec<_>>());
    let sentence = format!("The TLSA records of {} match at {} and not at {}.", route.host, shown(&good), shown(&bad));
    Some(Finding::new(Cause::PartialCoverage, &route.host, sentence).mended_by(mend(diagnose(first, tlsa).0)))
}

/// Usable records that match nothing, beside others that do.
fn left_over(route: &HostRoute, servers: &[Seen], tlsa: &[Tlsa]) -> Vec<Finding> {
    let matches = |index: usize| records::matched_somewhere(index, servers);
    if !(0..tlsa.len()).any(matches) {
        return Vec::new();
    }
    let silent = |(index, one): &(usize, &Tlsa)| !matches(*index) && one.usability().is_ok() && !records::is_digest_of_nothing(one);
    let to_finding = |(_, one): (usize, &Tlsa)| {
        let kind = format!("{} {} {}", one.usage, one.selector, one.matching);
        let (cause, what) = if records::sibling_matches(one, tlsa, servers) {
            (Cause::RecordUnmatched, format!("a TLSA record {kind} matches nothing shown now: the next key, or a left-over"))
        } else {
            // R-090 rfc7671#8
            (Cause::CombinationUnmatched, format!("no TLSA record {kind} matches; a sender that can use only these fails"))
        };
        Finding::new(cause, &route.host, format!("{}: {what}.", route.host))
    };
    tlsa.iter().enumerate().filter(silent).map(to_finding).collect()
}
