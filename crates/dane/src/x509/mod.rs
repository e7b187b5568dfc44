//! X.509 as far as DANE needs it: a tolerant reader that never re-encodes, names, extensions, signatures.
//!
//! Tolerant means: whatever OpenSSL would read is read, because a certificate that real senders match must not be refused here.

pub(crate) mod constraints;
pub(crate) mod der;
pub(crate) mod dn;
pub(crate) mod extensions;
pub(crate) mod signature;
