//! One visit to one address: connect, greet, STARTTLS, look, leave.

use crate::config::{ConfigError, LookerConfig, SmtpLimits};
use crate::smtp::dialogue::Dialogue;
use crate::tls::Engine;
use dane::Epoch;
use dane::name::Name;
use dane::observation::{AddressObservation, Connect, TlsObservation};
use data_encoding::BASE64;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
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
        AddressObservation {
            address: self.address,
            transport_port: self.port,
            at,
            connect,
            dialogue: Vec::new(),
            tls: None,
            early_bytes: None,
            elapsed_ms: 0,
        }
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
            Ok(Err(error)) => record.connect = connect_failure(&error),
            Err(_) => record.connect = Connect::Timeout,
        }
        record.elapsed_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        record
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
                record.tls = Some(TlsObservation {
                    sni: None,
                    version: None,
                    cipher: None,
                    group: None,
                    signature_scheme: None,
                    key_proven: None,
                    chain: Vec::new(),
                    error: Some(error),
                    engine: "rustls".to_owned(),
                });
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

fn connect_failure(error: &io::Error) -> Connect {
    let detail = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Connect::Refused,
        io::ErrorKind::TimedOut => Connect::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Connect::Unreachable { detail },
        _ => Connect::LocalError { detail },
    }
}
