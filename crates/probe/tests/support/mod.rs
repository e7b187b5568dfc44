//! A DNS that is a table, and SMTP servers that follow a script, on loopback.
#![allow(dead_code)]

pub mod openssl;

use dane::dns::{Alias, Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::{AddressObservation, Got};
use domain::base::iana::Rtype;
use probe::{Destinations, Dns, DnsFuture, Looker, LookerConfig, Pace, SmtpLimits};
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub fn name(text: &str) -> Name {
    parse_domain(text).unwrap()
}

/// Answers by name and type; everything else is a secure NODATA.
#[derive(Default)]
pub struct Table {
    pub answers: HashMap<(Name, Rtype), Lookup>,
    /// Every question, in order.
    pub asked: Mutex<Vec<(Name, Rtype)>>,
}

impl Table {
    pub fn with(mut self, owner: &str, rtype: Rtype, data: &[&str]) -> Self {
        let lookup = lookup(owner, rtype, data);
        self.answers.insert((lookup.name.clone(), rtype), lookup);
        self
    }

    pub fn change(mut self, owner: &str, rtype: Rtype, change: impl FnOnce(&mut Lookup)) -> Self {
        change(self.answers.entry((name(owner), rtype)).or_insert_with(|| lookup(owner, rtype, &[])));
        self
    }

    /// `owner` is an alias of `target` for this type; each link has a status.
    pub fn alias(self, owner: &str, rtype: Rtype, target: &str, status: Security, data: &[&str]) -> Self {
        let (alias, end) = (name(owner), name(target));
        self.with(owner, rtype, data).change(owner, rtype, |l| {
            l.aliases = vec![Alias { owner: alias, target: end.clone(), ttl: 60, status }];
            l.status = status;
            l.records.iter_mut().for_each(|r| r.owner = end.clone());
        })
    }

    pub fn times_asked(&self, owner: &str, rtype: Rtype) -> usize {
        let question = (name(owner), rtype);
        self.asked.lock().unwrap().iter().filter(|q| **q == question).count()
    }
}

pub fn lookup(owner: &str, rtype: Rtype, data: &[&str]) -> Lookup {
    let owner = if owner == "." { Name::root_bytes() } else { name(owner) };
    let mut lookup = Lookup::unasked(&owner, rtype, 1_700_000_000);
    (lookup.failure, lookup.failure_detail, lookup.status) = (None, None, Security::Secure);
    lookup.records = data.iter().map(|d| Record { owner: owner.clone(), ttl: 300, data: (*d).to_owned() }).collect();
    lookup
}

impl Dns for Table {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        self.asked.lock().unwrap().push((name.clone(), rtype));
        let found = self.answers.get(&(name.clone(), rtype)).cloned();
        let answer = found.unwrap_or_else(|| lookup(&name.to_string(), rtype, &[]));
        Box::pin(async move {
            // A real resolver yields.
            tokio::task::yield_now().await;
            answer
        })
    }

    /// The last two labels.
    fn zone_apex<'a>(&'a self, name: &'a Name) -> DnsFuture<'a, Option<Name>> {
        let skip = name.label_count().saturating_sub(3);
        let apex = name.iter_suffixes().nth(skip);
        Box::pin(async move { apex })
    }
}

/// Limits short enough for tests, long enough for a busy machine.
pub fn limits() -> SmtpLimits {
    SmtpLimits {
        connect: Duration::from_secs(5),
        reply: Duration::from_secs(5),
        handshake: Duration::from_secs(5),
        visit: Duration::from_secs(20),
        ..SmtpLimits::default()
    }
}

pub fn config(port: u16) -> LookerConfig {
    LookerConfig {
        connect_port: Some(port),
        destinations: Destinations::Any,
        smtp: limits(),
        pace: Pace::unhurried(),
        ..LookerConfig::new(name("prober.example"))
    }
}

/// Visits a server at this address as MX host `mx.example.org`.
pub async fn visit(server: SocketAddr, change: impl FnOnce(&mut LookerConfig)) -> AddressObservation {
    let address = server.ip().to_string();
    let table = Table::default().with("mx.example.org", if server.is_ipv4() { Rtype::A } else { Rtype::AAAA }, &[&address]);
    let mut config = config(server.port());
    change(&mut config);
    let looker = Looker::new(Arc::new(table), config).unwrap();
    let host = looker.observe_host(&name("mx.example.org")).await;
    assert_eq!(host.servers.len(), 1, "{host:?}");
    host.servers[0].clone()
}

/// A server that does this to every connection.
pub async fn serve<F>(script: impl Fn(Peer) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(script(Peer { stream, commands: Vec::new() }));
        }
    });
    address
}

/// The server's side of one connection.
pub struct Peer {
    pub stream: TcpStream,
    /// Commands received.
    pub commands: Vec<String>,
}

impl Peer {
    /// Sends; false: the prober has gone.
    pub async fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(text.as_ref()).await.is_ok()
    }

    /// One command line without its CRLF; `None`: the prober has gone.
    pub async fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match self.stream.read_u8().await {
                Ok(b'\n') => break,
                Ok(byte) => line.push(byte),
                Err(_) => return None,
            }
        }
        let line = String::from_utf8(line).unwrap();
        let line = line.strip_suffix('\r').expect("commands end with CRLF").to_owned();
        self.commands.push(line.clone());
        Some(line)
    }

    /// Greets, answers EHLO with STARTTLS offered, takes STARTTLS and answers 220.
    pub async fn up_to_starttls(&mut self) {
        self.say("220 mx.example.org ESMTP\r\n").await;
        self.hear().await;
        self.say("250-mx.example.org\r\n250 STARTTLS\r\n").await;
        self.hear().await;
        self.say("220 go ahead\r\n").await;
    }

    /// Reads one TLS record: the ClientHello.
    pub async fn take_hello(&mut self) {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).await.unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        self.stream.read_exact(&mut body).await.unwrap();
    }

    /// Reads until the prober has gone.
    pub async fn drain(&mut self) {
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
    }
}

/// A server that answers each command with the reply given for its verb, and 502 otherwise; transcripts go to the list.
pub async fn scripted(
    greeting: &'static str,
    replies: &'static [(&'static str, &'static str)],
) -> (SocketAddr, Arc<Mutex<Vec<Vec<String>>>>) {
    let transcripts = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&transcripts);
    let address = serve(move |mut peer| {
        let list = Arc::clone(&list);
        async move {
            peer.say(greeting).await;
            while let Some(command) = peer.hear().await {
                let verb = command.split(' ').next().unwrap_or_default();
                let reply = replies.iter().find(|(v, _)| *v == verb).map_or("502 5.5.2 what?\r\n", |(_, r)| r);
                peer.say(reply).await;
                if verb == "QUIT" {
                    break;
                }
            }
            list.lock().unwrap().push(peer.commands);
        }
    })
    .await;
    (address, transcripts)
}

/// What was sent and what came back, in short: `EHLO prober.example -> 250`.
pub fn summary(observation: &AddressObservation) -> Vec<String> {
    observation
        .dialogue
        .iter()
        .map(|e| {
            let got = match &e.got {
                Got::Reply { code, .. } => code.to_string(),
                Got::Garbage { why, .. } => why.clone(),
                Got::Timeout => "timeout".into(),
                Got::Closed => "closed".into(),
                Got::Reset => "reset".into(),
            };
            format!("{}{} -> {got}", if e.encrypted { "tls " } else { "" }, e.sent.as_deref().unwrap_or("(greeting)"))
        })
        .collect()
}
