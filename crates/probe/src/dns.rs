//! What a looker needs of the DNS, and how `resolve` provides it.

use dane::Epoch;
use dane::dns::{Alias, Lookup, LookupFailure, Record, Security, SecurityReason, SignatureWindow};
use dane::name::Name;
use data_encoding::BASE64;
use domain::base::iana::Rtype;
use resolve::{AnchorCheck, Answer, Failure, Interception, Mode, Question, Whom};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

/// A question under way.
pub type DnsFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Name servers with their addresses.
pub type Servers = Vec<(Name, Vec<IpAddr>)>;

/// A validating source of DNS answers: `resolve::Resolver`, or a table in tests.
pub trait Dns: Send + Sync {
    /// Asks, follows aliases, validates. Never fails: failure is inside.
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup>;

    /// The apex of the zone that `name` lies in, by its SOA.
    fn zone_apex<'a>(&'a self, name: &'a Name) -> DnsFuture<'a, Option<Name>>;

    /// The name servers of a zone with their addresses. None where they cannot be asked one by one.
    fn name_servers<'a>(&'a self, _apex: &'a Name) -> DnsFuture<'a, Servers> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// A zone's servers as its parent names them, with their addresses. `None`: not known.
    fn delegation<'a>(&'a self, _apex: &'a Name) -> DnsFuture<'a, Option<Servers>> {
        Box::pin(std::future::ready(None))
    }

    /// What this server of the name's zone says, validated. What it says without being an authority is a failure.
    fn lookup_at<'a>(&'a self, _server: IpAddr, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        self.lookup(name, rtype)
    }

    /// Whether this server answers for its zone over TCP. `None`: not known.
    fn answers_over_tcp<'a>(&'a self, _server: IpAddr, _apex: &'a Name) -> DnsFuture<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether the trust anchor in use fits the keys that the root (or the anchored zone) shows. `None`: not known.
    fn anchor_current(&self) -> DnsFuture<'_, Option<bool>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether somebody answers DNS queries in the place of the servers asked. `None`: not known.
    fn intercepted(&self) -> DnsFuture<'_, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}

impl Dns for resolve::Resolver {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        Box::pin(async move { lookup_record(&*resolve::Resolver::lookup(self, name, rtype).await) })
    }

    fn zone_apex<'a>(&'a self, name: &'a Name) -> DnsFuture<'a, Option<Name>> {
        Box::pin(resolve::Resolver::zone_apex(self, name))
    }

    fn name_servers<'a>(&'a self, apex: &'a Name) -> DnsFuture<'a, Servers> {
        Box::pin(async move {
            match self.config().mode {
                Mode::Iterative { .. } => resolve::Resolver::name_servers(self, apex).await.unwrap_or_default(),
                // An upstream stands between them and us.
                Mode::Upstream(_) => Vec::new(),
            }
        })
    }

    fn delegation<'a>(&'a self, apex: &'a Name) -> DnsFuture<'a, Option<Servers>> {
        Box::pin(async move {
            match self.config().mode {
                Mode::Iterative { .. } => resolve::Resolver::delegation(self, apex).await,
                Mode::Upstream(_) => None,
            }
        })
    }

    fn lookup_at<'a>(&'a self, server: IpAddr, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        Box::pin(async move { lookup_record(&resolve::Resolver::lookup_at(self, server, name, rtype).await) })
    }

    fn answers_over_tcp<'a>(&'a self, server: IpAddr, apex: &'a Name) -> DnsFuture<'a, Option<bool>> {
        Box::pin(async move {
            let question = Question { name: apex.clone(), rtype: Rtype::SOA };
            resolve::Resolver::answers_over_tcp(self, server, &question).await.ok()
        })
    }

    fn anchor_current(&self) -> DnsFuture<'_, Option<bool>> {
        Box::pin(async {
            match self.check_anchor().await {
                AnchorCheck::Fits => Some(true),
                AnchorCheck::Mismatch(_) => Some(false),
                AnchorCheck::Clock(_) | AnchorCheck::NoRootAnchor | AnchorCheck::CouldNotLook(_) => None,
            }
        })
    }

    fn intercepted(&self) -> DnsFuture<'_, Option<bool>> {
        Box::pin(async {
            match self.check_interception(None).await {
                Interception::Seen(_) => Some(true),
                Interception::NotSeen => Some(false),
                Interception::CouldNotLook(_) => None,
            }
        })
    }
}

/// An answer of the resolver in the form in which observations keep it. Raw messages only where the answer is not secure.
#[must_use]
pub fn lookup_record(answer: &Answer) -> Lookup {
    let secure = answer.is_secure();
    // Of a bogus answer, too: whoever acts on a lookup asks its status first, and whoever counts wants to know what stands there.
    let set = answer.rrset.as_ref().or(answer.received.as_ref());
    let records = set.map(|set| {
        let record = |text| Record { owner: set.owner.clone(), ttl: set.ttl, data: text };
        set.data.iter().map(|data| record(resolve::data_text(set.rtype, data))).collect()
    });
    let proof = answer.signature.as_ref().map(|s| SignatureWindow {
        signer: s.signer.clone(),
        key_tag: s.key_tag,
        algorithm: s.algorithm,
        inception: s.inception,
        expiration: s.expiration,
        original_ttl: s.original_ttl,
    });
    Lookup {
        name: answer.question.name.clone(),
        rtype: answer.question.rtype,
        at: answer.at,
        status: security(answer.status),
        failure: answer.failure.map(failure),
        failure_detail: answer.failure_detail.clone(),
        failed_zone: match &answer.failed {
            Some(Whom::Zone(zone)) => Some(zone.clone()),
            Some(Whom::Upstream) | None => None,
        },
        failed_upstream: answer.failed == Some(Whom::Upstream),
        rcode: answer.rcode,
        reason: answer.reason.as_ref().map(|r| SecurityReason {
            code: r.code.to_string(),
            at_name: r.at_name.clone(),
            at_type: r.at_type,
            detail: r.detail.clone(),
            ede: r.ede.into_iter().collect(),
        }),
        aliases: answer
            .aliases
            .iter()
            .map(|l| Alias { owner: l.owner.clone(), target: l.target.clone(), ttl: l.ttl, status: security(l.status) })
            .collect(),
        records: records.unwrap_or_default(),
        signed: set.is_some_and(|set| !set.signatures.is_empty()),
        signature: proof.or_else(|| set.filter(|_| answer.status == resolve::Security::Insecure).and_then(|set| unproven(set, answer.at))),
        negative_ttl: answer.negative_ttl,
        server: answer.server,
        bogus_servers: answer.bogus_servers.clone(),
        elapsed_ms: u32::try_from(answer.elapsed.as_millis()).unwrap_or(u32::MAX),
        raw: if secure { Vec::new() } else { answer.raw.iter().map(|m| BASE64.encode(m)).collect() },
    }
}

/// The longest of the signatures over an insecure RRset: whoever adds a DS record has to know whether they would hold.
fn unproven(set: &resolve::Rrset, at: Epoch) -> Option<SignatureWindow> {
    // RFC 4034 section 3.1.5: serial numbers near the present.
    let now = u32::try_from(at.rem_euclid(1 << 32)).unwrap_or(0);
    let moment = |serial: u32| at.saturating_add(i64::from(serial.wrapping_sub(now).cast_signed()));
    let window = |s: &resolve::Rrsig| SignatureWindow {
        signer: s.signer.clone(),
        key_tag: s.key_tag,
        algorithm: s.algorithm,
        inception: moment(s.inception),
        expiration: moment(s.expiration),
        original_ttl: s.original_ttl,
    };
    set.signatures.iter().map(window).max_by_key(|w| w.expiration)
}

fn security(status: resolve::Security) -> Security {
    match status {
        resolve::Security::Secure => Security::Secure,
        resolve::Security::Insecure => Security::Insecure,
        resolve::Security::Bogus => Security::Bogus,
        resolve::Security::Indeterminate => Security::Indeterminate,
    }
}

fn failure(failure: Failure) -> LookupFailure {
    match failure {
        Failure::Timeout => LookupFailure::Timeout,
        Failure::Unreachable => LookupFailure::Unreachable,
        Failure::Servfail => LookupFailure::Servfail,
        Failure::Refused => LookupFailure::Refused,
        Failure::Notimp => LookupFailure::Notimp,
        Failure::ErrorCode => LookupFailure::ErrorCode,
        Failure::Malformed => LookupFailure::Malformed,
        Failure::AliasLoop => LookupFailure::AliasLoop,
        Failure::DelegationLoop => LookupFailure::DelegationLoop,
        Failure::Budget => LookupFailure::Budget,
    }
}
