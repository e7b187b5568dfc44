//! Reads what a server answers to a ClientHello of ours, as far as it is in the clear: ServerHello or HelloRetryRequest with its
//! extensions; up to TLS 1.2 certificates and key exchange, too (RFC 5246 section 7.3); alerts. Nothing of it is proven.
//!
//! Pure: the caller moves the bytes.

use crate::tls::cut;
use crate::tls::hello::TLS_13;
use crate::tls::known::{Agreement, agreement};
use crate::tls::names;
use dane::observation::{CertificateBytes, CutOff};
use rustls::CipherSuite;
use std::sync::Arc;

/// Octets of handshake messages that are read: OpenSSL's own bound for a certificate list is 100 kB.
const MAX_OCTETS: usize = 128 * 1024;
/// Certificates that are kept.
pub(super) const MAX_CERTIFICATES: usize = 1000;
/// Extensions of one hello: more than the registry has.
const MAX_EXTENSIONS: usize = 128;

/// The server's choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Version on the wire.
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) compression: u8,
    /// Whether it gave the session an id. (Below TLS 1.3)
    pub(crate) session_id: bool,
    /// Types of the extensions it answered.
    pub(crate) extensions: Vec<u16>,
    /// The group of its key share, or the one for which it wants ours. (TLS 1.3)
    pub(crate) group: Option<u16>,
    /// Certificates as received. (Below TLS 1.3)
    pub(crate) chain: Vec<CertificateBytes>,
    /// What came of them, if no more came.
    pub(crate) cut_off: Option<Box<CutOff>>,
    /// Its part of the key agreement. (Below TLS 1.3)
    pub(crate) exchange: Option<KeyExchange>,
}

/// A ServerKeyExchange, and the signature scheme of its signature if there is one that says so (TLS 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyExchange {
    /// A named curve. (RFC 8422 section 5.4)
    Curve { group: u16, scheme: Option<u16> },
    /// Finite field. (RFC 5246 section 7.4.3)
    Dh { prime: Vec<u8>, generator: Vec<u8>, scheme: Option<u16> },
}

impl KeyExchange {
    pub(crate) fn scheme(&self) -> Option<u16> {
        match self {
            KeyExchange::Curve { scheme, .. } | KeyExchange::Dh { scheme, .. } => *scheme,
        }
    }
}

/// Where reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// More octets are needed.
    More,
    /// There is an answer, and nothing more to come.
    Done(Flight),
    /// An alert with this description came instead. (RFC 5246 section 7.2)
    Alert(u8),
    /// What came is no TLS, contradicts itself, or is too much.
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
    flight: Option<Flight>,
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
                Some(end) => {
                    // What follows is not read.
                    self.records.clear();
                    return end;
                }
                None => return Reading::More,
            }
        }
    }

    /// What there is of an answer: all that comes, if the connection ends or something after the ServerHello cannot be read.
    pub(crate) fn so_far(self) -> Option<Flight> {
        let mut flight = self.flight?;
        if flight.chain.is_empty() {
            let begun = [self.messages.as_slice(), cut::content(&self.records)].concat();
            flight.cut_off = cut::certificates(&begun).and_then(Result::err).map(Box::new);
        }
        Some(flight)
    }

    /// Takes one record. `None`: there is none. `More`: go on.
    fn step(&mut self) -> Option<Reading> {
        let [kind, major, _, high, low, ..] = *self.records.as_slice() else { return None };
        if !matches!(kind, 21 | 22) || major != 3 {
            return Some(Reading::Refused);
        }
        let end = 5 + usize::from(u16::from_be_bytes([high, low]));
        let record = self.records.get(5..end)?;
        if kind == 21 {
            return Some(match *record {
                // RFC 6066 section 3: a server that does not know the name may warn and go on.
                [1, 112] => {
                    self.records.drain(..end);
                    Reading::More
                }
                [_, description] => Reading::Alert(description),
                _ => Reading::Refused,
            });
        }
        self.messages.extend_from_slice(record);
        self.records.drain(..end);
        loop {
            let [kind, a, b, c, ..] = *self.messages.as_slice() else { return Some(Reading::More) };
            let end = 4 + length([a, b, c]);
            if end > MAX_OCTETS {
                return Some(Reading::Refused);
            }
            let body = self.messages.get(4..end);
            let Some(body) = body else { return Some(Reading::More) };
            match message(&mut self.flight, kind, body) {
                Some(true) => {}
                Some(false) => return Some(self.flight.clone().map_or(Reading::Refused, Reading::Done)),
                None => return Some(Reading::Refused),
            }
            self.messages.drain(..end);
        }
    }
}

/// Takes one handshake message. False: it was the last one. `None`: it cannot be.
fn message(flight: &mut Option<Flight>, kind: u8, body: &[u8]) -> Option<bool> {
    match (kind, flight) {
        (2, flight @ None) => {
            let hello = server_hello(body)?;
            // Everything after it is encrypted.
            let last = hello.version >= TLS_13;
            *flight = Some(hello);
            Some(!last)
        }
        (11, Some(flight)) if flight.chain.is_empty() => {
            flight.chain = certificates(body)?;
            Some(true)
        }
        (12, Some(flight)) if flight.exchange.is_none() => {
            flight.exchange = key_exchange(flight.suite, flight.version, body);
            Some(true)
        }
        // CertificateRequest, NewSessionTicket (a resumption that nobody asked for is none), CertificateStatus.
        (13 | 22, Some(_)) => Some(true),
        // ServerHelloDone
        (14, Some(_)) => Some(false),
        _ => None,
    }
}

/// A length in three octets.
pub(super) fn length([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// The first octets, as a number of 16 bits, and what follows.
fn u16_of(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// Octets with their length in two octets before them, and what follows.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = u16_of(bytes)?;
    rest.split_at_checked(usize::from(length))
}

/// RFC 5246 section 7.4.1.3, RFC 8446 sections 4.1.3 and 4.1.4.
pub(super) fn server_hello(body: &[u8]) -> Option<Flight> {
    let (legacy, rest) = u16_of(body)?;
    let (_random, rest) = rest.split_first_chunk::<32>()?;
    let (id, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(*id)..)?;
    let (suite, rest) = u16_of(rest)?;
    let (compression, rest) = rest.split_first()?;
    let mut flight = Flight {
        version: legacy,
        suite,
        compression: *compression,
        session_id: *id > 0,
        extensions: Vec::new(),
        group: None,
        chain: Vec::new(),
        cut_off: None,
        exchange: None,
    };
    // SSL 3.0 and the oldest of TLS end here.
    if rest.is_empty() {
        return Some(flight);
    }
    let (mut extensions, []) = sized(rest)? else { return None };
    while !extensions.is_empty() {
        let (kind, rest) = u16_of(extensions)?;
        let (content, rest) = sized(rest)?;
        extensions = rest;
        match kind {
            // RFC 8446 section 4.2.1
            43 => flight.version = u16_of(content)?.0,
            // A HelloRetryRequest names a group, a ServerHello has a key for it: both begin with it.
            51 => flight.group = Some(u16_of(content)?.0),
            _ => {}
        }
        // No extension may come twice. (RFC 5246 section 7.4.1.4)
        if flight.extensions.contains(&kind) || flight.extensions.len() == MAX_EXTENSIONS {
            return None;
        }
        flight.extensions.push(kind);
    }
    Some(flight)
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

/// What can be read of it; what cannot is left out, for the hello stands all the same.
pub(super) fn key_exchange(suite: u16, version: u16, body: &[u8]) -> Option<KeyExchange> {
    let scheme = |rest: &[u8]| if version == crate::tls::hello::TLS_12 { u16_of(rest).map(|(scheme, _)| scheme) } else { None };
    match agreement(&names::cipher(CipherSuite::from(suite))) {
        way @ (Agreement::Ecdhe | Agreement::EcdhAnon) => {
            let (kind, rest) = body.split_first()?;
            // named_curve; explicit ones are long forbidden. (RFC 8422 section 5.4)
            let (group, rest) = u16_of(rest).filter(|_| *kind == 3)?;
            let (point, rest) = rest.split_first()?;
            let rest = rest.get(usize::from(*point)..)?;
            Some(KeyExchange::Curve { group, scheme: if way == Agreement::Ecdhe { scheme(rest) } else { None } })
        }
        way @ (Agreement::Dhe | Agreement::DhAnon) => {
            let (prime, rest) = sized(body)?;
            let (generator, rest) = sized(rest)?;
            let (_public, rest) = sized(rest)?;
            let scheme = if way == Agreement::Dhe { scheme(rest) } else { None };
            Some(KeyExchange::Dh { prime: prime.to_vec(), generator: generator.to_vec(), scheme })
        }
        Agreement::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind][..], &length[1..], body].concat()
    }

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    }

    fn hello(version: u16, random: [u8; 32], suite: u16, extensions: Option<&[u8]>) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend(random);
        body.push(0);
        body.extend(suite.to_be_bytes());
        body.push(0);
        if let Some(extensions) = extensions {
            body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
            body.extend(extensions);
        }
        message(2, &body)
    }

    /// ServerHello (TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA), Certificate with two entries, ServerHelloDone, in one record.
    fn flight() -> Vec<u8> {
        let certificates = message(11, &[0, 0, 9, 0, 0, 2, 7, 7, 0, 0, 1, 8]);
        record(22, &[hello(0x0301, [9; 32], 0x2f, None), certificates, message(14, &[])].concat())
    }

    fn expected() -> Flight {
        Flight {
            version: 0x0301,
            suite: 0x2f,
            compression: 0,
            session_id: false,
            extensions: Vec::new(),
            group: None,
            chain: vec![CertificateBytes(Arc::from(&[7, 7][..])), CertificateBytes(Arc::from(&[8][..]))],
            cut_off: None,
            exchange: None,
        }
    }

    fn read(bytes: &[u8]) -> Reading {
        FlightReader::default().feed(bytes)
    }

    #[test]
    fn a_flight_however_it_is_cut() {
        for cut in 1..=flight().len() {
            let mut reader = FlightReader::default();
            let last = flight().chunks(cut).map(|bytes| reader.feed(bytes)).last();
            assert_eq!(last, Some(Reading::Done(expected())), "{cut}");
        }
        // One handshake message over many records.
        let mut reader = FlightReader::default();
        let mut last = Reading::More;
        for byte in flight().split_off(5) {
            last = reader.feed(&[22, 3, 1, 0, 1, byte]);
        }
        assert_eq!(last, Reading::Done(expected()));
    }

    #[test]
    fn what_came_before_the_connection_ended_counts() {
        let mut reader = FlightReader::default();
        let flight = flight();
        assert_eq!(reader.feed(&record(22, &flight[5..flight.len() - 4])), Reading::More);
        assert_eq!(reader.so_far(), Some(expected()));
        // A hello stands, whatever follows it.
        let mut reader = FlightReader::default();
        let certificates = message(11, &[0, 0, 9, 0, 0, 20]);
        assert_eq!(reader.feed(&record(22, &[hello(0x0301, [9; 32], 0x2f, None), certificates].concat())), Reading::Refused);
        assert_eq!(reader.so_far().map(|f| (f.suite, f.chain.len())), Some((0x2f, 0)));
    }

    #[test]
    fn extensions_and_retry_requests() {
        // RFC 8446 section 4.1.4: supported_versions 1.3, key_share secp256r1.
        let wanted = [0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 23];
        let retry = record(22, &hello(0x0303, [7; 32], 0x1302, Some(&wanted)));
        let Reading::Done(flight) = read(&retry) else { panic!("{:?}", read(&retry)) };
        assert_eq!((flight.version, flight.suite, flight.group, flight.extensions.as_slice()), (0x0304, 0x1302, Some(23), &[43, 51][..]));
        // One extension twice is forbidden.
        assert_eq!(read(&record(22, &hello(0x0303, [1; 32], 0x2f, Some(&[0, 23, 0, 0, 0, 23, 0, 0])))), Reading::Refused);
        let done = [hello(0x0303, [1; 32], 0x2f, Some(&[0xff, 1, 0, 1, 0, 0, 23, 0, 0])), message(14, &[])].concat();
        let Reading::Done(flight) = read(&record(22, &done)) else { panic!() };
        assert_eq!(flight.extensions, [0xff01, 23]);
    }

    #[test]
    fn key_exchanges() {
        let read = |version, suite, body: &[u8]| {
            let messages = [hello(version, [1; 32], suite, None), message(12, body), message(14, &[])].concat();
            match read(&record(22, &messages)) {
                Reading::Done(flight) => flight.exchange,
                other => panic!("{other:?}"),
            }
        };
        let curve = [3, 0, 29, 2, 9, 9, 4, 1, 0, 1, 5];
        assert_eq!(read(0x0303, 0xc02f, &curve), Some(KeyExchange::Curve { group: 29, scheme: Some(0x0401) }));
        assert_eq!(read(0x0301, 0xc013, &curve), Some(KeyExchange::Curve { group: 29, scheme: None }));
        assert_eq!(read(0x0303, 0xc018, &curve[..6]), Some(KeyExchange::Curve { group: 29, scheme: None }));
        let dh = [0, 2, 0, 23, 0, 1, 5, 0, 1, 8, 2, 1, 0, 0];
        let known = |scheme| Some(KeyExchange::Dh { prime: vec![0, 23], generator: vec![5], scheme });
        assert_eq!(read(0x0303, 0x009e, &dh), known(Some(0x0201)));
        assert_eq!(read(0x0300, 0x0034, &dh[..10]), known(None));
        // Cut short, explicit curves, suites without one.
        assert_eq!(read(0x0303, 0x009e, &dh[..9]), None);
        assert_eq!(read(0x0303, 0xc02f, &[1, 0, 29, 0]), None);
        assert_eq!(read(0x0303, 0x002f, &curve), None);
    }

    #[test]
    fn alerts_and_refusals() {
        assert_eq!(read(&[21, 3, 1, 0, 2, 2, 40]), Reading::Alert(40));
        assert_eq!(read(&[21, 3, 3, 0, 2, 2, 70]), Reading::Alert(70));
        // "I do not know that name", and then all is well.
        assert_eq!(read(&[record(21, &[1, 112]), flight()].concat()), Reading::Done(expected()));
        for bytes in [
            &b"500 what?\r\n"[..],
            &[22, 3, 1, 0, 4, 14, 0, 0, 0],
            &[22, 3, 1, 0, 4, 2, 0xff, 0xff, 0xff],
            &[21, 3, 1, 0, 1, 2],
            &[23, 3, 1, 0, 1, 2],
        ] {
            assert_eq!(read(bytes), Reading::Refused, "{bytes:?}");
        }
        let mut reader = FlightReader::default();
        let empty = [22, 3, 1, 0, 0].repeat(1000);
        assert!((0..100).any(|_| reader.feed(&empty) == Reading::Refused), "empty records for ever");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..90, cut in 1usize..30) {
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
