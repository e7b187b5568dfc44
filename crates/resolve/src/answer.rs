//! What a lookup brought back.

use crate::fetch::{DOUBT_TTL, FAILURE_TTL};
use bytes::Bytes;
use dnssec::{Attempt, Epoch, Link, Name, Question, Reason, ReasonCode, Rrset, Security, Signature};
use domain::base::iana::OptRcode;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The longest that any validated answer is given again.
const LONGEST_TTL: u64 = 86_400;

/// Why there is no answer at all. None of these says anything about the data asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No server answered in time.
    Timeout,
    /// No server could be reached: refused, no route.
    Unreachable,
    /// Servers answered SERVFAIL.
    Servfail,
    /// Servers answered REFUSED, or are not authoritative for the zone (lame).
    Refused,
    /// Servers answered NOTIMP.
    Notimp,
    /// Servers answered FORMERR or some other error code.
    ErrorCode,
    /// Answers that are no well-formed DNS messages, or that do not answer the question.
    Malformed,
    /// A CNAME or DNAME chain that loops or is too long.
    AliasLoop,
    /// A delegation that loops, or that has no name server with an address.
    DelegationLoop,
    /// Our own budget of queries or time for this lookup ran out.
    Budget,
}

impl Failure {
    /// The reason that validation gives where a proof is missing for this failure.
    #[must_use]
    pub fn reason(self) -> ReasonCode {
        match self {
            Failure::Timeout => ReasonCode::FetchFailed,
            Failure::Unreachable => ReasonCode::FetchUnreachable,
            Failure::Servfail => ReasonCode::FetchServfail,
            Failure::Refused => ReasonCode::FetchRefused,
            Failure::Notimp | Failure::ErrorCode | Failure::Malformed => ReasonCode::FetchError,
            Failure::AliasLoop => ReasonCode::AliasLoop,
            Failure::DelegationLoop => ReasonCode::DelegationLoop,
            Failure::Budget => ReasonCode::Budget,
        }
    }

    /// A stable kebab-case code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Failure::Timeout => "timeout",
            Failure::Unreachable => "unreachable",
            Failure::Servfail => "servfail",
            Failure::Refused => "refused",
            Failure::Notimp => "notimp",
            Failure::ErrorCode => "error-code",
            Failure::Malformed => "malformed",
            Failure::AliasLoop => "alias-loop",
            Failure::DelegationLoop => "delegation-loop",
            Failure::Budget => "budget",
        }
    }
}

/// A failure with its particulars: which server, what happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct LookupError {
    /// The kind.
    pub failure: Failure,
    /// In words.
    pub detail: String,
    /// The messages that say so, if servers said anything.
    pub raw: Vec<Bytes>,
    /// Whom it was that failed to answer, as far as it was servers.
    pub whom: Option<Whom>,
}

/// Whom a question was put to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The name servers of this zone.
    Zone(Name),
    /// The recursive resolver that was to be asked.
    Upstream,
}

impl LookupError {
    pub(crate) fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { failure, detail: detail.into(), raw: Vec::new(), whom: None }
    }
}

/// One question and all that came of it.
///
/// Either `failure` is set and there is no answer, or `rcode`, `aliases` and `rrset` hold one and `status` says how far it is proven.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// When the answer was complete, by the resolver's clock.
    pub at: Epoch,
    /// Status of the whole answer, that of its weakest link; indeterminate if there is none.
    pub status: Security,
    /// Why there is no answer.
    pub failure: Option<Failure>,
    /// Particulars of `failure`: which server, what happened.
    pub failure_detail: Option<String>,
    /// Response code of the end of the alias chain: 0 NOERROR, 3 NXDOMAIN, …; of a failure, what a resolver would say: 2 SERVFAIL, 5 REFUSED, ….
    pub rcode: u16,
    /// Why `status` is not secure.
    pub reason: Option<Reason>,
    /// The alias chain, in order.
    pub aliases: Vec<Link>,
    /// The final RRset with the signatures received; `None` if the answer is negative, or bogus: then `raw` has what was received.
    pub rrset: Option<Rrset>,
    /// Whom it was that failed to answer; `None` if there is an answer, or if it was nobody's servers.
    pub failed: Option<Whom>,
    /// The RRset that a bogus answer held: what a study counts, and nothing to act upon.
    pub received: Option<Rrset>,
    /// The signature that proved the final RRset.
    pub signature: Option<Signature>,
    /// TTL of a negative answer, seconds. (RFC 2308 section 5)
    pub negative_ttl: Option<u32>,
    /// The server that gave the final answer.
    pub server: Option<IpAddr>,
    /// How long it took.
    pub elapsed: Duration,
    /// The messages received, whole, whenever the status is not secure or servers failed: the evidence.
    pub raw: Vec<Bytes>,
    /// Every signature, key and DS record that was tried. What was trusted already is not tried again.
    pub attempts: Vec<Attempt>,
    /// Servers whose answers were bogus, where those of others were not.
    pub bogus_servers: Vec<IpAddr>,
    /// The denial rests on opt-out: an unsigned delegation may exist there.
    pub opt_out: bool,
    /// The answer was made from a wildcard.
    pub wildcard: bool,
    /// When validation says that this must be forgotten.
    pub(crate) expires: Epoch,
    /// When the TTLs received say so.
    pub(crate) fetched_until: Option<Instant>,
}

impl Answer {
    /// Nothing known yet.
    pub(crate) fn empty(question: Question) -> Self {
        Self {
            question,
            at: 0,
            status: Security::Indeterminate,
            failure: None,
            failure_detail: None,
            rcode: 0,
            reason: None,
            aliases: Vec::new(),
            rrset: None,
            failed: None,
            received: None,
            signature: None,
            negative_ttl: None,
            server: None,
            elapsed: Duration::ZERO,
            raw: Vec::new(),
            attempts: Vec::new(),
            bogus_servers: Vec::new(),
            opt_out: false,
            wildcard: false,
            expires: 0,
            fetched_until: None,
        }
    }

    /// There is no answer.
    pub(crate) fn failed(question: Question, error: LookupError) -> Self {
        let code = match error.failure {
            Failure::Refused => OptRcode::REFUSED,
            Failure::Notimp => OptRcode::NOTIMP,
            Failure::ErrorCode => OptRcode::FORMERR,
            _ => OptRcode::SERVFAIL,
        };
        let LookupError { failure, detail, raw, whom } = error;
        Self { failure: Some(failure), failure_detail: Some(detail), rcode: code.to_int(), raw, failed: whom, ..Self::empty(question) }
    }

    /// The name at the end of the alias chain; the name asked if there is none.
    #[must_use]
    pub fn expanded(&self) -> &Name {
        self.aliases.last().map_or(&self.question.name, |link| &link.target)
    }

    /// For how long from now it may be given again.
    #[must_use]
    pub fn holds_for(&self) -> Duration {
        if self.failure.is_some() {
            return FAILURE_TTL;
        }
        let left = u64::try_from(self.expires.saturating_sub(self.at)).unwrap_or(0).min(LONGEST_TTL);
        let doubt = matches!(self.status, Security::Bogus | Security::Indeterminate);
        // R-113 rfc4035#5.3.3: never beyond what the TTLs and the signatures allow; and a failure to validate has none.
        let proven = if doubt { DOUBT_TTL } else { Duration::from_secs(left) };
        let received = self.fetched_until.map(|until| until.saturating_duration_since(Instant::now()));
        let both = received.map_or(proven, |received| received.min(proven));
        if doubt { both.max(FAILURE_TTL) } else { both }
    }

    /// Whether the answer, positive or negative, is proven.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.failure.is_none() && self.status == Security::Secure
    }

    /// Whether the final RRset carried signatures, valid or not.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.rrset.as_ref().is_some_and(|set| !set.signatures.is_empty())
    }

    /// The data of the final RRset in presentation form, one text a record; empty if the answer is negative.
    #[must_use]
    pub fn data_text(&self) -> Vec<String> {
        self.rrset.iter().flat_map(|set| set.data.iter().map(|data| crate::text::data(set.rtype, data))).collect()
    }
}
