//! What breaks next: hosts that are right in the last round, and will not be if all goes as it went before.
//!
//! - **renewal-unprepared**: the certificate is due within 30 days, by the time that was left of it at the host's last renewal, and the records will not
//!   fit the next one: only the leaf is named, the host's last renewal came with another key or the records pin the whole certificate, and no record
//!   waits for a certificate that nobody has seen yet (RFC 7671 section 8.1).
//! - **issuer-changed**: the same due date, only an issuer is named, and in the last 30 days most renewals of other hosts' certificates by this issuer's
//!   key came from another one.
//! - **signature-not-renewed**: the signature over the records is valid, but less than half of the time is left of it than ever was when a state of the
//!   host ended (less than six hours, if none did): its signer is late.
//!
//! Asked with an earlier end (`--to`), what came of it can be seen in the same archive.

mod due;

use crate::Share;
use crate::questions::operators::operator;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Study, Table, View};
use due::{Past, look};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hosts that will break.
pub struct Forecast;

/// How far the forecast looks ahead, and how far back for issuers that others left, seconds.
const MONTH: i64 = 30 * 86_400;

/// What is going to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// No record waits for the next certificate.
    RenewalUnprepared,
    /// Others get their certificates from another issuer now.
    IssuerChanged,
    /// The signer is late.
    SignatureNotRenewed,
}

/// A host that may break.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Candidate {
    host: u32,
    kind: Kind,
    at: i64,
    /// The key of the issuer whose customers decide, if they do.
    issuer: Option<u32>,
}

/// What was seen.
#[derive(Default, Serialize, Deserialize)]
pub struct Seen {
    candidates: Vec<Candidate>,
    /// Renewals of the last month, by the keys of the old and the new issuer.
    renewals: BTreeMap<(u32, u32), u64>,
    /// Hosts that are right in the last round.
    hosts: u64,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::RenewalUnprepared, Kind::IssuerChanged, Kind::SignatureNotRenewed];

    fn word(self) -> &'static str {
        match self {
            Kind::RenewalUnprepared => "renewal-unprepared",
            Kind::IssuerChanged => "issuer-changed",
            Kind::SignatureNotRenewed => "signature-not-renewed",
        }
    }
}

impl Question for Forecast {
    type Part = Seen;

    const ABOUT: About = About {
        id: "beyond-forecast",
        title: "What breaks next",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Hosts whose TLSA records are secure and match in the last round, and that will break if all goes as before: a renewal due within 30 days that changes what the \
                     records name, without a record for the next certificate; an issuer named alone whose customers get their certificates from another one now; \
                     a signature of which less than half of the time is left that was ever left of one before.",
        published: "",
    };

    const NEEDS: Needs =
        Needs { servers: Some(&["tlsa_set_id", "chain_id", "dnssec", "sig_expiration_s"]), certificates: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let place = host.host.servers.first().and_then(|server| study.host_of(*server));
        let (Some((vantage, grid)), Some(place)) = (study.vantage(), place) else { return };
        let stream = host.stream(vantage);
        let past = Past::of(study, grid, &stream);
        let Some(now) = grid.times().last() else { return };
        for (at, old, new) in &past.renewals {
            if let (true, Some(old), Some(new)) = (*at > now - MONTH, old, new) {
                *part.renewals.entry((*old, *new)).or_default() += 1;
            }
        }
        let found = look(study, &past, &stream, *now);
        part.hosts += u64::from(found.is_some());
        let host = crate::questions::faults::number(place);
        part.candidates.extend(found.unwrap_or_default().into_iter().map(|(kind, at, issuer)| Candidate { host, kind, at, issuer }));
    }

    fn merge(part: &mut Self::Part, mut other: Self::Part) {
        part.candidates.append(&mut other.candidates);
        other.renewals.into_iter().for_each(|(keys, count)| *part.renewals.entry(keys).or_default() += count);
        part.hosts += other.hosts;
    }

    fn answer(study: &Study<'_>, mut part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let left = |issuer: u32| {
            let renewals = part.renewals.range((issuer, 0)..=(issuer, u32::MAX));
            let (stayed, went) = renewals.fold(
                (0, 0),
                |(stayed, went), ((_, new), many)| if *new == issuer { (stayed + many, went) } else { (stayed, went + many) },
            );
            went > stayed
        };
        part.candidates.retain(|candidate| candidate.issuer.is_none_or(left));
        part.candidates.sort_unstable_by_key(|candidate| (candidate.at, candidate.host, candidate.kind));
        let mut next = Table::new("next", View::Ours, "Hosts that break next", &["host", "operator", "kind", "at"]);
        for candidate in &part.candidates {
            let name = study.hosts().get(candidate.host as usize).map_or("", |host| &*host.name);
            next.rows.push(vec![name.into(), operator(name).into(), candidate.kind.word().into(), Cell::Time(candidate.at)]);
        }
        let mut kinds = Table::new("by-kind", View::Ours, "Hosts that break next, of those that are right now", &["kind", "hosts"]);
        for kind in Kind::ALL {
            let count = part.candidates.iter().filter(|candidate| candidate.kind == kind).count() as u64;
            kinds.rows.push(vec![kind.word().into(), Share::new(count, part.hosts).into()]);
        }
        answer.charts.push(Chart::new("by-kind", "What breaks next", &kinds, Drawing::Bars, "kind", &[("hosts", "Hosts")]));
        answer.tables = vec![next, kinds];
        answer
    }
}
