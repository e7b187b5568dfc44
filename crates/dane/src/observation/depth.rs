//! What a server accepts beyond what one sender needs: versions, cipher suites, groups, and how it keeps the border between plaintext and
//! TLS. Found by many connections with hellos of our own, each refused or answered in the clear; all names are IANA's.

use crate::Epoch;
use serde::{Deserialize, Serialize};

/// How much of a mail server a visit looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// What a sender meets: dialogue, one handshake, the chain.
    #[default]
    Chain,
    /// All TLS versions, cipher suites, groups and habits that it accepts.
    Tls,
    /// That, and whether plaintext finds its way into TLS.
    Full,
}

impl Depth {
    /// The stable word, as on the command line and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Depth::Chain => "chain",
            Depth::Tls => "tls",
            Depth::Full => "full",
        }
    }
}

/// What one address accepts. What is absent was not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthObservation {
    /// How much was wanted.
    pub depth: Depth,
    /// When it began.
    pub at: Epoch,
    /// Connections made.
    pub connections: u16,
    /// How long all of it took, waiting for our turns included, milliseconds.
    #[serde(default)]
    pub elapsed_ms: u64,
    /// Why it ended early; absent: nothing was left to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DepthEnd>,
    /// Every version asked for, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionObservation>,
    /// Groups that it accepts in TLS 1.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupsObservation>,
    /// Curves that it accepts in the newest version before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curves: Option<GroupsObservation>,
    /// Finite-field groups that it used before TLS 1.3, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dh: Vec<DhObservation>,
    /// Whether it compresses if a client offers to (DEFLATE of RFC 3749), which lets secrets be guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<bool>,
    /// Whether it answers renegotiation_info in every version before TLS 1.3. (RFC 5746)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_renegotiation: Option<bool>,
    /// How often in one session it went along when the client began the handshake anew, before TLS 1.3; 11: more than ten times. Absent also
    /// where there is no OpenSSL to ask with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_renegotiations: Option<u8>,
    /// Whether it answers extended_master_secret in every version before TLS 1.3. (RFC 7627)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_master_secret: Option<bool>,
    /// Whether it answers encrypt_then_mac with every CBC suite. (RFC 7366)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_then_mac: Option<bool>,
    /// Whether it refuses a client that says it has come down from a newer version. (RFC 7507)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_scsv: Option<bool>,
    /// Whether it signs its key exchange with SHA-1 in TLS 1.2 for a client that knows nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1_signature: Option<bool>,
    /// Whether it promises a session ticket before TLS 1.3. (RFC 5077)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ticket: Option<bool>,
    /// Whether it gives a session an id before TLS 1.3, if no ticket is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<bool>,
    /// Whether a second session was a resumption of the first, in the version that our engine agreed on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// What became of a command that was sent together with STARTTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection: Option<InjectionObservation>,
}

/// Why an enumeration ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthEnd {
    /// Stable code: `connections` or `time` (our budget), `limit` (no turn within our patience), `rate-limited` (4xx), `refused` (5xx, or no
    /// connection), `closed`, `silent`, `not-smtp`.
    pub why: String,
    /// The server's or the system's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// One protocol version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionObservation {
    /// `TLSv1.3`, …, `SSLv3`, `SSLv2`.
    pub version: String,
    /// What answered the hello that offered this version with every suite there is.
    pub answer: HelloAnswer,
    /// Cipher suites accepted, in the order in which the server chose them from those that were left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// Whether every suite was asked for; if not, there may be more.
    #[serde(default)]
    pub complete: bool,
    /// What answered the hello with all the suites that were left in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<HelloAnswer>,
    /// Who decides between two suites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

impl VersionObservation {
    /// Whether the server speaks it. `None`: it did not answer.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        match self.answer {
            HelloAnswer::Accepted => Some(true),
            HelloAnswer::Timeout | HelloAnswer::NotTls => None,
            _ => Some(false),
        }
    }
}

/// How a hello was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum HelloAnswer {
    /// With a ServerHello (or HelloRetryRequest) of that version.
    Accepted,
    /// With one of another version or with a suite that was not offered.
    Other {
        /// The version.
        version: String,
        /// The cipher suite.
        suite: String,
    },
    /// With an alert.
    Alert {
        /// Its description.
        alert: String,
    },
    /// The connection was closed.
    Closed,
    /// The connection was reset.
    Reset,
    /// Not before our deadline.
    Timeout,
    /// With something that is no TLS, or makes no sense.
    NotTls,
}

/// Who decides between two things that both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The server, by its own list.
    Server,
    /// The client's list.
    Client,
}

/// Groups accepted, in the order in which the server chose them from those that were left: the first is the one it prefers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsObservation {
    /// The version in which they were asked for.
    pub version: String,
    /// By IANA's names.
    pub accepted: Vec<String>,
    /// Whether every group was asked for; if not, there may be more.
    #[serde(default)]
    pub complete: bool,
    /// What answered the hello with all the groups that were left in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<HelloAnswer>,
    /// Who decides between two groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// A finite-field group of a ServerKeyExchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhObservation {
    /// Bits of the prime.
    pub bits: u32,
    /// What the prime is called, if many share it: `ffdhe2048`, `rfc3526-2048`, `postfix-1024`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// SHA-256 of the prime, hex.
    pub prime_sha256: String,
    /// The prime itself, hex, if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prime: Option<String>,
    /// The generator, hex.
    pub generator: String,
    /// The suite with which it was seen first.
    pub suite: String,
}

/// One connection in which a harmless command was sent together with STARTTLS, before TLS. (RFC 3207 section 4.2; CVE-2011-0411)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectionObservation {
    /// What became of it.
    pub outcome: Injection,
    /// The replies that decided it, or what stood in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<String>,
}

/// What became of a command that was sent in the clear after STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Injection {
    /// The server forgot it: inside TLS every command has its own reply.
    Discarded,
    /// It was answered inside TLS: an attacker on the way can put commands into the session.
    Answered,
    /// It was answered in the clear, before TLS.
    AnsweredInClear,
    /// The server took offence, and refused TLS or ended the connection.
    Closed,
    /// It could not be told.
    NotKnown,
}

impl Injection {
    /// The stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Injection::Discarded => "discarded",
            Injection::Answered => "answered",
            Injection::AnsweredInClear => "answered-in-clear",
            Injection::Closed => "closed",
            Injection::NotKnown => "not-known",
        }
    }
}
