//! The few DNS messages that an update needs. (RFC 1035 section 4, RFC 2136 section 2)

use super::change::{Change, TlsaSet};
use super::error::Why;
use bytes::Bytes;
use dane::name::Name;
use domain::base::iana::{Opcode, Rtype};
use domain::base::{Message, ParsedName, ToName, UnknownRecordData};
use domain::rdata::Cname;

const IN: u16 = 1;
/// RFC 2136 section 2.4: "is not there".
const NONE: u16 = 254;
/// RFC 2136 section 2.5: "all of them".
const ANY: u16 = 255;

/// The message that makes the change, in one step and only if `from` is there. (RFC 2136 section 2)
pub(crate) fn update(id: u16, zone: &Name, change: &Change) -> Result<Vec<u8>, Why> {
    let owner = &change.owner;
    let mut message = header(id, Opcode::UPDATE, zone, Rtype::SOA);
    let mut prerequisites = 0u16;
    if change.from.is_empty() {
        // RFC 2136 section 2.4.3: no such RRset. Beside a CNAME the update would be ignored without a word (section 3.4.2.2).
        for rtype in [Rtype::TLSA, Rtype::CNAME] {
            record(&mut message, owner, rtype, NONE, 0, &[])?;
            prerequisites += 1;
        }
    }
    // RFC 2136 section 2.4.2: exactly these records.
    for rdata in change.from.rdata() {
        record(&mut message, owner, Rtype::TLSA, IN, 0, rdata)?;
        prerequisites = prerequisites.checked_add(1).ok_or(Why::TooLarge)?;
    }
    let mut updates = 1u16;
    // RFC 2136 section 2.5.2: the whole RRset goes, so that all records of the new one have the new TTL.
    record(&mut message, owner, Rtype::TLSA, ANY, 0, &[])?;
    for rdata in change.to.rdata() {
        record(&mut message, owner, Rtype::TLSA, IN, change.ttl, rdata)?;
        updates = updates.checked_add(1).ok_or(Why::TooLarge)?;
    }
    count(&mut message, 6, prerequisites);
    count(&mut message, 8, updates);
    Ok(message)
}

/// A question to an authority.
pub(crate) fn query(id: u16, name: &Name, rtype: Rtype) -> Vec<u8> {
    header(id, Opcode::QUERY, name, rtype)
}

/// Header and one question (in an update: the zone).
fn header(id: u16, opcode: Opcode, name: &Name, rtype: Rtype) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[opcode.to_int() << 3, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend_from_slice(name.as_slice());
    message.extend_from_slice(&rtype.to_int().to_be_bytes());
    message.extend_from_slice(&IN.to_be_bytes());
    message
}

fn record(message: &mut Vec<u8>, owner: &Name, rtype: Rtype, class: u16, ttl: u32, rdata: &[u8]) -> Result<(), Why> {
    message.extend_from_slice(owner.as_slice());
    message.extend_from_slice(&rtype.to_int().to_be_bytes());
    message.extend_from_slice(&class.to_be_bytes());
    message.extend_from_slice(&ttl.to_be_bytes());
    message.extend_from_slice(&u16::try_from(rdata.len()).map_err(|_| Why::TooLarge)?.to_be_bytes());
    message.extend_from_slice(rdata);
    Ok(())
}

fn count(message: &mut [u8], at: usize, number: u16) {
    if let Some(octets) = message.get_mut(at..at + 2) {
        octets.copy_from_slice(&number.to_be_bytes());
    }
}

/// A reply that was verified.
#[derive(Debug)]
pub(crate) struct Reply<'a>(Message<&'a [u8]>);

impl<'a> Reply<'a> {
    /// Reads a reply to the message with this id.
    pub(crate) fn read(octets: &'a [u8], id: u16, opcode: Opcode) -> Result<Self, Why> {
        let message = Message::from_octets(octets).map_err(|_| Why::Malformed("it is shorter than a header"))?;
        let header = message.header();
        if !header.qr() || header.id() != id || header.opcode() != opcode {
            return Err(Why::Malformed("it is no answer to what was asked"));
        }
        if header.tc() {
            return Err(Why::Malformed("it is cut short"));
        }
        Ok(Self(message))
    }

    /// The response code of the header.
    pub(crate) fn rcode(&self) -> u8 {
        self.0.header().rcode().to_int()
    }

    /// The apex of the zone that `name` is in: the owner of the SOA record in answer or authority section.
    pub(crate) fn apex(&self, name: &Name) -> Option<Name> {
        let owner_of = |record: domain::base::ParsedRecord<'_, &[u8]>| {
            (record.rtype() == Rtype::SOA).then(|| record.owner().to_name::<Bytes>()).filter(|apex| name.ends_with(apex))
        };
        let answer = self.0.answer().ok()?.flatten().find_map(owner_of);
        answer.or_else(|| self.0.authority().ok()?.flatten().find_map(owner_of))
    }

    /// The TLSA records at `owner` in the answer section, and their TTL.
    pub(crate) fn tlsa(&self, owner: &Name) -> Option<(TlsaSet, Option<u32>)> {
        let (mut found, mut ttl) = (Vec::new(), None);
        for record in self.0.answer().ok()? {
            let record = record.ok()?;
            if record.rtype() == Rtype::TLSA && record.owner().name_eq(owner) {
                ttl = Some(record.ttl().as_secs());
                let record = record.to_record::<UnknownRecordData<_>>().ok()??;
                found.push(record.data().data().to_vec());
            }
        }
        Some((TlsaSet::from_rdata(found), ttl))
    }

    /// What `owner` is an alias of.
    pub(crate) fn alias(&self, owner: &Name) -> Option<Name> {
        let mut records = self.0.answer().ok()?.limit_to::<Cname<ParsedName<_>>>().flatten();
        records.find(|record| record.owner().name_eq(owner)).map(|record| record.data().cname().to_name::<Bytes>())
    }
}
