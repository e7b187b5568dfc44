//! What became of a domain's policies besides DANE.

use crate::name::Name;
use crate::policies::sts::Mode;
use serde::{Deserialize, Serialize};

/// MTA-STS, TLS reporting and CAA of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliciesVerdict {
    /// MTA-STS.
    pub sts: StsVerdict,
    /// TLS reporting.
    pub tlsrpt: TlsrptVerdict,
    /// Of each MX host, who may issue certificates for it; empty if nobody looked.
    #[serde(default)]
    pub caa: Vec<CaaVerdict>,
}

/// Whether senders find a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyState {
    /// Nothing is published.
    None,
    /// What is published is malformed: senders act as if it were not there.
    Invalid,
    /// MTA-STS: announced, and it cannot be fetched as it must be.
    Unavailable,
    /// MTA-STS: announced; nobody tried to fetch it.
    Announced,
    /// It is there and well-formed.
    Valid,
    /// We could not look.
    CouldNotTell,
}

impl PolicyState {
    /// The stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            PolicyState::None => "none",
            PolicyState::Invalid => "invalid",
            PolicyState::Unavailable => "unavailable",
            PolicyState::Announced => "announced",
            PolicyState::Valid => "valid",
            PolicyState::CouldNotTell => "could-not-tell",
        }
    }
}

/// MTA-STS. (RFC 8461)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsVerdict {
    /// In one word.
    pub state: PolicyState,
    /// The record's id.
    pub id: Option<String>,
    /// The policy's mode, if the policy could be read; so with the next two.
    pub mode: Option<Mode>,
    /// For how long senders keep it, seconds.
    pub max_age: Option<u32>,
    /// Its patterns of MX hosts, at most 100.
    pub mx: Vec<String>,
    /// Whether the policy host's certificate is trusted for its name. `None`: not seen, or no roots are given.
    pub webpki: Option<bool>,
    /// Each MX host, as the policy sees it; empty without a valid policy.
    pub hosts: Vec<StsHost>,
}

/// One MX host, as an MTA-STS policy sees it. (RFC 8461 section 4)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsHost {
    /// The host.
    pub host: Name,
    /// Whether a pattern covers it.
    pub covered: bool,
    /// Whether it does STARTTLS with a certificate that is trusted for its name, at every address seen. `None`: not seen, or no roots are
    /// given.
    pub webpki: Option<bool>,
}

/// TLS reporting. (RFC 8460)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsrptVerdict {
    /// In one word.
    pub state: PolicyState,
    /// Where reports go.
    pub rua: Vec<String>,
}

/// Who may issue certificates for a host. (RFC 8659)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaVerdict {
    /// The host.
    pub host: Name,
    /// Where the records stand; `None`: there are none up to the top, or the search failed (`failed`).
    pub at: Option<Name>,
    /// Issuers, by their domains; `None`: anybody. Empty: nobody.
    pub issuers: Option<Vec<String>>,
    /// The search failed: nothing is known.
    pub failed: bool,
}

/// What a server's certificate is worth without DANE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebPki {
    /// Whether it leads to a trusted root, every certificate in its time. `None`: no roots are given.
    pub trusted: Option<bool>,
    /// Whether it is for the MX host, by its DNS names.
    pub names_host: bool,
    /// Whether it is for the mail domain; of a host judged by itself, for the host.
    pub names_domain: bool,
}
