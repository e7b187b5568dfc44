//! The rules of DANE for SMTP (RFC 7672, 7671, 6698), pure: no input or output, no clock, no global state.

pub mod association;
pub mod capabilities;
pub mod cause;
pub mod cert;
pub mod chain;
pub mod date;
pub mod dns;
pub mod guideline;
pub mod judge;
pub mod matching;
pub mod material;
pub mod mx;
pub mod name;
pub mod observation;
pub mod paper;
pub mod path;
pub mod pem;
pub mod policies;
pub mod preflight;
pub mod refid;
pub mod repair;
pub mod requirement;
pub mod resolver;
pub mod rollover;
pub mod sender;
pub mod smtp;
pub mod suffix;
#[cfg(test)]
mod testing;
pub mod tlsa;
pub mod verdict;
pub mod verification;
pub mod walk;
mod x509;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
pub type Epoch = i64;
