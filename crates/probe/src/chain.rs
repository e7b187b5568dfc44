//! A chain from a file, in place of a visit.

use dane::observation::{CertificateBytes, TlsObservation};

/// The record of a handshake that nobody made.
pub(crate) fn presented(chain: &[CertificateBytes]) -> TlsObservation {
    TlsObservation { chain: chain.to_vec(), ..TlsObservation::new("file") }
}
