//! Is a certificate for one of these names? (RFC 7672 section 3.2.3, RFC 6125 section 6.4)

use crate::cert::Certificate;
use crate::name::Name;
use std::borrow::Cow;

/// What a common name is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommonName {
    /// It counts if there is no DNS name in subjectAltName. (RFC 7672 section 3.2.3)
    #[default]
    IfNoDnsName,
    /// Nothing. (RFC 9525)
    Never,
}

/// Whether the certificate names at least one of `references`. Without references nothing is named.
#[must_use]
pub fn names_one_of(certificate: &Certificate, references: &[Name], common_name: CommonName) -> bool {
    // R-071 rfc7672#3.2.3: common names only where there is no DNS name at all.
    let presented = match (certificate.dns_names.is_empty(), common_name) {
        (false, _) => Cow::Borrowed(&certificate.dns_names),
        (true, CommonName::IfNoDnsName) => Cow::Owned(certificate.common_names()),
        (true, CommonName::Never) => return false,
    };
    // rfc7672#3.2.2: any of the reference identifiers will do.
    references.iter().map(ToString::to_string).any(|reference| presented.iter().any(|p| matches(p, &reference)))
}

/// Whether a name that a certificate presents covers a reference identifier, an absolute name in A-labels without final dot.
///
/// R-072 rfc7672#3.2.3: a wildcard is the whole leftmost label and stands for exactly one label. Like OpenSSL we want two more labels
/// behind it, so that `*.com` covers nothing, and let it stand only for letters, digits and hyphens.
#[must_use]
pub fn matches(presented: &str, reference: &str) -> bool {
    // R-015 rfc9525#6: case does not matter; U-labels in a certificate are not names and equal no A-label.
    if presented.eq_ignore_ascii_case(reference) {
        return true;
    }
    let (Some(parent), Some((label, rest))) = (presented.strip_prefix("*."), reference.split_once('.')) else { return false };
    let well_formed = parent.split('.').all(is_label) && parent.contains('.');
    let covered = !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    well_formed && covered && parent.eq_ignore_ascii_case(rest)
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn r072_wildcards() {
        for (presented, reference, expected) in [
            ("mail.example.com", "MAIL.example.COM", true),
            ("*.example.com", "mail.example.com", true),
            ("*.example.com", "xn--bcher-kva.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.mail.example.com", false),
            ("*.example.com", ".example.com", false),
            ("m*.example.com", "mail.example.com", false),
            ("*l.example.com", "mail.example.com", false),
            ("smtp*.example.com", "smtp1.example.com", false),
            ("mail.*.com", "mail.example.com", false),
            ("*.*.com", "mail.example.com", false),
            ("*", "mail", false),
            ("*.com", "example.com", false),
            ("mail.example.com.", "mail.example.com", false),
            ("mail.example.com\0.evil.org", "mail.example.com", false),
            ("bücher.example", "xn--bcher-kva.example", false),
            ("", "", true),
        ] {
            assert_eq!(matches(presented, reference), expected, "{presented} {reference}");
        }
    }
}
