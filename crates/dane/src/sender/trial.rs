//! One scenario: what the sender did, and whether that was right.

use super::{Action, Event, Place, Visit};
use crate::name::Name;
use domain::base::iana::Rtype;
use domain::base::name::ToLabelIter;
use serde::{Deserialize, Serialize};

/// What is known of a scenario before anybody sends.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its id.
    pub scenario: &'a str,
    /// What RFC 7672 wants: at each host in turn, and in the end.
    pub actions: &'a [Action],
    /// The requirements that this rests on.
    pub requirements: &'a [&'a str],
}

impl Expected<'_> {
    /// Whether the message is to arrive in the end.
    #[must_use]
    pub fn arrives(&self) -> bool {
        matches!(self.actions.last(), Some(Action::Dane | Action::Enc | Action::Opp))
    }
}

/// When silence means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries that begin closer together than this are one, milliseconds: the hosts and addresses of one delivery.
    pub one_try_ms: u64,
    /// A sender that was silent so long after its last try has given up, or waits; milliseconds.
    pub silence_ms: u64,
}

impl Patience {
    /// For senders on the Internet, which retry after minutes to an hour.
    pub const INTERNET: Self = Self { one_try_ms: 60_000, silence_ms: 4 * 3_600_000 };
}

/// What became of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nobody asked and nobody came.
    Nothing,
    /// Its names were asked for; no mail server was visited.
    LookedUp,
    /// A mail server was visited, and no message left there.
    Withheld,
    /// The message came back to its sender, as undeliverable.
    Returned,
    /// Delivered in clear.
    DeliveredInClear,
    /// Delivered under TLS.
    DeliveredEncrypted,
}

impl Outcome {
    /// Whether the message arrived.
    #[must_use]
    pub fn delivered(self) -> bool {
        matches!(self, Outcome::DeliveredInClear | Outcome::DeliveredEncrypted)
    }
}

/// Whether what was done is what RFC 7672 wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// It is.
    Kept,
    /// A message was delivered that must not be, or not so.
    TooLax,
    /// A message was kept back that is to be delivered, or returned that is to be tried again.
    TooStrict,
    /// Not known yet, or nothing was sent.
    CannotTellYet,
}

/// How sure a ruling is. It grows with tries and with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing points anywhere.
    None,
    /// One try, and silence since.
    Low,
    /// Several tries, all alike.
    High,
    /// It cannot be otherwise: the message is here.
    Certain,
}

/// One thing seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What, in words.
    pub what: String,
}

/// What is known of one scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which.
    pub scenario: String,
    /// What became of the message.
    pub outcome: Outcome,
    /// Whether that is right.
    pub ruling: Ruling,
    /// How sure that is.
    pub confidence: Confidence,
    /// How often delivery was tried.
    pub tries: u32,
    /// Whether TLSA records were asked for.
    pub asked_tlsa: bool,
    /// A visit was broken off under TLS before the message came all the same: the sender looks, and does not act on what it sees.
    pub audits: bool,
    /// What this rests on, oldest first; what repeats is told once.
    pub evidence: Vec<Evidence>,
}

/// Things told of one scenario at most.
const EVIDENCE: usize = 24;

impl Trial {
    /// Judges the events of one scenario and test, oldest first, as of the moment `until_ms`.
    #[must_use]
    pub fn judge(expected: &Expected<'_>, events: &[&Event], zone: &Name, patience: Patience, until_ms: u64) -> Self {
        let tries = tries(events, patience);
        let delivery = events.iter().find_map(|event| match event {
            Event::Visit(visit) => delivery(visit, expected.scenario, zone).map(|encrypted| (visit, encrypted)),
            Event::Query(_) => None,
        });
        let returned = |e: &&&Event| matches!(e, Event::Visit(visit) if brings_back(visit, expected.scenario, zone));
        let returned = events.iter().any(|e| returned(&e));
        let visited = events.iter().any(|e| matches!(e, Event::Visit(_)));
        let outcome = match delivery {
            Some((_, true)) => Outcome::DeliveredEncrypted,
            Some((_, false)) => Outcome::DeliveredInClear,
            None if returned => Outcome::Returned,
            None if visited => Outcome::Withheld,
            None if events.is_empty() => Outcome::Nothing,
            None => Outcome::LookedUp,
        };
        let broke_off = |e: &&&Event| matches!(e, Event::Visit(v) if v.starttls && v.mails.is_empty());
        let audits = delivery.is_some_and(|(last, _)| events.iter().filter(broke_off).any(|e| e.at_ms() < last.at_ms));
        let silent = events.last().is_some_and(|last| until_ms.saturating_sub(last.at_ms()) >= patience.silence_ms);
        let skipped = delivery.map_or(Some(false), |(visit, _)| delivered_at_skipped(visit, expected, zone));
        let (ruling, confidence) = rule(expected, outcome, tries, silent, skipped);
        Self {
            scenario: expected.scenario.to_owned(),
            outcome,
            ruling,
            confidence,
            tries,
            asked_tlsa: events.iter().any(|e| matches!(e, Event::Query(q) if q.rtype == Rtype::TLSA)),
            audits,
            evidence: evidence(events, expected.scenario, zone),
        }
    }
}

fn rule(expected: &Expected<'_>, outcome: Outcome, tries: u32, silent: bool, skipped: Option<bool>) -> (Ruling, Confidence) {
    let kept_back = match (tries, silent) {
        (0, _) => Confidence::None,
        (1, false) => Confidence::None,
        (1, true) => Confidence::Low,
        _ => Confidence::High,
    };
    let last = expected.actions.last().copied();
    match (outcome, expected.arrives()) {
        // R-033 rfc7672#2.2: usable records make TLS mandatory; unusable ones do, too.
        (Outcome::DeliveredInClear, true) if last != Some(Action::Opp) => (Ruling::TooLax, Confidence::Certain),
        (outcome, true) if outcome.delivered() && skipped == Some(true) => (Ruling::TooLax, Confidence::Certain),
        (outcome, true) if outcome.delivered() && skipped.is_none() => (Ruling::CannotTellYet, Confidence::None),
        (outcome, true) if outcome.delivered() => (Ruling::Kept, Confidence::Certain),
        (outcome, false) if outcome.delivered() => (Ruling::TooLax, Confidence::Certain),
        // R-033 rfc7672#2.2: delivery is to be delayed, so that it goes on when the receiver has mended what is wrong.
        (Outcome::Returned, _) if last == Some(Action::Bounce) => (Ruling::Kept, Confidence::Certain),
        (Outcome::Returned, _) => (Ruling::TooStrict, Confidence::Certain),
        (Outcome::Nothing, _) => (Ruling::CannotTellYet, Confidence::None),
        (_, _) if kept_back == Confidence::None => (Ruling::CannotTellYet, Confidence::None),
        (_, true) => (Ruling::TooStrict, kept_back),
        (_, false) => (Ruling::Kept, kept_back),
    }
}

/// Whether a visit left a message of this scenario, and if so whether under TLS.
fn delivery(visit: &Visit, scenario: &str, zone: &Name) -> Option<bool> {
    let ours = |recipient: &String| Place::of_address(recipient, zone).is_some_and(|place| place.scenario == scenario);
    visit.mails.iter().find(|mail| mail.recipients.iter().any(ours)).map(|mail| mail.encrypted)
}

/// Whether a visit brought back a message of this scenario.
fn brings_back(visit: &Visit, scenario: &str, zone: &Name) -> bool {
    let ours = |recipient: &String| Place::of_bounce(recipient, zone).is_some_and(|place| place.scenario == scenario);
    visit.mails.iter().any(|mail| mail.recipients.iter().any(ours))
}

/// Whether it was left at a host that was to be skipped: hosts are called `mx1`, `mx2`, … in order of preference. Several share an address, so
/// of a client that names none it is not known.
fn delivered_at_skipped(visit: &Visit, expected: &Expected<'_>, zone: &Name) -> Option<bool> {
    if !expected.actions.contains(&Action::Next) {
        return Some(false);
    }
    let name = Name::from_chars(format!("{}.", visit.sni.as_ref()?.trim_end_matches('.')).chars()).ok()?;
    Place::of(&name, zone)?;
    let first = name.iter_labels().next()?.to_string().to_ascii_lowercase();
    let number: usize = first.strip_prefix("mx")?.parse().ok()?;
    Some(expected.actions.get(number.checked_sub(1)?) == Some(&Action::Next))
}

/// Tries are bursts of events with a pause between them.
fn tries(events: &[&Event], patience: Patience) -> u32 {
    let mut tries = 0;
    let mut last: Option<u64> = None;
    for event in events {
        if last.is_none_or(|last| event.at_ms().saturating_sub(last) > patience.one_try_ms) {
            tries += 1;
        }
        last = Some(event.at_ms());
    }
    tries
}

fn evidence(events: &[&Event], scenario: &str, zone: &Name) -> Vec<Evidence> {
    let mut told: Vec<Evidence> = Vec::new();
    for event in events {
        let what = match event {
            Event::Query(q) => {
                let flags = match (q.dnssec_ok, q.checking_disabled) {
                    (true, true) => ", DO and CD",
                    (true, false) => ", DO",
                    (false, true) => ", CD",
                    (false, false) => ", without DO",
                };
                format!("{} asks for {} {}{flags}{}", q.source.ip(), q.name, q.rtype, if q.tcp { ", over TCP" } else { "" })
            }
            Event::Visit(v) if brings_back(v, scenario, zone) => format!("{} brings the message back", v.source.ip()),
            Event::Visit(v) => format!("{} visits {}: {}", v.source.ip(), v.server.ip(), course(v)),
        };
        if told.len() < EVIDENCE && !told.iter().any(|t| t.what == what) {
            told.push(Evidence { at_ms: event.at_ms(), what });
        }
    }
    told
}

/// How a visit went, in words.
fn course(visit: &Visit) -> String {
    let tls = match (&visit.tls, &visit.tls_error, visit.starttls) {
        (Some(version), ..) => format!("{version} for {}", visit.sni.as_deref().unwrap_or("no server name")),
        (None, Some(error), _) => format!("STARTTLS, then no session ({error})"),
        (None, None, true) => "STARTTLS refused or broken off".to_owned(),
        (None, None, false) => "no STARTTLS".to_owned(),
    };
    let mails = match visit.mails.iter().map(|m| m.encrypted).next() {
        Some(true) => "message delivered under TLS",
        Some(false) => "message delivered in clear",
        None => "no message",
    };
    format!("{tls}; {mails}")
}
