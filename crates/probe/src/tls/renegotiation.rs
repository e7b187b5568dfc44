//! Whether a server goes along when its client begins the handshake anew, which TLS has up to 1.2 (RFC 5246 section 7.4.1.1). Each time costs the
//! server far more than the client; so many allow it never, or a few times. By OpenSSL: rustls does not do it.

use crate::tls::engine::Engine;
use crate::tls::hello::TLS_12;
use crate::wire::{Broken, Wire};
use dane::name::Name;
use libssl::{Client, Offer, Step};
use std::time::Duration;
use tokio::time::Instant;

/// Times asked for: whoever goes along more than ten times does not count. (NCSC-NL by internet.nl: what is limited)
pub(crate) const TIMES: u8 = 11;
/// Octets that all these handshakes may take together.
const OCTETS: usize = 1_200_000;

/// How long a server may think about one that we ask for: this, or so many times as long as the first handshake took.
const PATIENCE: Duration = Duration::from_secs(2);
const SLOWER: u32 = 8;

/// A session, the connection below it, and the octets still allowed.
pub(crate) struct Renegotiation<'a> {
    client: Client,
    wire: &'a mut Wire,
    budget: usize,
    until: Instant,
}

/// How one handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    /// By an alert, or the end of the connection.
    Refused,
    /// Not before our deadline, or beyond our budget.
    Unknown,
}

impl<'a> Renegotiation<'a> {
    /// Begins a session. `None`: there is no OpenSSL here.
    pub(crate) fn new(engine: &Engine, sni: &Name, wire: &'a mut Wire, until: Instant) -> Option<Self> {
        let offer = Offer { server_name: Some(sni.to_string()), newest: Some(TLS_12), ..Offer::default() };
        let client = Client::new(engine.openssl()?, &offer).ok()?;
        Some(Self { client, wire, budget: OCTETS, until })
    }

    /// How often the server goes along, up to [`TIMES`]. `None`: it did not come to a session, or the server fell silent.
    pub(crate) async fn count(&mut self) -> Option<u8> {
        let begun = Instant::now();
        if self.shake(Client::handshake).await != End::Complete {
            return None;
        }
        let (end, patience) = (self.until, PATIENCE.max(begun.elapsed() * SLOWER));
        for done in 0..TIMES {
            self.until = end.min(Instant::now() + patience);
            match self.shake(Client::renegotiate).await {
                End::Complete => {}
                End::Refused => return Some(done),
                End::Unknown => return None,
            }
        }
        self.client.close();
        let _ = self.send().await;
        Some(TIMES)
    }

    /// One handshake, to its end.
    async fn shake(&mut self, begin: fn(&mut Client) -> Result<Step, libssl::Failure>) -> End {
        let mut step = begin(&mut self.client);
        loop {
            // What is left to be said is said in any case: our Finished, or an alert.
            let sent = self.send().await;
            match step {
                Ok(_) if sent.is_ok() && !self.client.is_handshaking() => return End::Complete,
                Ok(Step::WantsMore | Step::Done(_)) if sent.is_ok() => {}
                _ => return End::Refused,
            }
            match self.take_in().await {
                Ok(Some(1..)) => step = self.go_on(),
                Ok(Some(0)) | Err(Broken::Io(_)) => return End::Refused,
                Ok(None) | Err(Broken::Late) => return End::Unknown,
            }
        }
    }

    /// Takes in all that is there; what the server says inside the session is of no interest.
    fn go_on(&mut self) -> Result<Step, libssl::Failure> {
        let mut buffer = [0; 1024];
        loop {
            match self.client.read(&mut buffer)? {
                Step::Done(_) => {}
                step => return Ok(step),
            }
        }
    }

    /// Waits for octets; 0: the connection ended. `None`: more than we take.
    async fn take_in(&mut self) -> Result<Option<usize>, Broken> {
        let Self { client, wire, budget, until } = self;
        let take = |bytes: &[u8]| {
            *budget = budget.checked_sub(bytes.len())?;
            client.feed(bytes);
            Some(bytes.len())
        };
        wire.receive(*until, take).await
    }

    async fn send(&mut self) -> Result<(), Broken> {
        let out = self.client.take();
        if out.is_empty() { Ok(()) } else { self.wire.send(&out, self.until).await }
    }
}
