//! A DNS response with a TLSA set, as unbound hands it on. (RFC 1035 section 4)

use crate::dns::rdata;
use dane::Epoch;
use dane::tlsa::Tlsa;

const TLSA: u16 = 52;
const RRSIG: u16 = 46;
const IN: u16 = 1;
/// The question's name, wherever it stands again. (RFC 1035 section 4.1.4)
const SAME_NAME: [u8; 2] = [0xc0, 0x0c];

/// Whether the response carries a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// One RRSIG record, of 64 octets that nobody can verify.
    Yes,
    /// None.
    No,
}

/// The response to the question for the TLSA set of a host's port 25.
pub fn response(host: &str, records: &[Tlsa], ttl: u32, signed: Signed, at: Epoch) -> Vec<u8> {
    let name = rdata::name(&format!("_25._tcp.{host}."));
    let count = records.len() as u16 + u16::from(signed == Signed::Yes);
    // An answer to a recursive question; one question, no other section.
    let mut out = [&[0, 0, 0x81, 0x80, 0, 1][..], &count.to_be_bytes(), &[0; 4], name.as_slice()].concat();
    out.extend(TLSA.to_be_bytes().into_iter().chain(IN.to_be_bytes()));
    for record in records {
        answer(&mut out, TLSA, ttl, &record.to_rdata());
    }
    if signed == Signed::Yes {
        let labels = host.split('.').count() as u8 + 2;
        let signer = rdata::name(&format!("{}.", host.split_once('.').map_or(host, |(_, zone)| zone)));
        let (inception, expiration) = super::signature(at);
        let window = [expiration, inception].map(|time| (time as u32).to_be_bytes());
        // ECDSA P-256. (RFC 4034 section 3.1)
        let head = [&TLSA.to_be_bytes()[..], &[13, labels], &ttl.to_be_bytes(), &window[0], &window[1], &[0x30, 0x39]].concat();
        answer(&mut out, RRSIG, ttl, &[&head, signer.as_slice(), &[0xab; 64]].concat());
    }
    out
}

fn answer(out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    out.extend(SAME_NAME);
    out.extend(rtype.to_be_bytes());
    out.extend(IN.to_be_bytes());
    out.extend(ttl.to_be_bytes());
    out.extend((rdata.len() as u16).to_be_bytes());
    out.extend_from_slice(rdata);
}
