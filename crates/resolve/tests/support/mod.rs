//! A small Internet of scripted name servers on loopback addresses, each free to misbehave. Messages are built with `domain`, not with
//! the code under test.

#![allow(dead_code)]

use bytes::Bytes;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::MessageBuilder;
use domain::base::{Message, Name as DomainName, Ttl};
use domain::rdata::{A, Cname, Dname, Ns, Soa};
use resolve::{Anchors, Budgets, Config, Ipv6, Mode, Name, Resolver, Timeouts};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

pub fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Udp,
    Tcp,
}

/// A query as a server sees it.
#[derive(Clone, Debug)]
pub struct Query {
    pub bytes: Vec<u8>,
    pub name: Name,
    pub rtype: Rtype,
    pub via: Via,
    pub edns: bool,
    /// From where.
    pub peer: SocketAddr,
    /// Queries that this server got before.
    pub number: u32,
}

/// What a server does about it.
pub enum Action {
    Send(Vec<u8>),
    /// Several datagrams in a row.
    SendAll(Vec<Vec<u8>>),
    Silence,
    /// Takes the connection and says nothing.
    Hold,
}

/// A record of a scripted zone.
#[derive(Clone, Debug)]
pub enum Data {
    A(Ipv4Addr),
    Ns(&'static str),
    Cname(&'static str),
    Dname(&'static str),
}

/// A zone that answers as RFC 1034 section 4.3.2 says.
#[derive(Clone)]
pub struct Zone {
    apex: Name,
    records: Vec<(Name, Data)>,
}

impl Zone {
    pub fn new(apex: &str) -> Self {
        Self { apex: name(apex), records: Vec::new() }
    }

    pub fn a(self, owner: &str, ip: Ipv4Addr) -> Self {
        self.with(owner, Data::A(ip))
    }

    pub fn ns(self, owner: &str, server: &'static str) -> Self {
        self.with(owner, Data::Ns(server))
    }

    pub fn cname(self, owner: &str, target: &'static str) -> Self {
        self.with(owner, Data::Cname(target))
    }

    pub fn dname(self, owner: &str, target: &'static str) -> Self {
        self.with(owner, Data::Dname(target))
    }

    fn with(mut self, owner: &str, data: Data) -> Self {
        self.records.push((name(owner), data));
        self
    }

    /// The proper answer.
    pub fn answer(&self, query: &Query) -> Action {
        let cut = self.records.iter().find(|(owner, data)| {
            let parent_side = query.rtype == Rtype::DS && query.name == *owner;
            matches!(data, Data::Ns(_)) && *owner != self.apex && query.name.ends_with(owner) && !parent_side
        });
        let mut reply = Answer::to(query);
        if let Some((zone, _)) = cut {
            reply.aa = false;
            for (owner, data) in self.records.iter().filter(|(owner, data)| owner == zone && matches!(data, Data::Ns(_))) {
                let Data::Ns(server) = data else { continue };
                reply.authority.push((owner.clone(), data.clone()));
                let glue = self.records.iter().filter(|(owner, data)| *owner == name(server) && matches!(data, Data::A(_)));
                reply.additional.extend(glue.cloned());
            }
            return reply.send();
        }
        let mut at = query.name.clone();
        for _ in 0..8 {
            let here: Vec<_> = self.records.iter().filter(|(owner, _)| *owner == at).cloned().collect();
            let fit: Vec<_> = here.iter().filter(|(_, data)| rtype(data) == query.rtype).cloned().collect();
            if !fit.is_empty() {
                reply.answer.extend(fit);
                return reply.send();
            }
            if let Some(alias) = here.iter().find(|(_, data)| matches!(data, Data::Cname(_))) {
                reply.answer.push(alias.clone());
                let Data::Cname(target) = alias.1 else { unreachable!() };
                at = name(target);
                if !at.ends_with(&self.apex) {
                    return reply.send();
                }
                continue;
            }
            let above = |owner: &Name| at.ends_with(owner) && *owner != at;
            if let Some(dname) = self.records.iter().find(|(owner, data)| matches!(data, Data::Dname(_)) && above(owner)) {
                reply.answer.push(dname.clone());
                return reply.send();
            }
            let exists = self.records.iter().any(|(owner, _)| owner.ends_with(&at));
            reply.rcode = if exists { Rcode::NOERROR } else { Rcode::NXDOMAIN };
            reply.soa = Some(self.apex.clone());
            return reply.send();
        }
        reply.send()
    }
}

fn rtype(data: &Data) -> Rtype {
    match data {
        Data::A(_) => Rtype::A,
        Data::Ns(_) => Rtype::NS,
        Data::Cname(_) => Rtype::CNAME,
        Data::Dname(_) => Rtype::DNAME,
    }
}

/// An answer being made.
pub struct Answer {
    pub query: Query,
    pub aa: bool,
    pub ra: bool,
    pub tc: bool,
    pub ad: bool,
    pub rcode: Rcode,
    pub opt: bool,
    pub answer: Vec<(Name, Data)>,
    pub authority: Vec<(Name, Data)>,
    pub additional: Vec<(Name, Data)>,
    pub soa: Option<Name>,
}

impl Answer {
    pub fn to(query: &Query) -> Self {
        Self {
            query: query.clone(),
            aa: true,
            ra: false,
            tc: false,
            ad: false,
            rcode: Rcode::NOERROR,
            opt: query.edns,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            soa: None,
        }
    }

    pub fn code(query: &Query, rcode: Rcode) -> Action {
        Self { rcode, ..Self::to(query) }.send()
    }

    pub fn send(self) -> Action {
        Action::Send(self.bytes())
    }

    pub fn bytes(self) -> Vec<u8> {
        let mut builder = MessageBuilder::new_vec();
        let id = u16::from_be_bytes([self.query.bytes[0], self.query.bytes[1]]);
        let header = builder.header_mut();
        header.set_id(id);
        header.set_qr(true);
        header.set_opcode(Opcode::QUERY);
        header.set_aa(self.aa);
        header.set_ra(self.ra);
        header.set_tc(self.tc);
        header.set_ad(self.ad);
        header.set_rcode(self.rcode);
        let mut question = builder.question();
        question.push((&self.query.name, self.query.rtype)).unwrap();
        let mut answer = question.answer();
        macro_rules! push {
            ($section:expr, $owner:expr, $data:expr) => {{
                let ttl = Ttl::from_secs(300);
                match $data {
                    Data::A(ip) => $section.push(($owner, Class::IN, ttl, A::new(*ip))),
                    Data::Ns(n) => $section.push(($owner, Class::IN, ttl, Ns::new(name(n)))),
                    Data::Cname(n) => $section.push(($owner, Class::IN, ttl, Cname::new(name(n)))),
                    Data::Dname(n) => $section.push(($owner, Class::IN, ttl, Dname::new(name(n)))),
                }
                .unwrap()
            }};
        }
        self.answer.iter().for_each(|(owner, data)| push!(answer, owner, data));
        let mut authority = answer.authority();
        self.authority.iter().for_each(|(owner, data)| push!(authority, owner, data));
        if let Some(apex) = &self.soa {
            let ttl = Ttl::from_secs(60);
            let soa = Soa::new(name("ns.invalid"), name("hostmaster.invalid"), 1.into(), ttl, ttl, ttl, ttl);
            authority.push((apex, Class::IN, ttl, soa)).unwrap();
        }
        let mut additional = authority.additional();
        self.additional.iter().for_each(|(owner, data)| push!(additional, owner, data));
        if self.opt {
            additional
                .opt(|opt| {
                    opt.set_udp_payload_size(1232);
                    Ok(())
                })
                .unwrap();
        }
        additional.finish()
    }
}

/// A network 127.x.y.0/24 of its own with one port.
pub struct World {
    base: [u8; 3],
    pub port: u16,
}

static NEXT: AtomicU8 = AtomicU8::new(0);

impl World {
    pub fn new() -> Self {
        let base = [127, 16 + (std::process::id() % 200) as u8, NEXT.fetch_add(1, Ordering::Relaxed)];
        let probe = std::net::TcpListener::bind((Ipv4Addr::new(base[0], base[1], base[2], 250), 0)).unwrap();
        Self { base, port: probe.local_addr().unwrap().port() }
    }

    pub fn ip(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(self.base[0], self.base[1], self.base[2], last)
    }

    /// Starts a server; it runs as long as the test's runtime.
    pub async fn serve(&self, last: u8, script: impl Fn(&Query) -> Action + Send + Sync + 'static) -> Log {
        let log = Log::default();
        let address = SocketAddr::new(self.ip(last).into(), self.port);
        let script = Arc::new(script);
        let udp = UdpSocket::bind(address).await.unwrap();
        let tcp = TcpListener::bind(address).await.unwrap();
        tokio::spawn(serve_udp(udp, script.clone(), log.clone()));
        tokio::spawn(serve_tcp(tcp, script, log.clone()));
        log
    }

    pub async fn zone(&self, last: u8, zone: Zone) -> Log {
        self.serve(last, move |query| zone.answer(query)).await
    }

    /// Short waits, the root at .1, nothing signed.
    pub fn config(&self) -> Config {
        Config {
            mode: Mode::Iterative { roots: vec![(name("ns.root"), vec![IpAddr::V4(self.ip(1))])] },
            dns_port: self.port,
            anchors: Anchors::none(),
            timeouts: Timeouts { query: Duration::from_millis(200), tcp: Duration::from_millis(600), lookup: Duration::from_secs(5) },
            budgets: Budgets::default(),
            ipv6: Ipv6::Off,
            ..Config::default()
        }
    }

    pub fn resolver(&self) -> Resolver {
        Resolver::new(self.config()).unwrap()
    }
}

/// What a server was asked.
#[derive(Clone, Default)]
pub struct Log {
    queries: Arc<Mutex<Vec<Query>>>,
    count: Arc<AtomicU32>,
}

impl Log {
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    pub fn queries(&self) -> Vec<Query> {
        self.queries.lock().unwrap().clone()
    }

    fn read(&self, bytes: &[u8], via: Via, peer: SocketAddr) -> Option<Query> {
        let message = Message::from_octets(bytes).ok()?;
        let question = message.first_question()?;
        let name: DomainName<Bytes> = domain::base::ToName::to_name(question.qname());
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let edns = message.opt().is_some();
        let query = Query { bytes: bytes.to_vec(), name, rtype: question.qtype(), via, edns, peer, number };
        self.queries.lock().unwrap().push(query.clone());
        Some(query)
    }
}

async fn serve_udp(socket: UdpSocket, script: Arc<impl Fn(&Query) -> Action>, log: Log) {
    let mut buffer = vec![0; 2048];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(query) = log.read(&buffer[..length], Via::Udp, peer) else { continue };
        let messages = match script(&query) {
            Action::Send(message) => vec![message],
            Action::SendAll(messages) => messages,
            Action::Silence | Action::Hold => vec![],
        };
        for message in messages {
            let _ = socket.send_to(&message, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<impl Fn(&Query) -> Action + Send + Sync + 'static>, log: Log) {
    loop {
        let Ok((mut stream, peer)) = listener.accept().await else { continue };
        let (script, log) = (script.clone(), log.clone());
        tokio::spawn(async move {
            let length = stream.read_u16().await.ok()?;
            let mut bytes = vec![0; length.into()];
            stream.read_exact(&mut bytes).await.ok()?;
            let query = log.read(&bytes, Via::Tcp, peer)?;
            match script(&query) {
                Action::Send(message) => {
                    let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
                    stream.write_all(&framed).await.ok()?;
                }
                Action::Hold => tokio::time::sleep(Duration::from_secs(60)).await,
                _ => {}
            }
            Some(())
        });
    }
}
