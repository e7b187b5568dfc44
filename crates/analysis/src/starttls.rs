//! Does STARTTLS work? (P20 Figure 6)

use crate::Share;
use crate::facts::HostFacts;
use crate::servers::Servers;
use dane::cause::Cause;
use dane::observation::AddressObservation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What came of STARTTLS at one server (its first address).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StarttlsClass {
    /// A TLS session with a certificate.
    Works,
    /// STARTTLS is not among what the server offers.
    NotOffered,
    /// 500, 502, 503 or 504: not implemented or understood.
    NotImplemented,
    /// Another 5xx in answer to STARTTLS.
    Refused,
    /// 4xx in answer to STARTTLS.
    Temporary,
    /// The TLS negotiation fails.
    TlsFailure,
    /// No certificate, or bytes that are none.
    BadCertificate,
    /// Block lists, rate limits, greylisting: the server does not want *us*. Says nothing about STARTTLS.
    Unwelcome,
    /// STARTTLS was there, and what came of it says nothing: a filter on the way, a connection that broke, a limit of ours.
    NotJudged,
    /// No connection, or nothing there that speaks SMTP.
    NoSmtp,
    /// We did not look.
    NotLooked,
}

impl StarttlsClass {
    /// Every class, best first.
    pub const ALL: [StarttlsClass; 11] = [
        StarttlsClass::Works,
        StarttlsClass::NotOffered,
        StarttlsClass::NotImplemented,
        StarttlsClass::Refused,
        StarttlsClass::Temporary,
        StarttlsClass::TlsFailure,
        StarttlsClass::BadCertificate,
        StarttlsClass::Unwelcome,
        StarttlsClass::NotJudged,
        StarttlsClass::NoSmtp,
        StarttlsClass::NotLooked,
    ];

    /// In words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            StarttlsClass::Works => "works",
            StarttlsClass::NotOffered => "not offered",
            StarttlsClass::NotImplemented => "not implemented (500, 502, 503, 504)",
            StarttlsClass::Refused => "refused (other 5xx)",
            StarttlsClass::Temporary => "not available now (4xx)",
            StarttlsClass::TlsFailure => "TLS negotiation fails",
            StarttlsClass::BadCertificate => "no or malformed certificate",
            StarttlsClass::Unwelcome => "the server turned us away",
            StarttlsClass::NotJudged => "could not be judged",
            StarttlsClass::NoSmtp => "no connection or no SMTP",
            StarttlsClass::NotLooked => "not looked at",
        }
    }

    /// Whether an SMTP session was established, so that STARTTLS could be judged.
    #[must_use]
    pub fn is_judged(self) -> bool {
        !matches!(self, StarttlsClass::Unwelcome | StarttlsClass::NotJudged | StarttlsClass::NoSmtp | StarttlsClass::NotLooked)
    }

    pub(crate) fn of(host: &HostFacts) -> Self {
        let Some((server, verdict)) = host.first_server() else { return StarttlsClass::NotLooked };
        let Some(verdict) = verdict else { return StarttlsClass::NotLooked };
        verdict.obstacle.map_or(StarttlsClass::Works, |cause| Self::of_obstacle(cause, server))
    }

    fn of_obstacle(cause: Cause, server: &AddressObservation) -> Self {
        use Cause as C;
        let asked = server.dialogue.iter().any(|e| e.sent.as_deref() == Some("STARTTLS"));
        match cause {
            C::StarttlsNotOffered => StarttlsClass::NotOffered,
            C::StarttlsRefused => match server.reply_code(Some("STARTTLS")) {
                Some(500 | 502 | 503 | 504) => StarttlsClass::NotImplemented,
                _ => StarttlsClass::Refused,
            },
            C::StarttlsTemporary => StarttlsClass::Temporary,
            C::TlsHandshakeFailure | C::TlsTooOld | C::KeyNotProven => StarttlsClass::TlsFailure,
            C::EmptyChain | C::GarbageCertificate => StarttlsClass::BadCertificate,
            C::SmtpBlocked | C::RateLimited | C::Greylisted => StarttlsClass::Unwelcome,
            C::OptedOut | C::NotLooked | C::Port25Blocked | C::NoIpv6 | C::BudgetExhausted | C::LocalError | C::AddressNotPublic => {
                StarttlsClass::NotLooked
            }
            // Broken off when STARTTLS was sent or after: it was offered.
            C::Tarpit | C::ConnectionReset | C::NotSmtp if asked => StarttlsClass::NotJudged,
            C::Tarpit | C::ConnectionReset | C::NotSmtp => StarttlsClass::NoSmtp,
            C::BannerTimeout | C::ConnectionRefused | C::ConnectionTimeout | C::Unreachable => StarttlsClass::NoSmtp,
            // StarttlsStripped (the path), TlsEngineLimit and HugeChain (our engine), and whatever is no obstacle of STARTTLS: never held
            // against the server.
            _ => StarttlsClass::NotJudged,
        }
    }
}

/// Servers by class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarttlsTable {
    /// All MX hosts by class.
    pub all: BTreeMap<StarttlsClass, u64>,
    /// MX hosts with TLSA records by class.
    pub with_tlsa: BTreeMap<StarttlsClass, u64>,
    /// Of established SMTP sessions with servers that have TLSA records, those where STARTTLS failed. Paper view: 500, 502, 503, 504, TLS
    /// failure and bad certificates count as failed; other refusals leave the denominator, 4xx stays in it; not offered counts by what the
    /// server says when STARTTLS is sent all the same.
    pub failed_paper: Share,
    /// The same as a sender sees it: not offered, refused and 4xx are failures, too.
    pub failed_rfc: Share,
}

pub(crate) fn table(servers: &Servers) -> StarttlsTable {
    use StarttlsClass as K;
    let (mut all, mut with_tlsa) = (BTreeMap::new(), BTreeMap::new());
    let mut paper: BTreeMap<K, u64> = BTreeMap::new();
    for server in servers.iter() {
        *all.entry(server.look.starttls).or_default() += 1;
    }
    for server in servers.with_tlsa() {
        *with_tlsa.entry(server.look.starttls).or_default() += 1;
        *paper.entry(server.look.starttls_paper).or_default() += 1;
    }
    let sum = |counts: &BTreeMap<K, u64>, which: &dyn Fn(K) -> bool| counts.iter().filter(|(k, _)| which(**k)).map(|(_, n)| n).sum::<u64>();
    let judged = sum(&with_tlsa, &K::is_judged);
    let paper_failed = |k| matches!(k, K::NotImplemented | K::TlsFailure | K::BadCertificate);
    StarttlsTable {
        failed_paper: Share::new(sum(&paper, &paper_failed), sum(&paper, &|k| k.is_judged() && k != K::Refused)),
        failed_rfc: Share::new(sum(&with_tlsa, &|k| k.is_judged() && k != K::Works), judged),
        all,
        with_tlsa,
    }
}

/// The class in the paper view, where STARTTLS is sent unadvertised: what the server then said.
pub(crate) fn paper_class(host: &HostFacts) -> StarttlsClass {
    let class = StarttlsClass::of(host);
    let Some((server, _)) = host.first_server().filter(|_| class == StarttlsClass::NotOffered) else { return class };
    match server.reply_code(Some("STARTTLS")) {
        Some(500 | 502 | 503 | 504) => StarttlsClass::NotImplemented,
        Some(400..=499) => StarttlsClass::Temporary,
        Some(220) if server.tls.as_ref().is_some_and(|t| t.error.is_none() && !t.chain.is_empty()) => StarttlsClass::Works,
        Some(220) => StarttlsClass::TlsFailure,
        Some(_) => StarttlsClass::Refused,
        None => class,
    }
}
