//! A ClientHello of our own, for what no TLS engine would offer: single versions from SSL 3.0 on, every cipher suite, every group. It is sent
//! in the clear, and what answers it is read by [`super::flight`]; no session comes of it.
//!
//! Pure: the caller moves the bytes.

use crate::tls::known::{CURVES, FFDHE, GROUPS_13, RENEGOTIATION_SCSV, SCHEMES, SUITES_13, USUAL_GROUPS, USUAL_SUITES};
use dane::name::Name;

/// SSL 3.0, TLS 1.2 and TLS 1.3 on the wire. (RFC 6101, 5246, 8446)
pub(crate) const SSL_3: u16 = 0x0300;
pub(crate) const TLS_12: u16 = 0x0303;
pub(crate) const TLS_13: u16 = 0x0304;

/// Message lengths on which some old load balancers hang; padded to more. (RFC 7685 section 1)
const HANGS: std::ops::RangeInclusive<usize> = 256..=511;

/// What is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientHello {
    /// The highest version; TLS 1.3 is offered alone.
    pub(crate) version: u16,
    /// Name for SNI.
    pub(crate) sni: Option<Name>,
    /// Cipher suites, the best first.
    pub(crate) suites: Vec<u16>,
    /// Compression methods. (RFC 3749)
    pub(crate) compression: Vec<u8>,
    /// Groups; empty: the extension is left out. For TLS 1.3 no key share goes with them, so that the server has to ask for one, and names
    /// its choice. (RFC 8446 section 4.2.8)
    pub(crate) groups: Vec<u16>,
    /// Signature schemes, sent from TLS 1.2 on.
    pub(crate) schemes: Vec<u16>,
    /// Whether a session ticket is asked for. (RFC 5077)
    pub(crate) ticket: Ticket,
    /// Whether the extensions are sent that older servers answer if they know them: renegotiation_info (RFC 5746), extended_master_secret
    /// (RFC 7627), encrypt_then_mac (RFC 7366).
    pub(crate) hardening: Hardening,
}

/// Whether the session_ticket extension is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    Asked,
    NotAsked,
}

/// Whether the extensions that mend older versions are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hardening {
    Offered,
    /// The signalling cipher suite of RFC 5746 alone.
    ScsvOnly,
}

impl ClientHello {
    /// What a sender with a broad library would offer for TLS 1.2 and older.
    pub(crate) fn usual(sni: &Name) -> Self {
        Self {
            version: TLS_12,
            sni: Some(sni.clone()),
            suites: USUAL_SUITES.to_vec(),
            compression: vec![0],
            groups: USUAL_GROUPS.to_vec(),
            schemes: SCHEMES.to_vec(),
            ticket: Ticket::NotAsked,
            hardening: Hardening::ScsvOnly,
        }
    }

    /// Everything that there is for one version.
    pub(crate) fn broad(sni: &Name, version: u16, suites: &[u16]) -> Self {
        let groups = if version == TLS_13 { GROUPS_13.to_vec() } else { [&CURVES[..], &FFDHE].concat() };
        Self { version, suites: suites.to_vec(), groups, hardening: Hardening::Offered, ..Self::usual(sni) }
    }

    /// TLS 1.3 alone.
    pub(crate) fn tls_13(sni: &Name) -> Self {
        Self::broad(sni, TLS_13, &SUITES_13)
    }

    /// The record with this hello.
    #[must_use]
    pub(crate) fn record(&self, random: [u8; 32]) -> Vec<u8> {
        let mut body = self.version.min(TLS_12).to_be_bytes().to_vec();
        body.extend(random);
        body.push(0);
        let mut suites = self.suites.clone();
        if self.hardening == Hardening::ScsvOnly || self.version == SSL_3 {
            suites.push(RENEGOTIATION_SCSV);
        }
        body.extend(sized(&octets(&suites)));
        body.push(u8::try_from(self.compression.len()).unwrap_or(u8::MAX));
        body.extend(&self.compression);
        // SSL 3.0 knows no extensions.
        if self.version != SSL_3 {
            let mut extensions = self.extensions();
            // Header of four octets, the extensions' length.
            let length = 4 + body.len() + 2 + extensions.len();
            if HANGS.contains(&length) {
                let padding = (HANGS.end() + 1 - length).saturating_sub(4);
                extension(&mut extensions, 21, &vec![0; padding]);
            }
            body.extend(sized(&extensions));
        }
        // Below 64 kB by far: the third octet of the length is zero.
        let message = [&[1, 0][..], &sized(&body)].concat();
        let outer: u16 = if self.version == SSL_3 { SSL_3 } else { 0x0301 };
        [&[22][..], &outer.to_be_bytes(), &sized(&message)].concat()
    }

    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(name) = &self.sni {
            // RFC 6066 section 3: one name of type host_name.
            let name = name.to_string().into_bytes();
            extension(&mut out, 0, &sized(&[&[0][..], &sized(&name)].concat()));
        }
        if !self.groups.is_empty() {
            extension(&mut out, 10, &sized(&octets(&self.groups)));
            // RFC 8422 section 5.1.2: uncompressed points.
            extension(&mut out, 11, &[1, 0]);
        }
        if self.version >= TLS_12 {
            extension(&mut out, 13, &sized(&octets(&self.schemes)));
        }
        if self.version == TLS_13 {
            extension(&mut out, 43, &[&[2][..], &TLS_13.to_be_bytes()].concat());
            // RFC 8446 section 4.2.9: psk_dhe_ke.
            extension(&mut out, 45, &[1, 1]);
            extension(&mut out, 51, &sized(&[]));
            return out;
        }
        if self.hardening == Hardening::Offered {
            extension(&mut out, 0xff01, &[0]);
            extension(&mut out, 22, &[]);
            extension(&mut out, 23, &[]);
        }
        if self.ticket == Ticket::Asked {
            extension(&mut out, 35, &[]);
        }
        out
    }
}

/// With its length in two octets before it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

fn octets(codes: &[u16]) -> Vec<u8> {
    codes.iter().flat_map(|c| c.to_be_bytes()).collect()
}

fn extension(out: &mut Vec<u8>, code: u16, content: &[u8]) {
    out.extend(code.to_be_bytes());
    out.extend(sized(content));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::known::SUITES;

    /// Lengths within lengths; that OpenSSL agrees is in tests/openssl.rs and tests/depth.rs.
    #[test]
    fn lengths_fit() {
        let name = dane::name::parse_domain("mx.example.org").unwrap();
        let mut hellos = vec![ClientHello::usual(&name), ClientHello::tls_13(&name)];
        hellos.extend((SSL_3..=TLS_12).map(|version| ClientHello::broad(&name, version, &SUITES)));
        // Of every length on both sides of those that hang.
        hellos.extend((1..250).map(|n| ClientHello::broad(&name, TLS_12, &SUITES[..n])));
        for hello in hellos {
            let record = hello.record([1; 32]);
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            assert_eq!(length, record.len() - 5);
            assert_eq!(usize::from(u16::from_be_bytes([record[7], record[8]])), record.len() - 9);
            assert!(!HANGS.contains(&length), "{length}");
            assert_eq!(record.windows(14).any(|w| w == b"mx.example.org"), hello.version != SSL_3);
        }
    }
}
