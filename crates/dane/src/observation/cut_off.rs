//! A certificate list that broke off.

use super::CertificateBytes;
use serde::{Deserialize, Serialize};

/// What came of a Certificate message whose end never came. (RFC 5246 section 7.4.2) It is no chain, and no rule judges it as one: what is
/// missing may be what matters. Seen up to TLS 1.2, where the message is in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOff {
    /// Octets that the message announced, without its header of four.
    pub announced: u32,
    /// How many of them came.
    pub arrived: u32,
    /// Certificates that came whole, in the order received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<CertificateBytes>,
    /// What came of the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<CertificateBytes>,
}
