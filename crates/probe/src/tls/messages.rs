//! What the messages of a server's handshake say, of every version. (RFC 5246 section 7.4, RFC 8446 section 4)

use dane::observation::CertificateBytes;
use std::sync::Arc;

/// Certificates that are kept of one list.
pub(super) const MAX_CERTIFICATES: usize = 1000;
const TLS13: u16 = 0x0304;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
/// `ec_curve_type` named_curve. (RFC 8422 section 5.4)
const NAMED_CURVE: u8 = 3;

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
    let mut said = Said::default();
    for message in messages {
        let [kind, _, _, _, body @ ..] = message.as_slice() else { continue };
        match kind {
            2 => server_hello(&mut said, body),
            11 => said.chain = certificates(&said, body),
            12 => server_key_exchange(&mut said, body),
            15 => said.scheme = u16_at(body, 0),
            _ => {}
        }
    }
    said
}

fn server_hello(said: &mut Said, body: &[u8]) {
    // Version, random, session id, cipher suite, compression method, extensions.
    let Some((session, rest)) = body.get(34..).and_then(|b| b.split_first()) else { return };
    let rest = rest.get(usize::from(*session)..).unwrap_or_default();
    said.version = u16_at(body, 0);
    said.cipher = u16_at(rest, 0);
    let mut extensions = rest.get(5..).unwrap_or_default();
    while let (Some(code), Some(length)) = (u16_at(extensions, 0), u16_at(extensions, 2)) {
        let end = 4 + usize::from(length);
        let content = extensions.get(4..end).unwrap_or_default();
        match code {
            SUPPORTED_VERSIONS => said.version = u16_at(content, 0).or(said.version),
            KEY_SHARE => said.group = u16_at(content, 0),
            _ => {}
        }
        extensions = extensions.get(end..).unwrap_or_default();
    }
}

/// The curve, and the scheme of the signature, where it says so.
fn server_key_exchange(said: &mut Said, body: &[u8]) {
    let parameters = match body {
        [NAMED_CURVE, high, low, length, ..] => {
            said.group = Some(u16::from_be_bytes([*high, *low]));
            Some(4 + usize::from(*length))
        }
        // Prime, generator, public value; each with its length in two octets. (RFC 5246 section 7.4.3)
        _ => (0..3).try_fold(0, |at, _| Some(at + 2 + usize::from(u16_at(body, at)?))),
    };
    if said.version == Some(0x0303) {
        said.scheme = parameters.and_then(|at| u16_at(body, at)).filter(|_| said.cipher.is_none_or(is_signed));
    }
}

/// Whether key exchange messages of this suite are signed: not those of anonymous Diffie-Hellman.
fn is_signed(cipher: u16) -> bool {
    let anonymous = [0x0017..=0x001b, 0x0034..=0x0034, 0x003a..=0x003a, 0x0046..=0x0046, 0x006c..=0x006d, 0x0089..=0x0089, 0xc015..=0xc019];
    !(anonymous.iter().any(|range| range.contains(&cipher)) || matches!(cipher, 0x009b | 0x00a6 | 0x00a7 | 0x00bf | 0x00c5))
}

/// The certificate list: bare entries up to TLS 1.2, each with extensions behind it in TLS 1.3. Up to the first that cannot be read.
fn certificates(said: &Said, body: &[u8]) -> Vec<CertificateBytes> {
    let tls13 = said.version == Some(TLS13);
    let context = if tls13 { 1 + usize::from(body.first().copied().unwrap_or(0)) } else { 0 };
    list(body.get(context..).unwrap_or_default(), if tls13 { Entry::WithExtensions } else { Entry::Bare })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Bare,
    WithExtensions,
}

fn list(body: &[u8], entry: Entry) -> Vec<CertificateBytes> {
    let mut chain = Vec::new();
    let mut rest = body.get(3..).unwrap_or_default();
    while let Some((size, after)) = rest.split_first_chunk::<3>().filter(|_| chain.len() < MAX_CERTIFICATES) {
        let Some((certificate, after)) = after.split_at_checked(length(*size)) else { break };
        chain.push(CertificateBytes(Arc::from(certificate)));
        let extensions = if entry == Entry::WithExtensions { 2 + usize::from(u16_at(after, 0).unwrap_or(0)) } else { 0 };
        rest = after.get(extensions..).unwrap_or_default();
    }
    chain
}

/// A length in three octets.
pub(super) fn length([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
}
