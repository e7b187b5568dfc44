//! What a reply of an authoritative server means: pure.

use crate::wire::Reply;
use dnssec::{Name, Question, Relation, Response, Rrset};
use domain::base::iana::{OptRcode, Rtype};
use domain::base::name::NameBuilder;
use std::net::IpAddr;
use std::time::Duration;

/// Name servers taken from one delegation. Real ones have at most 13.
const MAX_SERVERS: usize = 32;
/// Addresses taken for one name server.
const MAX_ADDRESSES: usize = 16;
/// The longest that anything is kept.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Links of an alias chain looked for in one message; more than any chain may have.
const MAX_LINKS: usize = 16;
/// RRsets kept of an authority section: a referral or a proof has a handful, a chain of expanded wildcards some dozens.
const MAX_AUTHORITY: usize = 64;

/// A name server and the addresses that came with the delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    pub name: Name,
    pub addresses: Vec<IpAddr>,
}

/// What a reply means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The final word on the question, positive or negative.
    Word,
    /// Ask these.
    Referral { zone: Name, servers: Vec<NameServer>, ttl: Duration },
    /// An error code.
    ErrorCode(u16),
    /// The server does not serve the zone; how that shows.
    Lame(&'static str),
}

/// Reads the reply of a server of `zone`, and drops from it what is not `zone`'s to say. (R-125 rfc4035#4.9; RFC 2181 section 5.4.1)
pub fn read(reply: &mut Reply, zone: &Name, question: &Question) -> Meaning {
    let code = reply.response.rcode;
    if is_error(&reply.response) {
        return Meaning::ErrorCode(code);
    }
    let name_error = code == OptRcode::NXDOMAIN.to_int();
    let upward = reply.response.authority.iter().any(|set| set.rtype == Rtype::NS && zone.is_within(&set.owner));
    reply.response.answer.retain(|set| set.owner.is_within(zone));
    reply.response.authority.retain(|set| set.owner.is_within(zone));
    scrub(&mut reply.response, question);
    let response = &reply.response;
    if response.answer.iter().any(|set| answers(set, question)) {
        return if reply.aa || !reply.ra { Meaning::Word } else { Meaning::Lame("a resolver's cache answers, not an authority") };
    }
    let soa = soa_above(response, &question.name);
    if question.rtype == Rtype::DS && soa.is_some_and(|soa| soa.owner.is(&question.name) && !soa.owner.is(zone)) {
        return Meaning::Lame("asked for DS, which is the parent's, it answers for the child");
    }
    if soa.is_some() || name_error && reply.aa {
        return Meaning::Word;
    }
    let cut = response.authority.iter().find(|set| set.rtype == Rtype::NS && !set.owner.is(zone) && question.name.is_within(&set.owner));
    match cut {
        // A parent that knows nothing of DS refers to the child; there is nobody else to ask.
        Some(cut) if question.rtype == Rtype::DS && cut.owner.is(&question.name) => Meaning::Word,
        Some(cut) if !name_error => referral(cut, reply, zone),
        _ if reply.aa && !upward => Meaning::Word,
        _ if upward => Meaning::Lame("it refers to the zone itself or back up"),
        _ => Meaning::Lame("no answer, no referral, no SOA record"),
    }
}

/// Whether the response code says that there is no answer, neither yes nor no. What a DNAME makes too long (YXDOMAIN) is one.
pub fn is_error(response: &Response) -> bool {
    let answers = [OptRcode::NOERROR, OptRcode::NXDOMAIN].map(OptRcode::to_int).contains(&response.rcode);
    let too_long = response.rcode == OptRcode::YXDOMAIN.to_int() && has(&response.answer, Rtype::DNAME);
    !answers && !too_long
}

/// How it shows that the one who answers has this from others, or does not know the zone: his word is none about it.
pub fn hearsay(reply: &Reply, question: &Question) -> Option<&'static str> {
    let response = &reply.response;
    if reply.aa || is_error(response) {
        return None;
    }
    match response.answer.iter().any(|set| answers(set, question)) {
        true if reply.ra => Some("a resolver's cache answers, not an authority"),
        true => None,
        // A parent may refer to the child where it is asked for DS.
        false if question.rtype == Rtype::DS || soa_above(response, &question.name).is_some_and(|_| !reply.ra) => None,
        false => Some("no answer, and no authority for its absence"),
    }
}

/// Drops what does not belong to an answer to this question. A message holds thousands of RRsets and an alias chain many messages, so that
/// what nobody asked for would cost more than all the rest.
pub fn scrub(response: &mut Response, question: &Question) {
    let mut names = vec![question.name.clone()];
    while let Some(target) = names.last().and_then(|name| alias_target(&response.answer, name)) {
        if names.len() >= MAX_LINKS || names.contains(&target) {
            break;
        }
        names.push(target);
    }
    response.answer.retain(|set| match set.rtype {
        Rtype::DNAME => names.iter().any(|name| name.is_within(&set.owner)),
        rtype => (rtype == question.rtype || rtype == Rtype::CNAME || question.rtype == Rtype::ANY) && names.contains(&set.owner),
    });
    response.authority.retain(|set| matches!(set.rtype, Rtype::SOA | Rtype::NS | Rtype::DS | Rtype::NSEC | Rtype::NSEC3));
    response.authority.truncate(MAX_AUTHORITY);
}

/// Where a CNAME at `name`, or a DNAME above it, leads. (RFC 1034 section 3.6.2, RFC 6672 section 2.2)
pub fn alias_target(answer: &[Rrset], name: &Name) -> Option<Name> {
    let first = |set: &Rrset| Name::from_octets(set.data.first()?.clone()).ok();
    let cname = answer.iter().find(|set| set.rtype == Rtype::CNAME && set.owner.is(name));
    if let Some(target) = cname.and_then(first) {
        return Some(target);
    }
    let dname = answer.iter().find(|set| set.rtype == Rtype::DNAME && !set.owner.is(name) && name.is_within(&set.owner))?;
    let target = first(dname)?;
    let mut builder = NameBuilder::new_bytes();
    let kept = name.label_count().checked_sub(dname.owner.label_count())?;
    for label in name.iter().take(kept) {
        builder.append_label(label.as_slice()).ok()?;
    }
    builder.append_origin(&target).ok()
}

/// What a referral to `zone` says about its DS records, as the answer to a question for them; `None` if it has no proof of either kind.
/// (RFC 4035 section 3.1.4)
pub fn ds_beside(referral: &Response, zone: &Name) -> Option<Response> {
    let signed = || referral.authority.iter().filter(|set| !set.signatures.is_empty());
    let ds: Vec<Rrset> = signed().filter(|set| set.rtype == Rtype::DS && set.owner.is(zone)).cloned().collect();
    let denial: Vec<Rrset> = signed().filter(|set| matches!(set.rtype, Rtype::NSEC | Rtype::NSEC3)).cloned().collect();
    if ds.is_empty() && denial.is_empty() {
        return None;
    }
    let authority = if ds.is_empty() { denial } else { Vec::new() };
    Some(Response { rcode: OptRcode::NOERROR.to_int(), answer: ds, authority })
}

/// What the authoritative answer to a question for SOA says beside it about the zone's own NS records, as the answer to a question for
/// them. (RFC 2181 section 5.4.1 ranks it next to that)
pub fn ns_beside(reply: &Reply, question: &Question) -> Option<Response> {
    if question.rtype != Rtype::SOA || !reply.aa || !has(&reply.response.answer, Rtype::SOA) {
        return None;
    }
    let response = &reply.response;
    let ns = response.authority.iter().find(|set| set.rtype == Rtype::NS && set.owner.is(&question.name))?;
    // A server may leave signatures out of this section only, where they do not fit; asked directly, it shows them.
    if ns.signatures.is_empty() && response.answer.iter().any(|set| !set.signatures.is_empty()) {
        return None;
    }
    Some(Response { rcode: OptRcode::NOERROR.to_int(), answer: vec![ns.clone()], authority: Vec::new() })
}

/// The SOA record of a negative answer: of a zone that `name` is in.
pub fn soa_above<'a>(response: &'a Response, name: &Name) -> Option<&'a Rrset> {
    response.authority.iter().find(|set| set.rtype == Rtype::SOA && name.is_within(&set.owner))
}

/// TTL of a negative answer: the lesser of the SOA record's TTL and its MINIMUM field. (RFC 2308 section 5)
pub fn negative_ttl(soa: &Rrset) -> Option<u32> {
    let minimum: [u8; 4] = soa.data.first()?.last_chunk().copied()?;
    Some(soa.ttl.min(u32::from_be_bytes(minimum)))
}

/// How long a final word may be given again. TTL 0 serves only those who ask at the same time. (R-113 rfc4035#5.3.3)
pub fn lifetime(response: &Response) -> Duration {
    let positive = response.answer.iter().map(|set| set.ttl);
    let proofs = response.authority.iter().filter(|set| matches!(set.rtype, Rtype::NSEC | Rtype::NSEC3)).map(|set| set.ttl);
    let negative = response.authority.iter().filter(|set| set.rtype == Rtype::SOA).filter_map(negative_ttl);
    let ttl = positive.chain(proofs).chain(negative).min().unwrap_or(0);
    Duration::from_secs(u64::from(ttl)).min(LONGEST)
}

fn has(sets: &[Rrset], rtype: Rtype) -> bool {
    sets.iter().any(|set| set.rtype == rtype)
}

/// Whether an RRset answers the question, or is an alias on the way to the answer.
fn answers(set: &Rrset, question: &Question) -> bool {
    if set.owner.is(&question.name) {
        set.rtype == question.rtype || set.rtype == Rtype::CNAME || question.rtype == Rtype::ANY
    } else {
        set.rtype == Rtype::DNAME && question.name.is_within(&set.owner)
    }
}

fn referral(cut: &Rrset, reply: &Reply, zone: &Name) -> Meaning {
    let names = cut.data.iter().filter_map(|data| Name::from_octets(data.clone()).ok()).take(MAX_SERVERS);
    let servers = names.map(|name| {
        // An address is believed only of names that the referring zone can speak for.
        let ours = name.is_within(zone);
        let glue = reply.glue.iter().filter(|(owner, _)| ours && *owner == name).map(|(_, ip)| *ip);
        NameServer { addresses: glue.take(MAX_ADDRESSES).collect(), name }
    });
    Meaning::Referral {
        zone: cut.owner.clone(),
        servers: servers.collect(),
        ttl: Duration::from_secs(u64::from(cut.ttl)).clamp(Duration::from_secs(60), LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use dnssec::Rrsig;

    fn set(rtype: Rtype, signed: bool) -> Rrset {
        let name: Name = "example.nl".parse().unwrap();
        let signature = Rrsig {
            type_covered: rtype,
            algorithm: 13,
            labels: 2,
            original_ttl: 60,
            expiration: 1,
            inception: 0,
            key_tag: 1,
            signer: name.clone(),
            signature: Bytes::new(),
        };
        let signatures = if signed { vec![signature] } else { Vec::new() };
        Rrset { owner: name, rtype, ttl: 60, data: vec![Bytes::from_static(b"\x02ns\x00")], signatures }
    }

    #[test]
    fn ns_records_beside_a_soa_are_taken_only_whole() {
        let question = Question { name: "EXAMPLE.nl".parse().unwrap(), rtype: Rtype::SOA };
        let taken = |aa, soa: Rrset, ns: Rrset| {
            let response = Response { rcode: 0, answer: vec![soa], authority: vec![ns] };
            let reply = Reply { raw: Bytes::new(), aa, ra: false, tc: false, edns: true, response, glue: Vec::new() };
            ns_beside(&reply, &question).is_some()
        };
        assert!(taken(true, set(Rtype::SOA, true), set(Rtype::NS, true)));
        assert!(taken(true, set(Rtype::SOA, false), set(Rtype::NS, false)));
        assert!(!taken(true, set(Rtype::SOA, true), set(Rtype::NS, false)), "its signatures were left out");
        assert!(!taken(false, set(Rtype::SOA, true), set(Rtype::NS, true)), "no authority");
        let elsewhere = Rrset { owner: "nl".parse().unwrap(), ..set(Rtype::NS, true) };
        assert!(!taken(true, set(Rtype::SOA, true), elsewhere));
    }
}
