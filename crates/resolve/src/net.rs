//! Messages over UDP and TCP: one query out, one answer in, bounded in time, size and number.
//!
//! Each UDP query has a socket of its own, connected to the server. The kernel picks a random source port and drops datagrams from
//! anybody else (RFC 5452 section 9.2), and an ICMP error comes back as an error rather than as silence.

use bytes::Bytes;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Largest datagram read. Servers were told 1232; what is longer than this is cut and then refused as malformed.
const MAX_DATAGRAM: usize = 4096;
/// Datagrams that do not answer the query, after which a socket is given up: somebody is guessing.
const MAX_STRANGERS: u32 = 16;

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

/// Gives out leave to open sockets, and so bounds their number.
pub struct Net {
    slots: Semaphore,
    bind: Option<IpAddr>,
}

impl Net {
    pub fn new(sockets: usize, bind: Option<IpAddr>) -> Self {
        Self { slots: Semaphore::new(sockets.max(1)), bind }
    }

    /// Waits for leave to open one socket; `None` if none is free within `patience`. That is our own crowd, and no server's silence.
    pub async fn slot(&self, patience: Duration) -> Option<Slot<'_>> {
        let permit = timeout(patience, self.slots.acquire()).await.ok()?.ok()?;
        Some(Slot { _permit: permit, bind: self.bind })
    }
}

/// Leave to open one socket: sends and receives.
pub struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    bind: Option<IpAddr>,
}

impl Slot<'_> {
    /// Sends over UDP and waits for a datagram that `accept` takes for the answer. Says how long that took.
    pub async fn udp<T>(
        self,
        server: SocketAddr,
        query: &[u8],
        wait: Duration,
        accept: impl Fn(Bytes) -> Option<T>,
    ) -> Result<(T, Duration), NetError> {
        let mut strangers = 0;
        let exchange = async {
            let socket = self.udp_socket(server).await?;
            socket.send(query).await.map_err(NetError::Unreachable)?;
            let mut buffer = vec![0; MAX_DATAGRAM];
            while strangers < MAX_STRANGERS {
                let length = socket.recv(&mut buffer).await.map_err(NetError::Unreachable)?;
                let datagram = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                if let Some(answer) = accept(datagram) {
                    return Ok(answer);
                }
                strangers += 1;
            }
            Err(NetError::Strangers)
        };
        match within(wait, exchange).await {
            Err(NetError::Timeout) if strangers > 0 => Err(NetError::Strangers),
            result => result,
        }
    }

    /// Sends over TCP and waits for the answer. (R-128 rfc7766#8)
    pub async fn tcp<T>(
        self,
        server: SocketAddr,
        query: &[u8],
        wait: Duration,
        accept: impl Fn(Bytes) -> Option<T>,
    ) -> Result<(T, Duration), NetError> {
        let talk = async |socket: TcpSocket| {
            let mut stream = socket.connect(server).await?;
            let length = u16::try_from(query.len()).map_err(io::Error::other)?;
            // One write: some servers read length and message with a single call. (RFC 7766 section 8)
            stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
            let length = stream.read_u16().await?;
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await?;
            Ok(Bytes::from(message))
        };
        let exchange = async {
            let socket = self.tcp_socket(server).map_err(NetError::Local)?;
            accept(talk(socket).await.map_err(NetError::Unreachable)?).ok_or(NetError::Strangers)
        };
        within(wait, exchange).await
    }

    async fn udp_socket(&self, server: SocketAddr) -> Result<UdpSocket, NetError> {
        let socket = UdpSocket::bind(self.local(server)).await.map_err(NetError::Local)?;
        socket.connect(server).await.map_err(NetError::Unreachable)?;
        Ok(socket)
    }

    fn tcp_socket(&self, server: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if self.bind.is_some() {
            socket.bind(self.local(server))?;
        }
        Ok(socket)
    }

    fn local(&self, server: SocketAddr) -> SocketAddr {
        let any = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        SocketAddr::new(self.bind.filter(|ip| ip.is_ipv4() == server.is_ipv4()).unwrap_or(any), 0)
    }
}

/// What comes of an exchange in time, and how long it took.
async fn within<T>(wait: Duration, exchange: impl Future<Output = Result<T, NetError>>) -> Result<(T, Duration), NetError> {
    let started = Instant::now();
    let answer = timeout(wait, exchange).await.unwrap_or(Err(NetError::Timeout))?;
    Ok((answer, started.elapsed()))
}

/// Whether this machine has a route to the IPv6 Internet. Sends nothing: connecting a UDP socket only asks the routing table.
pub fn has_ipv6_route() -> bool {
    let there = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf)), 53);
    std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(there)).is_ok()
}
