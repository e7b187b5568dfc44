//! What a domain says besides DANE: MTA-STS with its policy by HTTPS, TLS reporting, CAA.

use crate::config::{LookerConfig, Policies, Scope};
use crate::dns::Dns;
use crate::host::{Visits, addresses};
use crate::http::{Reading, ResponseReader};
use crate::look::now;
use crate::smtp::connect_failure;
use crate::tls::{Offer, Session, SessionError};
use crate::wire::Wire;
use dane::dns::{Lookup, Outcome};
use dane::name::Name;
use dane::observation::{CaaObservation, Connect, FetchAttempt, PoliciesObservation, PolicyFetch, TlsObservation};
use dane::policies::{octets, sts};
use domain::base::iana::Rtype;
use domain::base::name::NameBuilder;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Addresses of a policy host that are tried.
const ADDRESSES: usize = 4;
/// Names asked on the way up from one host.
const CLIMB: usize = 12;

/// Looks at the policies of domains.
pub(crate) struct PolicyLook {
    dns: Arc<dyn Dns>,
    visits: Arc<Visits>,
    which: Policies,
    dns_only: bool,
    port: u16,
    limits: Limits,
}

/// Time for a connection, a handshake, and all of a fetch.
struct Limits {
    connect: Duration,
    handshake: Duration,
    whole: Duration,
}

impl PolicyLook {
    pub(crate) fn new(dns: Arc<dyn Dns>, visits: Arc<Visits>, config: &LookerConfig) -> Self {
        let (connect, handshake) = (config.smtp.connect, config.smtp.handshake);
        Self {
            dns,
            visits,
            which: config.policies,
            dns_only: config.scope != Scope::Full,
            port: config.https_port,
            limits: Limits { connect, handshake, whole: config.smtp.visit },
        }
    }

    /// Looks as far as it is wanted. `None`: it is not, or the domain's DNS gave no answer, or says that there is no such domain.
    pub(crate) async fn observe(&self, domain: &Name, mx: &Lookup, hosts: &[Name]) -> Option<Box<PoliciesObservation>> {
        if self.which == Policies::Skip || mx.failure.is_some() || mx.outcome() == Outcome::NxDomain {
            return None;
        }
        let (sts, tlsrpt) = (below(&["_mta-sts"], domain)?, below(&["_smtp", "_tls"], domain)?);
        let (sts, tlsrpt) = tokio::join!(self.dns.lookup(&sts, Rtype::TXT), self.dns.lookup(&tlsrpt, Rtype::TXT));
        let mut seen = Box::new(PoliciesObservation { sts, tlsrpt, fetch: None, caa: Vec::new() });
        if self.which == Policies::All {
            let announced = announces(&seen.sts);
            let fetch = async { if announced { self.fetch(below(&["mta-sts"], domain)?).await } else { None } };
            (seen.fetch, seen.caa) = tokio::join!(fetch, self.issuers(hosts));
        }
        Some(seen)
    }

    /// R-140 rfc8659#3: CAA of each host, up to but not including the root.
    async fn issuers(&self, hosts: &[Name]) -> Vec<CaaObservation> {
        let mut searches = JoinSet::new();
        for (place, host) in hosts.iter().enumerate() {
            let (dns, host) = (Arc::clone(&self.dns), host.clone());
            searches.spawn(async move {
                let mut lookups = Vec::new();
                for name in host.iter_suffixes().filter(|n| !n.is_root()).take(CLIMB) {
                    let lookup = dns.lookup(&name, Rtype::CAA).await;
                    let found = matches!(lookup.outcome(), Outcome::Data | Outcome::Err);
                    lookups.push(lookup);
                    if found {
                        break;
                    }
                }
                (place, CaaObservation { host, lookups })
            });
        }
        let mut found: Vec<_> = searches.join_all().await;
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, search)| search).collect()
    }

    /// Fetches the policy from the first address that takes a connection. (R-081 rfc8461#3.3)
    async fn fetch(&self, host: Name) -> Option<PolicyFetch> {
        let (a, aaaa) = tokio::join!(self.dns.lookup(&host, Rtype::A), self.dns.lookup(&host, Rtype::AAAA));
        let mut attempts = Vec::new();
        for address in addresses(&a, &aaaa).into_iter().take(ADDRESSES) {
            let attempt = self.attempt(&host, address).await;
            let connected = attempt.connect == Connect::Connected;
            attempts.push(attempt);
            if connected {
                break;
            }
        }
        Some(PolicyFetch { host, a, aaaa, attempts })
    }

    async fn attempt(&self, host: &Name, address: IpAddr) -> FetchAttempt {
        let not_tried = |why: &str| Connect::NotTried { why: why.to_owned() };
        let mut record = FetchAttempt {
            address,
            transport_port: self.port,
            at: now(),
            connect: not_tried("dns-only"),
            tls: None,
            response: None,
            failure: None,
            elapsed_ms: 0,
        };
        if self.dns_only {
            return record;
        }
        if let Some(why) = self.visits.objection(host, address) {
            return FetchAttempt { connect: not_tried(why), ..record };
        }
        // One connection of many to this machine and its network: it waits in the same lines as those to mail servers.
        let Ok(_turn) = self.visits.turn(host, address, Instant::now() + self.limits.whole * 4).await else {
            return FetchAttempt { connect: not_tried("limit"), ..record };
        };
        record.at = now();
        let begun = Instant::now();
        let end = begun + self.limits.whole;
        match Wire::own(SocketAddr::new(address, self.port), begun + self.limits.connect).await {
            Ok(wire) => {
                record.connect = Connect::Connected;
                self.talk(host, wire, end, &mut record).await;
            }
            Err(broken) => record.connect = connect_failure(&broken),
        }
        record.elapsed_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        record
    }

    async fn talk(&self, host: &Name, mut wire: Wire, end: Instant, record: &mut FetchAttempt) {
        let mut handshake = match self.visits.visitor.engine().begin(Some(host), Offer::All) {
            Ok(handshake) => handshake,
            Err(error) => {
                record.tls = Some(TlsObservation { error: Some(error), ..TlsObservation::new("rustls") });
                return;
            }
        };
        let error = handshake.run(&mut wire, end.min(Instant::now() + self.limits.handshake)).await.err();
        let (tls, session) = handshake.end(error);
        record.tls = Some(tls);
        let Some(mut session) = session else { return };
        let mut reader = ResponseReader::default();
        let ended = exchange(&mut session, (&mut wire, end), host, &mut reader).await;
        record.failure = ended.err().map(str::to_owned);
        record.response = reader.response();
        session.close(&mut wire, end.min(Instant::now() + Duration::from_secs(1))).await;
    }
}

/// Asks for the policy and reads the answer.
async fn exchange(
    session: &mut Session,
    (wire, end): (&mut Wire, Instant),
    host: &Name,
    reader: &mut ResponseReader,
) -> Result<(), &'static str> {
    let request = format!(
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nUser-Agent: danelaw/{}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    session.send(wire, request.as_bytes(), end).await.map_err(|e| code(&e))?;
    loop {
        let mut reading = None;
        session.receive(wire, end, &mut |bytes| reading = Some(reader.feed(bytes))).await.map_err(|e| code(&e))?;
        match reading.unwrap_or_else(|| reader.end()) {
            Reading::More => {}
            Reading::Done => return Ok(()),
            Reading::Failed(why) => return Err(why),
        }
    }
}

fn code(error: &SessionError) -> &'static str {
    match error {
        SessionError::Engine(failure) if failure.kind == "message-too-large" => "too-large",
        SessionError::Engine(_) => "protocol-error",
        SessionError::Budget => "too-large",
        SessionError::Io(_) => "closed",
        SessionError::Late => "timeout",
    }
}

/// Whether there is a record that makes senders fetch a policy.
fn announces(lookup: &Lookup) -> bool {
    let texts: Vec<Vec<u8>> = lookup.records.iter().filter_map(|r| octets(&r.data)).collect();
    lookup.outcome() == Outcome::Data && matches!(sts::record(&texts), Some(Ok(_)))
}

/// A name below the domain; `None` if it would be too long.
fn below(labels: &[&str], domain: &Name) -> Option<Name> {
    let mut builder = NameBuilder::new_bytes();
    for label in labels {
        builder.append_label(label.as_bytes()).ok()?;
    }
    builder.append_origin(domain).ok()
}
