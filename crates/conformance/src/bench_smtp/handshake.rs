//! The client's side of a bare TLS 1.3 handshake, in memory: rustls with a verifier that verifies the proof and nothing else.

use super::server::{Kind, tls};
use super::{HOST, cpu};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, Error, ServerConnection, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

#[derive(Debug)]
struct ProofOnly(Arc<CryptoProvider>);

impl ServerCertVerifier for ProofOnly {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(m, c, s, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(m, c, s, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a bare handshake is made with.
pub fn client() -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // The cheaper suite first, as in danelaw.
    provider.cipher_suites.sort_by_key(|s| !matches!(s.suite(), CipherSuite::TLS13_AES_128_GCM_SHA256));
    let provider = Arc::new(provider);
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ProofOnly(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// CPU seconds of one.
///
/// # Panics
/// If it fails.
pub fn measure(directory: &Path, kind: Kind, count: usize) -> f64 {
    let (client, server) = (client(), tls(directory, kind));
    let mut used = 0.0;
    for _ in 0..count {
        let mut theirs = ServerConnection::new(Arc::clone(&server)).expect("server");
        let mut flight = Vec::new();
        let before = cpu();
        let mut ours = ClientConnection::new(Arc::clone(&client), ServerName::try_from(HOST).expect("name")).expect("client");
        ours.write_tls(&mut flight).expect("hello");
        used += cpu() - before;
        theirs.read_tls(&mut flight.as_slice()).expect("hello");
        theirs.process_new_packets().expect("hello");
        let mut answer = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut answer).expect("flight");
        }
        let before = cpu();
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            ours.read_tls(&mut rest).expect("flight");
            ours.process_new_packets().expect("flight");
        }
        flight.clear();
        while ours.wants_write() {
            ours.write_tls(&mut flight).expect("finished");
        }
        assert!(!ours.is_handshaking());
        drop(ours);
        used += cpu() - before;
    }
    used / count as f64
}
