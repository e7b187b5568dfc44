//! Paths from a server's certificate to an issuer: finding them among whatever was sent, in whatever order, and checking them.
//! (RFC 5280 section 6, RFC 7671 section 5.2)
//!
//! Trust is none of this module's business: it begins wherever the caller says, which for DANE-TA is the matched certificate. What a path
//! has to fulfil is what OpenSSL checks for a TLS server, because OpenSSL is what most validating senders use.

use crate::Epoch;
use crate::cert::Certificate;
use crate::date::utc;
use crate::verification::{ErrorCode, MatchError};
use crate::x509::constraints::{self, Role};
use crate::x509::extensions::{ExtendedKeyUsage, key_usage};
use std::collections::{HashMap, VecDeque};

// bounds of the work that a hostile chain can cause.
/// Certificates looked at, the leaf and those from the DNS included.
pub const MAX_CERTIFICATES: usize = 64;
/// Octets of one certificate; a longer one is not looked at.
pub const MAX_CERTIFICATE_OCTETS: usize = 1 << 17;
/// Certificates of one path. Real ones have four at most.
const MAX_LENGTH: usize = 20;
/// Paths followed.
const MAX_PATHS: usize = 512;
/// Signatures verified. One costs up to a few hundred microseconds.
const MAX_SIGNATURES: u32 = 256;

/// All paths from a leaf, shortest first.
pub(crate) struct Paths {
    /// Each from the leaf (index 0 of the certificates given) upward.
    pub(crate) found: Vec<Path>,
    /// A limit was reached: there may be more.
    pub(crate) cut_short: bool,
    /// Signatures that may still be verified.
    pub(crate) signatures_left: u32,
    /// The first link with fitting names whose signature does not verify, in words.
    pub(crate) wrong_link: Option<String>,
}

/// One path.
pub(crate) struct Path {
    /// Indices into the certificates given.
    pub(crate) steps: Vec<usize>,
    /// Nothing that was given issued the last certificate.
    pub(crate) is_complete: bool,
}

/// What vouches for a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Its last certificate.
    Certificate,
    /// A bare key that signed its last certificate.
    Key,
}

/// Finds every path upward from `certificates[0]` in which each certificate's signature verifies with the next one's key.
///
/// R-062 rfc8446#4.4.2: order, duplicates and strangers do not matter. R-063 rfc7671#5.2: cross-signed issuers give several paths.
pub(crate) fn find(certificates: &[&Certificate]) -> Paths {
    let mut paths =
        Paths { found: Vec::new(), cut_short: certificates.len() > MAX_CERTIFICATES, signatures_left: MAX_SIGNATURES, wrong_link: None };
    let certificates = certificates.get(..MAX_CERTIFICATES).unwrap_or(certificates);
    let mut links = HashMap::new();
    let mut queue = VecDeque::from([vec![0usize]]);
    while let Some(steps) = queue.pop_front() {
        if paths.found.len() >= MAX_PATHS {
            paths.cut_short = true;
            break;
        }
        let issuers: Vec<usize> = match steps.last() {
            _ if steps.len() >= MAX_LENGTH => {
                paths.cut_short = true;
                Vec::new()
            }
            // A self-signed certificate ends its path: what else claims to have issued it leads nowhere new.
            Some(&top) if paths.is_link(&mut links, certificates, top, top) => Vec::new(),
            Some(&top) => {
                (1..certificates.len()).filter(|i| !steps.contains(i) && paths.is_link(&mut links, certificates, top, *i)).collect()
            }
            None => Vec::new(),
        };
        // The queue is bounded as the paths are.
        queue.extend(issuers.iter().take(MAX_PATHS.saturating_sub(queue.len())).map(|i| [steps.as_slice(), &[*i]].concat()));
        paths.found.push(Path { is_complete: issuers.is_empty(), steps });
    }
    paths
}

impl Paths {
    fn is_link(&mut self, known: &mut HashMap<(usize, usize), bool>, certificates: &[&Certificate], lower: usize, upper: usize) -> bool {
        let (Some(subject), Some(issuer)) = (certificates.get(lower), certificates.get(upper)) else { return false };
        *known.entry((lower, upper)).or_insert_with(|| {
            if subject.extensions.malformed || issuer.extensions.malformed || !subject.may_be_issued_by(issuer) {
                return false;
            }
            match self.verify(subject, &issuer.spki) {
                Ok(()) => true,
                Err(_) if lower == upper => false,
                Err(why) => {
                    self.wrong_link.get_or_insert_with(|| format!("'{}' is not issued by '{}': {why}", subject.subject, issuer.subject));
                    false
                }
            }
        })
    }

    /// Verifies a signature, within the budget.
    pub(crate) fn verify(&mut self, subject: &Certificate, spki: &[u8]) -> Result<(), &'static str> {
        let Some(left) = self.signatures_left.checked_sub(1) else {
            self.cut_short = true;
            return Err("too many signatures to verify");
        };
        self.signatures_left = left;
        subject.verify_signature(spki)
    }
}

/// Checks everything about a path but its signatures and its trust. (R-059 rfc7671#5.2, rfc5280#6.1)
pub(crate) fn check(path: &[&Certificate], anchor: Anchor, at: Epoch) -> Result<(), MatchError> {
    let mut issuers_below = 0u32;
    for (depth, certificate) in path.iter().enumerate() {
        let is_top = depth + 1 == path.len();
        check_form(certificate, path.len())?;
        check_purpose(certificate)?;
        if depth == 0 {
            check_leaf(certificate)?;
            continue;
        }
        check_issuer(certificate, is_top)?;
        let limit = certificate.extensions.basic_constraints.and_then(|b| b.path_len);
        if limit.is_some_and(|limit| issuers_below > limit) {
            return broken(certificate, "allows fewer issuers below it (pathLenConstraint)");
        }
        // RFC 5280 section 6.1.4 (l): self-issued certificates are not counted.
        issuers_below += u32::from(!certificate.is_self_issued());
    }
    check_name_constraints(path)?;
    check_validities(path, anchor, at)
}

/// R-061 rfc5280#6.1.3: every certificate is within its validity.
///
/// RFC 5280 section 6.1 makes the trust anchor no part of the path, so its dates are nobody's business. OpenSSL checks them if it is
/// self-signed, and so do we; an issuer that is matched without being self-signed may be outside its validity. A bare key has no dates.
fn check_validities(path: &[&Certificate], anchor: Anchor, at: Epoch) -> Result<(), MatchError> {
    let dateless = match (path, anchor) {
        ([_, .., top], Anchor::Certificate) => !top.is_self_signed(),
        _ => false,
    };
    let dated = path.len() - usize::from(dateless);
    path.iter().take(dated).try_for_each(|certificate| check_validity(certificate, at))
}

fn broken(certificate: &Certificate, what: &str) -> Result<(), MatchError> {
    Err(MatchError { code: ErrorCode::PathBroken, detail: format!("'{}' {what}", certificate.subject) })
}

fn check_form(certificate: &Certificate, length: usize) -> Result<(), MatchError> {
    if certificate.extensions.malformed {
        return broken(certificate, "has an extension that is malformed or there twice");
    }
    if certificate.extensions.unknown_critical {
        return broken(certificate, "has a critical extension that is not understood");
    }
    if length > 1 && certificate.key.kind.ends_with("explicit parameters") {
        return broken(certificate, "has an elliptic curve key with explicit parameters");
    }
    Ok(())
}

/// extendedKeyUsage of leaf and issuers alike: if it is there, it has serverAuth. (RFC 5280 section 4.2.1.12)
fn check_purpose(certificate: &Certificate) -> Result<(), MatchError> {
    match certificate.extensions.extended_key_usage {
        Some(ExtendedKeyUsage::Others) => broken(certificate, "is not for TLS servers (extendedKeyUsage)"),
        _ => Ok(()),
    }
}

fn check_leaf(leaf: &Certificate) -> Result<(), MatchError> {
    match leaf.extensions.key_usage {
        Some(usage) if usage & key_usage::TLS_SERVER == 0 => broken(leaf, "has a key that is not for TLS (keyUsage)"),
        _ => Ok(()),
    }
}

/// Whether a certificate may issue others. (RFC 5280 section 6.1.4 (k) and (n))
///
/// At the top of a path OpenSSL also takes a self-signed certificate of version 1, and one with keyCertSign but without basicConstraints:
/// RFC 5280 section 6.1.4 (k) leaves those to "other means", and a trust anchor's own extensions are not its subject.
fn check_issuer(issuer: &Certificate, is_top: bool) -> Result<(), MatchError> {
    let extensions = &issuer.extensions;
    if extensions.key_usage.is_some_and(|usage| usage & key_usage::CERT_SIGN == 0) {
        return broken(issuer, "has a key that must not sign certificates (keyUsage without keyCertSign)");
    }
    match extensions.basic_constraints {
        Some(constraints) if constraints.ca => Ok(()),
        Some(_) => broken(issuer, "is not an issuer (basicConstraints says CA:FALSE)"),
        None if is_top && (extensions.key_usage.is_some() || (issuer.version == 1 && issuer.is_self_signed())) => Ok(()),
        None => broken(issuer, "is not an issuer (no basicConstraints)"),
    }
}

/// R-064 rfc7671#5.2.1: constraints of every issuer, the anchor included, on every certificate below.
fn check_name_constraints(path: &[&Certificate]) -> Result<(), MatchError> {
    for (depth, certificate) in path.iter().enumerate() {
        // RFC 5280 section 6.1.3 (b): not on self-issued certificates, unless it is the last one.
        if depth > 0 && certificate.is_self_issued() {
            continue;
        }
        let role = if depth == 0 { Role::Leaf } else { Role::Issuer };
        for issuer in path.iter().skip(depth + 1) {
            let Some(constraints) = &issuer.extensions.name_constraints else { continue };
            constraints::check(certificate, role, constraints).map_err(|why| MatchError {
                code: ErrorCode::PathBroken,
                detail: format!("name constraints of '{}': {why}", issuer.subject),
            })?;
        }
    }
    Ok(())
}

fn check_validity(certificate: &Certificate, at: Epoch) -> Result<(), MatchError> {
    let (Some(not_before), Some(not_after)) = (certificate.not_before, certificate.not_after) else {
        return broken(certificate, "has a validity that cannot be read");
    };
    let subject = &certificate.subject;
    if at < not_before {
        let detail = format!("'{subject}' is not valid before {}", utc(not_before));
        return Err(MatchError { code: ErrorCode::NotYetValid, detail });
    }
    // RFC 5280 section 4.1.2.5: through notAfter, inclusive.
    if at > not_after {
        let detail = format!("'{subject}' expired at {}", utc(not_after));
        return Err(MatchError { code: ErrorCode::Expired, detail });
    }
    Ok(())
}
