//! Messages over UDP and TCP: one query out, one answer in, bounded in time, size and number.
//!
//! UDP queries share a few [ports](port) that change all the time; [`batch`] reads many datagrams with one call. The message id is this
//! module's business: it is drawn, written into the query, and looked for in the answer. (RFC 5452 section 9)

pub mod batch;
mod port;

use crate::config::Source;
use bytes::Bytes;
use port::Port;
use rand::Rng;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Datagrams that do not answer the query, after which it is given up: somebody is guessing.
pub const MAX_STRANGERS: usize = 16;
/// Queries under way for which one more port is worth its price.
const CROWD: usize = 256;
/// Ports open at once, at least and at most. A stranger has to guess one of them among all, beside the id.
pub const PORTS: std::ops::RangeInclusive<usize> = 4..=64;

/// Queries that a port serves, about: the number is drawn.
pub const SHARE: std::ops::Range<usize> = 256..768;
/// Datagrams of strangers after which a port is closed to new queries: somebody is guessing its ids.
pub const MAX_GUESSES: usize = 64;

/// Ports drawn from a range until one is free.
const PORT_TRIES: usize = 200;

/// Why no message came back.
#[derive(Debug)]
pub enum NetError {
    Timeout,
    /// This machine cannot even try: out of sockets or ports.
    Local(io::Error),
    /// No route, port closed, connection refused or reset.
    Unreachable(io::Error),
    /// What came did not answer the query.
    Strangers,
}

/// Sends and receives; bounds the number of messages under way.
pub struct Net {
    slots: Semaphore,
    source: Source,
    v4: Ports,
    v6: Ports,
}

/// The ports of one address family.
struct Ports {
    open: Mutex<Vec<Arc<Port>>>,
    number: usize,
}

impl Net {
    /// At most so many messages under way at once.
    pub fn new(messages: usize, source: Source) -> Self {
        let number = (messages / CROWD).clamp(*PORTS.start(), *PORTS.end());
        let ports = || Ports { open: Mutex::new(Vec::new()), number };
        Self { slots: Semaphore::new(messages.max(1)), source, v4: ports(), v6: ports() }
    }

    /// Waits for leave to send one message; `None` if there is none within `patience`. That is our own crowd, and no server's silence.
    pub async fn slot(&self, patience: Duration) -> Option<Slot<'_>> {
        let permit = match self.slots.try_acquire() {
            Ok(permit) => permit,
            Err(_) => timeout(patience, self.slots.acquire()).await.ok()?.ok()?,
        };
        Some(Slot { _permit: permit, net: self })
    }

    /// One of the open ports, drawn. One that has done its share makes room for a new one.
    fn port(&self, server: SocketAddr) -> io::Result<Arc<Port>> {
        let ports = if server.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut open = ports.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() < ports.number {
            let port = Arc::new(Port::open(&self.source, Family::of(server))?);
            open.push(port.clone());
            return Ok(port);
        }
        let index = rand::rng().random_range(0..open.len());
        match open.get_mut(index) {
            Some(port) if !port.is_spent() => Ok(port.clone()),
            Some(port) => {
                *port = Arc::new(Port::open(&self.source, Family::of(server))?);
                Ok(port.clone())
            }
            None => Err(io::Error::other("no port is open")),
        }
    }
}

/// Leave to have one message under way.
pub struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    net: &'a Net,
}

impl Slot<'_> {
    /// Sends over UDP and waits for a datagram that `accept` takes for the answer. Says how long that took.
    pub async fn udp<T>(
        self,
        server: SocketAddr,
        query: &mut [u8],
        wait: Duration,
        accept: impl Fn(Bytes) -> Option<T>,
    ) -> Result<(T, Duration), NetError> {
        let started = Instant::now();
        let port = self.net.port(server).map_err(NetError::Local)?;
        let mut seat = port.seat(server).ok_or_else(|| NetError::Local(io::Error::other("no message id is free")))?;
        write_id(query, seat.id());
        seat.send(query).await.map_err(NetError::Unreachable)?;
        let mut strangers = 0;
        let receive = async {
            loop {
                let datagram = seat.next().await?;
                if let Some(answer) = accept(datagram) {
                    return Ok(answer);
                }
                strangers += 1;
                if strangers >= MAX_STRANGERS {
                    return Err(NetError::Strangers);
                }
            }
        };
        match timeout(wait, receive).await {
            Ok(result) => result.map(|answer| (answer, started.elapsed())),
            Err(_) if strangers > 0 || seat.met_strangers() => Err(NetError::Strangers),
            Err(_) => Err(NetError::Timeout),
        }
    }

    /// Sends over TCP and waits for the answer. (R-128 rfc7766#8)
    pub async fn tcp<T>(
        self,
        server: SocketAddr,
        query: &mut [u8],
        wait: Duration,
        accept: impl Fn(Bytes) -> Option<T>,
    ) -> Result<(T, Duration), NetError> {
        let started = Instant::now();
        let id = rand::random();
        write_id(query, id);
        let socket = self.tcp_socket(server).map_err(NetError::Local)?;
        let message = within(wait, async {
            let mut stream = socket.connect(server).await?;
            let length = u16::try_from(query.len()).map_err(io::Error::other)?;
            // One write: some servers read length and message with a single call. (RFC 7766 section 8)
            stream.write_all(&[&length.to_be_bytes(), &*query].concat()).await?;
            let length = stream.read_u16().await?;
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await?;
            Ok(Bytes::from(message))
        })
        .await?;
        let ours = read_id(&message) == Some(id);
        let answer = if ours { accept(message) } else { None };
        answer.map(|answer| (answer, started.elapsed())).ok_or(NetError::Strangers)
    }

    fn tcp_socket(&self, server: SocketAddr) -> io::Result<TcpSocket> {
        let new = || if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        if self.net.source == Source::default() {
            return new();
        }
        bind(&self.net.source, Family::of(server), |local| {
            let socket = new()?;
            socket.set_reuseaddr(true)?;
            socket.bind(local)?;
            Ok(socket)
        })
    }
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A UDP socket of the source.
pub fn udp_socket(source: &Source, family: Family) -> io::Result<UdpSocket> {
    let socket = bind(source, family, std::net::UdpSocket::bind)?;
    socket.set_nonblocking(true)?;
    batch::prepare(&socket)?;
    UdpSocket::from_std(socket)
}

/// What `open` opens at an address of the source, at one of its ports that is free.
fn bind<T>(source: &Source, family: Family, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let any = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let address = source.address.filter(|ip| ip.is_ipv4() == any.is_ipv4()).unwrap_or(any);
    let Some(ports) = &source.ports else { return open(SocketAddr::new(address, 0)) };
    let mut tries = 0;
    loop {
        match open(SocketAddr::new(address, rand::rng().random_range(ports.clone()))) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn within<T>(wait: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, NetError> {
    match timeout(wait, work).await {
        Ok(result) => result.map_err(NetError::Unreachable),
        Err(_) => Err(NetError::Timeout),
    }
}

pub fn write_id(query: &mut [u8], id: u16) {
    if let Some(place) = query.first_chunk_mut() {
        *place = id.to_be_bytes();
    }
}

pub fn read_id(message: &[u8]) -> Option<u16> {
    message.first_chunk().map(|id| u16::from_be_bytes(*id))
}

/// Whether this machine has a route to the IPv6 Internet. Sends nothing: connecting a UDP socket only asks the routing table.
pub fn has_ipv6_route() -> bool {
    let there = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf)), 53);
    std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(there)).is_ok()
}
