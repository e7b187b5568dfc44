//! Zones as master files. (RFC 1035 section 5, RFC 3597 for what has no other form)

use super::rdata::Rdata;
use super::zone::{Rrset, SignedZone};
use dane::name::{Name, fqdn};
use domain::base::iana::Rtype;
use domain::base::rdata::{ParseAnyRecordData, UnknownRecordData};
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use std::fmt::Write as _;

/// A signed zone as text: SOA first, then by name; NSEC3 records at the end.
pub fn text(apex: &Name, zone: &SignedZone) -> String {
    let mut out = String::new();
    if let Some(soa) = zone.nodes.get(apex).and_then(|n| n.get(Rtype::SOA)) {
        rrset(&mut out, apex, soa);
    }
    for (owner, node) in &zone.nodes {
        for set in node.rrsets.iter().filter(|r| !(r.rtype == Rtype::SOA && owner == apex)) {
            rrset(&mut out, owner, set);
        }
    }
    for (_, owner, set) in zone.nsec3.iter().flat_map(|chain| &chain.links) {
        rrset(&mut out, owner, set);
    }
    out
}

/// One record as a line without its end.
pub fn record(owner: &Name, ttl: u32, rtype: Rtype, data: &Rdata) -> String {
    format!("{}\t{ttl}\tIN\t{rtype}\t{}", fqdn(owner), data_text(rtype, data))
}

fn rrset(out: &mut String, owner: &Name, set: &Rrset) {
    for data in &set.data {
        let _ = writeln!(out, "{}", record(owner, set.ttl, set.rtype, data));
    }
    for data in &set.signatures {
        let _ = writeln!(out, "{}", record(owner, set.ttl, Rtype::RRSIG, data));
    }
}

fn data_text(rtype: Rtype, data: &Rdata) -> String {
    let mut parser = Parser::from_ref(data.as_ref());
    match AllRecordData::<_, domain::base::ParsedName<_>>::parse_any_rdata(rtype, &mut parser) {
        Ok(parsed) => parsed.display_zonefile(DisplayKind::Simple).to_string(),
        Err(_) => UnknownRecordData::from_octets(rtype, data).map(|d| d.to_string()).unwrap_or_default(),
    }
}
