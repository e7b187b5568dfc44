//! Just enough DER to write certificates, right ones and wrong ones, and to read our own key files.

use jiff::Timestamp;

/// Tag, length, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        out.push(0x80 | octets.len() as u8);
        out.extend_from_slice(&octets);
    }
    out.extend_from_slice(content);
    out
}

/// SEQUENCE of what is given, each already DER.
pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// Non-negative INTEGER from big-endian octets.
pub fn int(octets: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = octets.iter().copied().skip_while(|b| *b == 0).collect();
    if content.first().is_none_or(|b| b & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv(0x02, &content)
}

/// OBJECT IDENTIFIER from its encoded content.
pub fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

/// BIT STRING without unused bits.
pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

/// OCTET STRING.
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// UTCTime until 2049, GeneralizedTime after. (RFC 5280 section 4.1.2.5)
pub fn time(epoch: i64) -> Vec<u8> {
    let moment = Timestamp::from_second(epoch).unwrap_or(Timestamp::UNIX_EPOCH);
    let text = moment.strftime("%Y%m%d%H%M%SZ").to_string();
    if text.as_str() < "2050" { tlv(0x17, &text.as_bytes()[2..]) } else { tlv(0x18, text.as_bytes()) }
}

/// PEM text.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The INTEGERs of a SEQUENCE, as big-endian octets. Empty if it is none.
pub fn integers(der: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let Some((_, mut rest, _)) = split(der) else { return out };
    while let Some((tag, content, after)) = split(rest) {
        if tag == 0x02 {
            out.push(content.iter().copied().skip_while(|b| *b == 0).collect());
        }
        rest = after;
    }
    out
}

/// Tag, content and what follows.
fn split(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first) = (*der.first()?, *der.get(1)?);
    let (length, at) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let count = usize::from(first & 0x7f);
        (der.get(2..2 + count)?.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b)), 2 + count)
    };
    Some((tag, der.get(at..at + length)?, der.get(at + length..)?))
}
