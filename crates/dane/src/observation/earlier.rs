//! Visits of the same look before the one that counts.

use super::{AddressObservation, Connect, Exchange, TlsObservation};
use crate::Epoch;
use serde::{Deserialize, Serialize};

/// A visit after which the server was visited again: it asked for that, or the connection broke, or what it showed is held against the domain
/// only if it is seen twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierVisit {
    /// When it began.
    pub at: Epoch,
    /// What became of the TCP connection; absent: it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Box<Connect>>,
    /// The dialogue in order.
    pub dialogue: Vec<Exchange>,
    /// The TLS handshake, if it came to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<TlsObservation>>,
    /// The whole visit, milliseconds.
    #[serde(default)]
    pub elapsed_ms: u32,
}

impl EarlierVisit {
    /// What is kept of a visit when another one follows.
    #[must_use]
    pub fn of(visit: AddressObservation) -> Self {
        let connect = (visit.connect != Connect::Connected).then(|| Box::new(visit.connect));
        Self { at: visit.at, connect, dialogue: visit.dialogue, tls: visit.tls.map(Box::new), elapsed_ms: visit.elapsed_ms }
    }

    /// The visit by itself, as if it were the one that counts, to the address of the one that does.
    #[must_use]
    pub fn as_if_last(&self, last: &AddressObservation) -> AddressObservation {
        let connect = self.connect.as_deref().cloned().unwrap_or(Connect::Connected);
        AddressObservation {
            dialogue: self.dialogue.clone(),
            tls: self.tls.as_deref().cloned(),
            elapsed_ms: self.elapsed_ms,
            ..AddressObservation::new(last.address, last.transport_port, self.at, connect)
        }
    }
}
