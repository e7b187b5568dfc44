//! The handshake, and the session after it, over a TCP stream.

use crate::config::{ConfigError, OpenSsl};
use crate::tls::{Heard, Offer, Wrong, broad, cut, failure, modern};
use crate::wire::{Broken, Wire};
use dane::name::Name;
use dane::observation::{TlsFailure, TlsObservation};
use rustls::ClientConfig;
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

//
/// Octets of one visit inside TLS: the largest certificate message that rustls takes is 64 kB, and the rest is little.
const MODERN_OCTETS: usize = 192 * 1024;
/// The same for OpenSSL, which takes a megabyte of certificates.
const BROAD_OCTETS: usize = 1_200_000;

/// Makes handshakes. One for all visits.
#[derive(Clone)]
pub(crate) struct Engine {
    modern: modern::Modern,
    broad: Option<Arc<libssl::Library>>,
}

/// One of the two engines at work.
enum Tls {
    Modern(Box<modern::Session>),
    Broad(Box<broad::Session>),
}

/// A TLS session over a stream that is lent for each operation.
pub(crate) struct Session {
    tls: Tls,
    /// Octets still allowed.
    budget: usize,
}

/// A handshake under way.
pub(crate) struct Handshake {
    session: Session,
}

impl Engine {
    pub(crate) fn new(openssl: &OpenSsl) -> Result<Self, ConfigError> {
        Ok(Self { modern: modern::Modern::new()?, broad: broad::library(openssl)? })
    }

    /// Begins a handshake by rustls; without SNI if there is no name.
    pub(crate) fn begin(&self, sni: Option<&Name>, offer: Offer) -> Result<Handshake, TlsFailure> {
        let tls = Tls::Modern(Box::new(self.modern.begin(sni, offer)?));
        Ok(Handshake { session: Session { tls, budget: MODERN_OCTETS } })
    }

    /// What a client offers that resumes sessions, with a memory of its own.
    pub(super) fn remembering(&self) -> Arc<ClientConfig> {
        self.modern.remembering()
    }

    /// Whether there is an OpenSSL on this machine.
    pub(crate) fn has_broad(&self) -> bool {
        self.broad.is_some()
    }

    /// The OpenSSL of this machine, if there is one.
    pub(super) fn openssl(&self) -> Option<&Arc<libssl::Library>> {
        self.broad.as_ref()
    }

    /// Begins a handshake by OpenSSL with everything it has for this offer.
    pub(crate) fn begin_broad(&self, sni: Option<&Name>, offer: Offer) -> Result<Handshake, TlsFailure> {
        let library = self.broad.as_ref().ok_or_else(|| failure::of_kind("protocol-error", "there is no OpenSSL here"))?;
        let tls = Tls::Broad(Box::new(broad::Session::begin(library, sni, offer)?));
        Ok(Handshake { session: Session { tls, budget: BROAD_OCTETS } })
    }
}

impl Handshake {
    /// Begins one by rustls, on these terms.
    pub(super) fn with(config: &Arc<ClientConfig>, sni: &Name) -> Result<Self, TlsFailure> {
        let tls = Tls::Modern(Box::new(modern::Session::begin(config, Some(sni))?));
        Ok(Self { session: Session { tls, budget: MODERN_OCTETS } })
    }

    /// Whether it went on with an earlier session; only after `run` gave `Ok`.
    pub(crate) fn is_resumption(&self) -> bool {
        matches!(&self.session.tls, Tls::Modern(session) if session.is_resumption())
    }

    /// Goes through with it until then. Take [`Handshake::end`] in any case.
    pub(crate) async fn run(&mut self, wire: &mut Wire, end: Instant) -> Result<(), TlsFailure> {
        while self.session.tls.is_handshaking() {
            self.session.flush(wire, end).await.map_err(|e| e.in_handshake())?;
            match self.session.take_in(wire, end).await {
                Ok(0) => return Err(failure::of_kind("closed", "the server closed the connection during the handshake")),
                Ok(_) => {}
                Err(error) => {
                    // Our alert is a courtesy; whether it arrives does not matter.
                    let _ = self.session.flush(wire, end).await;
                    return Err(error.in_handshake());
                }
            }
        }
        // What is left to be said (in TLS 1.3 our Finished) goes with the first command: one packet less.
        Ok(())
    }

    /// The record of what was shown, and the session if there is one.
    pub(crate) fn end(mut self, error: Option<TlsFailure>) -> (TlsObservation, Option<Session>) {
        let (mut record, raw) = match &mut self.session.tls {
            Tls::Modern(session) => (session.record(), session.raw()),
            Tls::Broad(session) => (session.record(), session.raw()),
        };
        if let Some(error) = &error {
            cut::keep(&mut record, error, raw);
        }
        let session = error.is_none().then_some(self.session);
        (TlsObservation { error, ..record }, session)
    }
}

fn io_failure(error: &io::Error) -> TlsFailure {
    let kind = match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => "reset",
        io::ErrorKind::TimedOut => "timeout",
        _ => "closed",
    };
    failure::of_kind(kind, error.to_string())
}

/// Why a session ends.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// The engine found fault with what the server sent.
    Engine(TlsFailure),
    /// More octets than we take.
    Budget,
    /// The network.
    Io(io::Error),
    /// Our patience ended.
    Late,
}

impl SessionError {
    /// As the end of a handshake.
    fn in_handshake(self) -> TlsFailure {
        match self {
            SessionError::Engine(failure) => failure,
            SessionError::Budget => failure::of_kind("chain-too-large", "more octets than any handshake needs"),
            SessionError::Io(e) => io_failure(&e),
            SessionError::Late => failure::too_slow(),
        }
    }

    /// In the words of the record.
    pub(crate) fn failure(&self) -> Option<TlsFailure> {
        match self {
            SessionError::Engine(failure) => Some(failure.clone()),
            SessionError::Budget => Some(failure::of_kind("protocol-error", "more octets than any dialogue needs")),
            SessionError::Io(_) | SessionError::Late => None,
        }
    }
}

impl From<Broken> for SessionError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Late => SessionError::Late,
            Broken::Io(error) => SessionError::Io(error),
        }
    }
}

impl From<Wrong> for SessionError {
    fn from(wrong: Wrong) -> Self {
        SessionError::Engine(wrong.failure())
    }
}

impl Session {
    /// Sends.
    pub(crate) async fn send(&mut self, wire: &mut Wire, bytes: &[u8], end: Instant) -> Result<(), SessionError> {
        match &mut self.tls {
            Tls::Modern(session) => session.write(bytes)?,
            Tls::Broad(session) => session.write(bytes)?,
        }
        self.flush(wire, end).await
    }

    /// Sends the last that we have to say. In TLS 1.3, where that does not end what the server says, our side of the session ends with it.
    /// (RFC 8446 section 6.1)
    pub(crate) async fn send_last(&mut self, wire: &mut Wire, bytes: &[u8], end: Instant) -> Result<(), SessionError> {
        if let Tls::Modern(session) = &mut self.tls
            && session.is_tls13()
        {
            session.write(bytes)?;
            session.close();
            return self.flush(wire, end).await;
        }
        self.send(wire, bytes, end).await
    }

    /// Waits for data, and shows it; 0 octets: the server ended the session or the connection.
    pub(crate) async fn receive(&mut self, wire: &mut Wire, end: Instant, show: &mut impl FnMut(&[u8])) -> Result<usize, SessionError> {
        loop {
            match self.read(show)? {
                Heard::Octets(n) => return Ok(n),
                Heard::End => return Ok(0),
                Heard::Nothing => {}
            }
            if self.take_in(wire, end).await? == 0 {
                return Ok(0);
            }
            self.flush(wire, end).await?;
        }
    }

    fn read(&mut self, show: &mut impl FnMut(&[u8])) -> Result<Heard, Wrong> {
        let mut buffer = [0; 4096];
        let heard = match &mut self.tls {
            Tls::Modern(session) => session.read(&mut buffer)?,
            Tls::Broad(session) => session.read(&mut buffer)?,
        };
        if let Heard::Octets(n) = heard {
            show(buffer.get(..n).unwrap_or_default());
        }
        Ok(heard)
    }

    /// Ends the session in good order, as far as the server lets us.
    pub(crate) async fn close(&mut self, wire: &mut Wire, end: Instant) {
        match &mut self.tls {
            Tls::Modern(session) => session.close(),
            Tls::Broad(session) => session.close(),
        }
        let _ = self.flush(wire, end).await;
    }

    /// Waits for octets and gives them to the engine; 0: the connection ended.
    async fn take_in(&mut self, wire: &mut Wire, end: Instant) -> Result<usize, SessionError> {
        wire.receive(end, |bytes| {
            self.budget = self.budget.checked_sub(bytes.len()).ok_or(SessionError::Budget)?;
            match &mut self.tls {
                Tls::Modern(session) => session.feed(bytes)?,
                Tls::Broad(session) => session.feed(bytes)?,
            }
            Ok(bytes.len())
        })
        .await?
    }

    async fn flush(&mut self, wire: &mut Wire, end: Instant) -> Result<(), SessionError> {
        let out = match &mut self.tls {
            Tls::Modern(session) => session.take().map_err(SessionError::Io)?,
            Tls::Broad(session) => session.take(),
        };
        if !out.is_empty() {
            wire.send(&out, end).await?;
        }
        Ok(())
    }
}

impl Tls {
    fn is_handshaking(&self) -> bool {
        match self {
            Tls::Modern(session) => session.is_handshaking(),
            Tls::Broad(session) => session.is_handshaking(),
        }
    }
}
