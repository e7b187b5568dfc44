//! Certificates of a handshake that ended before an engine saw them: what came of them, read from the octets received. Up to TLS 1.2 only;
//! afterwards they are encrypted.
//!
//! Pure: the caller keeps the octets, within its budget.

use crate::tls::flight::{MAX_CERTIFICATES, length, server_hello};
use crate::tls::hello::TLS_13;
use dane::observation::{CertificateBytes, CutOff, TlsFailure, TlsObservation};
use std::sync::Arc;

/// Adds to the record of a handshake that failed what an engine did not live to see. `raw`: all octets received.
pub(super) fn keep(record: &mut TlsObservation, error: &TlsFailure, raw: &[u8]) {
    if !record.chain.is_empty() {
        return;
    }
    match of_records(raw) {
        Some(Err(cut_off)) => record.cut_off = Some(Box::new(cut_off)),
        // It came whole, and the end of the flight did not. Where an engine found fault with it, a second look says more.
        Some(Ok(chain)) if matches!(error.kind.as_str(), "closed" | "reset" | "timeout") => record.chain = chain,
        Some(Ok(_)) | None => {}
    }
}

/// The certificates in a server's first flight: the list, or what came of it. `None`: it did not begin, or cannot be read.
fn of_records(mut raw: &[u8]) -> Option<Result<Vec<CertificateBytes>, CutOff>> {
    let mut messages = Vec::new();
    // Another content type is an alert, and ends nothing that came before it.
    while let [_, _, _, high, low, rest @ ..] = raw {
        messages.extend_from_slice(content(raw));
        raw = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
    }
    let hello = message(&messages).filter(|m| m.kind == 2)?;
    if server_hello(hello.body)?.version >= TLS_13 {
        return None;
    }
    certificates(messages.get(4 + hello.announced..)?)
}

/// What there is of the first handshake record's content; nothing if it is another record. (RFC 5246 section 6.2.1)
pub(super) fn content(record: &[u8]) -> &[u8] {
    match record {
        [22, 3, _, high, low, rest @ ..] => rest.get(..usize::from(u16::from_be_bytes([*high, *low]))).unwrap_or(rest),
        _ => &[],
    }
}

struct Message<'a> {
    kind: u8,
    /// Octets announced.
    announced: usize,
    /// Those that came.
    body: &'a [u8],
}

fn message(octets: &[u8]) -> Option<Message<'_>> {
    let [kind, a, b, c, body @ ..] = octets else { return None };
    let announced = length([*a, *b, *c]);
    Some(Message { kind: *kind, announced, body: body.get(..announced).unwrap_or(body) })
}

/// The list of a Certificate message with which these octets begin, or what came of it. `None`: they begin with no such message.
pub(super) fn certificates(octets: &[u8]) -> Option<Result<Vec<CertificateBytes>, CutOff>> {
    let message = message(octets).filter(|m| m.kind == 11)?;
    let (mut whole, mut part) = (Vec::new(), None);
    let mut rest = message.body.get(3..).unwrap_or_default();
    while let Some((size, after)) = rest.split_first_chunk::<3>().filter(|_| whole.len() < MAX_CERTIFICATES) {
        let Some((certificate, after)) = after.split_at_checked(length(*size)) else {
            part = (!after.is_empty()).then(|| CertificateBytes(Arc::from(after)));
            break;
        };
        whole.push(CertificateBytes(Arc::from(certificate)));
        rest = after;
    }
    if message.body.len() == message.announced {
        return Some(Ok(whole));
    }
    let octets = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Err(CutOff { announced: octets(message.announced), arrived: octets(message.body.len()), whole, part }))
}

/// Any octets as a first flight, for the fuzzer.
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Some(Err(cut_off)) = of_records(bytes) {
        let kept = cut_off.whole.iter().chain(&cut_off.part).map(|c| c.0.len() + 3).sum::<usize>();
        assert!(cut_off.arrived < cut_off.announced && kept <= cut_off.arrived as usize && cut_off.arrived as usize <= bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ServerHello of TLS 1.2 with TLS_RSA_WITH_AES_128_CBC_SHA, Certificate with one of two octets and one of three, in records of this size.
    fn flight(version: [u8; 2], record: usize) -> Vec<u8> {
        let hello = [&[2, 0, 0, 38][..], &version, &[9; 32], &[0, 0, 0x2f, 0]].concat();
        let messages = [&hello[..], &[11, 0, 0, 14, 0, 0, 11, 0, 0, 2, 7, 7, 0, 0, 3, 8, 8, 8]].concat();
        messages.chunks(record).flat_map(|part| [&[22, 3, 3, 0, u8::try_from(part.len()).unwrap()][..], part].concat()).collect()
    }

    fn certificate(octets: &[u8]) -> CertificateBytes {
        CertificateBytes(Arc::from(octets))
    }

    #[test]
    fn every_octet_that_came_is_kept_wherever_the_flight_breaks_off() {
        let (one, two) = (certificate(&[7, 7]), certificate(&[8, 8, 8]));
        // Behind a ServerHello of 42 octets and a header of 4.
        let expected = |came: usize| {
            let Some(arrived @ ..14) = came.checked_sub(46) else { return (came >= 60).then(|| Ok(vec![one.clone(), two.clone()])) };
            let part = |from: usize, all: &CertificateBytes| arrived.checked_sub(from).filter(|n| *n > 0).map(|n| certificate(&all.0[..n]));
            let (whole, part) = if arrived < 8 { (vec![], part(6, &one)) } else { (vec![one.clone()], part(11, &two)) };
            Some(Err(CutOff { announced: 14, arrived: u32::try_from(arrived).unwrap(), whole, part }))
        };
        for size in [1, 7, 44, 100] {
            let flight = flight([3, 3], size);
            for cut in 0..=flight.len() {
                // All but five octets of each record.
                let came = cut / (size + 5) * size + (cut % (size + 5)).saturating_sub(5);
                assert_eq!(of_records(&flight[..cut]), expected(came), "{cut} octets in records of {size}");
            }
        }
        assert_eq!(of_records(&flight([3, 4], 100)), None, "what follows a hello of TLS 1.3 is encrypted");
    }
}
