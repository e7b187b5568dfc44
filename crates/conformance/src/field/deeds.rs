//! What a sender did with each scenario: from the lab's side, its log and its questions.

use super::place::{Place, scenarios};
use super::sender::{Running, Words};
use super::tap::{Asked, Tap};
use scenario::recipe::Route;
use scenario::{Scenario, Sender as Wanted};
use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// How long a client may stay after its last message: OpenSMTPD does for ten seconds.
const STAY: Duration = Duration::from_secs(25);

/// What its log says last of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is gone.
    Sent,
    /// It waits.
    Deferred,
    /// It is given up.
    Bounced,
    /// Nothing yet.
    Unknown,
}

/// What became of one scenario's message.
#[derive(Clone, Debug)]
pub struct Deed {
    /// What the log says.
    pub fate: Fate,
    /// Why, in its own words.
    pub words: String,
    /// Hosts that took the message under TLS.
    pub by_tls: Vec<String>,
    /// Hosts that took it in clear.
    pub in_clear: Vec<String>,
    /// Whether STARTTLS was sent to any host.
    pub starttls: bool,
    /// Whether a TLSA record in this scenario's zones was asked for.
    pub tlsa_asked: bool,
}

impl Deed {
    /// Whether any host took the message.
    #[must_use]
    pub fn delivered(&self) -> bool {
        !self.by_tls.is_empty() || !self.in_clear.is_empty()
    }

    /// Whether that is what RFC 7672 wants; if not, what it is instead.
    ///
    /// # Errors
    /// Says what was done.
    pub fn as_wanted(&self, scenario: &Scenario) -> Result<(), String> {
        let well = match scenario.sender.last() {
            // No RFC says which: some connect to the address, others find no such host.
            _ if scenario.recipe.route == Route::Address => self.fate != Fate::Unknown,
            Some(Wanted::Dane | Wanted::Enc) => {
                let skipped = scenario.sender.first() != Some(&Wanted::Next) || !self.by_tls.iter().any(|host| host.starts_with("mx1."));
                self.fate == Fate::Sent && !self.by_tls.is_empty() && self.in_clear.is_empty() && skipped
            }
            Some(Wanted::Opp) => {
                // R-017 rfc7672#2.2: what may not be relied upon must not be asked for.
                let asked = scenario.id == "insecure-address-tlsa-poisoned" && self.tlsa_asked;
                self.fate == Fate::Sent && self.delivered() && !asked
            }
            Some(Wanted::Defer | Wanted::Next) => self.fate == Fate::Deferred && !self.delivered(),
            Some(Wanted::Bounce) => self.fate == Fate::Bounced && !self.delivered(),
            None => false,
        };
        if well { Ok(()) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fate, self.by_tls.is_empty(), self.in_clear.is_empty()) {
            (_, _, false) => write!(f, "delivered in clear"),
            (_, false, _) => write!(f, "delivered by TLS to {}", self.by_tls.join(", ")),
            (Fate::Deferred, ..) => write!(f, "deferred: {}", self.words),
            (Fate::Bounced, ..) => write!(f, "returned: {}", self.words),
            (Fate::Sent, ..) => write!(f, "said to be sent, and not received: {}", self.words),
            (Fate::Unknown, ..) => write!(f, "nothing within the time of the test"),
        }
    }
}

/// A sender's deeds, by scenario.
pub type Deeds = BTreeMap<&'static str, Deed>;

/// Gives a sender one message for each of these scenarios, and waits until its log says something of every one, or for so long.
///
/// # Panics
/// If it does not take a message.
#[must_use]
pub fn of(place: &Place, running: &Running, ids: &[&'static str], limit: Duration) -> Deeds {
    let domain = |id: &str| {
        let truth = place.world.lab.truth().iter().find(|truth| truth.scenario == id);
        truth.unwrap_or_else(|| panic!("{id} is not in the lab")).domain.to_string()
    };
    let domains: BTreeMap<&'static str, String> = ids.iter().map(|id| (*id, domain(id))).collect();
    for domain in domains.values() {
        running.submit(&format!("probe@{domain}"));
    }
    let begun = Instant::now();
    let fates = loop {
        let log = running.log();
        let fates: BTreeMap<_, _> = domains.iter().map(|(id, domain)| (*id, fate(&log, running.sender.words(), domain))).collect();
        let settled = fates.values().all(|(fate, _)| *fate != Fate::Unknown);
        if settled || begun.elapsed() > limit {
            break fates;
        }
        thread::sleep(Duration::from_millis(250));
    };
    // The lab tells of a visit when it is over, and some stay for a while in case there is more mail.
    let settled = Instant::now();
    loop {
        let deeds = seen(place, &running.helo, &running.tap, fates.clone());
        let received = deeds.values().all(|deed| deed.fate != Fate::Sent || deed.delivered());
        if received || settled.elapsed() > STAY {
            return deeds;
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// What became of messages with these fates: the visits of a client that calls itself so, and the questions at its tap.
#[must_use]
pub fn seen(place: &Place, helo: &str, tap: &Tap, fates: BTreeMap<&'static str, (Fate, String)>) -> Deeds {
    let visits = place.visits(helo);
    let asked = tap.asked();
    let deed = |(id, (fate, words)): (&'static str, (Fate, String))| {
        let mut deed =
            Deed { fate, words, by_tls: vec![], in_clear: vec![], starttls: false, tlsa_asked: asked.iter().any(|a| is_tlsa_of(a, id)) };
        for (_, host, visit) in visits.iter().filter(|(of, ..)| *of == id) {
            deed.starttls |= visit.starttls;
            if visit.mails.iter().any(|mail| mail.encrypted) {
                deed.by_tls.push(host.clone());
            }
            if visit.mails.iter().any(|mail| !mail.encrypted) {
                deed.in_clear.push(host.clone());
            }
        }
        (id, deed)
    };
    fates.into_iter().map(deed).collect()
}

fn is_tlsa_of(asked: &Asked, id: &str) -> bool {
    let zone = |suffix: &str| asked.name.ends_with(&format!(".{id}{suffix}.nl"));
    asked.rtype == "TLSA" && (zone("") || zone("-side"))
}

/// What a log says last of the message for this domain.
fn fate(log: &str, words: Words, domain: &str) -> (Fate, String) {
    let address = format!("probe@{domain}");
    let ends = |line: &str| {
        let after = line.split(&address).nth(1)?;
        (!after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.')).then(|| line.to_owned())
    };
    log.lines().filter_map(ends).filter_map(|line| told(&line, words, &address)).next_back().unwrap_or((Fate::Unknown, String::new()))
}

/// What one line tells, if it tells of the end of an attempt.
fn told(line: &str, words: Words, address: &str) -> Option<(Fate, String)> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    let (fate, why) = match words {
        Words::Postfix => {
            let rest = after("status=")?;
            let (status, why) = rest.split_once(' ').unwrap_or((rest, ""));
            let fate = match status {
                "sent" => Fate::Sent,
                "deferred" => Fate::Deferred,
                "bounced" => Fate::Bounced,
                _ => return None,
            };
            (fate, why.trim_matches(['(', ')']).to_owned())
        }
        Words::Exim => {
            let why = after(address)?.trim().to_owned();
            let fate = [(" => ", Fate::Sent), (" -> ", Fate::Sent), (" == ", Fate::Deferred), (" ** ", Fate::Bounced)];
            (fate.iter().find(|(mark, _)| line.contains(&format!("{mark}{address}")))?.1, why)
        }
        Words::Sendmail => {
            let (dsn, why) = (after("dsn=")?, after("stat=")?.to_owned());
            let fate = match dsn.chars().next()? {
                '2' => Fate::Sent,
                '4' => Fate::Deferred,
                '5' => Fate::Bounced,
                _ => return None,
            };
            (fate, why)
        }
        Words::OpenSmtpd => {
            let why = after("stat=\"")?.trim_end_matches('"').to_owned();
            let fate = match after("result=\"")?.split('"').next()? {
                "Ok" => Fate::Sent,
                "TempFail" => Fate::Deferred,
                "PermFail" => Fate::Bounced,
                _ => return None,
            };
            (fate, why)
        }
    };
    Some((fate, why))
}

/// How many of these deeds are what RFC 7672 wants, and which are not, with what they are instead.
#[must_use]
pub fn departures(deeds: &Deeds) -> Vec<(&'static Scenario, String)> {
    let judged = scenarios().into_iter().filter_map(|scenario| Some((scenario, deeds.get(scenario.id)?)));
    judged.filter_map(|(scenario, deed)| Some((scenario, deed.as_wanted(scenario).err()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_is_read() {
        let lines = [
            (
                Words::Postfix,
                "postfix/smtp[1]: A: to=<probe@valid.nl>, relay=none, delay=1, dsn=4.7.5, status=deferred (no)",
                Fate::Deferred,
                "no",
            ),
            (
                Words::Exim,
                "2026-01-01 1-2-3 == probe@valid.nl R=dnslookup defer (-36): DANE",
                Fate::Deferred,
                "R=dnslookup defer (-36): DANE",
            ),
            (Words::Exim, "2026-01-01 1-2-3 ** probe@valid.nl: Unrouteable", Fate::Bounced, ": Unrouteable"),
            (Words::Sendmail, "sm-mta[1]: A: to=<probe@valid.nl>, delay=0, dsn=2.0.0, stat=Sent (ok)", Fate::Sent, "Sent (ok)"),
            (Words::OpenSmtpd, "1 mta delivery to=<probe@valid.nl> result=\"Ok\" stat=\"250 2.0.0\"", Fate::Sent, "250 2.0.0"),
        ];
        for (words, line, expected, why) in lines {
            assert_eq!(fate(line, words, "valid.nl"), (expected, why.to_owned()), "{line}");
            assert_eq!(fate(line, words, "alid.nl").0, Fate::Unknown, "{line}");
            assert_eq!(fate(line, words, "valid").0, Fate::Unknown, "{line}");
        }
    }
}
