//! One session by rustls: TLS 1.2 and 1.3, and nothing that should have been switched off.

use crate::config::ConfigError;
use crate::tls::capture::{Capture, Shown, during};
use crate::tls::failure::{self, Begun};
use crate::tls::{Heard, Offer, Wrong, names, proof};
use dane::name::Name;
use dane::observation::{TlsFailure, TlsObservation};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{CipherSuite, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, SignatureScheme};
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;

/// What is offered, ready for use: one configuration for all handshakes.
#[derive(Clone)]
pub(super) struct Modern {
    all: Arc<ClientConfig>,
    rsa: Arc<ClientConfig>,
    ecdsa: Arc<ClientConfig>,
}

impl Modern {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // AES with 128 bits first, as Go's and Google's senders have it: SHA-256 goes by hardware, SHA-384 does not, on both sides.
        provider.cipher_suites.sort_by_key(|s| !matches!(s.suite(), CipherSuite::TLS13_AES_128_GCM_SHA256));
        Ok(Self {
            all: config(provider.clone(), &proof::OFFERED)?,
            rsa: config(only(&provider, "ECDHE_ECDSA"), &proof::RSA)?,
            ecdsa: config(only(&provider, "ECDHE_RSA"), &proof::ECDSA)?,
        })
    }

    /// Begins a handshake.
    pub(super) fn begin(&self, sni: Option<&Name>, offer: Offer) -> Result<Session, TlsFailure> {
        let config = match offer {
            Offer::All => &self.all,
            Offer::Rsa => &self.rsa,
            Offer::Ecdsa => &self.ecdsa,
        };
        Session::begin(config, sni)
    }

    /// The same with a memory for sessions.
    pub(super) fn remembering(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.all);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Arc::new(config)
    }
}

impl Session {
    /// Begins a handshake on these terms.
    pub(super) fn begin(config: &Arc<ClientConfig>, sni: Option<&Name>) -> Result<Self, TlsFailure> {
        let name = sni.and_then(|sni| ServerName::try_from(sni.to_string()).ok()).filter(|n| matches!(n, ServerName::DnsName(_)));
        // A name that cannot stand in SNI (RFC 6066 section 3) is left out of the ClientHello. The engine wants some name all the same; an
        // address is one that it does not send.
        let sent = if name.is_some() { sni.cloned() } else { None };
        let server = name.unwrap_or_else(|| ServerName::from(IpAddr::from([0, 0, 0, 0])));
        let tls = ClientConnection::new(Arc::clone(config), server).map_err(|e| failure::from_rustls(&e, Begun::No))?;
        Ok(Self { tls, shown: Shown::default(), sent, first: [0; FIRST], firsts: 0, raw: Vec::new(), closed: false })
    }
}

/// The provider without the TLS 1.2 suites of one kind of key.
fn only(provider: &CryptoProvider, without: &str) -> CryptoProvider {
    let other = |suite: CipherSuite| suite.as_str().is_some_and(|name| name.contains(without));
    let cipher_suites = provider.cipher_suites.iter().copied().filter(|s| !other(s.suite())).collect();
    CryptoProvider { cipher_suites, ..provider.clone() }
}

// R-073 rfc7672#8.1: TLS 1.2 and 1.3.
fn config(provider: CryptoProvider, schemes: &'static [SignatureScheme]) -> Result<Arc<ClientConfig>, ConfigError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| ConfigError::Tls(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capture(schemes)))
        .with_no_client_auth();
    // R-037 rfc7671#5.1: a resumed session shows no certificates.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Sessions remembered: one server, a few tickets.
const SESSIONS: usize = 8;
/// Octets by which a failure is told from another.
const FIRST: usize = 16;

/// A session, or a handshake on the way to one.
pub(super) struct Session {
    tls: ClientConnection,
    shown: Shown,
    sent: Option<Name>,
    /// The first octets received.
    first: [u8; FIRST],
    firsts: usize,
    /// All that was received, if the certificates did not come in one piece: in the end they may not come whole.
    raw: Vec<u8>,
    /// Whether our side has ended the session.
    closed: bool,
}

impl Session {
    pub(super) fn is_resumption(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    pub(super) fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out)?;
        }
        Ok(out)
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let done = self.process(bytes);
        // In TLS 1.3 certificates are encrypted, and the engine shows them whole or not at all.
        if self.tls.is_handshaking() && self.shown.chain.is_empty() && !self.is_tls13() {
            self.raw.extend_from_slice(bytes);
        } else {
            self.raw = Vec::new();
        }
        done
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn process(&mut self, mut bytes: &[u8]) -> Result<(), Wrong> {
        for (kept, byte) in self.first.iter_mut().skip(self.firsts).zip(bytes) {
            *kept = *byte;
            self.firsts += 1;
        }
        while !bytes.is_empty() {
            // Each round takes at least one octet or fails: the engine's own buffer is emptied by processing, unless a message fills it.
            self.tls.read_tls(&mut bytes).map_err(|_| Wrong::TooLarge)?;
            let tls = &mut self.tls;
            if let Err(error) = during(&mut self.shown, || tls.process_new_packets()) {
                return Err(self.wrong(&error));
            }
        }
        Ok(())
    }

    fn wrong(&self, error: &rustls::Error) -> Wrong {
        if self.began_endlessly() && self.shown.chain.is_empty() {
            return Wrong::TooLarge;
        }
        Wrong::Failed(failure::from_rustls(error, if self.spoke_tls() { Begun::Yes } else { Begun::No }))
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<Heard, Wrong> {
        match self.tls.reader().read(into) {
            Ok(0) => Ok(Heard::End),
            Ok(n) => Ok(Heard::Octets(n)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Heard::Nothing),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Heard::End),
            Err(e) => Err(Wrong::Failed(failure::of_kind("protocol-error", e.to_string()))),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let written = io::Write::write_all(&mut self.tls.writer(), bytes);
        written.map_err(|e| Wrong::Failed(failure::of_kind("protocol-error", e.to_string())))
    }

    pub(super) fn is_tls13(&self) -> bool {
        self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    /// Once is enough.
    pub(super) fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.tls.send_close_notify();
        }
    }

    pub(super) fn record(&mut self) -> TlsObservation {
        let tls = &self.tls;
        TlsObservation {
            sni: self.sent.take(),
            version: tls.protocol_version().map(names::version).or_else(|| self.refused_version()),
            cipher: tls.negotiated_cipher_suite().map(|s| names::cipher(s.suite())),
            group: tls.negotiated_key_exchange_group().map(|g| names::group(g.name())),
            signature_scheme: self.shown.scheme.map(names::scheme),
            key_proven: self.shown.proven,
            chain: std::mem::take(&mut self.shown.chain),
            ..TlsObservation::new("rustls")
        }
    }

    fn first(&self) -> &[u8] {
        self.first.get(..self.firsts).unwrap_or_default()
    }

    /// Whether the first message, which should be a hello, is longer than the engine takes. Later ones that long are certificates.
    fn began_endlessly(&self) -> bool {
        matches!(self.first(), [22, 3, _, _, _, _, high, ..] if *high > 0)
    }

    /// Whether what came first was a TLS record: a content type of RFC 8446 section 5.1 and major version 3.
    fn spoke_tls(&self) -> bool {
        matches!(self.first(), [20..=23, 3, ..])
    }

    /// The version of a ServerHello that the engine would not go on with. (RFC 5246 sections 6.2.1 and 7.4.1.3)
    fn refused_version(&self) -> Option<String> {
        match self.first() {
            [22, 3, _, _, _, 2, _, _, _, 3, minor @ 0..=2, ..] => Some(names::version(ProtocolVersion::from(0x0300 + u16::from(*minor)))),
            _ => None,
        }
    }
}
