//! What a look at a mail domain brought back: asked, answered, presented, and when.
//!
//! An observation holds evidence and no judgement. The rules of this crate read it (`crate::judge`), today or years later.
//! Two kinds are stored apart, because thousands of domains share a server: [`DomainObservation`] (what the domain's own DNS says) and
//! [`HostObservation`] (addresses, TLSA and SMTP of one MX host). [`Observation`] joins them for judging.

mod authorities;
mod cut_off;
mod earlier;
mod others;
mod policies;
mod preflight;
mod resolver;
mod round;

pub use authorities::{AuthoritiesObservation, ZoneAuthorities};
pub use cut_off::CutOff;
pub use earlier::EarlierVisit;
pub use others::{ClientOffer, OtherLook, Shows};
pub use policies::{Body, CaaObservation, FetchAttempt, HttpResponse, PoliciesObservation, PolicyFetch};
pub use preflight::{ListAnswer, Listing, Preflight, PtrName, SourceObservation};
pub use resolver::{
    ResolvConf, ResolverExchange, ResolverObservation, ResolverProbe, ResolverQuestion, ResolverQuestions, ResolverReply, ResolverServer,
    ResolverTransport,
};
pub use round::{MissedSlots, RoundObservation, comparable, follows};

use crate::Epoch;
use crate::dns::{Lookup, Outcome};
use crate::mx::{self, MxHost};
use crate::name::Name;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

mod depth;

pub use depth::{
    Depth, DepthEnd, DepthObservation, DhObservation, GroupsObservation, HelloAnswer, Injection, InjectionObservation, Order,
    VersionObservation,
};

/// Version of the stored form. Raise it when a reader of the old form could go wrong, and keep reading the old one.
pub const SCHEMA_VERSION: u16 = 1;

/// The DNS of one zone's apex: what a repair of its DNSSEC needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneObservation {
    /// The zone's apex, as found by its SOA.
    pub apex: Name,
    /// SOA at the apex.
    pub soa: Lookup,
    /// NS at the apex.
    pub ns: Lookup,
    /// DS at the parent.
    pub ds: Lookup,
    /// DNSKEY at the apex, asked also when there is no DS.
    pub dnskey: Lookup,
    /// CDS at the apex: what the domain wants its parent to publish. (RFC 7344)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cds: Option<Lookup>,
    /// CDNSKEY at the apex. (RFC 7344)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdnskey: Option<Lookup>,
}

/// What the DNS of one mail domain says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainObservation {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema: u16,
    /// The domain.
    pub domain: Name,
    /// When the look began.
    pub at: Epoch,
    /// The zone that the domain lies in; absent if not even its apex could be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<ZoneObservation>>,
    /// MX of the domain.
    pub mx: Lookup,
    /// Every name server of the zones concerned, asked by itself; empty if they were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub name_servers: Vec<NameServerObservation>,
    /// MTA-STS, TLS reporting and CAA; absent if nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Box<PoliciesObservation>>,
}

/// What one address of one name server says of its zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameServerObservation {
    /// Apex of the zone.
    pub zone: Name,
    /// The server, as the zone's NS records name it.
    pub server: Name,
    /// The address asked.
    pub address: IpAddr,
    /// What it answered, each validated: SOA, DNSKEY and MX of the domain's zone, TLSA records of the MX hosts, DS records at the parent.
    pub answers: Vec<Lookup>,
    /// Whether it answers over TCP as well. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<bool>,
}

impl DomainObservation {
    /// The hosts that the MX records name, believable or not; of a domain without MX, the domain itself. [`mx::hosts`] are those that mail
    /// goes to.
    #[must_use]
    pub fn mx_hosts(&self) -> Vec<MxHost> {
        if self.mx.outcome() == Outcome::NoData { mx::hosts(&self.domain, &self.mx) } else { mx::listed(&self.mx) }
    }
}

impl NameServerObservation {
    /// The answer to the question for the zone's SOA record, if it was asked: the parent's servers are asked for DS records only.
    #[must_use]
    pub fn soa(&self) -> Option<&Lookup> {
        self.answers.iter().find(|answer| answer.rtype == Rtype::SOA)
    }

    /// The serial number of this server's copy of the zone.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        self.soa()?.records.first()?.data.split_whitespace().nth(2)?.parse().ok()
    }
}

/// One MX host (or implicit MX), seen from one vantage point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostObservation {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema: u16,
    /// The host name as the MX record has it.
    pub host: Name,
    /// The service's port: it names the TLSA record. The port really connected to is in [`AddressObservation::transport_port`].
    pub port: u16,
    /// When the look began.
    pub at: Epoch,
    /// A of the host.
    pub a: Lookup,
    /// AAAA of the host.
    pub aaaa: Lookup,
    /// CNAME-type query at the host, asked if the host is an alias: the status of the first link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cname: Option<Lookup>,
    /// TLSA at the expanded name (first) and at the original name; one entry if the host is no alias, three if its A and AAAA chains end
    /// at different names. Always asked, also where a sender would not ask; what a sender asks is the business of the policy walk.
    pub tlsa: Vec<Lookup>,
    /// The zone that holds the TLSA base domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<ZoneObservation>>,
    /// Every address and what its SMTP server did; empty in a DNS-only look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<AddressObservation>,
}

impl HostObservation {
    /// The record of a host that nothing is known of: every lookup failed for want of our own time.
    #[must_use]
    pub fn unseen(host: &Name, port: u16, at: Epoch) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            host: host.clone(),
            port,
            at,
            a: Lookup::unasked(host, Rtype::A, at),
            aaaa: Lookup::unasked(host, Rtype::AAAA, at),
            cname: None,
            tlsa: Vec::new(),
            zone: None,
            servers: Vec::new(),
        }
    }

    /// The TLSA lookup for this candidate base domain, if it was made.
    #[must_use]
    pub fn tlsa_at(&self, owner: &Name) -> Option<&Lookup> {
        self.tlsa.iter().find(|l| l.name == *owner)
    }
}

/// One address of an MX host, one connection (or why there was none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressObservation {
    /// Where we connected to.
    pub address: IpAddr,
    /// TCP port we connected to; differs from the service's port only in a lab.
    pub transport_port: u16,
    /// When the connection attempt began.
    pub at: Epoch,
    /// What became of the TCP connection.
    pub connect: Connect,
    /// The dialogue in order: every command sent, every reply received, also after TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialogue: Vec<Exchange>,
    /// The TLS handshake, if STARTTLS was answered with 220.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsObservation>,
    /// Bytes that came after the 220 of STARTTLS and before TLS: a plaintext injection would look so, too. Up to 512 kept, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_bytes: Option<String>,
    /// The whole visit, milliseconds.
    #[serde(default)]
    pub elapsed_ms: u32,
    /// Visits of the same look before this one, oldest first. This one is what counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierVisit>,
    /// What other kinds of client are shown, if that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherLook>,
    /// What it accepts beyond what one sender needs, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Box<DepthObservation>>,
}

impl AddressObservation {
    /// The record of a connection of which nothing more is known yet than what became of it.
    #[must_use]
    pub fn new(address: IpAddr, transport_port: u16, at: Epoch, connect: Connect) -> Self {
        Self {
            address,
            transport_port,
            at,
            connect,
            dialogue: Vec::new(),
            tls: None,
            early_bytes: None,
            elapsed_ms: 0,
            earlier: Vec::new(),
            others: Vec::new(),
            depth: None,
        }
    }

    /// Code of the reply to the first such command (`STARTTLS`, …), or of the greeting (`None`); `None` if no reply came.
    #[must_use]
    pub fn reply_code(&self, command: Option<&str>) -> Option<u16> {
        let is_it = |e: &&Exchange| match (e.sent.as_deref(), command) {
            (Some(sent), Some(command)) => sent.eq_ignore_ascii_case(command),
            (sent, command) => sent.is_none() && command.is_none(),
        };
        match self.dialogue.iter().find(is_it)?.got {
            Got::Reply { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// What became of a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Connect {
    /// It was made.
    Connected,
    /// RST in answer to SYN.
    Refused,
    /// No answer in time.
    Timeout,
    /// ICMP or routing: no way to the host or network.
    Unreachable {
        /// The system's words.
        detail: String,
    },
    /// We did not try, for a reason of ours: opted out, no IPv6 here, rate budget, DNS-only look.
    NotTried {
        /// Stable code: `opted-out`, `no-ipv6`, `port-25-blocked`, `dns-only`, `not-public-address`, `chain-from-file`, `limit`.
        why: String,
    },
    /// Something failed on our side: sockets, descriptors.
    LocalError {
        /// The system's words.
        detail: String,
    },
}

/// One step of an SMTP dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The command sent, without CRLF; absent for the greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Whether this step was inside TLS.
    #[serde(default)]
    pub encrypted: bool,
    /// What came back.
    pub got: Got,
    /// Milliseconds since the connection was made.
    pub at_ms: u32,
}

/// What came back in one step of an SMTP dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Got {
    /// A reply of RFC 5321 section 4.2.
    Reply {
        /// Three digits.
        code: u16,
        /// The text of every line, without code and separator; control characters escaped, cut at our limits.
        lines: Vec<String>,
    },
    /// Bytes that are no SMTP reply, or one beyond our limits; the beginning, escaped.
    Garbage {
        /// Up to 512 characters.
        text: String,
        /// `not-smtp`, `line-too-long`, `too-many-lines`, `too-many-bytes`; `too-slow`: bytes came, but no whole reply before our deadline;
        /// `cut-off`: the connection ended in the middle of a reply.
        why: String,
    },
    /// Silence until our deadline.
    Timeout,
    /// The server closed the connection.
    Closed,
    /// The connection was reset.
    Reset,
}

/// A TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsObservation {
    /// The server name we sent; `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<Name>,
    /// Protocol version, by its IANA name: `TLSv1.3`, …; absent if the handshake did not come so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cipher suite by its IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Key exchange group by its IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Signature scheme of the server's proof, by its IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_scheme: Option<String>,
    /// Whether the handshake proved that the server holds the leaf's key. `None`: the handshake did not come so far, or the key is of a kind
    /// that we cannot verify (RSA below 2048 bits with PSS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_proven: Option<bool>,
    /// Certificates in the order received, each exactly the bytes received, well-formed or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<CertificateBytes>,
    /// What came of them, if the connection ended in the middle of the list; then there is no chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<Box<CutOff>>,
    /// Why the handshake failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TlsFailure>,
    /// Which engine spoke: `rustls`; `OpenSSL 3.0.19` (its version) where rustls found no common ground and OpenSSL did;
    /// `rustls, then a bare ClientHello` where a second look read version, cipher and chain without completing a handshake; `file`.
    pub engine: String,
    /// What rustls said, where another engine completed the handshake on a second connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<TlsFailure>>,
}

impl TlsObservation {
    /// The record of a handshake of which nothing is known yet but the engine.
    #[must_use]
    pub fn new(engine: impl Into<String>) -> Self {
        Self {
            sni: None,
            version: None,
            cipher: None,
            group: None,
            signature_scheme: None,
            key_proven: None,
            chain: Vec::new(),
            cut_off: None,
            error: None,
            engine: engine.into(),
            refused: None,
        }
    }
}

/// Why a TLS handshake failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFailure {
    /// Stable code: `alert`, `timeout`, `closed`, `reset`, `not-tls`, `protocol-version`, `no-common-cipher`, `empty-chain`, `bad-signature`, `protocol-error`,
    /// `chain-too-large`: more certificate bytes than the engine takes; `message-too-large`: one message that is longer.
    pub kind: String,
    /// Alert description by its IANA name, if one was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The engine's words.
    pub detail: String,
}

/// One certificate as received: bytes that claim to be DER.
///
/// Cheap to clone. In JSON it is `{"sha256": hex, "der": base64}`; an archive may leave `der` out and keep it once elsewhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CertificateBytes(pub Arc<[u8]>);

impl CertificateBytes {
    /// SHA-256 of the bytes: the certificate's identity in the archive.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.0);
        digest.as_ref().try_into().unwrap_or([0; 32])
    }
}

impl std::fmt::Debug for CertificateBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificateBytes({} octets, sha256 {})", self.0.len(), data_encoding::HEXLOWER.encode(&self.sha256()))
    }
}

#[derive(Serialize, Deserialize)]
struct CertificateJson {
    sha256: String,
    der: String,
}

impl Serialize for CertificateBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CertificateJson { sha256: data_encoding::HEXLOWER.encode(&self.sha256()), der: data_encoding::BASE64.encode(&self.0) }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CertificateBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = CertificateJson::deserialize(deserializer)?;
        let der = data_encoding::BASE64.decode(json.der.as_bytes()).map_err(serde::de::Error::custom)?;
        Ok(Self(der.into()))
    }
}

/// What we know of ourselves: decides whether a failure is *ours*. Every field `None` means "not checked".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VantageObservation {
    /// Name of the vantage point, as its owner calls it.
    pub name: String,
    /// Whether any connection to the service's port succeeded.
    #[serde(default)]
    pub port_open: Option<bool>,
    /// Whether there is a route for IPv6.
    #[serde(default)]
    pub ipv6: Option<bool>,
    /// Whether answers "from" root servers come from somebody else.
    #[serde(default)]
    pub dns_intercepted: Option<bool>,
    /// Whether our trust anchor matches the root's keys.
    #[serde(default)]
    pub anchor_current: Option<bool>,
    /// Our clock minus the time that validated DNS signatures or TLS allow, seconds; only if it is known to be off.
    #[serde(default)]
    pub clock_offset_s: Option<i64>,
    /// Whether our source address has a PTR that points back.
    #[serde(default)]
    pub ptr: Option<bool>,
    /// The EHLO name.
    #[serde(default)]
    pub ehlo: Option<Name>,
    /// Whether the EHLO name resolves.
    #[serde(default)]
    pub ehlo_resolves: Option<bool>,
    /// Source addresses used.
    #[serde(default)]
    pub sources: Vec<IpAddr>,
    /// What the DNS and block lists say of our addresses, if they were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<Arc<Preflight>>,
}

/// Metadata of one run of `scan`: everything needed to know what its observations rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunObservation {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema: u16,
    /// Version of danelaw.
    pub danelaw: String,
    /// When it began.
    pub started: Epoch,
    /// When it ended; absent while it runs or if it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Epoch>,
    /// SHA-256 of the configuration that decides what is looked at and how: of a JSON object with sorted keys and no white space, so that the
    /// same configuration has the same hash in every build.
    pub config_sha256: String,
    /// SHA-256 of the list of targets.
    pub targets_sha256: String,
    /// Number of targets that were well-formed.
    pub targets: u64,
    /// The part of the list that this run looks at, `i/n`, if the list is shared out over several runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Number of lines set aside as malformed.
    pub malformed: u64,
    /// Trust anchors in use, as DS presentation text with owner.
    pub anchors: Vec<String>,
    /// Root servers (or the upstream) in use.
    pub roots: Vec<String>,
    /// Version of the public suffix list by which operators were told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_suffixes: Option<String>,
    /// Which round of a series it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<Box<RoundObservation>>,
    /// Ourselves.
    pub vantage: VantageObservation,
}

/// All that one domain's verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The domain's DNS.
    pub domain: DomainObservation,
    /// Its MX hosts in any order; one that was not looked at is missing.
    pub hosts: Vec<Arc<HostObservation>>,
    /// Ourselves.
    #[serde(default)]
    pub vantage: VantageObservation,
}
