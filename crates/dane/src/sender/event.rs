//! What a test bed sees of a sender: questions to its name servers, visits to its mail servers, policies fetched.

use crate::name::Name;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Anything that was seen. One line of a test bed's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A name server was asked.
    Query(Query),
    /// A mail server was visited.
    Visit(Visit),
}

impl Event {
    /// When it began, milliseconds since 1970.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        match self {
            Event::Query(query) => query.at_ms,
            Event::Visit(visit) => visit.at_ms,
        }
    }
}

/// One question to a name server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// When it came, milliseconds since 1970.
    pub at_ms: u64,
    /// From where.
    pub source: SocketAddr,
    /// At which address of the server's.
    pub server: IpAddr,
    /// Over TCP rather than UDP.
    pub tcp: bool,
    /// Name asked, in lower case.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// Checking disabled.
    pub checking_disabled: bool,
}

/// One connection to a mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// When it was made, milliseconds since 1970.
    pub at_ms: u64,
    /// From where.
    pub source: SocketAddr,
    /// To which address of the server's.
    pub server: SocketAddr,
    /// The client's name in EHLO or HELO.
    pub helo: Option<String>,
    /// Whether STARTTLS was sent.
    pub starttls: bool,
    /// Server name in the ClientHello.
    pub sni: Option<String>,
    /// Version of the TLS session, if one was made.
    pub tls: Option<String>,
    /// Why there was no TLS session, in the engine's words: alerts of the client, mostly.
    pub tls_error: Option<String>,
    /// Recipients named in RCPT, in lower case, whether or not a message followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Messages taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<Mail>,
}

/// A message that was taken, and thrown away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// For whom, in lower case.
    pub recipients: Vec<String>,
    /// Whether it came under TLS.
    pub encrypted: bool,
    /// Its size, octets.
    pub octets: u64,
    /// Its header lines, cut off where there are too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
}
