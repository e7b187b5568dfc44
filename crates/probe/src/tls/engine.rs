//! The handshake, and the session after it, over a TCP stream.

use crate::config::ConfigError;
use crate::tls::capture::Capture;
use crate::tls::failure::{self, Begun};
use crate::tls::names;
use dane::name::Name;
use dane::observation::{TlsFailure, TlsObservation};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What we read from the network at a time, octets.
const READ: usize = 4096;
//
/// Octets of one visit inside TLS: the largest certificate message the engine takes is 64 kB, and the rest is little.
const TLS_OCTETS: usize = 192 * 1024;

/// Makes handshakes. One for all visits.
#[derive(Clone)]
pub(crate) struct Engine {
    provider: Arc<CryptoProvider>,
}

/// A TLS session over a stream that is lent for each operation.
pub(crate) struct Session {
    pub(super) tls: ClientConnection,
    /// Octets still allowed.
    budget: usize,
}

impl Engine {
    pub(crate) fn new() -> Result<Self, ConfigError> {
        let engine = Self { provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()) };
        engine.config(Arc::default()).map(|_| engine)
    }

    /// Shakes hands. Gives the record in any case, and the session if there is one. Takes as long as the server does: bound it from outside
    /// and take [`Handshake::record`] if it was cut short.
    pub(crate) fn begin(&self, sni: &Name) -> Result<Handshake, TlsFailure> {
        let capture = Arc::new(Capture::default());
        let config = self.config(Arc::clone(&capture)).map_err(|e| failure::of_kind("protocol-error", e.to_string()))?;
        Handshake::new(Arc::new(config), capture, sni)
    }

    // R-073 rfc7672#8.1: TLS 1.2 and 1.3.
    pub(super) fn config(&self, capture: Arc<Capture>) -> Result<ClientConfig, ConfigError> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| ConfigError::Tls(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(capture)
            .with_no_client_auth();
        // R-037 rfc7671#5.1: a resumed session shows no certificates.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// A handshake under way.
pub(crate) struct Handshake {
    pub(super) session: Session,
    capture: Arc<Capture>,
    sent: Option<Name>,
    /// The first octets received.
    first: Vec<u8>,
}

impl Handshake {
    pub(super) fn new(mut config: Arc<ClientConfig>, capture: Arc<Capture>, sni: &Name) -> Result<Self, TlsFailure> {
        let name = ServerName::try_from(sni.to_string()).ok().filter(|n| matches!(n, ServerName::DnsName(_)));
        // A name that cannot stand in SNI (RFC 6066 section 3) is left out of the ClientHello; the engine wants some name all the same.
        if name.is_none() {
            Arc::make_mut(&mut config).enable_sni = false;
        }
        let sent = name.is_some().then(|| sni.clone());
        let server = name.unwrap_or_else(|| ServerName::from(IpAddr::from([0, 0, 0, 0])));
        let tls = ClientConnection::new(config, server).map_err(|e| failure::from_engine(&e, Begun::No))?;
        Ok(Self { session: Session { tls, budget: TLS_OCTETS }, capture, sent, first: Vec::new() })
    }

    /// Goes through with it.
    pub(crate) async fn run(&mut self, tcp: &mut TcpStream) -> Result<(), TlsFailure> {
        let mut buffer = [0; READ];
        loop {
            self.session.flush(tcp).await.map_err(|e| self.io_failure(&e))?;
            if !self.session.tls.is_handshaking() {
                return Ok(());
            }
            let got = tcp.read(&mut buffer).await.map_err(|e| self.io_failure(&e))?;
            let bytes = buffer.get(..got).unwrap_or_default();
            if bytes.is_empty() {
                return Err(failure::of_kind("closed", "the server closed the connection during the handshake"));
            }
            self.first.extend_from_slice(bytes.get(..bytes.len().min(16_usize.saturating_sub(self.first.len()))).unwrap_or_default());
            if let Err(error) = self.session.take_in(bytes) {
                let begun = if self.spoke_tls() { Begun::Yes } else { Begun::No };
                // Our alert is a courtesy; whether it arrives does not matter.
                let _ = self.session.flush(tcp).await;
                return Err(match error {
                    SessionError::Engine(_) if self.began_endlessly() => message_too_large(),
                    SessionError::Engine(e) => failure::from_engine(&e, begun),
                    SessionError::Budget => failure::of_kind("chain-too-large", "more octets than any handshake needs"),
                    SessionError::Message => message_too_large(),
                    SessionError::Io(e) => self.io_failure(&e),
                });
            }
        }
    }

    /// The record of what was shown so far.
    pub(crate) fn record(&self, error: Option<TlsFailure>) -> TlsObservation {
        let shown = self.capture.shown();
        let tls = &self.session.tls;
        TlsObservation {
            sni: self.sent.clone(),
            version: tls.protocol_version().map(names::version).or_else(|| self.refused_version()),
            cipher: tls.negotiated_cipher_suite().map(|s| names::cipher(s.suite())),
            group: tls.negotiated_key_exchange_group().map(|g| names::group(g.name())),
            signature_scheme: shown.scheme,
            key_proven: shown.proven,
            chain: shown.chain,
            error,
            engine: "rustls".to_owned(),
        }
    }

    /// The session; only after `run` gave `Ok`.
    pub(crate) fn into_session(self) -> Session {
        self.session
    }

    /// Whether the first message, which should be a hello, is longer than the engine takes. Later ones that long are certificates.
    fn began_endlessly(&self) -> bool {
        matches!(self.first.as_slice(), [22, 3, _, _, _, _, high, ..] if *high > 0)
    }

    /// Whether what came first was a TLS record: a content type of RFC 8446 section 5.1 and major version 3.
    fn spoke_tls(&self) -> bool {
        matches!(self.first.as_slice(), [20..=23, 3, ..])
    }

    /// The version of a ServerHello that the engine would not go on with. (RFC 5246 sections 6.2.1 and 7.4.1.3)
    fn refused_version(&self) -> Option<String> {
        match self.first.as_slice() {
            [22, 3, _, _, _, 2, _, _, _, 3, minor @ 0..=2, ..] => {
                Some(names::version(rustls::ProtocolVersion::from(0x0300 + u16::from(*minor))))
            }
            _ => None,
        }
    }

    fn io_failure(&self, error: &io::Error) -> TlsFailure {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => "reset",
            io::ErrorKind::TimedOut => "timeout",
            _ => "closed",
        };
        failure::of_kind(kind, error.to_string())
    }
}

/// The network has no part in it.
fn message_too_large() -> TlsFailure {
    failure::of_kind("message-too-large", "the server began a message longer than our engine takes")
}

/// Why a session ends.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// The engine found fault with what the server sent.
    Engine(rustls::Error),
    /// More octets than we take.
    Budget,
    /// One message of more octets than the engine takes.
    Message,
    /// The network.
    Io(io::Error),
}

impl SessionError {
    /// In the words of the record.
    pub(crate) fn failure(&self) -> Option<TlsFailure> {
        match self {
            SessionError::Engine(e) => Some(failure::from_engine(e, Begun::Yes)),
            SessionError::Budget => Some(failure::of_kind("protocol-error", "more octets than any dialogue needs")),
            SessionError::Message => Some(message_too_large()),
            SessionError::Io(_) => None,
        }
    }
}

impl Session {
    /// Sends.
    pub(crate) async fn send(&mut self, tcp: &mut TcpStream, bytes: &[u8]) -> Result<(), SessionError> {
        io::Write::write_all(&mut self.tls.writer(), bytes).map_err(SessionError::Io)?;
        self.flush(tcp).await.map_err(SessionError::Io)
    }

    /// Waits for data; 0: the server ended the session or the connection.
    pub(crate) async fn receive(&mut self, tcp: &mut TcpStream, into: &mut [u8]) -> Result<usize, SessionError> {
        let mut buffer = [0; READ];
        loop {
            match self.tls.reader().read(into) {
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(SessionError::Io(e)),
                Err(_) => {}
            }
            let got = tcp.read(&mut buffer).await.map_err(SessionError::Io)?;
            if got == 0 {
                return Ok(0);
            }
            self.take_in(buffer.get(..got).unwrap_or_default())?;
            self.flush(tcp).await.map_err(SessionError::Io)?;
        }
    }

    /// Ends the session in good order, as far as the server lets us.
    pub(crate) async fn close(&mut self, tcp: &mut TcpStream) {
        self.tls.send_close_notify();
        let _ = self.flush(tcp).await;
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<(), SessionError> {
        self.budget = self.budget.checked_sub(bytes.len()).ok_or(SessionError::Budget)?;
        while !bytes.is_empty() {
            // Each round takes at least one octet or fails: the engine's own buffer is emptied by processing, unless a message fills it.
            self.tls.read_tls(&mut bytes).map_err(|_| SessionError::Message)?;
            self.tls.process_new_packets().map_err(SessionError::Engine)?;
        }
        Ok(())
    }

    async fn flush(&mut self, tcp: &mut TcpStream) -> io::Result<()> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out)?;
        }
        if !out.is_empty() {
            tcp.write_all(&out).await?;
        }
        Ok(())
    }
}
