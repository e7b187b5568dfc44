//! One session by OpenSSL, for servers with which rustls has no common ground: TLS 1.0 and 1.1, RSA key exchange, finite-field
//! Diffie-Hellman, CBC, anonymous suites; and certificate lists of up to a megabyte.

use crate::config::{ConfigError, OpenSsl};
use crate::tls::messages::{self, Said};
use crate::tls::{Heard, Offer, Wrong, failure, names};
use dane::name::Name;
use dane::observation::{TlsFailure, TlsObservation};
use libssl::{Client, Failure, Library, Step};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::sync::Arc;

/// Suites and signature algorithms of one kind of key, in OpenSSL's words: up to TLS 1.2 the suite says which, in TLS 1.3 the algorithm.
const RSA_CIPHERS: &str = "aRSA:@SECLEVEL=0";
const RSA_SCHEMES: &str = "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA224:RSA+SHA1";
const ECDSA_CIPHERS: &str = "aECDSA:@SECLEVEL=0";
const ECDSA_SCHEMES: &str = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:ECDSA+SHA224:ECDSA+SHA1";

/// The OpenSSL that is wanted, if it is there.
///
/// # Errors
/// If it was wanted from a certain place and is not there. That a system has none is no error.
pub(super) fn library(wanted: &OpenSsl) -> Result<Option<Arc<Library>>, ConfigError> {
    match wanted {
        OpenSsl::System => Ok(Library::load(None).ok()),
        OpenSsl::In(directory) => {
            Library::load(Some(directory)).map(Some).map_err(|e| ConfigError::OpenSsl(directory.clone(), e.to_string()))
        }
        OpenSsl::Without => Ok(None),
    }
}

/// A session, or a handshake on the way to one.
pub(super) struct Session {
    client: Client,
    sent: Option<Name>,
    complete: bool,
    engine: String,
    /// Octets received so far, as long as the handshake goes on.
    raw: Vec<u8>,
}

impl Session {
    pub(super) fn begin(library: &Arc<Library>, sni: Option<&Name>, offer: Offer) -> Result<Self, TlsFailure> {
        let (ciphers, schemes) = match offer {
            Offer::All => (None, None),
            Offer::Rsa => (Some(RSA_CIPHERS), Some(RSA_SCHEMES)),
            Offer::Ecdsa => (Some(ECDSA_CIPHERS), Some(ECDSA_SCHEMES)),
        };
        let offer = libssl::Offer {
            server_name: sni.map(ToString::to_string),
            cipher_list: ciphers.map(str::to_owned),
            signature_algorithms: schemes.map(str::to_owned),
            newest: None,
        };
        let client = Client::new(library, &offer).map_err(|e| failure::of_kind("protocol-error", e.words))?;
        let mut session = Self { client, sent: sni.cloned(), complete: false, engine: library.version().to_owned(), raw: Vec::new() };
        // Makes the ClientHello.
        session.advance().map_err(|wrong| wrong.failure())?;
        Ok(session)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        !self.complete
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.client.take()
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.client.feed(bytes);
        if self.complete {
            return Ok(());
        }
        self.raw.extend_from_slice(bytes);
        self.advance()
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn advance(&mut self) -> Result<(), Wrong> {
        self.complete = matches!(self.client.handshake().map_err(|e| wrong(&e))?, Step::Done(_));
        if self.complete {
            self.raw = Vec::new();
        }
        Ok(())
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<Heard, Wrong> {
        Ok(match self.client.read(into).map_err(|e| wrong(&e))? {
            Step::Done(n) => Heard::Octets(n),
            Step::WantsMore => Heard::Nothing,
            Step::Ended => Heard::End,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.client.write(bytes).map(|_| ()).map_err(|e| wrong(&e))
    }

    pub(super) fn close(&mut self) {
        self.client.close();
    }

    pub(super) fn record(&mut self) -> TlsObservation {
        let Said { version, cipher, group, scheme, chain } = messages::said(self.client.messages());
        // Whoever names a certificate proves its key by the time the handshake is complete: by a signature, or by decrypting what only the
        // key can. (RFC 5246 section 7.4.7.1)
        let proven = (self.complete && !chain.is_empty() && !self.client.is_anonymous()).then_some(true);
        TlsObservation {
            sni: self.sent.take(),
            version: version.map(|v| names::version(ProtocolVersion::from(v))),
            cipher: cipher.map(|c| names::cipher(CipherSuite::from(c))),
            group: group.map(|g| names::group(NamedGroup::from(g))),
            signature_scheme: scheme.map(|s| names::scheme(SignatureScheme::from(s))),
            key_proven: proven,
            chain,
            ..TlsObservation::new(self.engine.clone())
        }
    }
}

fn wrong(error: &Failure) -> Wrong {
    Wrong::Failed(failure::from_openssl(error))
}
