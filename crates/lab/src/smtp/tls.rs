//! TLS of one SMTP host: which certificate for which client.

use crate::pki::chain::Credentials;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, version};
use std::sync::Arc;

/// Whether a client must name the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// Every client gets the certificate. (RFC 7672 section 8.1)
    Optional,
    /// Only a client that names the host gets one.
    Required,
}

#[derive(Debug)]
struct Resolver {
    host: String,
    name: ServerName,
    /// The first that the client's signature schemes allow is taken.
    keys: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if self.name == ServerName::Required && hello.server_name().is_none_or(|n| !n.eq_ignore_ascii_case(&self.host)) {
            return None;
        }
        let offered: &[SignatureScheme] = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(offered).is_some();
        self.keys.iter().find(fits).or(self.keys.first()).cloned()
    }
}

/// The TLS configuration of a host. No resumption: every visit shows the certificate.
pub fn config(host: &str, credentials: &Credentials, name: ServerName) -> Option<Arc<ServerConfig>> {
    let mut keys = Vec::new();
    for identity in &credentials.identities {
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        keys.push(Arc::new(CertifiedKey::new(chain, identity.signing.for_tls()?)));
    }
    let weak = keys
        .first()
        .is_some_and(|k| k.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256]).is_none());
    let versions: &[_] = if weak { &[&version::TLS12] } else { &[&version::TLS13, &version::TLS12] };
    let resolver = Resolver { host: host.trim_end_matches('.').to_owned(), name, keys };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .ok()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Some(Arc::new(config))
}
