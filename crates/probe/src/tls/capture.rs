//! A certificate verifier that refuses nothing and remembers everything.

use crate::tls::proof;
use dane::observation::CertificateBytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use std::cell::RefCell;
use std::sync::Arc;

/// What one handshake showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Certificates as received, leaf first as the protocol has it.
    pub(super) chain: Vec<CertificateBytes>,
    /// The scheme of the server's proof.
    pub(super) scheme: Option<SignatureScheme>,
    /// Whether the proof holds.
    pub(super) proven: Option<bool>,
}

thread_local! {
    /// What the handshake shows that this thread is working on. The engine calls its verifier in the middle of `process_new_packets`, without
    /// a word about which session it is; a verifier and a configuration for each handshake would be the other way, and cost more than
    /// the dialogue.
    static SHOWN: RefCell<Shown> = const { RefCell::new(Shown { chain: Vec::new(), scheme: None, proven: None }) };
}

/// Runs one piece of a handshake, and puts what it shows where it belongs.
pub(super) fn during<T>(shown: &mut Shown, work: impl FnOnce() -> T) -> T {
    SHOWN.with_borrow_mut(|now| std::mem::swap(now, shown));
    let result = work();
    SHOWN.with_borrow_mut(|now| std::mem::swap(now, shown));
    result
}

/// One for all handshakes that offer the same signature schemes.
#[derive(Debug)]
pub(super) struct Capture(pub(super) &'static [SignatureScheme]);

impl Capture {
    fn record(version: ProtocolVersion, message: &[u8], leaf: &[u8], signed: &DigitallySignedStruct) {
        let proven = proof::proves(leaf, version, signed.scheme, message, signed.signature());
        SHOWN.with_borrow_mut(|shown| {
            shown.scheme = Some(signed.scheme);
            shown.proven = proven;
        });
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
        let chain = std::iter::once(end_entity).chain(intermediates).map(|c| CertificateBytes(Arc::from(c.as_ref()))).collect();
        SHOWN.with_borrow_mut(|shown| shown.chain = chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::record(ProtocolVersion::TLSv1_2, message, cert, dss);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::record(ProtocolVersion::TLSv1_3, message, cert, dss);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.to_vec()
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_handshake_shows_is_not_taken_for_what_another_does() {
        let certificate = |byte: u8| CertificateBytes(Arc::from(&[byte][..]));
        let show = |byte: u8| SHOWN.with_borrow_mut(|shown| shown.chain.push(certificate(byte)));
        let (mut one, mut other) = (Shown::default(), Shown::default());
        during(&mut one, || show(1));
        during(&mut other, || show(2));
        during(&mut one, || show(3));
        assert_eq!(one.chain, [certificate(1), certificate(3)]);
        assert_eq!(other.chain, [certificate(2)]);
        during(&mut Shown::default(), || SHOWN.with_borrow(|shown| assert!(shown.chain.is_empty())));
    }
}
