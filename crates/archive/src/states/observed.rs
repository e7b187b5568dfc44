//! From what a scan observed to a round: each look reduced to its key, and to the numbers of what it saw.
//!
//! Verdicts are given, not made: this crate does not judge.

use super::fold::Look;
use super::model::{
    DomainId, DomainSeen, EvidenceId, KeyType, Notes, ServerId, ServerKey, ServerSeen, ServerVerdict, Snapshot, Versions, WordId,
};
use super::parts::Parts;
use super::round::Round;
use super::writer::Writer;
use dane::Epoch;
use dane::dns::{Lookup, LookupFailure, Outcome};
use dane::name::Name;
use dane::observation::{
    AddressObservation, ClientOffer, Connect, DomainObservation, Exchange, Got, HostObservation, Observation, RunObservation, Shows,
    TlsObservation,
};
use dane::tlsa::Tlsa;
use dane::verdict::{HostVerdict, ServerVerdict as Judged, Verdict};
use std::collections::{BTreeMap, HashSet};

/// Makes a round of the observations of one run, or of the runs that share a list out.
pub struct Observed<'a> {
    writer: &'a mut Writer,
    vantage: WordId,
    rules: u16,
    roots: Option<WordId>,
    hosts: HashSet<(Name, u16)>,
    servers: BTreeMap<ServerId, Look<ServerId, ServerSeen>>,
    domains: BTreeMap<DomainId, Look<DomainId, DomainSeen>>,
    targets: u64,
    done: u64,
}

impl<'a> Observed<'a> {
    /// A round at this vantage point of which nothing has been told yet.
    pub fn new(writer: &'a mut Writer, vantage: &str) -> Self {
        let vantage = writer.parts().word(vantage);
        let (hosts, servers, domains) = (HashSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { writer, vantage, rules: 0, roots: None, hosts, servers, domains, targets: 0, done: 0 }
    }

    /// Which root certificates the verdicts rest on: see [`Versions::roots`].
    pub fn roots(&mut self, release: &str) {
        self.roots = Some(self.writer.parts().word(release));
    }

    /// Adds a domain with its hosts, and what they mean. The first look at a host counts, as everywhere in a run.
    pub fn observation(&mut self, observation: &Observation, verdict: &Verdict) {
        self.rules = self.rules.max(verdict.rules);
        self.done += 1;
        self.domain(observation, verdict);
        for host in &observation.hosts {
            if self.hosts.insert((host.host.clone(), host.port)) {
                let judged = verdict.hosts.iter().find(|judged| judged.host == host.host);
                self.host(host, judged, verdict);
            }
        }
    }

    /// Adds a target that was not looked at, by someone's wish or by ours: it has its record, and no state.
    pub fn skipped(&mut self) {
        self.done += 1;
    }

    /// The round. `run` is the metadata of the run; of several, those of the last to finish.
    #[must_use]
    pub fn finish(mut self, run: &RunObservation) -> Round {
        self.targets = run.targets;
        let (scheduled_s, every_s) = match &run.round {
            Some(round) => (round.scheduled_s, round.every_s),
            None => (run.started, alone(run)),
        };
        let complete = run.round.as_ref().map_or(run.finished.is_some(), |round| round.complete == Some(true));
        let offset = run.round.as_ref().and_then(|round| round.clock_offset_ms);
        let parts = self.writer.parts();
        let anchors = run.anchors.join("; ");
        let versions = Versions {
            danelaw: Some(parts.word(&run.danelaw)),
            rules: self.rules,
            anchors: (!anchors.is_empty()).then(|| parts.word(&anchors)),
            psl: run.public_suffixes.as_deref().map(|date| parts.word(date)),
            roots: self.roots,
        };
        let snapshot = Snapshot {
            vantage: self.vantage,
            scheduled_s,
            every_s,
            started_s: run.started,
            finished_s: run.finished,
            clock_offset_ms: offset.or(run.vantage.clock_offset_s.map(|s| s.saturating_mul(1000))),
            targets_sha256: Some(parts.word(&run.targets_sha256)),
            targets: self.targets,
            done: self.done,
            servers: None,
            domains: None,
            complete,
            config_sha256: Some(parts.word(&run.config_sha256)),
            versions,
            content: Default::default(),
        };
        let (servers, domains) = (self.servers.into_values().collect(), self.domains.into_values().collect());
        Round { snapshot, servers: Some(servers), domains: Some(domains) }
    }

    fn host(&mut self, host: &HostObservation, judged: Option<&HostVerdict>, verdict: &Verdict) {
        let lookup = tlsa_lookup(host);
        let parts = self.writer.parts();
        let seen = ServerSeen {
            tlsa_set: lookup.filter(|lookup| is_answered(lookup)).map(|lookup| parts.tlsa_set(records(lookup))),
            ttl: lookup.and_then(ttl),
            dnssec: lookup.map(|lookup| lookup.status),
            reason: lookup.and_then(reason).map(|reason| parts.word(&reason)),
            signed: lookup.map(|lookup| lookup.signed),
            address_dnssec: Some(host.a.status.weakest(host.aaaa.status)),
            ..ServerSeen::default()
        };
        let raw: Vec<&str> = lookup.into_iter().flat_map(|lookup| &lookup.raw).map(String::as_str).collect();
        let notes = notes(lookup, self.rules);
        let name = lower(&host.host);
        if host.servers.is_empty() {
            let seen = ServerSeen { verdict: self.verdict(judged, None, host, verdict), ..seen };
            self.look(&ServerKey::new(&name, host.port, None), seen, notes, &raw);
        }
        for server in &host.servers {
            let of_address = judged.and_then(|judged| judged.servers.iter().find(|judged| judged.address == server.address));
            let meaning = self.verdict(judged, of_address, host, verdict);
            let shown = self.shown(server, server.tls.as_ref());
            let key = ServerKey::new(&name, host.port, Some(server.address));
            self.look(&key, ServerSeen { verdict: meaning, ..shown(seen) }, notes, &raw);
            for other in &server.others {
                let Shows::Other(tls) = &other.shows else { continue };
                let parts = self.writer.parts();
                let shown = ServerSeen {
                    chain: chain(parts, Some(tls)),
                    smtp_status: Some(parts.word(tls.error.as_ref().map_or("ok", |_| "tls-handshake-failure"))),
                    tls_version: tls.version.as_deref().map(|word| parts.word(word)),
                    tls_cipher: tls.cipher.as_deref().map(|word| parts.word(word)),
                    ..seen
                };
                self.look(&ServerKey { key_type: key_type(other.offer), ..key.clone() }, shown, notes, &raw);
            }
        }
    }

    /// What the server at an address showed, to be put over what the DNS says of its host.
    fn shown(&mut self, server: &AddressObservation, tls: Option<&TlsObservation>) -> impl Fn(ServerSeen) -> ServerSeen + use<> {
        let parts = self.writer.parts();
        let obstacle = dane::smtp::obstacle(server);
        let shown = ServerSeen {
            chain: chain(parts, tls),
            smtp_status: Some(parts.word(obstacle.map_or("ok", |cause| cause.code()))),
            smtp_code: obstacle.filter(|_| tls.is_none()).and_then(|_| code_in_the_way(server)),
            tls_version: tls.and_then(|tls| tls.version.as_deref()).map(|word| parts.word(word)),
            tls_cipher: tls.and_then(|tls| tls.cipher.as_deref()).map(|word| parts.word(word)),
            ..ServerSeen::default()
        };
        move |seen| ServerSeen {
            chain: shown.chain,
            smtp_status: shown.smtp_status,
            smtp_code: shown.smtp_code,
            tls_version: shown.tls_version,
            tls_cipher: shown.tls_cipher,
            ..seen
        }
    }

    fn verdict(&mut self, host: Option<&HostVerdict>, server: Option<&Judged>, observed: &HostObservation, all: &Verdict) -> ServerVerdict {
        let address = server.map(|server| server.address);
        let about = |finding: &&dane::verdict::Finding| {
            let everywhere = finding.address.is_none() && finding.addresses.is_empty();
            let here = address.is_some_and(|a| finding.address == Some(a) || finding.addresses.contains(&a));
            (finding.subject == observed.host || observed.tlsa.iter().any(|l| finding.subject == l.name)) && (everywhere || here)
        };
        let mut causes: Vec<&str> = all.findings.iter().filter(about).map(|finding| finding.cause.code()).collect();
        causes.sort_unstable();
        causes.dedup();
        ServerVerdict {
            paper_match: server.and_then(|server| server.paper_match),
            paper_valid: server.and_then(|server| server.paper_valid),
            rfc_action: host.map(|host| host.action),
            rfc_delivers: server.and_then(|server| server.rfc_delivers),
            causes: (!causes.is_empty()).then(|| self.writer.parts().word(&causes.join(" "))),
        }
    }

    fn domain(&mut self, observation: &Observation, verdict: &Verdict) {
        let DomainObservation { domain, zone, mx, .. } = &observation.domain;
        let name = lower(domain);
        let parts = self.writer.parts();
        let hosts = dane::mx::hosts(domain, mx);
        let of_hosts = |is: &dyn Fn(&HostObservation) -> bool| {
            let named = hosts.iter().filter(|mx| observation.hosts.iter().any(|host| host.host == mx.host && is(host)));
            u16::try_from(named.count()).unwrap_or(u16::MAX)
        };
        let named: Vec<(u16, String)> = hosts.iter().map(|mx| (mx.preference, lower(&mx.host))).collect();
        let servers = zone.as_ref().filter(|zone| is_answered(&zone.ns)).map(|zone| names_in(&zone.ns));
        let has = |lookup: Option<&Lookup>| lookup.filter(|lookup| is_answered(lookup)).map(|lookup| !lookup.records.is_empty());
        let seen = DomainSeen {
            tld: Some(parts.word(name.rsplit('.').next().unwrap_or_default())),
            mx_set: is_answered(mx).then(|| parts.mx_set(named.iter().map(|(preference, host)| (*preference, host.as_str())))),
            ns_set: servers.map(|names| parts.ns_set(names.iter().map(String::as_str))),
            addresses: of_hosts(&|host| !host.a.records.is_empty() || !host.aaaa.records.is_empty()),
            tlsa: of_hosts(&|host| host.tlsa.iter().any(|lookup| !lookup.records.is_empty())),
            hosts: u16::try_from(hosts.len()).unwrap_or(u16::MAX),
            ds: has(zone.as_ref().map(|zone| &zone.ds)),
            dnskey: has(zone.as_ref().map(|zone| &zone.dnskey)),
            signed: Some(mx.signed),
            status: Some(mx.status),
            reason: reason(mx).map(|reason| parts.word(&reason)),
            standing: Some(parts.word(verdict.standing.word())),
        };
        let key = parts.domain(&name);
        let raw: Vec<&str> = mx.raw.iter().map(String::as_str).collect();
        let is_new = self.writer.current_domain(self.vantage, key) != Some(&seen);
        let evidence = is_new.then(|| evidence(self.writer.parts(), &raw)).flatten();
        let notes = Notes { evidence_from: evidence, ..notes(Some(mx), self.rules) };
        self.domains.entry(key).or_insert(Look { key, seen, notes });
    }

    /// Raw answers are ever new: they are kept where a state begins.
    fn look(&mut self, key: &ServerKey, seen: ServerSeen, notes: Notes, raw: &[&str]) {
        let key = self.writer.parts().server(key);
        let is_new = self.writer.current(self.vantage, key) != Some(&seen);
        let evidence = is_new.then(|| evidence(self.writer.parts(), raw)).flatten();
        self.servers.entry(key).or_insert(Look { key, seen, notes: Notes { evidence_from: evidence, ..notes } });
    }
}

/// What a run stands for that is no round of a series: the time that it took.
fn alone(run: &RunObservation) -> u32 {
    let took = run.finished.unwrap_or(run.started).saturating_sub(run.started).saturating_add(1);
    u32::try_from(took.max(1)).unwrap_or(u32::MAX)
}

fn key_type(offer: ClientOffer) -> KeyType {
    match offer {
        ClientOffer::Rsa => KeyType::Rsa,
        ClientOffer::Ecdsa => KeyType::Ecdsa,
        ClientOffer::NoName => KeyType::NoName,
    }
}

/// The TLSA lookup with records, or the first.
fn tlsa_lookup(host: &HostObservation) -> Option<&Lookup> {
    host.tlsa.iter().find(|lookup| !lookup.records.is_empty()).or_else(|| host.tlsa.first())
}

/// Whether there was an answer, positive or negative, to be believed or not.
fn is_answered(lookup: &Lookup) -> bool {
    lookup.failure.is_none() && (!lookup.records.is_empty() || matches!(lookup.outcome(), Outcome::NoData | Outcome::NxDomain))
}

fn records(lookup: &Lookup) -> Vec<Tlsa> {
    lookup.records.iter().filter_map(|record| record.data.parse().ok()).collect()
}

/// As the signer has it: what a cache hands out counts down.
fn ttl(lookup: &Lookup) -> Option<u32> {
    let received = lookup.records.iter().map(|record| record.ttl).min()?;
    Some(lookup.signature.as_ref().map_or(received, |signature| signature.original_ttl))
}

/// A code: of validation, or of what failed.
fn reason(lookup: &Lookup) -> Option<String> {
    let of_failure = |failure: LookupFailure| serde_json::to_value(failure).ok()?.as_str().map(|code| format!("dns-{code}"));
    lookup.reason.as_ref().map(|reason| reason.code.clone()).or_else(|| lookup.failure.and_then(of_failure))
}

fn notes(lookup: Option<&Lookup>, rules: u16) -> Notes {
    let window = lookup.and_then(|lookup| lookup.signature.as_ref());
    let (sig_inception_s, sig_expiration_s): (Option<Epoch>, Option<Epoch>) = (window.map(|w| w.inception), window.map(|w| w.expiration));
    Notes { sig_inception_s, sig_expiration_s, rules, ..Notes::default() }
}

fn evidence(parts: &mut Parts, raw: &[&str]) -> Option<EvidenceId> {
    (!raw.is_empty()).then(|| parts.evidence(raw.iter().copied()))
}

fn chain(parts: &mut Parts, tls: Option<&TlsObservation>) -> Option<super::model::ChainId> {
    let chain = &tls?.chain;
    (!chain.is_empty()).then(|| parts.chain(chain.iter().map(|cert| &*cert.0)))
}

/// Code of the last reply in the clear, QUIT aside.
fn code_in_the_way(server: &AddressObservation) -> Option<u16> {
    let quits = |exchange: &Exchange| exchange.sent.as_deref().is_some_and(|sent| sent.eq_ignore_ascii_case("QUIT"));
    matches!(server.connect, Connect::Connected).then_some(())?;
    match &server.dialogue.iter().rfind(|exchange| !exchange.encrypted && !quits(exchange))?.got {
        Got::Reply { code, .. } => Some(*code),
        _ => None,
    }
}

fn lower(name: &Name) -> String {
    name.to_string().to_ascii_lowercase()
}

/// Names that records consist of.
fn names_in(lookup: &Lookup) -> Vec<String> {
    lookup.records.iter().map(|record| record.data.trim().trim_end_matches('.').to_ascii_lowercase()).collect()
}
