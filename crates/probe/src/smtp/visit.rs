//! One visit to one address: connect, greet, STARTTLS, look, leave.

use crate::config::{ConfigError, LookerConfig, SmtpLimits};
use crate::reactor::{Place, Reactors};
use crate::smtp::deep::Heard;
use crate::smtp::dialogue::Dialogue;
use crate::tls::flight::Flight;
use crate::tls::hello::ClientHello;
use crate::tls::{Engine, Handshake, Offer, names};
use crate::wire::{Broken, Wire};
use dane::Epoch;
use dane::cert::Certificate;
use dane::name::Name;
use dane::observation::{
    AddressObservation, CertificateBytes, ClientOffer, Connect, CutOff, Exchange, Got, OtherLook, Shows, TlsFailure, TlsObservation,
};
use data_encoding::BASE64;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Octets of plaintext before TLS that are kept.
const EARLY_KEPT: usize = 512;
/// A farewell is worth waiting for, but not long.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Makes visits.
pub(crate) struct Visitor {
    reactors: Reactors,
    pub(super) engine: Engine,
    pub(super) limits: SmtpLimits,
    /// EHLO and HELO with our name.
    pub(super) ehlo: String,
    helo: String,
}

/// As what kind of client we come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Client {
    engine: By,
    offer: Offer,
    naming: Naming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rustls,
    OpenSsl,
}

/// Whether we say whom we want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Sni,
    Nobody,
}

impl Client {
    /// The first of all visits: takes whatever rustls takes.
    const FIRST: Self = Self { engine: By::Rustls, offer: Offer::All, naming: Naming::Sni };
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
        Ok(Self {
            reactors: Reactors::default(),
            engine: Engine::new(&config.openssl)?,
            limits: config.smtp.clone(),
            ehlo: format!("EHLO {}", config.ehlo),
            helo: format!("HELO {}", config.ehlo),
        })
    }

    /// Visits. Ends within the limits, whatever the server does, and never sends a mail.
    pub(crate) async fn visit(self: &Arc<Self>, target: &Target, at: Epoch) -> Box<AddressObservation> {
        self.visit_as(target, Client::FIRST, at).await
    }

    /// At one of the reactors.
    async fn visit_as(self: &Arc<Self>, target: &Target, client: Client, at: Epoch) -> Box<AddressObservation> {
        let (visitor, wanted) = (Arc::clone(self), target.clone());
        let visited = self.reactors.run(|place| async move { visitor.visit_from(place, &wanted, client, at).await }).await;
        visited.unwrap_or_else(|error| Box::new(target.record(Connect::LocalError { detail: error.to_string() }, at)))
    }

    async fn visit_from(&self, place: Arc<Place>, target: &Target, client: Client, at: Epoch) -> Box<AddressObservation> {
        let begun = Instant::now();
        let mut record = Box::new(target.record(Connect::Connected, at));
        match Wire::shared(place, SocketAddr::new(target.address, target.port), begun + self.limits.connect).await {
            Ok(wire) => {
                let mut dialogue = Dialogue::new(wire, &self.limits, begun + self.limits.visit);
                self.talk(&mut dialogue, target, client, &mut record).await;
                if let (Some(tls), Some(late)) = (&mut record.tls, dialogue.late_failure.take()) {
                    tls.error.get_or_insert(late);
                }
                record.dialogue = dialogue.exchanges;
            }
            // A SYN is refused; only a connection that was made can be reset, and sometimes is before we are told that it was made.
            Err(Broken::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                record.dialogue.push(Exchange { sent: None, encrypted: false, got: Got::Reset, at_ms: 0 });
            }
            Err(broken) => record.connect = connect_failure(&broken),
        }
        record.elapsed_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        record
    }

    /// Whether the server may speak a TLS that rustls does not: then it is worth a second look.
    pub(crate) fn wants_second_look(seen: &AddressObservation) -> bool {
        let failure = seen.tls.as_ref().and_then(|t| t.error.as_ref());
        let refused = |kind: &str| matches!(kind, "alert" | "protocol-version" | "no-common-cipher" | "chain-too-large" | "protocol-error");
        failure.is_some_and(|f| refused(&f.kind)) && seen.tls.as_ref().is_some_and(|t| t.chain.is_empty())
    }

    /// Whether this machine has an OpenSSL to look with.
    pub(crate) fn can_look_broadly(&self) -> bool {
        self.engine.has_broad()
    }

    /// Visits again with OpenSSL, which speaks nearly everything. What came of it takes the place of the first visit if it has a session to
    /// show; else what was learned is added to the first. False: no certificate was seen.
    pub(crate) async fn look_broadly(self: &Arc<Self>, target: &Target, seen: &mut AddressObservation) -> bool {
        let mut again = self.visit_as(target, Client { engine: By::OpenSsl, ..Client::FIRST }, seen.at).await;
        let (Some(first), Some(tls)) = (seen.tls.as_mut(), again.tls.as_mut()) else { return false };
        if tls.error.is_none() {
            tls.refused = first.error.take().map(Box::new);
            again.elapsed_ms = again.elapsed_ms.saturating_add(seen.elapsed_ms);
            again.early_bytes = seen.early_bytes.take().or(again.early_bytes);
            *seen = *again;
            return true;
        }
        let Some(version) = tls.version.take() else { return false };
        if tls.error.as_ref().is_some_and(|e| e.kind == "alert") {
            // Both engines were refused: that is the server's doing, whatever it speaks.
            (first.version, first.cipher, first.chain) = (Some(version), tls.cipher.take(), std::mem::take(&mut tls.chain));
            first.cut_off = tls.cut_off.take();
            first.engine = format!("rustls, then {}", tls.engine);
            return true;
        }
        let (cipher, chain, cut_off) = (tls.cipher.take(), std::mem::take(&mut tls.chain), tls.cut_off.take());
        add(first, Learned { version, cipher, chain, cut_off, by: &tls.engine });
        !first.chain.is_empty() || first.cut_off.is_some()
    }

    /// As what other kinds of client to come, after what was seen: one that takes only the other kind of key, one that names nobody.
    pub(crate) fn other_offers(seen: &AddressObservation) -> Vec<ClientOffer> {
        let Some(tls) = &seen.tls else { return Vec::new() };
        if tls.error.is_some() {
            // A server that refuses us may do so for the name.
            let named = tls.sni.is_some() && tls.chain.is_empty();
            return if named { vec![ClientOffer::NoName] } else { Vec::new() };
        }
        let key = tls.chain.first().and_then(|c| Certificate::key_of(&c.0).ok()).map(|(_, key)| key.kind);
        let mut offers = match key.as_deref() {
            Some("RSA") => vec![ClientOffer::Ecdsa],
            Some(kind) if kind.starts_with("P-") || kind.starts_with("Ed") => vec![ClientOffer::Rsa],
            _ => vec![ClientOffer::Rsa, ClientOffer::Ecdsa],
        };
        offers.extend(tls.sni.is_some().then_some(ClientOffer::NoName));
        offers
    }

    /// Visits as another kind of client, by the engine that saw the server first.
    pub(crate) async fn look_as(self: &Arc<Self>, target: &Target, seen: &AddressObservation, offer: ClientOffer, at: Epoch) -> OtherLook {
        let first = seen.tls.as_ref();
        let engine = if first.is_some_and(|t| t.refused.is_some()) { By::OpenSsl } else { By::Rustls };
        let client = match offer {
            ClientOffer::Rsa => Client { engine, offer: Offer::Rsa, naming: Naming::Sni },
            ClientOffer::Ecdsa => Client { engine, offer: Offer::Ecdsa, naming: Naming::Sni },
            ClientOffer::NoName => Client { engine, offer: Offer::All, naming: Naming::Nobody },
        };
        let AddressObservation { dialogue, tls, .. } = *self.visit_as(target, client, at).await;
        let shows = match tls {
            None => Shows::NotSeen { dialogue },
            Some(tls) if tls.error.is_none() && first.is_some_and(|f| f.chain == tls.chain) => Shows::Same,
            Some(tls) => Shows::Other(Box::new(tls)),
        };
        OtherLook { offer, at, shows }
    }

    /// Visits again and offers all that older senders would, to see version, cipher suite and chain. Adds to the record what it sees: if a
    /// server has nothing but what our engines lack, that is our limit (`no-common-cipher`), not its failure.
    pub(crate) async fn look_again(&self, target: &Target, seen: &mut AddressObservation) {
        let Ok(mut dialogue) = self.up_to_tls(target).await else { return };
        let Heard::Flight(answer) = self.hear(&mut dialogue, &ClientHello::usual(&target.sni)).await else { return };
        // A hello that nothing follows shows no more than the first look.
        if answer.chain.is_empty() && answer.cut_off.is_none() {
            return;
        }
        if let Some(tls) = &mut seen.tls {
            let (version, cipher) = (names::version(answer.version.into()), names::cipher(answer.suite.into()));
            let Flight { chain, cut_off, .. } = answer;
            add(tls, Learned { version, cipher: Some(cipher), chain, cut_off, by: "a bare ClientHello" });
        }
    }

    async fn talk(&self, dialogue: &mut Dialogue<'_>, target: &Target, client: Client, record: &mut AddressObservation) {
        if !self.introduce(dialogue).await {
            return;
        }
        // Asked for also where it is not offered: whether it was is in the record of EHLO, and the studies count both ways.
        match dialogue.exchange(Some("STARTTLS"), self.limits.reply).await {
            Some(220) => {}
            Some(421) | None => return,
            Some(_) => return self.leave(dialogue).await,
        }
        let early = dialogue.unasked();
        if !early.is_empty() {
            record.early_bytes = Some(BASE64.encode(early.get(..early.len().min(EARLY_KEPT)).unwrap_or(&early)));
        }
        if self.secure(dialogue, target, client, record).await && dialogue.exchange(Some(&self.ehlo), self.limits.reply).await.is_some() {
            self.leave(dialogue).await;
        }
    }

    /// Greeting and EHLO. False: there is nothing more to say here.
    pub(super) async fn introduce(&self, dialogue: &mut Dialogue<'_>) -> bool {
        let reply = self.limits.reply;
        match dialogue.exchange(None, reply).await {
            Some(220) => {}
            Some(421) | None => return false,
            Some(_) => {
                self.leave(dialogue).await;
                return false;
            }
        }
        let mut answer = dialogue.exchange(Some(&self.ehlo), reply).await;
        if let Some(500..=599) = answer {
            answer = dialogue.exchange(Some(&self.helo), reply).await;
        }
        match answer {
            Some(200..=299) => true,
            Some(421) | None => false,
            Some(_) => {
                self.leave(dialogue).await;
                false
            }
        }
    }

    /// The handshake. True: the dialogue goes on in TLS.
    async fn secure(&self, dialogue: &mut Dialogue<'_>, target: &Target, client: Client, record: &mut AddressObservation) -> bool {
        let mut handshake = match self.begin(target, client) {
            Ok(handshake) => handshake,
            Err(error) => {
                record.tls = Some(TlsObservation { error: Some(error), ..TlsObservation::new("rustls") });
                return false;
            }
        };
        let error = self.shake(dialogue, &mut handshake).await.err();
        let (tls, session) = handshake.end(error);
        record.tls = Some(tls);
        session.map(|session| dialogue.secure(session)).is_some()
    }

    /// Shakes hands, within our patience.
    pub(super) async fn shake(&self, dialogue: &mut Dialogue<'_>, handshake: &mut Handshake) -> Result<(), TlsFailure> {
        let end = dialogue.end().min(Instant::now() + self.limits.handshake);
        handshake.run(&mut dialogue.wire, end).await
    }

    fn begin(&self, target: &Target, client: Client) -> Result<Handshake, TlsFailure> {
        let sni = (client.naming == Naming::Sni).then_some(&target.sni);
        match client.engine {
            By::Rustls => self.engine.begin(sni, client.offer),
            By::OpenSsl => self.engine.begin_broad(sni, client.offer),
        }
    }

    pub(super) async fn leave(&self, dialogue: &mut Dialogue<'_>) {
        dialogue.exchange(Some("QUIT"), self.limits.reply.min(FAREWELL)).await;
        dialogue.close().await;
    }
}

/// What a second look learned without completing a handshake.
struct Learned<'a> {
    version: String,
    cipher: Option<String>,
    chain: Vec<CertificateBytes>,
    cut_off: Option<Box<CutOff>>,
    by: &'a str,
}

/// Adds it to the first look.
fn add(tls: &mut TlsObservation, learned: Learned) {
    let old = matches!(learned.version.as_str(), "SSLv3" | "TLSv1.0" | "TLSv1.1");
    if let Some(error) = tls.error.as_mut().filter(|e| e.kind != "chain-too-large") {
        error.kind = if old { "protocol-version" } else { "no-common-cipher" }.to_owned();
        error.detail = format!("{}; a second look offered older cipher suites and was answered", error.detail);
    }
    tls.version = Some(learned.version);
    tls.cipher = learned.cipher;
    (tls.chain, tls.cut_off) = (learned.chain, learned.cut_off);
    tls.engine = format!("rustls, then {}", learned.by);
}

/// Why there is no connection, from the system's words.
pub(crate) fn connect_failure(broken: &Broken) -> Connect {
    let Broken::Io(error) = broken else { return Connect::Timeout };
    let detail = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Connect::Refused,
        io::ErrorKind::TimedOut => Connect::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Connect::Unreachable { detail },
        _ => Connect::LocalError { detail },
    }
}
