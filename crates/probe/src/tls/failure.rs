//! Why a handshake failed, in stable codes.

use crate::tls::names;
use dane::observation::TlsFailure;
use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

/// The record of an error of rustls. `begun`: whether the server had spoken TLS before.
pub(super) fn from_rustls(error: &Error, begun: Begun) -> TlsFailure {
    let alert = match error {
        Error::AlertReceived(alert) => Some(names::alert(*alert)),
        _ => None,
    };
    TlsFailure { kind: kind(error, begun).to_owned(), alert, detail: error.to_string() }
}

/// The record of an error of OpenSSL, whose reasons are known by their words. (openssl/sslerr.h)
pub(super) fn from_openssl(error: &libssl::Failure) -> TlsFailure {
    let kind = match (error.alert.map(AlertDescription::from), error.words.as_str()) {
        (Some(alert), _) => alert_kind(alert),
        (_, "unsupported protocol" | "wrong ssl version") => "protocol-version",
        (_, "wrong version number" | "http request" | "https proxy request") => "not-tls",
        (_, "excessive message size") => "chain-too-large",
        (_, "bad signature") => "bad-signature",
        _ => "protocol-error",
    };
    TlsFailure { kind: kind.to_owned(), alert: error.alert.map(|a| names::alert(a.into())), detail: error.words.clone() }
}

/// The two alerts by which a server says what it lacks keep their meaning.
fn alert_kind(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::ProtocolVersion => "protocol-version",
        AlertDescription::InsufficientSecurity => "no-common-cipher",
        _ => "alert",
    }
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

fn kind(error: &Error, begun: Begun) -> &'static str {
    match error {
        Error::AlertReceived(alert) => alert_kind(*alert),
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
