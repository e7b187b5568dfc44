//! What each TLSA record is, in view of everything the host's servers showed.

use super::server::Seen;
use crate::cause::Cause;
use crate::dns::Lookup;
use crate::matching::{RecordOutcome, RecordStatus};
use crate::tlsa::{Tlsa, Unusable};
use crate::verdict::{RecordLabel, RecordVerdict};

/// Labels every published record.
pub(super) fn label(published: Option<&Lookup>, servers: &[Seen]) -> Vec<RecordVerdict> {
    let Some(lookup) = published else { return Vec::new() };
    let mut parsed = 0;
    let mut labelled: Vec<RecordVerdict> = Vec::with_capacity(lookup.records.len());
    let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    for record in &lookup.records {
        let Ok(one) = record.data.parse::<Tlsa>() else {
            let reason = "the record cannot be read".to_owned();
            labelled.push(RecordVerdict { record: record.data.clone(), label: RecordLabel::Garbage, reason });
            continue;
        };
        let (label, reason) = label_one(&one, parsed, &tlsa, servers);
        labelled.push(RecordVerdict { record: one.to_string(), label, reason });
        parsed += 1;
    }
    labelled
}

fn label_one(one: &Tlsa, index: usize, all: &[Tlsa], servers: &[Seen]) -> (RecordLabel, String) {
    if let Err(why) = one.usability() {
        let label = if matches!(why, Unusable::PkixUsage(_)) { RecordLabel::Unusable } else { RecordLabel::Garbage };
        return (label, why.to_string());
    }
    if is_digest_of_nothing(one) {
        return (RecordLabel::Garbage, "it is the digest of the empty string".to_owned());
    }
    let outcomes: Vec<(&Seen, &RecordOutcome)> = outcomes(index, servers).collect();
    if outcomes.is_empty() {
        return (RecordLabel::Unknown, "no certificate was seen and judged".to_owned());
    }
    let with = |status| outcomes.iter().find(move |(_, o)| o.status == status);
    if let Some((seen, outcome)) = with(RecordStatus::Matched) {
        let by_leaf = seen.verification.as_ref().is_some_and(|v| v.usage == Some(3));
        let label = if one.usage == 2 && by_leaf { RecordLabel::Issuer } else { RecordLabel::Matches };
        let missing = outcomes.iter().filter(|(_, o)| o.status != RecordStatus::Matched).count();
        let partly = if missing > 0 { format!(" at {} of {} addresses", outcomes.len() - missing, outcomes.len()) } else { String::new() };
        return (label, format!("{}{partly}", matched_words(outcome)));
    }
    if let Some((_, outcome)) = with(RecordStatus::SkippedAgility) {
        return (RecordLabel::Hidden, outcome.detail.clone());
    }
    // R-090 rfc7671#8.1: a record beside a matching one of its kind may be the next key's.
    if sibling_matches(one, all, servers) {
        return (RecordLabel::NextKey, "it matches nothing shown now, and one of its kind does: the next key, or a left-over".to_owned());
    }
    (RecordLabel::Unmatched, outcomes.first().map_or(String::new(), |(_, o)| o.detail.clone()))
}

fn matched_words(outcome: &RecordOutcome) -> String {
    match outcome.depth {
        Some(0) => "it matches the server's certificate".to_owned(),
        Some(depth) => format!("it matches the issuer at depth {depth}"),
        None => outcome.detail.clone(),
    }
}

/// What became of this record at every address where that could be found out.
pub(super) fn outcomes<'a>(index: usize, servers: &'a [Seen]) -> impl Iterator<Item = (&'a Seen<'a>, &'a RecordOutcome)> {
    servers.iter().filter(|s| !s.is_undecided()).filter_map(move |s| Some((s, s.verification.as_ref()?.records.get(index)?)))
}

/// Whether another record of the same usage, selector and matching type matches somewhere.
pub(super) fn sibling_matches(one: &Tlsa, all: &[Tlsa], servers: &[Seen]) -> bool {
    let kind = |t: &Tlsa| (t.usage, t.selector, t.matching);
    all.iter().enumerate().filter(|(_, t)| kind(t) == kind(one)).any(|(i, _)| matched_somewhere(i, servers))
}

pub(super) fn matched_somewhere(index: usize, servers: &[Seen]) -> bool {
    outcomes(index, servers).any(|(_, o)| o.status == RecordStatus::Matched)
}

/// A script that hashed nothing: `e3b0c442…` and its SHA-512 sister.
pub(super) fn is_digest_of_nothing(one: &Tlsa) -> bool {
    crate::paper::is_digest_of_nothing(&one.data)
}

/// The cause for a record that nobody can use.
pub(super) fn unusable_cause(why: &Unusable) -> Cause {
    match why {
        Unusable::PkixUsage(_) => Cause::PkixUsage,
        Unusable::UndefinedUsage(_) => Cause::TlsaUndefinedUsage,
        Unusable::UndefinedSelector(_) => Cause::TlsaUndefinedSelector,
        Unusable::UndefinedMatchingType(_) => Cause::TlsaUndefinedMatchingType,
        Unusable::Pem => Cause::PemInFull,
        Unusable::Empty | Unusable::DigestLength { .. } | Unusable::NotACertificate | Unusable::NotAPublicKey => Cause::TlsaMalformed,
    }
}
