//! TLS of one SMTP host: which certificate for which client.

use crate::pki::chain::{Credentials, Identity};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, SupportedProtocolVersion, version};
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
        choose(&self.keys, &hello)
    }
}

/// The first key that the client's signature schemes allow; the first of all, if none does.
pub fn choose(keys: &[Arc<CertifiedKey>], hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
    let offered: &[SignatureScheme] = hello.signature_schemes();
    let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(offered).is_some();
    keys.iter().find(fits).or(keys.first()).cloned()
}

/// Keys and chains as the TLS engine wants them.
pub fn certified(identities: &[Identity]) -> Option<Vec<Arc<CertifiedKey>>> {
    let certified = |identity: &Identity| {
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        Some(Arc::new(CertifiedKey::new(chain, identity.signing.for_tls()?)))
    };
    identities.iter().map(certified).collect()
}

/// TLS 1.2: keys too small for the signatures of TLS 1.3.
const WEAK: &[&SupportedProtocolVersion] = &[&version::TLS12];
/// TLS 1.3 and 1.2.
pub const STRONG: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The TLS configuration of a host.
pub fn config(host: &str, credentials: &Credentials, name: ServerName) -> Option<Arc<ServerConfig>> {
    let keys = certified(&credentials.identities)?;
    let weak = keys
        .first()
        .is_some_and(|k| k.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256]).is_none());
    let resolver = Resolver { host: host.trim_end_matches('.').to_owned(), name, keys };
    presenting(Arc::new(resolver), if weak { WEAK } else { STRONG })
}

/// The TLS configuration of a server that presents what this says. No resumption: every visit shows the certificate.
pub fn presenting(resolver: Arc<dyn ResolvesServerCert>, versions: &[&'static SupportedProtocolVersion]) -> Option<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .ok()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Some(Arc::new(config))
}
