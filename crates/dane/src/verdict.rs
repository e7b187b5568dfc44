//! What an observation means: the types that `crate::judge` fills and everything that shows results reads.

mod policies;

pub use policies::{CaaVerdict, PoliciesVerdict, PolicyState, StsHost, StsVerdict, TlsrptVerdict, WebPki};

use crate::Epoch;
use crate::cause::{Cause, Party, Weight};
use crate::dns::Security;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Version of the rules. Two verdicts on one observation differ only if this does.
pub const RULES_VERSION: u16 = 5;

/// What a sender that follows RFC 7672 does about one MX host before it connects. (Decision table of the requirements)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Authenticated TLS or nothing.
    Dane,
    /// TLS or nothing, authentication impossible.
    Enc,
    /// Opportunistic: as if DANE did not exist.
    Opp,
    /// Not to this host, not now.
    Skip,
}

impl Action {
    /// The stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Action::Dane => "dane",
            Action::Enc => "enc",
            Action::Opp => "opp",
            Action::Skip => "skip",
        }
    }
}

/// What becomes of a message to the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// At least one host takes it.
    Deliver,
    /// It stays in the queue, and is returned after days.
    Defer,
    /// It is returned at once.
    Bounce,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Every MX host is protected by DANE, and all that we could look at works.
    Protected,
    /// DANE works for some hosts, others have none.
    Partial,
    /// No DANE in force from the domain to its hosts: no TLSA records, none that is usable, or DNSSEC does not secure them or the MX records.
    /// Mail flows; an attacker on the way can read it.
    Unprotected,
    /// DANE is published and wrong: a validating sender fails at one host at least.
    Broken,
    /// The domain takes no mail by its own will (null MX).
    NoMail,
    /// Nobody can deliver, with or without DANE: the domain does not exist, or no MX host has an address.
    Undeliverable,
    /// Nothing can be said: we could not look.
    CouldNotTell,
}

impl Standing {
    /// The stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Standing::Protected => "protected",
            Standing::Partial => "partial",
            Standing::Unprotected => "unprotected",
            Standing::Broken => "broken",
            Standing::NoMail => "no-mail",
            Standing::Undeliverable => "undeliverable",
            Standing::CouldNotTell => "could-not-tell",
        }
    }
}

/// A verdict on one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`RULES_VERSION`].
    pub rules: u16,
    /// The domain.
    pub domain: Name,
    /// The moment for which it was judged.
    pub at: Epoch,
    /// In one word.
    pub standing: Standing,
    /// In one sentence, in mail terms: what senders experience now.
    pub headline: String,
    /// What becomes of a message from a sender that validates DANE; `None`: could not tell.
    pub delivery: Option<Delivery>,
    /// DNSSEC status of the MX RRset.
    pub mx_status: Security,
    /// Every MX host, best preference first.
    pub hosts: Vec<HostVerdict>,
    /// MTA-STS, TLS reporting and CAA; absent if nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Box<PoliciesVerdict>>,
    /// All findings, the gravest first, those on hosts included.
    pub findings: Vec<Finding>,
}

/// A verdict on one MX host. In JSON every field is there: null or empty where there is nothing, as in `smtp policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostVerdict {
    /// The host as the MX record has it.
    pub host: Name,
    /// Its preference.
    pub preference: u16,
    /// What a sender does before it connects.
    pub action: Action,
    /// The name below which the TLSA records in force were found.
    #[serde(default)]
    pub tlsa_base: Option<Name>,
    /// DNSSEC status of the TLSA RRset; `None` if there is none.
    #[serde(default)]
    pub tlsa_status: Option<Security>,
    /// Reference identifiers for usage 2.
    #[serde(default)]
    pub names: Vec<Name>,
    /// Every TLSA record and what it is.
    #[serde(default)]
    pub records: Vec<RecordVerdict>,
    /// Every address looked at.
    #[serde(default)]
    pub servers: Vec<ServerVerdict>,
}

/// What one TLSA record is, in view of everything the host's servers showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordLabel {
    /// It authenticates the server now.
    Matches,
    /// It matches nothing now and stands beside one of its kind that does: the next key, if the operator knows of it.
    NextKey,
    /// It names an issuer in the chain.
    Issuer,
    /// It matches something shown before. (Needs history.)
    Stale,
    /// Digest of nothing, PEM text, undefined values: it can never match.
    Garbage,
    /// Well-formed, but not for SMTP (usage 0 and 1).
    Unusable,
    /// Hidden by a stronger digest of its kind.
    Hidden,
    /// It does not match.
    Unmatched,
    /// No certificate was seen, so nothing can be said.
    Unknown,
}

/// One TLSA record and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordVerdict {
    /// The record, numeric, hex in lower case: `3 1 1 ab…`.
    pub record: String,
    /// What it is.
    pub label: RecordLabel,
    /// Why, in words.
    pub reason: String,
}

/// A verdict on one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerVerdict {
    /// The address.
    pub address: IpAddr,
    /// What became of the visit, as far as a cause can be named; `None`: a TLS session was made.
    #[serde(default)]
    pub obstacle: Option<Cause>,
    /// Would a sender that follows RFC 7672 deliver here? `None`: could not tell.
    pub rfc_delivers: Option<bool>,
    /// Does any record equal the hash of what it refers to? `None`: no certificate or no records.
    pub paper_match: Option<bool>,
    /// Secure, and `paper_match`, and the chain valid. `None` also where only a record of usage 0 or 1 could make it so, and no
    /// trusted roots are given.
    pub paper_valid: Option<bool>,
    /// Depth at which the match was made: 0 leaf.
    #[serde(default)]
    pub depth: Option<u8>,
    /// What the certificate is worth without DANE; `None`: none was seen that can be read.
    #[serde(default)]
    pub webpki: Option<WebPki>,
}

/// Something worth saying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable code.
    pub cause: Cause,
    /// Who is at fault.
    pub party: Party,
    /// How much it weighs here.
    pub weight: Weight,
    /// What it is about: a domain, a host, an owner name.
    pub subject: Name,
    /// The address it is about, if it is about addresses; of several the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// All the addresses it is about, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The requirement it rests on.
    pub requirement: String,
    /// What is so, with particulars.
    pub sentence: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// What to do, exactly: steps in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// What it achieves, in a few words.
    pub goal: String,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    pub what: String,
    /// The very line to type or paste, if there is one: a zone-file line, a DS line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The data of records to take out, whole: with less than that nobody could tell them from others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Seconds to wait after this step before the next, from the real TTLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
}
