//! What a domain says of its mail's security besides DANE: MTA-STS (RFC 8461), TLS reporting (RFC 8460), and which CAs may issue
//! certificates for its MX hosts (RFC 8659).

use super::{Connect, TlsObservation};
use crate::Epoch;
use crate::dns::Lookup;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The policies of one domain, as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliciesObservation {
    /// TXT at `_mta-sts.<domain>`. (RFC 8461 section 3.1)
    pub sts: Lookup,
    /// TXT at `_smtp._tls.<domain>`. (RFC 8460 section 3)
    pub tlsrpt: Lookup,
    /// The MTA-STS policy; absent if no record announces one, or only records were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<PolicyFetch>,
    /// CAA of each MX host; empty if only records of the domain were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caa: Vec<CaaObservation>,
}

/// The search for the CAA records of one host: from its name up the tree, until there are some. (RFC 8659 section 3)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaObservation {
    /// The host.
    pub host: Name,
    /// CAA at the host, its parent and so on; the last has records, or failed, or is that of the top-level domain.
    pub lookups: Vec<Lookup>,
}

/// The search for the MTA-STS policy at `https://mta-sts.<domain>/.well-known/mta-sts.txt`. (RFC 8461 section 3.3)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFetch {
    /// The policy host: `mta-sts.<domain>`.
    pub host: Name,
    /// A of the policy host.
    pub a: Lookup,
    /// AAAA of the policy host.
    pub aaaa: Lookup,
    /// Addresses in the order tried; the next one only where no connection was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<FetchAttempt>,
}

/// One request to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchAttempt {
    /// Where we connected to.
    pub address: IpAddr,
    /// TCP port we connected to: 443 but in a lab.
    pub transport_port: u16,
    /// When the attempt began.
    pub at: Epoch,
    /// What became of the TCP connection.
    pub connect: Connect,
    /// The TLS handshake. The request is sent whatever the certificate is worth: that is judged later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsObservation>,
    /// The answer, as far as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<HttpResponse>,
    /// Why there is no whole answer after a good handshake. Stable code: `timeout`, `closed`, `not-http`, `too-large`, `protocol-error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// All of it, milliseconds.
    #[serde(default)]
    pub elapsed_ms: u32,
}

/// An HTTP response, within our limits. A redirect is recorded and not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Content-Type, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Location, as sent: where a redirect leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What came, at most 64 kB; whole unless the attempt says otherwise.
    pub body: Body,
}

/// The body of a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// UTF-8.
    Text(String),
    /// Anything else, base64.
    Octets {
        /// The octets.
        base64: String,
    },
}

impl Body {
    /// These octets.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        String::from_utf8(octets).map_or_else(|e| Body::Octets { base64: data_encoding::BASE64.encode(e.as_bytes()) }, Body::Text)
    }

    /// The body as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Body::Text(text) => Some(text),
            Body::Octets { .. } => None,
        }
    }
}

impl PolicyFetch {
    /// The attempt that says most: the one that was connected, else the first that was tried, else the first.
    #[must_use]
    pub fn telling(&self) -> Option<&FetchAttempt> {
        let connected = self.attempts.iter().find(|a| a.connect == Connect::Connected);
        let tried = || self.attempts.iter().find(|a| !matches!(a.connect, Connect::NotTried { .. }));
        connected.or_else(tried).or_else(|| self.attempts.first())
    }
}
