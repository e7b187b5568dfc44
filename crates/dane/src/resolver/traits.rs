//! What one name server does, and what is wrong with it.

use super::{Place, ResolverFinding, ServerReport, Trouble, finding, repair};
use crate::cause::Weight;
use crate::observation::{ResolverObservation, ResolverProbe as Probe, ResolverReply, ResolverServer, ResolverTransport};
use std::net::{IpAddr, Ipv4Addr};

/// Response code: the server failed, which is how a validator says that it does not believe an answer.
const SERVFAIL: u16 = 2;
/// Response code: there is no such name.
const NXDOMAIN: u16 = 3;
/// The longest message over UDP without EDNS, octets. (RFC 1035 section 4.2.1)
const SHORT: u32 = 512;

impl ResolverServer {
    /// The whole answer to a question: that over TCP if it was truncated.
    fn answer(&self, probe: Probe) -> Option<&ResolverReply> {
        self.exchanges.iter().rev().find(|e| e.probe == probe).and_then(|e| e.reply.as_ref()).filter(|r| !r.tc)
    }

    /// The answer over UDP, truncated or not.
    fn first(&self, probe: Probe) -> Option<&ResolverReply> {
        self.exchanges.iter().find(|e| e.probe == probe).and_then(|e| e.reply.as_ref())
    }

    fn asked(&self, probe: Probe) -> bool {
        self.exchanges.iter().any(|e| e.probe == probe)
    }

    fn answered_over(&self, transport: ResolverTransport) -> bool {
        self.exchanges.iter().any(|e| e.transport == transport && e.reply.is_some())
    }
}

/// There are records of the type asked for.
fn has_data(reply: &&ResolverReply) -> bool {
    reply.rcode == 0 && reply.records > 0
}

pub(super) fn report(server: &ResolverServer) -> ServerReport {
    let with_data = |probe| server.answer(probe).filter(has_data);
    ServerReport {
        server: server.address,
        place: place(server),
        answers: server.exchanges.iter().any(|e| e.reply.is_some()),
        dnssec: with_data(Probe::Signed).map(|r| r.signatures > 0),
        validates: validates(server),
        ad: with_data(Probe::Signed).map(|r| r.ad),
        ad_without_do: with_data(Probe::SignedAd).map(|r| r.ad),
        tlsa: tlsa(server),
        tcp: tcp(server),
        long: long(server),
    }
}

fn place(server: &ResolverServer) -> Place {
    let ip = server.address.ip().to_canonical();
    match ip {
        IpAddr::V4(v4) if v4 == Ipv4Addr::new(127, 0, 0, 11) => Place::Docker,
        IpAddr::V4(v4) if [[127, 0, 0, 53], [127, 0, 0, 54]].contains(&v4.octets()) => Place::SystemdResolved,
        _ if server.own || ip.is_loopback() || ip.is_unspecified() => Place::ThisMachine,
        // Shared address space (RFC 6598) is a provider's network.
        IpAddr::V4(v4) if v4.is_private() || v4.is_link_local() => Place::LocalNetwork,
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Place::LocalNetwork,
        _ => Place::Internet,
    }
}

/// A server validates that believes the signed name and not the bogus one. That AD stands in an answer is no proof by itself: a forwarder
/// may set it to please, or hand on what another says.
fn validates(server: &ResolverServer) -> Option<bool> {
    let bogus = server.answer(Probe::Bogus)?;
    if has_data(&bogus) {
        return Some(false);
    }
    let signed = server.answer(Probe::Signed).filter(has_data)?;
    let unchecked = server.answer(Probe::BogusUnchecked).is_some_and(|r| has_data(&r));
    // With CD the data is there, without it is not: somebody has held them against the signatures.
    (bogus.rcode == SERVFAIL && (signed.ad || unchecked)).then_some(true)
}

fn tlsa(server: &ResolverServer) -> Option<bool> {
    match server.answer(Probe::Tlsa) {
        Some(reply) if has_data(&reply) => Some(true),
        // It is answered that there is none, or there is no such name: nothing is filtered by an error, at least.
        Some(reply) if reply.rcode == 0 || reply.rcode == NXDOMAIN => None,
        // Another type at the same name is answered, so it is the type that does not get through.
        _ if !server.asked(Probe::Tlsa) => None,
        _ => server.answer(Probe::BesideTlsa).filter(|r| r.rcode == 0 || r.rcode == NXDOMAIN).map(|_| false),
    }
}

fn tcp(server: &ResolverServer) -> Option<bool> {
    if server.answered_over(ResolverTransport::Tcp) {
        return Some(true);
    }
    // Who answers nothing at all has not refused TCP.
    (server.asked(Probe::LongOverTcp) && server.answered_over(ResolverTransport::Udp)).then_some(false)
}

fn long(server: &ResolverServer) -> Option<bool> {
    let over_tcp = server.answer(Probe::LongOverTcp).filter(has_data);
    match (server.first(Probe::Long), server.answer(Probe::Long)) {
        (Some(_), Some(whole)) if has_data(&whole) => (whole.octets > SHORT).then_some(true),
        // Truncated, and TCP brought nothing, this time or the other.
        (Some(truncated), None) if truncated.tc => Some(over_tcp.is_some()),
        // Nothing over UDP, where shorter answers arrive, and the very answer is there over TCP.
        (None, _) if server.asked(Probe::Long) && server.answered_over(ResolverTransport::Udp) => over_tcp.map(|_| false),
        _ => None,
    }
}

pub(super) fn findings(
    server: &ResolverServer,
    report: &ServerReport,
    observation: &ResolverObservation,
    findings: &mut Vec<ResolverFinding>,
) {
    let about = About { server, report, observation };
    if !report.answers {
        findings.push(about.silent());
        return;
    }
    findings.extend(about.validation());
    findings.extend(about.without_do());
    findings.extend(about.tlsa());
    findings.extend(about.tcp());
    findings.extend(about.long());
    findings.extend(about.hidden());
    findings.extend(about.place());
}

/// What is known of one server.
struct About<'a> {
    server: &'a ResolverServer,
    report: &'a ServerReport,
    observation: &'a ResolverObservation,
}

impl About<'_> {
    fn finding(&self, trouble: Trouble, sentence: String, repair: Option<crate::verdict::Repair>) -> ResolverFinding {
        finding(trouble, Some(self.server.address), sentence, repair)
    }

    fn file(&self) -> &str {
        &self.observation.file.path
    }

    fn silent(&self) -> ResolverFinding {
        let why = self.server.exchanges.iter().find_map(|e| e.failure.clone()).unwrap_or_default();
        let sentence = format!("It answers nothing ({why}), so what it does could not be told. Programs wait for it all the same.");
        self.finding(Trouble::Silent, sentence, None)
    }

    /// One finding at most: each of these explains the next.
    fn validation(&self) -> Option<ResolverFinding> {
        let ServerReport { dnssec, validates, ad, place, .. } = *self.report;
        let questions = &self.observation.questions;
        let (signed, bogus) = (&questions.signed, &questions.bogus);
        let mend = || repair::validate(place, self.file());
        if dnssec == Some(false) {
            let sentence = format!(
                "Its answer for {} {} has no signatures, though they were asked for: it knows no DNSSEC, or something between strips them.",
                signed.name, signed.rtype
            );
            return Some(self.finding(Trouble::NoDnssec, sentence, mend()));
        }
        if validates == Some(false) {
            let all_the_same = if ad == Some(true) { " That it sets AD for others is worth nothing." } else { "" };
            let sentence = format!("It hands out {} {}, whose signatures are wrong on purpose.{all_the_same}", bogus.name, bogus.rtype);
            return Some(self.finding(Trouble::NotValidating, sentence, mend()));
        }
        if ad == Some(false) {
            let who = if validates == Some(true) { "Somebody behind it validates, for the bogus name is refused; but" } else { "" };
            let sentence = format!("{who} AD does not stand in its answer for {} {}, which is signed.", signed.name, signed.rtype);
            return Some(self.finding(Trouble::AdWithheld, sentence.trim_start().to_owned(), mend()));
        }
        self.unclear()
    }

    fn unclear(&self) -> Option<ResolverFinding> {
        let questions = &self.observation.questions;
        if self.report.ad.is_none() {
            let (name, rtype) = (&questions.signed.name, questions.signed.rtype);
            let what = outcome(self.server.answer(Probe::Signed));
            let unchecked = self.server.answer(Probe::BogusUnchecked).is_some_and(|r| has_data(&r));
            let hint = if unchecked {
                " With CD it does answer: if no signed name has an answer, its trust anchor or the clock of its machine is wrong."
            } else {
                ""
            };
            return Some(self.finding(Trouble::SignedFails, format!("For {name} {rtype} it has {what}.{hint}"), None));
        }
        if self.report.validates.is_some() {
            return None;
        }
        let (name, rtype) = (&questions.bogus.name, questions.bogus.rtype);
        let what = outcome(self.server.answer(Probe::Bogus));
        let sentence =
            format!("For {name} {rtype}, which a validator refuses with SERVFAIL, it has {what}: that does not show whether it validates.");
        Some(self.finding(Trouble::BogusUnclear, sentence, None))
    }

    fn without_do(&self) -> Option<ResolverFinding> {
        (self.report.ad == Some(true) && self.report.ad_without_do == Some(false)).then(|| {
            let sentence = "To a query with AD and without DO it answers without AD (RFC 6840 section 5.7). Postfix and Exim set DO; programs \
                            that do not, get no word of DNSSEC.";
            self.finding(Trouble::AdWithoutDo, sentence.to_owned(), None)
        })
    }

    fn tlsa(&self) -> Option<ResolverFinding> {
        let name = &self.observation.questions.tlsa;
        match self.report.tlsa {
            Some(true) => None,
            Some(false) => {
                let what = outcome(self.server.answer(Probe::Tlsa));
                let sentence = format!(
                    "For {name} TLSA it has {what}, though it answers for {name} TXT: queries of type 52 are filtered. Mail to hosts with TLSA \
                     records waits, or goes unprotected."
                );
                Some(self.finding(Trouble::TlsaFiltered, sentence, Some(repair::own(self.file()))))
            }
            None if !self.server.asked(Probe::Tlsa) => None,
            None => {
                let reply = self.server.answer(Probe::Tlsa);
                let sentence = format!("For {name} TLSA it has {}: name a host that is known to have TLSA records.", outcome(reply));
                let mut finding = self.finding(Trouble::TlsaUnclear, sentence, None);
                // A proof that there are none has come through as a record would have.
                if reply.is_some_and(|r| r.ad) && self.report.validates == Some(true) {
                    finding.weight = Weight::Info;
                }
                Some(finding)
            }
        }
    }

    fn tcp(&self) -> Option<ResolverFinding> {
        (self.report.tcp == Some(false)).then(|| {
            let failure = self.server.exchanges.iter().filter(|e| e.transport == ResolverTransport::Tcp).find_map(|e| e.failure.as_deref());
            let sentence =
                format!("It does not answer over TCP ({}). Answers that UDP has no room for are lost.", failure.unwrap_or("no reply"));
            self.finding(Trouble::TcpRefused, sentence, Some(repair::long(self.report.place)))
        })
    }

    fn long(&self) -> Option<ResolverFinding> {
        let question = &self.observation.questions.long;
        let (name, rtype) = (&question.name, question.rtype);
        match self.report.long {
            Some(true) => None,
            // Where TCP fails, that is the cause.
            Some(false) if self.report.tcp == Some(false) => None,
            Some(false) => {
                let sentence = format!("Its answer for {name} {rtype} does not arrive whole over UDP, though shorter ones do.");
                Some(self.finding(Trouble::LongLost, sentence, Some(repair::long(self.report.place))))
            }
            None if !self.server.asked(Probe::Long) => None,
            None => {
                let what = match self.server.answer(Probe::Long) {
                    Some(reply) if has_data(&reply) => format!("an answer of only {} octets", reply.octets),
                    other => outcome(other),
                };
                let mut finding = self.finding(
                    Trouble::LongUnclear,
                    format!("For {name} {rtype} it has {what}: that says nothing of long answers."),
                    None,
                );
                // That the name has a short answer is no fault of the server's; TCP, which carries what is long, was seen to work.
                if self.report.tcp == Some(true) && self.server.answer(Probe::Long).is_some_and(|r| has_data(&r)) {
                    finding.weight = Weight::Info;
                }
                Some(finding)
            }
        }
    }

    /// A resolver that leaves records out has to set TC. (RFC 2181 section 9)
    fn hidden(&self) -> Option<ResolverFinding> {
        let whole = self.server.answer(Probe::LongOverTcp).filter(has_data)?;
        let small = self.server.first(Probe::LongInSmall).filter(|r| r.rcode == 0 && !r.tc)?;
        (small.records < whole.records).then(|| {
            let question = &self.observation.questions.long;
            let sentence = format!(
                "Asked for {} {} with room for 512 octets, it hands out {} of {} records and does not say that the answer is truncated.",
                question.name, question.rtype, small.records, whole.records
            );
            self.finding(Trouble::TruncationHidden, sentence, Some(repair::own(self.file())))
        })
    }

    /// What AD is worth from there. (R-001 rfc7672#2.1.1)
    fn place(&self) -> Option<ResolverFinding> {
        // Nobody can forge what is not there; what is wrong then is said already.
        if self.report.ad != Some(true) {
            return None;
        }
        let (trouble, weight, sentence, mend) = match self.report.place {
            Place::ThisMachine | Place::SystemdResolved => return None,
            Place::Docker => (
                Trouble::ForwarderBetween,
                Weight::Warning,
                "Docker's forwarder does not validate. AD is the word of whatever server the host asks, and worth what the way there is worth.",
                repair::docker(),
            ),
            Place::LocalNetwork => (
                Trouble::Remote,
                Weight::Warning,
                "It is reached over a network. AD is not protected there: whoever can send packets into that network can forge it.",
                repair::own(self.file()),
            ),
            Place::Internet => (
                Trouble::Remote,
                Weight::Error,
                "It is reached across the Internet. AD is not protected there: anybody on the way can forge it, and with it TLSA records.",
                repair::own(self.file()),
            ),
        };
        let mut finding = self.finding(trouble, sentence.to_owned(), Some(mend));
        finding.weight = weight;
        Some(finding)
    }
}

/// A reply in words, as they follow "it has".
fn outcome(reply: Option<&ResolverReply>) -> String {
    match reply {
        None => "no answer".to_owned(),
        Some(reply) if has_data(&reply) => "records".to_owned(),
        Some(reply) => match reply.rcode {
            0 => "no records".to_owned(),
            1 => "FORMERR".to_owned(),
            SERVFAIL => "SERVFAIL".to_owned(),
            NXDOMAIN => "no such name (NXDOMAIN)".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            other => format!("response code {other}"),
        },
    }
}
