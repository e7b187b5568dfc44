//! One visit to one address: connect, greet, STARTTLS, look, leave.

use crate::config::{ConfigError, LookerConfig, SmtpLimits};
use crate::smtp::dialogue::Dialogue;
use crate::tls::Engine;
use crate::tls::hello::{Answered, FlightReader, Reading, client_hello};
use dane::Epoch;
use dane::name::Name;
use dane::observation::{AddressObservation, Connect, Exchange, Got, TlsObservation};
use data_encoding::BASE64;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Octets of plaintext before TLS that are kept.
const EARLY_KEPT: usize = 512;
/// A farewell is worth waiting for, but not long.
const FAREWELL: Duration = Duration::from_secs(5);

/// Makes visits.
#[derive(Clone)]
pub(crate) struct Visitor {
    engine: Engine,
    limits: SmtpLimits,
    ehlo: Name,
}

/// Where to go and whom to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// What a sender would put into SNI: the TLSA base domain.
    pub(crate) sni: Name,
}

impl Target {
    /// The record of a visit that is not made.
    pub(crate) fn not_tried(&self, why: &str, at: Epoch) -> AddressObservation {
        self.record(Connect::NotTried { why: why.to_owned() }, at)
    }

    fn record(&self, connect: Connect, at: Epoch) -> AddressObservation {
        AddressObservation::new(self.address, self.port, at, connect)
    }
}

impl Visitor {
    pub(crate) fn new(config: &LookerConfig) -> Result<Self, ConfigError> {
        Ok(Self { engine: Engine::new()?, limits: config.smtp.clone(), ehlo: config.ehlo.clone() })
    }

    /// Visits. Ends within the limits, whatever the server does, and never sends a mail.
    pub(crate) async fn visit(&self, target: &Target, at: Epoch) -> AddressObservation {
        let begun = Instant::now();
        let mut record = target.record(Connect::Connected, at);
        match timeout(self.limits.connect, TcpStream::connect(SocketAddr::new(target.address, target.port))).await {
            Ok(Ok(tcp)) => {
                let _ = tcp.set_nodelay(true);
                let mut dialogue = Dialogue::new(tcp, &self.limits, begun + self.limits.visit);
                self.talk(&mut dialogue, target, &mut record).await;
                if let (Some(tls), Some(late)) = (&mut record.tls, dialogue.late_failure.take()) {
                    tls.error.get_or_insert(late);
                }
                record.dialogue = dialogue.exchanges;
            }
            // A SYN is refused; only a connection that was made can be reset, and sometimes is before we are told that it was made.
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                record.dialogue.push(Exchange { sent: None, encrypted: false, got: Got::Reset, at_ms: 0 });
            }
            Ok(Err(error)) => record.connect = connect_failure(&error),
            Err(_) => record.connect = Connect::Timeout,
        }
        record.elapsed_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        record
    }

    /// Whether the server speaks a TLS that our engine does not: then it is worth a second look.
    pub(crate) fn wants_second_look(seen: &AddressObservation) -> bool {
        let failure = seen.tls.as_ref().and_then(|t| t.error.as_ref());
        failure.is_some_and(|f| matches!(f.kind.as_str(), "alert" | "protocol-version" | "no-common-cipher" | "chain-too-large"))
            && seen.tls.as_ref().is_some_and(|t| t.chain.is_empty())
    }

    /// Visits again and offers all that older senders would, to see version, cipher suite and chain. Adds to the record what it sees: if a
    /// server has nothing but what our engine lacks, that is our limit (`no-common-cipher`), not its failure.
    pub(crate) async fn look_again(&self, target: &Target, seen: &mut AddressObservation) {
        let begun = Instant::now();
        let end = begun + self.limits.visit;
        let address = SocketAddr::new(target.address, target.port);
        let Ok(Ok(tcp)) = timeout(self.limits.connect, TcpStream::connect(address)).await else { return };
        let mut dialogue = Dialogue::new(tcp, &self.limits, end);
        if !self.introduce(&mut dialogue).await {
            return;
        }
        match dialogue.exchange(Some("STARTTLS"), self.limits.reply).await {
            Some((220, _)) => {}
            Some(_) => return self.leave(&mut dialogue).await,
            None => return,
        }
        let hello = first_flight(&mut dialogue.tcp, &target.sni);
        let Ok(Some(answer)) = timeout_at(end.min(Instant::now() + self.limits.handshake), hello).await else { return };
        if let Some(tls) = &mut seen.tls {
            let old = matches!(answer.version.as_str(), "SSLv3" | "TLSv1.0" | "TLSv1.1");
            if let Some(error) = tls.error.as_mut().filter(|e| e.kind != "chain-too-large") {
                error.kind = if old { "protocol-version" } else { "no-common-cipher" }.to_owned();
                error.detail = format!("{}; a second look offered older cipher suites and was answered", error.detail);
            }
            tls.version = Some(answer.version);
            tls.cipher = Some(answer.cipher);
            tls.chain = answer.chain;
            tls.engine = "rustls, then a bare ClientHello".to_owned();
        }
    }

    async fn talk(&self, dialogue: &mut Dialogue<'_>, target: &Target, record: &mut AddressObservation) {
        if !self.introduce(dialogue).await {
            return;
        }
        // Asked for also where it is not offered: whether it was is in the record of EHLO, and the studies count both ways.
        match dialogue.exchange(Some("STARTTLS"), self.limits.reply).await {
            Some((220, _)) => {}
            Some((421, _)) | None => return,
            Some(_) => return self.leave(dialogue).await,
        }
        let early = dialogue.unasked();
        if !early.is_empty() {
            record.early_bytes = Some(BASE64.encode(early.get(..early.len().min(EARLY_KEPT)).unwrap_or(&early)));
        }
        if self.secure(dialogue, target, record).await && dialogue.exchange(Some(&self.ehlo("EHLO")), self.limits.reply).await.is_some() {
            self.leave(dialogue).await;
        }
    }

    /// Greeting and EHLO. False: there is nothing more to say here.
    async fn introduce(&self, dialogue: &mut Dialogue<'_>) -> bool {
        let reply = self.limits.reply;
        match dialogue.exchange(None, reply).await {
            Some((220, _)) => {}
            Some((421, _)) | None => return false,
            Some(_) => {
                self.leave(dialogue).await;
                return false;
            }
        }
        let mut answer = dialogue.exchange(Some(&self.ehlo("EHLO")), reply).await;
        if let Some((500..=599, _)) = answer {
            answer = dialogue.exchange(Some(&self.ehlo("HELO")), reply).await;
        }
        match answer {
            Some((200..=299, _)) => true,
            Some((421, _)) | None => false,
            Some(_) => {
                self.leave(dialogue).await;
                false
            }
        }
    }

    /// The handshake. True: the dialogue goes on in TLS.
    async fn secure(&self, dialogue: &mut Dialogue<'_>, target: &Target, record: &mut AddressObservation) -> bool {
        let mut handshake = match self.engine.begin(&target.sni) {
            Ok(handshake) => handshake,
            Err(error) => {
                record.tls = Some(TlsObservation { error: Some(error), ..TlsObservation::new("rustls") });
                return false;
            }
        };
        let end = dialogue.end().min(Instant::now() + self.limits.handshake);
        let outcome = timeout_at(end, handshake.run(&mut dialogue.tcp)).await;
        let error = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(dane::observation::TlsFailure {
                kind: "timeout".to_owned(),
                alert: None,
                detail: "the handshake was not complete before our deadline".to_owned(),
            }),
        };
        let up = error.is_none();
        record.tls = Some(handshake.record(error));
        if up {
            dialogue.secure(handshake.into_session());
        }
        up
    }

    async fn leave(&self, dialogue: &mut Dialogue<'_>) {
        dialogue.exchange(Some("QUIT"), self.limits.reply.min(FAREWELL)).await;
        dialogue.close().await;
    }

    fn ehlo(&self, verb: &str) -> String {
        format!("{verb} {}", self.ehlo)
    }
}

/// What the server answers to a broad ClientHello in the clear; the connection is of no use afterwards.
async fn first_flight(tcp: &mut TcpStream, sni: &Name) -> Option<Answered> {
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    tcp.write_all(&client_hello(Some(sni), random)).await.ok()?;
    let mut reader = FlightReader::default();
    let mut buffer = [0; 4096];
    loop {
        let got = tcp.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        match reader.feed(buffer.get(..got)?) {
            Reading::More => {}
            Reading::Refused => return None,
            Reading::Done(answer) => {
                // A fatal user_canceled, so that the server's log says who ended it. (RFC 5246 section 7.2)
                let _ = tcp.write_all(&[21, 3, 1, 0, 2, 2, 90]).await;
                return Some(answer);
            }
        }
    }
}

/// Why there is no connection, from the system's words.
pub(crate) fn connect_failure(error: &io::Error) -> Connect {
    let detail = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Connect::Refused,
        io::ErrorKind::TimedOut => Connect::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Connect::Unreachable { detail },
        _ => Connect::LocalError { detail },
    }
}
