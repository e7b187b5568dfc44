//! Handshakes that remember their sessions: whether a server resumes one.

use crate::tls::capture::Capture;
use crate::tls::engine::{Engine, Handshake};
use crate::tls::failure;
use dane::name::Name;
use dane::observation::TlsFailure;
use rustls::client::Resumption;
use rustls::{ClientConfig, HandshakeKind};
use std::sync::Arc;

/// Sessions remembered: one server, a few tickets.
const SESSIONS: usize = 8;

/// One server's sessions.
pub(crate) struct Remembering {
    config: Arc<ClientConfig>,
    capture: Arc<Capture>,
    sni: Name,
}

impl Remembering {
    pub(crate) fn new(engine: &Engine, sni: &Name) -> Result<Self, TlsFailure> {
        let capture = Arc::new(Capture::default());
        let mut config = engine.config(Arc::clone(&capture)).map_err(|e| failure::of_kind("protocol-error", e.to_string()))?;
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(Self { config: Arc::new(config), capture, sni: sni.clone() })
    }

    /// A handshake that resumes what earlier ones left.
    pub(crate) fn begin(&self) -> Result<Handshake, TlsFailure> {
        Handshake::new(Arc::clone(&self.config), Arc::clone(&self.capture), &self.sni)
    }
}

impl Handshake {
    /// Whether it went on with an earlier session; only after `run` gave `Ok`.
    pub(crate) fn is_resumption(&self) -> bool {
        self.session.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}
