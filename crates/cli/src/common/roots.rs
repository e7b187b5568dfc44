//! Trusted roots of the Web: what usages 0 and 1, MTA-STS and plain PKIX rest on.

use crate::common::file;
use crate::exit::UsageError;
use dane::observation::CertificateBytes;
use std::path::{Path, PathBuf};

/// The word that means the roots that are built in.
const BUILT_IN: &str = "mozilla";

/// Where trusted roots come from.
#[derive(Clone, Debug, clap::Args)]
pub struct RootsOption {
    /// Trusted roots, for MTA-STS, for certificates without DANE, and for what the studies count of usages 0 and 1 (paper_valid): a PEM file, or 'mozilla' for the list that was current when this program was built [default: check mozilla, others none: nothing is said of these]
    #[arg(long, value_name = "FILE|mozilla")]
    roots: Option<PathBuf>,
}

impl RootsOption {
    /// The roots; none if nothing was said.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn read(&self) -> Result<Vec<CertificateBytes>, UsageError> {
        match self.roots.as_deref() {
            None => Ok(Vec::new()),
            Some(path) if path == Path::new(BUILT_IN) => Ok(mozilla()),
            Some(path) => file::certificates(path),
        }
    }

    /// The roots; those built in if nothing was said.
    ///
    /// # Errors
    /// As [`RootsOption::read`].
    pub fn read_or_mozilla(&self) -> Result<Vec<CertificateBytes>, UsageError> {
        if self.roots.is_none() { Ok(mozilla()) } else { self.read() }
    }
}

/// Mozilla's list, as of the build.
fn mozilla() -> Vec<CertificateBytes> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| CertificateBytes(der.as_ref().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::cert::Certificate;

    #[test]
    fn built_in_roots_are_certificates_of_issuers() {
        let roots = mozilla();
        assert!(roots.len() > 100, "{}", roots.len());
        assert!(roots.iter().all(|r| Certificate::parse_shared(r).is_ok_and(|c| c.is_self_issued())));
    }
}
