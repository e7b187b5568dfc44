//! Name constraints: what a CA may issue for. (RFC 5280 section 4.2.1.10)

use super::dn;
use super::extensions::{GeneralName, NameConstraints, Subtree};
use crate::cert::Certificate;

/// Names times constraints that we are ready to compare. (The figure is OpenSSL's.)
const MAX_COMPARISONS: usize = 1 << 20;

/// Whom the names of `certificate` are checked as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The server's own certificate: a common name that looks like a host name counts, if there is no DNS name.
    Leaf,
    /// An issuer.
    Issuer,
}

/// Whether every name of `certificate` is allowed by `constraints`; otherwise which one is not.
pub(crate) fn check(certificate: &Certificate, role: Role, constraints: &NameConstraints) -> Result<(), String> {
    let names = names_of(certificate, role);
    let subtrees = constraints.permitted.len() + constraints.excluded.len();
    if names.len().saturating_mul(subtrees) > MAX_COMPARISONS {
        return Err("too many names and name constraints to compare".into());
    }
    names.iter().try_for_each(|name| allowed(name, constraints))
}

fn names_of(certificate: &Certificate, role: Role) -> Vec<GeneralName> {
    let mut names = Vec::new();
    if dn::canonical(certificate.subject_der()).is_none_or(|rdns| !rdns.is_empty()) {
        names.push(GeneralName::Directory(certificate.subject_der().to_vec()));
    }
    names.extend(dn::email_addresses(certificate.subject_der()).into_iter().map(|e| GeneralName::Email(e.into_bytes())));
    names.extend(certificate.extensions.alternative_names.iter().flatten().cloned());
    if role == Role::Leaf && certificate.dns_names.is_empty() {
        let hosts = certificate.common_names().into_iter().filter(|cn| looks_like_host(cn));
        names.extend(hosts.map(|cn| GeneralName::Dns(cn.clone().into_bytes())));
    }
    names
}

fn looks_like_host(name: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.contains('.') && name.split('.').all(label)
}

fn allowed(name: &GeneralName, constraints: &NameConstraints) -> Result<(), String> {
    let same_kind = |s: &&Subtree| std::mem::discriminant(&s.base) == std::mem::discriminant(name);
    let permitted: Vec<_> = constraints.permitted.iter().filter(same_kind).collect();
    let excluded: Vec<_> = constraints.excluded.iter().filter(same_kind).collect();
    if permitted.iter().chain(&excluded).any(|s| s.bounded) {
        return Err("a name constraint has a minimum or maximum, which is not allowed".into());
    }
    if *name == GeneralName::Other && !(permitted.is_empty() && excluded.is_empty()) {
        return Err("a name constraint is of a kind that is not supported".into());
    }
    if !permitted.is_empty() && !permitted.iter().any(|s| within(name, &s.base)) {
        return Err(format!("{} is not among the names that an issuer may issue for", shown(name)));
    }
    match excluded.iter().any(|s| within(name, &s.base)) {
        true => Err(format!("{} is among the names that an issuer must not issue for", shown(name))),
        false => Ok(()),
    }
}

/// Whether `name` lies in the subtree at `base`. Both are of the same kind.
fn within(name: &GeneralName, base: &GeneralName) -> bool {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => within_domain(name, base),
        (GeneralName::Email(name), GeneralName::Email(base)) => within_mail(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => host_of(name).is_some_and(|host| match base.first() {
            Some(b'.') => host.len() > base.len() && ends_with(host, base),
            _ => host.eq_ignore_ascii_case(base),
        }),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => {
            let (address, mask) = base.split_at(base.len() / 2);
            name.len() == address.len()
                && mask.len() == address.len()
                && name.iter().zip(address).zip(mask).all(|((n, a), m)| n & m == a & m)
        }
        (GeneralName::Directory(name), GeneralName::Directory(base)) => match (dn::canonical(name), dn::canonical(base)) {
            (Some(name), Some(base)) => name.starts_with(&base),
            _ => false,
        },
        _ => false,
    }
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len().checked_sub(end.len()).and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn within_domain(name: &[u8], base: &[u8]) -> bool {
    if base.is_empty() {
        return true;
    }
    let before = name.len().checked_sub(base.len() + 1).and_then(|at| name.get(at));
    ends_with(name, base) && (before.is_none() || base.first() == Some(&b'.') || before == Some(&b'.'))
}

fn within_mail(name: &[u8], base: &[u8]) -> bool {
    let Some(at) = name.iter().rposition(|b| *b == b'@') else { return false };
    let host = name.get(at + 1..).unwrap_or_default();
    match base.iter().rposition(|b| *b == b'@') {
        None if base.first() == Some(&b'.') => ends_with(host, base),
        None => host.eq_ignore_ascii_case(base),
        Some(split) => {
            let same_local = split == 0 || name.get(..at) == base.get(..split);
            same_local && host.eq_ignore_ascii_case(base.get(split + 1..).unwrap_or_default())
        }
    }
}

/// The host of a URI with an authority: between `//` and the next `:` or `/`.
fn host_of(uri: &[u8]) -> Option<&[u8]> {
    let start = uri.windows(3).position(|w| w == b"://")? + 3;
    let rest = uri.get(start..)?;
    let end = rest.iter().position(|b| matches!(b, b':' | b'/')).unwrap_or(rest.len());
    rest.get(..end).filter(|host| !host.is_empty())
}

fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Dns(n) | GeneralName::Email(n) | GeneralName::Uri(n) => format!("'{}'", String::from_utf8_lossy(n).escape_debug()),
        GeneralName::Directory(der) => format!("'{}'", dn::in_words(der)),
        GeneralName::Ip(octets) => format!("the address {}", data_encoding::HEXLOWER.encode(octets)),
        GeneralName::Other => "a name of another kind".into(),
    }
}
