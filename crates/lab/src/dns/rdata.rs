//! Record data as it goes over the wire: uncompressed, names in lower case, so that it is its own canonical form.

use bytes::Bytes;
use dane::name::Name;
use domain::base::iana::Rtype;
use domain::rdata::dnssec::RtypeBitmap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Record data.
pub type Rdata = Bytes;

/// A name from text that the lab itself wrote.
pub fn name(text: &str) -> Name {
    Name::from_chars(text.chars()).unwrap_or_else(|error| panic!("the lab made the name '{text}': {error}"))
}

/// `label.parent`.
pub fn below(label: &str, parent: &Name) -> Name {
    let text = if parent.is_root() { format!("{label}.") } else { format!("{label}.{parent}.") };
    name(&text)
}

/// A.
pub fn a(address: Ipv4Addr) -> Rdata {
    Bytes::copy_from_slice(&address.octets())
}

/// AAAA.
pub fn aaaa(address: Ipv6Addr) -> Rdata {
    Bytes::copy_from_slice(&address.octets())
}

/// NS, CNAME and all else that is only a name.
pub fn target(name: &Name) -> Rdata {
    Bytes::copy_from_slice(name.as_slice())
}

/// MX.
pub fn mx(preference: u16, exchange: &Name) -> Rdata {
    [&preference.to_be_bytes(), exchange.as_slice()].concat().into()
}

/// SOA: first name server, the rest with fixed timers. The last is the TTL of negative answers.
pub fn soa(mname: &Name, rname: &Name, serial: u32, negative_ttl: u32) -> Rdata {
    let mut out = [mname.as_slice(), rname.as_slice()].concat();
    for number in [serial, 3600, 600, 86_400, negative_ttl] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.into()
}

/// TXT with one string.
pub fn txt(text: &str) -> Rdata {
    let text = &text.as_bytes()[..text.len().min(255)];
    [&[text.len() as u8], text].concat().into()
}

/// CAA. (RFC 8659 section 4.1)
pub fn caa(tag: &str, value: &str) -> Rdata {
    [&[0, tag.len() as u8][..], tag.as_bytes(), value.as_bytes()].concat().into()
}

/// NSEC.
pub fn nsec(next: &Name, types: &[Rtype]) -> Rdata {
    [next.as_slice(), &bitmap(types)].concat().into()
}

/// NSEC3 with SHA-1 and no salt.
pub fn nsec3(flags: u8, iterations: u16, next: &[u8; 20], types: &[Rtype]) -> Rdata {
    let [high, low] = iterations.to_be_bytes();
    [&[1, flags, high, low, 0, 20], next.as_slice(), &bitmap(types)].concat().into()
}

/// NSEC3PARAM with SHA-1 and no salt.
pub fn nsec3param(iterations: u16) -> Rdata {
    let [high, low] = iterations.to_be_bytes();
    Bytes::copy_from_slice(&[1, 0, high, low, 0])
}

/// The bitmap of an NSEC or NSEC3 record. (RFC 4034 section 4.1.2)
pub fn bitmap(types: &[Rtype]) -> Vec<u8> {
    let mut builder = RtypeBitmap::<Vec<u8>>::builder();
    for rtype in types {
        // Appending to a vector cannot fail.
        let _ = builder.add(*rtype);
    }
    builder.finalize().as_slice().to_vec()
}
