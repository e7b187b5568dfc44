//! Whether a server's certificate is what the Web wants: for this name, in its time, by a trusted root. (RFC 8461 sections 3.3 and 4.2)

use crate::Epoch;
use crate::cert::{Certificate, roots_above};
use crate::matching::trusted_paths;
use crate::name::Name;
use crate::observation::CertificateBytes;
use crate::path::MAX_CERTIFICATES;
use crate::refid::{CommonName, names_one_of};
use crate::verification::{ErrorCode, MatchError};

/// Whether the chain leads to one of `roots`, whatever it is for. `None`: there are no roots to say so, or no certificate.
#[must_use]
pub fn trusted(chain: &[CertificateBytes], roots: &[CertificateBytes], at: Epoch) -> Option<bool> {
    if roots.is_empty() || chain.is_empty() {
        return None;
    }
    Some(path(chain, roots, at).is_ok())
}

/// For which of these names the certificate is, by its DNS names.
#[must_use]
pub fn is_for<const N: usize>(leaf: &Certificate, names: [&Name; N]) -> [bool; N] {
    // RFC 8461 sections 3.3 and 4.2: DNS-ID only.
    names.map(|name| names_one_of(leaf, std::slice::from_ref(name), CommonName::Never))
}

/// Whether the chain authenticates `name`. `Ok(false)`: nothing is wrong with it, but without `roots` nobody can say whether it is trusted.
///
/// # Errors
/// What is wrong.
pub fn authenticates(chain: &[CertificateBytes], name: &Name, roots: &[CertificateBytes], at: Epoch) -> Result<bool, MatchError> {
    let error = |code, detail: String| MatchError { code, detail };
    let leaf = leaf(chain)?;
    if !names_one_of(&leaf, std::slice::from_ref(name), CommonName::Never) {
        let shown = leaf.dns_names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let what = if shown.is_empty() { "it has no DNS name".to_owned() } else { format!("it is for {shown}") };
        return Err(error(ErrorCode::NameMismatch, format!("the certificate is not for {name}: {what}")));
    }
    if roots.is_empty() {
        let dates = leaf.not_before.zip(leaf.not_after);
        return match dates {
            Some((_, end)) if at > end => Err(error(ErrorCode::Expired, format!("the certificate expired at {}", crate::date::utc(end)))),
            Some((begin, _)) if at < begin => {
                Err(error(ErrorCode::NotYetValid, format!("the certificate is not valid before {}", crate::date::utc(begin))))
            }
            _ => Ok(false),
        };
    }
    path(chain, roots, at).map(|()| true)
}

fn leaf(chain: &[CertificateBytes]) -> Result<Certificate, MatchError> {
    let first = chain.first().ok_or_else(|| MatchError { code: ErrorCode::NoCertificate, detail: "no certificate was sent".into() })?;
    Certificate::parse_shared(first)
        .map_err(|why| MatchError { code: ErrorCode::GarbageCertificate, detail: format!("what was sent is no certificate: {}", why.0) })
}

fn path(chain: &[CertificateBytes], roots: &[CertificateBytes], at: Epoch) -> Result<(), MatchError> {
    let leaf = leaf(chain)?;
    let sent: Vec<Certificate> = chain.iter().take(MAX_CERTIFICATES).skip(1).filter_map(|c| Certificate::parse_shared(c).ok()).collect();
    let certificates: Vec<&Certificate> = std::iter::once(&leaf).chain(&sent).collect();
    let roots = roots_above(&certificates, roots);
    let (paths, why) = trusted_paths(&leaf, sent.iter(), &roots, at);
    if paths.is_empty() { Err(why) } else { Ok(()) }
}
