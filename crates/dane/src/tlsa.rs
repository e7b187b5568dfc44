//! TLSA records: reading, writing, and whether a record is usable at all. (RFC 6698 section 2, RFC 7218, RFC 7671 section 9)

use crate::cert::{Certificate, is_public_key};
use std::fmt;
use std::str::FromStr;

/// One TLSA record's data.
///
/// A record whose RDATA has fewer than three octets is kept with 255 (private use) for each missing number and no data, so that it can
/// be shown and is unusable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// Certificate usage: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// Selector: 0 the whole certificate, 1 its SubjectPublicKeyInfo.
    pub selector: u8,
    /// Matching type: 0 the bytes themselves, 1 SHA2-256, 2 SHA2-512.
    pub matching: u8,
    /// Certificate association data.
    pub data: Vec<u8>,
}

/// For whom a record has to be usable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// SMTP between servers: PKIX-TA(0) and PKIX-EE(1) are unusable. (R-043, RFC 7672 section 3.1.3)
    #[default]
    Smtp,
    /// Any other protocol: all four usages. (RFC 7671)
    Generic,
}

/// Why a record is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// RDATA ends before the association data.
    #[error("the record has no certificate association data")]
    Empty,
    ///
    #[error("certificate usage {0} is not defined")]
    UndefinedUsage(u8),
    ///
    #[error("certificate usage {0} is not defined for SMTP; use 3 or 2")]
    PkixUsage(u8),
    ///
    #[error("selector {0} is not defined")]
    UndefinedSelector(u8),
    ///
    #[error("matching type {0} is not defined")]
    UndefinedMatchingType(u8),
    /// A digest of the wrong length.
    #[error("matching type {matching} wants {expected} octets of digest, not {found}")]
    DigestLength {
        /// The matching type.
        matching: u8,
        /// Octets that its digest has.
        expected: usize,
        /// Octets that the record has.
        found: usize,
    },
    /// Matching type 0 with PEM text.
    #[error("the record holds PEM text; it has to be the DER octets")]
    Pem,
    /// Matching type 0, selector 0, and not exactly one certificate.
    #[error("the data is not exactly one DER certificate")]
    NotACertificate,
    /// Matching type 0, selector 1, and not exactly one SubjectPublicKeyInfo.
    #[error("the data is not exactly one DER SubjectPublicKeyInfo")]
    NotAPublicKey,
}

impl Unusable {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty-data",
            Self::UndefinedUsage(_) => "undefined-usage",
            Self::PkixUsage(_) => "pkix-usage",
            Self::UndefinedSelector(_) => "undefined-selector",
            Self::UndefinedMatchingType(_) => "undefined-matching-type",
            Self::DigestLength { .. } => "digest-length",
            Self::Pem => "pem-in-full",
            Self::NotACertificate => "not-a-certificate",
            Self::NotAPublicKey => "not-a-public-key",
        }
    }
}

/// Why a text is not a TLSA record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsaError {
    /// Fewer than three fields.
    #[error("a TLSA record is 'USAGE SELECTOR MATCHING-TYPE HEX', such as '3 1 1 0123…'; '{0}' has not enough fields")]
    Fields(String),
    /// A number out of range, or an unknown name.
    #[error("{field} '{text}' is neither a number from 0 to 255 nor one of {names}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What stands there.
        text: String,
        /// The names of RFC 7218.
        names: &'static str,
    },
    /// An odd number of digits.
    #[error("the association data has {0} hexadecimal digits; it needs two for each octet, so one is missing or too many")]
    OddDigits(usize),
    /// A character that is no digit.
    #[error("'{0}' is not a hexadecimal digit; the association data has only 0-9 and a-f")]
    NotHex(char),
    /// RFC 3597 form with a wrong length.
    #[error("the record says \\# {said} octets, but {found} follow")]
    Length {
        /// Octets announced.
        said: String,
        /// Octets present.
        found: usize,
    },
    /// Longer than an RDATA can be.
    #[error("the association data is longer than a DNS record can be (65535 octets)")]
    TooLong,
}

impl Tlsa {
    /// Reads RDATA as it was received. Never fails: what is cut short becomes an unusable record.
    #[must_use]
    pub fn from_rdata(rdata: &[u8]) -> Self {
        let octet = |i: usize| rdata.get(i).copied().unwrap_or(255);
        Self { usage: octet(0), selector: octet(1), matching: octet(2), data: rdata.get(3..).unwrap_or_default().to_vec() }
    }

    /// RDATA.
    #[must_use]
    pub fn to_rdata(&self) -> Vec<u8> {
        let mut rdata = vec![self.usage, self.selector, self.matching];
        rdata.extend_from_slice(&self.data);
        rdata
    }

    /// The record as data of an unknown type: `\# 35 0301…`. (RFC 3597 section 5)
    #[must_use]
    pub fn to_rfc3597(&self) -> String {
        let rdata = self.to_rdata();
        format!("\\# {} {}", rdata.len(), data_encoding::HEXLOWER.encode(&rdata))
    }

    /// Whether an SMTP client can use the record at all.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn usability(&self) -> Result<(), Unusable> {
        self.usability_for(Mode::Smtp)
    }

    /// Whether a client of this kind can use the record at all.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn usability_for(&self, mode: Mode) -> Result<(), Unusable> {
        // R-040 rfc6698#2.1: values that nobody defined.
        match self.usage {
            // R-043 rfc7672#3.1.3, R-044: so a matching PKIX record rescues nothing.
            0 | 1 if mode == Mode::Smtp => return Err(Unusable::PkixUsage(self.usage)),
            0..=3 => {}
            other => return Err(Unusable::UndefinedUsage(other)),
        }
        if self.selector > 1 {
            return Err(Unusable::UndefinedSelector(self.selector));
        }
        // R-041 rfc7671#9: data of the wrong length never matches a prefix.
        let expected = match self.matching {
            0 => return self.full_is_usable(),
            1 => 32,
            2 => 64,
            other => return Err(Unusable::UndefinedMatchingType(other)),
        };
        match self.data.len() {
            0 => Err(Unusable::Empty),
            found if found != expected => Err(Unusable::DigestLength { matching: self.matching, expected, found }),
            _ => Ok(()),
        }
    }

    /// R-042 rfc6698#2.1.3: Full data is exactly one certificate or one key.
    fn full_is_usable(&self) -> Result<(), Unusable> {
        if self.data.is_empty() {
            return Err(Unusable::Empty);
        }
        let is_exact = |c: Certificate| c.is_exact() && is_public_key(&c.spki);
        let (good, why) = match self.selector {
            0 => (Certificate::parse(&self.data).is_ok_and(is_exact), Unusable::NotACertificate),
            _ => (is_public_key(&self.data), Unusable::NotAPublicKey),
        };
        // DER may hold any text, PEM's too; only what is no DER is explained by it.
        let is_pem = || self.data.windows(11).any(|w| w == b"-----BEGIN ");
        if good { Ok(()) } else { Err(if is_pem() { Unusable::Pem } else { why }) }
    }
}

/// Numeric, hexadecimal in lower case: `3 1 1 ab…`.
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.usage, self.selector, self.matching)?;
        if !self.data.is_empty() {
            write!(f, " {}", data_encoding::HEXLOWER.encode(&self.data))?;
        }
        Ok(())
    }
}

impl FromStr for Tlsa {
    type Err = TlsaError;

    /// R-046 rfc7218#2, R-047 rfc6698#2.2: numbers or names, hexadecimal with or without blanks, or the form of RFC 3597.
    fn from_str(text: &str) -> Result<Self, TlsaError> {
        let shown = || text.chars().take(60).collect::<String>();
        let mut fields = text.split_ascii_whitespace().filter(|f| !matches!(*f, "(" | ")"));
        let (Some(first), Some(second)) = (fields.next(), fields.next()) else { return Err(TlsaError::Fields(shown())) };
        if first == "\\#" {
            let rdata = hex(fields)?;
            return match second.parse::<usize>() {
                Ok(said) if said == rdata.len() => Ok(Self::from_rdata(&rdata)),
                _ => Err(TlsaError::Length { said: second.chars().take(20).collect(), found: rdata.len() }),
            };
        }
        let third = fields.next().ok_or_else(|| TlsaError::Fields(shown()))?;
        Ok(Self {
            usage: number("certificate usage", first, &USAGES)?,
            selector: number("selector", second, &SELECTORS)?,
            matching: number("matching type", third, &MATCHING_TYPES)?,
            data: hex(fields)?,
        })
    }
}

macro_rules! field {
    ($(#[$doc:meta])* $name:ident, $words:literal, $names:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub u8);

        impl FromStr for $name {
            type Err = TlsaError;

            /// R-046 rfc7218#2: a number or a name.
            fn from_str(text: &str) -> Result<Self, TlsaError> {
                number($words, text, &$names).map(Self)
            }
        }
    };
}

field! {
    /// A certificate usage as a person writes it.
    Usage, "certificate usage", USAGES
}
field! {
    /// A selector as a person writes it.
    Selector, "selector", SELECTORS
}
field! {
    /// A matching type as a person writes it.
    MatchingType, "matching type", MATCHING_TYPES
}

/// Names and numbers of one field, and the names as a person reads them. (RFC 7218 section 2)
struct Acronyms(&'static [(&'static str, u8)], &'static str);

const USAGES: Acronyms = Acronyms(
    &[("PKIX-TA", 0), ("PKIX-EE", 1), ("DANE-TA", 2), ("DANE-EE", 3), ("PrivCert", 255)],
    "PKIX-TA, PKIX-EE, DANE-TA, DANE-EE, PrivCert",
);
const SELECTORS: Acronyms = Acronyms(&[("Cert", 0), ("SPKI", 1), ("PrivSel", 255)], "Cert, SPKI, PrivSel");
const MATCHING_TYPES: Acronyms =
    Acronyms(&[("Full", 0), ("SHA2-256", 1), ("SHA2-512", 2), ("PrivMatch", 255)], "Full, SHA2-256, SHA2-512, PrivMatch");

fn number(field: &'static str, text: &str, names: &Acronyms) -> Result<u8, TlsaError> {
    let named = names.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
    let digits = || text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    named.or_else(digits).ok_or_else(|| TlsaError::Field { field, text: text.chars().take(40).collect(), names: names.1 })
}

fn hex<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, TlsaError> {
    let mut digits = String::new();
    for field in fields {
        if let Some(bad) = field.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(TlsaError::NotHex(bad));
        }
        digits.push_str(field);
        if digits.len() > 2 * 65535 {
            return Err(TlsaError::TooLong);
        }
    }
    if digits.len() % 2 == 1 {
        return Err(TlsaError::OddDigits(digits.len()));
    }
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| TlsaError::NotHex('?'))
}
