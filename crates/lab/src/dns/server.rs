//! Name servers: UDP and TCP at many addresses, each authoritative for the zones delegated to it.

use super::adversity::{Way, Weather};
use super::answer::{Entry, Response, answer};
use super::zone::{Manner, Zone};
use crate::log::Log;
use crate::parallel::parallel;
use crate::seed::Seed;
use crate::{LabError, net};
use dane::Epoch;
use dane::name::Name;
use dane::sender::Query;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, MessageBuilder, PushError, StaticCompressor};
use domain::base::rdata::UnknownRecordData;
use domain::base::{Message, ParsedName, Record, Ttl};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Queries that are remembered.
const QUERIES: usize = 200_000;
/// What we say and accept over UDP.
const UDP_SIZE: u16 = 1232;
/// Zones signed before the lab is up: a second's work or two.
const SIGNED_AHEAD: usize = 4000;
/// A TCP connection without a query for so long is closed.
const TCP_IDLE: Duration = Duration::from_secs(10);

/// All zones, and what signing them needs.
pub struct Zones {
    by_apex: HashMap<Name, Vec<Zone>>,
    seed: Seed,
    now: Epoch,
    /// Queries seen.
    pub log: Log<Query>,
    /// What befalls them.
    pub weather: Weather,
}

impl Zones {
    /// From zones in any order. Several of one apex differ by their servers.
    pub fn new(zones: Vec<Zone>, seed: Seed, now: Epoch) -> Self {
        let mut by_apex: HashMap<Name, Vec<Zone>> = HashMap::with_capacity(zones.len());
        for zone in zones {
            by_apex.entry(zone.plan.apex.clone()).or_default().push(zone);
        }
        Self { by_apex, seed, now, log: Log::new(QUERIES), weather: Weather::default() }
    }

    /// Every zone.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.by_apex.values().flatten()
    }

    /// Every zone once: of those that differ by their servers the first, which is what they should all be.
    pub fn firsts(&self) -> impl Iterator<Item = &Zone> {
        self.by_apex.values().filter_map(|zones| zones.first())
    }

    /// Signs a zone if it is not signed yet.
    pub fn sign<'a>(&self, zone: &'a Zone) -> &'a super::zone::SignedZone {
        zone.signed(&self.seed, self.now)
    }

    /// Signs zones before anybody asks: root and top-level domains first, then so many that nobody has to wait long. The others are signed
    /// when they are first asked for.
    pub fn sign_ahead(&self) {
        let mut zones: Vec<&Zone> = self.iter().collect();
        zones.sort_by_key(|z| z.plan.apex.label_count());
        zones.truncate(SIGNED_AHEAD);
        parallel(&zones, |zone| {
            self.sign(zone);
        });
    }

    /// The zone of an apex; the first, if there are several.
    pub fn zone(&self, apex: &Name) -> Option<&Zone> {
        self.by_apex.get(apex)?.first()
    }

    /// Addresses of all name servers, each once.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let mut all: Vec<Ipv4Addr> = self.iter().flat_map(|z| z.plan.servers.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The zone that a server answers from: the closest that it serves; for DS the parent, if it serves that.
    fn find(&self, server: Ipv4Addr, qname: &Name, qtype: Rtype) -> Option<&Zone> {
        let mut served =
            qname.iter_suffixes().filter_map(|apex| self.by_apex.get(&apex)?.iter().find(|z| z.plan.servers.contains(&server)));
        let closest = served.next()?;
        if qtype == Rtype::DS && closest.plan.apex == *qname { served.next().or(Some(closest)) } else { Some(closest) }
    }

    /// The answer from the zones of one server; `None`: silence.
    pub fn message(&self, server: Ipv4Addr, ask: &Ask<'_>, instead: Option<Manner>) -> Option<Vec<u8>> {
        let (qname, qtype) = (&ask.name, ask.rtype);
        if ask.strange() {
            return ask.error(Rcode::NOTIMP);
        }
        let zone = self.find(server, qname, qtype);
        match instead.or_else(|| zone?.plan.manner(qname, qtype)) {
            Some(Manner::Silent) => None,
            Some(Manner::Servfail) => ask.error(Rcode::SERVFAIL),
            Some(Manner::Refused) => ask.error(Rcode::REFUSED),
            Some(Manner::TcpOnly) if !ask.tcp => ask.truncated(),
            _ => {
                let Some(zone) = zone else { return ask.error(Rcode::REFUSED) };
                let signed = self.sign(zone);
                let response = answer(&zone.plan, signed, qname, qtype, ask.dnssec_ok);
                ask.message(&match &zone.mutation {
                    Some(mutation) => mutation.response(&zone.plan, signed, &(qname.clone(), qtype), response),
                    None => response,
                })
            }
        }
    }
}

impl Answers for Zones {
    fn respond(&self, server: Ipv4Addr, source: SocketAddr, octets: &[u8], tcp: bool) -> Option<(Vec<u8>, Duration)> {
        let query = Message::from_octets(octets).ok()?;
        let way = if tcp { Way::Tcp } else { Way::Udp };
        let ask = Ask::read(&query, way)?;
        self.log.add(ask.seen(server, source));
        let fate = self.weather.fate(server, &ask.name, ask.rtype, way);
        let message = self.message(server, &ask, fate.instead)?;
        Some((message, fate.after))
    }

    fn handshake(&self) -> Duration {
        self.weather.handshake()
    }
}

/// A name in lower case.
fn lower(name: &ParsedName<&[u8]>) -> Option<Name> {
    use domain::base::name::ToName;
    let flat: Vec<u8> = name.to_vec().as_slice().to_ascii_lowercase();
    Name::from_octets(flat.into()).ok()
}

/// A query and what its response may look like.
pub struct Ask<'a> {
    query: &'a Message<&'a [u8]>,
    limit: usize,
    edns: bool,
    /// Name asked, in lower case.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// Whether signatures are wanted.
    pub dnssec_ok: bool,
    /// Over TCP rather than UDP.
    pub tcp: bool,
}

type Builder = AdditionalBuilder<StaticCompressor<Vec<u8>>>;

impl<'a> Ask<'a> {
    /// Reads a query; `None` for what is none.
    pub fn read(query: &'a Message<&'a [u8]>, way: Way) -> Option<Self> {
        if query.header().qr() {
            return None;
        }
        let question = query.sole_question().ok()?;
        let opt = query.opt();
        Some(Self {
            query,
            limit: if way == Way::Tcp {
                usize::from(u16::MAX)
            } else {
                opt.as_ref().map_or(512, |o| o.udp_payload_size().clamp(512, UDP_SIZE)).into()
            },
            edns: opt.is_some(),
            name: lower(question.qname())?,
            rtype: question.qtype(),
            dnssec_ok: opt.is_some_and(|o| o.dnssec_ok()),
            tcp: way == Way::Tcp,
        })
    }

    /// The query as it is remembered.
    pub fn seen(&self, server: Ipv4Addr, source: SocketAddr) -> Query {
        Query {
            at_ms: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
            source,
            server: server.into(),
            tcp: self.tcp,
            name: self.name.clone(),
            rtype: self.rtype,
            dnssec_ok: self.dnssec_ok,
            checking_disabled: self.query.header().cd(),
        }
    }

    /// Whether it asks for something that no name server of ours does.
    pub fn strange(&self) -> bool {
        self.query.header().opcode() != Opcode::QUERY || matches!(self.rtype, Rtype::AXFR | Rtype::IXFR)
    }

    /// A response without records.
    pub fn error(&self, rcode: Rcode) -> Option<Vec<u8>> {
        self.message(&Response::empty(rcode))
    }

    /// "Come again over TCP."
    pub fn truncated(&self) -> Option<Vec<u8>> {
        let mut builder =
            MessageBuilder::from_target(StaticCompressor::new(Vec::new())).ok()?.start_answer(self.query, Rcode::NOERROR).ok()?;
        builder.header_mut().set_tc(true);
        self.finish(builder.additional()).ok()
    }

    /// The response with these records, truncated if it does not fit.
    pub fn message(&self, response: &Response<'_>) -> Option<Vec<u8>> {
        let octets = self.compose(response).ok()?;
        if octets.len() > self.limit { self.truncated() } else { Some(octets) }
    }

    fn compose(&self, response: &Response<'_>) -> Result<Vec<u8>, PushError> {
        let target = StaticCompressor::new(Vec::with_capacity(512));
        let builder = MessageBuilder::from_target(target).map_err(|_| PushError::ShortBuf)?;
        let mut section = builder.start_answer(self.query, response.rcode)?;
        section.header_mut().set_aa(response.authoritative);
        for record in response.answer.iter().flat_map(|e| records(e, self.dnssec_ok)) {
            section.push(record)?;
        }
        let mut section = section.authority();
        for record in response.authority.iter().flat_map(|e| records(e, self.dnssec_ok)) {
            section.push(record)?;
        }
        let mut section = section.additional();
        for record in response.additional.iter().flat_map(|e| records(e, self.dnssec_ok)) {
            section.push(record)?;
        }
        self.finish(section)
    }

    fn finish(&self, mut builder: Builder) -> Result<Vec<u8>, PushError> {
        if self.edns {
            builder.opt(|opt| {
                opt.set_udp_payload_size(UDP_SIZE);
                opt.set_dnssec_ok(self.dnssec_ok);
                Ok(())
            })?;
        }
        Ok(builder.finish().into_target())
    }
}

type Out = Record<Name, UnknownRecordData<bytes::Bytes>>;

/// The records of an RRset, its signatures after them if they are wanted.
fn records(entry: &Entry<'_>, signatures: bool) -> Vec<Out> {
    let (owner, rrset) = entry;
    let record = |rtype, data: &bytes::Bytes| {
        let data = UnknownRecordData::from_octets(rtype, data.clone()).ok()?;
        Some(Record::new(owner.clone(), Class::IN, Ttl::from_secs(rrset.ttl), data))
    };
    let data = rrset.data.iter().filter_map(|d| record(rrset.rtype, d));
    let signed = rrset.signatures.iter().filter(|_| signatures).filter_map(|d| record(Rtype::RRSIG, d));
    data.chain(signed).collect()
}

/// What answers queries.
pub trait Answers: Send + Sync + 'static {
    /// The response to a query at one of the servers, and how long it takes; `None`: silence.
    fn respond(&self, server: Ipv4Addr, source: SocketAddr, octets: &[u8], tcp: bool) -> Option<(Vec<u8>, Duration)>;

    /// Before answers leave: what is known of their queries has to be kept by now.
    fn flush(&self) {}

    /// How long it takes to open a connection.
    fn handshake(&self) -> Duration {
        Duration::ZERO
    }
}

/// Opens the sockets of name servers and serves from them as long as the runtime lives.
pub async fn serve<A: Answers>(zones: Arc<A>, addresses: Vec<Ipv4Addr>, port: u16) -> Result<(), LabError> {
    for address in addresses.iter().copied() {
        let at = SocketAddr::from((address, port));
        let udp = UdpSocket::bind(at).await.map_err(|e| net::refused("UDP", at, "--dns-port", e))?;
        tokio::spawn(serve_udp(Arc::clone(&zones), address, udp));
    }
    serve_streams(&zones, &addresses, port)
}

/// The same over TCP only.
pub fn serve_streams<A: Answers>(zones: &Arc<A>, addresses: &[Ipv4Addr], port: u16) -> Result<(), LabError> {
    for address in addresses {
        let tcp = net::listen(SocketAddr::from((*address, port)), "--dns-port")?;
        tokio::spawn(serve_tcp(Arc::clone(zones), *address, tcp));
    }
    Ok(())
}

async fn serve_udp(zones: Arc<impl Answers>, address: Ipv4Addr, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let mut buffer = vec![0; 4096];
    loop {
        // Errors here are of single packets (ICMP); the socket stays good.
        let Ok((length, source)) = socket.recv_from(&mut buffer).await else { continue };
        let reply = buffer.get(..length).and_then(|octets| zones.respond(address, source, octets, false));
        let Some((reply, after)) = reply else { continue };
        if after.is_zero() {
            let _ = socket.send_to(&reply, source).await;
        } else {
            let socket = Arc::clone(&socket);
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let _ = socket.send_to(&reply, source).await;
            });
        }
    }
}

async fn serve_tcp(zones: Arc<impl Answers>, address: Ipv4Addr, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, source)) => {
                let zones = Arc::clone(&zones);
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(Duration::from_secs(120), converse(zones, address, source, stream)).await;
                });
            }
            // Out of descriptors: wait for others to close.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(zones: Arc<impl Answers>, address: Ipv4Addr, source: SocketAddr, mut stream: TcpStream) -> Option<()> {
    tokio::time::sleep(zones.handshake()).await;
    loop {
        let length = tokio::time::timeout(TCP_IDLE, stream.read_u16()).await.ok()?.ok()?;
        let mut octets = vec![0; usize::from(length)];
        tokio::time::timeout(TCP_IDLE, stream.read_exact(&mut octets)).await.ok()?.ok()?;
        let answer = zones.respond(address, source, &octets, true);
        zones.flush();
        let Some((reply, after)) = answer else { continue };
        tokio::time::sleep(after).await;
        let length = u16::try_from(reply.len()).ok()?;
        stream.write_all(&[&length.to_be_bytes(), reply.as_slice()].concat()).await.ok()?;
    }
}
