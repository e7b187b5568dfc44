//! Why a handshake failed, in stable codes.

use crate::tls::names;
use dane::observation::TlsFailure;
use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

/// The record of an error of the engine. `begun`: whether the server had spoken TLS before.
pub(super) fn from_engine(error: &Error, begun: Begun) -> TlsFailure {
    let alert = match error {
        Error::AlertReceived(alert) => Some(names::alert(*alert)),
        _ => None,
    };
    TlsFailure { kind: kind(error, begun).to_owned(), alert, detail: error.to_string() }
}

/// Whether the server had sent any well-formed TLS before the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It had.
    Yes,
    /// It had not.
    No,
}

/// A failure that is not the engine's.
pub(super) fn of_kind(kind: &str, detail: impl Into<String>) -> TlsFailure {
    TlsFailure { kind: kind.to_owned(), alert: None, detail: detail.into() }
}

/// The handshake was cut short by us.
pub(crate) fn too_slow() -> TlsFailure {
    of_kind("timeout", "the handshake was not complete before our deadline")
}

fn kind(error: &Error, begun: Begun) -> &'static str {
    match error {
        // The two alerts by which a server says what it lacks keep their meaning.
        Error::AlertReceived(AlertDescription::ProtocolVersion) => "protocol-version",
        Error::AlertReceived(AlertDescription::InsufficientSecurity) => "no-common-cipher",
        Error::AlertReceived(_) => "alert",
        Error::NoCertificatesPresented => "empty-chain",
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "protocol-version",
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon) => "no-common-cipher",
        Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge) => "chain-too-large",
        Error::InvalidMessage(_) if begun == Begun::No => "not-tls",
        _ => "protocol-error",
    }
}
