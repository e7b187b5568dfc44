//! All that a server accepts: many connections, each with one question, one after the other, each when its turn at the gate comes.
//!
//! Most questions are a ClientHello of our own that is answered or refused in the clear: offer everything, strike out what was chosen,
//! repeat. A server that turns us away ends the enquiry, and so does its budget; what was found until then stays.

mod groups;
mod habits;
mod versions;

use crate::config::DepthLimits;
use crate::host::Visits;
use crate::look::now;
use crate::pace::Turn;
use crate::smtp::{Heard, Target};
use crate::tls::flight::{Flight, KeyExchange};
use crate::tls::hello::{ClientHello, Hardening, SSL_3, TLS_13, Ticket};
use crate::tls::{known, names};
use dane::name::Name;
use dane::observation::{AddressObservation, Depth, DepthEnd, DepthObservation, DhObservation, HelloAnswer};
use data_encoding::HEXLOWER;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// Hellos one after the other without any answer after which nothing more is asked. Three versions may be met with silence.
const SILENCES: u8 = 4;
/// Finite-field groups that are kept.
const MAX_DH: usize = 16;

/// One address under enquiry.
struct Enquiry<'a> {
    visits: &'a Visits,
    host: &'a Name,
    target: &'a Target,
    limits: &'a DepthLimits,
    begun: Instant,
    silences: u8,
    /// The versions accepted, newest first.
    spoken: Vec<Spoken>,
    seen: DepthObservation,
}

/// A version that the server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spoken {
    version: u16,
    /// Its place among the versions asked for.
    place: usize,
    /// The server answers short hellos only.
    size: Size,
}

/// How much can be offered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Any,
    Short,
}

impl Visits {
    /// Finds out all that this address accepts, if that is wanted and it came to TLS.
    pub(crate) async fn deepen(&self, host: &Name, target: &Target, seen: &mut AddressObservation) {
        let (depth, limits) = (self.depth.0, &self.depth.1);
        if depth == Depth::Chain || seen.reply_code(Some("STARTTLS")) != Some(220) {
            return;
        }
        let begun = Instant::now();
        let record = DepthObservation { depth, at: now(), ..DepthObservation::default() };
        let mut enquiry = Enquiry { visits: self, host, target, limits, begun, silences: 0, spoken: Vec::new(), seen: record };
        let session = seen.tls.as_ref().is_some_and(|tls| tls.error.is_none());
        enquiry.seen.ended = enquiry.run(session.then_some(depth)).await.err();
        enquiry.seen.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        seen.depth = Some(Box::new(enquiry.seen));
    }
}

impl Enquiry<'_> {
    /// `with_sessions`: our engine and the server have come to a session before, and what needs one is wanted to this depth.
    async fn run(&mut self, with_sessions: Option<Depth>) -> Result<(), DepthEnd> {
        self.versions().await?;
        if with_sessions == Some(Depth::Full) {
            let _turn = self.turn().await?;
            self.seen.injection = Some(self.visits.visitor.inject(self.target).await?);
        }
        self.habits().await?;
        self.renegotiation().await?;
        if with_sessions.is_some() {
            self.resumption().await?;
        }
        self.groups().await?;
        // Last, for it takes the most.
        self.suites().await
    }

    /// Leave to make one more connection.
    async fn turn(&mut self) -> Result<Turn, DepthEnd> {
        let end = |why: &str| DepthEnd { why: why.to_owned(), detail: String::new() };
        if self.seen.connections >= self.limits.connections {
            return Err(end("connections"));
        }
        let until = self.begun + self.limits.time;
        if Instant::now() >= until {
            return Err(end("time"));
        }
        let turn = self.visits.turn(self.host, self.target.address, until).await;
        let turn = turn.map_err(|_| end(if Instant::now() >= until { "time" } else { "limit" }))?;
        self.seen.connections += 1;
        self.visits.made.fetch_add(1, Ordering::Relaxed);
        Ok(turn)
    }

    /// How this hello is answered: with what it asked for, or otherwise.
    async fn ask(&mut self, hello: &ClientHello) -> Result<Result<Flight, HelloAnswer>, DepthEnd> {
        let _turn = self.turn().await?;
        let heard = self.visits.visitor.ask(self.target, hello).await?;
        let flight = match heard {
            Heard::Flight(flight) => flight,
            Heard::Other(answer) => {
                if matches!(answer, HelloAnswer::Timeout) {
                    self.silences += 1;
                }
                if self.silences >= SILENCES {
                    return Err(DepthEnd { why: "silent".to_owned(), detail: "hellos are not answered".to_owned() });
                }
                return Ok(Err(answer));
            }
        };
        self.silences = 0;
        self.learn(hello, &flight);
        let wanted = flight.version == hello.version && hello.suites.contains(&flight.suite);
        let other = || HelloAnswer::Other { version: names::version(flight.version.into()), suite: names::cipher(flight.suite.into()) };
        Ok(if wanted { Ok(flight) } else { Err(other()) })
    }

    /// Whatever else a ServerHello tells.
    fn learn(&mut self, hello: &ClientHello, flight: &Flight) {
        let seen = &mut self.seen;
        if let Some(KeyExchange::Dh { prime, generator, .. }) = &flight.exchange {
            learn_dh(&mut seen.dh, flight.suite, prime, generator);
        }
        if !(SSL_3 + 1..TLS_13).contains(&flight.version) || hello.version == TLS_13 {
            return;
        }
        let also = |all: &mut Option<bool>, this: bool| *all = Some(all.unwrap_or(true) && this);
        let answers = |kind: u16| flight.extensions.contains(&kind);
        // Asked for by extension or by signalling suite.
        also(&mut seen.secure_renegotiation, answers(0xff01));
        if hello.hardening == Hardening::Offered {
            also(&mut seen.extended_master_secret, answers(23));
            // RFC 7366 section 3: for CBC suites only.
            if names::cipher(flight.suite.into()).contains("_CBC_") {
                also(&mut seen.encrypt_then_mac, answers(22));
            }
        }
        if hello.ticket == Ticket::NotAsked {
            also(&mut seen.session_id, flight.session_id);
        }
    }
}

fn learn_dh(all: &mut Vec<DhObservation>, suite: u16, prime: &[u8], generator: &[u8]) {
    let zeros = prime.iter().take_while(|octet| **octet == 0).count();
    let number = prime.get(zeros..).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, number);
    let prime_sha256 = HEXLOWER.encode(digest.as_ref());
    if all.len() == MAX_DH || all.iter().any(|dh| dh.prime_sha256 == prime_sha256) {
        return;
    }
    let known = known::prime_name(number).map(str::to_owned);
    all.push(DhObservation {
        bits: known::bits(number),
        prime: known.is_none().then(|| HEXLOWER.encode(number)),
        known,
        prime_sha256,
        generator: HEXLOWER.encode(generator),
        suite: names::cipher(suite.into()),
    });
}

/// The codes of `all` that are not in `found`, in their order.
fn without(all: &[u16], found: &[u16]) -> Vec<u16> {
    all.iter().filter(|code| !found.contains(code)).copied().collect()
}

/// Whether this answer to a hello is a refusal, and not a failure to answer.
fn refuses(answer: &HelloAnswer) -> bool {
    !matches!(answer, HelloAnswer::Timeout | HelloAnswer::NotTls)
}
