//! The rows of the archive of states, as plain data: what analyses read and the fold writes.
//!
//! # Time
//! A *round* stands for the time from its slot to the next slot (see [`Snapshot::covers`]). A state holds from `valid_from_s` to `valid_to_s`, the
//! latter not included; both are slots, or the end of what a round stands for.
//!
//! **A state is confirmed by every round of its vantage point in its interval**: `n_obs` is the number of snapshots there, neither more nor
//! less. A round that took place and did not confirm the state ends it. A round that never took place does not: nothing is known of that
//! time, which is said once, by the missing row in `snapshot`, and not again by every one of the thousands of states that lasted
//! over it. So to ask for S(t) is to ask `snapshot` first: no snapshot covers t, no data. [`super::History::at`] does that.
//!
//! # Content
//! What is large or shared is kept once and named by a small number: ids count from 1 in the order of first appearance and belong
//! to one archive; the SHA-256 of the content is what two archives have in common.

mod digest;
mod ids;
mod parts;

pub use digest::{Digest, Digest512};
pub use ids::{CertId, ChainId, DomainId, EvidenceId, Id, MxSetId, NsSetId, ServerId, TlsaSetId, WordId};
pub use parts::{Cert, CertDer, Chain, Domain, Evidence, KeyType, MxSet, NsSet, ServerKey, TlsaSet};

pub use dane::Epoch;
use dane::dns::Security;
use dane::verdict::Action;
use serde::{Deserialize, Serialize};

/// One round at one vantage point: when somebody really looked. `(vantage, scheduled_s)` is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Who looked.
    pub vantage: WordId,
    /// The slot it was for.
    pub scheduled_s: Epoch,
    /// Seconds to the next slot: what the round stands for. At least 1.
    pub every_s: u32,
    /// When it began.
    pub started_s: Epoch,
    /// When it ended. `None`: it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_s: Option<Epoch>,
    /// Our clock minus the true time, milliseconds. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// SHA-256 of the list of targets, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets_sha256: Option<WordId>,
    /// Number of targets.
    pub targets: u64,
    /// Number of targets that have their record.
    pub done: u64,
    /// Servers observed, which is the number of states that this round begins or confirms. `None`: servers were not its business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<u32>,
    /// The same of domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<u32>,
    /// Whether every target has its record: only then what was not seen was not there.
    pub complete: bool,
    /// SHA-256 of the configuration that decides what is looked at and how, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_sha256: Option<WordId>,
    /// What its observations and verdicts rest on.
    pub versions: Versions,
    /// SHA-256 of what was observed, in this archive's numbers: tells a second delivery from another round for the same slot.
    #[serde(default)]
    pub content: Digest,
}

impl Snapshot {
    /// The first second that the round stands for no more, unless another begins before.
    #[must_use]
    pub fn until(&self) -> Epoch {
        self.scheduled_s.saturating_add(self.every_s.max(1).into())
    }

    /// Whether it stands for this moment, unless a later one of the same vantage point does.
    #[must_use]
    pub fn covers(&self, at: Epoch) -> bool {
        (self.scheduled_s..self.until()).contains(&at)
    }
}

/// Versions of what decides the outcome of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// Of danelaw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danelaw: Option<WordId>,
    /// Of the rules: [`dane::verdict::RULES_VERSION`].
    pub rules: u16,
    /// The trust anchors, as DS presentation text, with `; ` between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchors: Option<WordId>,
    /// Date of the list of public suffixes, if one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psl: Option<WordId>,
    /// Date of the root certificates, or `sha256:` and the SHA-256 of their DER, one after the other, if they come from a file; if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<WordId>,
}

/// An interval in which every look saw the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Slot of the first round that saw it.
    pub valid_from_s: Epoch,
    /// The slot of the first later round that did not; if that was missed, the end of what the last one stands for.
    pub valid_to_s: Epoch,
    /// Number of rounds that saw it.
    pub n_obs: u32,
}

impl Span {
    /// Whether the moment lies in the interval. That somebody looked then is for the snapshots to say.
    #[must_use]
    pub fn contains(&self, at: Epoch) -> bool {
        (self.valid_from_s..self.valid_to_s).contains(&at)
    }
}

/// What was seen of one thing from one vantage point over an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State<K, S> {
    /// Of what.
    pub key: K,
    /// Who looked.
    pub vantage: WordId,
    /// When.
    pub span: Span,
    /// What was seen: the same in every round of the interval.
    pub seen: S,
    /// What may differ from round to round without being another state.
    pub notes: Notes,
}

/// What one SMTP server showed, with the TLSA records of its host. The key stands for host, port, address and key type: [`ServerKey`].
pub type ServerState = State<ServerId, ServerSeen>;

/// What the DNS said of one mail domain. The key stands for its name: [`Domain`].
pub type DomainState = State<DomainId, DomainSeen>;

/// What can be seen of something in a round.
pub trait Seen: Copy + Eq {
    /// How many things of this kind a round saw. `None`: they were not its business.
    fn count(snapshot: &Snapshot) -> Option<u32>;
}

impl Seen for ServerSeen {
    fn count(snapshot: &Snapshot) -> Option<u32> {
        snapshot.servers
    }
}

impl Seen for DomainSeen {
    fn count(snapshot: &Snapshot) -> Option<u32> {
        snapshot.domains
    }
}

/// What makes the state of a server: two looks that agree in this saw the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSeen {
    /// The TLSA records. `None`: there was no answer. A set without records: the answer was that there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tlsa_set: Option<TlsaSetId>,
    /// The certificates, in the order sent. `None`: none was seen; `smtp_status` says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// TTL of the TLSA records as their signer has it, else as received, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// DNSSEC status of the TLSA answer, positive or negative. `None`: not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dnssec: Option<Security>,
    /// Why that is not secure, or why there is no answer: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<WordId>,
    /// Whether the TLSA answer carried signatures, valid or not. Signed and insecure is "missing DS". (P20 section 4.3)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    /// DNSSEC status of the host's addresses, the weaker of A and AAAA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_dnssec: Option<Security>,
    /// `ok`, or what was in the way of a certificate: a stable code, as `starttls-not-offered`. `None`: not visited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_status: Option<WordId>,
    /// Reply code of the server's last word in the clear, if it was in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_code: Option<u16>,
    /// TLS version by its IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<WordId>,
    /// Cipher suite by its IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cipher: Option<WordId>,
    /// What it means.
    pub verdict: ServerVerdict,
}

/// What a look at a server means: three questions, never mixed up. Made by the rules of [`Notes::rules`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerVerdict {
    /// Does any record equal the hash of what it refers to? `None`: no certificate or no records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_match: Option<bool>,
    /// Secure, and that, and the chain valid. `None`: as above, or roots would be needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_valid: Option<bool>,
    /// What a sender by RFC 7672 does before it connects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfc_action: Option<Action>,
    /// Whether it delivers here. `None`: could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfc_delivers: Option<bool>,
    /// The causes found at this server, codes in alphabetical order with a space between. `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causes: Option<WordId>,
}

/// What belongs to the first or the last look of a state, and is no part of what makes it: online signers make new signatures for every
/// answer, and new rules that say the same are no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// First moment of the signature over the TLSA (of a domain: the MX) records, at the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig_inception_s: Option<Epoch>,
    /// Last moment of the signature, at the last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig_expiration_s: Option<Epoch>,
    /// The raw answers at the first look, where they are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_from: Option<EvidenceId>,
    /// The latest raw answers that were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_to: Option<EvidenceId>,
    /// Version of the rules that judged the first look; those of later looks said the same.
    pub rules: u16,
}

/// What makes the state of a domain. Its order puts the domains of one provider together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainSeen {
    /// Its last label: the same in every state of the domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tld: Option<WordId>,
    /// The hosts that mail goes to; the domain itself if it has no MX. `None`: no answer. A set without hosts: it takes no mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mx_set: Option<MxSetId>,
    /// The name servers of its zone. `None`: not asked, or no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns_set: Option<NsSetId>,
    /// How many of its MX hosts have an address.
    pub addresses: u16,
    /// How many of its MX hosts have TLSA records.
    pub tlsa: u16,
    /// Number of its MX hosts.
    pub hosts: u16,
    /// Whether the parent has DS records of its zone. `None`: not asked, or no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ds: Option<bool>,
    /// Whether its zone has keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dnskey: Option<bool>,
    /// Whether the MX answer carried signatures, valid or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    /// DNSSEC status of the MX answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Security>,
    /// Why that is not secure, or why there is no answer: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<WordId>,
    /// The verdict in one word: [`dane::verdict::Standing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<WordId>,
}
