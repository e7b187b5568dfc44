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
use crate::x509::signature::SignatureError;
use std::cmp::Reverse;
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
    /// The first link with fitting names that is none, and why, in words.
    pub(crate) wrong_link: Option<String>,
    /// One of them only because we cannot verify signatures of its kind.
    pub(crate) unsupported: bool,
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
    let mut paths = Paths {
        found: Vec::new(),
        cut_short: certificates.len() > MAX_CERTIFICATES,
        signatures_left: MAX_SIGNATURES,
        wrong_link: None,
        unsupported: false,
    };
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
            if !subject.may_be_issued_by(issuer) {
                return false;
            }
            let verified = match subject.extensions.malformed || issuer.extensions.malformed {
                true => Err(SignatureError::Wrong("one of them has an extension that is malformed or there twice")),
                false => self.verify(subject, &issuer.spki),
            };
            if let (Err(why), true) = (verified, lower != upper) {
                self.unsupported |= why == SignatureError::Unsupported;
                self.wrong_link
                    .get_or_insert_with(|| format!("{} is not issued by {}: {why}", subject.called(lower), issuer.called(upper)));
            }
            verified.is_ok()
        })
    }

    /// Verifies a signature, within the budget.
    pub(crate) fn verify(&mut self, subject: &Certificate, spki: &[u8]) -> Result<(), SignatureError> {
        let Some(left) = self.signatures_left.checked_sub(1) else {
            self.cut_short = true;
            return Err(SignatureError::Wrong("too many signatures to verify"));
        };
        self.signatures_left = left;
        subject.verify_signature(spki)
    }
}

/// The one path that OpenSSL follows, and with it most senders: from each certificate on the first that is in its time and looks like its
/// issuer, whatever the signature, until one `is_anchor`. `order`: the certificates in which it looks for issuers, the first first.
///
/// R-063 rfc7671#5.2: that any path will do is what we hold; these senders never come back to a second one.
pub(crate) fn first(certificates: &[&Certificate], order: &[usize], at: Epoch, is_anchor: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut steps = vec![0usize];
    while let Some(top) = steps.last().and_then(|top| certificates.get(*top)) {
        let is_end = steps.last().is_some_and(|top| is_anchor(*top)) || top.is_self_signed() || steps.len() >= MAX_LENGTH;
        let fitting = order.iter().filter_map(|i| Some((*i, *certificates.get(*i)?)));
        let fitting: Vec<(usize, &Certificate)> = fitting.filter(|(i, c)| !steps.contains(i) && top.looks_issued_by(c)).collect();
        let fresh = fitting.iter().find(|(_, c)| check_validity(c, 0, at).is_ok());
        // Of those outside their time it takes the one that ends last.
        match fresh.or_else(|| fitting.iter().min_by_key(|(_, c)| Reverse(c.not_after))).filter(|_| !is_end) {
            Some((next, _)) => steps.push(*next),
            None => break,
        }
    }
    steps
}

/// Checks everything about a path but its signatures and its trust. (R-059 rfc7671#5.2, rfc5280#6.1)
pub(crate) fn check(path: &[&Certificate], anchor: Anchor, at: Epoch) -> Result<(), MatchError> {
    let mut issuers_below = 0u32;
    for (depth, certificate) in path.iter().enumerate() {
        let is_top = depth + 1 == path.len();
        let role = if depth == 0 { check_leaf(certificate) } else { check_issuer(certificate, is_top) };
        let form = check_form(certificate, path.len()).and_then(|()| check_purpose(certificate));
        form.and(role).map_err(|what| broken(certificate, depth, what))?;
        if depth == 0 {
            continue;
        }
        let limit = certificate.extensions.basic_constraints.and_then(|b| b.path_len);
        if limit.is_some_and(|limit| issuers_below > limit) {
            return Err(broken(certificate, depth, "allows fewer issuers below it (pathLenConstraint)"));
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
    path.iter().take(dated).enumerate().try_for_each(|(depth, certificate)| check_validity(certificate, depth, at))
}

fn broken(certificate: &Certificate, depth: usize, what: &str) -> MatchError {
    MatchError { code: ErrorCode::PathBroken, detail: format!("{} {what}", certificate.called(depth)) }
}

fn check_form(certificate: &Certificate, length: usize) -> Result<(), &'static str> {
    if certificate.extensions.malformed {
        return Err("has an extension that is malformed or there twice");
    }
    if certificate.extensions.unknown_critical {
        return Err("has a critical extension that is not understood");
    }
    if length > 1 && certificate.key.kind.ends_with("explicit parameters") {
        return Err("has an elliptic curve key with explicit parameters");
    }
    Ok(())
}

/// extendedKeyUsage of leaf and issuers alike: if it is there, it has serverAuth. (RFC 5280 section 4.2.1.12)
fn check_purpose(certificate: &Certificate) -> Result<(), &'static str> {
    match certificate.extensions.extended_key_usage {
        Some(ExtendedKeyUsage::Others) => Err("is not for TLS servers (extendedKeyUsage)"),
        _ => Ok(()),
    }
}

fn check_leaf(leaf: &Certificate) -> Result<(), &'static str> {
    match leaf.extensions.key_usage {
        Some(usage) if usage & key_usage::TLS_SERVER == 0 => Err("has a key that is not for TLS (keyUsage)"),
        _ => Ok(()),
    }
}

/// Whether a certificate may issue others. (RFC 5280 section 6.1.4 (k) and (n))
///
/// At the top of a path OpenSSL also takes a self-signed certificate of version 1, and one with keyCertSign but without basicConstraints:
/// RFC 5280 section 6.1.4 (k) leaves those to "other means", and a trust anchor's own extensions are not its subject.
fn check_issuer(issuer: &Certificate, is_top: bool) -> Result<(), &'static str> {
    let extensions = &issuer.extensions;
    if extensions.key_usage.is_some_and(|usage| usage & key_usage::CERT_SIGN == 0) {
        return Err("has a key that must not sign certificates (keyUsage without keyCertSign)");
    }
    match extensions.basic_constraints {
        Some(constraints) if constraints.ca => Ok(()),
        Some(_) => Err("is not an issuer (basicConstraints says CA:FALSE)"),
        None if is_top && (extensions.key_usage.is_some() || (issuer.version == 1 && issuer.is_self_signed())) => Ok(()),
        None => Err("is not an issuer (no basicConstraints)"),
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
        for (above, issuer) in path.iter().enumerate().skip(depth + 1) {
            let Some(constraints) = &issuer.extensions.name_constraints else { continue };
            constraints::check(certificate, role, constraints).map_err(|why| MatchError {
                code: ErrorCode::PathBroken,
                detail: format!("name constraints of {}: {why}", issuer.called(above)),
            })?;
        }
    }
    Ok(())
}

fn check_validity(certificate: &Certificate, depth: usize, at: Epoch) -> Result<(), MatchError> {
    let (Some(not_before), Some(not_after)) = (certificate.not_before, certificate.not_after) else {
        return Err(broken(certificate, depth, "has a validity that cannot be read"));
    };
    let called = || certificate.called(depth);
    if at < not_before {
        let detail = format!("{} is not valid before {}", called(), utc(not_before));
        return Err(MatchError { code: ErrorCode::NotYetValid, detail });
    }
    // RFC 5280 section 4.1.2.5: through notAfter, inclusive.
    if at > not_after {
        let detail = format!("{} expired at {}", called(), utc(not_after));
        return Err(MatchError { code: ErrorCode::Expired, detail });
    }
    Ok(())
}
