//! What a domain publishes besides DANE: MTA-STS, TLS reporting, CAA.

use super::Certificate;
use serde::Serialize;

/// Policies of the mail domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policies {
    /// MTA-STS. (RFC 8461)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts: Option<Sts>,
    /// TXT records at `_smtp._tls`. (RFC 8460)
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tlsrpt: Vec<&'static str>,
    /// Values of `issue` properties at the domain. (RFC 8659)
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caa: Vec<&'static str>,
}

/// How MTA-STS is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sts {
    /// TXT records at `_mta-sts`.
    pub records: Vec<&'static str>,
    /// The policy's mode.
    pub mode: StsMode,
    /// The hosts that it covers.
    pub mx: StsMx,
    /// What the policy host does.
    pub https: Https,
    /// What it presents; its host is the policy host.
    pub certificate: Certificate,
}

/// The mode of a policy. (RFC 8461 section 5)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StsMode {
    /// Senders do not deliver where it is not fulfilled.
    Enforce,
    /// They deliver and report.
    Testing,
    /// They act as if there were none.
    None,
}

impl StsMode {
    /// The word in the policy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StsMode::Enforce => "enforce",
            StsMode::Testing => "testing",
            StsMode::None => "none",
        }
    }
}

/// The pattern of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StsMx {
    /// `*.` and the domain: its hosts.
    Hosts,
    /// A host of somebody else.
    Other,
}

/// What a policy host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Https {
    /// Its duty.
    Normal,
    /// The answer is 404.
    NotFound,
    /// The answer is a redirect to where the policy is.
    Redirect,
    /// The policy is served as text/html.
    Html,
    /// The policy has no max_age.
    Malformed,
    /// Nothing listens.
    Refused,
}
