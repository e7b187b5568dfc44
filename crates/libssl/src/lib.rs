//! OpenSSL, found at run time: a TLS client for servers that newer libraries refuse.
//!
//! Mail servers still speak TLS 1.0, RSA key exchange, finite-field Diffie-Hellman and CBC. Whoever wants to see what they present needs a
//! library that does, too. OpenSSL is on nearly every machine, but its headers are not, and building it takes minutes; so it is loaded when
//! it is wanted, and whoever has none does without.
//!
//! - [`Library::load`] finds `libssl` 3 and `libcrypto` 3. Nothing of the machine's OpenSSL configuration is read.
//! - [`Client`] is one session without I/O: octets from the network go in by [`Client::feed`], octets for the network come out by
//!   [`Client::take`].
//! - Nothing is verified but what the handshake itself verifies, that the server holds the key of its certificate. Certificates come as the
//!   octets received, before the library looks at them.

mod client;
mod ffi;
mod transcript;

pub use client::{Client, Failure, Offer, Step};
pub use ffi::{Library, LoadError};
