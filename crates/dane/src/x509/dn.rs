//! Distinguished names: in words, and in a form that can be compared. (RFC 5280 section 7.1)

use super::der::{Reader, dotted, tag};
use std::fmt::Write as _;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// emailAddress of PKCS#9.
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

/// One attribute of a name.
struct Attribute<'a> {
    oid: &'a [u8],
    tag: u8,
    value: &'a [u8],
}

/// The relative distinguished names of a Name in DER; `None` if it is none.
fn rdns(der: &[u8]) -> Option<Vec<Vec<Attribute<'_>>>> {
    let mut sequence = Reader(der).enter(tag::SEQUENCE)?;
    let mut rdns = Vec::new();
    while !sequence.is_empty() {
        let mut set = sequence.enter(tag::SET)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let mut attribute = set.enter(tag::SEQUENCE)?;
            let oid = attribute.content(tag::OID)?;
            let value = attribute.any()?;
            attributes.push(Attribute { oid, tag: value.tag, value: value.value });
        }
        rdns.push(attributes);
    }
    Some(rdns)
}

/// A string of any of ASN.1's kinds as Unicode.
fn text(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        0x0c => String::from_utf8(value.to_vec()).ok(),
        // Numeric, Printable, T61 (as Latin-1, like everybody), IA5, Visible.
        0x12..=0x14 | 0x16 | 0x1a => Some(value.iter().map(|&b| char::from(b)).collect()),
        0x1e => char::decode_utf16(value.as_chunks().0.iter().copied().map(u16::from_be_bytes)).collect::<Result<_, _>>().ok(),
        0x1c => value.as_chunks().0.iter().copied().map(|c| char::from_u32(u32::from_be_bytes(c))).collect(),
        _ => None,
    }
}

/// `CN=mail.example.com, O=Example`; attributes in the order of the certificate, control characters as `?`.
pub(crate) fn in_words(der: &[u8]) -> String {
    let mut words = String::new();
    for attribute in rdns(der).unwrap_or_default().iter().flatten() {
        let name = match attribute.oid {
            COMMON_NAME => "CN".into(),
            [0x55, 4, 6] => "C".into(),
            [0x55, 4, 7] => "L".into(),
            [0x55, 4, 8] => "ST".into(),
            [0x55, 4, 10] => "O".into(),
            [0x55, 4, 11] => "OU".into(),
            EMAIL_ADDRESS => "emailAddress".into(),
            oid => dotted(oid).unwrap_or_else(|| "?".into()),
        };
        let value = text(attribute.tag, attribute.value).unwrap_or_else(|| format!("#{}", data_encoding::HEXLOWER.encode(attribute.value)));
        let separator = if words.is_empty() { "" } else { ", " };
        let clean: String = value.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let _ = write!(words, "{separator}{name}={clean}");
    }
    words
}

/// The name in a form in which equal names are equal bytes, one entry for each RDN: strings in UTF-8, ASCII in lower case, blanks
/// collapsed. (RFC 5280 section 7.1, as OpenSSL does it)
pub(crate) fn canonical(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    rdns(der)?.iter().map(|rdn| Some(canonical_rdn(rdn))).collect()
}

fn canonical_rdn(attributes: &[Attribute<'_>]) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = attributes
        .iter()
        .map(|a| {
            let (kind, value) = match text(a.tag, a.value) {
                Some(text) => (0x0c, text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase().into_bytes()),
                None => (a.tag, a.value.to_vec()),
            };
            let mut part = a.oid.to_vec();
            part.extend([0xff, kind]);
            part.extend(value);
            part
        })
        .collect();
    parts.sort();
    parts.join(&[0xff, 0xff][..])
}

/// All common names, in order, as far as they are text.
pub(crate) fn common_names(der: &[u8]) -> Vec<String> {
    values(der, COMMON_NAME).into_iter().map(|v| v.trim_end_matches('\0').to_owned()).collect()
}

/// All e-mail addresses in the name.
pub(crate) fn email_addresses(der: &[u8]) -> Vec<String> {
    values(der, EMAIL_ADDRESS)
}

fn values(der: &[u8], oid: &[u8]) -> Vec<String> {
    rdns(der).unwrap_or_default().iter().flatten().filter(|a| a.oid == oid).filter_map(|a| text(a.tag, a.value)).collect()
}
