//! Certificate association data: what a TLSA record says of a certificate or key. (RFC 6698 section 2.1)

use crate::cert::Certificate;
use crate::tlsa::Tlsa;
use aws_lc_rs::digest::{Digest, SHA256, SHA512, digest};
use std::cell::OnceCell;

/// The six forms in which a record can name one certificate.
#[derive(Clone, Debug)]
pub struct Associations<'a> {
    /// Full data by selector: the certificate as received, its key. `None`: a form that cannot be had, as the certificate of a raw key.
    full: [Option<&'a [u8]>; 2],
    /// By selector; made when somebody wants them.
    sha256: [OnceCell<Digest>; 2],
    sha512: [OnceCell<Digest>; 2],
}

impl<'a> Associations<'a> {
    /// Of a certificate.
    #[must_use]
    pub fn of(certificate: &'a Certificate) -> Self {
        Self::new([Some(&certificate.der.0), Some(&certificate.spki)])
    }

    /// Of a raw public key (RFC 7250): it has no certificate, so only selector 1.
    #[must_use]
    pub fn of_raw_key(spki: &'a [u8]) -> Self {
        Self::new([None, Some(spki)])
    }

    fn new(full: [Option<&'a [u8]>; 2]) -> Self {
        Self { full, sha256: Default::default(), sha512: Default::default() }
    }

    /// The data for a selector and matching type; `None` if one of them is not defined.
    #[must_use]
    pub fn data(&self, selector: u8, matching: u8) -> Option<&[u8]> {
        let selector = usize::from(selector);
        let full = self.full.get(selector).copied().flatten()?;
        // R-049 rfc6698#2.1.2, R-050 rfc6698#2.1.3
        let (digests, algorithm) = match matching {
            0 => return Some(full),
            1 => (&self.sha256, &SHA256),
            2 => (&self.sha512, &SHA512),
            _ => return None,
        };
        Some(digests.get(selector)?.get_or_init(|| digest(algorithm, full)).as_ref())
    }

    /// Whether the record's data is exactly what it should be for this certificate; its usage is not looked at.
    #[must_use]
    pub fn equals(&self, record: &Tlsa) -> bool {
        self.data(record.selector, record.matching).is_some_and(|data| data == record.data)
    }

    /// The record that names this certificate or key; `None` if selector or matching type is not defined.
    #[must_use]
    pub fn record(&self, usage: u8, selector: u8, matching: u8) -> Option<Tlsa> {
        Some(Tlsa { usage, selector, matching, data: self.data(selector, matching)?.to_vec() })
    }
}
