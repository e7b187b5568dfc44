//! What one server says, and what it tells about the path to it.

use crate::answer::Failure;
use crate::wire::Reply;
use crate::{Answer, Resolver};
use bytes::Bytes;
use dnssec::{Name, Question, ReasonCode, Response, Security};
use domain::base::iana::Rtype;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// One server's response, unvalidated.
#[derive(Clone, Debug)]
pub struct Direct {
    /// Response code, answer and authority sections.
    pub response: Response,
    /// The server says that it is an authority for the name.
    pub authoritative: bool,
    /// The server offers recursion.
    pub recursive: bool,
    /// The server speaks EDNS.
    pub edns: bool,
    /// The message as received.
    pub raw: Bytes,
    /// How long it took.
    pub elapsed: Duration,
}

impl Direct {
    pub(crate) fn new(reply: Reply, elapsed: Duration) -> Self {
        let Reply { raw, aa, ra, edns, response, .. } = reply;
        Self { response, authoritative: aa, recursive: ra, edns, raw, elapsed }
    }
}

/// Whether the trust anchors fit the root they are used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorCheck {
    /// The root's keys are proven by an anchor.
    Fits,
    /// The root's keys are not those that the anchors name: the anchors are out of date or belong to another root, or somebody answers
    /// in the root's place. Ours to mend, never the domain's fault. (R-107 rfc5011)
    Mismatch(String),
    /// The signatures over the root's keys are not valid at this time: our clock is off, or somebody replays old answers.
    Clock(String),
    /// No anchor for the root is configured.
    NoRootAnchor,
    /// The root's keys could not be fetched.
    CouldNotLook(String),
}

/// Whether somebody on the path answers DNS queries that are not for him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interception {
    /// An address at which there is nobody did not answer, as it should be. No proof that nobody interferes.
    NotSeen,
    /// The question could not be sent; why.
    CouldNotLook(String),
    /// An answer came from where there is nobody: queries on this path are redirected. The words say from where.
    Seen(String),
}

/// Reserved for documentation (RFC 5737): nobody on the Internet answers here.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));

impl Resolver {
    /// Fetches the root's keys and holds them against the anchors.
    pub async fn check_anchor(&self) -> AnchorCheck {
        if !self.config().anchors.names().any(|name| *name == Name::root_bytes()) {
            return AnchorCheck::NoRootAnchor;
        }
        let answer = self.lookup(&Name::root_bytes(), Rtype::DNSKEY).await;
        let Answer { status, failure_detail, reason, .. } = &*answer;
        if *status == Security::Secure {
            return AnchorCheck::Fits;
        }
        let words = reason.as_ref().map(ToString::to_string).or_else(|| failure_detail.clone()).unwrap_or_default();
        match (status, reason.as_ref().map(|reason| reason.code)) {
            (_, Some(ReasonCode::RrsigExpired | ReasonCode::RrsigNotYetValid)) => AnchorCheck::Clock(words),
            (Security::Indeterminate, _) => AnchorCheck::CouldNotLook(words),
            _ => AnchorCheck::Mismatch(words),
        }
    }

    /// Asks `at` (by default an address reserved for documentation) a DNS question that nobody there can answer. An answer of any kind
    /// shows that somebody on the path redirects DNS. Takes as long as one query's timeout.
    pub async fn check_interception(&self, at: Option<IpAddr>) -> Interception {
        let server = at.unwrap_or(NOBODY);
        let question = Question { name: Name::root_bytes(), rtype: Rtype::NS };
        match self.query_once(server, &question).await {
            Ok(direct) => Interception::Seen(format!("{server} answered with response code {}", direct.response.rcode)),
            Err(error) if error.failure == Failure::Malformed => Interception::Seen(error.detail),
            Err(error) if error.failure == Failure::Timeout => Interception::NotSeen,
            Err(error) => Interception::CouldNotLook(error.detail),
        }
    }
}
