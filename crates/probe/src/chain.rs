//! A chain from a file, in place of a visit.

use dane::observation::{CertificateBytes, TlsObservation};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;

/// Why a file holds no chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Not one `BEGIN CERTIFICATE`, and not DER either.
    #[error("no certificate in it; give PEM with the server's certificate first, as in fullchain.pem")]
    Empty,
    /// A PEM section that cannot be decoded.
    #[error("broken PEM: {0}")]
    Pem(String),
}

/// Reads a chain as servers present it: PEM, leaf first, other sections ignored; or one certificate in DER.
///
/// # Errors
/// If there is no certificate, or a section is damaged.
pub fn chain_from_file(bytes: &[u8]) -> Result<Vec<CertificateBytes>, ChainError> {
    // DER of a certificate begins with a SEQUENCE with a two-octet length.
    if bytes.starts_with(&[0x30, 0x82]) {
        return Ok(vec![CertificateBytes(Arc::from(bytes))]);
    }
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let certificate = certificate.map_err(|error| ChainError::Pem(error.to_string()))?;
        chain.push(CertificateBytes(Arc::from(certificate.as_ref())));
    }
    if chain.is_empty() { Err(ChainError::Empty) } else { Ok(chain) }
}

/// The record of a handshake that nobody made.
pub(crate) fn presented(chain: &[CertificateBytes]) -> TlsObservation {
    TlsObservation { chain: chain.to_vec(), ..TlsObservation::new("file") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_with_words_and_keys_around_it_der_and_what_is_neither() {
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = rcgen::CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap().self_signed(&key).unwrap();
        let file = format!("subject=CN = mx\n{}\n{}{}", key.serialize_pem(), cert.pem(), cert.pem());
        let chain = chain_from_file(file.as_bytes()).unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(*chain[0].0, **cert.der());
        assert_eq!(chain_from_file(cert.der()).unwrap(), chain[..1]);
        for empty in ["", "hello", &key.serialize_pem()] {
            assert!(matches!(chain_from_file(empty.as_bytes()), Err(ChainError::Empty)), "{empty}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n";
        assert!(matches!(chain_from_file(broken.as_bytes()), Err(ChainError::Pem(_))));
        assert!(chain_from_file(&[0xff; 100]).is_err());
    }
}
