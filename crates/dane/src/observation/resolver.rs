//! What the resolver of the machine we run on did when it was asked, and what the file says that sends programs to it.

use crate::Epoch;
use crate::name::Name;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A look at the resolver environment of a machine: the file, and every name server in it that programs use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverObservation {
    /// When it was looked at.
    pub at: Epoch,
    /// The file that names the servers.
    pub file: ResolvConf,
    /// The file that shows that this is a container; absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What was asked for.
    pub questions: ResolverQuestions,
    /// Each server, in the order of the file.
    pub servers: Vec<ResolverServer>,
}

/// What `resolv.conf` says, as far as it concerns us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvConf {
    /// Where it was read.
    pub path: String,
    /// The name servers, in order; also those that programs do not use, because there are more than three.
    pub servers: Vec<SocketAddr>,
    /// The words of all `options` lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The list of the last `search` or `domain` line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// What stands behind `nameserver` and is no address that we can ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<String>,
}

/// A name and a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverQuestion {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
}

/// Questions whose right answers are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverQuestions {
    /// Has records, with good signatures up to the root.
    pub signed: ResolverQuestion,
    /// Has records, with signatures that are wrong on purpose.
    pub bogus: ResolverQuestion,
    /// Has TLSA records, with good signatures.
    pub tlsa: Name,
    /// Has an answer of more than 512 octets with its signatures.
    pub long: ResolverQuestion,
}

/// One name server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverServer {
    /// Where it was asked.
    pub address: SocketAddr,
    /// It has an address of this machine, so that what we say to each other crosses no network.
    pub own: bool,
    /// Each question in its order; of one that came back truncated over UDP, the second over TCP.
    pub exchanges: Vec<ResolverExchange>,
}

/// What is found out by one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResolverProbe {
    /// The signed name, as the simplest client asks: no EDNS, no AD.
    Plain,
    /// The signed name, with DO. (RFC 4035 section 3.2.1)
    Signed,
    /// The signed name, with AD in the query and no EDNS. (RFC 6840 section 5.7)
    SignedAd,
    /// The bogus name, with DO.
    Bogus,
    /// The bogus name, with DO and CD. (RFC 4035 section 3.2.2)
    BogusUnchecked,
    /// The TLSA records, with DO.
    Tlsa,
    /// TXT at the name of the TLSA records, with DO: whether the name fails, or the type.
    BesideTlsa,
    /// The long answer, with DO and room for 1232 octets.
    Long,
    /// The long answer, with DO and room for 512 octets.
    LongInSmall,
    /// The long answer over TCP, with DO.
    LongOverTcp,
}

/// What carries a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResolverTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// One question and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverExchange {
    /// Which question.
    pub probe: ResolverProbe,
    /// How it went.
    pub transport: ResolverTransport,
    /// How long it took, all tries included, milliseconds.
    pub elapsed_ms: u32,
    /// The reply; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<ResolverReply>,
    /// Why there is no reply, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What matters of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverReply {
    /// Response code, with the upper bits from EDNS.
    pub rcode: u16,
    /// AD: the server says that it has validated the answer.
    pub ad: bool,
    /// RA: the server offers recursion.
    pub ra: bool,
    /// TC: truncated.
    pub tc: bool,
    /// There is an OPT record.
    pub edns: bool,
    /// Length of the message, octets.
    pub octets: u32,
    /// Records of the type asked for, in the answer section.
    pub records: u16,
    /// RRSIG records in the answer section.
    pub signatures: u16,
}
