//! A new certificate, judged before it is deployed: the observation as it would be with that certificate.

use crate::common::file;
use crate::exit::UsageError;
use dane::cert::Certificate;
use dane::observation::{AddressObservation, CertificateBytes, Connect, HostObservation, Observation, TlsObservation};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A chain that is not deployed yet.
pub struct Preflight {
    path: PathBuf,
    chain: Vec<CertificateBytes>,
    names: Vec<String>,
}

impl Preflight {
    /// Reads PEM (the server's certificate first) or DER.
    ///
    /// # Errors
    /// If the file cannot be read or its first certificate is none.
    pub fn read(path: &Path) -> Result<Self, UsageError> {
        let chain = dane::chain::read(&file::read(path)?).map_err(|e| UsageError(format!("--with-cert {}: {e}", path.display())))?;
        let leaf = chain.first().ok_or_else(|| UsageError(format!("--with-cert {}: no certificate in it", path.display())))?;
        let leaf = Certificate::parse(&leaf.0).map_err(|e| UsageError(format!("--with-cert {}: {e}", path.display())))?;
        let names = leaf.dns_names.iter().map(|n| n.to_ascii_lowercase()).collect();
        Ok(Self { path: path.to_path_buf(), chain, names })
    }

    /// The file, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The domain with this certificate at the hosts that it names; at all hosts if it names none of them, for usage 3 asks no names.
    #[must_use]
    pub fn domain(&self, observation: &Observation) -> Observation {
        let named = observation.hosts.iter().any(|h| self.is_for(h));
        let swap = |host: &Arc<HostObservation>| if !named || self.is_for(host) { Arc::new(self.host(host)) } else { Arc::clone(host) };
        Observation { hosts: observation.hosts.iter().map(swap).collect(), ..observation.clone() }
    }

    /// The host with this certificate at every address.
    #[must_use]
    pub fn host(&self, host: &HostObservation) -> HostObservation {
        let swap = |server: &AddressObservation| AddressObservation {
            connect: Connect::NotTried { why: "chain-from-file".into() },
            dialogue: Vec::new(),
            early_bytes: None,
            tls: Some(TlsObservation { chain: self.chain.clone(), ..TlsObservation::new("file") }),
            ..server.clone()
        };
        HostObservation { servers: host.servers.iter().map(swap).collect(), ..host.clone() }
    }

    fn is_for(&self, host: &HostObservation) -> bool {
        let host = host.host.to_string().to_ascii_lowercase();
        let below = host.split_once('.').map_or("", |(_, rest)| rest);
        self.names.iter().any(|n| *n == host || n.strip_prefix("*.").is_some_and(|rest| rest == below))
    }
}
