//! A certificate chain in a file, as people have it.

use crate::cert::Certificate;
use crate::observation::CertificateBytes;
use crate::pem::{self, PemError};

/// Why a file holds no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not one `BEGIN CERTIFICATE`, and not DER either.
    #[error("no certificate in it; give PEM with the server's certificate first, as in fullchain.pem")]
    Empty,
    /// A block that cannot be decoded.
    #[error(transparent)]
    Pem(#[from] PemError),
}

/// Reads a chain as servers present it: PEM, leaf first, other blocks ignored; or one certificate in DER.
///
/// # Errors
/// If there is no certificate, or a block is damaged.
pub fn read(file: &[u8]) -> Result<Vec<CertificateBytes>, ChainError> {
    let chain: Vec<CertificateBytes> = if pem::is_pem(file) {
        let certificates = pem::blocks(file)?.into_iter().filter(|block| block.label == "CERTIFICATE");
        certificates.map(|block| CertificateBytes(block.der.into())).collect()
    } else {
        Certificate::parse(file).iter().map(|_| CertificateBytes(file.into())).collect()
    };
    if chain.is_empty() { Err(ChainError::Empty) } else { Ok(chain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_with_words_and_keys_around_it_der_and_what_is_neither() {
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = rcgen::CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap().self_signed(&key).unwrap();
        let file = format!("subject=CN = mx\n{}\n{}{}", key.serialize_pem(), cert.pem(), cert.pem());
        let chain = read(file.as_bytes()).unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(*chain[0].0, **cert.der());
        assert_eq!(read(cert.der()).unwrap(), chain[..1]);
        for empty in ["", "hello", &key.serialize_pem()] {
            assert!(matches!(read(empty.as_bytes()), Err(ChainError::Empty)), "{empty}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n";
        assert!(matches!(read(broken.as_bytes()), Err(ChainError::Pem(_))));
        assert!(read(&[0xff; 100]).is_err());
    }
}
