//! Whether DANE can work with the resolver of a machine: does every name server validate, does its word reach the mail server, and do TLSA
//! records and long answers get through?
//!
//! Most mail servers do not validate. They ask a resolver, and believe its AD bit. So DANE is lost without a word wherever the resolver
//! does not validate, something between clears the bit, or the C library does: mail flows as before, unprotected.
//! (R-001 rfc7672#2.1.1, RFC 4035 section 4.9.3)

mod headline;
mod repair;
#[cfg(test)]
mod tests;
mod traits;

use crate::Epoch;
use crate::cause::Weight;
use crate::observation::{ResolvConf, ResolverObservation};
use crate::verdict::Repair;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Name servers that glibc and musl use; those beyond are never asked. (`MAXNS`)
pub const USED_SERVERS: usize = 3;

/// Where a name server is, which decides what its AD bit is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On this machine.
    ThisMachine,
    /// 127.0.0.53 or 127.0.0.54, where systemd-resolved listens.
    SystemdResolved,
    /// 127.0.0.11, where Docker puts a forwarder into its containers.
    Docker,
    /// At a private or link-local address.
    LocalNetwork,
    /// At any other address.
    Internet,
}

/// What a name server does. `None`: could not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerReport {
    /// Which.
    pub server: SocketAddr,
    /// Where it is.
    pub place: Place,
    /// It answers at all.
    pub answers: bool,
    /// It hands out signatures to who asks for them.
    pub dnssec: Option<bool>,
    /// It says so where signatures are right, and refuses to answer where they are wrong.
    pub validates: Option<bool>,
    /// AD stands in answers to queries with DO.
    pub ad: Option<bool>,
    /// AD stands in answers to queries with AD and without DO.
    pub ad_without_do: Option<bool>,
    /// TLSA records get through.
    pub tlsa: Option<bool>,
    /// It answers over TCP.
    pub tcp: Option<bool>,
    /// Answers of more than 512 octets get through.
    pub long: Option<bool>,
}

/// The result in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// DANE can work.
    Works,
    /// DANE is lost, or mail is.
    Fails,
    /// Could not tell.
    CouldNotTell,
}

macro_rules! troubles {
    ($($variant:ident $code:literal $weight:ident $requirement:literal $title:literal;)*) => {
        /// What can be wrong with a resolver environment. The code is the contract: it never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Trouble {
            $(#[doc = $title] #[serde(rename = $code)] $variant,)*
        }

        impl Trouble {
            /// Every trouble.
            pub const ALL: &'static [Trouble] = &[$(Trouble::$variant,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Trouble::$variant => $code,)* }
            }

            /// How much it weighs unless the circumstances say otherwise.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Trouble::$variant => Weight::$weight,)* }
            }

            /// The requirement it rests on.
            #[must_use]
            pub fn requirement(self) -> &'static str {
                match self { $(Trouble::$variant => $requirement,)* }
            }
        }
    };
}

troubles! {
    NoDnssec "resolver-no-dnssec" Error "R-001" "Signatures are missing from answers to queries that ask for them.";
    NotValidating "resolver-not-validating" Error "R-001" "Answers with wrong signatures are handed out.";
    AdWithheld "resolver-ad-withheld" Error "R-001" "AD does not stand in the answer for a signed name.";
    ServersDiffer "resolvers-differ" Error "R-001" "Of several name servers only some validate.";
    TlsaFiltered "resolver-tlsa-filtered" Error "R-031" "TLSA queries fail where others for the same name do not.";
    TcpRefused "resolver-tcp-refused" Error "R-128" "No answer over TCP.";
    LongLost "resolver-long-answers-lost" Error "R-128" "Long answers do not arrive.";
    TruncationHidden "resolver-truncation-hidden" Error "R-128" "Answers are cut without saying so.";
    Remote "resolver-remote" Warning "R-001" "The name server is reached over a network, where AD can be forged.";
    ForwarderBetween "resolver-forwarder-between" Warning "R-001" "The name server on this machine only hands on what another says.";
    TrustAdMissing "resolver-trust-ad-missing" Warning "R-001" "The C library clears AD.";
    AdWithoutDo "resolver-ad-without-do" Warning "R-001" "AD does not stand in answers to queries without DO.";
    Silent "resolver-silent" Unknown "R-001" "The name server does not answer.";
    SignedFails "resolver-signed-name-fails" Unknown "R-001" "The signed name has no answer.";
    BogusUnclear "resolver-bogus-name-unclear" Unknown "R-001" "The bogus name does not show whether the server validates.";
    TlsaUnclear "resolver-tlsa-unclear" Unknown "R-031" "No TLSA record was seen, for whatever reason.";
    LongUnclear "resolver-long-unclear" Unknown "R-128" "No long answer was seen, for whatever reason.";
    Unasked "resolver-unasked" Unknown "R-001" "A name server of the file cannot be asked.";
    NoServerLine "resolver-no-server-line" Info "R-001" "The file names no server, so programs ask 127.0.0.1.";
    TooMany "resolver-too-many" Info "R-001" "Name servers beyond the third are never asked.";
    Edns0Missing "resolver-edns0-missing" Info "R-128" "Programs that do not ask for EDNS themselves get none.";
}

/// Something worth saying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverFinding {
    /// The stable code.
    pub trouble: Trouble,
    /// How much it weighs here.
    pub weight: Weight,
    /// The name server it is about; absent: the file, or all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<SocketAddr>,
    /// The requirement it rests on.
    pub requirement: String,
    /// What is so, with particulars.
    pub sentence: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// The verdict on a resolver environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverVerdict {
    /// When it was looked at.
    pub at: Epoch,
    /// In one word.
    pub standing: Standing,
    /// In one sentence.
    pub headline: String,
    /// The file that names the servers.
    pub file: ResolvConf,
    /// Every server.
    pub servers: Vec<ServerReport>,
    /// All findings, the gravest first.
    pub findings: Vec<ResolverFinding>,
}

impl Standing {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Standing::Works => "works",
            Standing::Fails => "fails",
            Standing::CouldNotTell => "could not tell",
        }
    }
}

impl Place {
    /// In words, as they follow a name server's address.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Place::ThisMachine => "on this machine",
            Place::SystemdResolved => "systemd-resolved",
            Place::Docker => "Docker's forwarder",
            Place::LocalNetwork => "on the local network",
            Place::Internet => "across the Internet",
        }
    }
}

/// Judges a resolver environment.
#[must_use]
pub fn judge(observation: &ResolverObservation) -> ResolverVerdict {
    let mut findings = Vec::new();
    let mut servers = Vec::new();
    for server in &observation.servers {
        let report = traits::report(server);
        traits::findings(server, &report, observation, &mut findings);
        servers.push(report);
    }
    together(&servers, &mut findings);
    file(observation, &servers, &mut findings);
    // Stable: findings of one weight stay in the order of the servers.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    let standing = standing(&findings);
    ResolverVerdict {
        at: observation.at,
        standing,
        headline: headline::headline(standing, &servers, &findings),
        file: observation.file.clone(),
        servers,
        findings,
    }
}

fn standing(findings: &[ResolverFinding]) -> Standing {
    match findings.iter().map(|f| f.weight).max() {
        Some(Weight::Error) => Standing::Fails,
        Some(Weight::Unknown) => Standing::CouldNotTell,
        Some(Weight::Warning | Weight::Info) | None => Standing::Works,
    }
}

fn finding(trouble: Trouble, server: Option<SocketAddr>, sentence: String, repair: Option<Repair>) -> ResolverFinding {
    ResolverFinding { trouble, weight: trouble.weight(), server, requirement: trouble.requirement().to_owned(), sentence, repair }
}

/// Programs go to the next server when one is slow, so what the worst of them does is what they get, now and then.
fn together(servers: &[ServerReport], findings: &mut Vec<ResolverFinding>) {
    let of = |wanted: fn(&ServerReport) -> bool| -> Vec<String> {
        servers.iter().filter(|s| wanted(s)).map(|s| s.server.ip().to_string()).collect()
    };
    let good = of(|s| s.validates == Some(true) && s.ad == Some(true));
    let bad = of(|s| s.answers && (s.validates == Some(false) || s.dnssec == Some(false) || s.ad == Some(false)));
    if good.is_empty() || bad.is_empty() {
        return;
    }
    let sentence = format!(
        "Of the name servers, {} can be used for DANE and {} cannot. Programs go to the next one whenever a server is slow, and then DANE is \
         lost: every server in the file has to validate.",
        good.join(" and "),
        bad.join(" and "),
    );
    findings.push(finding(Trouble::ServersDiffer, None, sentence, repair::leave_out(&bad)));
}

fn file(observation: &ResolverObservation, servers: &[ServerReport], findings: &mut Vec<ResolverFinding>) {
    let file = &observation.file;
    let has = |option: &str| file.options.iter().any(|o| o == option);
    for text in &file.unusable {
        let sentence = format!("The name server '{text}' in {} was not asked: it is no address that can be used as it stands.", file.path);
        findings.push(finding(Trouble::Unasked, None, sentence, None));
    }
    if file.servers.is_empty() && file.unusable.is_empty() {
        let sentence = format!("{} has no nameserver line; programs ask 127.0.0.1 then, and so did we.", file.path);
        findings.push(finding(Trouble::NoServerLine, None, sentence, None));
    }
    if file.servers.len() > USED_SERVERS {
        let sentence = format!("{} has {} name servers; programs ask only the first {USED_SERVERS}.", file.path, file.servers.len());
        findings.push(finding(Trouble::TooMany, None, sentence, None));
    }
    if !has("trust-ad") && servers.iter().any(|s| s.ad == Some(true)) {
        let sentence = format!(
            "{} lacks the option trust-ad, so glibc (2.31 and later) clears AD before programs see it. Postfix asks for AD by itself. Exim and \
             others that call res_query do not: they lose DANE without a word.",
            file.path
        );
        findings.push(finding(Trouble::TrustAdMissing, None, sentence, repair::trust_ad(observation, servers)));
    }
    if !has("edns0") {
        let sentence = format!(
            "{} lacks the option edns0. Mail servers that know DANE ask for EDNS by themselves; other programs get answers of at most 512 octets \
             over UDP.",
            file.path
        );
        findings.push(finding(Trouble::Edns0Missing, None, sentence, None));
    }
}
