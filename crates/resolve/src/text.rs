//! Record data in presentation form.

use bytes::Bytes;
use data_encoding::{BASE64, Encoding, HEXLOWER, HEXUPPER};
use dnssec::Name;
use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::ParseAnyRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use std::io::Write as _;

/// Wire form to presentation form; to that of RFC 3597 (`\# 2 0301`) if the type is unknown or the data is not what the type wants.
// R-047 rfc3597#5, R-128 rfc3597#5
pub fn data(rtype: Rtype, wire: &[u8]) -> String {
    let mut out = Vec::with_capacity(64);
    push_data(rtype, wire, &mut out);
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// As [`data`], appended: ASCII.
pub fn push_data(rtype: Rtype, wire: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if push_common(rtype, wire, out).is_none() {
        out.truncate(start);
        out.extend_from_slice(any(rtype, wire).as_bytes());
    }
}

/// A name as it prints: without the final dot, unless it is the root. Appended: ASCII.
pub fn push_name_text(name: &Name, out: &mut Vec<u8>) {
    let start = out.len();
    if push_name(name.as_slice(), out).is_none() {
        out.truncate(start);
        // Writing to memory does not fail.
        let _ = write!(out, "{name}");
    } else if out.len() > start + 1 {
        out.pop();
    }
}

/// Any type, by the library that knows them all.
fn any(rtype: Rtype, wire: &[u8]) -> String {
    let wire = Bytes::copy_from_slice(wire);
    let mut parser = Parser::from_ref(&wire);
    let known = AllRecordData::<Bytes, ParsedName<Bytes>>::parse_any_rdata(rtype, &mut parser);
    match known {
        Ok(data) if parser.remaining() == 0 && !matches!(data, AllRecordData::Unknown(_)) && rtype != Rtype::TLSA => {
            data.display_zonefile(DisplayKind::Simple).to_string()
        }
        _ => unknown(&wire),
    }
}

/// The types that a survey meets by the million. `None`, perhaps with a part written, if the data is not just as usual.
fn push_common(rtype: Rtype, wire: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match rtype {
        Rtype::A => {
            let [a, b, c, d] = *<&[u8; 4]>::try_from(wire).ok()?;
            push_numbers(&[a.into(), b.into(), c.into(), d.into()], b'.', out);
        }
        // Writing to memory does not fail.
        Rtype::AAAA => write!(out, "{}", std::net::Ipv6Addr::from(<[u8; 16]>::try_from(wire).ok()?)).ok()?,
        Rtype::NS | Rtype::CNAME | Rtype::PTR => push_name(wire, out).filter(|rest| rest.is_empty()).map(drop)?,
        Rtype::MX => {
            let (preference, name) = wire.split_first_chunk::<2>()?;
            push_numbers(&[u16::from_be_bytes(*preference).into()], b' ', out);
            out.push(b' ');
            push_name(name, out).filter(|rest| rest.is_empty())?;
        }
        Rtype::SOA => {
            let rest = push_name(wire, out)?;
            out.push(b' ');
            let (numbers, []) = push_name(rest, out)?.as_chunks::<4>() else { return None };
            let numbers: [u32; 5] = <[[u8; 4]; 5]>::try_from(numbers).ok()?.map(u32::from_be_bytes);
            out.push(b' ');
            push_numbers(&numbers, b' ', out);
        }
        Rtype::DNSKEY => {
            let (head, key) = wire.split_first_chunk::<4>()?;
            let [f0, f1, protocol, algorithm] = *head;
            push_numbers(&[u16::from_be_bytes([f0, f1]).into(), protocol.into(), algorithm.into()], b' ', out);
            push_encoded(&BASE64, key, out)?;
        }
        Rtype::DS => {
            let (head, digest) = wire.split_first_chunk::<4>()?;
            let [t0, t1, algorithm, digest_type] = *head;
            push_numbers(&[u16::from_be_bytes([t0, t1]).into(), algorithm.into(), digest_type.into()], b' ', out);
            push_encoded(&HEXUPPER, digest, out)?;
        }
        // Numbers and lower-case hexadecimal, in one piece. Without association data there is no form that could be read back.
        // (RFC 6698 section 2.2)
        Rtype::TLSA => {
            let (head, association) = wire.split_first_chunk::<3>()?;
            push_numbers(&head.map(u32::from), b' ', out);
            push_encoded(&HEXLOWER, association, out)?;
        }
        _ => return None,
    }
    Some(())
}

/// Numbers with something between them.
fn push_numbers(numbers: &[u32], between: u8, out: &mut Vec<u8>) {
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            out.push(between);
        }
        out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
    }
}

/// A blank and octets in some encoding; `None` if there are none.
fn push_encoded(encoding: &Encoding, octets: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.push(b' ');
    let start = out.len();
    out.resize(start + encoding.encode_len(octets.len()), 0);
    encoding.encode_mut(octets, out.get_mut(start..)?);
    (!octets.is_empty()).then_some(())
}

/// A name at the beginning of the data, with its final dot; returns what follows. `None` if any octet of it needs to be escaped.
fn push_name<'a>(mut wire: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let start = out.len();
    loop {
        let (length, rest) = wire.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        wire = rest;
        if label.is_empty() {
            break;
        }
        let usual = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'*');
        if label.len() > 63 || !label.iter().all(usual) {
            return None;
        }
        out.extend_from_slice(label);
        out.push(b'.');
    }
    if out.len() == start {
        out.push(b'.');
    }
    (out.len() - start <= 254).then_some(wire)
}

fn unknown(wire: &[u8]) -> String {
    format!("\\# {} {}", wire.len(), HEXLOWER.encode(wire)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(rtype: Rtype, wire: &[u8]) -> String {
        data(rtype, wire)
    }

    #[test]
    fn names_look_as_they_print() {
        for name in ["example.nl", ".", "_25._tcp.*.Ex-1.nl", r"a\.b.\000c.nl", "x\\\"y"] {
            let name: Name = name.parse().unwrap();
            let mut out = Vec::new();
            push_name_text(&name, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), name.to_string());
        }
    }

    /// What is written by hand is what the library writes.
    #[test]
    fn common_types_look_as_others_do() {
        let mut wires: Vec<(Rtype, Vec<u8>)> = vec![
            (Rtype::A, vec![192, 0, 2, 255]),
            (Rtype::AAAA, vec![0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (Rtype::NS, b"\x03ns1\x02Ex\x00".to_vec()),
            (Rtype::NS, b"\x00".to_vec()),
            (Rtype::NS, b"\x04a.b\\\x02ex\x00".to_vec()),
            (Rtype::NS, b"\x03a\"b\x02\x00\xff\x00".to_vec()),
            (Rtype::CNAME, b"\x04_25_\x01*\x00".to_vec()),
            (Rtype::MX, b"\x00\x0a\x02mx\x00".to_vec()),
            (Rtype::MX, b"\x00\x00\x00".to_vec()),
            (Rtype::SOA, [&b"\x02ns\x00\x01h\x01e\x00"[..], &[1; 20]].concat()),
            (Rtype::DNSKEY, [&b"\x01\x01\x03\x0d"[..], &[7; 64]].concat()),
            (Rtype::DS, [&b"\x30\x39\x0d\x02"[..], &[0xab; 32]].concat()),
            (Rtype::DNSKEY, b"\x01\x01\x03\x0d".to_vec()),
            (Rtype::DS, b"\x30\x39\x0d\x02".to_vec()),
        ];
        let cut = |(rtype, wire): &(Rtype, Vec<u8>)| (0..wire.len()).map(|end| (*rtype, wire[..end].to_vec())).collect::<Vec<_>>();
        let more: Vec<_> = wires.iter().flat_map(cut).collect();
        let longer: Vec<_> = wires.iter().map(|(rtype, wire)| (*rtype, [&wire[..], &[1]].concat())).collect();
        wires.extend(more.into_iter().chain(longer));
        for (rtype, wire) in wires {
            assert_eq!(data(rtype, &wire), any(rtype, &wire), "{rtype} {wire:02x?}");
        }
    }

    /// R-047 rfc3597#5, R-128: the forms that zone files have.
    #[test]
    fn known_unknown_and_broken_data() {
        assert_eq!(show(Rtype::A, &[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(show(Rtype::MX, b"\x00\x0a\x02mx\x00"), "10 mx.");
        assert_eq!(show(Rtype::TLSA, &[3, 1, 1, 0xAB, 0xCD]), "3 1 1 abcd");
        assert_eq!(show(Rtype::from_int(65500), &[1, 2, 0xfe]), "\\# 3 0102fe");
        assert_eq!(show(Rtype::A, &[192, 0, 2]), "\\# 3 c00002");
        assert_eq!(show(Rtype::MX, b"\x00\x0a\x02mx"), "\\# 5 000a026d78");
        assert_eq!(show(Rtype::TLSA, &[3, 1]), "\\# 2 0301");
        assert_eq!(show(Rtype::from_int(65500), &[]), "\\# 0");
    }
}
