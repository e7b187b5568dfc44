//! Name servers that answer wrong, otherwise or not at all, where others answer right. Resolvers ask one of them, and which is chance.

use super::Case;
use crate::cause::Cause;
use crate::dns::{Lookup, LookupFailure, Security};
use crate::name::Name;
use crate::observation::{NameServerObservation, ZoneObservation};
use crate::verdict::Finding;
use domain::base::iana::Rtype;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Questions that a finding names.
const NAMED: usize = 3;

/// Whom validators disbelieve, and then, of servers that were asked one by one, who differs from the others and how.
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let each: &[NameServerObservation] = case.domain.map_or(&[], |domain| &domain.name_servers);
    let mut zones: BTreeMap<&Name, Vec<&NameServerObservation>> = BTreeMap::new();
    for server in each {
        zones.entry(&server.zone).or_default().push(server);
    }
    let zones: Vec<Zone> = zones.into_iter().map(|(apex, servers)| Zone { apex, servers }).collect();
    let mut found = disbelieved(case, &zones);
    found.extend(zones.iter().flat_map(Zone::findings));
    found
}

/// One finding for each zone and server.
///
/// R-127 rfc4035#4.3: we got the right answer elsewhere. A resolver that does not ask again is left with one that is bogus.
fn disbelieved(case: &Case, zones: &[Zone]) -> Vec<Finding> {
    let mut wrong: BTreeMap<(&Name, IpAddr), Vec<String>> = BTreeMap::new();
    for (zone, lookup) in lookups(case) {
        for server in &lookup.bogus_servers {
            wrong.entry((zone, *server)).or_default().push(format!("{} {}", lookup.name, lookup.rtype));
        }
    }
    for (zone, server, answer) in zones.iter().flat_map(|zone| zone.bogus().map(move |(server, answer)| (zone, server, answer))) {
        wrong.entry((zone.apex, server.address)).or_default().push(format!("{} {}", answer.name, answer.rtype));
    }
    wrong.into_iter().map(|((zone, server), questions)| finding(zone, server, questions)).collect()
}

fn finding(zone: &Name, server: IpAddr, questions: Vec<String>) -> Finding {
    let sentence = format!(
        "The name server at {server} gives answers that cannot be validated ({}), another server gives the right ones. Senders whose resolver does not ask again keep the mail in their queues.",
        named(questions)
    );
    Finding::new(Cause::ServerBogus, zone, sentence).at(server)
}

/// Every lookup with the zone in whose course it was made, as far as we know it.
fn lookups<'a>(case: &'a Case) -> Vec<(&'a Name, &'a Lookup)> {
    let mut all = Vec::new();
    let mut add = |name: &'a Name, zone: Option<&'a ZoneObservation>, lookups: Vec<&'a Lookup>| {
        let zones = zone.into_iter().flat_map(|z| [&z.soa, &z.ns, &z.dnskey].into_iter().chain(&z.cds).chain(&z.cdnskey));
        let place = zone.map_or(name, |z| &z.apex);
        all.extend(zones.chain(lookups).map(|lookup| (place, lookup)));
    };
    if let Some(domain) = case.domain {
        add(&domain.domain, domain.zone.as_deref(), vec![&domain.mx]);
    }
    for host in case.hosts {
        add(&host.host, host.zone.as_deref(), [&host.a, &host.aaaa].into_iter().chain(&host.cname).chain(&host.tlsa).collect());
    }
    all
}

/// The servers of one zone, each asked by itself.
struct Zone<'a> {
    apex: &'a Name,
    servers: Vec<&'a NameServerObservation>,
}

impl<'a> Zone<'a> {
    /// The answers to one question, with those who gave them.
    fn answers(&self, asked: &Lookup) -> impl Iterator<Item = (&'a NameServerObservation, &'a Lookup)> + use<'_, 'a> {
        let (name, rtype) = (asked.name.clone(), asked.rtype);
        self.servers.iter().filter_map(move |server| Some((*server, server.answers.iter().find(|a| a.name == name && a.rtype == rtype)?)))
    }

    /// Whether another server answers the question.
    fn others_answer(&self, asked: &Lookup) -> bool {
        self.answers(asked).any(|(_, answer)| answer.failure.is_none())
    }

    /// Answers that do not validate, where another server's do.
    fn bogus(&self) -> impl Iterator<Item = (&'a NameServerObservation, &'a Lookup)> + '_ {
        let all = self.servers.iter().flat_map(|server| server.answers.iter().map(move |answer| (*server, answer)));
        all.filter(|(_, answer)| {
            answer.status == Security::Bogus
                && self.answers(answer).any(|(_, other)| other.failure.is_none() && other.status != Security::Bogus)
        })
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let newest = self.servers.iter().filter_map(|server| server.serial()).reduce(newer);
        for server in &self.servers {
            let who = format!("{} [{}]", server.server, server.address);
            let mut say = |cause: Cause, sentence: String| found.push(Finding::new(cause, self.apex, sentence).at(server.address));
            let failed: Vec<&Lookup> = server.answers.iter().filter(|a| a.failure.is_some() && self.others_answer(a)).collect();
            let silent = |a: &&Lookup| matches!(a.failure, Some(LookupFailure::Timeout | LookupFailure::Unreachable));
            if failed.len() == server.answers.len() && !failed.is_empty() && failed.iter().all(silent) {
                say(Cause::ServerSilent, format!("The name server {who} does not answer us; other servers of {} do.", self.apex));
                continue;
            }
            if let Some(first) = failed.first() {
                let why = first.failure_detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
                let asked = questions(&failed);
                say(
                    Cause::ServerFails,
                    format!("The name server {who} does not answer for {asked}, which other servers of {} do{why}.", self.apex),
                );
            }
            // R-128 rfc7766#5
            if server.tcp == Some(false) {
                say(Cause::ServerNoTcp, format!("The name server {who} does not answer over TCP, so answers that are long are lost."));
            }
            if let (Some(newest), Some(serial)) = (newest, server.serial())
                && serial != newest
            {
                say(Cause::ServerBehind, format!("The name server {who} has serial {serial} of {}; another one has {newest}.", self.apex));
            }
            let other: Vec<&Lookup> = server.answers.iter().filter(|answer| self.is_outvoted(answer)).collect();
            if !other.is_empty() {
                let asked = questions(&other);
                say(
                    Cause::ServerDiffers,
                    format!("The name server {who} has other records than other servers of {} have: {asked}.", self.apex),
                );
            }
        }
        found
    }

    /// Whether more servers give other records, or as many, and their copy of the zone is not older: where none is, each is named.
    fn is_outvoted(&self, answer: &Lookup) -> bool {
        if answer.failure.is_some() || answer.rtype == Rtype::SOA {
            return false;
        }
        let mut votes: BTreeMap<Content, (usize, Option<u32>)> = BTreeMap::new();
        for (server, answer) in self.answers(answer).filter(|(_, answer)| answer.failure.is_none() && answer.status != Security::Bogus) {
            let vote = votes.entry(content(answer)).or_default();
            vote.0 += 1;
            vote.1 = vote.1.into_iter().chain(server.serial()).reduce(newer);
        }
        let Some(ours) = votes.get(&content(answer)).copied() else { return false };
        let is_older = |serial: Option<u32>| match (serial, ours.1) {
            (Some(theirs), Some(ours)) => theirs != ours && newer(theirs, ours) == ours,
            _ => false,
        };
        let others = votes.iter().filter(|(said, _)| **said != content(answer)).map(|(_, vote)| *vote);
        others.into_iter().any(|(servers, serial)| servers > ours.0 || servers == ours.0 && !is_older(serial))
    }
}

/// What an answer says, whoever gives it: response code and data, in no order.
type Content<'a> = (u16, Vec<&'a str>);

fn content(answer: &Lookup) -> Content<'_> {
    let mut data: Vec<&str> = answer.records.iter().map(|record| record.data.as_str()).collect();
    data.sort_unstable();
    (answer.rcode, data)
}

/// The newer of two serial numbers. (RFC 1982)
fn newer(a: u32, b: u32) -> u32 {
    if b.wrapping_sub(a) < 1 << 31 { b } else { a }
}

fn questions(answers: &[&Lookup]) -> String {
    named(answers.iter().map(|answer| format!("{} {}", answer.name, answer.rtype)).collect())
}

/// A few of these questions.
fn named(mut questions: Vec<String>) -> String {
    questions.sort();
    questions.dedup();
    let more = if questions.len() > NAMED { ", …" } else { "" };
    questions.truncate(NAMED);
    format!("{}{more}", questions.join(", "))
}
