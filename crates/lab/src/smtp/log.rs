//! What SMTP clients did: the evidence of a test bed.

use serde::Serialize;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

/// Visits kept; older ones are forgotten.
const KEPT: usize = 100_000;

/// One connection.
#[derive(Clone, Debug, Serialize)]
pub struct Visit {
    /// When it was made, milliseconds since 1970.
    pub at_ms: u64,
    /// From where.
    pub source: SocketAddr,
    /// To which of the lab's addresses.
    pub server: SocketAddr,
    /// The client's name in EHLO or HELO.
    pub helo: Option<String>,
    /// Whether STARTTLS was sent.
    pub starttls: bool,
    /// Server name in the ClientHello.
    pub sni: Option<String>,
    /// Version of the TLS session, if one was made.
    pub tls: Option<String>,
    /// Why there was no TLS session, in the engine's words: alerts of the client, mostly.
    pub tls_error: Option<String>,
    /// Messages taken in clear.
    pub clear_messages: u32,
    /// Messages taken under TLS.
    pub tls_messages: u32,
}

/// The latest visits.
#[derive(Debug, Default)]
pub struct Log(Mutex<VecDeque<Visit>>);

impl Log {
    /// Remembers one.
    pub fn add(&self, visit: Visit) {
        if let Ok(mut log) = self.0.lock() {
            if log.len() >= KEPT {
                log.pop_front();
            }
            log.push_back(visit);
        }
    }

    /// All that are remembered, oldest first.
    pub fn all(&self) -> Vec<Visit> {
        self.0.lock().map(|log| log.iter().cloned().collect()).unwrap_or_default()
    }
}
