//! Handshakes that remember their sessions: whether a server resumes one.

use crate::tls::engine::{Engine, Handshake};
use dane::name::Name;
use dane::observation::TlsFailure;
use rustls::ClientConfig;
use std::sync::Arc;

/// One server's sessions.
pub(crate) struct Remembering {
    config: Arc<ClientConfig>,
    sni: Name,
}

impl Remembering {
    pub(crate) fn new(engine: &Engine, sni: &Name) -> Self {
        Self { config: engine.remembering(), sni: sni.clone() }
    }

    /// A handshake that resumes what earlier ones left.
    pub(crate) fn begin(&self) -> Result<Handshake, TlsFailure> {
        Handshake::with(&self.config, &self.sni)
    }
}
