//! Policies besides DANE, as domains publish them: MTA-STS (RFC 8461), TLS reporting (RFC 8460), CAA (RFC 8659). Readers of hostile text;
//! what follows from it is the business of `crate::judge`.

pub mod caa;
pub mod sts;
pub mod tlsrpt;
mod txt;
pub mod webpki;

pub use txt::octets;
