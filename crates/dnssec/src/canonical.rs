//! Where names stand inside record data, and the canonical form that is signed. (RFC 4034 section 6)

use std::ops::Range;

use domain::base::iana::Rtype;

use crate::wire::{Malformed, Reader};

/// A field of record data.
#[derive(Clone, Copy)]
enum Field {
    /// So many octets.
    Fixed(usize),
    /// A length octet and as many octets.
    Text,
    /// A domain name.
    Name,
    /// The tail of an A6 record: prefix length, address suffix, name if the prefix length is not 0. (RFC 2874 section 3.1)
    A6,
    /// Whatever follows.
    Rest,
}

/// Layout of the types whose names may be compressed in messages and are lowercased when signed. Other types are opaque.
// R-113 rfc4034#6.2 rfc6840#5.1   R-128 rfc3597#4
fn layout(rtype: Rtype) -> &'static [Field] {
    use Field::{A6, Fixed, Name, Rest, Text};
    match rtype {
        Rtype::A => &[Fixed(4)],
        Rtype::AAAA => &[Fixed(16)],
        Rtype::NS | Rtype::MD | Rtype::MF | Rtype::CNAME | Rtype::MB | Rtype::MG | Rtype::MR | Rtype::PTR | Rtype::DNAME => &[Name],
        Rtype::SOA => &[Name, Name, Fixed(20)],
        Rtype::MINFO | Rtype::RP => &[Name, Name],
        Rtype::MX | Rtype::AFSDB | Rtype::RT | Rtype::KX => &[Fixed(2), Name],
        Rtype::PX => &[Fixed(2), Name, Name],
        Rtype::SRV => &[Fixed(6), Name],
        Rtype::NAPTR => &[Fixed(4), Text, Text, Text, Name],
        Rtype::SIG | Rtype::RRSIG => &[Fixed(18), Name, Rest],
        Rtype::NXT => &[Name, Rest],
        Rtype::A6 => &[A6],
        _ => &[Rest],
    }
}

/// Appends record data out of a message, with names uncompressed. The reader is limited to the data.
pub(crate) fn read_rdata(rtype: Rtype, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    for field in layout(rtype) {
        match *field {
            Field::Fixed(len) => out.extend_from_slice(reader.octets(len)?),
            Field::Text => {
                let len = reader.u8()?;
                out.push(len);
                out.extend_from_slice(reader.octets(len.into())?);
            }
            Field::Name => reader.name_into(out)?,
            Field::A6 => {
                let prefix = reader.u8()?;
                out.push(prefix);
                out.extend_from_slice(reader.octets(a6_suffix(prefix))?);
                if prefix != 0 {
                    reader.name_into(out)?;
                }
            }
            Field::Rest => out.extend_from_slice(reader.octets(reader.remaining())?),
        }
    }
    if reader.remaining() == 0 { Ok(()) } else { Err(Malformed("trailing octets in record data")) }
}

/// Octets of the address suffix of an A6 record.
fn a6_suffix(prefix: u8) -> usize {
    (128usize.saturating_sub(prefix.into())).div_ceil(8)
}

/// Appends record data in canonical form: names of the listed types in lower case.
// R-113 rfc4034#6.2
pub(crate) fn push_canonical_rdata(rtype: Rtype, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(data);
    let Some(copy) = out.get_mut(start..) else { return };
    let mut rest = copy;
    for field in layout(rtype) {
        let used = match *field {
            Field::Fixed(len) => len,
            Field::Text => 1 + usize::from(rest.first().copied().unwrap_or(0)),
            Field::Name => lowercase_name(rest),
            Field::A6 => {
                let prefix = rest.first().copied().unwrap_or(0);
                let suffix = 1 + a6_suffix(prefix);
                suffix + if prefix == 0 { 0 } else { rest.get_mut(suffix..).map_or(0, lowercase_name) }
            }
            Field::Rest => rest.len(),
        };
        let Some(next) = std::mem::take(&mut rest).get_mut(used..) else { return };
        rest = next;
    }
}

/// Lowers the case of an uncompressed name at the start of `wire`; returns its length.
fn lowercase_name(wire: &mut [u8]) -> usize {
    let mut pos = 0;
    while let Some(&len) = wire.get(pos) {
        let end = pos + 1 + usize::from(len);
        if let Some(label) = wire.get_mut(pos + 1..end) {
            label.make_ascii_lowercase();
        }
        pos = end;
        if len == 0 {
            break;
        }
    }
    pos
}

/// Appends an uncompressed name in lower case.
pub(crate) fn push_canonical_name(name: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name);
    if let Some(copy) = out.get_mut(start..) {
        // Length octets are below 64 and so below the letters.
        copy.make_ascii_lowercase();
    }
}

/// Records of an RRset in canonical form and order, without duplicates.
// R-113 rfc4034#6.3
pub(crate) struct Canonical {
    octets: Vec<u8>,
    /// Where each record stands.
    places: Vec<Range<usize>>,
}

impl Canonical {
    /// Brings records into that form.
    pub(crate) fn new<D: AsRef<[u8]>>(rtype: Rtype, data: &[D]) -> Self {
        let mut octets = Vec::with_capacity(data.iter().map(|record| record.as_ref().len()).sum());
        let mut places = Vec::with_capacity(data.len());
        for record in data {
            let start = octets.len();
            push_canonical_rdata(rtype, record.as_ref(), &mut octets);
            places.push(start..octets.len());
        }
        let record = |place: &Range<usize>| octets.get(place.clone());
        places.sort_unstable_by(|a, b| record(a).cmp(&record(b)));
        places.dedup_by(|a, b| record(a) == record(b));
        Self { octets, places }
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.octets.get(place.clone()))
    }
}
