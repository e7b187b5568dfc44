//! What a server shows to clients that offer something else.

use super::{Exchange, TlsObservation};
use crate::Epoch;
use serde::{Deserialize, Serialize};

/// One more connection to an address, as another kind of client. A server may have several certificates and choose by what the client
/// offers; records have to fit them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherLook {
    /// As what kind of client we came.
    pub offer: ClientOffer,
    /// When the connection attempt began.
    pub at: Epoch,
    /// What the server showed it.
    pub shows: Shows,
}

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientOffer {
    /// It takes RSA keys only.
    Rsa,
    /// It takes keys on elliptic curves only.
    Ecdsa,
    /// It takes everything, and does not say whom it wants: no SNI.
    NoName,
}

/// What a server showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Shows {
    /// The certificates that it showed before.
    Same,
    /// Another chain, or a handshake that failed.
    Other(Box<TlsObservation>),
    /// It did not come to TLS: says nothing of the server's certificates.
    NotSeen {
        /// The dialogue in order; empty if there was no connection.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dialogue: Vec<Exchange>,
    },
}
