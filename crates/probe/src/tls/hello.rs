//! A second look at servers that have no common ground with our TLS engine: older versions, cipher suites and signatures are offered by a
//! ClientHello of our own, and what answers it in the clear is read: version, cipher suite, certificates. Nothing is encrypted, nothing
//! proven, and no session comes of it. Up to TLS 1.2 the certificates are not encrypted. (RFC 5246 section 7.3)
//!
//! Pure: the caller moves the bytes.

use crate::tls::names;
use dane::name::Name;
use dane::observation::CertificateBytes;
use rustls::{CipherSuite, ProtocolVersion};
use std::sync::Arc;

/// Octets of handshake messages that are read: OpenSSL's own bound for a certificate list is 100 kB.
const MAX_OCTETS: usize = 128 * 1024;
/// Certificates that are kept.
const MAX_CERTIFICATES: usize = 1000;

/// What senders with a broad library (OpenSSL with everything switched on) offer, without anonymous, export and NULL suites:
/// ECDHE, DHE and RSA key exchange with AEAD, CBC and 3DES. (IANA TLS Cipher Suites; the last is the SCSV of RFC 5746)
const SUITES: [u16; 43] = [
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a, 0xc014, 0xc008,
    0xc012, 0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x0033, 0x0039, 0x0045, 0x0088, 0x0016, 0x00a2, 0x00a3, 0x0032, 0x0038, 0x009c, 0x009d,
    0xc09c, 0xc09d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041, 0x000a, 0x00ff,
];
/// x25519, secp256r1, secp384r1, secp521r1, x448, ffdhe2048 to ffdhe8192, and the older curves secp224r1, secp192r1, secp256k1.
const GROUPS: [u16; 13] = [0x1d, 0x17, 0x18, 0x19, 0x1e, 0x100, 0x101, 0x102, 0x103, 0x104, 0x15, 0x13, 0x16];
/// ECDSA, EdDSA (Ed448 too), RSA-PSS with both kinds of key, PKCS #1 v1.5, DSA; SHA-2 before SHA-1.
const SCHEMES: [u16; 20] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0402,
    0x0203, 0x0201, 0x0202,
];

/// The record with our ClientHello.
#[must_use]
pub(crate) fn client_hello(sni: Option<&Name>, random: [u8; 32]) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = sni {
        // RFC 6066 section 3: one name of type host_name.
        let name = name.to_string().into_bytes();
        extension(&mut extensions, 0, &sized(&[&[0][..], &sized(&name)].concat()));
    }
    extension(&mut extensions, 10, &sized(&octets(&GROUPS)));
    // RFC 8422 section 5.1.2: uncompressed points.
    extension(&mut extensions, 11, &[1, 0]);
    extension(&mut extensions, 13, &sized(&octets(&SCHEMES)));
    let mut body = vec![3, 3];
    body.extend(random);
    body.push(0);
    body.extend(sized(&octets(&SUITES)));
    body.extend([1, 0]);
    body.extend(sized(&extensions));
    // Below 64 kB by far: the third octet of the length is zero.
    let message = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&message)].concat()
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

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Protocol version by its IANA name.
    pub(crate) version: String,
    /// Cipher suite by its IANA name.
    pub(crate) cipher: String,
    /// Certificates as received.
    pub(crate) chain: Vec<CertificateBytes>,
}

/// Where reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// More octets are needed.
    More,
    /// There is an answer.
    Done(Answered),
    /// There will be none: an alert, no TLS, too much.
    Refused,
}

/// Reads the server's first flight.
#[derive(Debug, Default)]
pub(crate) struct FlightReader {
    /// Octets that are no whole record yet.
    records: Vec<u8>,
    /// Octets of handshake messages that are no whole message yet.
    messages: Vec<u8>,
    octets: usize,
    hello: Option<(String, String)>,
}

impl FlightReader {
    /// Takes octets from the network.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Reading {
        self.octets += bytes.len();
        if self.octets > MAX_OCTETS {
            return Reading::Refused;
        }
        self.records.extend_from_slice(bytes);
        loop {
            match self.step() {
                Some(Reading::More) => {}
                Some(end) => return end,
                None => return Reading::More,
            }
        }
    }

    /// Takes one record. `None`: there is none. `More`: go on.
    fn step(&mut self) -> Option<Reading> {
        let [kind, major, _, high, low, ..] = *self.records.as_slice() else { return None };
        if kind != 22 || major != 3 {
            return Some(Reading::Refused);
        }
        let end = 5 + usize::from(u16::from_be_bytes([high, low]));
        if self.records.len() < end {
            return None;
        }
        self.messages.extend_from_slice(self.records.get(5..end).unwrap_or_default());
        self.records.drain(..end);
        loop {
            let [kind, a, b, c, ..] = *self.messages.as_slice() else { return Some(Reading::More) };
            let end = 4 + length([a, b, c]);
            if end > MAX_OCTETS {
                return Some(Reading::Refused);
            }
            let Some(body) = self.messages.get(4..end) else { return Some(Reading::More) };
            match (kind, &self.hello) {
                (2, None) => match server_hello(body) {
                    Some(hello) => self.hello = Some(hello),
                    None => return Some(Reading::Refused),
                },
                (11, Some((version, cipher))) => {
                    let chain = certificates(body);
                    return Some(chain.map_or(Reading::Refused, |chain| {
                        Reading::Done(Answered { version: version.clone(), cipher: cipher.clone(), chain })
                    }));
                }
                _ => return Some(Reading::Refused),
            }
            self.messages.drain(..end);
        }
    }
}

fn length([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// Version and cipher suite. (RFC 5246 section 7.4.1.3)
fn server_hello(body: &[u8]) -> Option<(String, String)> {
    let (version, rest) = body.split_first_chunk::<2>()?;
    let (_random, rest) = rest.split_first_chunk::<32>()?;
    let (session, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(*session)..)?;
    let (suite, _) = rest.split_first_chunk::<2>()?;
    let version = names::version(ProtocolVersion::from(u16::from_be_bytes(*version)));
    Some((version, names::cipher(CipherSuite::from(u16::from_be_bytes(*suite)))))
}

/// The certificate list. (RFC 5246 section 7.4.2)
fn certificates(body: &[u8]) -> Option<Vec<CertificateBytes>> {
    let (total, mut rest) = body.split_first_chunk::<3>()?;
    if length(*total) != rest.len() {
        return None;
    }
    let mut chain = Vec::new();
    while !rest.is_empty() && chain.len() < MAX_CERTIFICATES {
        let (size, after) = rest.split_first_chunk::<3>()?;
        let (certificate, after) = after.split_at_checked(length(*size))?;
        chain.push(CertificateBytes(Arc::from(certificate)));
        rest = after;
    }
    Some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ServerHello (TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA) and Certificate with two entries, in one record.
    fn flight() -> Vec<u8> {
        let mut messages = vec![2, 0, 0, 38, 3, 1];
        messages.extend([9; 32]);
        messages.extend([0, 0, 0x2f, 0]);
        messages.extend([11, 0, 0, 12, 0, 0, 9, 0, 0, 2, 7, 7, 0, 0, 1, 8]);
        [&[22, 3, 1, 0, u8::try_from(messages.len()).unwrap()][..], &messages].concat()
    }

    fn expected() -> Reading {
        let chain = vec![CertificateBytes(Arc::from(&[7, 7][..])), CertificateBytes(Arc::from(&[8][..]))];
        Reading::Done(Answered { version: "TLSv1.0".into(), cipher: "TLS_RSA_WITH_AES_128_CBC_SHA".into(), chain })
    }

    #[test]
    fn a_flight_however_it_is_cut() {
        for cut in 1..=flight().len() {
            let mut reader = FlightReader::default();
            let last = flight().chunks(cut).map(|bytes| reader.feed(bytes)).last();
            assert_eq!(last, Some(expected()), "{cut}");
        }
        // One handshake message over many records.
        let mut reader = FlightReader::default();
        let mut last = Reading::More;
        for byte in flight().split_off(5) {
            last = reader.feed(&[22, 3, 1, 0, 1, byte]);
        }
        assert_eq!(last, expected());
    }

    #[test]
    fn refusals() {
        for bytes in
            [&[21, 3, 1, 0, 2, 2, 40][..], b"500 what?\r\n", &[22, 3, 1, 0, 4, 14, 0, 0, 0], &[22, 3, 1, 0, 4, 2, 0xff, 0xff, 0xff]]
        {
            assert_eq!(FlightReader::default().feed(bytes), Reading::Refused, "{bytes:?}");
        }
        let mut reader = FlightReader::default();
        let empty = [22, 3, 1, 0, 0].repeat(1000);
        assert!((0..100).any(|_| reader.feed(&empty) == Reading::Refused), "empty records for ever");
    }

    #[test]
    fn the_hello_is_what_openssl_would_read() {
        // Lengths within lengths; that OpenSSL agrees is in tests/openssl.rs.
        let name = dane::name::parse_domain("mx.example.org").unwrap();
        let hello = client_hello(Some(&name), [1; 32]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(length([hello[6], hello[7], hello[8]]), hello.len() - 9);
        assert!(hello.windows(14).any(|w| w == b"mx.example.org"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..70, cut in 1usize..30) {
            // Damage a good flight, so that the inner parsers are reached.
            let mut flight = flight();
            let at = at.min(flight.len());
            flight.splice(at.., bytes);
            let mut reader = FlightReader::default();
            for packet in flight.chunks(cut) {
                if reader.feed(packet) != Reading::More {
                    break;
                }
                prop_assert!(reader.records.len() + reader.messages.len() <= MAX_OCTETS);
            }
        }
    }
}
