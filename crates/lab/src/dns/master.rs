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
    let text = generic_text(rtype, data);
    if rtype != Rtype::RRSIG {
        return text;
    }
    // RFC 4034 section 3.2 allows seconds since 1970, but NSD 4.6 reads them as a date of the year 1796.
    let dated = |(at, word): (usize, &str)| match word.parse() {
        Ok(seconds) if at == 4 || at == 5 => date(seconds),
        _ => word.to_owned(),
    };
    text.split(' ').enumerate().map(dated).collect::<Vec<_>>().join(" ")
}

/// `YYYYMMDDHHmmSS` in UTC. (Days to a date: Hinnant, "chrono-compatible low-level date algorithms", for dates after 1970)
fn date(seconds: u32) -> String {
    let (day, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", second / 3_600, second / 60 % 60, second % 60)
}

fn generic_text(rtype: Rtype, data: &Rdata) -> String {
    let mut parser = Parser::from_ref(data.as_ref());
    match AllRecordData::<_, domain::base::ParsedName<_>>::parse_any_rdata(rtype, &mut parser) {
        Ok(parsed) => parsed.display_zonefile(DisplayKind::Simple).to_string(),
        Err(_) => UnknownRecordData::from_octets(rtype, data).map(|d| d.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // From `date -u -d @N +%Y%m%d%H%M%S`.
        assert_eq!(date(0), "19700101000000");
        assert_eq!(date(951_782_399), "20000228235959");
        assert_eq!(date(951_782_400), "20000229000000");
        assert_eq!(date(1_796_554_005), "20261206104645");
        assert_eq!(date(u32::MAX), "21060207062815");
    }
}
