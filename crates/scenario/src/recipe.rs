//! How a scenario is made: typed recipes that say what is published, signed, served and presented, and what is wrong with it.
//!
//! A recipe names no addresses, keys or times: whoever plays it (the lab, a test bed on the Internet) fills them in.

mod policies;

pub use policies::{Https, Policies, Sts, StsMode, StsMx};

use serde::Serialize;

/// A whole scenario: the mail domain's zone, how mail finds its hosts, and the hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// The zone of the mail domain. The hosts lie in it, unless they say otherwise.
    pub zone: Zone,
    /// A second zone, a sibling of the first, in which hosts or aliases can lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Zone>,
    /// How mail finds its hosts.
    pub route: Route,
    /// The hosts, best preference first: preference 10, 20, …
    pub hosts: Vec<Host>,
    /// What the domain publishes besides DANE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
}

/// Treatment of one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// Signed, and with what.
    pub signing: Signing,
    /// How the zone proves that something does not exist.
    pub denial: Denial,
    /// What its parent says.
    pub ds: Ds,
    /// What is wrong with its signatures and proofs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
    /// What is wrong with the copy of the zone that its second name server has, besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub second: Vec<Damage>,
    /// What its name servers do instead of answering.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Service>,
}

/// Whether and how a zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// Not at all.
    Unsigned,
    /// One key (a combined signing key, flags 257).
    OneKey(Algorithm),
    /// A key-signing key (257) and a zone-signing key (256).
    TwoKeys(Algorithm),
    /// Two zone-signing keys with the same key tag, one of which signs.
    CollidingTags(Algorithm),
    /// One signing key and this many idle ones beside it, so that the DNSKEY RRset needs TCP.
    ManyKeys(Algorithm, u8),
}

/// DNSSEC algorithms the catalogue uses. (IANA registry "DNS Security Algorithm Numbers")
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// 5.
    RsaSha1,
    /// 8.
    RsaSha256,
    /// 10.
    RsaSha512,
    /// 13.
    EcdsaP256,
    /// 14.
    EcdsaP384,
    /// 15.
    Ed25519,
    /// 12, ECC-GOST: no validator of today supports it. Its signatures are noise.
    Gost,
}

impl Algorithm {
    /// Its IANA number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Algorithm::RsaSha1 => 5,
            Algorithm::RsaSha256 => 8,
            Algorithm::RsaSha512 => 10,
            Algorithm::Gost => 12,
            Algorithm::EcdsaP256 => 13,
            Algorithm::EcdsaP384 => 14,
            Algorithm::Ed25519 => 15,
        }
    }
}

/// How a zone proves that something does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// NSEC. (RFC 4034 section 4)
    Nsec,
    /// NSEC3 without salt. (RFC 5155, RFC 9276)
    Nsec3 {
        /// Additional iterations.
        iterations: u16,
    },
    /// NSEC3 with the opt-out flag on every record.
    Nsec3OptOut,
}

/// What the parent says of the zone's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ds {
    /// SHA-256 digest of the zone's (key-signing) key.
    Right,
    /// None, though the zone is signed.
    Missing,
    /// Tag and algorithm of the zone's key, another digest.
    DigestMismatch,
    /// All of it of a key that the zone does not publish.
    OtherKey,
}

/// A place in the scenario that can be harmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spot {
    /// The MX RRset.
    Mx,
    /// The A RRset of the first host.
    A,
    /// The AAAA question at the first host (an RRset or a proof that there is none).
    Aaaa,
    /// The TLSA question at the first host (an RRset or a proof that there is none).
    Tlsa,
    /// The first CNAME on the way.
    Alias,
    /// The DNSKEY RRset.
    Dnskey,
}

/// What is wrong at a [`Spot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Where.
    pub at: Spot,
    /// What.
    pub how: Harm,
}

/// What can be wrong with a signature, a key set or a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// The RRSIG is left out.
    SignatureMissing,
    /// The RRSIG covers other data.
    SignatureWrong,
    /// The RRSIG expired three days ago.
    SignatureExpired,
    /// The RRSIG begins in three days.
    SignatureNotYetValid,
    /// The RRSIG expires before it begins.
    SignatureTimesReversed,
    /// The RRSIG is by a key that is not in the DNSKEY RRset.
    UnknownKey,
    /// The DNSKEY RRset is left out.
    Withheld,
    /// The NSEC or NSEC3 records are left out of the negative answer (or of the wildcard expansion).
    ProofMissing,
    /// The NSEC or NSEC3 records in the negative answer prove something else.
    ProofWrong,
}

/// What name servers do instead of answering. Without a place: always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// SERVFAIL.
    Servfail(Option<Spot>),
    /// No answer.
    Silent(Option<Spot>),
    /// REFUSED.
    Refused(Option<Spot>),
    /// Every answer over UDP is truncated.
    TcpOnly,
}

/// How mail finds the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// MX records name them.
    Mx,
    /// MX records come from a wildcard above the mail domain.
    WildcardMx,
    /// There is no MX record: the domain's own address is the host.
    Implicit,
    /// `MX 0 .`: no mail. (RFC 7505)
    Null,
    /// `MX 0 .` beside the hosts' MX records.
    NullAndMx,
    /// The MX record holds an IP address written as a name.
    Address,
    /// MX records name a host that does not exist.
    NoSuchHost,
    /// The domain is an alias of a domain in the side zone, which has the MX records.
    AliasedDomain,
    /// The domain does not exist at all.
    NoSuchDomain,
}

impl Route {
    /// What the mail domain has before the name of its zone: nothing, or a label with its dot.
    #[must_use]
    pub fn mail_label(self) -> &'static str {
        match self {
            Route::WildcardMx | Route::AliasedDomain => "mail.",
            _ => "",
        }
    }
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Where the host's name lies.
    pub place: Place,
    /// How the TLSA records are reached.
    pub tlsa_via: TlsaVia,
    /// The TLSA records.
    pub tlsa: Vec<Tlsa>,
    /// One server for each address; most hosts have one.
    pub servers: Vec<Server>,
}

/// Where a host's name lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// `mx1.<domain>`, in the domain's zone.
    Own,
    /// `mx1.<side>`, in the side zone.
    Side,
    /// `mx1.<domain>` is an alias of `mx1.<side>`; the TLSA records lie at the target.
    AliasToSide,
    /// `mx1.<domain>` is an alias of `mx1.<side>`; the TLSA records lie at the alias' own name.
    AliasToSideTlsaHere,
    /// `mx1.<domain>` is an alias of itself.
    AliasLoop,
}

/// How TLSA records are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsaVia {
    /// They stand at `_25._tcp.<host>`.
    Owner,
    /// `_25._tcp.<host>` is an alias of `_dane.<domain>`.
    Alias,
    /// `_25._tcp.<host>` is an alias of `_dane.<side>`.
    AliasToSide,
    /// A wildcard `*.<host>` has them.
    Wildcard,
}

/// One TLSA record: three fields, and what its data were made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tlsa {
    /// Certificate usage as published.
    pub usage: u8,
    /// Selector as published.
    pub selector: u8,
    /// Matching type as published.
    pub matching: u8,
    /// The certificate or key that the data were made from.
    pub of: Object,
    /// Selector that the data were really made with.
    pub made_selector: u8,
    /// Matching type that the data were really made with.
    pub made_matching: u8,
    /// What happened to the data afterwards.
    pub twist: Twist,
}

impl Tlsa {
    /// A record whose data are what its fields say, of `of`.
    #[must_use]
    pub const fn new(usage: u8, selector: u8, matching: u8, of: Object) -> Self {
        Self { usage, selector, matching, of, made_selector: selector, made_matching: matching, twist: Twist::None }
    }

    /// The same with data made by another selector and matching type.
    #[must_use]
    pub const fn made_as(self, selector: u8, matching: u8) -> Self {
        Self { made_selector: selector, made_matching: matching, ..self }
    }

    /// The same with its data twisted.
    #[must_use]
    pub const fn twisted(self, twist: Twist) -> Self {
        Self { twist, ..self }
    }
}

/// What TLSA data can be made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Object {
    /// The host's (first server's) own certificate.
    Leaf,
    /// The certificate that issued it.
    Issuer,
    /// The top of the chain.
    Top,
    /// A certificate that the host showed before and has replaced.
    OldLeaf,
    /// A certificate that the host will show one day.
    NextLeaf,
    /// A certificate that has nothing to do with the host. The number tells several apart.
    Unrelated(u8),
}

/// What happens to TLSA data between tool and zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twist {
    /// Nothing.
    None,
    /// They are the digest of the empty string.
    DigestOfNothing,
    /// The last octet is lost.
    Truncated,
    /// They are PEM text instead of DER.
    Pem,
    /// Two hexadecimal digits are wrong.
    TwoDigitsOff,
}

/// One SMTP server at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Where it is.
    pub family: Family,
    /// What it presents.
    pub certificate: Certificate,
    /// What it does.
    pub smtp: Smtp,
}

/// The kind of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6. The lab has one such address, `::1`, so one server of the whole catalogue can be there; on a machine without it that server is
    /// left out.
    V6,
}

/// The certificate, and the message it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Who issued it.
    pub issuer: Issuer,
    /// Its key.
    pub key: Key,
    /// The names in it.
    pub names: Names,
    /// When it is valid.
    pub validity: Validity,
    /// Its form.
    pub form: Form,
    /// What the server sends.
    pub sends: Sends,
}

/// Who issued a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// Its own key.
    SelfSigned,
    /// An intermediate of the lab's public CA: a root that the lab hands out as trusted.
    PublicCa,
    /// A root of the host's own, in nobody's root store.
    PrivateCa,
    /// A name and a key in the chain that did *not* sign the leaf: the chain only looks like one.
    Impostor,
}

/// A certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// ECDSA P-256.
    P256,
    /// RSA, 2,048 bits.
    Rsa2048,
    /// RSA, 1,024 bits.
    Rsa1024,
    /// ECDSA P-256; the server signs with another key than the one in its certificate.
    NotHeld,
    /// Two certificates: ECDSA P-256 (which the TLSA records are about) and RSA, by what the client offers.
    Both,
}

/// The names in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// The host's.
    Host,
    /// The mail domain's only.
    Domain,
    /// `*.<domain>`.
    Wildcard,
    /// Somebody else's.
    Other,
    /// None: empty subject, no subjectAltName.
    None,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Now.
    Current,
    /// Until ten days ago.
    Expired,
    /// From ten days hence.
    Future,
}

/// Form of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// X.509 version 3.
    V3,
    /// X.509 version 1: no extensions.
    V1,
    /// Version 3, signed with SHA-1.
    Sha1,
}

/// What a server sends as its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sends {
    /// The leaf only.
    Leaf,
    /// The leaf and every issuer below the top.
    WithoutTop,
    /// Leaf, issuers and top.
    All,
    /// Leaf, the issuer as another root signed it, then issuer and top as with [`Sends::All`].
    CrossedFirst,
    /// Leaf, then the others in reverse, with an unrelated one between.
    Reordered,
    /// The leaf and a hundred unrelated certificates.
    Huge,
    /// Octets that are no certificate.
    Garbage,
    /// No certificate at all.
    Nothing,
}

/// What an SMTP server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smtp {
    /// Its duty.
    Normal,
    /// No STARTTLS in the answer to EHLO; the command is unknown (500).
    NoStarttls,
    /// STARTTLS is announced to others and not to the client; the command works.
    StarttlsSelective,
    /// STARTTLS is announced and answered with this code.
    StarttlsReply(u16),
    /// The greeting is this code, then the connection closes.
    Greeting(u16),
    /// The greeting is 450 for a client's first visit, as greylisting has it; from the second on it does its duty.
    GreylistOnce,
    /// The greeting is 421 for a client's first visit: too many connections; from the second on it does its duty.
    CappedOnce,
    /// STARTTLS is answered with 454 at a client's first visit; from the second on it does its duty.
    FlakyStarttls,
    /// A pool behind one address: a client's first visit, and every other one after it, meets a machine with a certificate and key of its own,
    /// which the TLSA records know nothing of.
    Pool,
    /// EHLO is answered with this code.
    EhloReply(u16),
    /// The connection is accepted, and nothing is ever said.
    Silent,
    /// One octet every few seconds.
    Drip,
    /// A greeting of continuation lines that never ends.
    EndlessGreeting,
    /// Lines of 40,000 octets.
    LongLines,
    /// The connection is reset right after it was made.
    ResetAtConnect,
    /// The connection is reset after the 220 of STARTTLS.
    ResetAfterStarttls,
    /// The ClientHello is answered with the alert handshake_failure.
    TlsAlert,
    /// The ClientHello is answered with text.
    TlsText,
    /// Only TLS 1.0 is spoken: the ClientHello is answered with the alert protocol_version.
    Tls10Only,
    /// TLS 1.2 with RSA key transport and nothing else: no forward secrecy.
    RsaKeyTransport,
    /// Further SMTP replies come in clear together with the 220 of STARTTLS.
    Injection,
    /// AUTH is offered before TLS.
    AuthInClear,
    /// No certificate for a client that sends no server name, or an unknown one.
    SniRequired,
    /// Something answers that is no SMTP server.
    NotSmtp,
    /// Nothing listens.
    Refused,
    /// There is no way to the address.
    Unreachable,
    /// SYNs are lost.
    SynLost,
}
