//! Certificates, chains and TLSA data.

pub mod certificate;
pub mod chain;
pub mod der;
pub mod key;
pub mod rsa;
