//! Connections that are made to ask one thing: how one ClientHello is answered, whether a session is resumed, what becomes of a command
//! sent before TLS. None of them comes to a mail.

use crate::smtp::dialogue::Dialogue;
use crate::smtp::visit::{FAREWELL, Target, Visitor};
use crate::tls::flight::{Flight, FlightReader, Reading};
use crate::tls::hello::ClientHello;
use crate::tls::renegotiation::Renegotiation;
use crate::tls::ssl2::{self, Ssl2Reader};
use crate::tls::{Engine, Offer, Remembering, names};
use crate::wire::{Broken, Wire};
use dane::observation::{DepthEnd, Exchange, Got, HelloAnswer, Injection, InjectionObservation};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a reply in the clear to a command that was sent with STARTTLS may take to reach us.
const LATE: Duration = Duration::from_millis(500);

/// How a hello was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// By a hello.
    Flight(Flight),
    /// Otherwise.
    Other(HelloAnswer),
}

impl Visitor {
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Connects, greets and asks for TLS. An error says why it did not come to TLS.
    pub(super) async fn up_to_tls(&self, target: &Target) -> Result<Dialogue<'_>, DepthEnd> {
        let mut dialogue = self.connect(target).await?;
        match self.started(&mut dialogue, "STARTTLS").await {
            Some(220) => Ok(dialogue),
            _ => Err(obstacle(&dialogue)),
        }
    }

    async fn connect(&self, target: &Target) -> Result<Dialogue<'_>, DepthEnd> {
        let end = Instant::now() + self.limits.visit;
        let address = SocketAddr::new(target.address, target.port);
        match Wire::own(address, Instant::now() + self.limits.connect).await {
            Ok(wire) => Ok(Dialogue::new(wire, &self.limits, end)),
            Err(Broken::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => Err(ended("closed", error)),
            Err(Broken::Io(error)) => Err(ended("refused", error)),
            Err(Broken::Late) => Err(ended("silent", "no connection within our patience")),
        }
    }

    /// Greeting, EHLO, and this command. Gives the code of its reply, if there is one.
    async fn started(&self, dialogue: &mut Dialogue<'_>, command: &str) -> Option<u16> {
        if !self.introduce(dialogue).await {
            return None;
        }
        let code = dialogue.exchange(Some(command), self.limits.reply).await?;
        if !matches!(code, 220 | 421) {
            self.leave(dialogue).await;
        }
        Some(code)
    }

    /// How one hello is answered, on a connection of its own.
    pub(crate) async fn ask(&self, target: &Target, hello: &ClientHello) -> Result<Heard, DepthEnd> {
        let mut dialogue = self.up_to_tls(target).await?;
        Ok(self.hear(&mut dialogue, hello).await)
    }

    /// What a hello is answered with; the connection is of no use afterwards.
    pub(super) async fn hear(&self, dialogue: &mut Dialogue<'_>, hello: &ClientHello) -> Heard {
        let end = dialogue.end().min(Instant::now() + self.limits.handshake);
        let mut reader = FlightReader::default();
        let other = flight(&mut dialogue.wire, end, hello, &mut reader).await;
        match (reader.so_far(), other) {
            (Some(flight), _) => {
                // A fatal user_canceled, so that the server's log says who ended it. (RFC 5246 section 7.2)
                let _ = dialogue.wire.send(&[21, 3, 1, 0, 2, 2, 90], Instant::now() + LATE).await;
                Heard::Flight(flight)
            }
            (None, other) => Heard::Other(other.unwrap_or(HelloAnswer::NotTls)),
        }
    }

    /// What a CLIENT-HELLO of SSL 2.0 is answered with, and the cipher kinds of the answer.
    pub(crate) async fn ask_ssl2(&self, target: &Target) -> Result<(HelloAnswer, Vec<String>), DepthEnd> {
        let mut dialogue = self.up_to_tls(target).await?;
        let end = dialogue.end().min(Instant::now() + self.limits.handshake);
        Ok(ssl2(&mut dialogue.wire, end).await.unwrap_or_else(|answer| (answer, Vec::new())))
    }

    /// How often in one session the server goes along when we begin the handshake anew.
    pub(crate) async fn renegotiations(&self, target: &Target) -> Result<Option<u8>, DepthEnd> {
        let mut dialogue = self.up_to_tls(target).await?;
        let end = dialogue.end().min(Instant::now() + self.limits.handshake);
        let Some(mut session) = Renegotiation::new(&self.engine, &target.sni, &mut dialogue.wire, end) else { return Ok(None) };
        Ok(session.count().await)
    }

    /// A session, by our engine. Gives whether it went on with an earlier one. `None`: the handshake failed.
    pub(crate) async fn session(&self, target: &Target, sessions: &Remembering) -> Result<Option<bool>, DepthEnd> {
        let Ok(mut handshake) = sessions.begin() else { return Ok(None) };
        let mut dialogue = self.up_to_tls(target).await?;
        if self.shake(&mut dialogue, &mut handshake).await.is_err() {
            return Ok(None);
        }
        let resumed = handshake.is_resumption();
        if let (_, Some(session)) = handshake.end(None) {
            dialogue.secure(session);
        }
        // In TLS 1.3 tickets come after the handshake: with the reply at the latest.
        if dialogue.exchange(Some(&self.ehlo), self.limits.reply).await.is_some() {
            self.leave(&mut dialogue).await;
        }
        Ok(Some(resumed))
    }

    /// Sends a command together with STARTTLS, before TLS, and looks for its reply inside. NOOP changes nothing, wherever it is heard.
    pub(crate) async fn inject(&self, target: &Target) -> Result<InjectionObservation, DepthEnd> {
        let mut dialogue = self.connect(target).await?;
        // One segment: the line break within is the point.
        let first = self.started(&mut dialogue, "STARTTLS\r\nNOOP").await;
        let broke_off = |e: &Exchange| starts_tls(e) && matches!(e.got, Got::Closed | Got::Reset);
        let outcome = match first {
            Some(220) => self.injected(&mut dialogue, target).await,
            // An offence that has to do with the second command: STARTTLS alone was accepted before.
            Some(500..=599) => Injection::Closed,
            None if dialogue.exchanges.last().is_some_and(broke_off) => Injection::Closed,
            _ => return Err(obstacle(&dialogue)),
        };
        let replies = dialogue.exchanges.iter().skip_while(|e| !starts_tls(e)).map(|e| words(&e.got));
        let failure = dialogue.late_failure.as_ref().map(|f| f.detail.clone());
        Ok(InjectionObservation { outcome, replies: replies.chain(failure).collect() })
    }

    /// The rest of it, after a 220.
    async fn injected(&self, dialogue: &mut Dialogue<'_>, target: &Target) -> Injection {
        sleep(LATE).await;
        let early = dialogue.unasked();
        if !early.is_empty() {
            let text = String::from_utf8_lossy(early.get(..early.len().min(512)).unwrap_or(&early)).escape_default().to_string();
            dialogue.note(Got::Garbage { text, why: "in the clear".to_owned() });
            return Injection::AnsweredInClear;
        }
        let Ok(mut handshake) = self.engine.begin(Some(&target.sni), Offer::All) else { return Injection::NotKnown };
        if let Err(failure) = self.shake(dialogue, &mut handshake).await {
            let known = if failure.kind == "timeout" { Injection::NotKnown } else { Injection::Closed };
            dialogue.late_failure.get_or_insert(failure);
            return known;
        }
        if let (_, Some(session)) = handshake.end(None) {
            dialogue.secure(session);
        }
        // If the command is answered, every reply is one command late, and QUIT gets what belongs to EHLO.
        let reply = self.limits.reply;
        let to_ehlo = dialogue.exchange(Some(&self.ehlo), reply).await;
        let many_lines = matches!(dialogue.exchanges.last().map(|e| &e.got), Some(Got::Reply { lines, .. }) if lines.len() > 1);
        let to_quit = dialogue.exchange(Some("QUIT"), reply).await;
        let outcome = match (to_ehlo, to_quit) {
            // Then the one to QUIT is still to come.
            (Some(250), Some(250)) => match dialogue.exchange(None, reply.min(FAREWELL)).await {
                Some(221) => Injection::Answered,
                _ => Injection::NotKnown,
            },
            (Some(200..=299), Some(221)) => Injection::Discarded,
            // A reply of several lines is one to EHLO.
            (Some(250), None) if many_lines => Injection::Discarded,
            (None | Some(421 | 500..=599), _) => Injection::Closed,
            _ => Injection::NotKnown,
        };
        dialogue.close().await;
        outcome
    }
}

fn starts_tls(exchange: &Exchange) -> bool {
    exchange.sent.as_deref().is_some_and(|sent| sent.starts_with("STARTTLS"))
}

/// Sends the hello and reads until there is an answer. `None`: the reader has it.
async fn flight(wire: &mut Wire, end: Instant, hello: &ClientHello, reader: &mut FlightReader) -> Option<HelloAnswer> {
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    if let Err(error) = wire.send(&hello.record(random), end).await {
        return Some(broken(&error));
    }
    loop {
        let read = |bytes: &[u8]| if bytes.is_empty() { None } else { Some(reader.feed(bytes)) };
        match wire.receive(end, read).await {
            Ok(None) => return Some(HelloAnswer::Closed),
            Ok(Some(Reading::More)) => {}
            Ok(Some(Reading::Done(_))) => return None,
            Ok(Some(Reading::Alert(description))) => return Some(HelloAnswer::Alert { alert: names::alert(description.into()) }),
            Ok(Some(Reading::Refused)) => return Some(HelloAnswer::NotTls),
            Err(error) => return Some(broken(&error)),
        }
    }
}

/// Sends a hello of SSL 2.0 and reads until there is an answer.
async fn ssl2(wire: &mut Wire, end: Instant) -> Result<(HelloAnswer, Vec<String>), HelloAnswer> {
    let mut challenge = [0; 16];
    aws_lc_rs::rand::fill(&mut challenge).map_err(|_| HelloAnswer::NotTls)?;
    wire.send(&ssl2::client_hello(challenge), end).await.map_err(|e| broken(&e))?;
    let mut reader = Ssl2Reader::default();
    loop {
        let read = |bytes: &[u8]| if bytes.is_empty() { Err(HelloAnswer::Closed) } else { Ok(reader.feed(bytes)) };
        if let Some(answer) = wire.receive(end, read).await.map_err(|e| broken(&e))?? {
            return Ok(answer);
        }
    }
}

fn broken(error: &Broken) -> HelloAnswer {
    match error {
        Broken::Late => HelloAnswer::Timeout,
        Broken::Io(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => HelloAnswer::Reset,
        Broken::Io(_) => HelloAnswer::Closed,
    }
}

fn ended(why: &str, detail: impl ToString) -> DepthEnd {
    DepthEnd { why: why.to_owned(), detail: detail.to_string() }
}

/// Why a dialogue did not come to TLS, by its last reply.
fn obstacle(dialogue: &Dialogue<'_>) -> DepthEnd {
    let last = dialogue.exchanges.iter().rfind(|e| e.sent.as_deref() != Some("QUIT"));
    let Some(last) = last else { return ended("silent", "") };
    let why = match &last.got {
        Got::Reply { code: 400..=499, .. } => "rate-limited",
        Got::Reply { .. } => "refused",
        Got::Garbage { .. } => "not-smtp",
        Got::Timeout => "silent",
        Got::Closed | Got::Reset => "closed",
    };
    ended(why, words(&last.got))
}

/// A reply in one line of bounded length.
fn words(got: &Got) -> String {
    let text = match got {
        Got::Reply { code, lines } => format!("{code} {}", lines.join(" / ")),
        Got::Garbage { text, why } => format!("{why}: {text}"),
        Got::Timeout => "silence".to_owned(),
        Got::Closed => "closed".to_owned(),
        Got::Reset => "reset".to_owned(),
    };
    text.chars().take(200).collect()
}
