//! Records from zone-file text.

use dnssec::Name;
use domain::base::iana::Rtype;
use domain::base::name::ToName;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry as ZoneEntry, Zonefile};

/// A record: owner, TTL, type, data in wire form.
#[derive(Clone, Debug, PartialEq)]
pub struct Rr {
    pub owner: Name,
    pub ttl: u32,
    pub rtype: Rtype,
    pub data: Vec<u8>,
}

impl Rr {
    /// The name that is the data.
    pub fn target(&self) -> Option<Name> {
        Name::from_octets(bytes::Bytes::copy_from_slice(&self.data)).ok()
    }

    /// The type covered, of a signature.
    pub fn covers(&self) -> Option<Rtype> {
        (self.rtype == Rtype::RRSIG).then(|| Rtype::from_int(u16::from_be_bytes([self.data[0], self.data[1]])))
    }

    /// Is of one of these types, or a signature over one.
    pub fn is(&self, types: &[Rtype]) -> bool {
        types.contains(&self.rtype) || self.covers().is_some_and(|covered| types.contains(&covered))
    }
}

/// Reads one record in zone-file form; `None` if it cannot be read.
pub fn record(text: &str, origin: &str, ttl: u32) -> Option<Rr> {
    let mut zone = Zonefile::new();
    zone.extend_from_slice(format!("$ORIGIN {origin}\n$TTL {ttl}\n{text}\n").as_bytes());
    zone.set_default_class(domain::base::iana::Class::IN);
    let Ok(Some(ZoneEntry::Record(record))) = zone.next_entry() else { return None };
    let mut data = Vec::new();
    record.data().compose_rdata(&mut data).ok()?;
    // val_scrub_rr_length.rpl has an address of five octets; the upstream drops it.
    if record.rtype() == Rtype::A && data.len() != 4 {
        return None;
    }
    Some(Rr { owner: record.owner().to_bytes(), ttl: record.ttl().as_secs(), rtype: record.rtype(), data })
}
