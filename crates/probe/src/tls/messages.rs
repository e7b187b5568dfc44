//! What the messages of a whole handshake say, whatever its version: those of a library that has decrypted them. (RFC 5246 section 7.4,
//! RFC 8446 section 4)

use crate::tls::flight::{Flight, KeyExchange, MAX_CERTIFICATES, key_exchange, length, server_hello};
use crate::tls::hello::TLS_13;
use dane::observation::CertificateBytes;
use std::sync::Arc;

/// What was said, by code points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) version: Option<u16>,
    pub(super) cipher: Option<u16>,
    pub(super) group: Option<u16>,
    pub(super) scheme: Option<u16>,
    pub(super) chain: Vec<CertificateBytes>,
}

/// Reads whole messages, each with type and length before its body. What cannot be read is left out.
pub(super) fn said(messages: &[Vec<u8>]) -> Said {
    let (mut hello, mut verify, mut chain): (Option<Flight>, _, _) = (None, None, Vec::new());
    for message in messages {
        let [kind, _, _, _, body @ ..] = message.as_slice() else { continue };
        let version = hello.as_ref().map_or(0, |h| h.version);
        match kind {
            // After a HelloRetryRequest there is another one.
            2 => hello = server_hello(body).or(hello),
            11 => chain = if version >= TLS_13 { certificates_13(body) } else { list(body, Entry::Bare) },
            12 => {
                if let Some(hello) = &mut hello {
                    hello.exchange = key_exchange(hello.suite, hello.version, body);
                }
            }
            // CertificateVerify begins with its scheme. (RFC 8446 section 4.4.3)
            15 => verify = body.first_chunk::<2>().map(|scheme| u16::from_be_bytes(*scheme)),
            _ => {}
        }
    }
    let exchange = hello.as_ref().and_then(|h| h.exchange.as_ref());
    let curve = exchange.and_then(|e| if let KeyExchange::Curve { group, .. } = e { Some(*group) } else { None });
    Said {
        version: hello.as_ref().map(|h| h.version),
        cipher: hello.as_ref().map(|h| h.suite),
        group: hello.as_ref().and_then(|h| h.group).or(curve),
        scheme: verify.or_else(|| exchange.and_then(KeyExchange::scheme)),
        chain,
    }
}

/// The certificate list of TLS 1.3: a context before it, extensions behind each. (RFC 8446 section 4.4.2)
fn certificates_13(body: &[u8]) -> Vec<CertificateBytes> {
    let context = 1 + usize::from(body.first().copied().unwrap_or(0));
    list(body.get(context..).unwrap_or_default(), Entry::WithExtensions)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Bare,
    WithExtensions,
}

/// Up to the first that cannot be read.
fn list(body: &[u8], entry: Entry) -> Vec<CertificateBytes> {
    let mut chain = Vec::new();
    let mut rest = body.get(3..).unwrap_or_default();
    while let Some((size, after)) = rest.split_first_chunk::<3>().filter(|_| chain.len() < MAX_CERTIFICATES) {
        let Some((certificate, after)) = after.split_at_checked(length(*size)) else { break };
        chain.push(CertificateBytes(Arc::from(certificate)));
        let extensions = match (entry, after.first_chunk::<2>()) {
            (Entry::WithExtensions, Some(length)) => 2 + usize::from(u16::from_be_bytes(*length)),
            (Entry::WithExtensions, None) => break,
            (Entry::Bare, _) => 0,
        };
        rest = after.get(extensions..).unwrap_or_default();
    }
    chain
}

/// Any octets as messages, for the fuzzer.
pub(crate) fn fuzz(bytes: &[u8]) {
    let messages: Vec<Vec<u8>> = bytes.split(|b| *b == 0xff).map(<[u8]>::to_vec).collect();
    let said = said(&messages);
    assert!(said.chain.len() <= MAX_CERTIFICATES);
    assert!(said.chain.iter().map(|c| c.0.len()).sum::<usize>() <= bytes.len());
}
