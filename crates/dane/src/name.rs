//! Domain names as this crate uses them, and the names DANE derives from them.

use bytes::Bytes;
use domain::base::name::{Label, NameBuilder};
use std::fmt::Write as _;

/// An absolute domain name. Compares case-insensitively; prints without the final dot.
pub type Name = domain::base::name::Name<Bytes>;

/// Why a text is not a domain name one can send mail to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("empty domain name")]
    Empty,
    /// `.`: nobody has a mailbox there.
    #[error("the root is no mail domain")]
    Root,
    /// An IP address or address literal: DANE does not apply.
    #[error("'{0}' is an IP address, not a domain name; DANE needs a name")]
    Address(String),
    /// A mailbox; the domain is the part after the `@`.
    #[error("'{0}' is a mailbox, not a domain name; give only '{1}'")]
    Mailbox(String, String),
    /// Labels of more than 63 octets, names of more than 255, empty labels, forbidden characters.
    #[error("'{0}' is not a domain name: {1}")]
    Syntax(String, &'static str),
    /// The IDNA rules refuse it. (RFC 5891)
    #[error("'{0}' is not a valid internationalised domain name")]
    Idna(String),
}

/// [`parse_domain`], for what stands behind the `@`: the root does not.
///
/// # Errors
/// As [`parse_domain`], and [`NameError::Root`].
pub fn parse_mail_domain(text: &str) -> Result<Name, NameError> {
    parse_domain(text).and_then(|name| if name.is_root() { Err(NameError::Root) } else { Ok(name) })
}

/// Reads a domain as a person writes it: with or without final dot, in any case, in Unicode or A-labels.
///
/// # Errors
/// Says which rule of DNS, IDNA or mail the text breaks.
pub fn parse_domain(text: &str) -> Result<Name, NameError> {
    let text = text.trim();
    let shown = || text.chars().take(80).collect::<String>();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.parse::<std::net::IpAddr>().is_ok() || (text.starts_with('[') && text.ends_with(']')) {
        return Err(NameError::Address(shown()));
    }
    if let Some((_, domain)) = text.rsplit_once('@') {
        return Err(NameError::Mailbox(shown(), domain.chars().take(80).collect()));
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    if bare.is_empty() {
        return Ok(Name::root_bytes());
    }
    let ascii = if bare.is_ascii() {
        bare.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(bare).map_err(|_| NameError::Idna(shown()))?
    };
    let mut builder = NameBuilder::new_bytes();
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err(NameError::Syntax(shown(), "it has an empty label"));
        }
        if label.len() > Label::MAX_LEN {
            return Err(NameError::Syntax(shown(), "a label is longer than 63 characters"));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(NameError::Syntax(shown(), "only letters, digits, '-' and '_' can stand in a mail domain"));
        }
        builder.append_label(label.as_bytes()).map_err(|_| NameError::Syntax(shown(), "it is longer than 255 characters"))?;
    }
    builder.into_name().map_err(|_| NameError::Syntax(shown(), "it is longer than 255 characters"))
}

/// `_<port>._tcp.<base>`, where the TLSA records of a service are. (R-027, RFC 6698 section 3)
///
/// `None` if the result would be longer than a domain name can be.
#[must_use]
pub fn tlsa_owner(base: &Name, port: u16) -> Option<Name> {
    let mut text = String::with_capacity(8);
    write!(text, "_{port}").ok()?;
    let mut builder = NameBuilder::new_bytes();
    builder.append_label(text.as_bytes()).ok()?;
    builder.append_label(b"_tcp").ok()?;
    builder.append_origin(base).ok()
}

/// The name with its final dot, as zone files want it.
#[must_use]
pub fn fqdn(name: &Name) -> String {
    name.fmt_with_dot().to_string()
}
