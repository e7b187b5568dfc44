//! A TCP connection, at a reactor or in a task of its own, and waiting for it no longer than we want to.

use crate::reactor::{Place, Socket};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What is read at a time, octets: on the stack, so that who waits holds no buffer.
const READ: usize = 8 * 1024;

/// One connection.
pub(crate) enum Wire {
    /// One of many at a reactor.
    Shared(Socket),
    /// By itself.
    Own(TcpStream),
}

/// Why nothing more goes over a wire.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Our patience ended.
    Late,
    /// The network.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

impl Wire {
    /// Connects at a reactor.
    pub(crate) async fn shared(place: Arc<Place>, address: SocketAddr, end: Instant) -> Result<Self, Broken> {
        Socket::connect(place, address, end.into_std()).await?.map(Wire::Shared).ok_or(Broken::Late)
    }

    /// Connects.
    pub(crate) async fn own(address: SocketAddr, end: Instant) -> Result<Self, Broken> {
        let tcp = timeout_at(end, TcpStream::connect(address)).await.map_err(|_| Broken::Late)??;
        let _ = tcp.set_nodelay(true);
        Ok(Wire::Own(tcp))
    }

    /// Sends everything.
    pub(crate) async fn send(&mut self, bytes: &[u8], end: Instant) -> Result<(), Broken> {
        match self {
            Wire::Shared(socket) => socket.send(bytes, end.into_std()).await?.then_some(()).ok_or(Broken::Late),
            Wire::Own(tcp) => Ok(timeout_at(end, tcp.write_all(bytes)).await.map_err(|_| Broken::Late)??),
        }
    }

    /// Waits until there are octets, and hands over what is there; nothing: the connection ended.
    pub(crate) async fn receive<T>(&mut self, end: Instant, mut take: impl FnMut(&[u8]) -> T) -> Result<T, Broken> {
        loop {
            match self {
                Wire::Shared(socket) => socket.readable(end.into_std()).await.then_some(()).ok_or(Broken::Late)?,
                Wire::Own(tcp) => timeout_at(end, tcp.readable()).await.map_err(|_| Broken::Late)??,
            }
            match self.take_what_is_there(&mut take) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Hands over what is there already. `WouldBlock`: nothing is.
    pub(crate) fn take_what_is_there<T>(&mut self, take: &mut impl FnMut(&[u8]) -> T) -> io::Result<T> {
        let mut buffer = [0; READ];
        let got = match self {
            Wire::Shared(socket) => socket.try_read(&mut buffer)?,
            Wire::Own(tcp) => tcp.try_read(&mut buffer)?,
        };
        Ok(take(buffer.get(..got).unwrap_or_default()))
    }
}
