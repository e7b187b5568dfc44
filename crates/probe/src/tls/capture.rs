//! A certificate verifier that refuses nothing and remembers everything.

use crate::tls::{names, proof};
use dane::observation::CertificateBytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// What one handshake showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Certificates as received, leaf first as the protocol has it.
    pub(super) chain: Vec<CertificateBytes>,
    /// The scheme of the server's proof.
    pub(super) scheme: Option<String>,
    /// Whether the proof holds.
    pub(super) proven: Option<bool>,
}

/// One per handshake.
#[derive(Debug, Default)]
pub(super) struct Capture(Mutex<Shown>);

impl Capture {
    pub(super) fn shown(&self) -> Shown {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, version: ProtocolVersion, message: &[u8], leaf: &[u8], signed: &DigitallySignedStruct) {
        let proven = proof::proves(leaf, version, signed.scheme, message, signed.signature());
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.scheme = Some(names::scheme(signed.scheme));
        shown.proven = proven;
    }
}

impl ServerCertVerifier for Capture {
    // R-062 rfc8446#4.4.2: whatever comes, in whatever order, is kept; `dane` finds the paths.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.chain = std::iter::once(end_entity).chain(intermediates).map(|c| CertificateBytes(Arc::from(c.as_ref()))).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.record(ProtocolVersion::TLSv1_2, message, cert, dss);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.record(ProtocolVersion::TLSv1_3, message, cert, dss);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        proof::OFFERED.to_vec()
    }
}
